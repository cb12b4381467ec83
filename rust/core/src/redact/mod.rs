//! Personal data and secrets out of a text, and back in again.
//!
//! A [`Redactor`] holds what to look for and no state of any request. [`Redactor::redact`] finds everything in linear time
//! and puts placeholders such as `[EMAIL_1]` in its place; the [`Redaction`] it returns can restore an answer, whole or
//! through a [`Restorer`] piece by piece.

mod body;
mod email;
mod iban;
mod identity;
mod ip;
mod number;
mod pattern;
mod phone;
mod redaction;
mod redactor;
mod restorer;
mod secret;

pub use redaction::Redaction;
pub use redactor::{KINDS, Options, Redactor};
pub use restorer::Restorer;

/// Why a redactor cannot be made, or a text not be redacted or restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedactError {
    /// There is no such kind.
    Kind(String),
    /// A pattern's name is empty, or has other characters than letters, digits and `_`.
    Name(String),
    /// Two patterns have one name, or a pattern that of a built-in kind.
    Taken(String),
    /// A pattern does not compile, or is too large.
    Pattern { name: String, why: String },
    /// A body is not valid JSON.
    Body(String),
    /// The values were not kept.
    Irreversible,
}

impl std::fmt::Display for RedactError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RedactError::Kind(kind) => write!(
                f,
                "unknown kind {kind:?}: choose among {}",
                KINDS.join(", ")
            ),
            RedactError::Name(name) => write!(
                f,
                "pattern name {name:?} cannot be a placeholder: use ASCII letters, digits and '_', a letter first and last"
            ),
            RedactError::Taken(name) => write!(
                f,
                "pattern name {name:?} is taken: give each pattern a name of its own, and none of {}",
                KINDS.join(", ")
            ),
            RedactError::Pattern { name, why } => {
                write!(f, "pattern {name:?} cannot be used: {why}")
            }
            RedactError::Body(why) => write!(f, "the body cannot be redacted: {why}"),
            RedactError::Irreversible => {
                f.write_str("this redaction kept no values: make the Redactor with reversible=True")
            }
        }
    }
}

impl std::error::Error for RedactError {}

/// A place in a text, in bytes, and which of the redactor's kinds stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finding {
    pub kind: usize,
    pub start: usize,
    pub end: usize,
}

/// Whether `byte` continues a word: what is found must not begin or end inside one.
fn wordy(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Whether no word reaches into `start..end`.
fn stands_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).and_then(|at| bytes.get(at));
    !wordy(before) && !wordy(bytes.get(end))
}

/// Whether one of `words` (lower case) stands shortly before `at`.
fn introduced(bytes: &[u8], at: usize, words: &[&str]) -> bool {
    let before = &bytes[at.saturating_sub(24)..at];
    // Among bare numbers and no-break spaces (C2 A0) no word need be looked for.
    if before
        .iter()
        .all(|byte| !byte.is_ascii_alphabetic() && *byte < 0xC3)
    {
        return false;
    }
    let before = before.to_ascii_lowercase();
    words
        .iter()
        .any(|word| memchr::memmem::find(&before, word.as_bytes()).is_some())
}
