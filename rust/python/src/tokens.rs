//! `native.Tokenizer` and `native.encoding_for`.

use crate::error::OrRaise;
use crate::gil::unless_short;
use gateway_core::tokens as core;
use pyo3::prelude::*;

/// Bytes of text from which counting takes longer (some 15 µs and up) than letting other threads run costs.
const LONG: usize = 2048;

/// The name of the encoding that a model is counted with, however its provider spells it; "estimate" for an unknown one.
#[pyfunction]
#[pyo3(signature = (model, /))]
pub fn encoding_for(model: &str) -> &'static str {
    core::encoding_for(model)
}

/// Counts and encodes text as a model family does.
///
/// Made by `Tokenizer.named("o200k_base")` or `Tokenizer.for_model("gpt-4o-mini")`. The vocabulary is unpacked on first
/// use (20 to 150 ms), once per process, with the GIL released; after that a Tokenizer costs nothing to make.
///
/// Where a vocabulary is public, `exact` is True and counts equal the provider's. Where it is not (Anthropic, Gemini, xAI,
/// unknown models) `exact` is False and `count` is a stated estimate. What looks like a special token in a text is text.
#[pyclass(frozen, module = "gateway.native")]
pub struct Tokenizer(core::Tokenizer);

#[pymethods]
impl Tokenizer {
    /// The tokenizer of an encoding: "o200k_base", "cl100k_base", "llama3", "deepseek", "qwen", "mistral", "anthropic", ….
    ///
    /// KeyError, with the names there are, for any other.
    #[staticmethod]
    #[pyo3(signature = (encoding, /))]
    fn named(py: Python<'_>, encoding: &str) -> PyResult<Self> {
        py.detach(|| core::Tokenizer::named(encoding))
            .map(Self)
            .or_raise()
    }

    /// The tokenizer that a model is counted with, pictures and chat template included; an unknown model gets an estimate.
    #[staticmethod]
    #[pyo3(signature = (model, /))]
    fn for_model(py: Python<'_>, model: &str) -> Self {
        Self(py.detach(|| core::Tokenizer::for_model(model)))
    }

    /// The same tokenizer, which counts no more than so many bytes of a text (of all texts of a body together): the rest is
    /// taken to have as many tokens a byte, rounded up. Encodes as before.
    #[pyo3(signature = (limit, /))]
    fn within(&self, limit: usize) -> Self {
        Self(self.0.within(limit))
    }

    /// The encoding's name.
    #[getter]
    fn name(&self) -> &'static str {
        self.0.name()
    }

    /// Whether counts equal the provider's own (True) or estimate them (False).
    #[getter]
    fn exact(&self) -> bool {
        self.0.exact()
    }

    /// Tokens in a text. The GIL is released for texts of 2 KB and more.
    #[pyo3(signature = (text, /))]
    fn count(&self, py: Python<'_>, text: &str) -> u64 {
        unless_short(py, text.len(), LONG, || self.0.count(text))
    }

    /// The tokens of a text. ValueError where the vocabulary is not public.
    #[pyo3(signature = (text, /))]
    fn encode(&self, py: Python<'_>, text: &str) -> PyResult<Vec<u32>> {
        unless_short(py, text.len(), LONG, || self.0.encode(text)).or_raise()
    }

    /// The bytes that tokens stand for, which need not be whole characters. ValueError for a token that does not exist.
    #[pyo3(signature = (tokens, /))]
    fn decode(&self, py: Python<'_>, tokens: Vec<u32>) -> PyResult<Vec<u8>> {
        unless_short(py, tokens.len(), LONG, || self.0.decode(&tokens)).or_raise()
    }

    /// Prompt tokens of a chat-completions request body (JSON bytes): messages with the family's template, names, tools,
    /// pictures by size and detail, and the schema of a structured answer.
    ///
    /// ValueError for what is not a JSON object; a body that can be read but is not valid for a provider is still counted.
    #[pyo3(signature = (body, /))]
    fn count_chat(&self, py: Python<'_>, body: &[u8]) -> PyResult<u64> {
        unless_short(py, body.len(), LONG, || self.0.count_chat(body)).or_raise()
    }

    fn __repr__(&self) -> String {
        let kind = if self.0.exact() { "exact" } else { "estimate" };
        format!("<Tokenizer {} ({kind})>", self.0.name())
    }
}
