//! The request's own grammar over the JSON: its known fields and its messages.

use super::check::{self, check};
use super::error::CanonError;
use super::fields::{CONTENT, Field, Kinds, OPTIONAL_BOOL, REQUIRED_STRING, Role};
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
    outline.question = content.map(|c| c.value.span);
    Ok((outline, content.map(|c| (c.first, c.last))))
}

fn top(parser: &mut Parser<'_>, outline: &mut Outline) -> Result<Message> {
    let (mut last, mut before) = (None, None);
    parser.members(|parser, key| {
        let kind = field(parser, key, outline, &mut last)?;
        if key.of(&parser.scratch.out) == b"cache" {
            outline.cache_cut = cut(parser.body, outline.head, before, parser.at);
        }
        before = Some(parser.at);
        Ok(kind)
    })?;
    parser.scratch.cut();
    parser.shut(scratch::OBJECT_END);
    parser.field = None;
    if let Sorted::Twice(key) = parser.scratch.sort(0) {
        return Err(Box::new(CanonError::Duplicate {
            key: parser.text(key),
            within: None,
        }));
    }
    if outline.model == Span::default() {
        return Err(check::missing("model"));
    }
    last.ok_or_else(|| check::missing("messages"))
}

/// Reads a top-level value, checks it against the table and notes what the route asks of it.
fn field(
    parser: &mut Parser<'_>,
    key: Span,
    outline: &mut Outline,
    last: &mut Option<Message>,
) -> Result<Kinds> {
    let field = Field::of(key.of(&parser.scratch.out));
    (parser.field, parser.ordered) = (Some(key), field.role == Role::Ordered);
    let start = parser.at;
    let kind = match (key.of(&parser.scratch.out), parser.peek()) {
        (b"messages", Some(b'[')) => messages(parser, last)?,
        (b"stream_options", Some(b'{')) => stream_options(parser, outline)?,
        _ => parser.value()?,
    };
    let value = parser.since(start, kind);
    let number = check(parser, &field, &value, || parser.text(key))?;
    match key.of(&parser.scratch.out) {
        b"model" => outline.model = value.span,
        b"stream" => outline.stream = value.span.of(parser.body) == b"true",
        b"stream_options" => outline.stream_options = Some(value.span),
        b"temperature" => outline.temperature = number,
        b"n" => outline.n = number.map(|n| n as u32),
        b"max_tokens" => outline.max_tokens = number.map(|n| n as u64),
        b"max_completion_tokens" => outline.max_completion_tokens = number.map(|n| n as u64),
        b"cache" if kind != Kinds::NULL => outline.cache = Some(value.span),
        _ => {}
    }
    let absent = kind == Kinds::NULL && field.nullable;
    Ok(if absent || field.role == Role::Harmless {
        kind.or(Kinds::OMITTED)
    } else {
        kind
    })
}

/// A member that ends at `end`, with the comma before it (the member before ends at `before`) or else the one after it.
fn cut(body: &[u8], head: u32, before: Option<usize>, end: usize) -> Span {
    match before {
        Some(before) => Span::new(before, end),
        None => {
            let comma = body[end..]
                .iter()
                .position(|&b| b == b',')
                .map_or(0, |comma| comma + 1);
            Span::new(head as usize, end + comma)
        }
    }
}

fn stream_options(parser: &mut Parser<'_>, outline: &mut Outline) -> Result<Kinds> {
    let base = parser.members(|parser, _| parser.value())?;
    if let Some(usage) = parser.scratch.find(base, b"include_usage") {
        check(parser, &OPTIONAL_BOOL, &usage.value, || {
            "stream_options.include_usage".into()
        })?;
        outline.include_usage = usage.value.span.of(parser.body) == b"true";
    }
    parser.close(base)?;
    Ok(Kinds::OBJECT)
}

fn messages(parser: &mut Parser<'_>, last: &mut Option<Message>) -> Result<Kinds> {
    parser.open(scratch::ARRAY)?;
    let (mut first, mut index, mut elements) = (true, 0, Kinds::NONE);
    while parser.more(b']', &mut first)? {
        parser.index = Some(index);
        if parser.peek() == Some(b'{') {
            *last = Some(message(parser, index)?);
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
    check(parser, &REQUIRED_STRING, &role.value, || {
        format!("messages[{index}].role")
    })?;
    let content = parser.scratch.find(base, b"content");
    if let Some(content) = &content {
        check(parser, &CONTENT, &content.value, || {
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
            check(parser, &REQUIRED_STRING, &kind.value, path)?;
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
