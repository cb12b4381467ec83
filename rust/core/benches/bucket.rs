//! One decision: over one limit and over five in as many stripes, admitted and refused.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use gateway_core::bucket::{Gate, Limits, Unit};

const MINUTE: i64 = 60_000_000_000;

fn gate(count: usize, burst: i64) -> Gate {
    let limits = Arc::new(Limits::new());
    let slots: Vec<_> = (0..64)
        .map(|n| {
            limits
                .bucket(&n.to_string(), burst, MINUTE, None)
                .expect("valid")
        })
        .collect();
    let meets: Vec<_> = slots
        .iter()
        .step_by(8)
        .take(count)
        .map(|slot| (*slot, Unit::Requests))
        .collect();
    Gate::new(limits, &meets).expect("valid")
}

fn decisions(criterion: &mut Criterion) {
    for (name, count, burst) in [("one", 1, 1 << 40), ("five", 5, 1 << 40), ("refused", 5, 1)] {
        let gate = gate(count, burst);
        let mut now = 0;
        criterion.bench_function(&format!("bucket/take {name}"), |bencher| {
            bencher.iter(|| {
                now += 100;
                gate.take(black_box(now), 0, 0)
            });
        });
    }
}

criterion_group!(benches, decisions);
criterion_main!(benches);
