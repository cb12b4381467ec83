//! National identity numbers, by shape and check digit; where the check is weak, only after a word that names them.

use super::window::Window;
use super::words::{introduced, wordy};

/// The end of the identity number that the window is, a check letter included.
pub(super) fn number(window: &Window<'_>) -> Option<usize> {
    let (bytes, end, digits) = (window.bytes, window.end(), window.digits);
    let letter = bytes
        .get(end)
        .filter(|byte| byte.is_ascii_alphabetic())
        .map(u8::to_ascii_uppercase);
    if let (Some(letter), false) = (letter, wordy(bytes.get(end + 1))) {
        let spanish = window.is(&[8]) && dni(digits, letter);
        let chinese = window.is(&[17]) && letter == b'X' && china(digits, 10);
        return (spanish || chinese).then_some(end + 1);
    }
    if wordy(bytes.get(end)) {
        return None;
    }
    if digits.len() == 8 {
        // Spain's letter may stand after a hyphen.
        return spanish_hyphen(window)?.then_some(end + 2);
    }
    all_digits(window).then_some(end)
}

/// Whether the window is an identity number that has no letter.
fn all_digits(window: &Window<'_>) -> bool {
    let digits = window.digits;
    match digits.len() {
        9 => nine(window),
        10 => {
            window.is(&[6, 4])
                && window.gap() == Some(b'-')
                && month_day(&digits[2..6])
                && luhn(digits)
        }
        11 if window.is(&[11]) => cpf(digits) || pesel(digits) || steuer(digits),
        11 => window.is(&[3, 3, 3, 2]) && cpf(digits) || window.is(&[2, 3, 3, 3]) && steuer(digits),
        12 => {
            let shaped = window.is(&[4, 4, 4]) && tied(window)
                || window.is(&[12]) && named(window, &["aadhaar", "aadhar", "uid"]);
            shaped && digits[0] >= 2 && verhoeff(digits)
        }
        13 => {
            (window.is(&[13]) || window.is(&[3, 4, 4, 2]))
                && digits.starts_with(&[7, 5, 6])
                && ean(digits)
        }
        15 => {
            (window.is(&[15]) || window.is(&[1, 2, 2, 2, 3, 3, 2]) || window.is(&[13, 2]))
                && nir(digits)
        }
        18 => window.is(&[18]) && china(&digits[..17], digits[17]),
        _ => false,
    }
}

/// Nine digits: three countries, told apart by their groups or, bare, by a word.
fn nine(window: &Window<'_>) -> bool {
    let digits = window.digits;
    if window.is(&[3, 2, 4]) {
        tied(window) && ssn(digits)
    } else if window.is(&[3, 3, 3]) {
        tied(window) && !matches!(digits[0], 0 | 8) && luhn(digits)
    } else {
        window.is(&[9])
            && (named(window, &["ssn", "social security"]) && ssn(digits)
                || named(window, &["sin", "social insurance"]) && luhn(digits)
                || named(window, &["bsn", "burgerservice"]) && bsn(digits))
    }
}

fn tied(window: &Window<'_>) -> bool {
    matches!(window.gap(), Some(b' ' | b'-'))
}

fn named(window: &Window<'_>, words: &[&str]) -> bool {
    introduced(window.bytes, window.start(), words)
}

/// The end of an identity number that begins with `letters` letters at `start`.
pub(super) fn lettered(bytes: &[u8], start: usize, letters: usize) -> Option<usize> {
    let at = |length: usize| {
        bytes
            .get(start..start + length)
            .filter(|_| !wordy(bytes.get(start + length)))
    };
    let upper = |length: usize| at(length).map(<[u8]>::to_ascii_uppercase);
    match letters {
        1 => upper(9).filter(|id| nie(id)).map(|_| start + 9),
        2 => upper(9).filter(|id| nino(id)).map(|_| start + 9),
        6 => upper(16)
            .filter(|id| codice_fiscale(id))
            .map(|_| start + 16),
        _ => None,
    }
}

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits
        .iter()
        .zip(weights)
        .map(|(digit, weight)| u32::from(*digit) * weight)
        .sum()
}

fn value(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0, |all, digit| all * 10 + u64::from(*digit))
}

fn month_day(digits: &[u8]) -> bool {
    (1..=12).contains(&value(&digits[..2])) && (1..=31).contains(&value(&digits[2..4]))
}

/// United States; the 9xx of taxpayer numbers included.
fn ssn(digits: &[u8]) -> bool {
    let (area, group, serial) = (
        value(&digits[..3]),
        value(&digits[3..5]),
        value(&digits[5..]),
    );
    area != 0 && area != 666 && group != 0 && serial != 0
}

