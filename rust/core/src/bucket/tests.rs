use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;

use super::slot::Slot;
use super::*;

const SECOND: i64 = 1_000_000_000;

fn scale() -> u32 {
    std::env::var("GATEWAY_TEST_SCALE")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(1)
}

/// One limit as its definition says: a level in `1 / period` units, one step at a time, in wide integers.
#[derive(Clone, Debug)]
struct Model {
    kind: Kind,
    level: i128,
    last: Option<i64>,
    amount: i128,
    period: i128,
    limit: i128,
}

impl Model {
    fn bucket(amount: i64, period: i64, burst: i64) -> Self {
        let (amount, period, limit) = (amount.into(), period.into(), burst.into());
        Model {
            kind: Kind::Bucket,
            level: limit * period,
            last: None,
            amount,
            period,
            limit,
        }
    }

    fn still(kind: Kind, limit: i64) -> Self {
        Model {
            kind,
            level: limit.into(),
            last: None,
            amount: 0,
            period: 1,
            limit: limit.into(),
        }
    }

    /// How far behind the latest a reading is late.
    fn late(&self) -> i128 {
        (self.limit * self.period / self.amount).min(SECOND.into())
    }

    fn refill(&mut self, now: i64) {
        let last = *self.last.get_or_insert(now);
        if self.kind != Kind::Bucket {
            return;
        }
        let moved = i128::from(now) - i128::from(last);
        if moved > 0 {
            self.level = (self.level + moved * self.amount).min(self.limit * self.period);
        }
        if moved > 0 || -moved > self.late() {
            self.last = Some(now);
        }
    }

    fn whole(&self) -> i128 {
        self.level.div_euclid(self.period)
    }

    fn wait(&self, now: i64, n: i128) -> Wait {
        match self.kind {
            _ if n > self.limit => Wait::Never,
            Kind::Bucket => {
                let missing = n * self.period - self.level;
                let late = i128::from(self.last.unwrap_or(now)) - i128::from(now);
                let ns = (missing + self.amount - 1) / self.amount + late.max(0);
                Wait::Nanoseconds(i64::try_from(ns).unwrap_or(i64::MAX))
            }
            _ => Wait::Blocked,
        }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Step(i64),
    Take(usize, i64, i64),
    Release(usize),
    Settle(usize, Spent),
    Bucket(usize, i64, i64, i64),
    Gauge(i64),
    Budget(i64, Option<i64>),
}

fn steps() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 0..SECOND / 50,
        4 => 0..90 * SECOND,
        2 => -SECOND / 10..0i64,
        1 => -200 * SECOND..0,
        1 => Just(i64::MAX / 4),
        1 => Just(-i64::MAX / 4),
    ]
}

fn terms() -> impl Strategy<Value = (i64, i64, i64)> {
    let small = (
        1..20i64,
        prop_oneof![1..5000i64, SECOND..60 * SECOND],
        1..30i64,
    );
    let large = (1..2_000_000i64, SECOND..86_400 * SECOND, 1..2_000_000i64);
    let huge = (1..i64::MAX, 1..i64::MAX, 1..i64::MAX / 4);
    prop_oneof![4 => small, 4 => large, 1 => huge]
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let spent = (0..5000i64, 0..9000i64, 0..500i64, 0..900i64).prop_map(|(a, b, c, d)| Spent {
        tokens_reserved: a,
        tokens_used: b,
        cost_reserved: c,
        cost_used: d,
    });
    let act = prop_oneof![
        6 => steps().prop_map(Act::Step),
        20 => (0..4usize, prop_oneof![0..20i64, 0..5000i64], 0..500i64).prop_map(|(g, t, c)| Act::Take(g, t, c)),
        6 => (0..4usize).prop_map(Act::Release),
        4 => (0..4usize, spent).prop_map(|(g, s)| Act::Settle(g, s)),
        1 => (0..3usize, terms()).prop_map(|(i, (a, p, b))| Act::Bucket(i, a, p, b)),
        1 => (0..5i64).prop_map(Act::Gauge),
        1 => (0..9000i64, prop::option::of(0..5000i64)).prop_map(|(l, s)| Act::Budget(l, s)),
    ];
    prop::collection::vec(act, 1..300)
}

