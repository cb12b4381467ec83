//! The kernels of x86-64: AVX-512 BW, with VNNI where there is it, and AVX2.

use super::{BLOCK, Packed, ROWS, STEP, Sums};
use std::arch::x86_64::*;

/// Blocks of weights, a cache line each, that are asked for before they are needed.
const AHEAD: usize = 24;

/// Calls `$kernel::<R>` for the number of rows at hand, so that each keeps its sums in registers.
macro_rules! by_rows {
    ($kernel:ident, $bytes:expr, $left:expr, $right:expr, $sums:expr, $($n:literal)*) => {
        match $sums.len() {
            $($n => $kernel::<$n>($bytes, $left, $right, $sums),)*
            rows => unreachable!("{rows} rows in a kernel of {ROWS}"),
        }
    };
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
pub fn avx512(bytes: &[u8], left: &[Packed], right: &[Packed], sums: &mut [Sums]) {
    by_rows!(avx512_rows, bytes, left, right, sums, 0 1 2 3 4 5 6 7 8 9 10 11 12);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn avx512_rows<const R: usize>(bytes: &[u8], left: &[Packed], right: &[Packed], sums: &mut [Sums]) {
    let inputs = left.len() * STEP;
    assert!(bytes.len() >= R * inputs && right.len() == left.len() && sums.len() == R);
    let ones = _mm512_set1_epi16(1);
    let mut totals = [[_mm512_setzero_si512(); 2]; R];
    for step in 0..left.len() {
        // SAFETY: a block of weights is 64 bytes, and `step` is below the number of both sides' blocks.
        let weights = unsafe {
            [
                _mm512_loadu_si512(left.as_ptr().add(step).cast()),
                _mm512_loadu_si512(right.as_ptr().add(step).cast()),
            ]
        };
        // The rows that follow find the weights in the cache; the first ones would wait for each line.
        for side in [left, right] {
            _mm_prefetch::<_MM_HINT_T0>(side.as_ptr().wrapping_add(step + AHEAD).cast());
        }
        for (row, totals) in totals.iter_mut().enumerate() {
            // SAFETY: asserted above: `bytes` holds R rows of `inputs`, and the step's four bytes lie inside one.
            let x = unsafe {
                bytes
                    .as_ptr()
                    .add(row * inputs + step * STEP)
                    .cast::<i32>()
                    .read_unaligned()
            };
            let x = _mm512_set1_epi32(x);
            for side in 0..2 {
                let pairs = _mm512_maddubs_epi16(x, weights[side]);
                totals[side] = _mm512_add_epi32(totals[side], _mm512_madd_epi16(pairs, ones));
            }
        }
    }
    for (totals, sums) in totals.iter().zip(sums) {
        for (total, sums) in totals.iter().zip(sums.as_chunks_mut::<BLOCK>().0) {
            // SAFETY: `sums` is sixteen 32-bit integers.
            unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), *total) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub fn vnni(bytes: &[u8], left: &[Packed], right: &[Packed], sums: &mut [Sums]) {
    by_rows!(vnni_rows, bytes, left, right, sums, 0 1 2 3 4 5 6 7 8 9 10 11 12);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn vnni_rows<const R: usize>(bytes: &[u8], left: &[Packed], right: &[Packed], sums: &mut [Sums]) {
    let inputs = left.len() * STEP;
    assert!(bytes.len() >= R * inputs && right.len() == left.len() && sums.len() == R);
    let mut totals = [[_mm512_setzero_si512(); 2]; R];
    for step in 0..left.len() {
        // SAFETY: as in `avx512_rows`.
        let weights = unsafe {
            [
                _mm512_loadu_si512(left.as_ptr().add(step).cast()),
                _mm512_loadu_si512(right.as_ptr().add(step).cast()),
            ]
        };
        for (row, totals) in totals.iter_mut().enumerate() {
            // SAFETY: as in `avx512_rows`.
            let x = unsafe {
                bytes
                    .as_ptr()
                    .add(row * inputs + step * STEP)
                    .cast::<i32>()
                    .read_unaligned()
            };
            let x = _mm512_set1_epi32(x);
            for side in 0..2 {
                totals[side] = _mm512_dpbusd_epi32(totals[side], x, weights[side]);
            }
        }
    }
    for (totals, sums) in totals.iter().zip(sums) {
        for (total, sums) in totals.iter().zip(sums.as_chunks_mut::<BLOCK>().0) {
            // SAFETY: `sums` is sixteen 32-bit integers.
            unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), *total) };
        }
    }
}

/// Two rows at a time: eight sums of eight, four vectors of weights, and room to spare in sixteen registers.
#[target_feature(enable = "avx2")]
pub fn avx2(bytes: &[u8], left: &[Packed], right: &[Packed], sums: &mut [Sums]) {
    let inputs = left.len() * STEP;
    for (bytes, sums) in bytes.chunks(2 * inputs).zip(sums.chunks_mut(2)) {
        by_rows!(avx2_rows, bytes, left, right, sums, 1 2);
    }
}

#[target_feature(enable = "avx2")]
fn avx2_rows<const R: usize>(bytes: &[u8], left: &[Packed], right: &[Packed], sums: &mut [Sums]) {
    let inputs = left.len() * STEP;
    assert!(bytes.len() >= R * inputs && right.len() == left.len() && sums.len() == R);
    let ones = _mm256_set1_epi16(1);
    let mut totals = [[_mm256_setzero_si256(); 4]; R];
    for step in 0..left.len() {
        let [left, right] = [left, right].map(|side| side[step].as_ptr().cast::<__m256i>());
        // SAFETY: a block of weights is 64 bytes: two vectors.
        let weights = unsafe {
            [left, left.add(1), right, right.add(1)].map(|half| _mm256_loadu_si256(half))
        };
        for (row, totals) in totals.iter_mut().enumerate() {
            // SAFETY: asserted above: `bytes` holds R rows of `inputs`, and the step's four bytes lie inside one.
            let x = unsafe {
                bytes
                    .as_ptr()
                    .add(row * inputs + step * STEP)
                    .cast::<i32>()
                    .read_unaligned()
            };
            let x = _mm256_set1_epi32(x);
            for part in 0..4 {
                let pairs = _mm256_maddubs_epi16(x, weights[part]);
                totals[part] = _mm256_add_epi32(totals[part], _mm256_madd_epi16(pairs, ones));
            }
        }
    }
    for (totals, sums) in totals.iter().zip(sums) {
        for (total, sums) in totals.iter().zip(sums.as_chunks_mut::<8>().0) {
            // SAFETY: `sums` is eight 32-bit integers.
            unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), *total) };
        }
    }
}
