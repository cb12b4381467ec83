//! Checks of a value against its rule, with OpenAI's messages and codes.

use super::error::CanonError;
use super::grammar::Rule;
use super::kinds::Kinds;
use super::number::as_f64;
use super::parser::{Parser, Result};
use super::scratch::{Scratch, Span, Value};
use super::string;

/// Holds one value against its rule, `param` naming it if it fails.
#[inline]
pub(super) fn check(
    parser: &Parser<'_>,
    rule: &Rule,
    value: &Value,
    param: impl FnOnce() -> String,
) -> Result<()> {
    if value.kind == Kinds::NULL && rule.nullable {
        return Ok(());
    }
    if !rule.takes.has(value.kind) {
        return Err(mistyped(param(), &rule.expected, value.kind));
    }
    match value.kind {
        Kinds::ARRAY if !rule.arrays.iter().any(|kinds| kinds.has(value.elements)) => {
            Err(odd_element(parser.body, rule, value, param()))
        }
        Kinds::ARRAY if rule.filled && value.elements == Kinds::NONE => {
            Err(empty(param(), "array", "an"))
        }
        Kinds::STRING if rule.filled && value.span.len() == 2 => Err(empty(param(), "string", "a")),
        Kinds::STRING => not_long(parser.body, rule, value.span, param),
        Kinds::INTEGER | Kinds::DECIMAL => within(parser.body, rule, value, param),
        _ => Ok(()),
    }
}

fn mistyped(param: String, expected: &str, got: Kinds) -> Box<CanonError> {
    Box::new(CanonError::Type {
        param,
        expected: expected.into(),
        got: got.name(),
    })
}

#[cold]
pub(super) fn missing(param: &str) -> Box<CanonError> {
    Box::new(CanonError::Missing {
        param: param.into(),
    })
}

#[cold]
pub(super) fn invalid(param: String, code: &'static str, reason: String) -> Box<CanonError> {
    Box::new(CanonError::Value {
        param,
        code,
        reason,
    })
}

#[cold]
fn empty(param: String, kind: &str, article: &str) -> Box<CanonError> {
    let code = if kind == "array" {
        "empty_array"
    } else {
        "empty_string"
    };
    let reason = format!(
        "empty {kind}. Expected {article} {kind} with minimum length 1, but got an empty {kind} instead."
    );
    invalid(param, code, reason)
}

#[inline]
fn not_long(body: &[u8], rule: &Rule, span: Span, param: impl FnOnce() -> String) -> Result<()> {
    match rule.max_length {
        // Escapes only make a text longer.
        Some(most) if span.len() > most + 2 => short_escaped(body, most, span, param),
        _ => Ok(()),
    }
}

#[cold]
fn short_escaped(
    body: &[u8],
    most: usize,
    span: Span,
    param: impl FnOnce() -> String,
) -> Result<()> {
    let mut text = Vec::new();
    // The string was read before, so this finds its end again.
    let _ = string::decode(
        &body[..span.end as usize],
        span.start as usize + 1,
        &mut text,
    );
    if text.len() <= most {
        return Ok(());
    }
    let reason = format!(
        "string too long. Expected a string with maximum length {most}, but got a string with length {} instead.",
        text.len()
    );
    Err(invalid(param(), "string_above_max_length", reason))
}

#[inline]
fn within(body: &[u8], rule: &Rule, value: &Value, param: impl FnOnce() -> String) -> Result<()> {
    if rule.minimum.is_none() && rule.maximum.is_none() {
        return Ok(());
    }
    let number = as_f64(value.span.of(body));
    match (rule.minimum, rule.maximum) {
        (Some(least), _) if number < least => Err(outside(body, value, param(), least, true)),
        (_, Some(most)) if number > most => Err(outside(body, value, param(), most, false)),
        _ => Ok(()),
    }
}

#[cold]
fn outside(body: &[u8], value: &Value, param: String, bound: f64, below: bool) -> Box<CanonError> {
    let integer = value.kind == Kinds::INTEGER;
    let (code, words) = match (integer, below) {
        (true, true) => ("integer_below_min_value", "integer below minimum value"),
        (true, false) => ("integer_above_max_value", "integer above maximum value"),
        (false, true) => ("decimal_below_min_value", "decimal below minimum value"),
        (false, false) => ("decimal_above_max_value", "decimal above maximum value"),
    };
    let sign = if below { ">=" } else { "<=" };
    let text = value.span.of(body);
    let got = String::from_utf8_lossy(&text[..text.len().min(40)]);
    let reason = format!("{words}. Expected a value {sign} {bound}, but got {got} instead.");
    invalid(param, code, reason)
}

/// Reads the array once more to name the first element that no kind of array takes.
#[cold]
fn odd_element(body: &[u8], rule: &Rule, value: &Value, param: String) -> Box<CanonError> {
    let mut scratch = Scratch::default();
    let at = value.span.start as usize + 1;
    let mut parser = Parser::new(body, at, &mut scratch, usize::MAX);
    let (mut first, mut index) = (true, 0);
    let mut arrays: Vec<_> = rule.arrays.to_vec();
    while let Ok(true) = parser.more(b']', &mut first) {
        let Ok(kind) = parser.value() else { break };
        let fitting: Vec<_> = arrays.iter().copied().filter(|set| set.has(kind)).collect();
        if fitting.is_empty() {
            let expected: Vec<_> = arrays.iter().map(|set| set.name()).collect();
            return mistyped(format!("{param}[{index}]"), &expected.join(" or "), kind);
        }
        (arrays, index) = (fitting, index + 1);
    }
    mistyped(param, &rule.expected, value.kind)
}
