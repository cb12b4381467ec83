//! Integers among the arguments: one that is out of range is a `ValueError` that names the argument and its range.

use std::fmt::Display;
use std::ops::RangeInclusive;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// An integer of a range: for a `from_py_with` of its argument, so that the default stays readable in `help()`.
pub fn within<T>(value: &Bound<'_, PyAny>, name: &str, range: RangeInclusive<T>) -> PyResult<T>
where
    T: TryFrom<u64> + PartialOrd + Display,
{
    let given = match value.extract::<u64>() {
        Err(error) if error.is_instance_of::<PyTypeError>(value.py()) => return Err(error),
        given => given.ok().and_then(|given| T::try_from(given).ok()),
    };
    given.filter(|given| range.contains(given)).ok_or_else(|| {
        let most = range.end().to_string();
        let most = match most.as_str() {
            "18446744073709551615" => "2^64 - 1",
            "9223372036854775807" => "2^63 - 1",
            most => most,
        };
        let least = range.start();
        PyValueError::new_err(format!(
            "{name} must be from {least} to {most}, not {value}"
        ))
    })
}

/// As [`within`], for an argument that may be None.
pub fn within_or_none<T>(
    value: &Bound<'_, PyAny>,
    name: &str,
    range: RangeInclusive<T>,
) -> PyResult<Option<T>>
where
    T: TryFrom<u64> + PartialOrd + Display,
{
    if value.is_none() {
        return Ok(None);
    }
    within(value, name, range).map(Some)
}
