//! How to read an answer.

/// What a provider answers with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// `chat.completion`, or its chunks.
    #[default]
    Chat,
    /// `text_completion`, whole or streamed.
    Completions,
    /// A list of embeddings, never streamed.
    Embeddings,
}

impl Kind {
    /// Why a body is no answer of this kind.
    pub(super) fn missing(self) -> &'static str {
        match self {
            Kind::Embeddings => {
                "the body is JSON but no embeddings: it has neither data nor an error"
            }
            _ => "the body is JSON but no completion: it has neither choices nor an error",
        }
    }
}

/// How to read an answer.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The answer is one JSON body, not a stream of events.
    pub whole: bool,
    pub kind: Kind,
    /// Choices, or embeddings, that were asked for.
    pub n: u64,
    /// The largest event, or whole body, in bytes.
    pub max_event: usize,
    /// How much of what is generated the transcript holds, in bytes; the rest is only measured.
    pub max_text: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            whole: false,
            kind: Kind::Chat,
            n: 1,
            max_event: 16 << 20,
            max_text: 16 << 20,
        }
    }
}
