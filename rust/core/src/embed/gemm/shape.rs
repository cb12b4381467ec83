//! How packed weights and their sums are laid out.

/// Outputs that one block of packed weights gives.
pub(in crate::embed) const BLOCK: usize = 16;
/// Inputs that one step takes: each output's four weights stand side by side.
pub(in crate::embed) const STEP: usize = 4;
/// Steps whose products meet in sixteen bits: of each step, two of its four.
pub(in crate::embed) const STEPS: usize = 4;

pub(in crate::embed) type Sums = [i32; BLOCK];
pub(in crate::embed) type Quad = [[i8; BLOCK * STEP]; STEPS];
