//! The Python face of `gateway-core`: one thin file per module of the core, no logic.

mod embed;
mod tokens;

use pyo3::prelude::*;

/// The hot core of llm-gateway, usable alone from any Python service.
#[pymodule(gil_used = false)]
mod native {
    use super::*;

    #[pymodule_export]
    use super::embed::{MiniLM, StaticEmbedder};
    #[pymodule_export]
    use super::tokens::{Tokenizer, encoding_for};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
