//! Numpy, where it is installed: vectors come and go in its arrays, and nothing else needs it.

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static FOUND: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// The module numpy. Asked for before the first array: the crate `numpy` panics where it is not installed.
pub fn numpy(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    let found = FOUND.get_or_try_init(py, || py.import("numpy").map(Bound::unbind));
    found.map(|module| module.bind(py)).map_err(|error| {
        if !error.is_instance_of::<PyImportError>(py) {
            return error;
        }
        PyImportError::new_err("Index and the embedders need numpy: pip install numpy")
    })
}
