//! `Scanner`; `Chunk`, `Events` and `without_usage` beside it.

mod chunk;
mod events;

pub use chunk::Chunk;
pub use events::{Events, without_usage};

use crate::error::OrRaise;
use parking_lot::{Mutex, MutexGuard};

use crate::gil::unless_short;
use crate::number::within;
use gateway_core::sse;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Bytes of events that are some 30 µs of work.
const LONG: usize = 64 << 10;

/// Reads one provider answer in OpenAI's wire form, network read by network read.
///
/// `feed` takes any split of the bytes and returns a `Chunk`: the whole events to forward, and what one skim found in
/// them. The scanner itself keeps the transcript: `text`, `reasoning`, `tools`, `usage`, `finish`, …
///
/// With `whole=True` the answer is one JSON body: `feed` accumulates and `end` returns it as one chunk.
/// `kind` is `chat`, `completions` or `embeddings` (whole only); `n` is how many choices, or embeddings, were asked for.
/// `max_event` bounds one event, or the whole body, in bytes; `max_text` bounds what the transcript holds.
#[pyclass(frozen, module = "gateway.native")]
pub struct Scanner(Mutex<sse::Scanner>);

fn max_event(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    within(value, "max_event", 0..=usize::MAX)
}

fn max_text(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    within(value, "max_text", 0..=usize::MAX)
}

fn n(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    within(value, "n", 0..=u64::MAX)
}

fn kind_of(name: &str, whole: bool) -> PyResult<sse::Kind> {
    match (name, whole) {
        ("chat", _) => Ok(sse::Kind::Chat),
        ("completions", _) => Ok(sse::Kind::Completions),
        ("embeddings", true) => Ok(sse::Kind::Embeddings),
        ("embeddings", false) => Err(PyValueError::new_err(
            "embeddings are never streamed: pass whole=True",
        )),
        _ => Err(PyValueError::new_err(format!(
            "kind must be 'chat', 'completions' or 'embeddings', not '{name}'"
        ))),
    }
}

impl Scanner {
    fn lock(&self) -> MutexGuard<'_, sse::Scanner> {
        self.0.lock()
    }
}

#[pymethods]
impl Scanner {
    #[new]
    #[pyo3(signature = (*, whole = false, kind = "chat", n = 1, max_event = 16_777_216, max_text = 16_777_216))]
    fn new(
        whole: bool,
        kind: &str,
        #[pyo3(from_py_with = n)] n: u64,
        #[pyo3(from_py_with = max_event)] max_event: usize,
        #[pyo3(from_py_with = max_text)] max_text: usize,
    ) -> PyResult<Self> {
        Ok(Scanner(Mutex::new(sse::Scanner::new(sse::Options {
            whole,
            kind: kind_of(kind, whole)?,
            n,
            max_event,
            max_text,
        }))))
    }

    /// Takes in one network read and returns its whole events; the tail of an unfinished event is held.
    #[pyo3(signature = (read, /))]
    fn feed(&self, py: Python<'_>, read: Bound<'_, PyBytes>) -> PyResult<Chunk> {
        let bytes = read.as_bytes();
        let chunk = unless_short(py, bytes.len(), LONG, || self.lock().feed(bytes));
        Ok(Chunk::new(py, chunk.or_raise()?, Some(&read)))
    }

    /// The provider closed the connection: returns a last event that lacks its blank line (or, with `whole=True`, the
    /// body), and says whether the answer was `truncated` inside an event.
    fn end(&self, py: Python<'_>) -> PyResult<Chunk> {
        let chunk = py.detach(|| self.lock().end());
        Ok(Chunk::new(py, chunk.or_raise()?, None))
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

    /// Bytes generated so far, as UTF-8, those beyond `max_text` included.
    #[getter]
    fn generated_size(&self) -> u64 {
        self.lock().transcript().size()
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

    /// Number of choices that finished, properly or not.
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

    /// The first error that the provider reported in the answer, as JSON of at most 8 KiB.
    #[getter]
    fn error<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.lock()
            .transcript()
            .error()
            .map(|json| PyBytes::new(py, json))
    }

    /// Nothing more is to come: `[DONE]` was read, or every choice that began has a finish reason, whichever it is.
    #[getter]
    fn ended(&self) -> bool {
        self.lock().ended()
    }

    /// The answer came to its end as the model meant it: at least `n` choices, each with a finish reason that says so
    /// (`stop`, `length`, `tool_calls`, `function_call`, `model_length`, `eos`; or `content_filter`), and nothing was an
    /// error, invalid or truncated. Embeddings are complete with at least `n` of them.
    #[getter]
    fn complete(&self) -> bool {
        self.lock().complete()
    }

    /// The answer is complete, and no filter cut it short: it may be kept, and given to the next who asks the same.
    #[getter]
    fn keepable(&self) -> bool {
        self.lock().keepable()
    }
}
