//! The hot core of llm-gateway: what one request touches, as a plain library.
//!
//! Each module has one public type, an `Options` with `Default` where there is something to choose, an error enum, `now`
//! as an argument, and `&self` everywhere with sharded interior locks.
//!
//! Architecture invariant: no pyo3, no async, no clock, no globals, no I/O but mapped files.

pub mod bucket;
pub mod canon;
pub mod embed;
pub mod exact;
pub mod http;
pub mod index;
mod json;
pub mod redact;
pub mod sse;
mod threads;
pub mod tokens;
