//! What a search asks for, and what it finds.

use super::error::IndexError;

/// The most neighbours that one search gives.
pub const MAX_K: usize = 1 << 20;

/// The most places of a table of answers, of which each takes 12 bytes, found or not.
const MAX_CELLS: usize = 1 << 24;

/// What a search asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// How many neighbours; at most 1,048,576, and 16,777,216 for all queries of a table together.
    pub k: usize,
    /// How many candidates a walk keeps: more finds more and takes longer.
    pub ef: Option<usize>,
    /// Vectors that expire at or before this instant are not found; 0 finds all.
    pub now: u64,
    /// Only vectors of this namespace.
    pub namespace: Option<u64>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            k: 1,
            ef: None,
            now: 0,
            namespace: None,
        }
    }
}

impl Search {
    /// How many rows are rescored: int8 order is off by a few places at most.
    pub(super) fn depth(&self) -> usize {
        self.k.saturating_mul(2).saturating_add(8)
    }

    pub(super) fn beam(&self) -> usize {
        self.ef.unwrap_or(64).max(self.k).max(1)
    }

    pub(super) fn check(&self, queries: usize) -> Result<(), IndexError> {
        if self.k > MAX_K {
            return Err(IndexError::Option(
                "k must be at most 1048576: ask for fewer neighbours",
            ));
        }
        if queries.saturating_mul(self.k) > MAX_CELLS {
            return Err(IndexError::Option(
                "queries times k must be at most 16777216: search fewer queries at once",
            ));
        }
        Ok(())
    }

    pub(super) fn is_live(&self, expires: u64) -> bool {
        expires == 0 || self.now < expires
    }
}

/// A neighbour that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub id: u64,
    /// Cosine or inner product, the higher the nearer.
    pub score: f32,
}
