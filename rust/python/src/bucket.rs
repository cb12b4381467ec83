//! Python face of [`gateway_core::bucket`].

use crate::error::OrRaise;
use std::sync::Arc;

use gateway_core::bucket::{self, Spent};
use pyo3::prelude::*;

/// What a limit counts: which of a request's numbers it takes.
///
/// REQUESTS takes one per request, TOKENS its tokens, COST its cost, and PLACES one that release() gives back.
#[pyclass(frozen, eq, eq_int, hash, from_py_object, module = "gateway.native")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::upper_case_acronyms)]
pub enum Unit {
    REQUESTS,
    TOKENS,
    PLACES,
    COST,
}

impl From<Unit> for bucket::Unit {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::REQUESTS => bucket::Unit::Requests,
            Unit::TOKENS => bucket::Unit::Tokens,
            Unit::PLACES => bucket::Unit::Places,
            Unit::COST => bucket::Unit::Cost,
        }
    }
}

impl From<bucket::Unit> for Unit {
    fn from(unit: bucket::Unit) -> Self {
        match unit {
            bucket::Unit::Requests => Unit::REQUESTS,
            bucket::Unit::Tokens => Unit::TOKENS,
            bucket::Unit::Places => Unit::PLACES,
            bucket::Unit::Cost => Unit::COST,
        }
    }
}

/// A table of limits by name: token buckets, concurrency gauges, budgets and leases, all in integers.
///
/// Every method that defines a limit returns its slot, an int to compile gates with. Defining a name again changes its
/// terms, keeps its slot, and what has been spent stays spent. `now` is nanoseconds on a monotonic clock.
#[pyclass(frozen, module = "gateway.native")]
pub struct Limits(Arc<bucket::Limits>);

#[pymethods]
impl Limits {
    #[new]
    fn new() -> Self {
        Limits(Arc::default())
    }

    /// A bucket that gains `amount` every `per_ns` nanoseconds up to `burst` (by default `amount`), and starts full.
    #[pyo3(signature = (name, *, amount, per_ns, burst = None))]
    fn bucket(&self, name: &str, amount: i64, per_ns: i64, burst: Option<i64>) -> PyResult<u32> {
        self.0.bucket(name, amount, per_ns, burst).or_raise()
    }

    /// A limit on what is held at one time: taken by a gate's take(), given back by its release().
    #[pyo3(signature = (name, *, limit))]
    fn gauge(&self, name: &str, limit: i64) -> PyResult<u32> {
        self.0.gauge(name, limit).or_raise()
    }

    /// An amount to spend. `spent` says how much of it is gone already; without it, what has been spent stays spent.
    #[pyo3(signature = (name, *, limit, spent = None))]
    fn budget(&self, name: &str, limit: i64, spent: Option<i64>) -> PyResult<u32> {
        self.0.budget(name, limit, spent).or_raise()
    }

    /// The local end of a limit that is shared with other nodes: nothing can be had until lend() has been called.
    #[pyo3(signature = (name, *, limit))]
    fn lease(&self, name: &str, limit: i64) -> PyResult<u32> {
        self.0.lease(name, limit).or_raise()
    }

    /// Takes over a lease of `amount`, to be spent while start <= now < end.
    ///
    /// Returns what was left of the lease before, to be given back to its lender. Count `start` from before the lender was
    /// asked: then this end of the lease is over first.
    #[pyo3(signature = (slot, now, /, *, amount, start, end))]
    fn lend(&self, slot: u32, now: i64, amount: i64, start: i64, end: i64) -> PyResult<i64> {
        self.0.lend(slot, now, amount, start, end).or_raise()
    }

    /// Forgets a limit's name. Gates compiled with it keep it; when they are gone, its slot goes to another name.
    fn remove(&self, slot: u32) -> PyResult<()> {
        self.0.remove(slot).or_raise()
    }

    /// The slot of a name, or None.
    fn slot(&self, name: &str) -> Option<u32> {
        self.0.slot(name)
    }

