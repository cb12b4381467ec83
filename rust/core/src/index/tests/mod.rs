//! The whole index against brute force, and the graph's invariants after anything that may happen to it.

mod finding;
mod model;
mod replacing;
mod saving;
mod threads;

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::graph::Graph;
use super::*;

/// A small generator, so that a test's data depend on its seed alone.
struct Rng(u64);

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
fn clustered(count: usize, dim: usize, centres: usize, spread: f32, seed: u64) -> Vec<Vec<f32>> {
    let mut rng = Rng(seed);
    let centres: Vec<_> = (0..centres).map(|_| rng.vector(dim)).collect();
    let mut around = |at: usize| {
        centres[at % centres.len()]
            .iter()
            .map(|x| x + spread * rng.normal())
            .collect()
    };
    (0..count).map(|at| around(at * 7919)).collect()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn put(index: &Index, id: u64, vector: &[f32], expires: u64, namespace: u64) {
    let (expires, namespaces) = (Column::All(expires), Column::All(namespace));
    index
        .add(
            &Batch {
                ids: &[id],
                vectors: vector,
                expires,
                namespaces,
            },
            1,
        )
        .unwrap();
}

fn filled(vectors: &[Vec<f32>], options: Options, threads: usize) -> Index {
    let index = Index::new(vectors[0].len(), options).unwrap();
    put_all(&index, 0, vectors, threads);
    index
}

/// Adds vectors with consecutive ids.
fn put_all(index: &Index, from: u64, vectors: &[Vec<f32>], threads: usize) {
    let ids: Vec<u64> = (from..from + vectors.len() as u64).collect();
    let (expires, namespaces) = (Column::All(0), Column::All(0));
    index
        .add(
            &Batch {
                ids: &ids,
                vectors: &vectors.concat(),
                expires,
                namespaces,
            },
            threads,
        )
        .unwrap();
}

/// Links are mutual, point at live rows, and connect each layer; each upper row is on all layers below.
fn assert_sound(graph: &Graph) {
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
            assert_eq!(
                links.iter().collect::<HashSet<_>>().len(),
                links.len(),
                "a link is there twice"
            );
            for &other in &links {
                assert!(
                    other != row && rows.contains(&other),
                    "a link leads nowhere"
                );
                assert!(graph.are_linked(layer, other, row), "a link is one-sided");
            }
        }
        let Some(&start) = rows.iter().next() else {
            continue;
        };
        let (mut seen, mut queue) = (HashSet::from([start]), VecDeque::from([start]));
        while let Some(row) = queue.pop_front() {
            queue.extend(
                graph
                    .neighbours(layer, row)
                    .filter(|&next| seen.insert(next)),
            );
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
        let mut truth: Vec<(f64, u64)> = live
            .iter()
            .map(|(&id, vector)| (-cosine(query, vector), id))
            .collect();
        truth.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let truth: HashSet<u64> = truth.iter().take(k).map(|&(_, id)| id).collect();
        let hits = index
            .search(
                query,
                &Search {
                    k,
                    ..Search::default()
                },
            )
            .unwrap();
        found += hits.iter().filter(|hit| truth.contains(&hit.id)).count();
    }
    found as f64 / (k * queries.len()) as f64
}
