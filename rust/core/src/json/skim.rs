//! A JSON reader that validates everything and builds nothing.

use super::span::Span;

/// Deeper than any answer, and shallow enough for any thread's stack.
const DEPTH: u32 = 512;

/// What is wrong with the JSON, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub at: usize,
    pub what: &'static str,
}

pub type Skimmed<T> = Result<T, Fault>;

/// A position in a JSON text.
#[derive(Debug)]
pub struct Skimmer<'a> {
    pub text: &'a str,
    pub at: usize,
}

impl<'a> Skimmer<'a> {
    pub fn new(text: &'a str) -> Self {
        Skimmer { text, at: 0 }
    }

    /// The next byte that is not whitespace; 0 at the end.
    #[inline]
    pub fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return byte;
            }
            self.at += 1;
        }
        0
    }

    pub fn fault<T>(&self, what: &'static str) -> Skimmed<T> {
        Err(Fault { at: self.at, what })
    }

    #[inline]
    fn expect(&mut self, byte: u8, what: &'static str) -> Skimmed<()> {
        if self.peek() != byte {
            return self.fault(what);
        }
        self.at += 1;
        Ok(())
    }

    /// Nothing but whitespace may follow.
    pub fn end(&mut self) -> Skimmed<()> {
        self.peek();
        if self.at < self.text.len() {
            self.fault("something follows the value")
        } else {
            Ok(())
        }
    }

    /// Calls `each` at the value of every member; it must consume that value.
    #[inline]
    pub fn members(&mut self, mut each: impl FnMut(&mut Self, Span) -> Skimmed<()>) -> Skimmed<()> {
        self.expect(b'{', "an object was expected")?;
        if self.peek() == b'}' {
            self.at += 1;
            return Ok(());
        }
        self.rest_of_object(&mut each)
    }

    /// Goes on after `{` or a comma.
    #[inline]
    pub fn rest_of_object(
        &mut self,
        each: &mut impl FnMut(&mut Self, Span) -> Skimmed<()>,
    ) -> Skimmed<()> {
        loop {
            let key = self.key()?;
            each(self, key)?;
            if self.closes(b'}', "',' or '}' was expected")? {
                return Ok(());
            }
        }
    }

    #[inline]
    fn key(&mut self) -> Skimmed<Span> {
        if self.peek() != b'"' {
            return self.fault("a member's name was expected");
        }
        let key = self.string()?;
        self.expect(b':', "':' was expected")?;
        Ok(key)
    }

    /// After a member or an item: `true` at the closing bracket, `false` at a comma.
    #[inline]
    pub fn closes(&mut self, bracket: u8, what: &'static str) -> Skimmed<bool> {
        let byte = self.peek();
        if byte != b',' && byte != bracket {
            return self.fault(what);
        }
        self.at += 1;
        Ok(byte == bracket)
    }

    /// Calls `each` at every item; it must consume it.
    #[inline]
    pub fn items(&mut self, mut each: impl FnMut(&mut Self) -> Skimmed<()>) -> Skimmed<()> {
        self.expect(b'[', "an array was expected")?;
        if self.peek() == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            each(self)?;
            if self.closes(b']', "',' or ']' was expected")? {
                return Ok(());
            }
        }
    }

    /// The string literal that begins here.
    #[inline]
    pub fn string(&mut self) -> Skimmed<Span> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            at = plain_run(bytes, at);
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at = at;
                    at += self.escape_length()?;
                }
                Some(_) => {
                    self.at = at;
                    return self.fault("a control character in a string");
                }
                None => {
                    self.at = bytes.len();
                    return self.fault("the string does not end");
                }
            }
        }
        self.at = at + 1;
        Ok(Span {
            start,
            end: at,
            escaped,
        })
    }

    fn escape_length(&self) -> Skimmed<usize> {
        let rest = &self.text.as_bytes()[self.at + 1..];
        match rest.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
            Some(b'u') if rest.len() >= 5 && rest[1..5].iter().all(u8::is_ascii_hexdigit) => Ok(6),
            _ => self.fault("an invalid escape"),
        }
    }

    /// Consumes any value.
    pub fn skip(&mut self) -> Skimmed<()> {
        self.skip_at(DEPTH)
    }

    fn skip_at(&mut self, depth: u32) -> Skimmed<()> {
        match self.peek() {
            b'"' => self.string().map(drop),
            b'n' => self.literal(b"null"),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'-' | b'0'..=b'9' => self.number(),
            b'{' | b'[' if depth == 0 => self.fault("nested too deeply"),
            b'{' => self.members(|json, _| json.skip_at(depth - 1)),
            b'[' => self.items(|json| json.skip_at(depth - 1)),
            _ => self.fault("a value was expected"),
        }
    }

    /// Consumes `null` if it is here.
    #[inline]
    pub fn null(&mut self) -> Skimmed<bool> {
        if self.peek() != b'n' {
            return Ok(false);
        }
        self.literal(b"null").map(|()| true)
    }

    fn literal(&mut self, word: &'static [u8]) -> Skimmed<()> {
        if !self.text.as_bytes()[self.at..].starts_with(word) {
            return self.fault("a value was expected");
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Skimmed<()> {
        let bytes = self.text.as_bytes();
        if bytes[self.at] == b'-' {
            self.at += 1;
        }
        if bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Skimmed<()> {
        let from = self.at;
        while self
            .text
            .as_bytes()
            .get(self.at)
            .is_some_and(u8::is_ascii_digit)
        {
            self.at += 1;
        }
        if self.at == from {
            self.fault("a digit was expected")
        } else {
            Ok(())
        }
    }
}

/// The first quote, backslash or control character at or after `at`, eight bytes at a time.
#[inline]
fn plain_run(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*word);
        let equal = |byte: u8| {
            let lanes = word ^ (ONES * u64::from(byte));
            lanes.wrapping_sub(ONES) & !lanes
        };
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        // Borrows spoil only lanes above a true hit, so that the lowest hit is exact.
        let hits = (equal(b'"') | equal(b'\\') | control) & HIGHS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while bytes
        .get(at)
        .is_some_and(|&byte| byte >= b' ' && byte != b'"' && byte != b'\\')
    {
        at += 1;
    }
    at
}