    /// Compiles which limits one request of one key meets, and what it takes of each: pairs of a slot and a Unit.
    fn gate(&self, limits: Vec<(u32, Unit)>) -> PyResult<Gate> {
        let meets: Vec<_> = limits
            .into_iter()
            .map(|(slot, unit)| (slot, unit.into()))
            .collect();
        bucket::Gate::new(self.0.clone(), &meets)
            .map(Gate)
            .or_raise()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// The limits that one request meets: one call decides over them all, all or nothing.
#[pyclass(frozen, module = "gateway.native")]
pub struct Gate(bucket::Gate);

#[pymethods]
impl Gate {
    /// What take() returns when a limit can never admit so much: the request is larger than the limit itself.
    #[classattr]
    const NEVER: i64 = i64::MIN;

    /// What take() returns when a gauge is full or a budget is spent: no time is known at which it could succeed.
    #[classattr]
    const BLOCKED: i64 = i64::MIN + 1;

    /// What take() returns when only a lease is short: ask its lender, lend(), and take again.
    #[classattr]
    const LEASE: i64 = i64::MIN + 2;

    /// Takes one request of `tokens` and `cost` from every limit, or nothing from any.
    ///
    /// Zero or more: admitted, and this many requests remain under the tightest limit on requests (2**63 - 1 where there is
    /// none). Below zero: refused; minus the nanoseconds until it could succeed, or NEVER, BLOCKED or LEASE.
    #[pyo3(signature = (now, tokens = 0, cost = 0, /))]
    fn take(&self, now: i64, tokens: i64, cost: i64) -> i64 {
        self.0.take(now, tokens, cost)
    }

    /// The limit that keeps such a request out longest, or None if it would be admitted.
    #[pyo3(signature = (now, tokens = 0, cost = 0, /))]
    fn refusal(&self, now: i64, tokens: i64, cost: i64) -> Option<Refusal> {
        let refusal = self.0.refusal(now, tokens, cost)?;
        Some(Refusal {
            slot: refusal.slot,
            name: refusal.name.to_string(),
            unit: refusal.unit.into(),
            limit: refusal.limit,
            remaining: refusal.remaining,
            retry_after_ns: match refusal.wait {
                bucket::Wait::Nanoseconds(ns) => Some(ns),
                _ => None,
            },
            code: refusal.wait.code(),
        })
    }

    /// Gives back the places of one request that was admitted.
    fn release(&self) -> PyResult<()> {
        self.0.release().or_raise()
    }

    /// Replaces what was reserved by what was used: the difference goes back, or is owed.
    #[pyo3(signature = (now, tokens_reserved, tokens_used, cost_reserved, cost_used, /))]
    fn settle(
        &self,
        now: i64,
        tokens_reserved: i64,
        tokens_used: i64,
        cost_reserved: i64,
        cost_used: i64,
    ) {
        self.0.settle(
            now,
            Spent {
                tokens_reserved,
                tokens_used,
                cost_reserved,
                cost_used,
            },
        );
    }

    /// For each limit, in the order given: slot, limit, what remains, and the nanoseconds until all of it is there again
    /// (None where time alone does not bring it back).
    #[pyo3(signature = (now, /))]
    fn remaining(&self, now: i64) -> Vec<(u32, i64, i64, Option<i64>)> {
        self.0
            .remaining(now)
            .into_iter()
            .map(|r| (r.slot, r.limit, r.remaining, r.reset))
            .collect()
    }
}

/// Why a request was refused: the limit that keeps it out longest.
#[pyclass(frozen, get_all, module = "gateway.native")]
pub struct Refusal {
    /// The limit's slot.
    slot: u32,
    /// The limit's name.
    name: String,
    /// What the limit counts.
    unit: Unit,
    /// The most that it gives at one time.
    limit: i64,
    /// What it could give now.
    remaining: i64,
    /// None where time alone will not admit it.
    retry_after_ns: Option<i64>,
    /// What take() returns: NEVER, BLOCKED and LEASE tell apart what has no time.
    code: i64,
}

#[pymethods]
impl Refusal {
    fn __repr__(&self) -> String {
        let wait = self
            .retry_after_ns
            .map_or("None".into(), |ns| ns.to_string());
        format!(
            "Refusal({:?}, limit={}, remaining={}, retry_after_ns={wait})",
            self.name, self.limit, self.remaining
        )
    }
}

/// The shared end of a limit that several nodes spend: it lends slices, and takes back what was not spent.
///
/// What is out on lease counts as spent until it is given back or its life is over. `life_ns` is how long a lease lives;
/// a lease is at most the level divided by `share`, so slices shrink as the limit nears exhaustion.
#[pyclass(frozen, module = "gateway.native")]
pub struct Lender(Box<bucket::Lender>);

#[pymethods]
impl Lender {
    #[new]
    #[pyo3(signature = (*, amount, per_ns, burst = None, life_ns = 1_000_000_000, share = 4))]
    fn new(
        amount: i64,
        per_ns: i64,
        burst: Option<i64>,
        life_ns: i64,
        share: i64,
    ) -> PyResult<Self> {
        let options = bucket::Options {
            life: life_ns,
            share,
        };
        bucket::Lender::new(amount, per_ns, burst, options)
            .map(|lender| Lender(Box::new(lender)))
            .or_raise()
    }

    /// Lends up to `want`: (id, amount, until), or None when there is nothing to lend.
    #[pyo3(signature = (now, want, /))]
    fn grant(&self, now: i64, want: i64) -> Option<(u64, i64, i64)> {
        self.0
            .grant(now, want)
            .map(|lease| (lease.id, lease.amount, lease.until))
    }

    /// Ends a lease early; what of `unspent` was credited: nothing once it has expired.
    #[pyo3(signature = (now, id, unspent, /))]
    fn give_back(&self, now: i64, id: u64, unspent: i64) -> i64 {
        self.0.give_back(now, id, unspent)
    }

    /// Takes `amount` without a lease: what then remains, or below zero as Gate.take().
    #[pyo3(signature = (now, amount = 1, /))]
    fn take(&self, now: i64, amount: i64) -> i64 {
        self.0.take(now, amount)
    }

    /// What could be lent or taken now; what is out on lease is left out.
    #[pyo3(signature = (now, /))]
    fn remaining(&self, now: i64) -> i64 {
        self.0.remaining(now)
    }

    /// What is out on lease.
    #[pyo3(signature = (now, /))]
    fn lent(&self, now: i64) -> i64 {
        self.0.lent(now)
    }
}