/// Slots: 0 and 1 buckets of requests, 2 a bucket of tokens, 3 a gauge, 4 a budget; padded apart, so that locks differ.
fn meets(gate: usize) -> &'static [(usize, Unit)] {
    use Unit::*;
    match gate {
        0 => &[(0, Requests)],
        1 => &[
            (0, Requests),
            (1, Requests),
            (2, Tokens),
            (3, Places),
            (4, Cost),
        ],
        2 => &[(3, Places), (1, Requests)],
        _ => &[(2, Tokens), (4, Cost)],
    }
}

fn amount(unit: Unit, tokens: i64, cost: i64) -> i128 {
    match unit {
        Unit::Tokens => tokens.into(),
        Unit::Cost => cost.into(),
        Unit::Requests | Unit::Places => 1,
    }
}

fn expected(models: &mut [Model], gate: usize, now: i64, tokens: i64, cost: i64) -> i64 {
    let meets = meets(gate);
    meets.iter().for_each(|(i, _)| models[*i].refill(now));
    let short = meets.iter().filter_map(|(i, unit)| {
        let n = amount(*unit, tokens, cost);
        (n > 0 && models[*i].whole() < n).then(|| models[*i].wait(now, n))
    });
    if let Some(wait) = short.max() {
        return wait.code();
    }
    for (i, unit) in meets {
        models[*i].level -= amount(*unit, tokens, cost) * models[*i].period;
    }
    let requests = meets.iter().filter(|(_, unit)| *unit == Unit::Requests);
    requests
        .map(|(i, _)| models[*i].whole() as i64)
        .min()
        .unwrap_or(i64::MAX)
}

fn redefine(model: &mut Model, new: Model) {
    let spent = model.limit - model.whole();
    let level = match new.kind {
        Kind::Bucket => (new.limit - spent).max(model.whole().min(0)),
        _ => new.limit - spent,
    };
    *model = Model {
        level: level * new.period,
        last: model.last,
        ..new
    };
}

fn table(terms: &[(i64, i64, i64)]) -> (Arc<Limits>, Vec<u32>, Vec<Model>) {
    let limits = Arc::new(Limits::new());
    let (mut slots, mut models) = (Vec::new(), Vec::new());
    for (i, (amount, period, burst)) in terms.iter().enumerate() {
        slots.push(
            limits
                .bucket(&format!("bucket {i}"), *amount, *period, Some(*burst))
                .expect("valid"),
        );
        models.push(Model::bucket(*amount, *period, *burst));
        (0..5).for_each(|n| drop(limits.gauge(&format!("apart {i} {n}"), 1)));
    }
    slots.push(limits.gauge("gauge", 3).expect("valid"));
    models.push(Model::still(Kind::Gauge, 3));
    slots.push(limits.budget("budget", 5000, None).expect("valid"));
    models.push(Model::still(Kind::Budget, 5000));
    (limits, slots, models)
}

