//! Any sequence of steps against a map and brute force.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::write::SWITCH;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Put {
        id: u64,
        expires: u64,
        namespace: u64,
    },
    Fill {
        from: u64,
        count: u64,
        threads: usize,
    },
    Remove {
        id: u64,
    },
    Clear {
        from: u64,
        count: u64,
    },
    Expire {
        now: u64,
    },
    Reload,
    Search {
        namespace: Option<u64>,
        now: u64,
        k: usize,
    },
}

/// Ids are few and ranges long beside [`SWITCH`], so that sequences go from a scan to a graph and back.
fn step() -> impl Strategy<Value = Step> {
    let range = || (0u64..400, 20u64..300);
    prop_oneof![
        8 => (0u64..500, 0u64..20, 0u64..3).prop_map(|(id, expires, namespace)| Step::Put { id, expires, namespace }),
        4 => (range(), 1usize..3).prop_map(|((from, count), threads)| Step::Fill { from, count, threads }),
        4 => (0u64..500).prop_map(|id| Step::Remove { id }),
        3 => range().prop_map(|(from, count)| Step::Clear { from, count }),
        1 => (0u64..20).prop_map(|now| Step::Expire { now }),
        1 => Just(Step::Reload),
        4 => (prop::option::of(0u64..4), 0u64..20, 1usize..12).prop_map(|(namespace, now, k)| Step::Search { namespace, now, k }),
    ]
}

/// Each id's vector in its nth life.
fn life(id: u64, nth: u64) -> Vec<f32> {
    Rng(id * 1_000_003 + nth).vector(16)
}

type Kept = BTreeMap<u64, (Vec<f32>, u64, u64)>;

fn check_search(index: &Index, kept: &Kept, query: &[f32], search: &Search) -> (usize, usize) {
    let is_wanted = |expires: u64, namespace: u64| {
        (expires == 0 || search.now < expires)
            && search.namespace.is_none_or(|wanted| wanted == namespace)
    };
    let mut truth: Vec<f64> = kept
        .values()
        .filter(|(_, expires, namespace)| is_wanted(*expires, *namespace))
        .map(|(vector, ..)| cosine(query, vector))
        .collect();
    truth.sort_by(|a, b| b.partial_cmp(a).unwrap());
    truth.truncate(search.k);
    let hits = index.search(query, search).unwrap();
    assert_eq!(hits.len(), truth.len(), "as many as there are, up to k");
    assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
    for hit in &hits {
        let (vector, expires, namespace) = &kept[&hit.id];
        assert!(
            is_wanted(*expires, *namespace),
            "a hit that was filtered out"
        );
        assert!(
            (f64::from(hit.score) - cosine(query, vector)).abs() < 2e-3,
            "a score is off"
        );
    }
    let worst = truth.last().copied().unwrap_or(0.0) - 2e-3;
    (
        hits.iter()
            .filter(|hit| f64::from(hit.score) >= worst)
            .count(),
        truth.len(),
    )
}

fn run(steps: &[Step], start: u64) {
    let mut index = Index::new(
        16,
        Options {
            m: 8,
            ef_construction: 64,
            ..Options::default()
        },
    )
    .unwrap();
    let (mut kept, mut nth) = (Kept::new(), 0);
    let (mut found, mut wanted) = (0, 0);
    let start = Step::Fill {
        from: 0,
        count: start,
        threads: 1,
    };
    for step in std::iter::once(&start).chain(steps) {
        nth += 1;
        match *step {
            Step::Put {
                id,
                expires,
                namespace,
            } => {
                put(&index, id, &life(id, nth), expires, namespace);
                kept.insert(id, (life(id, nth), expires, namespace));
            }
            Step::Fill {
                from,
                count,
                threads,
            } => {
                let vectors: Vec<_> = (from..from + count).map(|id| life(id, nth)).collect();
                put_all(&index, from, &vectors, threads);
                kept.extend((from..).zip(vectors.into_iter().map(|vector| (vector, 0, 0))));
            }
            Step::Remove { id } => {
                assert_eq!(index.remove(&[id]), usize::from(kept.remove(&id).is_some()))
            }
            Step::Clear { from, count } => {
                let before = kept.len();
                kept.retain(|id, _| !(from..from + count).contains(id));
                assert_eq!(
                    index.remove(&(from..from + count).collect::<Vec<_>>()),
                    before - kept.len()
                );
            }
            Step::Expire { now } => {
                let before = kept.len();
                kept.retain(|_, &mut (_, expires, _)| expires == 0 || now < expires);
                assert_eq!(index.expire(now), before - kept.len());
            }
            Step::Reload => index = Index::from_bytes(&index.to_bytes()).unwrap(),
            Step::Search { namespace, now, k } => {
                let search = Search {
                    k,
                    ef: Some(128),
                    now,
                    namespace,
                };
                let (hits, truth) = check_search(&index, &kept, &life(5000, nth), &search);
                (found, wanted) = (found + hits, wanted + truth);
            }
        }
        assert_eq!(index.len(), kept.len());
        assert!(kept.keys().all(|&id| index.contains(id)));
    }
    assert_index_sound(&index);
    assert!(found * 100 >= wanted * 90, "{found} of {wanted}");
}

fn cases() -> u32 {
    std::env::var("GATEWAY_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(48)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_small_index_does_what_brute_force_does(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps, 0);
    }

    #[test]
    fn a_graph_does_what_brute_force_does(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps, SWITCH as u64 + 200);
    }
}
