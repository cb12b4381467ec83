//! The canonical form while it is written: bytes in document order, and the order in which they count.
//!
//! The form is a stream of tokens. Each begins with one of the bytes below, none of which occurs in UTF-8, and runs to the
//! next such byte; so the stream reads back to one value only, and needs neither quotes, escapes nor lengths.
//!
//! Objects are put into order by relinking, never by copying: every member begins a new *segment* of the bytes, and the
//! segments form a linked list. So a body costs linear time at any nesting.

use std::cmp::Ordering;

use super::kinds::Kinds;

pub(super) const STRING: u8 = 0xF5;
pub(super) const NUMBER: u8 = 0xF6;
pub(super) const TRUE: u8 = 0xF7;
pub(super) const FALSE: u8 = 0xF8;
pub(super) const NULL: u8 = 0xF9;
pub(super) const OBJECT: u8 = 0xFA;
pub(super) const OBJECT_END: u8 = 0xFB;
pub(super) const ARRAY: u8 = 0xFC;
pub(super) const ARRAY_END: u8 = 0xFD;

/// What is kept of the buffers between two bodies.
const KEEP_BYTES: usize = 1 << 20;

/// A half-open range of a body, or of the canonical bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            end: end as u32,
        }
    }

    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// A value as it lies in the body.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Value {
    pub span: Span,
    pub kind: Kinds,
    /// The types of an array's elements; of no meaning otherwise.
    pub elements: Kinds,
}

/// One member of the object that is being read. Its segments are `first..=last`: in document order, and, whatever was
/// relinked inside, also the ends of its chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    /// The [`prefix`] of the key, which settles most comparisons.
    pub prefix: u64,
    /// The key's text in the canonical bytes.
    pub key: Span,
    pub first: u32,
    pub last: u32,
    pub value: Value,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    start: u32,
    next: u32,
}

/// The buffers of one pass.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub out: Vec<u8>,
    segments: Vec<Segment>,
    pub members: Vec<Member>,
}

impl Scratch {
    /// Empties the buffers and opens the first segment.
    pub fn begin(&mut self, body: usize) {
        self.out.clear();
        self.out.reserve(body + body / 2 + 64);
        self.segments.clear();
        self.members.clear();
        self.cut();
    }

    /// Gives back what an unusually large body took.
    pub fn trim(&mut self) {
        self.out.clear();
        self.out.shrink_to(KEEP_BYTES);
        self.segments.clear();
        self.segments.shrink_to(KEEP_BYTES / 64);
        self.members.clear();
        self.members.shrink_to(KEEP_BYTES / 64);
    }

    /// Begins a segment and gives its number.
    #[inline]
    pub fn cut(&mut self) -> u32 {
        let number = self.segments.len() as u32;
        self.segments.push(Segment {
            start: self.out.len() as u32,
            next: number + 1,
        });
        number
    }

    /// A member that begins with segment `first`; [`Scratch::end`] settles where it ends.
    #[inline]
    pub fn member(&self, first: u32, key: Span) -> Member {
        Member {
            prefix: prefix(key.of(&self.out)),
            key,
            first,
            last: first,
            value: Value::default(),
        }
    }

    #[inline]
    pub fn end(&mut self, mut member: Member) {
        member.last = self.segments.len() as u32 - 1;
        self.members.push(member);
    }

    pub fn key(&self, member: &Member) -> &[u8] {
        member.key.of(&self.out)
    }

    /// Whether the member's value is this string.
    pub fn is_text(&self, member: &Member, text: &[u8]) -> bool {
        self.string(member) == Some(text)
    }

    /// The member's value, if it is a string.
    pub fn string(&self, member: &Member) -> Option<&[u8]> {
        let value = self
            .out
            .get(member.key.end as usize..)?
            .strip_prefix(&[STRING])?;
        let end = value
            .iter()
            .position(|&b| b >= STRING)
            .unwrap_or(value.len());
        Some(&value[..end])
    }

    /// The member of that name among those from `base` on.
    #[inline]
    pub fn find(&self, base: usize, name: &[u8]) -> Option<Member> {
        let head = prefix(name);
        let mut run = self.members[base..].iter();
        run.find(|m| m.prefix == head && self.key(m) == name)
            .copied()
    }

    /// Sorts the members from `base` on; gives a key that stands twice.
    #[inline]
    pub fn sort(&mut self, base: usize) -> Sorted {
        if self.members[base..]
            .windows(2)
            .all(|pair| pair[0].prefix > pair[1].prefix)
        {
            return Sorted::Already;
        }
        self.sort_anew(base)
    }

    fn sort_anew(&mut self, base: usize) -> Sorted {
        let (run, out) = (&mut self.members[base..], &self.out);
        run.sort_unstable_by(|a, b| order(a, b, out));
        match run
            .windows(2)
            .find(|pair| order(&pair[0], &pair[1], out) == Ordering::Equal)
        {
            Some(pair) => Sorted::Twice(pair[0].key),
            None => Sorted::Anew,
        }
    }

    /// Links the segments of the members from `base` on, which were sorted anew, in their order; `after` is the segment
    /// that follows the object's last member.
    pub fn relink(&mut self, base: usize, after: u32) {
        let run = &self.members[base..];
        let opening = run
            .iter()
            .map(|m| m.first)
            .min()
            .expect("only two members or more are sorted anew")
            - 1;
        let mut tail = opening;
        for member in run {
            self.segments[tail as usize].next = member.first;
            tail = member.last;
        }
        self.segments[tail as usize].next = after;
    }

    /// Feeds the chain `first..=last` in as few pieces as it has, leaving the chain `skip` out.
    pub fn pieces(
        &self,
        (first, last): (u32, u32),
        skip: Option<(u32, u32)>,
        mut feed: impl FnMut(&[u8]),
    ) {
        let (mut start, mut end) = (0, 0);
        let mut at = first;
        loop {
            let here = match skip {
                Some((from, to)) if from == at => to,
                _ => {
                    let segment = Span {
                        start: self.segments[at as usize].start,
                        end: self.start(at + 1),
                    };
                    if segment.start != end {
                        feed(Span { start, end }.of(&self.out));
                        start = segment.start;
                    }
                    end = segment.end;
                    at
                }
            };
            if here == last {
                break;
            }
            at = self.segments[here as usize].next;
        }
        feed(Span { start, end }.of(&self.out));
    }

    fn start(&self, segment: u32) -> u32 {
        self.segments
            .get(segment as usize)
            .map_or(self.out.len() as u32, |s| s.start)
    }
}

/// What [`Scratch::sort`] found.
pub(super) enum Sorted {
    Already,
    Anew,
    Twice(Span),
}

/// Descending, since what clients write most (`role` before `content`, `type` before `text`) then stands in order.
#[inline]
fn order(a: &Member, b: &Member, out: &[u8]) -> Ordering {
    b.prefix
        .cmp(&a.prefix)
        .then_with(|| b.key.of(out).cmp(a.key.of(out)))
}

/// The first eight bytes of a key, most significant first, zeros after its end.
#[inline]
pub(super) fn prefix(key: &[u8]) -> u64 {
    let four = |from: usize| {
        u64::from(u32::from_be_bytes(
            key[from..from + 4].try_into().expect("four bytes"),
        ))
    };
    match key.len() {
        8.. => u64::from_be_bytes(key[..8].try_into().expect("eight bytes")),
        length @ 4.. => four(0) << 32 | four(length - 4) << (64 - 8 * length),
        _ => key
            .iter()
            .enumerate()
            .fold(0, |sum, (at, &byte)| sum | u64::from(byte) << (56 - 8 * at)),
    }
}
