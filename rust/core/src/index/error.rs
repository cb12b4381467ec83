//! What can go wrong, in words that say what to do.

use std::fmt;

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
    /// The file system refused.
    Io(std::io::Error),
}

impl IndexError {
    /// The same fault, in another row.
    pub(crate) fn at(self, row: usize) -> Self {
        match self {
            Self::Vector { fault, .. } => Self::Vector { row, fault },
            other => other,
        }
    }
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dimension { expected, got } => {
                write!(
                    f,
                    "vectors have {got} dimensions, the index has {expected}: embed with the model it was made for"
                )
            }
            Self::Vector { row, fault } => match fault {
                Fault::NotFinite => {
                    write!(f, "vector {row} holds NaN or an infinity: nothing was done")
                }
                Fault::Zero => write!(
                    f,
                    "vector {row} is all zeros, so it has no cosine to anything: leave it out, or use metric='ip'"
                ),
                Fault::TooLong => write!(
                    f,
                    "vector {row} is longer than 1e18: scale the vectors down"
                ),
            },
            Self::Columns {
                vectors,
                column,
                len,
            } => {
                write!(
                    f,
                    "{len} {column} for {vectors} vectors: give one for each, or a single one for all"
                )
            }
            Self::Id { row } => write!(f, "id {row} is 2^64 - 1, which is taken: use another"),
            Self::Option(reason) => f.write_str(reason),
            Self::Full => f.write_str("an index holds at most 2,147,483,648 vectors: split it"),
            Self::Corrupt(reason) => write!(
                f,
                "not a usable index: {reason}; nothing was loaded, build it again"
            ),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for IndexError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<std::io::Error> for IndexError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
