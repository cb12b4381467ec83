//! Every limit by name, and the slots that hold their levels.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::error::BucketError;
use super::slot::{Kind, MOST_SLOTS, Slot, Terms};

const STRIPES: usize = 64;
/// Slots defined one after the other share a stripe, and its lock, in groups of this many.
const GROUP: usize = 8;

/// Where a slot lives.
pub(super) fn place(slot: u32) -> (usize, usize) {
    let slot = slot as usize;
    (
        slot / GROUP % STRIPES,
        slot / (GROUP * STRIPES) * GROUP + slot % GROUP,
    )
}

#[derive(Default)]
struct Names {
    slots: HashMap<Arc<str>, u32>,
    /// By slot; kept until the last gate is gone, so that a refusal can name its limit.
    names: Vec<Option<Arc<str>>>,
    free: Vec<u32>,
}

/// A table of limits by name.
pub struct Limits {
    pub(super) stripes: [Mutex<Vec<Slot>>; STRIPES],
    /// Locked before any stripe, never after one.
    names: Mutex<Names>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            stripes: [const { Mutex::new(Vec::new()) }; STRIPES],
            names: Mutex::default(),
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

impl Limits {
    pub fn new() -> Self {
        Self::default()
    }

    /// Defines a bucket that gains `amount` every `period` nanoseconds up to `burst`, and starts full.
    ///
    /// An existing name gets new terms and keeps its slot; what has been spent stays spent.
    pub fn bucket(
        &self,
        name: &str,
        amount: i64,
        period: i64,
        burst: Option<i64>,
    ) -> Result<u32, BucketError> {
        self.define(name, rate(amount, period, burst)?)
    }

    /// Defines a limit on what is held at one time.
    pub fn gauge(&self, name: &str, limit: i64) -> Result<u32, BucketError> {
        self.define(name, still(Kind::Gauge, limit)?)
    }

    /// Defines an amount to spend. `spent` says how much of it is gone; `None` keeps what an existing one has spent.
    pub fn budget(&self, name: &str, limit: i64, spent: Option<i64>) -> Result<u32, BucketError> {
        if spent.is_some_and(|spent| spent < 0) {
            return Err(BucketError::Range("spent must not be negative"));
        }
        let slot = self.define(name, still(Kind::Budget, limit)?)?;
        if let Some(spent) = spent {
            self.with(slot, |slot| slot.left = limit.saturating_sub(spent))?;
        }
        Ok(slot)
    }

    /// Defines the local end of a limit that is shared: nothing can be had until something is lent. `limit` is for show.
    pub fn lease(&self, name: &str, limit: i64) -> Result<u32, BucketError> {
        self.define(name, still(Kind::Lease, limit)?)
    }

    /// Takes over `amount`, to be spent while `start <= now < end`; what was left of the lease before, to be given back.
    pub fn lend(
        &self,
        slot: u32,
        now: i64,
        amount: i64,
        start: i64,
        end: i64,
    ) -> Result<i64, BucketError> {
        if amount < 0 {
            return Err(BucketError::Range("a lease's amount must not be negative"));
        }
        self.with(slot, |slot| match slot.kind {
            Kind::Lease => Ok(slot.lend(now, amount, start, end)),
            kind => Err(BucketError::Kind(kind)),
        })?
    }

    /// Forgets a limit's name. Gates compiled with it keep it until they are gone; then its slot is used again.
    pub fn remove(&self, slot: u32) -> Result<(), BucketError> {
        let mut names = lock(&self.names);
        let unused = self.with(slot, |slot| {
            slot.named = false;
            slot.gates == 0
        })?;
        if let Some(Some(name)) = names.names.get(slot as usize) {
            let name = name.clone();
            names.slots.remove(&name);
        }
        if unused {
            names.names[slot as usize] = None;
            names.free.push(slot);
        }
        Ok(())
    }

    /// The slot that a name stands for.
    pub fn slot(&self, name: &str) -> Option<u32> {
        lock(&self.names).slots.get(name).copied()
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        lock(&self.names).slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn name(&self, slot: u32) -> Arc<str> {
        lock(&self.names)
            .names
            .get(slot as usize)
            .cloned()
            .flatten()
            .unwrap_or_default()
    }

    /// Acts on a slot that has a name.
    pub(super) fn with<R>(
        &self,
        slot: u32,
        act: impl FnOnce(&mut Slot) -> R,
    ) -> Result<R, BucketError> {
        let (stripe, index) = place(slot);
        let mut stripe = lock(&self.stripes[stripe]);
        let found = stripe
            .get_mut(index)
            .filter(|slot| slot.named)
            .ok_or(BucketError::UnknownSlot(slot))?;
        Ok(act(found))
    }

    fn define(&self, name: &str, terms: Terms) -> Result<u32, BucketError> {
        let mut names = lock(&self.names);
        if let Some(slot) = names.slots.get(name) {
            self.with(*slot, |slot| {
                if slot.kind != terms.kind {
                    return Err(BucketError::Kind(slot.kind));
                }
                slot.redefine(terms);
                Ok(())
            })??;
            return Ok(*slot);
        }
        let slot = self.allocate(&mut names, terms)?;
        let name: Arc<str> = name.into();
        names.names[slot as usize] = Some(name.clone());
        names.slots.insert(name, slot);
        Ok(slot)
    }

    fn allocate(&self, names: &mut Names, terms: Terms) -> Result<u32, BucketError> {
        let slot = names.free.pop().unwrap_or(names.names.len() as u32);
        if slot as usize >= MOST_SLOTS {
            return Err(BucketError::Full);
        }
        let (stripe, index) = place(slot);
        let mut stripe = lock(&self.stripes[stripe]);
        if slot as usize == names.names.len() {
            names.names.push(None);
            stripe.push(Slot::new(terms));
        } else {
            stripe[index] = Slot::new(terms);
        }
        Ok(slot)
    }

    /// One gate fewer refers to these slots.
    pub(super) fn release(&self, slots: impl Iterator<Item = u32>) {
        let mut unused = Vec::new();
        for slot in slots {
            let (stripe, index) = place(slot);
            let slot_state = &mut lock(&self.stripes[stripe])[index];
            slot_state.gates -= 1;
            if slot_state.gates == 0 && !slot_state.named {
                unused.push(slot);
            }
        }
        if !unused.is_empty() {
            let mut names = lock(&self.names);
            for slot in unused {
                names.names[slot as usize] = None;
                names.free.push(slot);
            }
        }
    }
}

pub(super) fn rate(amount: i64, period: i64, burst: Option<i64>) -> Result<Terms, BucketError> {
    let burst = burst.unwrap_or(amount);
    if amount < 1 || period < 1 || burst < 1 {
        return Err(BucketError::Range(
            "amount, period and burst must be at least 1: use a gauge of 0 to admit nothing",
        ));
    }
    Ok(Terms {
        kind: Kind::Bucket,
        limit: burst,
        amount: amount.unsigned_abs(),
        period: period.unsigned_abs(),
    })
}

fn still(kind: Kind, limit: i64) -> Result<Terms, BucketError> {
    if limit < 0 {
        return Err(BucketError::Range("limit must not be negative"));
    }
    Ok(Terms {
        kind,
        limit,
        amount: 0,
        period: 0,
    })
}
