//! The whole index against brute force, and the graph's invariants after anything that may happen to it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::graph::Graph;
use super::write::SWITCH;
use super::*;

/// A small generator, so that a test's data depend on its seed alone.
pub(super) struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    /// About normal: the sum of four uniform values.
    fn normal(&mut self) -> f32 {
        let uniform = |bits: u64| (bits & 0xffff) as f32 / 65_536.0 - 0.5;
        let bits = self.next();
        (0..4).map(|part| uniform(bits >> (16 * part))).sum::<f32>() * 1.7
    }

    fn vector(&mut self, dim: usize) -> Vec<f32> {
        (0..dim).map(|_| self.normal()).collect()
    }
}

/// Vectors around a few centres, as embedded texts are.
pub(super) fn clustered(count: usize, dim: usize, centres: usize, spread: f32, seed: u64) -> Vec<Vec<f32>> {
    let mut rng = Rng(seed);
    let centres: Vec<_> = (0..centres).map(|_| rng.vector(dim)).collect();
    let mut around = |at: usize| centres[at % centres.len()].iter().map(|x| x + spread * rng.normal()).collect();
    (0..count).map(|at| around(at * 7919)).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

pub(super) fn put(index: &Index, id: u64, vector: &[f32], expires: u64, namespace: u64) {
    let (expires, namespaces) = (Column::All(expires), Column::All(namespace));
    index.add(&Batch { ids: &[id], vectors: vector, expires, namespaces }, 1).unwrap();
}

pub(super) fn filled(vectors: &[Vec<f32>], options: Options, threads: usize) -> Index {
    let index = Index::new(vectors[0].len(), options).unwrap();
    let ids: Vec<u64> = (0..vectors.len() as u64).collect();
    let (expires, namespaces) = (Column::All(0), Column::All(0));
    index.add(&Batch { ids: &ids, vectors: &vectors.concat(), expires, namespaces }, threads).unwrap();
    index
}

/// Links are mutual, point at live rows, and connect each layer; each upper row is on all layers below.
pub(super) fn assert_sound(graph: &Graph) {
    let live: HashSet<u32> = graph.live().collect();
    assert_eq!(live.len(), graph.len());
    for layer in 0..=graph.tiers.len() {
        let on_layer = |&slot: &u32| graph.level(slot) >= layer;
        let rows: HashSet<u32> = live.iter().copied().filter(on_layer).collect();
        if layer > 0 {
            assert_eq!(graph.tiers[layer - 1].rows.len(), rows.len());
        }
        for &row in &rows {
            let links: Vec<u32> = graph.neighbours(layer, row).collect();
            assert_eq!(links.iter().collect::<HashSet<_>>().len(), links.len(), "a link is there twice");
            for &other in &links {
                assert!(other != row && rows.contains(&other), "a link leads nowhere");
                assert!(graph.are_linked(layer, other, row), "a link is one-sided");
            }
        }
        let Some(&start) = rows.iter().next() else { continue };
        let (mut seen, mut queue) = (HashSet::from([start]), VecDeque::from([start]));
        while let Some(row) = queue.pop_front() {
            queue.extend(graph.neighbours(layer, row).filter(|&next| seen.insert(next)));
        }
        assert_eq!(seen.len(), rows.len(), "layer {layer} is not connected");
    }
    assert_eq!(graph.entry.is_some(), !live.is_empty());
    if let Some(entry) = graph.entry {
        assert_eq!(graph.level(entry), graph.tiers.len());
    }
}

fn assert_index_sound(index: &Index) {
    if let State::Graph(graph) = &*index.state.read() {
        assert_sound(graph);
    }
}

fn recall(index: &Index, live: &BTreeMap<u64, Vec<f32>>, queries: &[Vec<f32>], k: usize) -> f64 {
    let mut found = 0;
    for query in queries {
        let mut truth: Vec<(f64, u64)> = live.iter().map(|(&id, vector)| (-cosine(query, vector), id)).collect();
        truth.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let truth: HashSet<u64> = truth.iter().take(k).map(|&(_, id)| id).collect();
        let hits = index.search(query, &Search { k, ..Search::default() }).unwrap();
        found += hits.iter().filter(|hit| truth.contains(&hit.id)).count();
    }
    found as f64 / (k * queries.len()) as f64
}

#[test]
fn a_graph_finds_what_brute_force_finds() {
    let vectors = clustered(6000, 64, 60, 0.5, 1);
    let queries = clustered(200, 64, 60, 0.5, 1);
    for threads in [1, 3] {
        let index = filled(&vectors, Options::default(), threads);
        assert_index_sound(&index);
        let live = vectors.iter().cloned().enumerate().map(|(id, vector)| (id as u64, vector)).collect();
        let recall = recall(&index, &live, &queries, 10);
        assert!(recall > 0.97, "{recall}");
    }
}

#[test]
fn recall_and_reachability_survive_churn() {
    let count = 4000;
    let vectors = clustered(count * 6, 48, 40, 0.5, 2);
    let queries = clustered(100, 48, 40, 0.5, 2);
    let index = filled(&vectors[..count], Options::default(), 1);
    let mut live: BTreeMap<u64, Vec<f32>> = (0..count).map(|id| (id as u64, vectors[id].clone())).collect();
    let mut rng = Rng(3);
    for round in 0..10 {
        let mut ids: Vec<u64> = live.keys().copied().collect();
        for _ in 0..count / 2 {
            let gone = ids.swap_remove(rng.next() as usize % ids.len());
            live.remove(&gone);
            assert_eq!(index.remove(&[gone]), 1);
        }
        assert_index_sound(&index);
        for at in 0..count / 2 {
            let at = count + round * count / 2 + at;
            live.insert(at as u64, vectors[at].clone());
            put(&index, at as u64, &vectors[at], 0, 0);
        }
        assert_index_sound(&index);
        let recall = recall(&index, &live, &queries, 10);
        assert!(recall > 0.95, "round {round}: {recall}");
    }
}

#[test]
fn inner_product_ranks_by_length_too() {
    let mut rng = Rng(4);
    let mut vectors = clustered(3000, 32, 30, 0.5, 4);
    for vector in &mut vectors {
        let length = 0.5 + (rng.next() % 1000) as f32 / 500.0;
        vector.iter_mut().for_each(|x| *x *= length);
    }
    let index = filled(&vectors, Options { metric: Metric::InnerProduct, ..Options::default() }, 1);
    let mut found = 0;
    for query in clustered(100, 32, 30, 0.5, 4) {
        let product = |vector: &Vec<f32>| vector.iter().zip(&query).map(|(a, b)| a * b).sum::<f32>();
        let best = vectors.iter().map(product).fold(f32::MIN, f32::max);
        let hits = index.search(&query, &Search::default()).unwrap();
        found += usize::from((hits[0].score - best).abs() < 1e-3 * best.abs());
    }
    assert!(found >= 97, "{found}");
}

#[test]
fn the_same_seed_and_order_give_the_same_bytes() {
    let vectors = clustered(3000, 32, 30, 0.5, 5);
    let one_by_one = Index::new(32, Options::default()).unwrap();
    vectors.iter().enumerate().for_each(|(id, vector)| put(&one_by_one, id as u64, vector, 0, 0));
    let bytes = one_by_one.to_bytes();
    assert_eq!(filled(&vectors, Options::default(), 1).to_bytes(), bytes);
    assert_ne!(filled(&vectors, Options { seed: 1, ..Options::default() }, 1).to_bytes(), bytes);
    let two = filled(&vectors, Options::default(), 2).to_bytes();
    assert_eq!(filled(&vectors, Options::default(), 3).to_bytes(), two);
    // What was loaded goes on as what was saved would have.
    let loaded = Index::from_bytes(&bytes).unwrap();
    for index in [&one_by_one, &loaded] {
        index.remove(&(0..500).collect::<Vec<_>>());
        vectors[..300].iter().enumerate().for_each(|(id, vector)| put(index, id as u64 + 9000, vector, 0, 0));
    }
    assert!(one_by_one.to_bytes() == loaded.to_bytes());
}

#[derive(Clone, Debug)]
enum Step {
    Put { id: u64, expires: u64, namespace: u64 },
    Fill { from: u64, count: u64 },
    Remove { id: u64 },
    Clear { from: u64, count: u64 },
    Expire { now: u64 },
    Reload,
    Search { namespace: Option<u64>, now: u64, k: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u64..3000, 0u64..20, 0u64..3).prop_map(|(id, expires, namespace)| Step::Put { id, expires, namespace }),
        2 => (0u64..3000, 200u64..900).prop_map(|(from, count)| Step::Fill { from, count }),
        4 => (0u64..3000).prop_map(|id| Step::Remove { id }),
        1 => (0u64..3000, 200u64..900).prop_map(|(from, count)| Step::Clear { from, count }),
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
        (expires == 0 || search.now < expires) && search.namespace.is_none_or(|wanted| wanted == namespace)
    };
    let mut truth: Vec<f64> = kept.values().filter(|(_, expires, namespace)| is_wanted(*expires, *namespace)).map(|(vector, ..)| cosine(query, vector)).collect();
    truth.sort_by(|a, b| b.partial_cmp(a).unwrap());
    truth.truncate(search.k);
    let hits = index.search(query, search).unwrap();
    assert_eq!(hits.len(), truth.len(), "as many as there are, up to k");
    assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
    for hit in &hits {
        let (vector, expires, namespace) = &kept[&hit.id];
        assert!(is_wanted(*expires, *namespace), "a hit that was filtered out");
        assert!((f64::from(hit.score) - cosine(query, vector)).abs() < 2e-3, "a score is off");
    }
    let worst = truth.last().copied().unwrap_or(0.0) - 2e-3;
    (hits.iter().filter(|hit| f64::from(hit.score) >= worst).count(), truth.len())
}

