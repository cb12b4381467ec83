//! The core's errors as Python's exceptions: the only place that maps them.

use std::io::{self, ErrorKind};
use std::path::Path;

use gateway_core::bucket::BucketError;
use gateway_core::canon;
use gateway_core::embed::EmbedError;
use gateway_core::exact::ExactError;
use gateway_core::http::Irregular;
use gateway_core::index::IndexError;
use gateway_core::redact;
use gateway_core::sse;
use gateway_core::tokens::TokensError;
use pyo3::create_exception;
use pyo3::exceptions::{PyFileNotFoundError, PyKeyError, PyOSError, PyValueError};
use pyo3::prelude::*;

create_exception!(
    gateway.native,
    CanonError,
    PyValueError,
    "A request body that is refused: `message` says why, `param` names the member at fault and `code` is OpenAI's, or None."
);

create_exception!(
    gateway.native,
    IrregularRequest,
    PyValueError,
    "Bytes that are no HTTP/1.1 request in the plain form. A complete parser may still read them."
);

create_exception!(
    gateway.native,
    DimensionError,
    PyValueError,
    "Vectors of another length than the index has."
);

create_exception!(
    gateway.native,
    VectorError,
    PyValueError,
    "A vector that holds NaN or an infinity, or is all zeros where a cosine is asked for."
);

create_exception!(
    gateway.native,
    IndexFileError,
    PyValueError,
    "A file or bytes that are not a whole, undamaged index."
);

create_exception!(
    gateway.native,
    RedactError,
    PyValueError,
    "An unknown kind, a pattern that cannot be used, a body that is not JSON, or values that were not kept."
);

create_exception!(
    gateway.native,
    SseError,
    PyValueError,
    "A stream that cannot be read on: it has ended already, or one event is larger than `max_event`."
);

/// What the core refuses, as an exception.
pub trait Raise {
    fn raise(self) -> PyErr;
}

/// A result of the core as one of Python.
pub trait OrRaise<T> {
    fn or_raise(self) -> PyResult<T>;
}

impl<T, E: Raise> OrRaise<T> for Result<T, E> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(E::raise)
    }
}

impl<E: Raise> Raise for Box<E> {
    fn raise(self) -> PyErr {
        (*self).raise()
    }
}

/// A model's file that could not be opened, and the line that installs it.
pub struct NoModel {
    pub error: EmbedError,
    pub install: &'static str,
}

impl Raise for NoModel {
    fn raise(self) -> PyErr {
        let Self { error, install } = self;
        let message = format!("{error}: {install}");
        match &error {
            EmbedError::Missing { cause, .. } if cause.kind() == ErrorKind::NotFound => {
                PyFileNotFoundError::new_err(message)
            }
            EmbedError::Missing { .. } => PyOSError::new_err(error.to_string()),
            EmbedError::Foreign { .. } => PyValueError::new_err(message),
        }
    }
}

impl Raise for BucketError {
    fn raise(self) -> PyErr {
        match self {
            Self::UnknownSlot(_) => PyKeyError::new_err(self.to_string()),
            _ => PyValueError::new_err(self.to_string()),
        }
    }
}

impl Raise for canon::CanonError {
    fn raise(self) -> PyErr {
        let message = self.to_string();
        if let Self::Setup { .. } = self {
            return PyValueError::new_err(message);
        }
        Python::attach(|py| {
            let error = CanonError::new_err(message.clone());
            let value = error.value(py);
            let set = value
                .setattr("message", message)
                .and_then(|()| value.setattr("param", self.param()))
                .and_then(|()| value.setattr("code", self.code()));
            set.map_or_else(|failure| failure, |()| error)
        })
    }
}

impl Raise for ExactError {
    fn raise(self) -> PyErr {
        PyValueError::new_err(self.to_string())
    }
}

impl Raise for Irregular {
    fn raise(self) -> PyErr {
        IrregularRequest::new_err(self.to_string())
    }
}

impl Raise for IndexError {
    fn raise(self) -> PyErr {
        let message = self.to_string();
        match self {
            Self::Dimension { .. } => DimensionError::new_err(message),
            Self::Vector { .. } => VectorError::new_err(message),
            Self::Corrupt(_) => IndexFileError::new_err(message),
            Self::NotAFile(path) => not_a_file(&path),
            Self::Io { path, error } => refused(&path, error),
            _ => PyValueError::new_err(message),
        }
    }
}

/// As Python's own `open` raises it: a `FileNotFoundError`, say, that has the number, the reason and the name.
fn refused(path: &Path, error: io::Error) -> PyErr {
    let Some(number) = error.raw_os_error() else {
        return error.into();
    };
    let reason = error.to_string();
    let reason = reason.trim_end_matches(&format!(" (os error {number})"));
    PyOSError::new_err((number, reason.to_owned(), path.as_os_str().to_owned()))
}

fn not_a_file(path: &Path) -> PyErr {
    // EISDIR and EINVAL: the same on every Unix.
    let (number, what) = if path.is_dir() {
        (21, "Is a directory")
    } else {
        (22, "Not a regular file")
    };
    let reason = format!("{what}, and left as it was: name a file, or a place that is free");
    PyOSError::new_err((number, reason, path.as_os_str().to_owned()))
}

impl Raise for redact::RedactError {
    fn raise(self) -> PyErr {
        RedactError::new_err(self.to_string())
    }
}

impl Raise for sse::SseError {
    fn raise(self) -> PyErr {
        SseError::new_err(self.to_string())
    }
}

impl Raise for TokensError {
    fn raise(self) -> PyErr {
        match self {
            Self::Unknown(_) => PyKeyError::new_err(self.to_string()),
            _ => PyValueError::new_err(self.to_string()),
        }
    }
}
