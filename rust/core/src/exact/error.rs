//! What can be wrong with the division of a cache.

use std::fmt;

pub(super) const MOST_SHARDS: usize = 1024;

/// Why a cache cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExactError {
    NoShards,
    /// A shard must have room for a few entries: the least capacity that would do.
    TooSmall(u64),
}

impl fmt::Display for ExactError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExactError::NoShards => write!(f, "shards must be between 1 and {MOST_SHARDS}"),
            ExactError::TooSmall(least) => write!(
                f,
                "capacity must be at least {least} bytes for this number of shards"
            ),
        }
    }
}

impl std::error::Error for ExactError {}
