//! Telephone numbers: international ones, and the national forms that are plain without a word before them.

use super::window::{Group, Window};
use super::words::introduced;

const WORDS: &[&str] = &[
    "phone", "tel", "mobile", "cell", "call", "fax", "whatsapp", "sms", "text me", "handy",
    "móvil", "电话", "手机",
];

/// Where the number begins, its `+` or bracket included, if the window is one.
pub(super) fn phone(window: &Window<'_>) -> Option<usize> {
    let start = window.start();
    let before = start.checked_sub(1).map(|at| window.bytes[at]);
    let count = window.digits.len();
    if dated(window) {
        return None;
    }
    if before == Some(b'+') {
        let alone = start < 2
            || !(window.bytes[start - 2].is_ascii_alphanumeric()
                || window.bytes[start - 2] == b'+');
        return (alone && window.digits[0] != 0 && (8..=16).contains(&count)).then_some(start - 1);
    }
    let bracket = before == Some(b'(');
    let begin = if bracket { start - 1 } else { start };
    let area = window.groups[0].end - window.groups[0].start;
    if bracket
        && (2..=5).contains(&area)
        && (8..=12).contains(&count)
        && window.groups.get(1).is_some_and(|g| g.gap == b'(')
    {
        return Some(begin);
    }
    let spelled =
        national(window) || (7..=13).contains(&count) && introduced(window.bytes, begin, WORDS);
    spelled.then_some(begin)
}

/// A date, perhaps with the hour after it.
fn dated(window: &Window<'_>) -> bool {
    let length = |group: &Group| group.end - group.start;
    match window.groups {
        [a, b, c, ..] => match (length(a), length(b), length(c)) {
            (4, 1..=2, 1..=2) => matches!(window.digits[0], 1 | 2) && window.digits.len() <= 10,
            (1..=2, 1..=2, 4) => {
                matches!(window.bytes[c.start], b'1' | b'2') && window.digits.len() <= 10
            }
            _ => false,
        },
        _ => false,
    }
}

fn national(window: &Window<'_>) -> bool {
    let digits = window.digits;
    let count = digits.len();
    let exchange =
        |from: usize| (2..=9).contains(&digits[from]) && (2..=9).contains(&digits[from + 3]);
    if window.is(&[3, 3, 4]) && exchange(0)
        || window.is(&[1, 3, 3, 4]) && digits[0] == 1 && exchange(1)
    {
        return true;
    }
    if window.is(&[3, 4, 4]) && digits[0] == 1 && digits[1] >= 3
        || window.is(&[5, 5]) && digits[0] >= 6
    {
        return window.gap() != Some(b'.');
    }
    if digits[0] != 0 || window.groups[0].end - window.groups[0].start < 2 {
        return false;
    }
    // 0049 30 …: the international prefix, dialled.
    if digits[1] == 0 {
        return digits[2] != 0
            && (if window.groups.len() > 1 {
                10..=17
            } else {
                12..=17
            })
            .contains(&count);
    }
    let dots = window.groups[1..]
        .iter()
        .filter(|group| group.gap == b'.')
        .count();
    let decimal = dots > 0 && (dots != window.groups.len() - 1 || dots < 2);
    window.groups.len() > 1 && (9..=12).contains(&count) && !decimal
}
