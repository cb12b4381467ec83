use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gateway_core::sse::{Options, Scanner, without_usage};

fn stream(events: usize) -> Vec<u8> {
    let event = |index: usize| {
        format!(
            "data: {{\"id\":\"chatcmpl-DAR9vN3qkR1\",\"object\":\"chat.completion.chunk\",\"created\":1778037177,\
             \"model\":\"gpt-5.5-2026-04-23\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_ff25b2783a\",\
             \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"word {index} \"}},\"logprobs\":null,\
             \"finish_reason\":null}}],\"usage\":null,\"obfuscation\":\"{}\"}}\n\n",
            &"x3Kd9PqL2mN8vB"[..index % 13 + 1]
        )
    };
    (0..events).map(event).collect::<String>().into_bytes()
}

fn bench(c: &mut Criterion) {
    let data = stream(1000);
    let mut group = c.benchmark_group("sse");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("feed, one read", |b| {
        b.iter(|| {
            Scanner::new(Options::default())
                .feed(&data)
                .map(|chunk| chunk.events)
        });
    });
    group.bench_function("feed, 1 KiB reads", |b| {
        b.iter(|| {
            let mut scanner = Scanner::new(Options::default());
            data.chunks(1024)
                .map(|read| scanner.feed(read).map_or(0, |chunk| chunk.events))
                .sum::<u32>()
        });
    });
    group.bench_function("without_usage", |b| b.iter(|| without_usage(&data).len()));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