fn gate(limits: &Arc<Limits>, slots: &[u32], which: usize) -> Gate {
    let meets: Vec<_> = meets(which)
        .iter()
        .map(|(i, unit)| (slots[*i], *unit))
        .collect();
    Gate::new(limits.clone(), &meets).expect("valid")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256 * scale()))]

    #[test]
    fn decides_as_the_definition_does(a in terms(), b in terms(), c in terms(), start in -SECOND..i64::MAX / 8, acts in acts()) {
        let (limits, slots, mut models) = table(&[a, b, c]);
        let gates: Vec<_> = (0..4).map(|which| gate(&limits, &slots, which)).collect();
        let mut now = start;
        for act in acts {
            match act {
                Act::Step(by) => now = now.saturating_add(by),
                Act::Take(gate, tokens, cost) => {
                    let expected = expected(&mut models, gate, now, tokens, cost);
                    let refusal = gates[gate].refusal(now, tokens, cost);
                    prop_assert_eq!(refusal.map(|r| r.wait.code()), (expected < 0).then_some(expected));
                    prop_assert_eq!(gates[gate].take(now, tokens, cost), expected);
                }
                Act::Release(gate) => {
                    let held = !meets(gate).iter().any(|(i, _)| *i == 3) || models[3].level < models[3].limit;
                    prop_assert_eq!(gates[gate].release().is_ok(), held);
                    if held && meets(gate).iter().any(|(i, _)| *i == 3) {
                        models[3].level += 1;
                    }
                }
                Act::Settle(gate, spent) => {
                    gates[gate].settle(now, spent);
                    for (i, unit) in meets(gate) {
                        let by = match unit {
                            Unit::Tokens => spent.tokens_reserved - spent.tokens_used,
                            Unit::Cost => spent.cost_reserved - spent.cost_used,
                            _ => continue,
                        };
                        let model = &mut models[*i];
                        model.refill(now);
                        model.level = (model.level + i128::from(by) * model.period).min(model.limit * model.period);
                    }
                }
                Act::Bucket(i, amount, period, burst) => {
                    let slot = limits.bucket(&format!("bucket {i}"), amount, period, Some(burst));
                    prop_assert_eq!(slot, Ok(slots[i]));
                    redefine(&mut models[i], Model::bucket(amount, period, burst));
                }
                Act::Gauge(limit) => {
                    limits.gauge("gauge", limit).expect("valid");
                    redefine(&mut models[3], Model::still(Kind::Gauge, limit));
                }
                Act::Budget(limit, spent) => {
                    limits.budget("budget", limit, spent).expect("valid");
                    redefine(&mut models[4], Model::still(Kind::Budget, limit));
                    if let Some(spent) = spent {
                        models[4].level = i128::from(limit) - i128::from(spent);
                    }
                }
            }
        }
        for shown in gates[1].remaining(now) {
            let index = slots.iter().position(|slot| *slot == shown.slot).expect("its slot");
            models[index].refill(now);
            prop_assert_eq!(i128::from(shown.remaining), models[index].whole().max(0));
        }
    }

    #[test]
    fn never_one_over_in_any_interval(
        (amount, period, burst) in terms(),
        start in any::<i32>(),
        calls in prop::collection::vec((steps(), 1..12i64), 1..200),
    ) {
        let limits = Arc::new(Limits::new());
        let slot = limits.bucket("", amount, period, Some(burst)).expect("valid");
        let gate = Gate::new(limits, &[(slot, Unit::Tokens)]).expect("valid");
        let late = Model::bucket(amount, period, burst).late();
        let mut now = i64::from(start) + calls.first().map_or(0, |(step, _)| *step);
        let (mut latest, mut forward) = (now, 0i128);
        let mut admitted: Vec<(i128, i128)> = Vec::new();
        for (index, (step, tokens)) in calls.into_iter().enumerate() {
            // The bucket counts from the first reading that it sees.
            now = if index == 0 { now } else { now.saturating_add(step) };
            let moved = i128::from(now) - i128::from(latest);
            forward += moved.max(0);
            if moved > 0 || -moved > late {
                latest = now;
            }
            if gate.take(now, tokens, 0) >= 0 {
                admitted.push((forward, tokens.into()));
                let mut sum = 0;
                for (then, tokens) in admitted.iter().rev() {
                    sum += tokens * i128::from(period);
                    let may = may(amount, period, burst, forward - then);
                    prop_assert!(sum <= may);
                }
            }
        }
    }

    #[test]
    fn a_wait_is_exact((amount, period, burst) in terms(), taken in 0..30i64, asked in 1..30i64, later in 0..SECOND) {
        let limits = Arc::new(Limits::new());
        let slot = limits.bucket("", amount, period, Some(burst)).expect("valid");
        let gate = Gate::new(limits, &[(slot, Unit::Tokens)]).expect("valid");
        gate.take(0, taken.min(burst), 0);
        let refused = gate.take(later, asked, 0);
        if refused < 0 && refused > i64::MIN / 2 {
            prop_assert!(gate.take(later - refused - 1, asked, 0) < 0);
            prop_assert!(gate.take(later - refused, asked, 0) >= 0);
        }
    }

    #[test]
    fn a_clock_set_back_blocks_for_a_refill_at_most((amount, period, burst) in terms(), back in 0..i64::MAX / 2, asked in 1..30i64) {
        let refill = i128::from(burst) * i128::from(period) / i128::from(amount) + 1;
        prop_assume!(refill < i128::from(i64::MAX / 4));
        let limits = Arc::new(Limits::new());
        let slot = limits.bucket("", amount, period, Some(burst)).expect("valid");
        let gate = Gate::new(limits, &[(slot, Unit::Requests)]).expect("valid");
        let before = gate.take(0, 0, 0);
        let set_back = gate.take(-back, 0, 0);
        prop_assert!(set_back < before || set_back == -1 || burst == 1, "going back refills nothing");
        let after = -back + refill as i64 + refill.min(i128::from(SECOND)) as i64;
        prop_assert!(gate.take(after, 0, 0) >= 0, "{} {}", asked, after);
    }

    #[test]
    fn leases_never_pass_the_shared_limit(
        (amount, period, burst) in terms(),
        share in 1..4i64,
        acts in prop::collection::vec((prop_oneof![8 => 0..SECOND / 3, 1 => -SECOND / 4..0i64, 1 => -9 * SECOND..9 * SECOND], 0..3usize, 0..5u8, 1..40i64), 1..200),
    ) {
        let lender = Lender::new(amount, period, Some(burst), Options { life: SECOND, share }).expect("valid");
        let limits = Arc::new(Limits::new());
        let slots: Vec<_> = (0..3).map(|n| limits.lease(&format!("{n}"), burst).expect("valid")).collect();
        let gates: Vec<_> = slots.iter().map(|slot| Gate::new(limits.clone(), &[(*slot, Unit::Tokens)]).expect("valid")).collect();
        let mut held: [Option<u64>; 3] = [None; 3];
        let late = Model::bucket(amount, period, burst).late();
        // The nodes' clock is monotonic, as a node's must be; the lender's steps about.
        let (mut now, mut latest, mut forward, mut node_now) = (0i64, 0i64, 0i128, 0i64);
        let mut admitted: Vec<(i128, i128)> = Vec::new();
        for (step, node, act, n) in acts {
            now += step;
            node_now += step.abs();
            forward += (i128::from(now) - i128::from(latest)).max(0);
            if now > latest || i128::from(latest - now) > late {
                latest = now;
            }
            let mut spent = 0;
            match act {
                0 => {
                    let unspent = limits.lend(slots[node], node_now, 0, 0, 0).expect("a lease");
                    if let Some(id) = held[node].take() {
                        prop_assert!(lender.give_back(now, id, unspent) <= unspent);
                    }
                    if let Some(lease) = lender.grant(now, n) {
                        prop_assert!(lease.amount >= 1 && lease.amount <= n);
                        let end = node_now + SECOND.min(lease.until - now);
                        prop_assert_eq!(limits.lend(slots[node], node_now, lease.amount, node_now, end), Ok(0));
                        held[node] = Some(lease.id);
                    }
                }
                1 => held[node] = held[node].filter(|_| n > 3), // a node dies, and forgets
                2 => spent = if lender.take(now, n) >= 0 { n } else { 0 },
                _ => spent = if gates[node].take(node_now, n, 0) >= 0 { n } else { 0 },
            }
            prop_assert!(lender.remaining(now) + lender.lent(now) <= burst);
            if spent > 0 {
                admitted.push((forward, spent.into()));
                let mut sum = 0;
                for (then, tokens) in admitted.iter().rev() {
                    sum += tokens * i128::from(period);
                    let may = may(amount, period, burst, forward - then);
                    prop_assert!(sum <= may);
                }
            }
        }
    }
}

