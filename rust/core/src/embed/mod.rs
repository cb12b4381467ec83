//! Text to unit vectors, on the CPU, from weights that other packages install.
//!
//! [`StaticEmbedder`] looks words up in a table (microseconds); [`MiniLm`] runs a six-layer encoder (milliseconds). Both
//! tokenise for themselves and give the same vector on every machine, to the bit, whichever instructions it has.

mod attention;
mod bpe;
mod cpu;
mod encoder;
mod error;
mod gemm;
mod minilm;
mod static_table;
mod vector;
mod weights;
mod wordpiece;

pub use cpu::Cpu;
pub use error::EmbedError;
pub use minilm::MiniLm;
pub use static_table::StaticEmbedder;

use crate::threads::share;

/// Embeds `texts` into `rows`, one of `width` each, on up to `threads` threads.
pub fn embed_batch<T: AsRef<str> + Sync>(
    texts: &[T],
    rows: &mut [f32],
    threads: usize,
    embed_into: impl Fn(&str, &mut [f32]) + Sync,
) {
    if texts.is_empty() {
        return;
    }
    let width = rows.len() / texts.len();
    let size = texts.len().div_ceil(threads.max(1));
    let shares = texts.chunks(size).zip(rows.chunks_mut(size * width));
    share(threads, shares, |(texts, rows)| {
        for (text, row) in texts.iter().zip(rows.chunks_exact_mut(width)) {
            embed_into(text.as_ref(), row);
        }
    });
}

/// What the fuzzer drives: the readers of files, which `open` only lets see files that it knows.
#[cfg(fuzzing)]
pub fn fuzz(bytes: &[u8]) {
    let _ = weights::header(bytes);
    let text = String::from_utf8_lossy(bytes);
    if let Ok(bpe) = bpe::Bpe::read(bytes) {
        bpe.encode(&text, |_| {});
    }
    if let Ok(pieces) = wordpiece::WordPiece::read(bytes) {
        pieces.encode(&text);
    }
    // The same text cut in two: a small vocabulary, and what it has to encode.
    let vocabulary: Vec<_> = text
        .chars()
        .take(40)
        .filter(|c| c.is_alphanumeric())
        .collect();
    let entries: Vec<_> = vocabulary
        .iter()
        .enumerate()
        .map(|(i, c)| format!("\"{c}\":{i},\"##{c}\":{i}"))
        .collect();
    let json = format!(
        "{{\"model\":{{\"vocab\":{{\"[UNK]\":0{}{}}}}}}}",
        if entries.is_empty() { "" } else { "," },
        entries.join(",")
    );
    if let Ok(pieces) = wordpiece::WordPiece::read(json.as_bytes()) {
        pieces.encode(&text);
    }
}
