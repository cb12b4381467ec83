//! Server-sent events of any dialect.

use super::error::SseError;
use super::frame::{Event, Framer};

/// Splits a stream into events, at any split of its bytes.
#[derive(Debug)]
pub struct Events {
    max_event: usize,
    framer: Framer,
    held: Vec<u8>,
    ended: bool,
}

/// An event's name (`message` where the stream gives none) and its data lines, joined by LF.
pub type Named = (String, Vec<u8>);

impl Events {
    pub fn new(max_event: usize) -> Self {
        Events {
            max_event,
            framer: Framer::default(),
            held: Vec::new(),
            ended: false,
        }
    }

    /// Takes in one network read and hands back the events it completes. Comments and events without data are left out.
    pub fn feed(&mut self, read: &[u8]) -> Result<Vec<Named>, SseError> {
        if self.ended {
            return Err(SseError::Ended);
        }
        self.held.extend_from_slice(read);
        let mut found = Vec::new();
        while let Some(frame) = self.framer.next(&self.held) {
            self.bound(frame.range.len())?;
            found.extend(named(&self.held[frame.range]));
        }
        self.held.drain(..self.framer.tail());
        self.framer.rebase();
        self.bound(self.held.len())?;
        Ok(found)
    }

    /// The connection closed: a last event without its blank line is handed back, as it stands.
    pub fn end(&mut self) -> Result<Option<Named>, SseError> {
        if self.ended {
            return Err(SseError::Ended);
        }
        self.ended = true;
        Ok(named(&std::mem::take(&mut self.held)))
    }

    fn bound(&mut self, size: usize) -> Result<(), SseError> {
        if size > self.max_event {
            self.ended = true;
            return Err(SseError::TooLarge {
                bound: self.max_event,
            });
        }
        Ok(())
    }
}

fn named(bytes: &[u8]) -> Option<Named> {
    let event = Event::parse(bytes);
    let name = if event.name.is_empty() {
        b"message"
    } else {
        event.name
    };
    let named = || {
        (
            String::from_utf8_lossy(name).into_owned(),
            event.data().into_owned(),
        )
    };
    (!event.lines.is_empty()).then(named)
}
