//! What can be wrong with names, bodies and tokens.

use std::fmt;

use super::family::Family;
use crate::json::Malformed;

/// Why tokens could not be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokensError {
    /// No such encoding.
    Unknown(String),
    /// The body is not a JSON object that could be read; `at` is the byte.
    Json { at: usize },
    /// The vocabulary of this family is not public: it counts by estimate and cannot encode.
    NotPublic(&'static str),
    /// No such token in this vocabulary.
    Token(u32),
}

impl fmt::Display for TokensError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                let names: Vec<_> = Family::names().collect();
                write!(
                    f,
                    "unknown encoding {name:?}: use one of {}",
                    names.join(", ")
                )
            }
            Self::Json { at } => write!(f, "the body is not a readable JSON object (at byte {at})"),
            Self::NotPublic(name) => {
                write!(
                    f,
                    "{name} has no public vocabulary: count() and count_chat() estimate it, it cannot encode"
                )
            }
            Self::Token(id) => write!(f, "token {id} is not in this vocabulary"),
        }
    }
}

impl std::error::Error for TokensError {}

impl From<Malformed> for TokensError {
    fn from(Malformed { at }: Malformed) -> Self {
        Self::Json { at }
    }
}
