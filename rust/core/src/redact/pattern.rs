//! Operators' own patterns.
//!
//! One search is linear, but it may read far past the match that it hands back, and the next search reads that again:
//! `.*x|.` would find all its matches in quadratic time. So a pattern must be a sequence of parts, each of a longest length or
//! one character that repeats without end.
//!
//! Why that is linear: where a later match passes through a repeated character in which the reading of an earlier search is at
//! that place, this reading could go on as that match does, and would have been the match. So what is read past a
//! match has no more matches in it than the other parts have bytes, and they have at most [`REACH`].

use regex::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

use super::error::RedactError;

/// Compiled, a pattern may take this many bytes: enough for thousands of alternatives, too little for nested repetitions.
const SIZE: usize = 1 << 20;
/// What the parts with a longest length may match together, in bytes.
const REACH: usize = 1 << 10;
const NESTED: u32 = 64;

/// Compiles a pattern whose matches in any text are all found in linear time.
pub(super) fn compile(name: &str, pattern: &str) -> Result<Regex, RedactError> {
    let fail = |why: String| RedactError::Pattern {
        name: name.to_owned(),
        why,
    };
    let regex = RegexBuilder::new(pattern)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .nest_limit(NESTED)
        .build();
    let regex = regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => fail(format!(
            "it is larger than {SIZE} bytes when compiled: repeat less"
        )),
        other => fail(other.to_string()),
    })?;
    if regex.is_match("") {
        return Err(fail("it matches nothing at all, so everywhere".to_owned()));
    }
    let mut parser = ParserBuilder::new().nest_limit(NESTED).build();
    let parsed = parser
        .parse(pattern)
        .map_err(|error| fail(error.to_string()))?;
    match reach(&parsed).map_err(|why| fail(why.to_owned()))? {
        ..=REACH => Ok(regex),
        reach => Err(fail(format!(
            "its parts with a longest length may match {reach} bytes, more than {REACH}: repeat less"
        ))),
    }
}

/// How many bytes all may match that has a longest length, if the rest is characters that repeat one after the other.
fn reach(hir: &Hir) -> Result<usize, &'static str> {
    if let Some(length) = hir.properties().maximum_len() {
        return Ok(length);
    }
    match hir.kind() {
        HirKind::Capture(group) => reach(&group.sub),
        HirKind::Concat(parts) => parts.iter().map(reach).sum(),
        HirKind::Repetition(again) if again.max.is_none() => match character(&again.sub) {
            Some(length) => Ok(length.saturating_mul(again.min as usize)),
            None => Err("a group in it repeats without end: bound it, as in (…){1,9}"),
        },
        HirKind::Repetition(_) => Err(
            "an optional or repeated group in it has no longest length: bound what is inside, as in \\d{1,9}",
        ),
        HirKind::Alternation(_) => Err(
            "an alternative in it has no longest length: bound it, as in \\d{1,9}, or make it a pattern of its own",
        ),
        // A class that is empty matches nothing, and so has no length.
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => Ok(0),
    }
}

/// The length of what matches one character and nothing else.
fn character(hir: &Hir) -> Option<usize> {
    match hir.kind() {
        HirKind::Capture(group) => character(&group.sub),
        HirKind::Literal(literal) => {
            let text = str::from_utf8(&literal.0).ok()?;
            (text.chars().count() == 1).then_some(text.len())
        }
        HirKind::Class(class) => Some(class.maximum_len().unwrap_or(0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex_automata::Input;
    use regex_automata::hybrid::dfa::DFA;

    fn refusal(pattern: &str) -> String {
        compile("name", pattern).expect_err("refused").to_string()
    }

    /// The bytes that an automaton reads to find all matches of `pattern`.
    fn work(pattern: &str, text: &str) -> usize {
        let line = DFA::new(pattern).expect("an automaton");
        let mut cache = line.create_cache();
        let (mut from, mut read) = (0, 0);
        while from < text.len() {
            let input = Input::new(text).range(from..);
            let mut state = line
                .start_state_forward(&mut cache, &input)
                .expect("a state");
            let mut end = None;
            for (at, &byte) in text.as_bytes().iter().enumerate().skip(from) {
                state = line.next_state(&mut cache, state, byte).expect("a state");
                read += 1;
                if state.is_match() {
                    end = Some(at);
                }
                if state.is_dead() {
                    break;
                }
            }
            if !state.is_dead()
                && line
                    .next_eoi_state(&mut cache, state)
                    .expect("a state")
                    .is_match()
            {
                end = Some(text.len());
            }
            let Some(end) = end else { break };
            from = end.max(from + 1);
        }
        read
    }

    #[test]
    fn the_count_of_work_sees_what_is_quadratic() {
        let text = "a".repeat(2000);
        assert!(work("a", &text) < 3 * 2000);
        assert!(work(".*x|.", &text) > 2000 * 1000);
    }

    #[test]
    fn what_could_be_read_over_and_over_is_refused() {
        assert!(refusal(".*x|.").contains("an alternative in it"));
        assert!(refusal("a(?:.*x)?").contains("an optional or repeated group"));
        assert!(refusal(r"(\w+\.){2,5}corp").contains("an optional or repeated group"));
        assert!(refusal(r"(\w\.)+corp").contains("repeats without end"));
        assert!(refusal("a(?:a{0,2000}x)?").contains("may match 2002 bytes"));
        assert!(refusal("a{1025,}").contains("may match 1025 bytes"));
    }

    #[test]
    fn what_operators_write_is_not() {
        for pattern in [
            r"ORD-\d+",
            r"(?i)\b(?:emp|staff)[ -]?\d{4,}\b",
            r"https?://\S+/admin",
            r"([\w.-])+@(corp|lab)\.example",
            "(?s)BEGIN.*?END",
            "é+[a&&b]*",
            r"https?://[\w.-]+\.corp(?:\.example)?",
            r"v\d+(?:\.\d{1,9}){0,3}",
        ] {
            assert!(compile("name", pattern).is_ok(), "{pattern}");
        }
    }

    /// Over few letters, so that the parts run into each other.
    fn pattern() -> impl Strategy<Value = String> {
        let letter = || prop::sample::select(vec!["a", "b", "[ab]", "."]);
        let times = vec!["*", "+", "?", "{2,}", "{1,4}", "*?"];
        let part = prop_oneof![
            letter().prop_map(str::to_owned),
            (letter(), prop::sample::select(times))
                .prop_map(|(one, times)| format!("{one}{times}")),
            (letter(), letter()).prop_map(|(one, two)| format!("(?:{one}{{0,4}}{two}|{two})")),
            (letter(), letter()).prop_map(|(one, two)| format!("(?:{one}{two})?")),
        ];
        prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat())
    }

    fn text() -> impl Strategy<Value = String> {
        let runs = prop::collection::vec(("[abc]{1,6}", 1..200usize), 1..6);
        runs.prop_map(|runs| {
            runs.iter()
                .map(|(unit, times)| unit.repeat(*times))
                .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn all_matches_are_found_in_linear_time(pattern in pattern(), text in text()) {
            let parsed = regex_syntax::parse(&pattern).expect("a pattern");
            // That a match is over is seen two bytes later.
            let most = reach(&parsed).expect("a sequence of parts") + 4;
            prop_assert!(work(&pattern, &text) <= most * text.len());
        }
    }
}
