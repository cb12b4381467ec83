//! IPv6 addresses. (IPv4 ones are groups of digits: see `number`.)

use memchr::memchr;

use super::words::wordy;

/// The longest spelling, with an IPv4 tail.
const LONGEST: usize = 45;

/// Calls `found` with the places of all IPv6 addresses.
pub(super) fn addresses(text: &str, mut found: impl FnMut(usize, usize)) {
    let bytes = text.as_bytes();
    let part = |byte: &&u8| byte.is_ascii_hexdigit() || **byte == b':' || **byte == b'.';
    let mut from = 0;
    while let Some(colon) = memchr(b':', &bytes[from..]).map(|at| from + at) {
        let before = bytes[from..colon]
            .iter()
            .rev()
            .take(5)
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        let run = colon - before..colon + bytes[colon..].iter().take_while(part).count();
        from = run.end;
        if let Some((start, end)) = address(text, run.start, run.end) {
            found(start, end);
        }
    }
}

/// The address in `start..end`, without the punctuation around it.
fn address(text: &str, mut start: usize, mut end: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    if bytes[start] == b':' && bytes.get(start + 1) != Some(&b':') {
        start += 1;
    }
    while end > start
        && (bytes[end - 1] == b'.' || (bytes[end - 1] == b':' && !bytes[..end].ends_with(b"::")))
    {
        end -= 1;
    }
    let inside = text
        .get(start..end)
        .filter(|inside| (3..=LONGEST).contains(&inside.len()))?;
    let joined = start > 0 && bytes[start] != b':' && wordy(bytes.get(start - 1));
    // `::` and `a::b` are code more often than addresses.
    let telling = inside.bytes().any(|byte| byte.is_ascii_digit());
    (!joined && telling && !wordy(bytes.get(end)) && inside.parse::<std::net::Ipv6Addr>().is_ok())
        .then_some((start, end))
}
