//! The Python face of `gateway-core`: thin files, one or a few for each module of the core, and no logic.

#![forbid(unsafe_code)]

mod bucket;
mod canon;
mod digest;
mod embed;
mod error;
mod exact;
mod gil;
mod grammar;
mod http;
mod index;
mod number;
mod numpy;
mod redact;
mod sse;
mod tokens;

use pyo3::prelude::*;

/// CPython gives its objects 16 bytes of alignment; a type that asks for more would be read where it does not lie.
const fn aligned<T>() {
    assert!(align_of::<T>() <= 16);
}

const _: () = {
    aligned::<bucket::Gate>();
    aligned::<bucket::Lender>();
    aligned::<bucket::Limits>();
    aligned::<canon::Canon>();
    aligned::<canon::Reading>();
    aligned::<embed::MiniLM>();
    aligned::<embed::StaticEmbedder>();
    aligned::<exact::ExactCache>();
    aligned::<grammar::Grammar>();
    aligned::<http::Request>();
    aligned::<index::Index>();
    aligned::<redact::Redaction>();
    aligned::<redact::Redactor>();
    aligned::<redact::Restorer>();
    aligned::<sse::Chunk>();
    aligned::<sse::Events>();
    aligned::<sse::Scanner>();
    aligned::<tokens::Tokenizer>();
};

/// The hot core of llm-gateway, usable alone from any Python service.
#[pymodule(gil_used = false)]
mod native {
    use super::*;

    #[pymodule_export]
    use super::bucket::{Gate, Lender, Limits, Refusal, Unit};
    #[pymodule_export]
    use super::canon::{Canon, Reading};
    #[pymodule_export]
    use super::digest::sha256;
    #[pymodule_export]
    use super::embed::{MiniLM, StaticEmbedder};
    #[pymodule_export]
    use super::error::{
        CanonError, DimensionError, IndexFileError, IrregularRequest, RedactError, SseError,
        VectorError,
    };
    #[pymodule_export]
    use super::exact::{CacheStats, ExactCache};
    #[pymodule_export]
    use super::grammar::Grammar;
    #[pymodule_export]
    use super::http::Request;
    #[pymodule_export]
    use super::index::Index;
    #[pymodule_export]
    use super::redact::{Redaction, Redactor, Restorer};
    #[pymodule_export]
    use super::sse::{Chunk, Events, Scanner, without_usage};
    #[pymodule_export]
    use super::tokens::{Tokenizer, encoding_for};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
