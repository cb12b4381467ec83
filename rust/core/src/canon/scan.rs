//! Copying the plain characters of a JSON string, which is what a chat body mostly is.

#![expect(unsafe_code, reason = "reads and writes whole blocks")]

/// Appends the plain characters from `from` on; gives the position of the quote, backslash or control character that ends
/// them, or the body's end.
///
/// Whole blocks are copied before it is known how much of them counts: one pass, and no call for a short string.
#[inline(always)]
pub(super) fn copy(body: &[u8], from: usize, out: &mut Vec<u8>) -> usize {
    out.reserve(body.len().saturating_sub(from) + LANES);
    let (mut at, mut length) = (from, out.len());
    while at + LANES <= body.len() {
        // SAFETY: the block lies within the body. The blocks written so far hold no more than the body's bytes from `from`
        // on, and there is room for those and one block after what `out` held at first. What `set_len` takes in was written.
        unsafe {
            let block = body.as_ptr().add(at).cast::<[u8; LANES]>().read();
            out.as_mut_ptr()
                .add(length)
                .cast::<[u8; LANES]>()
                .write(block);
            let special = special(&block);
            if special != 0 {
                let plain = special.trailing_zeros() as usize / BITS;
                out.set_len(length + plain);
                return at + plain;
            }
        }
        (at, length) = (at + LANES, length + LANES);
    }
    // SAFETY: as above.
    unsafe { out.set_len(length) };
    let tail = body.get(at..).unwrap_or_default();
    let plain = tail
        .iter()
        .position(|&b| b == b'"' || b == b'\\' || b < 0x20)
        .unwrap_or(tail.len());
    out.extend_from_slice(&tail[..plain]);
    at + plain
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_told_apart() {
        for length in 0..3 * LANES {
            for at in 0..length {
                for byte in 0..=255u8 {
                    let mut body = vec![b'a'; length];
                    body[at] = byte;
                    let ends = matches!(byte, b'"' | b'\\' | ..0x20);
                    let mut out = b"before".to_vec();
                    let end = copy(&body, at / 2, &mut out);
                    assert_eq!(
                        end,
                        if ends { at } else { length },
                        "{byte} at {at} of {length}"
                    );
                    assert_eq!(out, [b"before", &body[at / 2..end]].concat());
                }
            }
        }
    }

    #[test]
    fn there_is_nothing_to_copy_past_the_end() {
        let mut out = Vec::new();
        assert_eq!(copy(b"abc", 3, &mut out), 3);
        assert!(out.is_empty());
    }
}