fn run(steps: &[Step], start: u64) {
    let mut index = Index::new(16, Options { m: 8, ef_construction: 64, ..Options::default() }).unwrap();
    let (mut kept, mut nth) = (Kept::new(), 0);
    let (mut found, mut wanted) = (0, 0);
    let start = Step::Fill { from: 0, count: start };
    for step in std::iter::once(&start).chain(steps) {
        nth += 1;
        match *step {
            Step::Put { id, expires, namespace } => {
                put(&index, id, &life(id, nth), expires, namespace);
                kept.insert(id, (life(id, nth), expires, namespace));
            }
            Step::Fill { from, count } => (from..from + count).for_each(|id| {
                put(&index, id, &life(id, nth), 0, 0);
                kept.insert(id, (life(id, nth), 0, 0));
            }),
            Step::Remove { id } => assert_eq!(index.remove(&[id]), usize::from(kept.remove(&id).is_some())),
            Step::Clear { from, count } => {
                let before = kept.len();
                kept.retain(|id, _| !(from..from + count).contains(id));
                assert_eq!(index.remove(&(from..from + count).collect::<Vec<_>>()), before - kept.len());
            }
            Step::Expire { now } => {
                let before = kept.len();
                kept.retain(|_, &mut (_, expires, _)| expires == 0 || now < expires);
                assert_eq!(index.expire(now), before - kept.len());
            }
            Step::Reload => index = Index::from_bytes(&index.to_bytes()).unwrap(),
            Step::Search { namespace, now, k } => {
                let search = Search { k, ef: Some(128), now, namespace };
                let (hits, truth) = check_search(&index, &kept, &life(5000, nth), &search);
                (found, wanted) = (found + hits, wanted + truth);
            }
        }
        assert_eq!(index.len(), kept.len());
        assert!(kept.keys().take(5).all(|&id| index.contains(id)));
    }
    assert_index_sound(&index);
    assert!(found * 100 >= wanted * 90, "{found} of {wanted}");
}

