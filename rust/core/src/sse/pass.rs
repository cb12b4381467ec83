//! What one pass over a buffer hands on.

use std::borrow::Cow;
use std::ops::Range;

use super::frame::Event;

/// What one network read carried.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// Whole events to forward. Borrowed where they stand in the read as they are.
    pub data: Cow<'a, [u8]>,
    /// Something generated is in it: text, reasoning, a refusal, a tool call, audio.
    pub content: bool,
    /// Events in `data`.
    pub events: u32,
    /// The last finish reason in it.
    pub finish: Option<String>,
    /// The last usage object in it, as JSON.
    pub usage: Option<Box<[u8]>>,
    /// The first error in it, as JSON.
    pub error: Option<Box<[u8]>>,
    /// `[DONE]` came: nothing after it is read.
    pub done: bool,
    /// The answer ended inside an event.
    pub truncated: bool,
    /// Why reading stopped here: the event that this tells of, and all after it, are not forwarded.
    pub invalid: Option<String>,
}

/// One pass over a buffer: what was found, and what is to be forwarded.
///
/// Events that follow one another unchanged are a range of the buffer; the first that does not makes a copy.
#[derive(Default)]
pub(super) struct Pass {
    pub chunk: Chunk<'static>,
    run: Range<usize>,
    pub owned: Option<Vec<u8>>,
}

impl Pass {
    pub fn keep(&mut self, buffer: &[u8], range: Range<usize>) {
        if let Some(owned) = &mut self.owned {
            owned.extend_from_slice(&buffer[range]);
        } else if self.run.is_empty() {
            self.run = range;
        } else if self.run.end == range.start {
            self.run.end = range.end;
        } else {
            self.settle(buffer);
            self.keep(buffer, range);
        }
    }

    /// Forwards the data lines alone, with LF ends.
    pub fn rewrite(&mut self, buffer: &[u8], event: &Event<'_>) {
        self.settle(buffer);
        let owned = self.owned.get_or_insert_default();
        for line in &event.lines {
            owned.extend_from_slice(line);
            owned.push(b'\n');
        }
        owned.push(b'\n');
    }

    /// Makes the copy, which no longer needs the buffer.
    pub fn settle(&mut self, buffer: &[u8]) {
        if self.owned.is_none() {
            self.owned = Some(buffer[self.run.clone()].to_vec());
        }
    }

    pub fn finish(self, read: &[u8]) -> Chunk<'_> {
        let data = match self.owned {
            Some(owned) => Cow::Owned(owned),
            None => Cow::Borrowed(read.get(self.run).unwrap_or_default()),
        };
        Chunk { data, ..self.chunk }
    }
}
