//! What is written in groups of digits: cards, phones, national ids, IPv4 addresses; and what begins with letters and goes
//! on in digits.

use super::identity::{self, luhn};
use super::window::{Group, Window};
use super::words::{stands_alone, wordy};
use super::{iban, phone};

/// Groups that belong together at most: a French social security number has seven.
const GROUPS: usize = 8;
/// Digits that belong together at most: a card has nineteen.
const DIGITS: usize = 19;

/// The kinds that are told apart here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Card,
    Identity,
    Ip,
    Phone,
    Iban,
}

/// The groups that begin at one digit, as far as they may belong together.
pub(super) struct Groups<'a> {
    pub bytes: &'a [u8],
    pub list: Vec<Group>,
}

/// Calls `found` for every number. Each digit is in at most `GROUPS` windows, so that the time is linear.
pub(super) fn numbers(bytes: &[u8], mut found: impl FnMut(Number, usize, usize)) {
    let mut groups = Groups {
        bytes,
        list: Vec::with_capacity(GROUPS),
    };
    let mut at = 0;
    while let Some(digit) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let first = at + digit;
        if first > 0 && wordy(bytes.get(first - 1)) {
            if let Some((number, start, end)) = lettered(bytes, first) {
                found(number, start, end);
                at = end;
            } else {
                at = word_end(bytes, first);
            }
            continue;
        }
        groups.collect(first);
        if let Some((number, start, end)) = groups.best() {
            found(number, start, end);
            at = end;
        } else {
            at = digits_end(bytes, first);
        }
    }
}

fn digits_end(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

fn word_end(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..]
        .iter()
        .take_while(|byte| wordy(Some(byte)))
        .count()
}

/// What begins with letters and has its first digit at `first`.
fn lettered(bytes: &[u8], first: usize) -> Option<(Number, usize, usize)> {
    let letters = bytes[..first]
        .iter()
        .rev()
        .take(7)
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let start = first - letters;
    if letters == 0 || (start > 0 && wordy(bytes.get(start - 1))) {
        return None;
    }
    if letters == 2
        && let Some(end) = iban::iban(bytes, start)
    {
        return Some((Number::Iban, start, end));
    }
    identity::lettered(bytes, start, letters).map(|end| (Number::Identity, start, end))
}

impl Groups<'_> {
    fn collect(&mut self, first: usize) {
        self.list.clear();
        let (mut at, mut gap, mut digits) = (first, 0, 0);
        while self.list.len() < GROUPS {
            let length = self.bytes[at..]
                .iter()
                .take(DIGITS + 1 - digits)
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            digits += length;
            if digits > DIGITS {
                return;
            }
            self.list.push(Group {
                start: at,
                end: at + length,
                gap,
            });
            match gap_at(self.bytes, at + length) {
                Some((next, kind)) => (at, gap) = (next, kind),
                None => return,
            }
        }
    }

    /// The longest number that begins with the first group.
    fn best(&self) -> Option<(Number, usize, usize)> {
        let mut digits = Vec::with_capacity(DIGITS);
        let mut best = None;
        for count in 1..=self.list.len() {
            let group = self.list[count - 1];
            digits.extend(
                self.bytes[group.start..group.end]
                    .iter()
                    .map(|byte| byte - b'0'),
            );
            if digits.len() < 4 {
                continue;
            }
            let window = Window {
                bytes: self.bytes,
                groups: &self.list[..count],
                digits: &digits,
            };
            best = number(&window).or(best);
        }
        best
    }
}

/// Where the digits after a gap of one or two signs begin, and what the gap is.
fn gap_at(bytes: &[u8], from: usize) -> Option<(usize, u8)> {
    let (first, kind) = sign(bytes, from)?;
    if bytes.get(first)?.is_ascii_digit() {
        return Some((first, kind));
    }
    let (second, other) = sign(bytes, first)?;
    let both = if kind == b'(' || other == b'(' {
        b'('
    } else {
        b'-'
    };
    (kind != other && bytes.get(second)?.is_ascii_digit()).then_some((second, both))
}

/// One sign that may part groups, and the end of it.
fn sign(bytes: &[u8], at: usize) -> Option<(usize, u8)> {
    match bytes.get(at..)? {
        [kind @ (b' ' | b'-' | b'.' | b'/'), ..] => Some((at + 1, *kind)),
        [b'(' | b')', ..] => Some((at + 1, b'(')),
        // No-break spaces and typographic hyphens.
        [0xC2, 0xA0, ..] => Some((at + 2, b' ')),
        [0xE2, 0x80, 0xAF, ..] => Some((at + 3, b' ')),
        [0xE2, 0x80, 0x90..=0x93, ..] => Some((at + 3, b'-')),
        _ => None,
    }
}

/// Which number the groups are, if any.
fn number(window: &Window<'_>) -> Option<(Number, usize, usize)> {
    let (start, end) = (window.start(), window.end());
    if let Some(end) = identity::number(window) {
        return Some((Number::Identity, start, end));
    }
    if !stands_alone(window.bytes, start, end) {
        return None;
    }
    if card(window) {
        return Some((Number::Card, start, end));
    }
    if ip(window) {
        return Some((Number::Ip, start, end));
    }
    phone::phone(window).map(|start| (Number::Phone, start, end))
}

fn card(window: &Window<'_>) -> bool {
    let shape = match window.groups {
        [_] => true,
        [rest @ .., last] => {
            let long = |group: &Group| (4..=6).contains(&(group.end - group.start));
            rest.iter().all(long)
                && last.end - last.start <= 6
                && matches!(window.gap(), Some(b' ' | b'-'))
        }
        [] => false,
    };
    let Some(prefix) = window.digits.first_chunk::<4>() else {
        return false;
    };
    let prefix = prefix
        .iter()
        .fold(0, |all, digit| all * 10 + u32::from(*digit));
    let issued = match window.digits.len() {
        13 => prefix / 1000 == 4 || matches!(prefix / 100, 50 | 56..=69),
        14 => matches!(prefix / 10, 300..=305) || matches!(prefix / 100, 36 | 38 | 39),
        15 => matches!(prefix / 100, 34 | 37),
        16 => {
            matches!(prefix, 2200..=2204 | 2221..=2720 | 3528..=3589)
                || matches!(prefix / 100, 30 | 36 | 38..=69)
        }
        17..=19 => {
            matches!(prefix, 2200..=2204 | 3528..=3589) || matches!(prefix / 100, 40..=50 | 56..=69)
        }
        _ => false,
    };
    shape && issued && luhn(window.digits)
}

fn ip(window: &Window<'_>) -> bool {
    let small = |group: &Group| {
        let text = &window.bytes[group.start..group.end];
        text.len() <= 3
            && text
                .iter()
                .fold(0, |all, byte| all * 10 + u32::from(byte - b'0'))
                <= 255
    };
    let after = &window.bytes[window.end()..];
    let longer = after.first() == Some(&b'.') && after.get(1).is_some_and(u8::is_ascii_digit);
    let before = window.start().checked_sub(1).map(|at| window.bytes[at]);
    let dots = window.groups.len() == 4 && window.gap() == Some(b'.');
    dots && before != Some(b'.')
        && !longer
        && window.groups.iter().all(small)
        && single_dots(window)
}

/// The gap of `". "` counts as a hyphen, so that each dot here is one byte.
fn single_dots(window: &Window<'_>) -> bool {
    window
        .groups
        .windows(2)
        .all(|pair| pair[1].start - pair[0].end == 1)
}
