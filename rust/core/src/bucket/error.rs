//! What can be wrong with limits and gates.

use std::fmt;

use super::slot::{Kind, MOST_LIMITS, MOST_SLOTS, Unit};

/// Why a limit cannot be made, changed or met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketError {
    /// An amount, period, burst or limit outside its range.
    Range(&'static str),
    /// The name stands for a limit of another kind.
    Kind(Kind),
    UnknownSlot(u32),
    /// A slot cannot be counted in this unit.
    Unit(u32, Unit),
    TooMany,
    Twice(u32),
    Full,
    NotTaken,
}

impl fmt::Display for BucketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BucketError::Range(what) => f.write_str(what),
            BucketError::Kind(kind) => write!(
                f,
                "this name is a {kind:?} already: remove it first, or choose another name"
            ),
            BucketError::UnknownSlot(slot) => write!(
                f,
                "no limit has slot {slot}: pass what bucket(), gauge() or budget() returned"
            ),
            BucketError::Unit(slot, unit) => write!(
                f,
                "slot {slot} cannot count {unit:?}: places are for gauges, and gauges for places"
            ),
            BucketError::TooMany => write!(
                f,
                "a gate meets at most {MOST_LIMITS} limits: split it over two gates"
            ),
            BucketError::Twice(slot) => write!(
                f,
                "slot {slot} is listed twice: a gate meets each limit once"
            ),
            BucketError::Full => {
                write!(f, "a table holds at most {MOST_SLOTS} limits: remove some")
            }
            BucketError::NotTaken => f.write_str(
                "more places were given back than taken: release() once for each take()",
            ),
        }
    }
}

impl std::error::Error for BucketError {}
