//! Server-sent events, and what an OpenAI answer says inside them.
//!
//! [`Scanner`] reads one provider answer network read by network read: it hands back the bytes to forward and what one
//! skim of the JSON found in them, and keeps the transcript. [`Events`] only splits, for other dialects.
//! [`without_usage`] takes out what a client that did not ask for usage must not see.

mod completion;
mod error;
mod events;
mod frame;
mod marks;
mod message;
mod options;
mod pass;
mod scanner;
pub(crate) mod skim;
mod span;
mod template;
mod transcript;
mod usage;

pub use events::Events;
pub use options::{Kind, Options};
pub use pass::Chunk;
pub use scanner::Scanner;
pub use transcript::{PROPER, Transcript};
pub use usage::without_usage;

/// Why a stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SseError {
    /// Bytes were fed, or the end announced, after the end.
    Ended,
    /// One event is larger than the bound.
    TooLarge { bound: usize },
}

impl std::fmt::Display for SseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SseError::Ended => {
                f.write_str("this stream has ended: read the next answer with a new object")
            }
            SseError::TooLarge { bound } => {
                write!(
                    f,
                    "one event is larger than max_event = {bound} bytes: raise max_event if the provider is right"
                )
            }
        }
    }
}

impl std::error::Error for SseError {}
