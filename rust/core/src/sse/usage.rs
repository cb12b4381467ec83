//! Taking out the usage that a client did not ask for.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::frame::{Event, Framer};
use super::skim::{Skimmed, Skimmer};

/// The same events without the `usage` member of every chunk, and without the chunk that has only usage.
///
/// `events` are whole events as [`super::Scanner`] hands them out; what is not such an event is left as it is.
pub fn without_usage(events: &[u8]) -> Cow<'_, [u8]> {
    if memmem::find(events, b"\"usage\"").is_none() {
        return Cow::Borrowed(events);
    }
    let mut framer = Framer::default();
    let mut out = Vec::with_capacity(events.len());
    let mut kept = 0;
    while let Some(frame) = framer.next(events) {
        let bytes = &events[frame.range.clone()];
        if memmem::find(bytes, b"\"usage\"").is_none() {
            continue;
        }
        let event = Event::parse(bytes);
        let data = event.data();
        let Some(cut) = std::str::from_utf8(&data)
            .ok()
            .and_then(|json| Cut::find(json).ok())
        else {
            continue;
        };
        if cut.nothing() {
            continue;
        }
        out.extend_from_slice(&events[kept..frame.range.start]);
        kept = frame.range.end;
        if !cut.only_usage {
            cut.write(&data, &mut out);
        }
    }
    if kept == 0 {
        return Cow::Borrowed(events);
    }
    out.extend_from_slice(&events[kept..]);
    Cow::Owned(out)
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
        let (mut counted, mut empty, mut error) = (false, false, false);
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
                    empty = true;
                    return json.items(|json| {
                        empty = false;
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
            only_usage: counted && empty && !error,
        })
    }

    fn nothing(&self) -> bool {
        self.members.is_empty()
    }

    /// The data line without the members and one comma each; data of several lines becomes one.
    fn write(&self, data: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        let from = out.len();
        let mut kept = 0;
        for member in &self.members {
            let before = data[..member.start].trim_ascii_end();
            let after = data[member.end..].trim_ascii_start();
            let (start, end) = match (before.last(), after.first()) {
                (Some(b','), _) if before.len() > kept => (before.len() - 1, member.end),
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