/// What `ns` nanoseconds may admit, in `1 / period` units. Saturating: some sums of the test pass 128 bits.
fn may(amount: i64, period: i64, burst: i64, ns: i128) -> i128 {
    (i128::from(burst) * i128::from(period)).saturating_add(ns.saturating_mul(amount.into()))
}

#[test]
fn threads_take_all_or_nothing_and_never_one_over() {
    let limits = Arc::new(Limits::new());
    let shared = limits.budget("shared", 10_000, None).expect("valid");
    let places = limits.gauge("places", 3).expect("valid");
    (0..20).for_each(|n| drop(limits.gauge(&format!("apart {n}"), 1)));
    let own: Vec<_> = (0..4)
        .map(|n| {
            limits
                .budget(&format!("own {n}"), 4_000, None)
                .expect("valid")
        })
        .collect();
    let (taken, inside) = (AtomicI64::new(0), AtomicI64::new(0));
    std::thread::scope(|scope| {
        for (thread, own) in own.iter().enumerate() {
            let mut meets = vec![
                (shared, Unit::Cost),
                (*own, Unit::Tokens),
                (places, Unit::Places),
            ];
            meets.rotate_left(thread % 3);
            let gate = Gate::new(limits.clone(), &meets).expect("valid");
            let (taken, inside) = (&taken, &inside);
            scope.spawn(move || {
                for now in 0..30_000 {
                    if gate.take(now, 1, 1) >= 0 {
                        assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                        taken.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        gate.release().expect("taken above");
                    }
                }
            });
        }
    });
    let left = |slot, unit| {
        Gate::new(limits.clone(), &[(slot, unit)])
            .expect("valid")
            .remaining(0)[0]
            .remaining
    };
    let spent: i64 = own
        .iter()
        .map(|slot| 4_000 - left(*slot, Unit::Tokens))
        .sum();
    assert_eq!(taken.into_inner(), 10_000);
    assert_eq!(
        (spent, left(shared, Unit::Cost), left(places, Unit::Places)),
        (10_000, 0, 3)
    );
}

