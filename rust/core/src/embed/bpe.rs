//! The table's tokenizer: SentencePiece-style byte-pair encoding over whole text, as `tokenizers` runs it.

use crate::json::{Malformed, Reader};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// U+2581, which stands for a space.
const SPACE: char = '▁';
/// Words up to this many characters are merged on the stack, by scanning; longer ones with a heap.
const SHORT: usize = 32;
const NONE: u32 = u32::MAX;

/// Ids of words, as merges of characters.
///
/// Invariant, checked on reading: in no token does a `▁` follow another character. So no merge crosses the start of a word,
/// and words can be merged one by one.
#[derive(Debug)]
pub(super) struct Bpe {
    /// Ids of the ASCII characters, the ones that text is mostly made of.
    ascii: [u32; 128],
    chars: FxHashMap<char, u32>,
    /// `<0x00>` to `<0xFF>`, for characters that have no token.
    bytes: [u32; 256],
    /// Left and right id → rank and merged id.
    merges: FxHashMap<u64, (u32, u32)>,
    vocabulary: usize,
}

fn pair(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

impl Bpe {
    /// Reads a `tokenizer.json` whose model is BPE with byte fallback.
    pub fn read(json: &[u8]) -> Result<Self, Malformed> {
        let (mut vocabulary, mut merges): (&[u8], &[u8]) = (b"", b"");
        Reader::new(json).members(|key, value| {
            if key != "model" {
                return Ok(());
            }
            Reader::new(value).members(|key, value| {
                match key {
                    "vocab" => vocabulary = value,
                    "merges" => merges = value,
                    _ => {}
                }
                Ok(())
            })
        })?;
        Self::build(vocabulary, merges)
    }

    fn build(vocabulary: &[u8], merges: &[u8]) -> Result<Self, Malformed> {
        let ids = ids(vocabulary)?;
        let id = |token: &str| ids.get(token).copied().ok_or(Malformed { at: 0 });
        let mut bpe = Self {
            ascii: [NONE; 128],
            chars: FxHashMap::default(),
            bytes: [0; 256],
            merges: FxHashMap::default(),
            vocabulary: ids.len(),
        };
        for (token, &id) in &ids {
            let mut letters = token.chars();
            if let (Some(c), None) = (letters.next(), letters.next()) {
                bpe.chars.insert(c, id);
                if c.is_ascii() {
                    bpe.ascii[c as usize] = id;
                }
            }
        }
        for (byte, slot) in bpe.bytes.iter_mut().enumerate() {
            *slot = id(&format!("<0x{byte:02X}>"))?;
        }
        let mut rank = 0;
        Reader::new(merges).items(|raw| {
            let merge = Reader::new(raw).string()?;
            let (left, right) = merge.split_once(' ').ok_or(Malformed { at: 0 })?;
            let whole = id(&[left, right].concat())?;
            bpe.merges
                .insert(pair(id(left)?, id(right)?), (rank, whole));
            rank += 1;
            Ok(())
        })?;
        Ok(bpe)
    }

    /// How many ids there are; every id that `encode` gives is below.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The ids of a text, each given to `each`.
    pub fn encode(&self, text: &str, mut each: impl FnMut(u32)) {
        if text.is_empty() {
            return;
        }
        let mut word = Vec::with_capacity(SHORT);
        self.push(SPACE, &mut word);
        let mut in_spaces = true;
        for c in text.chars() {
            let c = if c == ' ' { SPACE } else { c };
            if c == SPACE && !in_spaces {
                self.merge(&mut word, &mut each);
                word.clear();
            }
            in_spaces = c == SPACE;
            self.push(c, &mut word);
        }
        self.merge(&mut word, &mut each);
    }

    fn push(&self, c: char, word: &mut Vec<u32>) {
        let id = match self.ascii.get(c as usize) {
            Some(&id) => id,
            None => self.chars.get(&c).copied().unwrap_or(NONE),
        };
        if id != NONE {
            return word.push(id);
        }
        word.extend(
            c.encode_utf8(&mut [0; 4])
                .bytes()
                .map(|byte| self.bytes[usize::from(byte)]),
        );
    }

    fn rank(&self, left: u32, right: u32) -> (u32, u32) {
        self.merges
            .get(&pair(left, right))
            .copied()
            .unwrap_or((NONE, 0))
    }

    fn merge(&self, word: &mut Vec<u32>, each: &mut impl FnMut(u32)) {
        if word.len() > SHORT {
            self.merge_long(word);
        } else {
            self.merge_short(word);
        }
        word.iter().for_each(|&id| each(id));
    }

    /// The lowest rank first, the leftmost of equals, until nothing merges.
    fn merge_short(&self, word: &mut Vec<u32>) {
        let mut ranks = [(NONE, 0); SHORT];
        for i in 1..word.len() {
            ranks[i - 1] = self.rank(word[i - 1], word[i]);
        }
        while word.len() > 1 {
            let pairs = word.len() - 1;
            let mut best = 0;
            for i in 1..pairs {
                if ranks[i].0 < ranks[best].0 {
                    best = i;
                }
            }
            if ranks[best].0 == NONE {
                return;
            }
            word[best] = ranks[best].1;
            word.remove(best + 1);
            ranks.copy_within(best + 1..pairs, best);
            if best + 1 < word.len() {
                ranks[best] = self.rank(word[best], word[best + 1]);
            }
            if best > 0 {
                ranks[best - 1] = self.rank(word[best - 1], word[best]);
            }
        }
    }

    /// The same in O(n log n): a heap of candidate merges over a linked list of symbols.
    fn merge_long(&self, word: &mut Vec<u32>) {
        let n = word.len();
        let mut next: Vec<usize> = (1..=n).collect();
        let mut previous: Vec<usize> = (0..n).map(|i| i.wrapping_sub(1)).collect();
        let mut heap = BinaryHeap::new();
        let offer = |heap: &mut BinaryHeap<_>, word: &[u32], left: usize, right: usize| {
            if left < n && right < n {
                let (rank, whole) = self.rank(word[left], word[right]);
                if rank != NONE {
                    heap.push(Reverse((rank, left, word[left], word[right], whole)));
                }
            }
        };
        for i in 1..n {
            offer(&mut heap, word, i - 1, i);
        }
        while let Some(Reverse((_, left, was_left, was_right, whole))) = heap.pop() {
            let right = next[left];
            // A candidate is stale once either of its symbols was merged away.
            if word[left] != was_left || right >= n || word[right] != was_right {
                continue;
            }
            word[left] = whole;
            word[right] = NONE;
            next[left] = next[right];
            if next[left] < n {
                previous[next[left]] = left;
            }
            offer(&mut heap, word, previous[left], left);
            offer(&mut heap, word, left, next[left]);
        }
        word.retain(|&id| id != NONE);
    }
}

/// The id of each token.
fn ids(vocabulary: &[u8]) -> Result<FxHashMap<String, u32>, Malformed> {
    let mut ids = FxHashMap::default();
    Reader::new(vocabulary).members(|token, raw| {
        if token.trim_start_matches(SPACE).contains(SPACE) {
            return Err(Malformed { at: 0 });
        }
        ids.insert(token.to_owned(), number(raw)?);
        Ok(())
    })?;
    Ok(ids)
}

fn number(raw: &[u8]) -> Result<u32, Malformed> {
    let text = std::str::from_utf8(raw).unwrap_or_default();
    text.parse().map_err(|_| Malformed { at: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A vocabulary over a, b and the space, with every byte as a fallback.
    fn toy() -> Bpe {
        let mut tokens: Vec<String> = (0..256).map(|byte| format!("<0x{byte:02X}>")).collect();
        let merges = [
            "▁ a",
            "a b",
            "b b",
            "ab bb",
            "▁ ▁",
            "▁▁ ▁▁",
            "▁a bb",
            "bb bb",
            "a a",
            "aa aa",
        ];
        tokens.extend(["▁", "a", "b"].map(String::from));
        tokens.extend(merges.map(|merge| merge.replace(' ', "")));
        let vocabulary: Vec<_> = tokens
            .iter()
            .enumerate()
            .map(|(i, token)| format!("\"{token}\":{i}"))
            .collect();
        let merges = merges.map(|merge| format!("\"{merge}\"")).join(",");
        let json = format!(
            "{{\"model\":{{\"vocab\":{{{}}},\"merges\":[{merges}]}}}}",
            vocabulary.join(",")
        );
        Bpe::read(json.as_bytes()).unwrap()
    }

    proptest! {
        #[test]
        fn both_ways_of_merging_agree(text in "[ab ]{0,31}") {
            let bpe = toy();
            let mut short = Vec::new();
            bpe.push(SPACE, &mut short);
            text.chars().for_each(|c| bpe.push(if c == ' ' { SPACE } else { c }, &mut short));
            let mut long = short.clone();
            bpe.merge_short(&mut short);
            bpe.merge_long(&mut long);
            prop_assert_eq!(&short, &long);
            // Merging word by word gives what merging the whole text gives.
            let mut words = Vec::new();
            bpe.encode(&text, |id| words.push(id));
            prop_assert!(text.is_empty() || words == short);
        }

        #[test]
        fn any_text_is_encoded(text in ".{0,60}") {
            let bpe = toy();
            bpe.encode(&text, |id| assert!((id as usize) < bpe.vocabulary()));
        }
    }

    #[test]
    fn a_foreign_file_is_refused() {
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"model":{"vocab":{"a▁":1},"merges":[]}}"#,
        ] {
            assert!(Bpe::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
