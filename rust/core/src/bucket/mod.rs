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

#![forbid(unsafe_code)]

mod error;
mod gate;
mod lender;
mod slot;
mod table;
#[cfg(test)]
mod tests;

pub use error::BucketError;
pub use gate::{Gate, Refusal, Remaining, Spent};
pub use lender::{Lease, Lender, Options};
pub use slot::{Kind, MOST_LIMITS, Unit, Wait};
pub use table::Limits;
