//! A search in a small set, which is scanned, and in a large one, which is walked.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gateway_core::index::{Batch, Column, Index, Options, Search};

const DIM: usize = 256;

/// Numbers without a pattern, from a multiplicative generator.
fn vectors(count: usize) -> Vec<f32> {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count * DIM).map(|_| next()).collect()
}

fn searches(criterion: &mut Criterion) {
    for count in [5, 500, 2_000, 10_000] {
        let index = Index::new(DIM, Options::default()).expect("a dimension in range");
        let (ids, vectors): (Vec<u64>, _) = ((0..count as u64).collect(), vectors(count));
        let (expires, namespaces) = (Column::All(0), Column::All(0));
        let batch = Batch {
            ids: &ids,
            vectors: &vectors,
            expires,
            namespaces,
        };
        index.add(&batch, 2).expect("vectors that can be used");
        let mut row = 0;
        criterion.bench_function(&format!("index/search {count}"), |bencher| {
            bencher.iter(|| {
                row = (row + 7_919) % count;
                index.search(
                    black_box(&vectors[row * DIM..(row + 1) * DIM]),
                    &Search::default(),
                )
            });
        });
    }
}

criterion_group!(benches, searches);
criterion_main!(benches);
