//! String literals, and what they spell.

/// The inside of a string literal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub start: usize,
    pub end: usize,
    pub escaped: bool,
}

impl Span {
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    pub fn raw(self, text: &str) -> &str {
        &text[self.start..self.end]
    }

    /// Whether the literal spells `other`.
    pub fn is(self, text: &str, other: &str) -> bool {
        if !self.escaped {
            return self.raw(text) == other;
        }
        let mut plain = String::new();
        self.unescape(text, &mut plain);
        plain == other
    }

    /// As much of the literal as fits into `most` bytes, cut before a letter or an escape.
    pub fn cut(self, text: &str, most: usize) -> Span {
        let raw = self.raw(text);
        if raw.len() <= most {
            return self;
        }
        let mut end = (0..=most)
            .rev()
            .find(|at| raw.is_char_boundary(*at))
            .unwrap_or(0);
        let mut at = 0;
        while let Some(slash) = memchr::memchr(b'\\', &raw.as_bytes()[at..end]) {
            at += slash;
            let length = if raw.as_bytes()[at + 1] == b'u' { 6 } else { 2 };
            if at + length > end {
                end = at;
            } else {
                at += length;
            }
        }
        Span {
            end: self.start + end,
            ..self
        }
    }

    /// Appends what the literal spells. A lone surrogate (JavaScript emits them for a cut emoji) becomes U+FFFD.
    pub fn unescape(self, text: &str, out: &mut String) {
        let mut rest = self.raw(text);
        if !self.escaped {
            return out.push_str(rest);
        }
        while let Some(slash) = memchr::memchr(b'\\', rest.as_bytes()) {
            out.push_str(&rest[..slash]);
            let (letter, used) = escape(&rest[slash + 1..]);
            out.push(letter);
            rest = &rest[slash + 1 + used..];
        }
        out.push_str(rest);
    }
}

/// The character that a validated escape stands for, and the bytes it takes after the backslash.
fn escape(rest: &str) -> (char, usize) {
    let letter = match rest.as_bytes()[0] {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return unicode(rest),
        other => char::from(other),
    };
    (letter, 1)
}

fn unicode(rest: &str) -> (char, usize) {
    let unit = |from: usize| {
        rest.get(from..from + 4)
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
    };
    let high = unit(1).unwrap_or(0xFFFD);
    if let Some(letter) = char::from_u32(high) {
        return (letter, 5);
    }
    let low = if rest[5..].starts_with("\\u") {
        unit(7)
    } else {
        None
    };
    match low {
        Some(low @ 0xDC00..=0xDFFF) if high < 0xDC00 => {
            let letter = char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
            (letter.unwrap_or(char::REPLACEMENT_CHARACTER), 11)
        }
        _ => (char::REPLACEMENT_CHARACTER, 5),
    }
}
