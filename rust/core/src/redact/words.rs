//! Where words begin and end.

/// Whether `byte` continues a word: what is found must not begin or end inside one.
pub(super) fn wordy(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Whether no word reaches into `start..end`.
pub(super) fn stands_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).and_then(|at| bytes.get(at));
    !wordy(before) && !wordy(bytes.get(end))
}

/// Whether one of `words` (lower case) stands shortly before `at`.
pub(super) fn introduced(bytes: &[u8], at: usize, words: &[&str]) -> bool {
    let before = &bytes[at.saturating_sub(24)..at];
    // Among bare numbers and no-break spaces (C2 A0) no word need be looked for.
    if before
        .iter()
        .all(|byte| !byte.is_ascii_alphabetic() && *byte < 0xC3)
    {
        return false;
    }
    let before = before.to_ascii_lowercase();
    words
        .iter()
        .any(|word| memchr::memmem::find(&before, word.as_bytes()).is_some())
}
