//! A hit, a miss, and a put that pushes something out.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gateway_core::exact::{Cache, Key, Options};

fn key(n: u64) -> Key {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_le_bytes());
    key
}

fn operations(criterion: &mut Criterion) {
    let cache = Cache::new(16 << 20, Options::default()).expect("a capacity with room");
    for n in 0..10_000 {
        cache.put(&key(n), n, 1000, i64::MAX);
    }
    let mut n = 0;
    criterion.bench_function("exact/hit", |bencher| {
        bencher.iter(|| {
            n = (n + 7_919) % 10_000;
            cache.get(&key(black_box(n)), 0, |value| *value)
        });
    });
    criterion.bench_function("exact/miss", |bencher| {
        bencher.iter(|| cache.get(&key(black_box(1 << 40)), 0, |v| *v))
    });
    criterion.bench_function("exact/put, evicting", |bencher| {
        bencher.iter(|| {
            n += 1;
            cache.put(&key(black_box(n)), n, 1000, i64::MAX)
        });
    });
}

criterion_group!(benches, operations);
criterion_main!(benches);
