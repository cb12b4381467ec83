//! One limit's state and its arithmetic, which is the same for all kinds: a level that falls by what is taken.

/// A reading of the clock that is behind the latest by no more than this (or a whole refill, if shorter) is late, not a
/// clock set back.
const LATE_NS: u64 = 1_000_000_000;

/// The limits of one gate.
pub const MOST_LIMITS: usize = 12;
pub(super) const MOST_SLOTS: usize = 1 << 26;

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

/// What a limit counts, and what makes its level rise again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Time.
    Bucket,
    /// Release.
    Gauge,
    /// Nothing but settling for less than was reserved.
    Budget,
    /// A grant by whoever owns the limit, spent before it expires.
    Lease,
}

/// Why an amount cannot be had now, ordered by how hopeless that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Ask the owner of the limit for a new lease.
    Lease,
    /// Until this many nanoseconds from now.
    Nanoseconds(i64),
    /// Until somebody gives back what they hold.
    Blocked,
    /// For ever: the amount is above the limit itself.
    Never,
}

impl Wait {
    const LONGEST: i64 = i64::MAX - 3;

    /// The negative number that stands for a refusal.
    pub fn code(self) -> i64 {
        match self {
            Wait::Nanoseconds(ns) => -ns.clamp(1, Self::LONGEST),
            Wait::Lease => i64::MIN + 2,
            Wait::Blocked => i64::MIN + 1,
            Wait::Never => i64::MIN,
        }
    }
}

/// One cache line: what a decision reads and writes of one limit.
#[repr(align(64))]
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// Whole units to be had; below zero is debt.
    pub left: i64,
    /// What has accrued of the next unit, in `1 / period` of it; zero when full. A lease's first nanosecond.
    part: u64,
    /// The latest time seen. A lease's last nanosecond, and one.
    last: i64,
    /// `amount` units every `period` nanoseconds, in lowest terms. Zero where time refills nothing.
    amount: u64,
    period: u64,
    pub limit: i64,
    /// How far behind `last` a reading is late.
    late: u64,
    /// Compiled gates that refer to this slot.
    pub gates: u32,
    pub kind: Kind,
    pub named: bool,
}

/// The terms of one limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub kind: Kind,
    pub limit: i64,
    pub amount: u64,
    pub period: u64,
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

impl Slot {
    pub fn new(terms: Terms) -> Self {
        let divisor = common_divisor(terms.amount, terms.period).max(1);
        let whole = u128::from(terms.limit.unsigned_abs()) * u128::from(terms.period)
            / u128::from(terms.amount.max(1));
        Slot {
            left: if terms.kind == Kind::Lease {
                0
            } else {
                terms.limit
            },
            part: 0,
            last: i64::MIN,
            amount: terms.amount / divisor,
            period: terms.period / divisor,
            limit: terms.limit,
            late: u64::try_from(whole).map_or(LATE_NS, |whole| whole.min(LATE_NS)),
            gates: 0,
            kind: terms.kind,
            named: true,
        }
    }

    /// New terms for a limit in use: what has been spent stays spent, but time never has to make up for more than it all.
    pub fn redefine(&mut self, terms: Terms) {
        let old = self.clone();
        *self = Slot {
            gates: old.gates,
            named: old.named,
            last: old.last,
            ..Slot::new(terms)
        };
        match self.kind {
            Kind::Lease => (self.left, self.part) = (old.left, old.part),
            Kind::Gauge | Kind::Budget => {
                self.left = self
                    .limit
                    .saturating_sub(old.limit.saturating_sub(old.left))
            }
            Kind::Bucket => {
                let spent = old.limit.saturating_sub(old.left);
                self.left = self.limit.saturating_sub(spent).max(old.left.min(0));
            }
        }
    }

    /// Brings the level up to `now` and says what can be had.
    ///
    /// Late readings count as the latest one, so they neither refill nor drain. A clock set back starts the count again
    /// from its new time, without a refill: level rises by what the clock moves forward, never by what it moves back.
    pub fn refill(&mut self, now: i64) -> i64 {
        if self.amount == 0 {
            return self.available(now);
        }
        if now <= self.last {
            if self.last.abs_diff(now) > self.late {
                self.last = now;
            }
            return self.left;
        }
        let elapsed = now.abs_diff(self.last);
        self.last = now;
        if self.left < self.limit {
            self.gain(elapsed);
        }
        self.left
    }

    fn gain(&mut self, elapsed: u64) {
        let gained = u128::from(elapsed) * u128::from(self.amount) + u128::from(self.part);
        if gained < u128::from(self.period) {
            self.part = gained as u64;
            return;
        }
        let (whole, part) = match u64::try_from(gained) {
            Ok(gained) => (u128::from(gained / self.period), gained % self.period),
            Err(_) => (
                gained / u128::from(self.period),
                (gained % u128::from(self.period)) as u64,
            ),
        };
        if whole >= u128::from(self.limit.abs_diff(self.left)) {
            (self.left, self.part) = (self.limit, 0);
        } else {
            // Below the limit, so it fits.
            self.left += whole as i64;
            self.part = part;
        }
    }

    fn available(&self, now: i64) -> i64 {
        let held = self.kind != Kind::Lease || (self.part as i64 <= now && now < self.last);
        if held { self.left } else { self.left.min(0) }
    }

    /// How long `amount` has to wait, after `refill` at `now` found less.
    pub fn wait(&self, now: i64, amount: i64) -> Wait {
        match self.kind {
            _ if amount > self.limit => Wait::Never,
            Kind::Lease => Wait::Lease,
            Kind::Gauge | Kind::Budget => Wait::Blocked,
            Kind::Bucket => Wait::Nanoseconds(self.until(now, amount)),
        }
    }

    /// Nanoseconds from `now` until the level is `amount`, rounded up.
    fn until(&self, now: i64, amount: i64) -> i64 {
        if self.left >= amount {
            return 0;
        }
        let units = u128::from(amount.abs_diff(self.left)) * u128::from(self.period)
            - u128::from(self.part);
        let late = u128::from(self.last.max(now).abs_diff(now));
        let wait = units.div_ceil(u128::from(self.amount)).saturating_add(late);
        i64::try_from(wait).unwrap_or(i64::MAX).min(Wait::LONGEST)
    }

    /// Nanoseconds from `now` until all of it can be had, if time alone brings that about.
    pub fn reset(&self, now: i64) -> Option<i64> {
        match self.kind {
            Kind::Bucket => Some(self.until(now, self.limit)),
            _ => None,
        }
    }

    /// Raises the level by what was not needed, or lowers it, below zero too, by what was needed on top.
    pub fn correct(&mut self, by: i64) {
        self.left = self.left.saturating_add(by);
        if self.left >= self.limit {
            (self.left, self.part) = (
                self.limit,
                if self.kind == Kind::Lease {
                    self.part
                } else {
                    0
                },
            );
        }
    }

    /// Takes over a lease for `start <= now < end`; what was left of the one before, to be given back.
    pub fn lend(&mut self, now: i64, amount: i64, start: i64, end: i64) -> i64 {
        let unspent = self.available(now);
        (self.left, self.part, self.last) =
            (amount.saturating_add(unspent.min(0)), start as u64, end);
        unspent.max(0)
    }
}
