//! The shared end of a limit that several nodes spend: it lends slices, and takes back what was not spent.
//!
//! What is out counts as spent until it comes back, and the bucket refills only up to burst less what is out. So the
//! level and all slices together never pass the burst, and what the nodes admit stays within burst + rate × t, however they
//! interleave and whichever die.

use parking_lot::Mutex;

use super::error::BucketError;
use super::slot::{Slot, Wait};
use super::table::rate;

/// How slices are cut.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What a lease lives, in nanoseconds. A node counts from before it asked, so its lease ends no later than here.
    pub life: i64,
    /// A lease is at most the level divided by this, rounded up: slices shrink as the limit nears exhaustion.
    pub share: i64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            life: 1_000_000_000,
            share: 4,
        }
    }
}

/// A slice of a shared limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub id: u64,
    pub amount: i64,
    /// The lender's time from which it counts as spent for good.
    pub until: i64,
}

struct State {
    /// Its limit is the burst less what is out.
    slot: Slot,
    leases: Vec<Lease>,
    next: u64,
}

pub struct Lender {
    state: Mutex<State>,
    burst: i64,
    options: Options,
}

impl State {
    fn advance(&mut self, now: i64, life: i64) -> i64 {
        let slot = &mut self.slot;
        slot.refill(now);
        self.leases.retain_mut(|lease| {
            // A clock set back must not keep a slice out for longer than it lives.
            lease.until = lease.until.min(now.saturating_add(life));
            let alive = now < lease.until;
            slot.limit += if alive { 0 } else { lease.amount };
            alive
        });
        slot.left
    }
}

impl Lender {
    /// A full bucket that gains `amount` every `period` nanoseconds up to `burst`.
    pub fn new(
        amount: i64,
        period: i64,
        burst: Option<i64>,
        options: Options,
    ) -> Result<Self, BucketError> {
        if options.life < 1 || options.share < 1 {
            return Err(BucketError::Range(
                "a lease's life and share must be at least 1",
            ));
        }
        let terms = rate(amount, period, burst)?;
        let state = State {
            slot: Slot::new(terms),
            leases: Vec::new(),
            next: 0,
        };
        Ok(Lender {
            state: Mutex::new(state),
            burst: terms.limit,
            options,
        })
    }

    fn with<R>(&self, now: i64, act: impl FnOnce(&mut State, i64) -> R) -> R {
        let mut state = self.state.lock();
        let left = state.advance(now, self.options.life);
        act(&mut state, left)
    }

    /// Lends up to `want`, as much as the level allows; `None` when there is nothing to lend.
    pub fn grant(&self, now: i64, want: i64) -> Option<Lease> {
        self.with(now, |state, left| {
            let share = left
                .max(0)
                .unsigned_abs()
                .div_ceil(self.options.share.unsigned_abs());
            let amount = want.min(i64::try_from(share).unwrap_or(i64::MAX));
            if amount < 1 {
                return None;
            }
            let lease = Lease {
                id: state.next,
                amount,
                until: now.saturating_add(self.options.life),
            };
            state.next += 1;
            state.slot.left -= amount;
            state.slot.limit -= amount;
            state.leases.push(lease);
            Some(lease)
        })
    }

    /// Ends a lease early; what of `unspent` was credited: nothing once it has expired, never more than was lent.
    pub fn give_back(&self, now: i64, id: u64, unspent: i64) -> i64 {
        self.with(now, |state, _| {
            let Some(index) = state.leases.iter().position(|lease| lease.id == id) else {
                return 0;
            };
            let lease = state.leases.swap_remove(index);
            let credit = unspent.clamp(0, lease.amount);
            state.slot.limit += lease.amount;
            state.slot.correct(credit);
            credit
        })
    }

    /// Takes `amount` at once, for who does not lease: what then remains, or the [`Wait::code`] below zero.
    pub fn take(&self, now: i64, amount: i64) -> i64 {
        self.with(now, |state, left| {
            if left >= amount {
                state.slot.left -= amount.max(0);
                return state.slot.left;
            }
            let wait = match amount {
                _ if amount > self.burst => Wait::Never,
                _ if amount > state.slot.limit => Wait::Blocked,
                _ => state.slot.wait(now, amount),
            };
            wait.code()
        })
    }

    /// What could be lent or taken now. It leaves out what the leases hold, so it never overstates.
    pub fn remaining(&self, now: i64) -> i64 {
        self.with(now, |_, left| left.max(0))
    }

    /// What is out on lease.
    pub fn lent(&self, now: i64) -> i64 {
        self.with(now, |state, _| self.burst - state.slot.limit)
    }
}
