//! What can be wrong with a stream.

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
