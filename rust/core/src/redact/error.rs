//! What can be wrong with patterns, bodies and answers.

use super::kinds::KINDS;

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
