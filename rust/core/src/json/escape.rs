//! What escapes in strings stand for.

/// Why what follows a backslash is no escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The text ends.
    Cut,
    /// No letter of JSON's.
    Letter,
    /// `\u` without four hexadecimal digits.
    Digits,
}

/// The code point that the escape at the start of `bytes` stands for, and the bytes it takes, the backslash included.
///
/// Two surrogates that make a pair are one escape. A lone one, which JavaScript emits for half of an emoji, is handed back
/// as it is: no `char`, for the caller to refuse or to replace.
#[inline(always)]
pub fn read(bytes: &[u8]) -> Result<(u32, usize), Flaw> {
    let plain = match bytes.get(1) {
        Some(b'n') => b'\n',
        Some(&same @ (b'"' | b'\\' | b'/')) => same,
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 0x08,
        Some(b'f') => 0x0C,
        Some(b'u') => return unicode(bytes),
        Some(_) => return Err(Flaw::Letter),
        None => return Err(Flaw::Cut),
    };
    Ok((plain.into(), 2))
}

fn unicode(bytes: &[u8]) -> Result<(u32, usize), Flaw> {
    let high = unit(bytes).ok_or(Flaw::Digits)?;
    if !(0xD800..0xDC00).contains(&high) {
        return Ok((high, 6));
    }
    match unit(&bytes[6..]) {
        Some(low @ 0xDC00..0xE000) => Ok((0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), 12)),
        _ => Ok((high, 6)),
    }
}

/// The UTF-16 unit that `\uXXXX` spells.
#[inline]
fn unit(bytes: &[u8]) -> Option<u32> {
    let &[b'\\', b'u', a, b, c, d] = bytes.first_chunk::<6>()? else {
        return None;
    };
    let [a, b, c, d] = [a, b, c, d].map(|digit| u32::from(HEX[usize::from(digit)]));
    ((a | b | c | d) <= 0xF).then_some(a << 12 | b << 8 | c << 4 | d)
}

/// What each byte is worth as a hexadecimal digit; 0xFF for all that are none.
const HEX: [u8; 256] = {
    let mut worth = [0xFF; 256];
    let mut digit = 0;
    while digit < 16 {
        let letter = b"0123456789abcdef"[digit];
        worth[letter as usize] = digit as u8;
        worth[letter.to_ascii_uppercase() as usize] = digit as u8;
        digit += 1;
    }
    worth
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_is_what_json_says() {
        for (text, code, used) in [
            (r#"\"x"#, '"' as u32, 2),
            (r"\\n", '\\' as u32, 2),
            (r"\/", '/' as u32, 2),
            (r"\b", 8, 2),
            (r"\f", 12, 2),
            (r"\n", 10, 2),
            (r"\r", 13, 2),
            (r"\t", 9, 2),
            (r"\u00e9x", 0xE9, 6),
            (r"\uD83D\uDE00x", 0x1F600, 12),
            (r"\ud83d\u0041", 0xD83D, 6),
            (r"\ud83d", 0xD83D, 6),
            (r"\ude00\ud83d", 0xDE00, 6),
        ] {
            assert_eq!(read(text.as_bytes()), Ok((code, used)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for (text, flaw) in [
            ("\\", Flaw::Cut),
            ("\\x", Flaw::Letter),
            ("\\u", Flaw::Digits),
            ("\\u12", Flaw::Digits),
            ("\\u12g4", Flaw::Digits),
            ("\\u+123", Flaw::Digits),
        ] {
            assert_eq!(read(text.as_bytes()), Err(flaw), "{text}");
        }
    }
}
