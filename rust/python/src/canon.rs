//! The Python face of `gateway_core::canon`.

use crate::error::OrRaise;
use crate::gil::unless_short;
use crate::grammar::Grammar;
use crate::number::within;
use gateway_core::canon::{self, Options};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyString, PyTuple};

/// From this size on a body is read without the GIL: reading takes about 10 µs there, giving the GIL up and back 0.1.
const LONG: usize = 32 * 1024;

/// Reads request bodies by their grammars, and gives their cache keys.
///
/// The keys are bound to `secret` (any length from one byte up): without it nobody can make two requests share one.
/// `max_depth` bounds the nesting that is read, from 1 to 512.
#[pyclass(frozen, module = "gateway.native")]
pub struct Canon {
    canon: canon::Canon,
    /// The grammar of those who give none.
    chat: canon::Grammar,
}

fn max_depth(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    within(value, "max_depth", canon::DEPTH)
}

#[pymethods]
impl Canon {
    #[new]
    #[pyo3(signature = (secret, *, max_depth = 128))]
    fn new(secret: &[u8], #[pyo3(from_py_with = max_depth)] max_depth: usize) -> PyResult<Self> {
        let options = Options { max_depth };
        let canon = canon::Canon::new(secret, options);
        canon
            .and_then(|canon| {
                let chat = canon::Grammar::built_in("chat")?;
                Ok(Self { canon, chat })
            })
            .or_raise()
    }

    /// Reads a request body in one pass, by the chat grammar unless told another; raises CanonError for what it refuses.
    #[pyo3(signature = (body, /, grammar = None))]
    fn read(
        &self,
        py: Python<'_>,
        body: Bound<'_, PyBytes>,
        grammar: Option<&Bound<'_, Grammar>>,
    ) -> PyResult<Reading> {
        let body = PyBackedBytes::from(body);
        let grammar = grammar.map_or(&self.chat, |grammar| &grammar.get().0);
        let reading = unless_short(py, body.len(), LONG, || self.canon.read(body, grammar));
        reading.map(Reading).or_raise()
    }
}

/// One request body as read: its fields, its keys, and its bytes with what must change spliced in.
#[pyclass(frozen, module = "gateway.native")]
pub struct Reading(canon::Reading<PyBackedBytes>);

fn parts<'a>(scope: &'a Bound<'_, PyTuple>) -> PyResult<Vec<&'a [u8]>> {
    let parts = scope.iter_borrowed();
    parts.map(|part| Ok(part.extract()?)).collect()
}

#[pymethods]
impl Reading {
    /// The name of the grammar that the body was read by.
    #[getter]
    fn grammar(&self) -> &str {
        self.0.grammar()
    }

    /// The model asked for: at most 256 bytes, without control characters.
    #[getter]
    fn model<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, &self.0.model())
    }

    /// Whether the answer is to be streamed; False when absent or null.
    #[getter]
    fn stream(&self) -> bool {
        self.0.stream()
    }

    /// Whether `stream_options.include_usage` is true.
    #[getter]
    fn include_usage(&self) -> bool {
        self.0.include_usage()
    }

    /// The bound on the output's tokens, None when absent; where several are given, the largest. At most 2^64 - 1.
    #[getter]
    fn max_tokens(&self) -> Option<u64> {
        self.0.max_tokens()
    }

    /// The temperature, None when absent or null.
    #[getter]
    fn temperature(&self) -> Option<f64> {
        self.0.temperature()
    }

    /// How many choices, or embeddings, the answer is to have: 1, or `n`, for each question. At most 2^64 - 1.
    #[getter]
    fn n(&self) -> u64 {
        self.0.n()
    }

    /// How many the provider makes and bills: more than `n` where it is to give the best of several. At most 2^64 - 1.
    #[getter]
    fn candidates(&self) -> u64 {
        self.0.candidates()
    }

    /// The raw JSON of the gateway's own member `cache`, None when absent or null.
    #[getter]
    fn cache<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0.cache().map(|raw| PyBytes::new(py, raw))
    }

    /// The text of the last user turn, its text parts joined by a line feed; or the prompt or input that is one string.
    ///
    /// None when the last message is not a user's, or holds anything but text, or there are several questions.
    #[getter]
    fn question(&self) -> Option<String> {
        self.0.question()
    }

    /// The request body itself.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(self.0.body().into_pyobject(py)?)
    }

    /// The 32-byte key of the answer within a scope, given in parts: tenant, namespace, …
    #[pyo3(signature = (*scope))]
    fn key<'py>(&self, scope: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyBytes>> {
        let parts = parts(scope)?;
        Ok(PyBytes::new(scope.py(), &self.0.key(&parts)))
    }

    /// The 32-byte key of all but the question, within a scope, given in parts.
    #[pyo3(signature = (*scope))]
    fn context<'py>(&self, scope: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyBytes>> {
        let parts = parts(scope)?;
        Ok(PyBytes::new(scope.py(), &self.0.context(&parts)))
    }

    /// The client's own bytes, changed only so: `model` replaced, if given; usage asked for, if `include_usage` and the
    /// request streams; the gateway's own `cache` cut out. Where nothing changes it is the same bytes object.
    #[pyo3(signature = (model = None, include_usage = false))]
    fn splice<'py>(
        &self,
        py: Python<'py>,
        model: Option<&str>,
        include_usage: bool,
    ) -> PyResult<Bound<'py, PyBytes>> {
        match self.0.splice(model, include_usage) {
            std::borrow::Cow::Borrowed(_) => Ok(self.0.body().into_pyobject(py)?.cast_into()?),
            std::borrow::Cow::Owned(spliced) => Ok(PyBytes::new(py, &spliced)),
        }
    }

    fn __repr__(&self) -> String {
        format!(
            "<Reading of {} bytes for model {:?}>",
            self.0.body().len(),
            self.0.model()
        )
    }
}
