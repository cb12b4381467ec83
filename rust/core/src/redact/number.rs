//! What is written in groups of digits: cards, phones, national ids, IPv4 addresses; and what begins with letters and goes
//! on in digits.

use super::identity::{self, luhn};
use super::phone;
use super::{iban, stands_alone, wordy};

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

/// Digits without a gap.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    pub start: usize,
    pub end: usize,
    /// What stands between this group and the one before: `' '`, `'-'`, `'.'`, `'/'`, `'('` where a bracket is in it, or 0.
    pub gap: u8,
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
            best = window.number().or(best);
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

/// Some groups, taken together.
pub(super) struct Window<'a> {
    pub bytes: &'a [u8],
    pub groups: &'a [Group],
    pub digits: &'a [u8],
}

impl Window<'_> {
    fn number(&self) -> Option<(Number, usize, usize)> {
        let (start, end) = (self.start(), self.end());
        if let Some(end) = identity::number(self) {
            return Some((Number::Identity, start, end));
        }
        if !stands_alone(self.bytes, start, end) {
            return None;
        }
        if self.card() {
            return Some((Number::Card, start, end));
        }
        if self.ip() {
            return Some((Number::Ip, start, end));
        }
        phone::phone(self).map(|start| (Number::Phone, start, end))
    }

    pub fn start(&self) -> usize {
        self.groups[0].start
    }

    pub fn end(&self) -> usize {
        self.groups[self.groups.len() - 1].end
    }

    /// Whether the groups have these lengths.
    pub fn is(&self, lengths: &[usize]) -> bool {
        self.groups.len() == lengths.len()
            && self
                .groups
                .iter()
                .zip(lengths)
                .all(|(g, length)| g.end - g.start == *length)
    }

    /// The one sign between all groups; 0 where there is only one group.
    pub fn gap(&self) -> Option<u8> {
        let gap = self.groups.get(1).map_or(0, |group| group.gap);
        self.groups[1..]
            .iter()
            .all(|group| group.gap == gap)
            .then_some(gap)
    }

    fn card(&self) -> bool {
        let shape = match self.groups {
            [_] => true,
            [rest @ .., last] => {
                let long = |group: &Group| (4..=6).contains(&(group.end - group.start));
                rest.iter().all(long)
                    && last.end - last.start <= 6
                    && matches!(self.gap(), Some(b' ' | b'-'))
            }
            [] => false,
        };
        let Some(prefix) = self.digits.first_chunk::<4>() else {
            return false;
        };
        let prefix = prefix
            .iter()
            .fold(0, |all, digit| all * 10 + u32::from(*digit));
        let issued = match self.digits.len() {
            13 => prefix / 1000 == 4 || matches!(prefix / 100, 50 | 56..=69),
            14 => matches!(prefix / 10, 300..=305) || matches!(prefix / 100, 36 | 38 | 39),
            15 => matches!(prefix / 100, 34 | 37),
            16 => {
                matches!(prefix, 2200..=2204 | 2221..=2720 | 3528..=3589)
                    || matches!(prefix / 100, 30 | 36 | 38..=69)
            }
            17..=19 => {
                matches!(prefix, 2200..=2204 | 3528..=3589)
                    || matches!(prefix / 100, 40..=50 | 56..=69)
            }
            _ => false,
        };
        shape && issued && luhn(self.digits)
    }

    fn ip(&self) -> bool {
        let small = |group: &Group| {
            let text = &self.bytes[group.start..group.end];
            text.len() <= 3
                && text
                    .iter()
                    .fold(0, |all, byte| all * 10 + u32::from(byte - b'0'))
                    <= 255
        };
        let after = &self.bytes[self.end()..];
        let longer = after.first() == Some(&b'.') && after.get(1).is_some_and(u8::is_ascii_digit);
        let before = self.start().checked_sub(1).map(|at| self.bytes[at]);
        let dots = self.groups.len() == 4 && self.gap() == Some(b'.');
        dots && before != Some(b'.')
            && !longer
            && self.groups.iter().all(small)
            && single_dots(self)
    }
}

/// The gap of `". "` counts as a hyphen, so that each dot here is one byte.
fn single_dots(window: &Window<'_>) -> bool {
    window
        .groups
        .windows(2)
        .all(|pair| pair[1].start - pair[0].end == 1)
}
