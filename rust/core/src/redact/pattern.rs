//! Operators' own patterns.

use regex::{Regex, RegexBuilder};

use super::RedactError;

/// Compiled, a pattern may take this many bytes: enough for thousands of alternatives, too little for nested repetitions.
const SIZE: usize = 1 << 20;

/// Compiles a pattern; the engine reads any text in linear time for each match.
pub(super) fn compile(name: &str, pattern: &str) -> Result<Regex, RedactError> {
    let fail = |why: String| RedactError::Pattern {
        name: name.to_owned(),
        why,
    };
    let regex = RegexBuilder::new(pattern)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .nest_limit(64)
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
    Ok(regex)
}
