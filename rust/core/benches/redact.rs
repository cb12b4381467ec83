use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gateway_core::redact::{Options, Redactor};

fn bench(c: &mut Criterion) {
    let redactor = Redactor::new(Options::default()).expect("defaults");
    let clean = "The quick brown fox jumps over the lazy dog, in 3 of 4 cases; see section 2.1. "
        .repeat(13);
    let dirty =
        "Mail ann@example.com or call +44 20 7946 0958, card 4111 1111 1111 1111. ".repeat(14);
    let mut group = c.benchmark_group("redact");
    for (name, text) in [
        ("clean 1 KB", &clean),
        ("dense 1 KB", &dirty),
        ("digits 1 MB", &"1 ".repeat(500_000)),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| b.iter(|| redactor.redact(text).findings().len()));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
