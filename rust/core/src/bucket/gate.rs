//! The limits that one request meets, compiled, and the one call that decides over them.

use std::sync::Arc;

use parking_lot::MutexGuard;

use super::error::BucketError;
use super::slot::{Kind, MOST_LIMITS, Slot, Unit, Wait};
use super::table::{Limits, lock, place};

/// What a reservation was, and what the call then used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    pub tokens_reserved: i64,
    pub tokens_used: i64,
    pub cost_reserved: i64,
    pub cost_used: i64,
}

/// The limit that keeps a request out longest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub slot: u32,
    pub name: Arc<str>,
    pub unit: Unit,
    pub limit: i64,
    pub remaining: i64,
    pub wait: Wait,
}

/// One limit as headers show it. `reset` is when all of it can be had again, if time alone brings that about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining {
    pub slot: u32,
    pub limit: i64,
    pub remaining: i64,
    pub reset: Option<i64>,
}

/// A slot (26 bits), which of the gate's locks guards it (4 bits) and the unit that it takes (2 bits).
#[derive(Clone, Copy, Default)]
struct Use(u32);

impl Use {
    fn new(slot: u32, lock: usize, unit: Unit) -> Self {
        Use(slot << 6 | (lock as u32) << 2 | unit as u32)
    }

    fn slot(self) -> u32 {
        self.0 >> 6
    }

    fn lock(self) -> usize {
        (self.0 >> 2 & 15) as usize
    }

    fn unit(self) -> Unit {
        match self.0 & 3 {
            0 => Unit::Requests,
            1 => Unit::Tokens,
            2 => Unit::Places,
            _ => Unit::Cost,
        }
    }

    fn amount(self, tokens: i64, cost: i64) -> i64 {
        match self.unit() {
            Unit::Requests | Unit::Places => 1,
            Unit::Tokens => tokens,
            Unit::Cost => cost,
        }
    }
}

/// The locks of up to `N` stripes, in ascending order.
struct Held<'a, const N: usize>([Option<MutexGuard<'a, Vec<Slot>>>; N]);

impl<const N: usize> Held<'_, N> {
    fn slot(&mut self, one: Use) -> &mut Slot {
        let stripe = self.0[one.lock()]
            .as_mut()
            .expect("a gate holds the locks of its slots");
        &mut stripe[place(one.slot()).1]
    }
}

/// The compiled limits of one kind of request. It keeps their table alive.
///
/// In the order in which a decision reads it, so that a short one stays within a cache line.
#[repr(C)]
pub struct Gate {
    limits: Arc<Limits>,
    /// One bit for each stripe to lock.
    stripes: u64,
    len: u32,
    uses: [Use; MOST_LIMITS],
}

impl Gate {
    /// Compiles the limits that a request meets, and what it takes of each.
    pub fn new(limits: Arc<Limits>, meets: &[(u32, Unit)]) -> Result<Self, BucketError> {
        if meets.len() > MOST_LIMITS {
            return Err(BucketError::TooMany);
        }
        let stripes = meets
            .iter()
            .fold(0u64, |bits, (slot, _)| bits | 1 << place(*slot).0);
        let mut gate = Gate {
            limits,
            stripes,
            len: 0,
            uses: Default::default(),
        };
        for (index, (slot, unit)) in meets.iter().enumerate() {
            if meets[..index].iter().any(|(other, _)| other == slot) {
                return Err(BucketError::Twice(*slot));
            }
            gate.limits.with(*slot, |state| {
                let fits = (state.kind == Kind::Gauge) == (*unit == Unit::Places);
                state.gates += u32::from(fits);
                fits.then_some(()).ok_or(BucketError::Unit(*slot, *unit))
            })??;
            let lock = (stripes & ((1 << place(*slot).0) - 1)).count_ones() as usize;
            gate.uses[index] = Use::new(*slot, lock, *unit);
            gate.len += 1;
        }
        Ok(gate)
    }

    fn uses(&self) -> &[Use] {
        &self.uses[..self.len as usize]
    }

