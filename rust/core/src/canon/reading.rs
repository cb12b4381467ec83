//! What was read of one request.

use std::borrow::Cow;

use super::digest::{Digest, Digests};
use super::grammar::Grammar;
use super::parser::Parser;
use super::request::Outline;
use super::scratch::{Scratch, Span};
use super::splice;

/// One request body as read: its fields, its keys, and its bytes with what must change spliced in.
#[derive(Debug, Clone)]
pub struct Reading<B> {
    body: B,
    grammar: Grammar,
    outline: Outline,
    digests: Digests,
}

impl<B: AsRef<[u8]>> Reading<B> {
    pub(super) fn new(body: B, grammar: Grammar, outline: Outline, digests: Digests) -> Self {
        Self {
            body,
            grammar,
            outline,
            digests,
        }
    }

    /// The name of the grammar that it was read by.
    pub fn grammar(&self) -> &str {
        self.grammar.name()
    }

    /// The body that was read.
    pub fn body(&self) -> &B {
        &self.body
    }

    /// The model asked for.
    pub fn model(&self) -> Cow<'_, str> {
        let span = self.outline.model;
        let raw = span.of(self.body.as_ref());
        match std::str::from_utf8(&raw[1..raw.len() - 1]) {
            Ok(text) if !text.contains('\\') => Cow::Borrowed(text),
            _ => Cow::Owned(self.decode(span)),
        }
    }

    /// Whether the answer is to be streamed; false when absent or null.
    pub fn stream(&self) -> bool {
        self.outline.stream
    }

    /// Whether `stream_options.include_usage` is true.
    pub fn include_usage(&self) -> bool {
        self.outline.include_usage
    }

    /// The bound on the output's tokens; where several are given, the largest. At most 2⁶⁴ - 1.
    pub fn max_tokens(&self) -> Option<u64> {
        self.outline.max_tokens
    }

    pub fn temperature(&self) -> Option<f64> {
        self.outline.temperature
    }

    /// How many choices, or embeddings, the answer is to have: 1, or `n`, for each question. At most 2⁶⁴ - 1.
    pub fn n(&self) -> u64 {
        let questions = self.outline.questions.unwrap_or(1);
        self.outline.choices.unwrap_or(1).saturating_mul(questions)
    }

    /// How many the provider makes and bills: more than `n` where it is to give the best of several. At most 2⁶⁴ - 1.
    pub fn candidates(&self) -> u64 {
        let questions = self.outline.questions.unwrap_or(1);
        let candidates = self
            .outline
            .candidates
            .unwrap_or(1)
            .saturating_mul(questions);
        candidates.max(self.n())
    }

    /// The raw JSON of the gateway's own member `cache`.
    pub fn cache(&self) -> Option<&[u8]> {
        self.outline.cache.map(|span| span.of(self.body.as_ref()))
    }

    /// The key of the answer within a scope: what must keep answers apart, in parts (tenant, namespace, …).
    pub fn key(&self, scope: &[impl AsRef<[u8]>]) -> Digest {
        self.digests.key(self.grammar.name(), scope)
    }

    /// The key of all but the question, within a scope: where a question of like meaning may be looked for.
    pub fn context(&self, scope: &[impl AsRef<[u8]>]) -> Digest {
        self.digests.context(self.grammar.name(), scope)
    }

    /// The text of the last user turn: its string content, or its text parts joined by a line feed; or the one string that
    /// is the question.
    ///
    /// None when the last message is not a user's, or holds anything but text: other parts, or parts with members that are
    /// not known to be without meaning; when there are several questions, or one of tokens.
    pub fn question(&self) -> Option<String> {
        let span = self.outline.question?;
        match span.of(self.body.as_ref()).first()? {
            b'"' => Some(self.decode(span)),
            b'[' => self.text_parts(span),
            _ => None,
        }
    }

    fn text_parts(&self, span: Span) -> Option<String> {
        let mut scratch = Scratch::default();
        let mut parser = Parser::new(
            self.body.as_ref(),
            span.start as usize + 1,
            &mut scratch,
            usize::MAX,
        );
        let (mut first, mut texts) = (true, Vec::new());
        while parser.more(b']', &mut first).ok()? {
            let base = parser.members(|parser, _| parser.value()).ok()?;
            let scratch = &*parser.scratch;
            let known = |key: &[u8]| matches!(key, b"type" | b"text" | b"cache_control");
            let typed = scratch
                .find(base, b"type")
                .is_some_and(|kind| scratch.is_text(&kind, b"text"));
            if !typed
                || !scratch.members[base..]
                    .iter()
                    .all(|member| known(scratch.key(member)))
            {
                return None;
            }
            let text = scratch.find(base, b"text")?;
            texts.push(String::from_utf8(scratch.string(&text)?.to_vec()).ok()?);
            parser.close(base).ok()?;
        }
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    fn decode(&self, span: Span) -> String {
        let mut scratch = Scratch::default();
        let body = &self.body.as_ref()[..span.end as usize];
        let mut parser = Parser::new(body, span.start as usize, &mut scratch, usize::MAX);
        parser.string().expect("the string was read before");
        String::from_utf8(scratch.out.split_off(1)).expect("canonical text is UTF-8")
    }

    /// The client's own bytes, with only these changes: the model's name replaced by `model`, if given; usage asked for, if
    /// `include_usage`, the request streams and its grammar has a member for it; the gateway's own `cache` cut out.
    pub fn splice(&self, model: Option<&str>, include_usage: bool) -> Cow<'_, [u8]> {
        let options = self.grammar.stream_options().filter(|_| include_usage);
        splice::splice(self.body.as_ref(), &self.outline, model, options)
    }
}
