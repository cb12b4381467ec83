//! MiniLM's tokenizer: BERT's normaliser and greedy longest-match word pieces, as `tokenizers` runs them.

use crate::json::{Malformed, Reader};
use rustc_hash::FxHashMap;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// Words longer than this many characters are unknown.
const LONGEST_WORD: usize = 100;

/// Ids of words and of the pieces that continue one.
#[derive(Debug)]
pub(super) struct WordPiece {
    starts: FxHashMap<Box<str>, u32>,
    continuations: FxHashMap<Box<str>, u32>,
    /// Bytes of the longest piece.
    longest: usize,
    unknown: u32,
    vocabulary: usize,
}

impl WordPiece {
    /// Reads a `tokenizer.json` whose model is WordPiece.
    pub fn read(json: &[u8]) -> Result<Self, Malformed> {
        let mut vocabulary: &[u8] = b"";
        Reader::new(json).members(|key, value| {
            if key != "model" {
                return Ok(());
            }
            Reader::new(value).members(|key, value| {
                if key == "vocab" {
                    vocabulary = value;
                }
                Ok(())
            })
        })?;
        let (mut starts, mut continuations) = (FxHashMap::default(), FxHashMap::default());
        let (mut longest, mut count) = (0, 0);
        Reader::new(vocabulary).members(|piece, raw| {
            let id = std::str::from_utf8(raw).unwrap_or_default().parse::<u32>();
            let id = id.map_err(|_| Malformed { at: 0 })?;
            let (map, piece) = match piece.strip_prefix("##") {
                Some(rest) if !rest.is_empty() => (&mut continuations, rest),
                _ => (&mut starts, piece),
            };
            map.insert(piece.into(), id);
            longest = longest.max(piece.len());
            count += 1;
            Ok(())
        })?;
        let unknown = *starts.get("[UNK]").ok_or(Malformed { at: 0 })?;
        Ok(Self {
            starts,
            continuations,
            longest,
            unknown,
            vocabulary: count,
        })
    }

    /// How many ids there are.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The ids of a text, without marks at its ends.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(text.len() / 4 + 2);
        let mut word = String::with_capacity(32);
        let mut letter = |c: char, ids: &mut Vec<u32>| {
            let punctuation = is_punctuation(c);
            if punctuation || c.is_whitespace() || is_cjk(c) {
                self.word(&word, ids);
                word.clear();
            }
            if c.is_whitespace() {
                return;
            }
            word.push(c);
            if punctuation || is_cjk(c) {
                self.word(&word, ids);
                word.clear();
            }
        };
        if text.is_ascii() {
            for c in text.chars().filter(|&c| !is_control(c)) {
                letter(c.to_ascii_lowercase(), &mut ids);
            }
        } else {
            let unaccented = text
                .chars()
                .filter(|&c| !is_control(c))
                .nfd()
                .filter(|&c| !is_accent(c));
            for c in unaccented.flat_map(char::to_lowercase) {
                letter(c, &mut ids);
            }
        }
        letter(' ', &mut ids);
        ids
    }

    fn word(&self, word: &str, ids: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        let before = ids.len();
        let mut rest = word;
        let mut pieces = &self.starts;
        while !rest.is_empty() {
            let found =
                ends(rest, self.longest).find_map(|end| Some((end, *pieces.get(&rest[..end])?)));
            match found {
                Some((end, id))
                    if word.len() <= LONGEST_WORD || word.chars().count() <= LONGEST_WORD =>
                {
                    ids.push(id);
                    rest = &rest[end..];
                }
                _ => {
                    ids.truncate(before);
                    return ids.push(self.unknown);
                }
            }
            pieces = &self.continuations;
        }
    }
}

/// Ends of the prefixes of `text` up to `longest` bytes, the longest first.
fn ends(text: &str, longest: usize) -> impl Iterator<Item = usize> + '_ {
    (1..=text.len().min(longest))
        .rev()
        .filter(|&end| text.is_char_boundary(end))
}

fn is_control(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        ' '..='~' => false,
        '\0' | '\u{FFFD}' => true,
        _ => matches!(
            c.general_category(),
            GeneralCategory::Control | GeneralCategory::Format | GeneralCategory::PrivateUse
        ),
    }
}

fn is_accent(c: char) -> bool {
    !c.is_ascii() && c.general_category() == GeneralCategory::NonspacingMark
}

fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    c.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// The blocks that BERT splits into single characters.
fn is_cjk(c: char) -> bool {
    matches!(u32::from(c),
        0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x20000..=0x2A6DF | 0x2A700..=0x2B73F | 0x2B740..=0x2B81F
        | 0x2B920..=0x2CEAF | 0xF900..=0xFAFF | 0x2F800..=0x2FA1F)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn toy() -> WordPiece {
        let json = r###"{"model":{"vocab":{"[UNK]":0,"cafe":1,"un":2,"##do":3,"##able":4,"!":5,"中":6,"u":7,"##ndo":8}}}"###;
        WordPiece::read(json.as_bytes()).unwrap()
    }

    #[test]
    fn words_become_their_longest_pieces() {
        let toy = toy();
        assert_eq!(
            toy.encode("Café undo! 中中 undoable"),
            [1, 2, 3, 5, 6, 6, 2, 3, 4]
        );
        assert_eq!(toy.encode("unknowable"), [0]);
        assert_eq!(toy.encode(&"un".repeat(60)), [0]);
        assert_eq!(toy.encode(" \t\u{0}"), [0; 0]);
    }

    proptest! {
        #[test]
        fn any_text_is_encoded(text in ".{0,60}") {
            toy().encode(&text);
        }
    }

    #[test]
    fn a_foreign_file_is_refused() {
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"model":{"vocab":{"a":"b"}}}"#,
            r#"{"model":{"vocab":{"a":1}}}"#,
        ] {
            assert!(WordPiece::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
