//! `Scanner`, `Chunk`, `Events` and `without_usage`.

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::gil::unless_short;
use crate::number::within;
use gateway_core::sse;
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

create_exception!(
    gateway.native,
    SseError,
    PyValueError,
    "A stream that cannot be read on: it has ended already, or one event is larger than `max_event`."
);

/// Bytes of events that are some 30 µs of work.
const LONG: usize = 64 << 10;

fn failed(error: sse::SseError) -> PyErr {
    SseError::new_err(error.to_string())
}

/// Reads one provider answer in OpenAI's wire form, network read by network read.
///
/// `feed` takes any split of the bytes and returns a `Chunk`: the whole events to forward, and what one skim found in
/// them. The scanner itself keeps the transcript: `text`, `reasoning`, `tools`, `usage`, `finish`, …
///
/// With `whole=True` the answer is one JSON body: `feed` accumulates and `end` returns it as one chunk.
/// `max_event` bounds one event, or the whole body, in bytes.
#[pyclass(frozen, module = "gateway.native")]
pub struct Scanner(Mutex<sse::Scanner>);

fn max_event(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    within(value, "max_event", 0..=usize::MAX)
}

impl Scanner {
    fn lock(&self) -> MutexGuard<'_, sse::Scanner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Scanner {
    #[new]
    #[pyo3(signature = (*, whole = false, max_event = 16_777_216))]
    fn new(whole: bool, #[pyo3(from_py_with = max_event)] max_event: usize) -> Self {
        Scanner(Mutex::new(sse::Scanner::new(sse::Options {
            whole,
            max_event,
        })))
    }

    /// Takes in one network read and returns its whole events; the tail of an unfinished event is held.
    #[pyo3(signature = (read, /))]
    fn feed(&self, py: Python<'_>, read: Bound<'_, PyBytes>) -> PyResult<Chunk> {
        let bytes = read.as_bytes();
        let chunk = unless_short(py, bytes.len(), LONG, || self.lock().feed(bytes));
        Ok(Chunk::new(py, chunk.map_err(failed)?, Some(&read)))
    }

    /// The provider closed the connection: returns a last event that lacks its blank line (or, with `whole=True`, the
    /// body), and says whether the answer was `truncated` inside an event.
    fn end(&self, py: Python<'_>) -> PyResult<Chunk> {
        let chunk = py.detach(|| self.lock().end());
        Ok(Chunk::new(py, chunk.map_err(failed)?, None))
    }

    /// Visible text so far, refusals included, choice after choice.
    #[getter]
    fn text(&self) -> String {
        self.lock().transcript().text()
    }

    /// Thoughts so far: `reasoning_content`, `reasoning` or Mistral's thinking parts.
    #[getter]
    fn reasoning(&self) -> String {
        self.lock().transcript().reasoning()
    }

    /// Names and arguments of tool calls so far; empty if there were none.
    #[getter]
    fn tools(&self) -> String {
        self.lock().transcript().tools()
    }

    /// Reasoning, text and tool calls so far: what a hang-up is billed from.
    #[getter]
    fn generated(&self) -> String {
        self.lock().transcript().generated()
    }

    /// The last finish reason.
    #[getter]
    fn finish(&self) -> Option<String> {
        self.lock().transcript().finish().map(str::to_owned)
    }

    /// The provider's filter cut a choice short, whichever it was.
    #[getter]
    fn filtered(&self) -> bool {
        self.lock().transcript().filtered()
    }

    /// Number of choices that began.
    #[getter]
    fn choices(&self) -> usize {
        self.lock().transcript().choices()
    }

    /// Number of choices that finished.
    #[getter]
    fn finished(&self) -> usize {
        self.lock().transcript().finished()
    }

    /// The last usage object that was not null, as JSON.
    #[getter]
    fn usage<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.lock()
            .transcript()
            .usage()
            .map(|json| PyBytes::new(py, json))
    }

    /// The model that the provider names.
    #[getter]
    fn model(&self) -> Option<String> {
        self.lock().transcript().model().map(str::to_owned)
    }

    /// `data: [DONE]` was seen.
    #[getter]
    fn done(&self) -> bool {
        self.lock().done()
    }

    /// The first error that the provider reported in the answer, as JSON.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.lock()
            .transcript()
            .error()
            .map(|json| PyBytes::new(py, json))
    }

    /// Every choice that began has a finish reason, and nothing was an error, invalid or truncated.
    #[getter]
    fn complete(&self) -> bool {
        self.lock().complete()
    }
}

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
    fn new(py: Python<'_>, chunk: sse::Chunk<'_>, read: Option<&Bound<'_, PyBytes>>) -> Self {
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

    /// The first error in it, as JSON. Its event is not in `data`: who reports it says it in words of its own.
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let events =
            unless_short(py, read.len(), LONG, || self.lock().feed(read)).map_err(failed)?;
        Ok(events
            .into_iter()
            .map(|(name, data)| (name, PyBytes::new(py, &data)))
            .collect())
    }

    /// The connection closed: returns a last event that lacks its blank line, as it stands, if there is one.
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Option<Named<'py>>> {
        let event = self.lock().end().map_err(failed)?;
        Ok(event.map(|(name, data)| (name, PyBytes::new(py, &data))))
    }
}
