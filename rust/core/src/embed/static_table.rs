//! The static embedder: the mean of its words' vectors.

use super::bpe::Bpe;
use super::vector;
use super::weights::{Safetensors, map};
use super::{Cpu, EmbedError};
use std::ops::Range;
use std::path::Path;

const SHA256: &str = "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5";
const TOKENIZER_SHA256: &str = "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68";
const WORDS: usize = 32_000;

/// wordllama's 256-dimensional table, mapped from the file it is installed as, with its tokenizer.
#[derive(Debug)]
pub struct StaticEmbedder {
    table: Safetensors,
    rows: Range<usize>,
    bpe: Bpe,
    cpu: Cpu,
}

impl StaticEmbedder {
    /// Length of the vectors.
    pub const DIMENSIONS: usize = 256;

    /// Opens `l2_supercat_256.safetensors` and its `l2_supercat_tokenizer_config.json`; both are checked by their sha256.
    pub fn open(table: &Path, tokenizer: &Path) -> Result<Self, EmbedError> {
        Self::open_on(table, tokenizer, Cpu::detect())
    }

    /// As [`open`](Self::open), with the instructions to use.
    pub fn open_on(table: &Path, tokenizer: &Path, cpu: Cpu) -> Result<Self, EmbedError> {
        let json = map(tokenizer, TOKENIZER_SHA256)?;
        let bpe = Bpe::read(&json).map_err(EmbedError::malformed(tokenizer))?;
        if bpe.vocabulary() != WORDS {
            return Err(EmbedError::foreign(
                tokenizer,
                format!("{} words, not {WORDS}", bpe.vocabulary()),
            ));
        }
        let weights = Safetensors::open(table, SHA256)?;
        let rows = weights.range("embedding.weight", "F16", &[WORDS, Self::DIMENSIONS])?;
        let cpu = if cpu.available() { cpu } else { Cpu::Portable };
        Ok(Self {
            table: weights,
            rows,
            bpe,
            cpu,
        })
    }

    /// The unit vector of a text; all zeros for an empty one.
    pub fn embed(&self, text: &str) -> [f32; Self::DIMENSIONS] {
        let mut sum = [0.0; Self::DIMENSIONS];
        self.embed_into(text, &mut sum);
        sum
    }

    /// As [`embed`](Self::embed), into `out`, which must be [`DIMENSIONS`](Self::DIMENSIONS) long.
    pub fn embed_into(&self, text: &str, out: &mut [f32]) {
        let mut ids = Vec::with_capacity(64);
        self.bpe.encode(text, |id| ids.push(id));
        let (rows, _) =
            self.table.bytes()[self.rows.clone()].as_chunks::<{ 2 * Self::DIMENSIONS }>();
        out.fill(0.0);
        for id in ids {
            if let Some(row) = rows.get(id as usize) {
                vector::add_halves(self.cpu, row, out);
            }
        }
        vector::normalise(self.cpu, out);
    }

    /// The instructions in use.
    pub fn cpu(&self) -> Cpu {
        self.cpu
    }
}
