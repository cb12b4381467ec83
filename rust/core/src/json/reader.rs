//! A pull reader over JSON: borrows what it can, builds nothing.
//!
//! Lenient on purpose: what is skipped is bracket-matched, not validated, and a lone surrogate becomes U+FFFD. Whether a
//! body may be sent at all is decided where the canonical form is made.

use memchr::memchr2;
use std::borrow::Cow;

use super::escape::{self, Flaw};

type Result<T> = std::result::Result<T, Malformed>;

/// What could not be read, by its byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    pub at: usize,
}

pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The first byte of the next value, or 0 at the end.
    pub fn peek(&mut self) -> u8 {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    pub fn is_object(&mut self) -> bool {
        self.peek() == b'{'
    }

    pub fn is_array(&mut self) -> bool {
        self.peek() == b'['
    }

    pub fn is_string(&mut self) -> bool {
        self.peek() == b'"'
    }

    fn bad<T>(&self) -> Result<T> {
        Err(Malformed { at: self.at })
    }

    fn eat(&mut self, byte: u8) -> Result<()> {
        if self.peek() != byte {
            return self.bad();
        }
        self.at += 1;
        Ok(())
    }

    /// The members of an object, each key with its value as raw bytes.
    pub fn members(&mut self, mut each: impl FnMut(&str, &'a [u8]) -> Result<()>) -> Result<()> {
        self.eat(b'{')?;
        if self.peek() == b'}' {
            return self.eat(b'}');
        }
        loop {
            let key = self.string()?;
            self.eat(b':')?;
            each(&key, self.raw()?)?;
            if self.peek() == b'}' {
                return self.eat(b'}');
            }
            self.eat(b',')?;
        }
    }

    /// The items of an array, each as raw bytes.
    pub fn items(&mut self, mut each: impl FnMut(&'a [u8]) -> Result<()>) -> Result<()> {
        self.eat(b'[')?;
        if self.peek() == b']' {
            return self.eat(b']');
        }
        loop {
            each(self.raw()?)?;
            if self.peek() == b']' {
                return self.eat(b']');
            }
            self.eat(b',')?;
        }
    }

    /// A string, borrowed from the body unless it holds escapes.
    pub fn string(&mut self) -> Result<Cow<'a, str>> {
        let body = self.string_body()?;
        let text = std::str::from_utf8(body).map_err(|_| Malformed { at: self.at })?;
        if body.contains(&b'\\') {
            return Ok(Cow::Owned(unescape(text)));
        }
        Ok(Cow::Borrowed(text))
    }

    /// One value of any kind, as the bytes it stands in.
    pub fn raw(&mut self) -> Result<&'a [u8]> {
        let first = self.peek();
        let start = self.at;
        match first {
            b'"' => {
                self.string_body()?;
            }
            b'{' | b'[' => self.skip_nested()?,
            _ => {
                while let Some(b) = self.bytes.get(self.at)
                    && !matches!(
                        b,
                        b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b'"' | b':'
                    )
                {
                    self.at += 1;
                }
                if self.at == start {
                    return self.bad();
                }
            }
        }
        Ok(&self.bytes[start..self.at])
    }

    fn string_body(&mut self) -> Result<&'a [u8]> {
        self.eat(b'"')?;
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some(found) = memchr2(b'"', b'\\', rest) else {
                return self.bad();
            };
            self.at += found + 1;
            if rest[found] == b'"' {
                return Ok(&self.bytes[start..self.at - 1]);
            }
            self.at += 1;
        }
    }

    fn skip_nested(&mut self) -> Result<()> {
        let mut depth = 0usize;
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.string_body()?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
                None => return self.bad(),
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(slash) = rest.find('\\') {
        out.push_str(&rest[..slash]);
        let (code, used) = match escape::read(&rest.as_bytes()[slash..]) {
            Ok(found) => found,
            Err(Flaw::Digits) => (0xFFFD, 2),
            // The letter stands for itself.
            Err(Flaw::Letter | Flaw::Cut) => {
                let letter = rest[slash + 1..].chars().next();
                let (code, length) = letter.map_or((0xFFFD, 0), |c| (c.into(), c.len_utf8()));
                (code, 1 + length)
            }
        };
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = &rest[slash + used..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_are_borrowed_unless_escaped() {
        assert!(matches!(
            Reader::new(br#""plain""#).string(),
            Ok(Cow::Borrowed("plain"))
        ));
        let escaped = Reader::new(br#""a\n\u00e9\ud83d\ude00\/\ud800x""#).string();
        assert_eq!(escaped.unwrap(), "a\né😀/\u{FFFD}x");
    }

    #[test]
    fn truncated_and_foreign_input_is_refused() {
        for bad in ["", "{", "{\"a\"}", "{\"a\":", "{,}", "[1]", "{\"a\\"] {
            assert!(
                Reader::new(bad.as_bytes()).members(|_, _| Ok(())).is_err(),
                "{bad:?}"
            );
        }
        for bad in ["", "[1,", "\"abc", "\"a\\", "]", ","] {
            assert!(Reader::new(bad.as_bytes()).raw().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Reader::new(&bytes).raw();
            let _ = Reader::new(&bytes).string();
            let _ = Reader::new(&bytes).members(|_, _| Ok(()));
        }
    }
}
