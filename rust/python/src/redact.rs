//! `Redactor`, `Redaction` and `Restorer`.

use crate::error::{OrRaise, RedactError};
use parking_lot::{Mutex, MutexGuard};

use crate::gil::unless_short;
use gateway_core::redact;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMapping, PyString};

/// Bytes of text that are some 10 µs of work.
const LONG: usize = 8 << 10;

/// Finds personal data and secrets in texts, in linear time, and puts placeholders such as `[EMAIL_1]` in their place.
///
/// `kinds` are some of `email`, `phone`, `card` (Luhn), `iban` (mod 97), `national_id` (check digits), `ip` (4 and 6) and
/// `secret` (API keys, tokens, passwords in URLs, private keys); all of them if None. `patterns` adds kinds of one's own:
/// a mapping of names to regular expressions, or pairs (the `regex` crate's syntax: no look-around and back-references; what
/// may have any length is one character that repeats, outside of alternatives and optional or repeated groups, so that
/// all is found in linear time). With `reversible=False` no value is kept. A redactor keeps nothing of the texts it sees.
#[pyclass(frozen, module = "gateway.native")]
pub struct Redactor(redact::Redactor);

#[pymethods]
impl Redactor {
    #[new]
    #[pyo3(signature = (*, kinds = None, patterns = None, reversible = true))]
    fn new(
        kinds: Option<Vec<String>>,
        patterns: Option<Bound<'_, PyAny>>,
        reversible: bool,
    ) -> PyResult<Self> {
        let patterns = patterns.map_or_else(|| Ok(Vec::new()), |patterns| pairs(&patterns))?;
        let options = redact::Options {
            kinds,
            patterns,
            reversible,
        };
        redact::Redactor::new(options).map(Redactor).or_raise()
    }

    /// Redacts a text. Findings are in characters of `text`.
    #[pyo3(signature = (text, /))]
    fn redact(&self, py: Python<'_>, text: &str) -> Redaction {
        unless_short(py, text.len(), LONG, || {
            let inner = self.0.redact(text);
            let findings = in_characters(text, inner.findings());
            Redaction { inner, findings }
        })
    }

    /// Redacts what people and models said in a JSON request body (messages, input, prompt, instructions, …) and leaves
    /// every other byte as it is. Findings are in bytes of `body`.
    #[pyo3(signature = (body, /))]
    fn redact_body(&self, py: Python<'_>, body: &[u8]) -> PyResult<Redaction> {
        let text = std::str::from_utf8(body)
            .map_err(|fault| RedactError::new_err(format!("the body is not UTF-8: {fault}")))?;
        let inner = unless_short(py, body.len(), LONG, || self.0.redact_body(text)).or_raise()?;
        let findings = inner.findings().to_vec();
        Ok(Redaction { inner, findings })
    }
}

/// Names and patterns, from a mapping or a sequence of pairs.
fn pairs(patterns: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let pairs = match patterns.cast::<PyMapping>() {
        Ok(mapping) => mapping.items()?.into_any(),
        Err(_) => patterns.clone(),
    };
    pairs.extract().map_err(|_| {
        PyTypeError::new_err("patterns: give a mapping of names to regular expressions, or a sequence of (name, pattern)")
    })
}

/// The findings, which are in order, with places in characters.
fn in_characters(text: &str, findings: &[(String, usize, usize)]) -> Vec<(String, usize, usize)> {
    let (mut at, mut count) = (0, 0);
    let mut characters = |place: usize| {
        count += text[at..place].chars().count();
        at = place;
        count
    };
    findings
        .iter()
        .map(|(kind, start, end)| (kind.clone(), characters(*start), characters(*end)))
        .collect()
}

/// A text without what was found in it, and the way back.
#[pyclass(frozen, module = "gateway.native")]
pub struct Redaction {
    inner: redact::Redaction,
    findings: Vec<(String, usize, usize)>,
}

#[pymethods]
impl Redaction {
    /// The text with placeholders.
    #[getter]
    fn text<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, self.inner.text())
    }

    /// The same as UTF-8: what to send on after `redact_body`.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.text().as_bytes())
    }

    /// `(kind, start, end)` of everything found, in order, by its place in the original.
    #[getter]
    fn findings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, pyo3::types::PyTuple>> {
        pyo3::types::PyTuple::new(py, self.findings.iter().cloned())
    }

    /// `answer` with the values in place of their placeholders.
    #[pyo3(signature = (answer, /))]
    fn restore(&self, py: Python<'_>, answer: &str) -> PyResult<String> {
        unless_short(py, answer.len(), LONG, || self.inner.restore(answer)).or_raise()
    }

    /// The same for an answer that comes in pieces.
    fn restorer(&self) -> PyResult<Restorer> {
        self.inner
            .restorer()
            .map(|restorer| Restorer(Mutex::new(restorer)))
            .or_raise()
    }

    /// Says how much was found, and nothing of it: a repr may land in a log.
    fn __repr__(&self) -> String {
        format!("Redaction(findings={})", self.findings.len())
    }
}

/// Restores an answer piece by piece; holds back no more than what may become a placeholder.
#[pyclass(frozen, module = "gateway.native")]
pub struct Restorer(Mutex<redact::Restorer>);

impl Restorer {
    fn lock(&self) -> MutexGuard<'_, redact::Restorer> {
        self.0.lock()
    }
}

#[pymethods]
impl Restorer {
    /// Takes in a piece of the answer and returns what is sure.
    #[pyo3(signature = (piece, /))]
    fn feed(&self, py: Python<'_>, piece: &str) -> String {
        unless_short(py, piece.len(), LONG, || self.lock().feed(piece))
    }

    /// The answer is over: returns what was held.
    fn end(&self) -> String {
        self.lock().end()
    }
}
