//! What can be wrong with a model's files.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::json::Malformed;

/// Why an embedder could not be opened.
#[derive(Debug)]
pub enum EmbedError {
    /// A file of the model could not be opened.
    Missing {
        path: PathBuf,
        cause: std::io::Error,
    },
    /// A file is not the one this embedder was written for.
    Foreign { path: PathBuf, why: String },
}

impl EmbedError {
    pub(super) fn foreign(path: &Path, why: impl Into<String>) -> Self {
        Self::Foreign {
            path: path.to_owned(),
            why: why.into(),
        }
    }

    pub(super) fn malformed(path: &Path) -> impl Fn(Malformed) -> Self + '_ {
        move |Malformed { at }| Self::foreign(path, format!("unreadable JSON at byte {at}"))
    }
}

impl fmt::Display for EmbedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path, cause } => write!(f, "cannot open {}: {cause}", path.display()),
            Self::Foreign { path, why } => {
                write!(f, "{} is not the expected file: {why}", path.display())
            }
        }
    }
}

impl std::error::Error for EmbedError {}
