use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use proptest::prelude::*;

use super::*;

fn key(n: u64) -> Key {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_le_bytes());
    key
}

fn cache(capacity: u64, shards: usize) -> Cache<u64> {
    Cache::new(
        capacity,
        Options {
            shards: Some(shards),
        },
    )
    .expect("a capacity with room")
}

#[derive(Clone, Debug)]
enum Act {
    Get(u64),
    Put(u64, u64, i64),
    Remove(u64),
    Clear,
    Step(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let weight = prop_oneof![8 => 0..600u64, 1 => 0..20_000u64, 1 => 0..80_000u64];
    let act = prop_oneof![
        20 => (0..400u64).prop_map(Act::Get),
        20 => (0..400u64, weight, -5..200i64).prop_map(|(k, w, e)| Act::Put(k, w, e)),
        3 => (0..400u64).prop_map(Act::Remove),
        4 => (-20..60i64).prop_map(Act::Step),
        1 => Just(Act::Clear).prop_filter("rarely", |_| true),
    ];
    prop::collection::vec(act, 1..1200)
}

fn scale() -> u32 {
    std::env::var("GATEWAY_TEST_SCALE")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96 * scale()))]

    #[test]
    fn agrees_with_a_map_and_stays_within_bounds(acts in acts(), capacity in 9_000..60_000u64, shards in 1..3usize) {
        let cache = cache(capacity, shards);
        let mut model: HashMap<u64, (u64, i64)> = HashMap::new();
        let (mut now, mut stamp) = (0, 0);
        for act in acts {
            match act {
                Act::Get(k) => {
                    let found = cache.get(&key(k), now, |v| *v);
                    let known = model.get(&k).filter(|(_, expires)| now < *expires).map(|(v, _)| *v);
                    prop_assert!(found.is_none() || found == known);
                }
                Act::Put(k, weight, ttl) => {
                    stamp += 1;
                    let kept = cache.put(&key(k), stamp, weight, now + ttl);
                    if kept { model.insert(k, (stamp, now + ttl)) } else { model.remove(&k) };
                    prop_assert_eq!(cache.get(&key(k), now, |v| *v), (kept && ttl > 0).then_some(stamp));
                }
                Act::Remove(k) => {
                    let removed = cache.remove(&key(k));
                    prop_assert!(model.remove(&k).is_some() || !removed);
                }
                Act::Clear => {
                    cache.clear();
                    model.clear();
                    prop_assert_eq!((cache.len(), cache.weight()), (0, 0));
                }
                Act::Step(by) => now += by,
            }
            prop_assert!(cache.weight() <= capacity);
            let footprint: u64 = cache.shards.iter().map(|shard| lock(shard).footprint()).sum();
            prop_assert!(footprint <= cache.weight() + 600 * shards as u64, "{} {}", footprint, cache.weight());
        }
        let live: usize = (0..cache.shards()).map(|s| cache.entries(s, i64::MIN, |_, _, _, _| ()).map_or(0, |e| e.len())).sum();
        prop_assert_eq!(live, cache.len());
    }
}

#[test]
fn refuses_what_cannot_fit_and_forgets_what_it_replaced() {
    let cache = cache(8192, 1);
    assert!(cache.put(&key(1), 1, 100, i64::MAX));
    assert!(!cache.put(&key(1), 2, 8192, i64::MAX));
    assert_eq!(cache.get(&key(1), 0, |v| *v), None);
    assert!(Cache::<u64>::new(100, Options::default()).is_err());
    assert!(Cache::<u64>::new(1 << 20, Options { shards: Some(0) }).is_err());
}

#[test]
fn slots_of_many_small_values_make_way_for_large_ones() {
    let cache = cache(1 << 20, 1);
    for n in 0..100_000 {
        cache.put(&key(n), n, 1, i64::MAX);
    }
    assert!(cache.len() > 5_000);
    for n in 0..64 {
        assert!(cache.put(&key(1 << 40 | n), n, 100_000, i64::MAX));
        assert!(cache.weight() <= 1 << 20);
    }
    assert!(cache.len() >= 9, "{}", cache.len());
}

