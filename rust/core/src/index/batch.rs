//! Vectors to add, and what is asked of them before any is.

use super::graph::FREE;
use super::layout::Record;
use super::pool::MAX_SLOTS;
use super::quantise::{encode, factor, padded};
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

/// A batch's vectors as they are to be stored: all can be.
///
/// Each vector is read once, before any is stored. In Python another thread may write to it meanwhile, and what is checked
/// must be what is kept.
pub(super) struct Coded<'a> {
    batch: &'a Batch<'a>,
    /// Bytes of a row's codes.
    width: usize,
    scales: Vec<f32>,
    codes: Vec<i8>,
    residuals: Vec<u8>,
}

impl<'a> Coded<'a> {
    pub(super) fn of(index: &Index, batch: &'a Batch<'a>) -> Result<Self, IndexError> {
        index.check_batch(batch)?;
        let (dim, count) = (index.dim(), batch.ids.len());
        let width = padded(dim);
        let mut coded = Self {
            batch,
            width,
            scales: Vec::with_capacity(count),
            codes: Vec::with_capacity(count * width),
            residuals: Vec::with_capacity(count * width / 2),
        };
        let mut copy = vec![0.0; dim];
        for (row, vector) in batch.vectors.chunks_exact(dim).enumerate() {
            copy.copy_from_slice(vector);
            let factor = factor(&copy, index.options.metric)
                .map_err(|fault| IndexError::Vector { row, fault })?;
            let one = encode(&copy, factor);
            coded.scales.push(one.scale);
            coded.codes.extend_from_slice(&one.codes);
            coded.residuals.extend_from_slice(&one.residual);
        }
        Ok(coded)
    }

    pub(super) fn record(&self, row: usize) -> Record<'_> {
        let (width, half) = (self.width, self.width / 2);
        Record {
            id: self.batch.ids[row],
            expires: self.batch.expires.get(row),
            namespace: self.batch.namespaces.get(row),
            scale: self.scales[row],
            codes: &self.codes[row * width..][..width],
            residual: &self.residuals[row * half..][..half],
        }
    }
}

impl Index {
    fn check_batch(&self, batch: &Batch<'_>) -> Result<(), IndexError> {
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
        match batch.ids.iter().position(|&id| id == FREE) {
            Some(row) => Err(IndexError::Id { row }),
            None => Ok(()),
        }
    }
}
