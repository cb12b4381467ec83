//! Tokens of several texts, of which only so many bytes are looked at.

use super::vocabulary::Vocabulary;

pub(super) struct Tally {
    vocabulary: Vocabulary,
    limit: usize,
    /// Tokens in what was counted.
    pub words: u64,
    counted: usize,
    beyond: usize,
}

impl Tally {
    pub fn new(vocabulary: Vocabulary, limit: usize) -> Self {
        Self {
            vocabulary,
            limit,
            words: 0,
            counted: 0,
            beyond: 0,
        }
    }

    pub fn text(&mut self, text: &str) {
        let end = text.floor_char_boundary(self.limit - self.counted);
        self.words += self.vocabulary.count(&text[..end]);
        self.counted += end;
        self.beyond += text.len() - end;
    }

    /// What was counted, and as many tokens a byte for the rest.
    pub fn total(&self) -> u64 {
        let (beyond, counted) = (self.beyond as u64, self.counted.max(1) as u64);
        self.words + (self.words * beyond).div_ceil(counted)
    }
}
