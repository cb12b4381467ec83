//! Why a request body cannot be read, in OpenAI's own tone.

use std::fmt;

/// Why a body was refused; `Display` is the message for the client, [`CanonError::param`] the field it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CanonError {
    /// Not JSON as RFC 8259 describes it.
    Syntax { reason: &'static str, at: usize },
    /// JSON that not every reader reads alike: a lone surrogate, a number past a double, too deep a nesting.
    Unreadable {
        reason: String,
        at: usize,
        param: Option<String>,
    },
    /// A key that stands twice in one object; `within` is the field that holds the object, none at the top.
    Duplicate { key: String, within: Option<String> },
    /// A field that a chat request must have.
    Missing { param: String },
    /// A field of another type than the API defines.
    Type {
        param: String,
        expected: &'static str,
        got: &'static str,
    },
    /// A field of the right type whose value is out of bounds.
    Value { param: String, reason: String },
    /// The reader itself was set up wrongly.
    Setup { reason: &'static str },
}

impl CanonError {
    /// The field at fault, as in `messages[0].role`; none when it is the body as a whole.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Syntax { .. } | Self::Setup { .. } => None,
            Self::Unreadable { param, .. } => param.as_deref(),
            Self::Duplicate { key, within } => Some(within.as_deref().unwrap_or(key)),
            Self::Missing { param } | Self::Type { param, .. } | Self::Value { param, .. } => {
                Some(param)
            }
        }
    }
}

impl fmt::Display for CanonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { reason, at } => unparsed(f, reason, *at),
            Self::Unreadable {
                reason,
                at,
                param: Some(param),
            } => write!(f, "Invalid '{param}': {reason} at byte {at}."),
            Self::Unreadable {
                reason,
                at,
                param: None,
            } => unparsed(f, reason, *at),
            Self::Duplicate { key, within: None } => write!(f, "Duplicate parameter: '{key}'."),
            Self::Duplicate {
                key,
                within: Some(field),
            } => write!(f, "Invalid '{field}': duplicate key '{key}'."),
            Self::Missing { param } => write!(f, "Missing required parameter: '{param}'."),
            Self::Type {
                param,
                expected,
                got,
            } => {
                write!(
                    f,
                    "Invalid type for '{param}': expected {expected}, but got {got} instead."
                )
            }
            Self::Value { param, reason } => write!(f, "Invalid '{param}': {reason}"),
            Self::Setup { reason } => f.write_str(reason),
        }
    }
}

fn unparsed(f: &mut fmt::Formatter<'_>, reason: &str, at: usize) -> fmt::Result {
    write!(
        f,
        "We could not parse the JSON body of your request: {reason} at byte {at}."
    )
}

impl std::error::Error for CanonError {}
