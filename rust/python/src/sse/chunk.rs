//! What one network read carried.

use std::borrow::Cow;

use gateway_core::sse;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// What one network read carried.
#[pyclass(frozen, module = "gateway.native")]
pub struct Chunk {
    /// Whole events to forward: data lines as they came, LF line ends, no `[DONE]`, comments, `event:`, `id:` or
    /// `retry:` lines. The read itself where nothing had to change.
    #[pyo3(get)]
    data: Py<PyBytes>,
    /// Something generated is in it: text, reasoning, a refusal, a tool call, audio.
    #[pyo3(get)]
    content: bool,
    /// Number of events in `data`.
    #[pyo3(get)]
    events: u32,
    /// `data: [DONE]` came: nothing after it is read.
    #[pyo3(get)]
    done: bool,
    /// The answer ended inside an event.
    #[pyo3(get)]
    truncated: bool,
    finish: Option<String>,
    usage: Option<Box<[u8]>>,
    error: Option<Box<[u8]>>,
    invalid: Option<String>,
}

impl Chunk {
    pub(super) fn new(
        py: Python<'_>,
        chunk: sse::Chunk<'_>,
        read: Option<&Bound<'_, PyBytes>>,
    ) -> Self {
        let data = match (&chunk.data, read) {
            (Cow::Borrowed(data), Some(read)) if data.len() == read.as_bytes().len() => {
                read.clone()
            }
            (data, _) => PyBytes::new(py, data),
        };
        Chunk {
            data: data.unbind(),
            content: chunk.content,
            events: chunk.events,
            done: chunk.done,
            truncated: chunk.truncated,
            finish: chunk.finish,
            usage: chunk.usage,
            error: chunk.error,
            invalid: chunk.invalid,
        }
    }
}

#[pymethods]
impl Chunk {
    /// The last finish reason in it.
    #[getter]
    fn finish(&self) -> Option<&str> {
        self.finish.as_deref()
    }

    /// The last usage object in it, as JSON.
    #[getter]
    fn usage<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.usage.as_deref().map(|json| PyBytes::new(py, json))
    }

    /// The first error in it, as JSON of at most 8 KiB. Its event is not in `data`.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.error.as_deref().map(|json| PyBytes::new(py, json))
    }

    /// Why reading stopped here: the event that this tells of, and all after it, are not in `data`.
    #[getter]
    fn invalid(&self) -> Option<&str> {
        self.invalid.as_deref()
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let flag = |set| if set { "True" } else { "False" };
        let text =
            |text: &Option<String>| text.as_ref().map_or("None".into(), |t| format!("{t:?}"));
        let (size, finish) = (self.data.as_bytes(py).len(), text(&self.finish));
        let (done, truncated, invalid) =
            (flag(self.done), flag(self.truncated), text(&self.invalid));
        format!(
            "Chunk(events={}, bytes={size}, content={}, finish={finish}, done={done}, truncated={truncated}, invalid={invalid})",
            self.events,
            flag(self.content),
        )
    }
}
