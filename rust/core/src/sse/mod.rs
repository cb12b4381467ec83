//! Server-sent events, and what an OpenAI answer says inside them.
//!
//! [`Scanner`] reads one provider answer network read by network read: it hands back the bytes to forward and what one
//! skim of the JSON found in them, and keeps the transcript. [`Events`] only splits, for other dialects.
//! [`without_usage`] takes out what a client that did not ask for usage must not see.

#![forbid(unsafe_code)]

mod completion;
mod error;
mod events;
mod failure;
mod frame;
mod marks;
mod message;
mod options;
mod pass;
mod scanner;
mod template;
mod transcript;
mod usage;

pub use error::SseError;
pub use events::Events;
pub use options::{Kind, Options};
pub use pass::Chunk;
pub use scanner::Scanner;
pub use transcript::{PROPER, Transcript};
pub use usage::without_usage;
