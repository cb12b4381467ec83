//! Python face of [`gateway_core::http`].

use crate::error::OrRaise;
use std::ops::Range;

use gateway_core::http;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// One HTTP/1.1 request in the plain form: no chunks, no upgrade, no `Expect`, each header once, and a head of 8 KiB at most.
#[pyclass(frozen, module = "gateway.native")]
pub struct Request {
    received: Py<PyBytes>,
    start: usize,
    read: http::Request,
}

impl Request {
    fn bytes<'py>(&'py self, py: Python<'py>) -> &'py [u8] {
        &self.received.as_bytes(py)[self.start..]
    }

    fn text<'py>(&self, py: Python<'py>, part: Range<usize>) -> PyResult<Bound<'py, PyString>> {
        PyString::from_bytes(py, &self.bytes(py)[part])
    }
}

#[pymethods]
impl Request {
    /// The request that begins at byte `start`, or None while more bytes are to come. Raises IrregularRequest for what is
    /// not in the plain form, and for an unfinished request of more than 64 KiB.
    #[staticmethod]
    #[pyo3(signature = (received, start = 0, /))]
    fn read(received: Bound<'_, PyBytes>, start: usize) -> PyResult<Option<Self>> {
        let bytes = received.as_bytes().get(start..).unwrap_or_default();
        let read = http::Request::read(bytes).or_raise()?;
        Ok(read.map(|read| Self {
            received: received.unbind(),
            start,
            read,
        }))
    }

    /// The method, as it was sent.
    #[getter]
    fn method<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        match &self.bytes(py)[self.read.method.clone()] {
            b"POST" => Ok(intern!(py, "POST").clone()),
            b"GET" => Ok(intern!(py, "GET").clone()),
            _ => self.text(py, self.read.method.clone()),
        }
    }

    /// Path and query as they were sent.
    #[getter]
    fn target<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        self.text(py, self.read.target.clone())
    }

    /// Whether the client keeps the connection open.
    #[getter]
    fn keep_alive(&self) -> bool {
        self.read.keep_alive
    }

    /// Bytes of the whole request, head and body: where the next one begins.
    #[getter]
    fn size(&self) -> usize {
        self.read.body.end
    }

    /// The body as it was sent.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.bytes(py)[self.read.body.clone()])
    }

    /// The value of one header, called `name` in any case; empty if there is none.
    #[pyo3(signature = (name, /))]
    fn header<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyString>> {
        match self.read.header(self.bytes(py), name) {
            Some(value) => self.text(py, value),
            None => Ok(intern!(py, "").clone()),
        }
    }
}