/// Spain.
fn dni(digits: &[u8], letter: u8) -> bool {
    b"TRWAGMYFPDXBNJZSQVHLCKE"[(value(digits) % 23) as usize] == letter
}

fn spanish_hyphen(window: &Window<'_>) -> Option<bool> {
    let rest = &window.bytes[window.end()..];
    let letter = rest
        .get(1)
        .filter(|letter| rest[0] == b'-' && letter.is_ascii_alphabetic())?;
    Some(window.is(&[8]) && !wordy(rest.get(2)) && dni(window.digits, letter.to_ascii_uppercase()))
}

/// Spain, foreigners.
fn nie(id: &[u8]) -> bool {
    let lead = match id[0] {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        _ => return false,
    };
    let digits: Vec<u8> = id[1..8]
        .iter()
        .map(|byte| byte.wrapping_sub(b'0'))
        .collect();
    digits.iter().all(|digit| *digit < 10) && dni(&[&[lead], &digits[..]].concat(), id[8])
}

/// United Kingdom; it has no check digit, but a narrow shape.
fn nino(id: &[u8]) -> bool {
    let letters = !b"DFIQUV".contains(&id[0])
        && !b"DFIOQUV".contains(&id[1])
        && id[..2].iter().all(u8::is_ascii_uppercase);
    letters && id[2..8].iter().all(u8::is_ascii_digit) && (b'A'..=b'D').contains(&id[8])
}

/// Italy.
fn codice_fiscale(id: &[u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let place = |byte: u8| {
        usize::from(if byte.is_ascii_digit() {
            byte - b'0'
        } else {
            byte - b'A'
        })
    };
    if !id.iter().all(u8::is_ascii_alphanumeric) || !id[15].is_ascii_uppercase() {
        return false;
    }
    let sum: u32 = (0..15)
        .map(|i| {
            if i % 2 == 0 {
                ODD[place(id[i])]
            } else {
                place(id[i]) as u32
            }
        })
        .sum();
    sum % 26 == u32::from(id[15] - b'A')
}

/// Brazil.
fn cpf(digits: &[u8]) -> bool {
    let check = |count: usize| {
        let sum: u32 = (0..count)
            .map(|i| u32::from(digits[i]) * (count as u32 + 1 - i as u32))
            .sum();
        u32::from(digits[count]) == sum * 10 % 11 % 10
    };
    digits.iter().any(|digit| *digit != digits[0]) && check(9) && check(10)
}

/// Poland.
fn pesel(digits: &[u8]) -> bool {
    let month = value(&digits[2..4]) % 20;
    let sum = weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
    (1..=12).contains(&month) && (1..=31).contains(&value(&digits[4..6])) && sum.is_multiple_of(10)
}

/// Germany, the tax number for life: among its first ten digits exactly one comes twice or thrice.
fn steuer(digits: &[u8]) -> bool {
    let mut times = [0u8; 10];
    digits[..10]
        .iter()
        .for_each(|digit| times[usize::from(*digit)] += 1);
    let repeated = times.iter().filter(|times| **times > 1).count() == 1
        && times.iter().all(|times| *times <= 3);
    let rest = digits[..10].iter().fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    digits[0] != 0 && repeated && (11 - rest) % 10 == u32::from(digits[10])
}

/// Netherlands.
fn bsn(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum % 11 == u32::from(digits[8])
}

/// Switzerland.
fn ean(digits: &[u8]) -> bool {
    weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// France.
fn nir(digits: &[u8]) -> bool {
    let month = value(&digits[3..5]);
    let dated = (1..=12).contains(&month) || (20..=42).contains(&month);
    matches!(digits[0], 1 | 2) && dated && 97 - value(&digits[..13]) % 97 == value(&digits[13..])
}

/// China; the check value may be ten, written X.
fn china(digits: &[u8], check: u8) -> bool {
    let sum = weighted(
        digits,
        &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2],
    );
    (18..=20).contains(&value(&digits[6..8]))
        && month_day(&digits[10..14])
        && (12 - sum % 11) % 11 == u32::from(check)
}

/// India.
fn verhoeff(digits: &[u8]) -> bool {
    const TURN: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // Multiplication in the dihedral group of the pentagon.
    let times = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b) % 5,
        (false, true) => 5 + (a - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    };
    digits.iter().rev().enumerate().fold(0, |rest, (i, digit)| {
        times(rest, TURN[i % 8][usize::from(*digit)])
    }) == 0
}

/// Cards; Canada and Sweden too.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit) * 2) {
            (0, double) => double / 2,
            (_, double) => double % 10 + double / 10,
        })
        .sum();
    sum.is_multiple_of(10)
}
