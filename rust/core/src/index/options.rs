//! How an index is built.

use std::ops::RangeInclusive;

use super::error::IndexError;

/// What "near" means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// The cosine of the angle; vectors are stored at length one.
    #[default]
    Cosine,
    /// The inner product; vectors are stored as they are.
    InnerProduct,
}

/// How an index is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    pub metric: Metric,
    /// Links that a new vector starts with; it may come to have twice as many.
    pub m: u16,
    /// How many candidates its neighbours are chosen from.
    pub ef_construction: u16,
    /// Decides which vectors stand on the upper layers.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            metric: Metric::Cosine,
            m: 16,
            ef_construction: 200,
            seed: 0,
        }
    }
}

/// How many dimensions vectors may have.
pub const DIM: RangeInclusive<usize> = 1..=65_536;

/// The range of [`Options::m`].
pub const M: RangeInclusive<u16> = 2..=256;

/// The range of [`Options::ef_construction`].
pub const EF_CONSTRUCTION: RangeInclusive<u16> = 1..=4096;

/// Whether an index can be built so.
pub(super) fn check(dim: usize, options: &Options) -> Result<(), IndexError> {
    if !DIM.contains(&dim) {
        return Err(IndexError::Option("dim must be 1 to 65536"));
    }
    if !M.contains(&options.m) {
        return Err(IndexError::Option("m must be 2 to 256"));
    }
    if !EF_CONSTRUCTION.contains(&options.ef_construction) {
        return Err(IndexError::Option("ef_construction must be 1 to 4096"));
    }
    Ok(())
}
