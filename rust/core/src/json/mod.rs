//! Reading JSON without building objects of it.
//!
//! [`Skimmer`] validates all that it passes, which is for what providers send and what is sent on. [`Reader`] is lenient and
//! matches no more than brackets, which is for bodies that were validated before and for files whose checksum is known. The
//! parser of [`crate::canon`] is a third, since it writes the canonical form as it goes. [`escape`] is the same for all.

#![forbid(unsafe_code)]

pub mod escape;
mod reader;
mod skim;
mod span;

pub use reader::{Malformed, Reader};
pub use skim::{Fault, Skimmed, Skimmer};
pub use span::Span;
