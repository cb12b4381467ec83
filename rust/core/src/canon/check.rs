//! Checks of a field against its row of the table, with OpenAI's messages.

use super::error::CanonError;
use super::fields::{Field, Kinds};
use super::number::as_f64;
use super::parser::{Parser, Result};
use super::scratch::{Member, Scratch};

/// Holds one member against its row; `param` names it if it fails.
#[inline]
pub(super) fn check(
    parser: &Parser<'_>,
    field: &Field,
    member: &Member,
    param: impl FnOnce() -> String,
) -> Result<()> {
    if member.kind == Kinds::NULL && field.nullable {
        return Ok(());
    }
    if !field.takes.has(member.kind) {
        return Err(mistyped(param(), field.expected, member.kind));
    }
    if member.kind == Kinds::ARRAY && !field.elements.has(member.elements) {
        return Err(odd_element(parser.body, field, member, param()));
    }
    if field.filled && is_empty(member) {
        return Err(empty(param(), member.kind));
    }
    match field.range {
        Some(range) => within(parser, range, member, param),
        None => Ok(()),
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

fn is_empty(member: &Member) -> bool {
    match member.kind {
        Kinds::ARRAY => member.elements == Kinds::NONE,
        _ => member.value.end - member.value.start == 2,
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
    member: &Member,
    param: impl FnOnce() -> String,
) -> Result<()> {
    let text = member.value.of(parser.body);
    let value = as_f64(text);
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let kind = if member.kind == Kinds::INTEGER {
        "integer"
    } else {
        "decimal"
    };
    let (side, sign, bound) = if value < low {
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
fn odd_element(body: &[u8], field: &Field, member: &Member, param: String) -> Box<CanonError> {
    let mut scratch = Scratch::default();
    let mut parser = Parser::new(
        body,
        member.value.start as usize + 1,
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
    mistyped(param, field.expected, member.kind)
}
