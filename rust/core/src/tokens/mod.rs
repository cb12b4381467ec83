//! Counting tokens as the provider will: each family's vocabulary, chat template, tools and pictures.
//!
//! The vocabularies come with the `tiktoken` crate, compressed; each is unpacked on first use and then shared by the
//! whole process (that crate's, and but for a compiled pattern this module's only, global state).
//!
//! Counted in o200k on one core by `tiktoken` 4.1.2 and `bpe-openai` 0.3.2 (2026-11; equal counts, CPU time, best of 7):
//! the same 1 KB of English again and again 7 and 60 µs, 400 different ones 21 and 102 µs; the same 3 KB of Chinese 26
//! and 130 µs, 400 different ones of random words 462 and 235 µs; 1 MB of one letter 324 and 25 ms. So `bpe-openai` is
//! the faster where pieces are long and never seen before. It has three vocabularies; the families here need more, and
//! what is counted is mostly prose that repeats its words.

#![forbid(unsafe_code)]

mod chat;
mod error;
mod family;
mod image;
mod parts;
mod tally;
mod tools;
mod vocabulary;

use chat::Counter;
pub use error::TokensError;
use family::Family;
use tally::Tally;
use vocabulary::Vocabulary;

/// The name of the encoding that `model` is counted with; `"estimate"` for a model nobody knows.
pub fn encoding_for(model: &str) -> &'static str {
    Family::of_model(model).name
}

/// A family's tokenizer: cheap to make and to copy, since the vocabulary behind it is loaded once and shared.
#[derive(Clone, Copy)]
pub struct Tokenizer {
    vocabulary: Vocabulary,
    limit: usize,
}

impl Tokenizer {
    /// The tokenizer of an encoding (`"o200k_base"`, `"llama3"`, `"anthropic"`, …).
    pub fn named(name: &str) -> Result<Self, TokensError> {
        let family = Family::named(name).ok_or_else(|| TokensError::Unknown(name.to_owned()))?;
        Ok(Self::load(family))
    }

    /// The tokenizer that `model` is counted with; an unknown model gets an estimate.
    pub fn for_model(model: &str) -> Self {
        Self::load(Family::of_model(model))
    }

    fn load(family: Family) -> Self {
        Self {
            vocabulary: Vocabulary::of(family),
            limit: usize::MAX,
        }
    }

    /// The same, counting no more than `limit` bytes of a text or of a body's texts: the rest has as many tokens a byte as
    /// what was counted, rounded up. Encodes as before.
    pub fn within(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// The encoding's name.
    pub fn name(&self) -> &'static str {
        self.vocabulary.family.name
    }

    /// Whether `count` equals the provider's own, or estimates it.
    pub fn exact(&self) -> bool {
        self.vocabulary.family.estimate.is_none()
    }

    /// Tokens in `text`; what looks like a special token is text.
    pub fn count(&self, text: &str) -> u64 {
        let mut tally = Tally::new(self.vocabulary, self.limit);
        tally.text(text);
        self.vocabulary.scale(tally.total())
    }

    /// Prompt tokens of a chat-completions body: messages, names, tools, pictures and the template around them.
    pub fn count_chat(&self, body: &[u8]) -> Result<u64, TokensError> {
        Ok(Counter::new(self.vocabulary, self.limit).body(body)?)
    }

    /// The tokens of `text`; what looks like a special token is text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokensError> {
        self.public()?;
        Ok(self
            .vocabulary
            .parts(text)
            .flat_map(|part| self.vocabulary.bpe.encode(part))
            .collect())
    }

    /// The bytes that `tokens` stand for, which need not be whole characters.
    pub fn decode(&self, tokens: &[u32]) -> Result<Vec<u8>, TokensError> {
        self.public()?;
        let mut bytes = Vec::with_capacity(tokens.len() * 4);
        for &token in tokens {
            let piece = self.vocabulary.bpe.decode(&[token]);
            if piece.is_empty() {
                return Err(TokensError::Token(token));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    fn public(&self) -> Result<(), TokensError> {
        if self.exact() {
            Ok(())
        } else {
            Err(TokensError::NotPublic(self.vocabulary.family.name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpt_4o(body: &str) -> u64 {
        Tokenizer::for_model("gpt-4o")
            .count_chat(body.as_bytes())
            .unwrap()
    }

    #[test]
    fn openai_counts_as_recorded() {
        assert_eq!(
            gpt_4o(r#"{"messages":[{"content":"What is the capital of Mexico?","role":"user"}]}"#),
            14
        );
        let tool = r#"{"messages":[{"role":"user","content":"What is 1231 * 2331?"}],"tools":[{"type":"function",
            "function":{"name":"multiply","description":"Multiply two numbers.","parameters":{"properties":
            {"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a","b"],"type":"object"}}}]}"#;
        assert_eq!(gpt_4o(tool), 54);
        let gpt5 = Tokenizer::for_model("gpt-5");
        let body = br#"{"messages":[{"content":"What is the capital of France?","role":"user"}]}"#;
        assert_eq!(gpt5.count_chat(body), Ok(13));
    }

    #[test]
    fn content_parts_count_as_their_text() {
        let whole = gpt_4o(r#"{"messages":[{"role":"user","content":"Bonjour"}]}"#);
        let parts = gpt_4o(
            r#"{"messages":[{"content":[{"type":"text","text":"Bonj\u006fur"}],"role":"user"}]}"#,
        );
        assert_eq!(whole, parts);
        let picture = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"Bonjour"},
            {"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}}]}]}"#;
        assert_eq!(gpt_4o(picture), whole + 85);
    }

    #[test]
    fn special_tokens_in_a_text_are_text() {
        let tokenizer = Tokenizer::named("o200k_base").unwrap();
        let tokens = tokenizer.encode("<|endoftext|>").unwrap();
        assert!(tokens.len() > 1);
        assert_eq!(tokenizer.decode(&tokens).unwrap(), b"<|endoftext|>");
    }

    #[test]
    fn misuse_says_what_to_do() {
        assert!(
            Tokenizer::named("o300k")
                .err()
                .unwrap()
                .to_string()
                .contains("o200k_base")
        );
        let claude = Tokenizer::for_model("claude-sonnet-4-5");
        assert_eq!(claude.encode("x"), Err(TokensError::NotPublic("anthropic")));
        assert_eq!(claude.count_chat(b"[]"), Err(TokensError::Json { at: 0 }));
        assert_eq!(
            Tokenizer::named("qwen").unwrap().decode(&[4_000_000]),
            Err(TokensError::Token(4_000_000))
        );
    }
}
