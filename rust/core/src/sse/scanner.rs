//! One provider answer, read network read by network read.

use super::completion::Reader;
use super::error::SseError;
use super::failure::brief;
use super::frame::{Event, Frame, Framer, value};
use super::marks::Piece;
use super::options::Options;
use super::pass::{Chunk, Pass};
use super::transcript::Transcript;

/// Reads one provider answer in OpenAI's wire form, at any split of its bytes.
#[derive(Debug, Default)]
pub struct Scanner {
    options: Options,
    framer: Framer,
    held: Vec<u8>,
    reader: Reader,
    transcript: Transcript,
    events: u64,
    done: bool,
    whole: bool,
    closed: bool,
    truncated: bool,
    invalid: Option<String>,
}

impl Scanner {
    pub fn new(options: Options) -> Self {
        Scanner {
            reader: Reader::of(options.kind),
            transcript: Transcript::holding(options.max_text),
            options,
            ..Scanner::default()
        }
    }

    /// What has been said so far.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// `[DONE]` was seen.
    pub fn done(&self) -> bool {
        self.done
    }

    /// Nothing more is to come: `[DONE]` was read, or every choice that began has a finish reason, whichever it is. Of a
    /// stream, one must have begun.
    pub fn ended(&self) -> bool {
        let begun = self.whole || self.transcript.choices() > 0;
        self.intact() && (self.done || (begun && self.transcript.all_finished()))
    }

    /// The answer came to its end as the model meant it: at least as many choices as were asked for, each with a finish
    /// reason of [`super::PROPER`], and nothing that broke.
    pub fn complete(&self) -> bool {
        self.intact() && self.transcript.complete(self.options.n)
    }

    /// The answer is complete and no filter cut it short: it may be given to the next who asks the same.
    pub fn keepable(&self) -> bool {
        self.complete() && !self.transcript.filtered()
    }

    fn intact(&self) -> bool {
        self.invalid.is_none() && !self.truncated
    }

