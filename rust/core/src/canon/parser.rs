//! The one pass: reads strict JSON and writes its canonical form as it goes.

use super::error::CanonError;
use super::kinds::Kinds;
use super::scratch::{self, Member, Scratch, Sorted, Span, Value};
use super::{number, string};

/// Boxed, so that a result stays in registers.
pub(super) type Result<T> = std::result::Result<T, Box<CanonError>>;

/// No request needs more in one object; sorting what somebody sends beyond it would be work for nothing.
const MOST_MEMBERS: usize = 10_000;

/// Bytes of a name that a message repeats.
const SHOWN: usize = 80;

pub(super) struct Parser<'a> {
    pub body: &'a [u8],
    pub at: usize,
    pub scratch: &'a mut Scratch,
    /// How many levels may still be opened.
    depth: usize,
    max_depth: usize,
    /// Object order counts here (see `Role::Ordered`).
    pub ordered: bool,
    /// The types of the elements of the array that was closed last.
    pub elements: Kinds,
    /// How many elements that had.
    pub length: usize,
    /// Where in the request we are, for messages: the top-level field, and the index within `messages`.
    pub field: Option<Span>,
    pub index: Option<usize>,
}

impl<'a> Parser<'a> {
    pub fn new(body: &'a [u8], at: usize, scratch: &'a mut Scratch, max_depth: usize) -> Self {
        scratch.begin(body.len() - at);
        Self {
            body,
            at,
            scratch,
            depth: max_depth,
            max_depth,
            ordered: false,
            elements: Kinds::NONE,
            length: 0,
            field: None,
            index: None,
        }
    }

    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    #[inline]
    pub fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Reads one value, with no space around it.
    pub fn value(&mut self) -> Result<Kinds> {
        match self.peek() {
            Some(b'"') => {
                self.string()?;
                Ok(Kinds::STRING)
            }
            Some(b'{') => {
                let base = self.members(|parser, _| parser.value())?;
                self.close(base)?;
                Ok(Kinds::OBJECT)
            }
            Some(b'[') => self.array(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", scratch::TRUE, Kinds::BOOL),
            Some(b'f') => self.word(b"false", scratch::FALSE, Kinds::BOOL),
            Some(b'n') => self.word(b"null", scratch::NULL, Kinds::NULL),
            Some(b'N' | b'I') => Err(self.syntax("NaN and Infinity are not JSON")),
            _ => Err(self.syntax("expected a value")),
        }
    }

    #[inline]
    pub fn string(&mut self) -> Result<()> {
        self.scratch.out.push(scratch::STRING);
        match string::decode(self.body, self.at + 1, &mut self.scratch.out) {
            Ok(quote) => {
                self.at = quote + 1;
                Ok(())
            }
            Err(fault) => Err(Box::new(fault.into_error(|| self.path()))),
        }
    }

    fn number(&mut self) -> Result<Kinds> {
        self.scratch.out.push(scratch::NUMBER);
        let (kind, end) = number::number(self.body, self.at, &mut self.scratch.out)
            .map_err(|fault| Box::new(fault.into_error(self.at, self.path())))?;
        self.at = end;
        Ok(kind)
    }

    fn word(&mut self, word: &[u8], token: u8, kind: Kinds) -> Result<Kinds> {
        if !self.body[self.at..].starts_with(word) {
            return Err(self.syntax("expected a value"));
        }
        self.at += word.len();
        self.scratch.out.push(token);
        Ok(kind)
    }

    fn array(&mut self) -> Result<Kinds> {
        self.open(scratch::ARRAY)?;
        let (mut first, mut elements, mut length) = (true, Kinds::NONE, 0);
        while self.more(b']', &mut first)? {
            elements = elements.or(self.value()?);
            length += 1;
        }
        self.shut(scratch::ARRAY_END);
        (self.elements, self.length) = (elements, length);
        Ok(Kinds::ARRAY)
    }

    #[inline]
    pub fn open(&mut self, token: u8) -> Result<()> {
        if self.depth == 0 {
            return Err(self.unreadable(
                format!("nested deeper than {} levels", self.max_depth),
                self.at,
            ));
        }
        self.depth -= 1;
        self.at += 1;
        self.scratch.out.push(token);
        Ok(())
    }

    #[inline]
    pub fn shut(&mut self, token: u8) {
        self.depth += 1;
        self.scratch.out.push(token);
    }

    /// Steps over a comma to the next element, or over the closing bracket.
    #[inline]
    pub fn more(&mut self, close: u8, first: &mut bool) -> Result<bool> {
        self.space();
        let next = self.peek();
        if next == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        if !std::mem::take(first) {
            if next != Some(b',') {
                return Err(self.syntax(if close == b']' {
                    "expected ',' or ']'"
                } else {
                    "expected ',' or '}'"
                }));
            }
            self.at += 1;
            self.space();
            if self.peek() == Some(close) {
                return Err(self.syntax("a comma stands before the closing bracket"));
            }
        }
        Ok(true)
    }

    /// Reads a key, its colon and the space around; the value comes next.
    #[inline]
    pub fn key(&mut self) -> Result<Member> {
        if self.peek() != Some(b'"') {
            return Err(self.syntax("expected a key in double quotes"));
        }
        let first = self.scratch.cut();
        let start = self.scratch.out.len() + 1;
        self.string()?;
        let member = self
            .scratch
            .member(first, Span::new(start, self.scratch.out.len()));
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.syntax("expected ':'"));
        }
        self.at += 1;
        self.space();
        Ok(member)
    }

    /// Reads an object but for its closing token, each value by `read`, which is told the member; the members lie in the
    /// scratch from the given base on, until [`Parser::close`].
    #[inline]
    pub fn members(
        &mut self,
        mut read: impl FnMut(&mut Self, &Member) -> Result<Kinds>,
    ) -> Result<usize> {
        self.open(scratch::OBJECT)?;
        let base = self.scratch.members.len();
        let (mut first, mut members) = (true, 0);
        while self.more(b'}', &mut first)? {
            let mut member = self.key()?;
            let start = self.at;
            let kind = read(self, &member)?;
            member.value = self.since(start, kind);
            self.scratch.end(member);
            members += 1;
            if members > MOST_MEMBERS {
                let reason = format!("an object of more than {MOST_MEMBERS} members");
                return Err(self.unreadable(reason, self.at));
            }
        }
        Ok(base)
    }

    /// The value that was just read, from `start` on.
    #[inline]
    pub fn since(&self, start: usize, kind: Kinds) -> Value {
        Value {
            span: Span::new(start, self.at),
            kind,
            elements: self.elements,
        }
    }

    /// Puts the members of an object into order and closes it.
    pub fn close(&mut self, base: usize) -> Result<()> {
        let after = self.scratch.cut();
        self.shut(scratch::OBJECT_END);
        match self.scratch.sort(base) {
            Sorted::Anew if !self.ordered => self.scratch.relink(base, after),
            Sorted::Already | Sorted::Anew => {}
            Sorted::Twice(key) => {
                let key = self.text(key);
                return Err(Box::new(CanonError::Duplicate {
                    key,
                    within: self.path(),
                }));
            }
        }
        self.scratch.members.truncate(base);
        Ok(())
    }

    #[cold]
    pub fn syntax(&self, reason: &'static str) -> Box<CanonError> {
        let (reason, at) = match self.peek() {
            None => ("the body ends too early", self.body.len()),
            Some(_) => (reason, self.at),
        };
        Box::new(CanonError::Syntax { reason, at })
    }

    #[cold]
    fn unreadable(&self, reason: String, at: usize) -> Box<CanonError> {
        Box::new(CanonError::Unreadable {
            reason,
            at,
            param: self.path(),
        })
    }

    /// A name as it lies in the canonical bytes, cut to what a message shows.
    #[cold]
    pub fn text(&self, span: Span) -> String {
        let text = String::from_utf8_lossy(span.of(&self.scratch.out));
        if text.len() <= SHOWN {
            return text.into_owned();
        }
        format!("{}…", &text[..text.floor_char_boundary(SHOWN)])
    }

    /// The field that is being read, as `messages[2]`.
    #[cold]
    pub fn path(&self) -> Option<String> {
        let name = self.text(self.field?);
        Some(
            self.index
                .map_or(name.clone(), |index| format!("{name}[{index}]")),
        )
    }
}
