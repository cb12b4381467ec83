//! The hot core of llm-gateway: what one request touches, as a plain library.
//!
//! Each module is one concern, with an error enum of its own. What can be chosen is an `Options` with a `Default`; `now` is
//! an argument; what threads share takes `&self` and locks inside.
//!
//! Architecture invariant: no pyo3, no async, no clock, no I/O but the files of models and indexes, and no global state but
//! the tokenizers' vocabularies, which are loaded once. Unsafe code is denied but where a file says why it needs it.

#![deny(unsafe_code)]

pub mod bucket;
pub mod canon;
pub mod digest;
pub mod embed;
pub mod exact;
pub mod http;
pub mod index;
mod json;
pub mod redact;
pub mod sse;
mod threads;
pub mod tokens;
