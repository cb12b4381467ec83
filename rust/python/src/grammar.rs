//! The Python face of `gateway_core::canon::Grammar`.

use crate::error::OrRaise;
use gateway_core::canon::{self, Means, Role};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The members of an endpoint's request body: their types, what they do to the cache key, and what they mean.
///
/// `members` gives a dict for each name; everything in it is optional:
///
/// * `type`: as in `"string | string[] | integer[][]"`, of null, boolean, integer, number, string, object and any.
/// * `required`: whether the body must have it. A null of an optional member means what leaving it out means.
/// * `role`: `"matters"` (it enters the key), `"ordered"` (a schema: the order of its members enters the key, too) or
///   `"harmless"` (it cannot change the answer and does not enter the key).
/// * `minimum`, `maximum` of numbers, `max_length` of strings in bytes of UTF-8, `filled`: neither `""` nor `[]`.
/// * `means`: `"model"`, `"messages"`, `"question"`, `"stream"`, `"stream_options"`, `"max_tokens"`, `"temperature"`, `"n"`,
///   `"candidates"` (`best_of`) or `"cache"`. It settles type and role, but for the type of a question. One member must mean the model.
///
/// Members that are not named are passed through and enter the key. Raises ValueError for what makes no grammar.
#[pyclass(frozen, module = "gateway.native")]
pub struct Grammar(pub canon::Grammar);

#[pymethods]
impl Grammar {
    #[new]
    #[pyo3(signature = (name, members, /))]
    fn new(name: &str, members: &Bound<'_, PyDict>) -> PyResult<Self> {
        let rows = members
            .iter()
            .map(|(name, data)| Ok((name.extract()?, data.cast_into::<PyDict>()?)))
            .collect::<PyResult<Vec<(String, _)>>>()?;
        let rows = rows
            .iter()
            .map(|(name, data)| Ok((name.as_str(), Data::read(name, data)?)))
            .collect::<PyResult<Vec<_>>>()?;
        let members: Vec<_> = rows
            .iter()
            .map(|(name, data)| (*name, data.member()))
            .collect();
        canon::Grammar::new(name, &members).map(Self).or_raise()
    }

    /// A built-in grammar: "chat", "completions" or "embeddings".
    #[staticmethod]
    #[pyo3(signature = (name, /))]
    fn built_in(name: &str) -> PyResult<Self> {
        canon::Grammar::built_in(name).map(Self).or_raise()
    }

    /// Its name, which enters the keys of all that is read by it.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    fn __repr__(&self) -> String {
        format!("<Grammar {:?}>", self.0.name())
    }
}

/// A member's dict.
#[derive(Default)]
struct Data {
    types: String,
    rest: canon::Member<'static>,
}

impl Data {
    fn read(name: &str, dict: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut data = Self::default();
        let rest = &mut data.rest;
        for (key, value) in dict {
            match key.extract::<String>()?.as_str() {
                "type" => data.types = value.extract()?,
                "required" => rest.required = value.extract()?,
                "filled" => rest.filled = value.extract()?,
                "minimum" => rest.minimum = value.extract()?,
                "maximum" => rest.maximum = value.extract()?,
                "max_length" => rest.max_length = value.extract()?,
                "role" => rest.role = one_of(name, &ROLES, &value)?,
                "means" => rest.means = Some(one_of(name, &MEANS, &value)?),
                key => {
                    let reason = format!("member '{name}': there is no '{key}'");
                    return Err(PyValueError::new_err(reason));
                }
            }
        }
        Ok(data)
    }

    fn member(&self) -> canon::Member<'_> {
        canon::Member {
            types: &self.types,
            ..self.rest
        }
    }
}

const ROLES: [(&str, Role); 3] = [
    ("matters", Role::Matters),
    ("ordered", Role::Ordered),
    ("harmless", Role::Harmless),
];

const MEANS: [(&str, Means); 10] = [
    ("model", Means::Model),
    ("messages", Means::Messages),
    ("question", Means::Question),
    ("stream", Means::Stream),
    ("stream_options", Means::StreamOptions),
    ("max_tokens", Means::MaxTokens),
    ("temperature", Means::Temperature),
    ("n", Means::Choices),
    ("candidates", Means::Candidates),
    ("cache", Means::Cache),
];

/// What a word stands for.
fn one_of<T: Copy>(name: &str, words: &[(&str, T)], value: &Bound<'_, PyAny>) -> PyResult<T> {
    let given: String = value.extract()?;
    let found = words.iter().find(|(word, _)| *word == given);
    found.map(|(_, meant)| *meant).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let known = known.join(", ");
        PyValueError::new_err(format!("member '{name}': '{given}' is none of {known}"))
    })
}