fn cases() -> u32 {
    std::env::var("GATEWAY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12)
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

#[test]
fn damaged_bytes_are_refused() {
    let small = filled(&clustered(20, 16, 3, 0.5, 6), Options::default(), 1).to_bytes();
    let large = filled(&clustered(SWITCH + 50, 16, 30, 0.5, 6), Options { m: 4, ef_construction: 20, ..Options::default() }, 1).to_bytes();
    let mut rng = Rng(7);
    for variant in 0..1000 {
        let mut bytes = if variant % 2 == 0 { small.clone() } else { large.clone() };
        let at = rng.next() as usize % bytes.len();
        match variant / 2 % 5 {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << (rng.next() % 8),
            2 => bytes[at..].fill(0),
            3 => bytes.extend_from_slice(&[0; 8]),
            _ => bytes[at % 128] = bytes[at % 128].wrapping_add(1),
        }
        let same = bytes == small || bytes == large;
        assert!(same || matches!(Index::from_bytes(&bytes), Err(IndexError::Corrupt(_))), "variant {variant}");
    }
}

/// Behind a right checksum, whatever the bytes say: refused, or an index that can be used without a panic.
#[test]
fn wrong_contents_behind_a_right_checksum_do_no_harm() {
    let vectors = clustered(SWITCH + 50, 16, 30, 0.5, 8);
    let whole = filled(&vectors, Options { m: 4, ef_construction: 20, ..Options::default() }, 1).to_bytes();
    let mut rng = Rng(9);
    for _ in 0..300 {
        let mut bytes = whole.clone();
        let body = bytes.len() - 8;
        for _ in 0..3 {
            let at = if rng.next() % 2 == 0 { rng.next() as usize % 128 } else { rng.next() as usize % body };
            bytes[at] = rng.next() as u8;
        }
        file::seal(&mut bytes);
        if let Ok(index) = Index::from_bytes(&bytes) {
            let query = vec![1.0; index.dim()];
            index.search(&query, &Search { k: 5, ..Search::default() }).unwrap();
            index.remove(&[1, 2, 3]);
            put(&index, 77_777, &query, 0, 0);
        }
    }
}

#[test]
fn searches_go_on_while_two_threads_change_the_index() {
    let vectors = clustered(6000, 32, 30, 0.5, 10);
    let index = filled(&vectors[..3000], Options::default(), 1);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let search = || {
            let mut searches = 0;
            while !done.load(Ordering::Relaxed) {
                let at = searches % 1000;
                let hits = index.search(&vectors[at], &Search { k: 5, ..Search::default() }).unwrap();
                assert!(!hits.is_empty() && hits.iter().all(|hit| hit.id < 6000 && hit.score <= 1.001));
                assert!(hits[0].score > 0.99, "a vector that stays was not found");
                searches += 1;
            }
            assert!(searches > 0);
        };
        let searchers = [scope.spawn(search), scope.spawn(search)];
        let insert = scope.spawn(|| (3000..6000).for_each(|id| put(&index, id as u64, &vectors[id], 0, 0)));
        let delete = scope.spawn(|| (1000..3000).for_each(|id| assert_eq!(index.remove(&[id]), 1)));
        insert.join().unwrap();
        delete.join().unwrap();
        done.store(true, Ordering::Relaxed);
        searchers.into_iter().for_each(|searcher| searcher.join().unwrap());
    });
    assert_eq!(index.len(), 4000);
    assert_index_sound(&index);
}

