use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gateway_core::tokens::Tokenizer;

fn bench(c: &mut Criterion) {
    let tokenizer = Tokenizer::for_model("gpt-4o");
    let english =
        "The gateway answers repeats from a cache, and it doesn't wait for 1 lock. ".repeat(14);
    let mut group = c.benchmark_group("tokens");
    for (name, text) in [
        ("english", english.clone()),
        ("chinese", "数据平面是一次请求所触及的部分。".repeat(20)),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| b.iter(|| tokenizer.count(&text)));
    }
    let body = format!(
        "{{\"model\":\"gpt-4o\",\"messages\":[{{\"role\":\"user\",\"content\":\"{english}\"}}]}}"
    );
    group.bench_function("chat", |b| b.iter(|| tokenizer.count_chat(body.as_bytes())));
}

criterion_group!(benches, bench);
criterion_main!(benches);
