//! What a family is made of.

use crate::tokens::image::Pricing;

/// A tokenizer family: the vocabulary, how true it is, and what its chat template adds.
#[derive(Clone, Copy, Debug)]
pub(in crate::tokens) struct Family {
    pub name: &'static str,
    /// Name of the vocabulary in the `tiktoken` crate.
    pub vocabulary: &'static str,
    /// Tokens per hundred of `vocabulary`; `None` where the vocabulary is the model's own.
    pub estimate: Option<u64>,
    pub template: Template,
    pub image: Pricing,
}

/// Tokens that a chat template adds around the words.
#[derive(Clone, Copy, Debug)]
pub(in crate::tokens) struct Template {
    /// Once, at the start.
    pub start: u64,
    pub system: u64,
    /// Per user or tool message.
    pub user: u64,
    pub assistant: u64,
    /// The opening of the answer.
    pub reply: u64,
    /// The template's own system prompt where the request has none.
    pub default_system: u64,
    pub tools: Tools,
}

/// How a family writes tool definitions into the prompt.
#[derive(Clone, Copy, Debug)]
pub(in crate::tokens) enum Tools {
    /// OpenAI: a TypeScript namespace.
    TypeScript,
    /// The definitions as JSON, and so many tokens of instruction around them.
    Json { around: u64 },
}
