//! The ranges of the arguments that are numbers.

use gateway_core::index::{DIM, EF_CONSTRUCTION, M, MAX_K};
use pyo3::prelude::*;

use crate::number::{within, within_or_none};

pub(super) fn dim(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    within(value, "dim", DIM)
}

pub(super) fn m(value: &Bound<'_, PyAny>) -> PyResult<u16> {
    within(value, "m", M)
}

pub(super) fn ef_construction(value: &Bound<'_, PyAny>) -> PyResult<u16> {
    within(value, "ef_construction", EF_CONSTRUCTION)
}

pub(super) fn seed(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    within(value, "seed", 0..=u64::MAX)
}

pub(super) fn k(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    within(value, "k", 0..=MAX_K)
}

pub(super) fn ef(value: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    within_or_none(value, "ef", 0..=usize::MAX)
}

pub(super) fn now(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    within(value, "now", 0..=u64::MAX)
}

pub(super) fn namespace(value: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
    within_or_none(value, "namespace", 0..=u64::MAX >> 1)
}

pub(super) fn threads(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    within(value, "threads", 1..=usize::MAX)
}
