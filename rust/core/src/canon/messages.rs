//! A conversation: messages, each of a role and a content of text or parts.

use std::borrow::Cow;

use super::check::{self, check};
use super::error::CanonError;
use super::grammar::Rule;
use super::kinds::Kinds;
use super::parser::{Parser, Result};
use super::scratch::{self, Member};

/// Content of a message; it may also be null or left out.
static A_CONTENT: Rule = Rule {
    takes: Kinds::STRING.or(Kinds::ARRAY),
    arrays: Cow::Borrowed(&[Kinds::OBJECT]),
    expected: Cow::Borrowed("a string or an array of objects"),
    nullable: true,
    ..Rule::STRING
};

/// The [prefix](super::scratch::prefix) of two names.
const ROLE: u64 = u64::from_be_bytes(*b"role\0\0\0\0");
const CONTENT: u64 = u64::from_be_bytes(*b"content\0");
/// The bits by which letters of the first eight bytes differ in case.
const CASE: u64 = 0x2020_2020_2020_2020;

/// One message that was read.
#[derive(Debug)]
pub(super) struct Message {
    pub is_user: bool,
    pub content: Option<Member>,
}

/// Reads the array that begins here; leaves its last message in `last`.
pub(super) fn messages(parser: &mut Parser<'_>, last: &mut Option<Message>) -> Result<Kinds> {
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
    let base = parser.members(|parser, member| {
        match (member.key.of(&parser.scratch.out), parser.peek()) {
            (b"content", Some(b'[')) => parts(parser, index),
            _ => parser.value(),
        }
    })?;
    misspelt(parser, base, index)?;
    let Some(role) = parser.scratch.find(base, b"role") else {
        return Err(check::missing(&format!("messages[{index}].role")));
    };
    check(parser, &Rule::STRING, &role.value, || {
        format!("messages[{index}].role")
    })?;
    let content = parser.scratch.find(base, b"content");
    if let Some(content) = &content {
        check(parser, &A_CONTENT, &content.value, || {
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
            check(parser, &Rule::STRING, &kind.value, path)?;
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

/// Refuses what a reader that ignores case would take for the role or the content.
#[inline]
fn misspelt(parser: &Parser<'_>, base: usize, index: usize) -> Result<()> {
    // Neither name has a letter that stands for another one outside ASCII.
    let alike = |head: u64, known: u64| head | (CASE & known) == known && head != known;
    let members = &parser.scratch.members[base..];
    let odd = |member: &&Member| alike(member.prefix, ROLE) || alike(member.prefix, CONTENT);
    match members.iter().find(odd) {
        Some(member) => Err(misspelt_as(parser, member, index)),
        None => Ok(()),
    }
}

#[cold]
fn misspelt_as(parser: &Parser<'_>, member: &Member, index: usize) -> Box<CanonError> {
    let name = parser.text(member.key);
    Box::new(CanonError::Misspelt {
        known: name.to_ascii_lowercase(),
        param: format!("messages[{index}].{name}"),
    })
}
