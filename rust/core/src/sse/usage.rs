//! Taking out the usage that a client did not ask for.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::frame::{Event, Frame, Framer};
use crate::json::{Skimmed, Skimmer, Span};

const NAME: &[u8] = b"\"usage\"";

/// The same events without the `usage` member of every chunk, and without the chunk that has only usage.
///
/// `events` are whole events as [`super::Scanner`] hands them out; what is not such an event is left as it is.
pub fn without_usage(events: &[u8]) -> Cow<'_, [u8]> {
    let finder = memmem::Finder::new(NAME);
    if finder.find(events).is_none() {
        return Cow::Borrowed(events);
    }
    let mut framer = Framer::default();
    let mut rest = Rest {
        events,
        kept: 0,
        out: Vec::new(),
    };
    while let Some(frame) = framer.next(events) {
        if let Some(at) = finder.find(&events[frame.range.clone()]) {
            rest.shorten(frame, at);
        }
    }
    if rest.kept == 0 {
        return Cow::Borrowed(events);
    }
    rest.out.extend_from_slice(&events[rest.kept..]);
    Cow::Owned(rest.out)
}

/// The events so far: those before `kept` are in `out`.
struct Rest<'a> {
    events: &'a [u8],
    kept: usize,
    out: Vec<u8>,
}

impl Rest<'_> {
    /// Copies what lies before `range`, which is left out.
    fn cut(&mut self, range: Range<usize>) {
        if self.out.is_empty() {
            self.out.reserve(self.events.len());
        }
        self.out
            .extend_from_slice(&self.events[self.kept..range.start]);
        self.kept = range.end;
    }

    /// Takes usage out of the event in `frame`, which names it first at `at`.
    fn shorten(&mut self, frame: Frame, at: usize) {
        let start = frame.range.start;
        let bytes = &self.events[frame.range.clone()];
        if frame.plain
            && bytes.starts_with(b"data:")
            && let Some(member) = simdutf8::basic::from_utf8(bytes)
                .ok()
                .and_then(|event| null(event, at))
        {
            return self.cut(start + member.start..start + member.end);
        }
        let data = Event::parse(bytes).data();
        let Some(cut) = std::str::from_utf8(&data)
            .ok()
            .and_then(|json| Cut::find(json).ok())
        else {
            return;
        };
        if cut.members.is_empty() {
            return;
        }
        self.cut(frame.range);
        if !cut.only_usage {
            cut.write(&data, &mut self.out);
        }
    }
}

/// The common case, `"usage":null` in one place, without reading what stands before it.
///
/// In valid JSON a quoted name between comma (or brace) and colon can only be a member's; if the text ends with the object
/// that it is in, that object is the outermost.
fn null(event: &str, at: usize) -> Option<Range<usize>> {
    let comma = match *event.as_bytes().get(at.checked_sub(1)?)? {
        b',' => true,
        b'{' => false,
        _ => return None,
    };
    let mut json = Skimmer {
        text: event,
        at: at + NAME.len(),
    };
    if json.peek() != b':' {
        return None;
    }
    json.at += 1;
    if !json.null().ok()? {
        return None;
    }
    let member = at..json.at;
    let last = json.closes(b'}', "").ok()?;
    let after = json.at;
    if !last {
        let mut other = |json: &mut Skimmer<'_>, key: Span| match key.raw(json.text) {
            "usage" => json.fault("usage, twice"),
            _ => json.skip(),
        };
        json.rest_of_object(&mut other).ok()?;
    }
    json.end().ok()?;
    Some(match (comma, last) {
        (true, _) => member.start - 1..member.end,
        (false, true) => member,
        (false, false) => member.start..after,
    })
}

/// What to leave out of one chunk.
#[derive(Default)]
struct Cut {
    members: Vec<Range<usize>>,
    only_usage: bool,
}

impl Cut {
    fn find(text: &str) -> Skimmed<Cut> {
        let mut json = Skimmer::new(text);
        let (mut counted, mut named, mut filled, mut error) = (false, false, false, false);
        let mut members = Vec::new();
        json.members(|json, key| {
            match key.raw(json.text) {
                "usage" => {
                    counted |= json.peek() != b'n';
                    json.skip()?;
                    members.push(key.start - 1..json.at);
                    return Ok(());
                }
                "choices" if json.peek() == b'[' => {
                    named = true;
                    return json.items(|json| {
                        filled = true;
                        json.skip()
                    });
                }
                "error" => error |= json.peek() != b'n',
                _ => {}
            }
            json.skip()
        })?;
        json.end()?;
        Ok(Cut {
            members,
            only_usage: counted && named && !filled && !error,
        })
    }

    /// The data line without the members and one comma each; data of several lines becomes one.
    fn write(&self, data: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        let from = out.len();
        let mut kept = 0;
        for member in &self.members {
            let before = data[kept..member.start].trim_ascii_end();
            let after = data[member.end..].trim_ascii_start();
            let (start, end) = match (before.last(), after.first()) {
                (Some(b','), _) => (kept + before.len() - 1, member.end),
                (_, Some(b',')) => (member.start, data.len() - after.len() + 1),
                _ => (member.start, member.end),
            };
            out.extend_from_slice(&data[kept..start]);
            kept = end;
        }
        out.extend_from_slice(&data[kept..]);
        out[from..]
            .iter_mut()
            .filter(|byte| **byte == b'\n')
            .for_each(|byte| *byte = b' ');
        out.extend_from_slice(b"\n\n");
    }
}
