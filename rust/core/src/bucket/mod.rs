//! Limits: token buckets, concurrency gauges, budgets and leases, in integers, with `now` given.
//!
//! A [`Limits`] table holds every limit; a [`Gate`] is the compiled list of those that one request of one key meets, and
//! one call of [`Gate::take`] decides over them all, all or nothing.
//!
//! **Why a token bucket and not GCRA.** GCRA keeps one time stamp, which is enough when every request costs one emission
//! interval. Here a request takes thousands of tokens, an interval is rarely a whole number of nanoseconds (7 per minute),
//! a settled call may leave debt, and a limit is redefined while in use. A level in whole tokens plus the exact fraction of
//! the next (`part / period`, in lowest terms) keeps `burst + rate × t` to the last token at any rate, needs a division only
//! when a whole token has accrued, and is what the headers show. Gauges, budgets and leases are the same level, without a rate.
//!
//! **Clocks.** `now` is any count of nanoseconds. A reading up to a second (or one whole refill) behind the latest is late:
//! it counts as the latest. Further back, the clock was set: counting goes on from there. Either way nothing is
//! refilled by going back, and nothing waits longer than a refill for it.
//!
//! Invariants:
//! * Over any interval, what is admitted is at most burst + rate × (what the clock moved forward).
//! * A refused call changes no level. Locks are taken in ascending order of stripe, so calls that share limits cannot deadlock.

mod gate;
mod lender;
mod slot;
mod table;
#[cfg(test)]
mod tests;

use std::fmt;

pub use gate::{Gate, MOST_LIMITS, Refusal, Remaining, Spent};
pub use lender::{Lease, Lender, Options};
pub use slot::{Kind, Wait};
pub use table::Limits;
use table::MOST_SLOTS;

/// What an amount is counted in: which of a request's numbers a limit takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Unit {
    /// One per request.
    Requests,
    Tokens,
    /// One per request, given back when it ends.
    Places,
    Cost,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Range(what) => f.write_str(what),
            Error::Kind(kind) => write!(
                f,
                "this name is a {kind:?} already: remove it first, or choose another name"
            ),
            Error::UnknownSlot(slot) => write!(
                f,
                "no limit has slot {slot}: pass what bucket(), gauge() or budget() returned"
            ),
            Error::Unit(slot, unit) => write!(
                f,
                "slot {slot} cannot count {unit:?}: places are for gauges, and gauges for places"
            ),
            Error::TooMany => write!(
                f,
                "a gate meets at most {MOST_LIMITS} limits: split it over two gates"
            ),
            Error::Twice(slot) => write!(
                f,
                "slot {slot} is listed twice: a gate meets each limit once"
            ),
            Error::Full => write!(f, "a table holds at most {MOST_SLOTS} limits: remove some"),
            Error::NotTaken => f.write_str(
                "more places were given back than taken: release() once for each take()",
            ),
        }
    }
}

impl std::error::Error for Error {}
