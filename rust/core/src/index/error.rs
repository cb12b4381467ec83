//! What can go wrong, in words that say what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a vector cannot be stored or searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It holds NaN or an infinity.
    NotFinite,
    /// It has no direction, which cosine needs.
    Zero,
    /// It is longer than 1e18, where products leave the range of a float.
    TooLong,
}

/// An error of [`Index`](super::Index).
#[derive(Debug)]
pub enum IndexError {
    /// Vectors of another length than the index was made for.
    Dimension { expected: usize, got: usize },
    /// The vector in this row of the batch cannot be used; nothing of the batch was added.
    Vector { row: usize, fault: Fault },
    /// Ids, expiries or namespaces that are not one for each vector.
    Columns {
        vectors: usize,
        column: &'static str,
        len: usize,
    },
    /// The id in this row is 2^64 - 1, which marks free places.
    Id { row: usize },
    /// An option outside its range.
    Option(&'static str),
    /// The index would pass two thousand million vectors.
    Full,
    /// Bytes that are not a whole, undamaged index of a version that this build reads.
    Corrupt(&'static str),
    /// A folder, a device, a pipe: what cannot hold an index.
    NotAFile(PathBuf),
    /// The file system refused.
    Io { path: PathBuf, error: io::Error },
}

impl IndexError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, error }
    }

    /// The same fault, in another row.
    pub(super) fn at(self, row: usize) -> Self {
        match self {
            Self::Vector { fault, .. } => Self::Vector { row, fault },
            other => other,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "holds NaN or an infinity: nothing was done",
            Self::Zero => {
                "is all zeros, so it has no cosine to anything: leave it out, or use metric='ip'"
            }
            Self::TooLong => "is longer than 1e18: scale the vectors down",
        })
    }
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dimension { expected, got } => write!(
                f,
                "vectors have {got} dimensions, the index has {expected}: embed with the model it was made for"
            ),
            Self::Vector { row, fault } => write!(f, "vector {row} {fault}"),
            Self::Columns {
                vectors,
                column,
                len,
            } => write!(
                f,
                "{len} {column} for {vectors} vectors: give one for each, or a single one for all"
            ),
            Self::Id { row } => write!(f, "id {row} is 2^64 - 1, which is taken: use another"),
            Self::Option(reason) => f.write_str(reason),
            Self::Full => f.write_str("an index holds at most 2,147,483,648 vectors: split it"),
            Self::Corrupt(reason) => write!(
                f,
                "not a usable index: {reason}; nothing was loaded, build it again"
            ),
            Self::NotAFile(path) => write!(
                f,
                "{}: not a regular file, and left as it was: name one, or a place that is free",
                path.display()
            ),
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for IndexError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
