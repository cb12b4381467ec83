//! The Python face of `gateway-core`: one thin file per module of the core, no logic.

mod canon;
mod exact;

use pyo3::prelude::*;

mod sse;

/// The hot core of llm-gateway, usable alone from any Python service.
#[pymodule(gil_used = false)]
mod native {
    use super::*;

    #[pymodule_export]
    use super::canon::{Canon, CanonError, Reading};
    use super::exact::{CacheStats, ExactCache};
    use sse::{Chunk, Events, Scanner, SseError, without_usage};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
