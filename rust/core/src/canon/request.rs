//! The request's own grammar over the JSON: its known fields and its messages.

use super::check::{self, check};
use super::error::CanonError;
use super::fields::{CONTENT, Field, Kinds, OPTIONAL_BOOL, REQUIRED_STRING, Role};
use super::number::as_f64;
use super::parser::{Parser, Result};
use super::scratch::{self, Member, Scratch, Sorted, Span};

/// What one pass found; positions are the body's.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outline {
    pub model: Span,
    pub stream: bool,
    pub include_usage: bool,
    pub max_tokens: Option<u64>,
    pub max_completion_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub n: Option<u32>,
    pub cache: Option<Span>,
    /// What goes with `cache`: the member and one comma.
    pub cache_cut: Span,
    pub stream_options: Option<Span>,
    /// Just after the opening brace.
    pub head: u32,
    /// The content of the last message, if that is a user's.
    pub question: Option<Span>,
}

/// The message that was read last.
#[derive(Debug, Default)]
struct Message {
    is_user: bool,
    content: Option<Member>,
}

/// Reads a request; what counts of its members is left, sorted, in the scratch. Gives the segments of the last user
/// turn's content too.
pub(super) fn read(
    body: &[u8],
    scratch: &mut Scratch,
    max_depth: usize,
) -> Result<(Outline, Option<(u32, u32)>)> {
    let mut parser = Parser::new(body, 0, scratch, max_depth);
    parser.space();
    if parser.peek() != Some(b'{') {
        return Err(parser.syntax("expected a JSON object"));
    }
    let mut outline = Outline {
        head: parser.at as u32 + 1,
        ..Outline::default()
    };
    let message = top(&mut parser, &mut outline)?;
    parser.space();
    if parser.at < body.len() {
        return Err(parser.syntax("expected nothing after the object"));
    }
    let content = message.content.filter(|_| message.is_user);
    outline.question = content.map(|c| c.value);
    Ok((outline, content.map(|c| (c.first, c.last))))
}

fn top(parser: &mut Parser<'_>, outline: &mut Outline) -> Result<Message> {
    let mut message = Message::default();
    parser.members(|parser, key| {
        let field = Field::of(key.of(&parser.scratch.out));
        (parser.field, parser.index) = (Some(key), None);
        parser.ordered = field.role == Role::Ordered;
        match (key.of(&parser.scratch.out), parser.peek()) {
            (b"messages", Some(b'[')) => messages(parser, &mut message),
            (b"stream_options", Some(b'{')) => stream_options(parser, outline),
            _ => parser.value(),
        }
    })?;
    parser.scratch.cut();
    parser.shut(scratch::OBJECT_END);
    parser.field = None;
    describe(parser, outline)?;
    if let Sorted::Twice(key) = parser.scratch.sort(0) {
        return Err(Box::new(CanonError::Duplicate {
            key: parser.text(key),
            within: None,
        }));
    }
    Ok(message)
}

/// Checks the top-level fields against the table, notes what the route asks of them, and drops what does not count.
fn describe(parser: &mut Parser<'_>, outline: &mut Outline) -> Result<()> {
    let (mut before, mut messages) = (None, false);
    for at in 0..parser.scratch.members.len() {
        let member = parser.scratch.members[at];
        let name = parser.scratch.key(&member);
        let field = Field::of(name);
        check(parser, &field, &member, || parser.text(member.key))?;
        let text = member.value.of(parser.body);
        let present = member.kind != Kinds::NULL;
        match parser.scratch.key(&member) {
            b"model" => outline.model = member.value,
            b"messages" => messages = true,
            b"stream" => outline.stream = text == b"true",
            b"stream_options" => outline.stream_options = Some(member.value),
            b"temperature" if present => outline.temperature = Some(as_f64(text)),
            b"n" if present => outline.n = Some(as_f64(text) as u32),
            b"max_tokens" if present => outline.max_tokens = Some(as_f64(text) as u64),
            b"max_completion_tokens" if present => {
                outline.max_completion_tokens = Some(as_f64(text) as u64)
            }
            b"cache" => {
                outline.cache = Some(member.value).filter(|_| present);
                outline.cache_cut = cut(parser.body, outline.head, before, member.value);
            }
            _ => {}
        }
        parser.scratch.members[at].counts =
            field.role != Role::Harmless && (present || !field.nullable);
        before = Some(member.value.end);
    }
    match () {
        () if outline.model == Span::default() => Err(check::missing("model")),
        () if !messages => Err(check::missing("messages")),
        () => Ok(()),
    }
}

