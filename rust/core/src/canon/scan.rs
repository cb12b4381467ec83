//! Finding the end of a run of plain characters in a JSON string.

/// The first position at or after `from` of a quote, a backslash or a control character, or the body's end.
#[inline]
pub(super) fn plain(body: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(block) = body.get(at..at + LANES) {
        let special = special(block.try_into().expect("the slice has LANES bytes"));
        if special != 0 {
            return at + special.trailing_zeros() as usize / BITS;
        }
        at += LANES;
    }
    let tail = body.get(at..).unwrap_or_default();
    at + tail
        .iter()
        .position(|&b| b == b'"' || b == b'\\' || b < 0x20)
        .unwrap_or(tail.len())
}

#[cfg(target_arch = "x86_64")]
const LANES: usize = 16;
#[cfg(target_arch = "x86_64")]
const BITS: usize = 1;

/// SSE2 is part of x86-64, so it needs no detection; strings are too short for wider vectors to pay.
#[cfg(target_arch = "x86_64")]
#[inline]
fn special(block: &[u8; LANES]) -> u32 {
    use std::arch::x86_64::*;
    // SAFETY: the block has the sixteen bytes that an unaligned load reads, and x86-64 always has SSE2.
    unsafe {
        let bytes = _mm_loadu_si128(block.as_ptr().cast());
        let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
        let slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), control)) as u32
    }
}

#[cfg(not(target_arch = "x86_64"))]
const LANES: usize = 8;
#[cfg(not(target_arch = "x86_64"))]
const BITS: usize = 8;

/// Eight bytes in a word: the lowest marked byte is exact, which is all that `trailing_zeros` asks for.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn special(block: &[u8; LANES]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(*block);
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & TOPS;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    is(b'"') | is(b'\\') | below(word, 0x20)
}
