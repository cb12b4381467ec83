//! Where events begin and end.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr2, memchr2_iter};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Finds event ends in a growing buffer. Every byte is looked at once, however the buffer grew.
#[derive(Debug, Default)]
pub(super) struct Framer {
    event: usize,
    line: usize,
    scan: usize,
    lines: u32,
    returns: bool,
    begun: bool,
}

/// One event's bytes, its blank line included.
#[derive(Debug)]
pub(super) struct Frame {
    pub range: Range<usize>,
    /// One line, ended by LF: nothing to normalise if that line is data.
    pub plain: bool,
}

impl Framer {
    /// The next whole event of `buffer`, which may only grow between calls that answer `None`.
    pub fn next(&mut self, buffer: &[u8]) -> Option<Frame> {
        if !self.begun && !self.begin(buffer) {
            return None;
        }
        loop {
            let Some(found) = memchr2(b'\n', b'\r', &buffer[self.scan..]) else {
                self.scan = buffer.len();
                return None;
            };
            let end = self.scan + found;
            let next = match (buffer[end], buffer.get(end + 1)) {
                (b'\n', _) => end + 1,
                (_, Some(b'\n')) => end + 2,
                (_, Some(_)) => end + 1,
                // A CR that ends the buffer may be half of a CRLF: wait for the next byte.
                (_, None) => {
                    self.scan = end;
                    return None;
                }
            };
            let blank = end == self.line;
            self.returns |= buffer[end] == b'\r';
            self.line = next;
            self.scan = next;
            if blank {
                return Some(self.finish(next));
            }
            self.lines += 1;
        }
    }

    /// Where the unfinished event begins.
    pub fn tail(&self) -> usize {
        self.event
    }

    /// The caller dropped everything before the tail.
    pub fn rebase(&mut self) {
        self.line -= self.event;
        self.scan -= self.event;
        self.event = 0;
    }

    fn finish(&mut self, next: usize) -> Frame {
        let frame = Frame {
            range: self.event..next,
            plain: self.lines == 1 && !self.returns,
        };
        self.event = next;
        self.lines = 0;
        self.returns = false;
        frame
    }

    fn begin(&mut self, buffer: &[u8]) -> bool {
        if buffer.len() < BOM.len() && BOM.starts_with(buffer) {
            return false;
        }
        self.begun = true;
        if buffer.starts_with(BOM) {
            self.event = BOM.len();
            self.line = BOM.len();
            self.scan = BOM.len();
        }
        true
    }
}

/// What the lines of one event say.
#[derive(Debug, Default)]
pub(super) struct Event<'a> {
    pub name: &'a [u8],
    /// The `data` lines, as they came, without their line ends.
    pub lines: Vec<&'a [u8]>,
}

impl<'a> Event<'a> {
    pub fn parse(bytes: &'a [u8]) -> Self {
        let mut event = Event::default();
        for line in lines(bytes) {
            let (field, value) = match memchr::memchr(b':', line) {
                Some(colon) => (&line[..colon], trim(&line[colon + 1..])),
                None => (line, &b""[..]),
            };
            match field {
                b"data" => event.lines.push(line),
                b"event" => event.name = value,
                _ => {}
            }
        }
        event
    }

    /// The `data` values, joined by LF.
    pub fn data(&self) -> Cow<'a, [u8]> {
        match self.lines[..] {
            [] => Cow::Borrowed(b""),
            [line] => Cow::Borrowed(value(line)),
            _ => Cow::Owned(
                self.lines
                    .iter()
                    .map(|line| value(line))
                    .collect::<Vec<_>>()
                    .join(&b'\n'),
            ),
        }
    }
}

/// The lines of `bytes`, the last of which may lack its end.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    memchr2_iter(b'\n', b'\r', bytes)
        .chain(
            (!bytes.is_empty() && !bytes.ends_with(b"\n") && !bytes.ends_with(b"\r"))
                .then_some(bytes.len()),
        )
        .map(move |end| {
            let line = &bytes[from..end];
            from = end + 1;
            line
        })
        // An empty piece lies between CR and LF too.
        .filter(|line| !line.is_empty())
}

/// What follows `data:`, without the one space that may.
pub(super) fn value(line: &[u8]) -> &[u8] {
    trim(line.get(5..).unwrap_or(b""))
}

fn trim(value: &[u8]) -> &[u8] {
    value.strip_prefix(b" ").unwrap_or(value)
}
