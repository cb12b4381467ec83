//! Checks of a field against its row of the table, with OpenAI's messages.

use super::error::CanonError;
use super::fields::{Field, Kinds};
use super::number::as_f64;
use super::parser::{Parser, Result};
use super::scratch::{Scratch, Value};

/// Holds one value against its row, `param` naming it if it fails; gives the number of a field that has bounds.
#[inline]
pub(super) fn check(
    parser: &Parser<'_>,
    field: &Field,
    value: &Value,
    param: impl FnOnce() -> String,
) -> Result<Option<f64>> {
    if value.kind == Kinds::NULL && field.nullable {
        return Ok(None);
    }
    if !field.takes.has(value.kind) {
        return Err(mistyped(param(), field.expected, value.kind));
    }
    if value.kind == Kinds::ARRAY && !field.elements.has(value.elements) {
        return Err(odd_element(parser.body, field, value, param()));
    }
    if field.filled && is_empty(value) {
        return Err(empty(param(), value.kind));
    }
    match field.range {
        Some(range) => within(parser, range, value, param).map(Some),
        None => Ok(None),
    }
}

fn mistyped(param: String, expected: &'static str, got: Kinds) -> Box<CanonError> {
    Box::new(CanonError::Type {
        param,
        expected,
        got: got.name(),
    })
}

#[cold]
pub(super) fn missing(param: &str) -> Box<CanonError> {
    Box::new(CanonError::Missing {
        param: param.into(),
    })
}

fn is_empty(value: &Value) -> bool {
    match value.kind {
        Kinds::ARRAY => value.elements == Kinds::NONE,
        _ => value.span.end - value.span.start == 2,
    }
}

#[cold]
fn empty(param: String, kind: Kinds) -> Box<CanonError> {
    let (kind, article) = if kind == Kinds::STRING {
        ("string", "a")
    } else {
        ("array", "an")
    };
    let reason = format!(
        "empty {kind}. Expected {article} {kind} with minimum length 1, but got an empty {kind} instead."
    );
    Box::new(CanonError::Value { param, reason })
}

fn within(
    parser: &Parser<'_>,
    (low, high): (f64, f64),
    value: &Value,
    param: impl FnOnce() -> String,
) -> Result<f64> {
    let text = value.span.of(parser.body);
    let number = as_f64(text);
    if (low..=high).contains(&number) {
        return Ok(number);
    }
    let kind = if value.kind == Kinds::INTEGER {
        "integer"
    } else {
        "decimal"
    };
    let (side, sign, bound) = if number < low {
        ("below minimum", ">=", low)
    } else {
        ("above maximum", "<=", high)
    };
    let got = String::from_utf8_lossy(&text[..text.len().min(40)]);
    let reason =
        format!("{kind} {side} value. Expected a value {sign} {bound}, but got {got} instead.");
    Err(Box::new(CanonError::Value {
        param: param(),
        reason,
    }))
}

/// Reads the array once more to name the first element of a wrong type.
#[cold]
fn odd_element(body: &[u8], field: &Field, value: &Value, param: String) -> Box<CanonError> {
    let mut scratch = Scratch::default();
    let mut parser = Parser::new(
        body,
        value.span.start as usize + 1,
        &mut scratch,
        usize::MAX,
    );
    let (mut first, mut index) = (true, 0);
    while let Ok(true) = parser.more(b']', &mut first) {
        match parser.value() {
            Ok(kind) if !field.elements.has(kind) => {
                let expected = if field.elements == Kinds::OBJECT {
                    "an object"
                } else {
                    "a string"
                };
                return mistyped(format!("{param}[{index}]"), expected, kind);
            }
            _ => index += 1,
        }
    }
    mistyped(param, field.expected, value.kind)
}
