//! Strings with escapes: decoded, so that every spelling of a text is one.

use super::error::CanonError;
use super::scan;
use crate::json::escape::{self, Flaw};

/// What is wrong with a string.
pub(super) enum Fault {
    Syntax(&'static str, usize),
    LoneSurrogate(usize),
}

impl Fault {
    #[cold]
    pub fn into_error(self, path: impl FnOnce() -> Option<String>) -> CanonError {
        match self {
            Self::Syntax(reason, at) => CanonError::Syntax { reason, at },
            Self::LoneSurrogate(at) => CanonError::Unreadable {
                reason: "a lone surrogate escape (half of an emoji that was cut?)".into(),
                at,
                param: path(),
            },
        }
    }
}

/// Appends the text of the string whose first character is at `at`; gives the position of its closing quote.
pub(super) fn decode(body: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let mut at = scan::copy(body, at, out);
    loop {
        match body.get(at) {
            Some(b'"') => return Ok(at),
            Some(b'\\') => at = escape(body, at, out)?,
            Some(_) => return Err(Fault::Syntax("a control character must be escaped", at)),
            None => return Err(Fault::Syntax("a string is not closed", at)),
        }
        at = scan::copy(body, at, out);
    }
}

#[inline(always)]
fn escape(body: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let (code, used) = escape::read(&body[at..]).map_err(|flaw| match flaw {
        Flaw::Letter => Fault::Syntax("an unknown escape", at),
        Flaw::Digits => Fault::Syntax("expected \\u and four hexadecimal digits", at),
        Flaw::Cut => Fault::Syntax("a string is not closed", body.len()),
    })?;
    if code < 0x80 {
        out.push(code as u8);
    } else {
        let character = char::from_u32(code).ok_or(Fault::LoneSurrogate(at))?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(at + used)
}
