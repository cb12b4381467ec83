//! Events of any dialect, and taking usage out of OpenAI's.

use parking_lot::{Mutex, MutexGuard};
use std::borrow::Cow;

use super::{LONG, max_event};
use crate::error::OrRaise;
use crate::gil::unless_short;
use gateway_core::sse;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The same events without what a client that did not ask for usage must not see.
///
/// `events` are whole events, as in `Chunk.data`. The `usage` member of every chunk is cut, null or not, and a chunk with
/// usage and no choices is dropped. Returns the same object if there is nothing to cut.
#[pyfunction]
#[pyo3(signature = (events, /))]
pub fn without_usage<'py>(py: Python<'py>, events: Bound<'py, PyBytes>) -> Bound<'py, PyBytes> {
    let bytes = events.as_bytes();
    match unless_short(py, bytes.len(), LONG, || sse::without_usage(bytes)) {
        Cow::Borrowed(_) => events.clone(),
        Cow::Owned(rest) => PyBytes::new(py, &rest),
    }
}

type Named<'py> = (String, Bound<'py, PyBytes>);

/// Splits server-sent events of any dialect, at any split of the bytes.
///
/// Each event is `(name, data)`: `message` where the stream names none; data lines are joined by a line feed. Comments and
/// events without data are left out.
#[pyclass(frozen, module = "gateway.native")]
pub struct Events(Mutex<sse::Events>);

impl Events {
    fn lock(&self) -> MutexGuard<'_, sse::Events> {
        self.0.lock()
    }
}

#[pymethods]
impl Events {
    #[new]
    #[pyo3(signature = (*, max_event = 16_777_216))]
    fn new(#[pyo3(from_py_with = max_event)] max_event: usize) -> Self {
        Events(Mutex::new(sse::Events::new(max_event)))
    }

    /// Takes in one network read and returns the events that it completes.
    #[pyo3(signature = (read, /))]
    fn feed<'py>(&self, py: Python<'py>, read: &[u8]) -> PyResult<Vec<Named<'py>>> {
        let events = unless_short(py, read.len(), LONG, || self.lock().feed(read)).or_raise()?;
        Ok(events
            .into_iter()
            .map(|(name, data)| (name, PyBytes::new(py, &data)))
            .collect())
    }

    /// The connection closed: returns a last event that lacks its blank line, as it stands, if there is one.
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Option<Named<'py>>> {
        let event = self.lock().end().or_raise()?;
        Ok(event.map(|(name, data)| (name, PyBytes::new(py, &data))))
    }
}
