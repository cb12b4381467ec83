//! A family's vocabulary, shared by the whole process.

use super::family::Family;
use super::parts::Parts;
use tiktoken::CoreBpe;

#[derive(Clone, Copy)]
pub(super) struct Vocabulary {
    pub family: Family,
    pub bpe: &'static CoreBpe,
}

impl Vocabulary {
    pub fn of(family: Family) -> Self {
        let bpe = tiktoken::get_encoding(family.vocabulary)
            .expect("every family's vocabulary is compiled in");
        Self { family, bpe }
    }

    /// Tokens in `text`, before they are scaled.
    pub fn count(self, text: &str) -> u64 {
        self.parts(text)
            .map(|part| self.bpe.count(part) as u64)
            .sum()
    }

    pub fn parts(self, text: &str) -> Parts<'_> {
        Parts::of(text, self.family.vocabulary)
    }

    /// What the model itself would count, where its vocabulary is not public.
    pub fn scale(self, words: u64) -> u64 {
        (words * self.family.estimate.unwrap_or(100)).div_ceil(100)
    }
}
