//! A request read by its grammar: its known members, checked, and its messages.

use std::borrow::Cow;

use super::check::{self, check};
use super::error::CanonError;
use super::grammar::{Grammar, Means, Role, Rule};
use super::kinds::Kinds;
use super::messages::{Message, messages};
use super::number::{as_count, as_f64};
use super::parser::{Parser, Result};
use super::scratch::{self, Member, Scratch, Sorted, Span, Value};

static OPTIONAL_BOOL: Rule = Rule {
    takes: Kinds::BOOL,
    expected: Cow::Borrowed("a boolean"),
    nullable: true,
    ..Rule::STRING
};

/// What one pass found; positions are the body's.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outline {
    pub model: Span,
    pub stream: bool,
    pub include_usage: bool,
    pub max_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub choices: Option<u64>,
    pub candidates: Option<u64>,
    /// How many questions the request asks, where they are an array.
    pub questions: Option<u64>,
    pub cache: Option<Span>,
    /// What goes with `cache`: the member and one comma.
    pub cache_cut: Span,
    pub stream_options: Option<Span>,
    /// Just after the opening brace.
    pub head: u32,
    /// The content of the last message, if that is a user's; or the question, if that is one string.
    pub question: Option<Span>,
}

/// One request while it is read.
struct Pass<'g> {
    grammar: &'g Grammar,
    outline: Outline,
    /// The bits of the required rows that were met.
    seen: u64,
    last: Option<Message>,
    /// Where among the members the question is, if it is one string.
    question: Option<usize>,
    /// Where the member before ends.
    before: Option<usize>,
}

/// Reads a request; what counts of its members is left, sorted, in the scratch. Gives the segments of the question too.
pub(super) fn read(
    body: &[u8],
    grammar: &Grammar,
    scratch: &mut Scratch,
    max_depth: usize,
) -> Result<(Outline, Option<(u32, u32)>)> {
    let mut parser = Parser::new(body, 0, scratch, max_depth);
    parser.space();
    if parser.peek() != Some(b'{') {
        return Err(parser.syntax("expected a JSON object"));
    }
    let mut pass = Pass {
        grammar,
        outline: Outline {
            head: parser.at as u32 + 1,
            ..Outline::default()
        },
        seen: 0,
        last: None,
        question: None,
        before: None,
    };
    let question = pass.top(&mut parser)?;
    parser.space();
    if parser.at < body.len() {
        return Err(parser.syntax("expected nothing after the object"));
    }
    pass.outline.question = question.map(|member| member.value.span);
    Ok((
        pass.outline,
        question.map(|member| (member.first, member.last)),
    ))
}

impl Pass<'_> {
    /// Reads the whole object; gives the question, if there is one that stands apart.
    fn top(&mut self, parser: &mut Parser<'_>) -> Result<Option<Member>> {
        parser.members(|parser, member| {
            let kind = self.member(parser, member)?;
            self.before = Some(parser.at);
            Ok(kind)
        })?;
        let question = self.question.map(|at| parser.scratch.members[at]);
        parser.scratch.cut();
        parser.shut(scratch::OBJECT_END);
        parser.field = None;
        if let Sorted::Twice(key) = parser.scratch.sort(0) {
            return Err(Box::new(CanonError::Duplicate {
                key: parser.text(key),
                within: None,
            }));
        }
        if let Some(name) = self.grammar.missing(self.seen) {
            return Err(check::missing(name));
        }
        let turn = self.last.take().filter(|message| message.is_user);
        Ok(question.or(turn.and_then(|message| message.content)))
    }

    /// Reads a value, checks it against its row and notes what the route asks of it.
    fn member(&mut self, parser: &mut Parser<'_>, member: &Member) -> Result<Kinds> {
        let key = member.key;
        let grammar = self.grammar;
        let row = match grammar.find(member.prefix, key.of(&parser.scratch.out)) {
            Ok(row) => row,
            Err(known) => {
                return Err(Box::new(CanonError::Misspelt {
                    param: parser.text(key),
                    known: known.into(),
                }));
            }
        };
        (parser.field, parser.ordered) = (Some(key), row.role == Role::Ordered);
        let start = parser.at;
        let kind = match (row.means, parser.peek()) {
            (Some(Means::Messages), Some(b'[')) => messages(parser, &mut self.last)?,
            (Some(Means::StreamOptions), Some(b'{')) => stream_options(parser, &mut self.outline)?,
            _ => parser.value()?,
        };
        let value = parser.since(start, kind);
        check(parser, &row.rule, &value, || parser.text(key))?;
        self.seen |= row.required;
        if let Some(means) = row.means {
            self.note(parser, means, key, &value)?;
        }
        let absent = kind == Kinds::NULL && row.rule.nullable;
        let apart = self.question == Some(parser.scratch.members.len());
        Ok(if absent || apart || row.role == Role::Harmless {
            kind.or(Kinds::OMITTED)
        } else {
            kind
        })
    }

    fn note(&mut self, parser: &Parser<'_>, means: Means, key: Span, value: &Value) -> Result<()> {
        let outline = &mut self.outline;
        let text = value.span.of(parser.body);
        let given = value.kind != Kinds::NULL;
        match means {
            Means::Model => {
                outline.model = value.span;
                name(parser, key)?;
            }
            Means::Question if value.kind == Kinds::STRING => {
                self.question = Some(parser.scratch.members.len());
            }
            // A flat array of tokens is one question.
            Means::Question if given && !value.elements.meets(Kinds::NUMBER) => {
                outline.questions = Some(parser.length.max(1) as u64);
            }
            Means::Messages | Means::Question => {}
            Means::Stream => outline.stream = text == b"true",
            Means::StreamOptions => outline.stream_options = Some(value.span),
            Means::Temperature => outline.temperature = given.then(|| as_f64(text)),
            Means::MaxTokens if given => {
                outline.max_tokens = outline.max_tokens.max(Some(as_count(text)));
            }
            Means::MaxTokens => {}
            Means::Choices => outline.choices = given.then(|| as_count(text)),
            Means::Candidates => outline.candidates = given.then(|| as_count(text)),
            Means::Cache => {
                outline.cache = given.then_some(value.span);
                outline.cache_cut = cut(parser.body, outline.head, self.before, parser.at);
            }
        }
        Ok(())
    }
}

/// Holds the text that was just read to what names may hold: it becomes a label, a header and a line of the log.
fn name(parser: &Parser<'_>, key: Span) -> Result<()> {
    let text = &parser.scratch.out[key.end as usize + 1..];
    // U+0080 to U+009F are C2 80 to C2 9F.
    let control = |at: usize| match text[at] {
        0xC2 => text[at + 1] < 0xA0,
        byte => byte < b' ' || byte == 0x7F,
    };
    if (0..text.len()).any(control) {
        let reason = "a control character, which no name may hold.".into();
        return Err(check::invalid(parser.text(key), "invalid_value", reason));
    }
    Ok(())
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
