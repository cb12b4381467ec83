//! Vectors to add, and what is asked of them before any is.

use super::graph::FREE;
use super::layout::Record;
use super::pool::MAX_SLOTS;
use super::quantise::{Encoded, factor};
use super::{Index, IndexError};

/// A value for all vectors of a batch, or one for each.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    All(u64),
    Each(&'a [u64]),
}

impl Column<'_> {
    pub(super) fn get(&self, row: usize) -> u64 {
        match self {
            Self::All(value) => *value,
            Self::Each(values) => values[row],
        }
    }

    pub(super) fn check(&self, vectors: usize, column: &'static str) -> Result<(), IndexError> {
        match self {
            Self::Each(values) if values.len() != vectors => Err(IndexError::Columns {
                vectors,
                column,
                len: values.len(),
            }),
            _ => Ok(()),
        }
    }
}

/// Vectors to add, row after row.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    pub ids: &'a [u64],
    pub vectors: &'a [f32],
    /// The first instant at which a vector is gone; 0 for never.
    pub expires: Column<'a>,
    pub namespaces: Column<'a>,
}

/// A vector that waits to be stored.
pub(super) struct Pending {
    pub(super) id: u64,
    pub(super) encoded: Encoded,
    pub(super) expires: u64,
    pub(super) namespace: u64,
}

impl Pending {
    pub(super) fn record(&self) -> Record<'_> {
        Record {
            id: self.id,
            expires: self.expires,
            namespace: self.namespace,
            scale: self.encoded.scale,
            codes: &self.encoded.codes,
            residual: &self.encoded.residual,
        }
    }
}

impl Index {
    /// What each vector is to be multiplied by, if all can be used.
    pub(super) fn check_batch(&self, batch: &Batch<'_>) -> Result<Vec<f64>, IndexError> {
        let (vectors, dim) = (batch.vectors.len() / self.dim(), self.dim());
        if !batch.vectors.len().is_multiple_of(dim) {
            return Err(IndexError::Dimension {
                expected: dim,
                got: batch.vectors.len(),
            });
        }
        Column::Each(batch.ids).check(vectors, "ids")?;
        batch.expires.check(vectors, "expiries")?;
        batch.namespaces.check(vectors, "namespaces")?;
        if self.len() + vectors > MAX_SLOTS as usize {
            return Err(IndexError::Full);
        }
        if let Some(row) = batch.ids.iter().position(|&id| id == FREE) {
            return Err(IndexError::Id { row });
        }
        let rows = batch.vectors.chunks_exact(dim).enumerate();
        rows.map(|(row, vector)| {
            factor(vector, self.options.metric).map_err(|fault| IndexError::Vector { row, fault })
        })
        .collect()
    }
}