    /// Takes in one network read and hands back its whole events; the tail of an unfinished one is held.
    pub fn feed<'a>(&mut self, read: &'a [u8]) -> Result<Chunk<'a>, SseError> {
        if self.closed {
            return Err(SseError::Ended);
        }
        if self.stopped() {
            return Ok(Chunk::default());
        }
        if self.options.whole {
            return Ok(self.accumulate(read));
        }
        let mut pass = Pass::default();
        if self.held.is_empty() {
            self.walk(read, &mut pass);
            self.hold(read, &mut pass);
            return Ok(pass.finish(read));
        }
        self.held.extend_from_slice(read);
        let mut held = std::mem::take(&mut self.held);
        self.walk(&held, &mut pass);
        pass.settle(&held);
        held.drain(..self.framer.tail());
        self.framer.rebase();
        self.bound(held.len(), &mut pass);
        if !self.stopped() {
            self.held = held;
        }
        Ok(pass.finish(b""))
    }

    /// The provider closed the connection. A last event without its blank line is handed back; half an event is
    /// reported as `truncated`.
    pub fn end(&mut self) -> Result<Chunk<'static>, SseError> {
        if self.closed {
            return Err(SseError::Ended);
        }
        self.closed = true;
        let held = std::mem::take(&mut self.held);
        let mut pass = Pass::default();
        match (self.stopped(), self.options.whole) {
            (true, _) => {}
            (false, true) => self.body(held, &mut pass),
            (false, false) => self.last(&held, &mut pass),
        }
        Ok(pass.finish(b""))
    }

    fn stopped(&self) -> bool {
        self.done || self.invalid.is_some()
    }

    fn walk(&mut self, buffer: &[u8], pass: &mut Pass) {
        while let Some(frame) = self.framer.next(buffer) {
            self.bound(frame.range.len(), pass);
            if self.stopped() {
                return;
            }
            self.event(buffer, frame, pass);
            if self.stopped() {
                return;
            }
        }
    }

    /// Keeps the unfinished event for the next read.
    fn hold(&mut self, read: &[u8], pass: &mut Pass) {
        let tail = self.framer.tail();
        self.bound(read.len() - tail, pass);
        if !self.stopped() {
            self.held.extend_from_slice(&read[tail..]);
            self.framer.rebase();
        }
    }

    fn bound(&mut self, size: usize, pass: &mut Pass) {
        if size > self.options.max_event && !self.stopped() {
            self.fail(
                SseError::TooLarge {
                    bound: self.options.max_event,
                }
                .to_string(),
                pass,
            );
        }
    }

    fn fail(&mut self, why: String, pass: &mut Pass) {
        pass.chunk.invalid = Some(why.clone());
        self.invalid = Some(why);
    }

    fn event(&mut self, buffer: &[u8], frame: Frame, pass: &mut Pass) {
        let bytes = &buffer[frame.range.clone()];
        if frame.plain && bytes.starts_with(b"data:") {
            let line = &bytes[..bytes.len() - 2];
            if self.payload(value(line), b"", pass) {
                pass.keep(buffer, frame.range);
            }
            return;
        }
        let event = Event::parse(bytes);
        if self.payload(&event.data(), event.name, pass) {
            pass.rewrite(buffer, &event);
        }
    }

    /// Reads one event's data; `true` if it is to be forwarded.
    fn payload(&mut self, data: &[u8], name: &[u8], pass: &mut Pass) -> bool {
        if data.starts_with(b"[DONE]") {
            self.done = true;
            pass.chunk.done = true;
            return false;
        }
        // Keep-alives: a comment has no data, some proxies send an empty `data:`.
        if data.trim_ascii().is_empty() {
            return false;
        }
        match self.skim(data) {
            Ok(json) => {
                self.events += 1;
                if name == b"error" && self.reader.marks.error.is_none() {
                    self.reader.marks.error = Some(0..json.len());
                }
                self.take(json, pass);
                let forwarded = self.reader.marks.error.is_none();
                pass.chunk.events += u32::from(forwarded);
                forwarded
            }
            Err(why) => {
                let why = format!("event {} is not valid JSON: {why}", self.events + 1);
                self.fail(why, pass);
                false
            }
        }
    }

    fn skim<'d>(&mut self, data: &'d [u8]) -> Result<&'d str, String> {
        let json = simdutf8::compat::from_utf8(data)
            .map_err(|fault| format!("not UTF-8 at byte {}", fault.valid_up_to()))?;
        self.reader
            .read(json)
            .map_err(|fault| format!("{} at byte {}", fault.what, fault.at))?;
        Ok(json)
    }

    fn take(&mut self, json: &str, pass: &mut Pass) {
        self.transcript.take(json, &self.reader.marks);
        let chunk = &mut pass.chunk;
        chunk.content |= self.reader.marks.content;
        if self
            .reader
            .marks
            .list
            .iter()
            .any(|mark| mark.piece == Piece::Finish)
        {
            chunk.finish = self.transcript.finish().map(str::to_owned);
        }
        if self.reader.marks.usage.is_some() {
            chunk.usage = self.transcript.usage().map(Box::from);
        }
        if let (Some(error), None) = (&self.reader.marks.error, &chunk.error) {
            chunk.error = Some(brief(&json[error.clone()]));
        }
    }

    /// The rest of a stream: perhaps an event whose blank line is missing.
    fn last(&mut self, held: &[u8], pass: &mut Pass) {
        let event = Event::parse(held);
        let data = event.data();
        let cut = !held.is_empty() && !held.ends_with(b"\n") && !held.ends_with(b"\r");
        let comment = held
            .rsplit(|byte| matches!(byte, b'\n' | b'\r'))
            .next()
            .is_some_and(|line| line.starts_with(b":"));
        let empty = data.trim_ascii().is_empty();
        if (empty && cut && !comment)
            || (!empty && !data.starts_with(b"[DONE]") && self.skim(&data).is_err())
        {
            self.truncated = true;
            pass.chunk.truncated = true;
        } else if self.payload(&data, event.name, pass) {
            pass.rewrite(held, &event);
        }
    }

    fn accumulate<'a>(&mut self, read: &[u8]) -> Chunk<'a> {
        let mut pass = Pass::default();
        self.bound(self.held.len() + read.len(), &mut pass);
        if self.stopped() {
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(read);
        }
        pass.finish(b"")
    }

    fn body(&mut self, mut held: Vec<u8>, pass: &mut Pass) {
        if held.starts_with(b"\xEF\xBB\xBF") {
            held.drain(..3);
        }
        match self.skim(&held) {
            Err(why) => self.fail(format!("the body is not valid JSON: {why}"), pass),
            Ok(_) if !self.reader.marks.answers && self.reader.marks.error.is_none() => {
                self.fail(self.options.kind.missing().into(), pass);
            }
            Ok(json) => {
                self.take(json, pass);
                self.whole = true;
                pass.chunk.events = 1;
                pass.owned = Some(held);
            }
        }
    }
}
