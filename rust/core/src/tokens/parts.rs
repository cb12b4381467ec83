//! Cuts a text where its vocabulary's pattern always splits, so that the parts have the tokens of the whole.
//!
//! `tiktoken` 4.1.2 checks that all the text behind a piece is UTF-8 before it looks at the next character: after two
//! white spaces that are not both ASCII in every vocabulary, and in DeepSeek's after most pieces that are not ASCII. On a
//! whole text that is quadratic; on parts of bounded length it is linear. The patterns look neither back nor ahead (but
//! for the last of several white spaces, which the next word may claim), so a part has the pieces it had in the whole if
//! it ends where a piece ends, and that piece is not white space which a following word would have shortened.

use regex::Regex;
use std::sync::LazyLock;

/// Bytes of a part. A piece that is longer is a part of its own.
const LONGEST: usize = 1024;

/// DeepSeek's pattern as the crate has it.
static DEEPSEEK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"\p{N}{1,3}|[一-龥\x{3040}-\x{30FF}]+|[!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+",
        r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+|[\s\S]"
    ))
    .expect("a fixed pattern")
});

/// What a vocabulary's pattern makes of white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    /// One run of white space is one piece (GPT-3).
    Plain,
    /// White space up to the last line end of a run is a piece.
    Lines,
    /// As `Lines`, with pieces that end before another character of their kind.
    DeepSeek,
}

/// The parts of a text, in order.
pub(super) struct Parts<'t> {
    rest: &'t str,
    rules: Rules,
    longest: usize,
}

impl<'t> Parts<'t> {
    pub fn of(text: &'t str, vocabulary: &str) -> Self {
        let rules = match vocabulary {
            "p50k_base" | "r50k_base" => Rules::Plain,
            "deepseek_v3" => Rules::DeepSeek,
            _ => Rules::Lines,
        };
        Self {
            rest: text,
            rules,
            longest: LONGEST,
        }
    }

    fn end(&self) -> usize {
        let text = self.rest;
        if text.len() <= self.longest {
            return text.len();
        }
        if let Some(end) = (1..=self.longest).rev().find(|&at| self.splits(at)) {
            return end;
        }
        if self.rules == Rules::DeepSeek {
            return whole_pieces(text, self.longest);
        }
        // Every other slow piece starts where `splits` holds, so that a part however long has no more than one.
        (self.longest + 1..text.len())
            .find(|&at| self.splits(at))
            .unwrap_or(text.len())
    }

    /// Whether `at` is certainly between two pieces: before white space, and behind either a word, number or sign, or the
    /// last line end of a run. No pattern has white space behind anything else in one piece, except for line ends.
    fn splits(&self, at: usize) -> bool {
        if !self.rest.is_char_boundary(at) {
            return false;
        }
        let (before, after) = self.rest.split_at(at);
        if !after.starts_with(char::is_whitespace)
            || after.starts_with(LINE_END) && self.rules != Rules::Plain
        {
            return false;
        }
        if before.ends_with(LINE_END) {
            let mut run = after.chars().take_while(|c| c.is_whitespace());
            return self.rules != Rules::Plain && !run.any(|c| LINE_END.contains(&c));
        }
        !before.ends_with(char::is_whitespace)
    }
}

impl<'t> Iterator for Parts<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        if self.rest.is_empty() {
            return None;
        }
        let (part, rest) = self.rest.split_at(self.end());
        self.rest = rest;
        Some(part)
    }
}

const LINE_END: [char; 2] = ['\r', '\n'];

/// The end of the last piece of `text` within `longest`, or of the first if none ends there.
fn whole_pieces(text: &str, longest: usize) -> usize {
    let (mut start, mut cut) = (0, 0);
    while start < text.len() {
        let end = piece_end(text, start);
        if end > longest && cut > 0 {
            return cut;
        }
        if !may_shrink(&text[start..end]) {
            cut = end;
        }
        if cut > longest {
            return cut;
        }
        start = end;
    }
    text.len()
}

fn piece_end(text: &str, start: usize) -> usize {
    let end = DEEPSEEK
        .find_at(text, start)
        .map_or(text.len(), |piece| piece.end());
    let piece = &text[start..end];
    let Some(next) = text[end..].chars().next() else {
        return end;
    };
    let isolated = next.is_numeric() || matches!(next, '一'..='龥' | '\u{3040}'..='\u{30FF}');
    if isolated || next.is_whitespace() || !may_shrink(piece) {
        return end;
    }
    match piece.char_indices().next_back() {
        Some((last, _)) if last > 0 => start + last,
        _ => end,
    }
}

/// White space that gives its last character to a word behind it.
fn may_shrink(piece: &str) -> bool {
    !piece.ends_with(LINE_END) && piece.chars().all(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::family::Family;
    use crate::tokens::vocabulary::Vocabulary;
    use proptest::prelude::*;

    /// One or more of each kind that any of the patterns tells apart.
    const KINDS: &str = " \u{a0}\u{3000}\u{85}\t\u{b}\n\r\u{2028}aZéßÀǅʰ中々あ゠・ー\u{3040}\u{3099}\u{309b}ﾊ한กअ\
        \u{301}\u{94d}\u{200d}\u{200b}\u{feff}\u{ad}\u{e000}\u{378}\u{1}\u{7f}\u{e0061}1²Ⅷ१〇½!/'—。、€😀👩🏽🇫\u{1820}\u{180e}st";

    fn check(text: &str, longest: usize) {
        for vocabulary in Family::names()
            .filter_map(Family::named)
            .map(Vocabulary::of)
        {
            let parts = Parts {
                longest,
                ..vocabulary.parts(text)
            };
            let parted: Vec<u32> = parts.flat_map(|part| vocabulary.bpe.encode(part)).collect();
            assert_eq!(
                parted,
                vocabulary.bpe.encode(text),
                "{} {longest} {text:?}",
                vocabulary.family.name
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(
            std::env::var("GATEWAY_FUZZ_TEXTS").map_or(4_000, |cases| cases.parse().unwrap())
        ))]

        #[test]
        fn parts_have_the_tokens_of_the_whole(
            picks in prop::collection::vec((0..KINDS.chars().count(), 1..5_usize), 0..24),
            longest in 1..24_usize,
        ) {
            let kinds: Vec<char> = KINDS.chars().collect();
            let text: String = picks.iter().flat_map(|&(kind, times)| std::iter::repeat_n(kinds[kind], times)).collect();
            check(&text, longest);
        }
    }

    #[test]
    fn a_part_is_short_or_one_piece() {
        for unit in [
            "\u{200b}",
            "१२",
            "!\n\u{a0}\u{a0}",
            "・。・中a",
            "中。",
            "a b",
            "  1",
        ] {
            let text = unit.repeat(5_000);
            assert!(
                Parts::of(&text, "deepseek_v3").all(|part| part.len() <= LONGEST),
                "{unit:?}"
            );
        }
        let text = format!("{}{}", "\u{200b}".repeat(9), "a".repeat(5_000));
        let lengths: Vec<usize> = Parts::of(&text, "deepseek_v3").map(str::len).collect();
        assert_eq!(lengths, [24, 5_003]);
    }
}