#[test]
fn a_refused_call_brings_every_limit_up_to_its_time() {
    let limits = Arc::new(Limits::new());
    let none = limits.gauge("none", 0).expect("valid");
    let tokens = limits.bucket("tokens", 14, 14, None).expect("valid");
    for meets in [
        [(none, Unit::Places), (tokens, Unit::Tokens)],
        [(tokens, Unit::Tokens), (none, Unit::Places)],
    ] {
        let (both, alone) = (
            Gate::new(limits.clone(), &meets),
            Gate::new(limits.clone(), &[(tokens, Unit::Tokens)]),
        );
        let (both, alone) = (both.expect("valid"), alone.expect("valid"));
        assert!(alone.take(10 * SECOND, 14, 0) >= 0);
        assert_eq!(both.take(0, 0, 0), Wait::Never.code());
        assert_eq!(
            alone.remaining(3)[0].remaining,
            3,
            "the clock was seen to be set back to 0"
        );
    }
}

#[test]
fn a_removed_limit_lives_as_long_as_its_gates() {
    let limits = Arc::new(Limits::new());
    let slot = limits.bucket("key", 2, SECOND, None).expect("valid");
    let gate = Gate::new(limits.clone(), &[(slot, Unit::Requests)]).expect("valid");
    limits.remove(slot).expect("has a name");
    assert_eq!(limits.remove(slot), Err(BucketError::UnknownSlot(slot)));
    assert_ne!(limits.bucket("other", 1, SECOND, None), Ok(slot));
    assert_eq!((gate.take(0, 0, 0), gate.take(0, 0, 0)), (1, 0));
    assert_eq!(
        gate.refusal(0, 0, 0).map(|r| r.name.to_string()),
        Some("key".into())
    );
    drop(gate);
    assert_eq!(limits.bucket("third", 1, SECOND, None), Ok(slot));
}

#[test]
fn misuse_is_an_error() {
    let limits = Arc::new(Limits::new());
    assert!(limits.bucket("", 0, 1, None).is_err());
    assert!(limits.gauge("", -1).is_err());
    let gauge = limits.gauge("gauge", 1).expect("valid");
    assert_eq!(
        limits.budget("gauge", 1, None),
        Err(BucketError::Kind(Kind::Gauge))
    );
    let gate = |meets: &[(u32, Unit)]| Gate::new(limits.clone(), meets).err();
    assert_eq!(
        gate(&[(gauge, Unit::Tokens)]),
        Some(BucketError::Unit(gauge, Unit::Tokens))
    );
    assert_eq!(
        gate(&[(gauge, Unit::Places), (gauge, Unit::Places)]),
        Some(BucketError::Twice(gauge))
    );
    assert_eq!(
        gate(&[(77, Unit::Tokens)]),
        Some(BucketError::UnknownSlot(77))
    );
    assert_eq!(
        gate(&[(gauge, Unit::Places); 13]),
        Some(BucketError::TooMany)
    );
    let good = Gate::new(limits.clone(), &[(gauge, Unit::Places)]).expect("valid");
    assert_eq!(good.release(), Err(BucketError::NotTaken));
    assert_eq!(
        limits.lend(gauge, 0, 1, 0, 1),
        Err(BucketError::Kind(Kind::Gauge))
    );
}

#[test]
fn a_slot_is_a_cache_line() {
    assert_eq!(size_of::<Slot>(), 64);
    assert!(size_of::<Gate>() <= 72);
}