/// A member with the comma before it, or, if it comes first, the one after.
fn cut(body: &[u8], head: u32, before: Option<u32>, value: Span) -> Span {
    if let Some(start) = before {
        return Span {
            start,
            end: value.end,
        };
    }
    let rest = &body[value.end as usize..];
    let comma = rest
        .iter()
        .position(|&b| b == b',')
        .map_or(0, |comma| comma as u32 + 1);
    Span {
        start: head,
        end: value.end + comma,
    }
}

fn stream_options(parser: &mut Parser<'_>, outline: &mut Outline) -> Result<Kinds> {
    let base = parser.members(|parser, _| parser.value())?;
    if let Some(usage) = parser.scratch.find(base, b"include_usage") {
        check(parser, &OPTIONAL_BOOL, &usage, || {
            "stream_options.include_usage".into()
        })?;
        outline.include_usage = usage.value.of(parser.body) == b"true";
    }
    parser.close(base)?;
    Ok(Kinds::OBJECT)
}

fn messages(parser: &mut Parser<'_>, last: &mut Message) -> Result<Kinds> {
    parser.open(scratch::ARRAY)?;
    let (mut first, mut index, mut elements) = (true, 0, Kinds::NONE);
    while parser.more(b']', &mut first)? {
        parser.index = Some(index);
        if parser.peek() == Some(b'{') {
            *last = message(parser, index)?;
            elements = elements.or(Kinds::OBJECT);
        } else {
            elements = elements.or(parser.value()?);
        }
        index += 1;
    }
    parser.shut(scratch::ARRAY_END);
    (parser.elements, parser.index) = (elements, None);
    Ok(Kinds::ARRAY)
}

fn message(parser: &mut Parser<'_>, index: usize) -> Result<Message> {
    let base =
        parser.members(
            |parser, key| match (key.of(&parser.scratch.out), parser.peek()) {
                (b"content", Some(b'[')) => parts(parser, index),
                _ => parser.value(),
            },
        )?;
    let Some(role) = parser.scratch.find(base, b"role") else {
        return Err(check::missing(&format!("messages[{index}].role")));
    };
    check(parser, &REQUIRED_STRING, &role, || {
        format!("messages[{index}].role")
    })?;
    let content = parser.scratch.find(base, b"content");
    if let Some(content) = &content {
        check(parser, &CONTENT, content, || {
            format!("messages[{index}].content")
        })?;
    }
    let is_user = parser.scratch.is_text(&role, b"user");
    parser.close(base)?;
    Ok(Message { is_user, content })
}

fn parts(parser: &mut Parser<'_>, index: usize) -> Result<Kinds> {
    parser.open(scratch::ARRAY)?;
    let (mut first, mut part, mut elements) = (true, 0, Kinds::NONE);
    while parser.more(b']', &mut first)? {
        if parser.peek() == Some(b'{') {
            let base = parser.members(|parser, _| parser.value())?;
            let path = || format!("messages[{index}].content[{part}].type");
            let Some(kind) = parser.scratch.find(base, b"type") else {
                return Err(check::missing(&path()));
            };
            check(parser, &REQUIRED_STRING, &kind, path)?;
            parser.close(base)?;
            elements = elements.or(Kinds::OBJECT);
        } else {
            elements = elements.or(parser.value()?);
        }
        part += 1;
    }
    parser.shut(scratch::ARRAY_END);
    parser.elements = elements;
    Ok(Kinds::ARRAY)
}
