//! The Python face of `gateway-core`: one thin file per module of the core, no logic.

mod bucket;
mod canon;
mod embed;
mod exact;
mod gil;
mod http;
mod index;
mod number;
mod redact;
mod sse;
mod tokens;

use pyo3::prelude::*;

/// The hot core of llm-gateway, usable alone from any Python service.
#[pymodule(gil_used = false)]
mod native {
    use super::*;

    #[pymodule_export]
    use super::bucket::{Gate, Lender, Limits, Refusal, Unit};
    #[pymodule_export]
    use super::canon::{Canon, CanonError, Reading};
    #[pymodule_export]
    use super::embed::{MiniLM, StaticEmbedder};
    #[pymodule_export]
    use super::exact::{CacheStats, ExactCache};
    #[pymodule_export]
    use super::http::{IrregularRequest, Request};
    #[pymodule_export]
    use super::index::{DimensionError, Index, IndexFileError, VectorError};
    #[pymodule_export]
    use super::redact::{RedactError, Redaction, Redactor, Restorer};
    #[pymodule_export]
    use super::sse::{Chunk, Events, Scanner, SseError, without_usage};
    #[pymodule_export]
    use super::tokens::{Tokenizer, encoding_for};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
