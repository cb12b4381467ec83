//! Mail addresses.

use memchr::memchr_iter;

/// Calls `found` with the places of all addresses.
///
/// The runs left and right of each `@` hold none themselves, so that no byte is read more than twice.
pub(super) fn emails(bytes: &[u8], mut found: impl FnMut(usize, usize)) {
    for at in memchr_iter(b'@', bytes) {
        let local =
            |byte: &u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(byte);
        let name = bytes[..at]
            .iter()
            .rev()
            .take_while(|byte| local(byte))
            .count();
        // Punctuation before the name belongs to the sentence.
        let lead = bytes[at - name..at]
            .iter()
            .take_while(|byte| !byte.is_ascii_alphanumeric() && **byte != b'_')
            .count();
        if lead < name
            && let Some(length) = domain_length(&bytes[at + 1..])
        {
            found(at - name + lead, at + 1 + length);
        }
    }
}

/// The longest prefix that is a domain: labels and, last, two letters or more.
fn domain_length(bytes: &[u8]) -> Option<usize> {
    let run = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'.' || **byte == b'-')
        .count();
    let (mut length, mut from) = (None, 0);
    for label in bytes[..run].split(|byte| *byte == b'.') {
        let label_end = from + label.len();
        let trimmed = label.len() - label.iter().rev().take_while(|byte| **byte == b'-').count();
        let name = &label[..trimmed];
        if name.is_empty() || name[0] == b'-' {
            break;
        }
        let top = name.len() >= 2
            && (name.iter().all(u8::is_ascii_alphabetic) || name.starts_with(b"xn--"));
        if from > 0 && top {
            length = Some(from + trimmed);
        }
        if trimmed < label.len() {
            break;
        }
        from = label_end + 1;
    }
    length
}
