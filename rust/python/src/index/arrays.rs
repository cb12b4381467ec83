//! Numpy arrays in and out.

use std::borrow::Cow;
use std::fmt::Display;

use ::numpy::{
    Element, IntoPyArray, PyArray1, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn,
    PyUntypedArrayMethods,
};
use gateway_core::index::{Column, Hit};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::numpy::numpy;

pub(super) type Found<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// An array as float32: itself if it is one, else converted where numpy can do so without losing kind.
pub(super) fn floats<'py>(
    value: &Bound<'py, PyAny>,
    name: &str,
) -> PyResult<PyReadonlyArrayDyn<'py, f32>> {
    let numpy = numpy(value.py())?;
    if let Ok(array) = value.cast::<PyArrayDyn<f32>>() {
        return Ok(array.readonly());
    }
    let array = numpy.call_method1("asarray", (value,))?;
    if !matches!(
        array.getattr("dtype")?.getattr("kind")?.extract::<char>()?,
        'f' | 'i' | 'u'
    ) {
        return Err(PyTypeError::new_err(format!(
            "{name} must be an array of float32"
        )));
    }
    let array = numpy.call_method1("asarray", (array, "float32"))?;
    Ok(array.cast::<PyArrayDyn<f32>>()?.readonly())
}

/// The values row after row. A Fortran-ordered array is a slice to numpy too, but not in that order.
pub(super) fn contiguous<'a>(array: &'a PyReadonlyArrayDyn<'_, f32>) -> Cow<'a, [f32]> {
    match array.as_slice() {
        Ok(slice) if array.is_c_contiguous() => Cow::Borrowed(slice),
        _ => Cow::Owned(array.as_array().iter().copied().collect()),
    }
}

pub(super) enum Integers {
    One(u64),
    Many(Vec<u64>),
}

impl Integers {
    pub(super) fn as_slice(&self) -> &[u64] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    pub(super) fn column(&self) -> Column<'_> {
        match self {
            Self::One(value) => Column::All(*value),
            Self::Many(values) => Column::Each(values),
        }
    }
}

/// An integer, or a one-dimensional array or sequence of them, none negative.
pub(super) fn integers(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Integers> {
    if let Ok(one) = value.extract::<i64>() {
        return Ok(Integers::One(natural(one, name)?));
    }
    let wrong = || {
        PyTypeError::new_err(format!(
            "{name} must be an integer below 2^63 or a one-dimensional array of them"
        ))
    };
    let numpy = numpy(value.py())?;
    let array = numpy
        .call_method1("asarray", (value,))
        .map_err(|_| wrong())?;
    let kind = array.getattr("dtype")?.getattr("kind")?.extract::<char>()?;
    let is_empty = array.getattr("size")?.extract::<usize>()? == 0;
    if !(matches!(kind, 'i' | 'u') || is_empty) || array.getattr("ndim")?.extract::<usize>()? != 1 {
        return Err(wrong());
    }
    // As what it is, signed or not: a cast between the two would wrap around.
    if kind == 'u' {
        let array = numpy.call_method1("asarray", (array, "uint64"))?;
        naturals::<u64>(&array, name)
    } else {
        let array = numpy.call_method1("asarray", (array, "int64"))?;
        naturals::<i64>(&array, name)
    }
}

fn naturals<T>(array: &Bound<'_, PyAny>, name: &str) -> PyResult<Integers>
where
    T: Element + Copy + Display + TryInto<i64>,
{
    let array = array.cast::<PyArray1<T>>()?.readonly();
    let values = array.as_array();
    let values = values.iter().map(|&value| natural(value, name));
    values.collect::<PyResult<_>>().map(Integers::Many)
}

fn natural<T: Copy + Display + TryInto<i64>>(value: T, name: &str) -> PyResult<u64> {
    let signed: Option<i64> = value.try_into().ok();
    let natural = signed.and_then(|value| u64::try_from(value).ok());
    natural.ok_or_else(|| {
        PyValueError::new_err(format!("{name} must be from 0 to 2^63 - 1, not {value}"))
    })
}

pub(super) fn table<'py>(py: Python<'py>, found: &[Vec<Hit>], k: usize) -> PyResult<Found<'py>> {
    let padded = |hits: &Vec<Hit>| {
        let hits: Vec<_> = hits.iter().map(|hit| (hit.id as i64, hit.score)).collect();
        let missing = std::iter::repeat_n((-1, f32::NEG_INFINITY), k - hits.len());
        hits.into_iter().chain(missing)
    };
    let (ids, scores): (Vec<i64>, Vec<f32>) = found.iter().flat_map(padded).unzip();
    let shape = [found.len(), k];
    Ok((
        ids.into_pyarray(py).reshape(shape)?.into_any(),
        scores.into_pyarray(py).reshape(shape)?.into_any(),
    ))
}