    fn hold<const N: usize>(&self) -> Held<'_, N> {
        let mut held = [const { None }; N];
        let mut stripes = self.stripes;
        for guard in &mut held {
            if stripes == 0 {
                break;
            }
            *guard = Some(lock(
                &self.limits.stripes[stripes.trailing_zeros() as usize],
            ));
            stripes &= stripes - 1;
        }
        Held(held)
    }

    /// Takes one request of `tokens` and `cost` from every limit, or nothing from any.
    ///
    /// Admitted: the fewest requests that a limit on requests leaves, or `i64::MAX` where there is none. Refused: the
    /// [`Wait::code`] of the limit that keeps it out longest, below zero. A limit of which nothing is taken is not asked.
    pub fn take(&self, now: i64, tokens: i64, cost: i64) -> i64 {
        // The fewer locks there may be, the less there is to prepare and to give back.
        match self.stripes & self.stripes.wrapping_sub(1) {
            0 => self.take_under::<1>(now, tokens, cost),
            _ if self.len <= 4 => self.take_under::<4>(now, tokens, cost),
            _ => self.take_under::<MOST_LIMITS>(now, tokens, cost),
        }
    }

    fn take_under<const N: usize>(&self, now: i64, tokens: i64, cost: i64) -> i64 {
        let mut held = self.hold::<N>();
        let mut fewest = i64::MAX;
        for one in self.uses() {
            let amount = one.amount(tokens, cost);
            let left = held.slot(*one).refill(now);
            if left < amount && amount > 0 {
                return self
                    .longest(&mut held, now, tokens, cost)
                    .map_or(Wait::Blocked, |(_, wait)| wait)
                    .code();
            }
            if one.unit() == Unit::Requests {
                fewest = fewest.min(left - 1);
            }
        }
        for one in self.uses() {
            held.slot(*one).left -= one.amount(tokens, cost).max(0);
        }
        fewest
    }

    /// Brings every limit up to `now`, whichever refuses, so that what a call observes does not depend on their order.
    #[cold]
    fn longest<const N: usize>(
        &self,
        held: &mut Held<'_, N>,
        now: i64,
        tokens: i64,
        cost: i64,
    ) -> Option<(Use, Wait)> {
        let refused = self.uses().iter().filter_map(|one| {
            let amount = one.amount(tokens, cost);
            let slot = held.slot(*one);
            (slot.refill(now) < amount && amount > 0).then(|| (*one, slot.wait(now, amount)))
        });
        refused.max_by_key(|(_, wait)| *wait)
    }

    /// Which limit keeps such a request out longest, if any does.
    pub fn refusal(&self, now: i64, tokens: i64, cost: i64) -> Option<Refusal> {
        let mut held = self.hold::<MOST_LIMITS>();
        let (one, wait) = self.longest(&mut held, now, tokens, cost)?;
        let slot = held.slot(one);
        let (limit, remaining) = (slot.limit, slot.refill(now));
        drop(held);
        Some(Refusal {
            slot: one.slot(),
            name: self.limits.name(one.slot()),
            unit: one.unit(),
            limit,
            remaining,
            wait,
        })
    }

    /// Gives back the places of one request that was admitted.
    pub fn release(&self) -> Result<(), BucketError> {
        let mut held = self.hold::<MOST_LIMITS>();
        let places = || self.uses().iter().filter(|one| one.unit() == Unit::Places);
        for one in places() {
            let slot = held.slot(*one);
            if slot.left >= slot.limit {
                return Err(BucketError::NotTaken);
            }
        }
        for one in places() {
            held.slot(*one).left += 1;
        }
        Ok(())
    }

    /// Replaces what was reserved by what was used: the difference goes back, or is owed.
    pub fn settle(&self, now: i64, spent: Spent) {
        let mut held = self.hold::<MOST_LIMITS>();
        for one in self.uses() {
            let by = match one.unit() {
                Unit::Tokens => spent.tokens_reserved.saturating_sub(spent.tokens_used),
                Unit::Cost => spent.cost_reserved.saturating_sub(spent.cost_used),
                Unit::Requests | Unit::Places => continue,
            };
            let slot = held.slot(*one);
            slot.refill(now);
            slot.correct(by);
        }
    }

    /// Every limit of this gate, in the order given, as headers show it.
    pub fn remaining(&self, now: i64) -> Vec<Remaining> {
        let mut held = self.hold::<MOST_LIMITS>();
        let show = |one: &Use| {
            let slot = held.slot(*one);
            let remaining = slot.refill(now).max(0);
            Remaining {
                slot: one.slot(),
                limit: slot.limit,
                remaining,
                reset: slot.reset(now),
            }
        };
        self.uses().iter().map(show).collect()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let slots: [Use; MOST_LIMITS] = self.uses;
        self.limits
            .release(slots[..self.len as usize].iter().map(|one| one.slot()));
    }
}
