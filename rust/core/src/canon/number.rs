//! Numbers: one spelling for each value, exact to the last digit.

use super::error::CanonError;
use super::kinds::Kinds;

/// Past this many digits an exponent is refused: it could not be kept exact, and no reader takes it for more than 0.
const EXPONENT_DIGITS: usize = 17;

/// Digits of an integer that cannot be past a double.
const SURELY_FINITE: usize = 308;

/// A number as JSON divides it.
struct Parts<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: Option<&'a [u8]>,
}

/// Why a text that begins like a number is none, and where.
pub(super) enum Fault {
    Grammar(&'static str, usize),
    Overflow(&'static str),
}

/// Reads the number that begins at `at`; appends its canonical spelling; gives its type and its end.
///
/// The spelling is the digits without leading or trailing zeros, then `e` and the exponent unless that is 0: so `1`, `1.0` and
/// `10e-1` are one, and every digit counts. Zero has no sign.
#[inline]
pub(super) fn number(body: &[u8], at: usize, out: &mut Vec<u8>) -> Result<(Kinds, usize), Fault> {
    let digits = body[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    let text = &body[at..at + digits];
    let plain = !matches!(body.get(at + digits), Some(b'.' | b'e' | b'E'));
    let short = (2..=SURELY_FINITE).contains(&digits);
    if plain && (digits == 1 || (short && text[0] != b'0' && text[digits - 1] != b'0')) {
        out.extend_from_slice(text);
        return Ok((Kinds::INTEGER, at + digits));
    }
    let (parts, end) = divide(body, at)?;
    spell(&parts, &body[at..end], out)?;
    let integer = parts.fraction.is_empty() && parts.exponent.is_none();
    Ok((
        if integer {
            Kinds::INTEGER
        } else {
            Kinds::DECIMAL
        },
        end,
    ))
}

fn digits(body: &[u8], at: usize) -> Result<(&[u8], usize), Fault> {
    let count = body
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    if count == 0 {
        return Err(Fault::Grammar("expected a digit", at));
    }
    Ok((&body[at..at + count], at + count))
}

fn divide(body: &[u8], mut at: usize) -> Result<(Parts<'_>, usize), Fault> {
    let negative = body.get(at) == Some(&b'-');
    at += usize::from(negative);
    let (whole, mut end) = digits(body, at)?;
    if whole.len() > 1 && whole[0] == b'0' {
        return Err(Fault::Grammar("a number may not begin with 0", at));
    }
    let mut fraction: &[u8] = &[];
    if body.get(end) == Some(&b'.') {
        (fraction, end) = digits(body, end + 1)?;
    }
    let mut exponent = None;
    if let Some(b'e' | b'E') = body.get(end) {
        let start = end + 1;
        let sign = usize::from(matches!(body.get(start), Some(b'+' | b'-')));
        (_, end) = digits(body, start + sign)?;
        exponent = Some(&body[start..end]);
    }
    Ok((
        Parts {
            negative,
            whole,
            fraction,
            exponent,
        },
        end,
    ))
}

fn spell(parts: &Parts<'_>, text: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    out.extend_from_slice(parts.whole);
    out.extend_from_slice(parts.fraction);
    let Some(leading) = out[start..].iter().position(|&b| b != b'0') else {
        out.truncate(start);
        out.push(b'0');
        return Ok(());
    };
    out.drain(start..start + leading);
    let written = out.len() - start;
    let kept = out[start..]
        .iter()
        .rposition(|&b| b != b'0')
        .map_or(0, |last| last + 1);
    out.truncate(start + kept);
    if parts.negative {
        out.insert(start, b'-');
    }
    let exponent = value(parts.exponent)? - parts.fraction.len() as i64;
    finite(written as i64 + exponent, text)?;
    let power = exponent + (written - kept) as i64;
    if power != 0 {
        out.push(b'e');
        out.extend_from_slice(power.to_string().as_bytes());
    }
    Ok(())
}

fn value(exponent: Option<&[u8]>) -> Result<i64, Fault> {
    let Some(text) = exponent else { return Ok(0) };
    let negative = text[0] == b'-';
    let unsigned = &text[usize::from(matches!(text[0], b'+' | b'-'))..];
    let zeros = unsigned.iter().take_while(|&&b| b == b'0').count();
    if unsigned.len() - zeros > EXPONENT_DIGITS {
        return Err(Fault::Overflow("a number whose exponent is out of range"));
    }
    let size = unsigned
        .iter()
        .fold(0, |sum, b| sum * 10 + i64::from(b - b'0'));
    Ok(if negative { -size } else { size })
}

/// Refuses what reads as infinity: `point` is where the decimal point stands, counted from the first digit.
#[inline]
fn finite(point: i64, text: &[u8]) -> Result<(), Fault> {
    let overflows = point > 309 || (point == 309 && as_f64(text).is_infinite());
    if overflows {
        Err(Fault::Overflow("a number too large for a double"))
    } else {
        Ok(())
    }
}

/// The double nearest to a number that was read before.
pub(super) fn as_f64(text: &[u8]) -> f64 {
    match count(text) {
        Some(count) if count < 1 << 53 => count as f64,
        _ => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(f64::NAN),
    }
}

/// A whole number without a sign, or the largest where it is larger than that.
pub(super) fn as_count(digits: &[u8]) -> u64 {
    count(digits).unwrap_or(u64::MAX)
}

/// None for anything but digits, and for more than a word holds.
fn count(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        let sum = sum.checked_mul(10)?.checked_add(u64::from(digit))?;
        (digit < 10).then_some(sum)
    })
}

impl Fault {
    pub fn into_error(self, at: usize, param: Option<String>) -> CanonError {
        match self {
            Self::Grammar(reason, at) => CanonError::Syntax { reason, at },
            Self::Overflow(reason) => CanonError::Unreadable {
                reason: reason.into(),
                at,
                param,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_up_to_a_word_and_stay_there() {
        for (text, expected) in [
            ("0", 0),
            ("7", 7),
            ("18446744073709551615", u64::MAX),
            ("18446744073709551616", u64::MAX),
            ("99999999999999999999999", u64::MAX),
        ] {
            assert_eq!(as_count(text.as_bytes()), expected);
            assert_eq!(as_f64(text.as_bytes()), text.parse().expect("a number"));
        }
        for text in ["-1", "0.25", "1e3", "9007199254740993", "-0"] {
            assert_eq!(as_f64(text.as_bytes()), text.parse().expect("a number"));
        }
    }
}