struct Reenters(Arc<OnceLock<Cache<Reenters>>>, u64);

impl Drop for Reenters {
    fn drop(&mut self) {
        if let Some(cache) = self.0.get() {
            cache.get(&key(self.1), 0, |_| ());
            cache.len();
        }
    }
}

#[test]
fn a_destructor_may_come_back() {
    let cell = Arc::new(OnceLock::new());
    assert!(
        cell.set(Cache::new(8192, Options { shards: Some(1) }).expect("room"))
            .is_ok()
    );
    let cache = cell.get().expect("just set");
    for n in 0..500 {
        cache.put(
            &key(n % 90),
            Reenters(cell.clone(), n),
            50 + n % 7,
            n as i64 % 11,
        );
        cache.get(&key(n % 45), 5, |_| ());
        cache.remove(&key(n % 13));
    }
    cache.clear();
    assert_eq!(cache.len(), 0);
}

/// A least-recently-used cache of `room` equal entries, the yardstick.
fn lru_hits(trace: &[u64], room: usize) -> usize {
    let (mut last, mut order) = (HashMap::new(), std::collections::BTreeMap::new());
    let mut hits = 0;
    for (time, k) in trace.iter().enumerate() {
        if let Some(seen) = last.insert(*k, time) {
            order.remove(&seen);
            hits += 1;
        }
        order.insert(time, *k);
        if order.len() > room {
            let (_, oldest) = order.pop_first().expect("not empty");
            last.remove(&oldest);
        }
    }
    hits
}

/// Keys by a power law, with runs of keys that are asked for once.
fn zipf_with_scans(length: usize) -> Vec<u64> {
    let mut random = 88_172_645_463_325_252u64;
    let mut scan = 1 << 32;
    let mut trace = Vec::new();
    while trace.len() < length {
        for _ in 0..4_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let u = (random >> 11) as f64 / (1u64 << 53) as f64;
            trace.push(20_000f64.powf(u) as u64);
        }
        trace.extend((0..1_000).map(|n| scan + n));
        scan += 1_000;
    }
    trace
}

#[test]
fn a_scan_does_not_flush_what_is_used() {
    let trace = zipf_with_scans(200_000);
    let room = 500;
    let cache = cache(room as u64 * (1000 + slot_cost::<u64>()), 1);
    let mut hits = 0;
    for k in &trace {
        match cache.get(&key(*k), 0, |v| *v) {
            Some(_) => hits += 1,
            None => assert!(cache.put(&key(*k), *k, 1000, i64::MAX)),
        }
    }
    let (ours, lru) = (
        hits as f64 / trace.len() as f64,
        lru_hits(&trace, room) as f64 / trace.len() as f64,
    );
    assert!(ours >= lru + 0.05, "{ours:.3} against {lru:.3}");
    assert_eq!(cache.stats().hits, hits);
}

#[test]
fn threads_never_see_a_value_under_another_key() {
    let cache = cache(40_000, 4);
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let cache = &cache;
            scope.spawn(move || {
                for n in 0..20_000u64 {
                    let k = n.wrapping_mul(thread + 7) % 300;
                    cache.get(&key(k), 0, |v| assert_eq!(*v, k));
                    cache.put(&key(k), k, k, i64::MAX);
                }
            });
        }
    });
    assert!(cache.weight() <= 40_000);
}

#[test]
fn no_weight_is_too_large_to_be_counted() {
    let cache = cache(u64::MAX, 1);
    for k in 0..9 {
        cache.put(&key(k), k, 1 << 61, i64::MAX);
        assert!(cache.weight() <= cache.capacity() && cache.len() < 3);
    }
    assert!(!cache.put(&key(0), 0, u64::MAX, i64::MAX));
}

#[test]
fn a_clock_that_leapt_and_came_back_expires_nothing() {
    let cache = cache(40_000, 1);
    cache.get(&key(0), i64::MAX - 1, |v| *v);
    for k in 0..1_000 {
        cache.get(&key(k), 5, |v| *v);
        cache.put(&key(k), k, 100, 10);
    }
    assert_eq!(cache.stats().expirations, 0);
    assert!(cache.stats().evictions > 0);
}
