//! What was read of one request.

use std::borrow::Cow;

use highway::{HighwayHash, HighwayHasher, Key};

use super::parser::Parser;
use super::request::Outline;
use super::scratch::{Scratch, Span};
use super::{Digest, Digests, splice};

/// One request body as read: its fields, its keys, and its bytes with what must change spliced in.
#[derive(Debug, Clone)]
pub struct Reading<B> {
    body: B,
    outline: Outline,
    digests: Digests,
    scope_key: Key,
}

impl<B: AsRef<[u8]>> Reading<B> {
    pub(super) fn new(body: B, outline: Outline, digests: Digests, scope_key: Key) -> Self {
        Self {
            body,
            outline,
            digests,
            scope_key,
        }
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

    /// `max_completion_tokens`, else `max_tokens`.
    pub fn max_tokens(&self) -> Option<u64> {
        self.outline
            .max_completion_tokens
            .or(self.outline.max_tokens)
    }

    pub fn temperature(&self) -> Option<f64> {
        self.outline.temperature
    }

    /// How many choices are asked for; 1 when absent.
    pub fn n(&self) -> u32 {
        self.outline.n.unwrap_or(1)
    }

    /// The raw JSON of the gateway's own member `cache`.
    pub fn cache(&self) -> Option<&[u8]> {
        self.outline.cache.map(|span| span.of(self.body.as_ref()))
    }

    /// The key of the answer within a scope (tenant, namespace, endpoint, …).
    pub fn key(&self, scope: &[u8]) -> Digest {
        let Digests { context, turn } = self.digests;
        let kind = if turn.is_some() { b'T' } else { b'K' };
        self.scoped(kind, scope, context, turn.unwrap_or_default())
    }

    /// The key of all but the last user turn's content, within a scope: where a question of like meaning may be looked for.
    pub fn context(&self, scope: &[u8]) -> Digest {
        self.scoped(b'C', scope, self.digests.context, [0; 4])
    }

    /// Hashes a head of fixed length, then the scope: so no scope can be read as part of anything else.
    fn scoped(&self, kind: u8, scope: &[u8], context: [u64; 4], turn: [u64; 4]) -> Digest {
        let mut head = [0; 96];
        head[..32].copy_from_slice(&bytes(context));
        head[32..64].copy_from_slice(&bytes(turn));
        head[64..72].copy_from_slice(&(scope.len() as u64).to_le_bytes());
        head[72] = kind;
        let mut hasher = HighwayHasher::new(self.scope_key);
        hasher.append(&head);
        hasher.append(scope);
        bytes(hasher.finalize256())
    }

    /// The text of the last user turn: its string content, or its text parts joined by a line feed.
    ///
    /// None when the last message is not a user's, or holds anything but text: other parts, or parts with members that are
    /// not known to be without meaning.
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
    /// `include_usage` and the request streams; the gateway's own `cache` cut out.
    pub fn splice(&self, model: Option<&str>, include_usage: bool) -> Cow<'_, [u8]> {
        splice::splice(self.body.as_ref(), &self.outline, model, include_usage)
    }
}

fn bytes(words: [u64; 4]) -> Digest {
    let mut bytes = [0; 32];
    for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}
