//! `Index` from Python: numpy in and out.

mod arrays;
mod options;

use crate::error::{DimensionError, OrRaise};
use std::path::PathBuf;

use ::numpy::{IntoPyArray, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use gateway_core::index::{Batch, Index as Core, IndexError, Metric, Options, Search, View};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use arrays::{Found, Integers, contiguous, floats, integers, table};

/// Finds the nearest vectors to a query: cosine or inner product, from ten vectors to millions.
///
/// A small index is scanned, a large one is walked as a graph (HNSW); which of the two is chosen by size. Vectors are kept
/// at 12 bits a dimension: int8 codes to search by and half a byte more to rescore with, so scores are good to about 1e-4.
/// Any number of threads may search while others add and remove.
#[pyclass(frozen, module = "gateway.native")]
pub struct Index(Core);

#[pymethods]
impl Index {
    /// An empty index for vectors of `dim` dimensions.
    ///
    /// metric: "cosine" (vectors are stored at length one) or "ip" (inner product, stored as they are).
    /// m: links that a new vector starts with; it may come to have twice as many.
    /// ef_construction: how many candidates its neighbours are chosen from.
    /// seed: with the order of inserts, it decides the whole graph.
    #[new]
    #[pyo3(signature = (dim, *, metric = "cosine", m = 16, ef_construction = 200, seed = 0))]
    fn new(
        #[pyo3(from_py_with = options::dim)] dim: usize,
        metric: &str,
        #[pyo3(from_py_with = options::m)] m: u16,
        #[pyo3(from_py_with = options::ef_construction)] ef_construction: u16,
        #[pyo3(from_py_with = options::seed)] seed: u64,
    ) -> PyResult<Self> {
        let metric = match metric {
            "cosine" => Metric::Cosine,
            "ip" => Metric::InnerProduct,
            _ => {
                return Err(PyValueError::new_err(format!(
                    "metric must be 'cosine' or 'ip', not {metric:?}"
                )));
            }
        };
        Core::new(
            dim,
            Options {
                metric,
                m,
                ef_construction,
                seed,
            },
        )
        .map(Self)
        .or_raise()
    }

    /// Adds vectors, or replaces those whose ids are there already: all of them, or none if one cannot be used.
    ///
    /// ids: integers from 0 to 2^63 - 1, one or an array. vectors: float32, shape (dim,) or (n, dim).
    /// expires: the instant, on any clock of the caller's, from which a vector is gone (0: never); one or an array.
    /// namespace: an integer that a search can be narrowed to; one or an array.
    /// threads: with 1, the result is the same as adding one by one; with more, another graph that is the same for any
    /// number above 1, of which no more run than there are cores.
    #[pyo3(signature = (ids, vectors, *, expires = None, namespace = None, threads = 1))]
    fn add(
        &self,
        py: Python<'_>,
        ids: &Bound<'_, PyAny>,
        vectors: &Bound<'_, PyAny>,
        expires: Option<&Bound<'_, PyAny>>,
        namespace: Option<&Bound<'_, PyAny>>,
        #[pyo3(from_py_with = options::threads)] threads: usize,
    ) -> PyResult<()> {
        let ids = integers(ids, "ids")?;
        let vectors = floats(vectors, "vectors")?;
        self.check_width(&vectors)?;
        let expires = expires.map_or(Ok(Integers::One(0)), |value| integers(value, "expires"))?;
        let namespaces =
            namespace.map_or(Ok(Integers::One(0)), |value| integers(value, "namespace"))?;
        let values = contiguous(&vectors);
        let batch = Batch {
            ids: ids.as_slice(),
            vectors: &values,
            expires: expires.column(),
            namespaces: namespaces.column(),
        };
        py.detach(|| self.0.add(&batch, threads)).or_raise()
    }

    /// The ids and scores of the `k` nearest vectors, best first.
    ///
    /// For a query of shape (dim,): two arrays of the number that was found. For (q, dim): two of shape (q, k), with id -1 and
    /// score -inf where fewer were found. Ids are int64, scores float32: cosine or inner product, the higher the nearer.
    /// ef: how many candidates a walk keeps (64 if not given): more finds more and takes longer.
    /// now: vectors that expire at or before it are not found. namespace: only vectors of this one are.
    /// ValueError for k above 1,048,576 or queries times k above 16,777,216. threads: no more run than there are cores.
    #[pyo3(signature = (query, k = 1, *, ef = None, now = 0, namespace = None, threads = 1))]
    #[allow(clippy::too_many_arguments, reason = "keywords of the Python face")]
    fn search<'py>(
        &self,
        py: Python<'py>,
        query: &Bound<'py, PyAny>,
        #[pyo3(from_py_with = options::k)] k: usize,
        #[pyo3(from_py_with = options::ef)] ef: Option<usize>,
        #[pyo3(from_py_with = options::now)] now: u64,
        #[pyo3(from_py_with = options::namespace)] namespace: Option<u64>,
        #[pyo3(from_py_with = options::threads)] threads: usize,
    ) -> PyResult<Found<'py>> {
        let queries = floats(query, "query")?;
        self.check_width(&queries)?;
        let values = contiguous(&queries);
        let search = Search {
            k,
            ef,
            now,
            namespace,
        };
        if queries.ndim() == 1 {
            let small = self.0.try_view().filter(|view| !view.is_large());
            let hits = match small {
                Some(view) => view.search(&values, &search),
                None => py.detach(|| self.0.search(&values, &search)),
            }
            .or_raise()?;
            let (ids, scores): (Vec<i64>, Vec<f32>) =
                hits.iter().map(|hit| (hit.id as i64, hit.score)).unzip();
            return Ok((
                ids.into_pyarray(py).into_any(),
                scores.into_pyarray(py).into_any(),
            ));
        }
        let found = py
            .detach(|| self.0.search_all(&values, &search, threads))
            .or_raise()?;
        table(py, &found, k)
    }

    /// Removes vectors by id, one or an array; says how many were there.
    fn remove(&self, py: Python<'_>, ids: &Bound<'_, PyAny>) -> PyResult<usize> {
        let ids = integers(ids, "ids")?;
        Ok(py.detach(|| self.0.remove(ids.as_slice())))
    }

    /// Removes the vectors that expire at or before `now`; says how many.
    fn expire(&self, py: Python<'_>, #[pyo3(from_py_with = options::now)] now: u64) -> usize {
        py.detach(|| self.0.expire(now))
    }

    /// Writes the index to a file, which is replaced at once when all is written.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.0.save(&path)).or_raise()
    }

    /// Maps a saved index. The file may be replaced later, but must not be written in place.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        py.detach(|| Core::load(&path)).map(Self).or_raise()
    }

    /// The index as bytes, for a snapshot elsewhere than in a file.
    fn dumps<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| self.0.to_bytes());
        PyBytes::new(py, &bytes)
    }

    /// An index from the bytes that `dumps` gave.
    #[staticmethod]
    fn loads(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        py.detach(|| Core::from_bytes(data)).map(Self).or_raise()
    }

    /// How many vectors it holds, expired ones included until `expire` removes them.
    fn __len__(&self, py: Python<'_>) -> usize {
        self.read(py, |view| view.len())
    }

    fn __contains__(&self, py: Python<'_>, id: &Bound<'_, PyAny>) -> bool {
        id.extract::<i64>()
            .is_ok_and(|id| id >= 0 && self.read(py, |view| view.contains(id as u64)))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!(
            "Index(dim={}, metric={:?}, len={})",
            self.0.dim(),
            self.metric(),
            self.__len__(py)
        )
    }

    /// Dimensions of its vectors.
    #[getter]
    fn dim(&self) -> usize {
        self.0.dim()
    }

    /// Which metric: "cosine" or "ip".
    #[getter]
    fn metric(&self) -> &'static str {
        match self.0.options().metric {
            Metric::Cosine => "cosine",
            Metric::InnerProduct => "ip",
        }
    }

    /// Bytes of memory that it holds.
    #[getter]
    fn memory(&self, py: Python<'_>) -> usize {
        self.read(py, |view| view.bytes())
    }
}

impl Index {
    /// A look that takes no time, unless a writer is at work: then others run while this one waits.
    fn read<T: Send>(&self, py: Python<'_>, look: impl Fn(&View<'_>) -> T + Sync) -> T {
        match self.0.try_view() {
            Some(view) => look(&view),
            None => py.detach(|| look(&self.0.view())),
        }
    }

    fn check_width(&self, vectors: &PyReadonlyArrayDyn<'_, f32>) -> PyResult<()> {
        let shape = vectors.shape();
        match shape {
            [width] | [_, width] if *width == self.0.dim() => Ok(()),
            [width] | [_, width] => Err(IndexError::Dimension {
                expected: self.0.dim(),
                got: *width,
            })
            .or_raise(),
            _ => Err(DimensionError::new_err(format!(
                "expected shape ({dim},) or (n, {dim}), got {shape:?}",
                dim = self.0.dim()
            ))),
        }
    }
}
