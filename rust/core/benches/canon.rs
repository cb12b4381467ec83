//! One pass over chat bodies, and the three hashes it could have ended in: `cargo bench -p gateway-core --bench canon`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gateway_core::canon::{Canon, Grammar, Options};
use highway::{HighwayHash, HighwayHasher, Key};
use sha2::{Digest, Sha256};

const SIZES: [usize; 4] = [1, 4, 16, 64];

/// A conversation of about `size` bytes: turns of prose with an escape now and then.
fn chat(size: usize) -> Vec<u8> {
    let sentence = "How said an each which their time will way about many, \\\"then\\\" them.\\n";
    let turn = format!(
        r#"{{"role":"user","content":"{}"}}"#,
        sentence.repeat(size / 5 / sentence.len())
    );
    let turns = vec![turn; 5].join(",");
    format!(r#"{{"messages":[{turns}],"model":"gpt-4o-mini","temperature":0.7,"stream":true}}"#)
        .into_bytes()
}

fn read(criterion: &mut Criterion) {
    let canon = Canon::new(b"secret", Options::default()).expect("a secret");
    let grammar = Grammar::built_in("chat").expect("built in");
    let mut group = criterion.benchmark_group("canon");
    for size in SIZES {
        let body = chat(size * 1024);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("read+key/{size}K"), |bencher| {
            bencher.iter(|| {
                canon
                    .read(black_box(&body[..]), &grammar)
                    .expect("a request")
                    .key(&[b"tenant"])
            });
        });
    }
    let reading = canon.read(chat(1024), &grammar).expect("a request");
    group.bench_function("key", |bencher| {
        bencher.iter(|| reading.key(black_box(&[b"tenant"])))
    });
    group.finish();
}

fn hashes(criterion: &mut Criterion) {
    let key = [7; 32];
    let mut group = criterion.benchmark_group("hash");
    for size in SIZES {
        let body = chat(size * 1024);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("highway/{size}K"), |bencher| {
            bencher.iter(|| HighwayHasher::new(Key([7; 4])).hash256(black_box(&body)));
        });
        group.bench_function(format!("blake3/{size}K"), |bencher| {
            bencher.iter(|| blake3::keyed_hash(&key, black_box(&body)));
        });
        group.bench_function(format!("sha256/{size}K"), |bencher| {
            bencher.iter(|| {
                Sha256::new()
                    .chain_update(key)
                    .chain_update(black_box(&body))
                    .finalize()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, read, hashes);
criterion_main!(benches);
