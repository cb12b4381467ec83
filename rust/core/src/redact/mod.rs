//! Personal data and secrets out of a text, and back in again.
//!
//! A [`Redactor`] holds what to look for and no state of any request. [`Redactor::redact`] finds everything in linear time
//! and puts placeholders such as `[EMAIL_1]` in its place; the [`Redaction`] it returns can restore an answer, whole or
//! through a [`Restorer`] piece by piece.

#![forbid(unsafe_code)]

mod body;
mod email;
mod error;
mod iban;
mod identity;
mod ip;
mod kinds;
mod number;
mod pattern;
mod phone;
mod redaction;
mod redactor;
mod restorer;
mod secret;
mod window;
mod words;

pub use error::RedactError;
pub use kinds::KINDS;
pub use redaction::Redaction;
pub use redactor::{Options, Redactor};
pub use restorer::Restorer;