#[test]
fn a_file_is_mapped_and_outlives_its_replacement() {
    let folder = std::env::temp_dir().join(format!("gateway-index-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("index");
    let vectors = clustered(graph::SEGMENT as usize + 700, 8, 200, 0.5, 11);
    let options = Options { m: 4, ef_construction: 16, ..Options::default() };
    let index = filled(&vectors, options, 2);
    index.save(&path).unwrap();
    let loaded = Index::load(&path).unwrap();
    assert!(loaded.to_bytes() == index.to_bytes());
    Index::new(8, options).unwrap().save(&path).unwrap();
    assert_eq!(loaded.remove(&(0..100).collect::<Vec<_>>()), 100);
    put(&loaded, 99_999, &vectors[0], 0, 0);
    assert_eq!(loaded.search(&vectors[0], &Search::default()).unwrap()[0].id, 99_999);
    assert_index_sound(&loaded);
    assert!(Index::load(&path).unwrap().is_empty());
    std::fs::write(&path, b"").unwrap();
    assert!(matches!(Index::load(&path), Err(IndexError::Corrupt(_))));
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(matches!(Index::load(&path), Err(IndexError::Io(_))));
}

#[test]
fn misuse_is_refused_whole() {
    let index = Index::new(4, Options::default()).unwrap();
    let batch = |ids, vectors| Batch { ids, vectors, expires: Column::All(0), namespaces: Column::All(0) };
    let good = [1.0f32, 0.0, 0.0, 0.0];
    let bad: Vec<f32> = [good, [0.0, f32::NAN, 0.0, 0.0]].concat();
    assert!(matches!(index.add(&batch(&[1, 2], &bad), 1), Err(IndexError::Vector { row: 1, fault: Fault::NotFinite })));
    assert!(matches!(index.add(&batch(&[1, 2], &good), 1), Err(IndexError::Columns { .. })));
    assert!(matches!(index.add(&batch(&[1], &good[..3]), 1), Err(IndexError::Dimension { .. })));
    assert!(matches!(index.add(&batch(&[u64::MAX], &good), 1), Err(IndexError::Id { row: 0 })));
    assert!(index.is_empty());
    assert!(matches!(index.search(&[0.0; 4], &Search::default()), Err(IndexError::Vector { fault: Fault::Zero, .. })));
    assert!(matches!(index.search(&[1.0; 5], &Search::default()), Err(IndexError::Dimension { .. })));
    assert!(index.search(&good, &Search { k: 9, ..Search::default() }).unwrap().is_empty());
    for dim in [0, 70_000] {
        assert!(matches!(Index::new(dim, Options::default()), Err(IndexError::Option(_))));
    }
}
