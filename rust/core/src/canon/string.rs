//! Strings with escapes: decoded, so that every spelling of a text is one.

use super::error::CanonError;
use super::scan;

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
    let plain = match body.get(at + 1) {
        Some(b'n') => b'\n',
        Some(&c @ (b'"' | b'\\' | b'/')) => c,
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 0x08,
        Some(b'f') => 0x0C,
        Some(b'u') => return unicode(body, at, out),
        Some(_) => return Err(Fault::Syntax("an unknown escape", at)),
        None => return Err(Fault::Syntax("a string is not closed", body.len())),
    };
    out.push(plain);
    Ok(at + 2)
}

fn unicode(body: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let unit = unit(body, at)?;
    let (code, end) = match unit {
        0xD800..=0xDBFF => {
            let low = self::unit(body, at + 6)
                .ok()
                .filter(|low| (0xDC00..=0xDFFF).contains(low));
            let low = low.ok_or(Fault::LoneSurrogate(at))?;
            (0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00), at + 12)
        }
        _ => (unit, at + 6),
    };
    let character = char::from_u32(code).ok_or(Fault::LoneSurrogate(at))?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(end)
}

/// The UTF-16 unit that the escape at `at` spells.
fn unit(body: &[u8], at: usize) -> Result<u32, Fault> {
    let fault = Fault::Syntax("expected \\u and four hexadecimal digits", at);
    match body.get(at..at + 6) {
        Some([b'\\', b'u', digits @ ..]) => {
            let mut unit = 0;
            for &digit in digits {
                match (digit as char).to_digit(16) {
                    Some(digit) => unit = unit << 4 | digit,
                    None => return Err(fault),
                }
            }
            Ok(unit)
        }
        _ => Err(fault),
    }
}
