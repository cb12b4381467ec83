//! String literals, and what they spell.

use super::escape;

/// The inside of a string literal.
#[derive(Debug, Clone, Copy)]
pub struct Span {
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
        if self.end - self.start <= most {
            return self;
        }
        let raw = self.raw(text);
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

    /// Bytes of what the literal spells.
    pub fn length(self, text: &str) -> usize {
        if !self.escaped {
            return self.end - self.start;
        }
        let mut rest = self.raw(text);
        let mut length = 0;
        while let Some(slash) = memchr::memchr(b'\\', rest.as_bytes()) {
            let (letter, used) = escaped(&rest[slash..]);
            length += slash + letter.len_utf8();
            rest = &rest[slash + used..];
        }
        length + rest.len()
    }

    /// Appends what the literal spells. A lone surrogate (JavaScript emits them for a cut emoji) becomes U+FFFD.
    pub fn unescape(self, text: &str, out: &mut String) {
        let mut rest = self.raw(text);
        if !self.escaped {
            return out.push_str(rest);
        }
        while let Some(slash) = memchr::memchr(b'\\', rest.as_bytes()) {
            out.push_str(&rest[..slash]);
            let (letter, used) = escaped(&rest[slash..]);
            out.push(letter);
            rest = &rest[slash + used..];
        }
        out.push_str(rest);
    }
}

/// The letter that an escape of a validated literal spells, and the bytes it takes.
#[inline]
fn escaped(rest: &str) -> (char, usize) {
    let (code, used) = escape::read(rest.as_bytes()).unwrap_or((0xFFFD, 1));
    let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    (letter, used)
}
