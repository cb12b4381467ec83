//! `sha256`.

use gateway_core::digest;
use pyo3::prelude::*;

/// The SHA-256 of some bytes.
#[pyfunction]
#[pyo3(signature = (data, /))]
pub fn sha256(data: &[u8]) -> [u8; 32] {
    digest::sha256(data)
}
