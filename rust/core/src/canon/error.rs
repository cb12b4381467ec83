//! Why a request body cannot be read, in OpenAI's own tone.

use std::borrow::Cow;
use std::fmt;

/// Why a body was refused: `Display` is the message for the client, [`CanonError::param`] the member it names,
/// [`CanonError::code`] OpenAI's code for it. All of them are short, whatever the body holds.
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
    /// A member that equals a known one but for case: some readers would take it for that one.
    Misspelt { param: String, known: String },
    /// A member that the request must have.
    Missing { param: String },
    /// A member of another type than the API defines.
    Type {
        param: String,
        expected: String,
        got: &'static str,
    },
    /// A member of the right type whose value is out of bounds.
    Value {
        param: String,
        code: &'static str,
        reason: String,
    },
    /// The reader or a grammar was set up wrongly.
    Setup { reason: Cow<'static, str> },
}

impl CanonError {
    /// The member at fault, as in `messages[0].role`; none when it is the body as a whole.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Syntax { .. } | Self::Setup { .. } => None,
            Self::Unreadable { param, .. } => param.as_deref(),
            Self::Duplicate { key, within } => Some(within.as_deref().unwrap_or(key)),
            Self::Misspelt { param, .. }
            | Self::Missing { param }
            | Self::Type { param, .. }
            | Self::Value { param, .. } => Some(param),
        }
    }

    /// OpenAI's code for it; none where the body cannot be parsed, for which OpenAI has none.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Syntax { .. } | Self::Unreadable { .. } | Self::Setup { .. } => None,
            Self::Duplicate { .. } => Some("duplicate_parameter"),
            Self::Misspelt { .. } => Some("unknown_parameter"),
            Self::Missing { .. } => Some("missing_required_parameter"),
            Self::Type { .. } => Some("invalid_type"),
            Self::Value { code, .. } => Some(code),
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
            Self::Misspelt { param, known } => {
                write!(f, "Unknown parameter: '{param}'. Did you mean '{known}'?")
            }
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
            Self::Value { param, reason, .. } => write!(f, "Invalid '{param}': {reason}"),
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
