//! AVX2 and AVX-512 dot products: bytes are widened to 16 bits, multiplied and summed in pairs into 32.

#![expect(unsafe_code, reason = "vector kernels of one instruction set")]

use std::arch::x86_64::*;

use super::lanes::{FLOAT_LANES, LANES, fold};

/// # Safety
/// The CPU has AVX2; the lengths are equal and a multiple of `LANES`.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn probe_avx2(query: &[i16], row: &[i8]) -> i32 {
    let mut sums = [_mm256_setzero_si256(); 2];
    for at in (0..row.len()).step_by(LANES) {
        for (half, sum) in sums.iter_mut().enumerate() {
            let at = at + half * 16;
            // SAFETY: `at + 16` is within both slices, which are as long as each other and a multiple of 32.
            let (q, c) = unsafe {
                (
                    _mm256_loadu_si256(query.as_ptr().add(at).cast()),
                    _mm_loadu_si128(row.as_ptr().add(at).cast()),
                )
            };
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(q, _mm256_cvtepi8_epi16(c)));
        }
    }
    add_up_avx2(_mm256_add_epi32(sums[0], sums[1]))
}

/// # Safety
/// The CPU has AVX2; the lengths are equal and a multiple of `LANES`.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn pair_avx2(a: &[i8], b: &[i8]) -> i32 {
    let mut sums = [_mm256_setzero_si256(); 2];
    for at in (0..a.len()).step_by(LANES) {
        for (half, sum) in sums.iter_mut().enumerate() {
            let at = at + half * 16;
            // SAFETY: `at + 16` is within both slices, which are as long as each other and a multiple of 32.
            let (a, b) = unsafe {
                (
                    _mm_loadu_si128(a.as_ptr().add(at).cast()),
                    _mm_loadu_si128(b.as_ptr().add(at).cast()),
                )
            };
            *sum = _mm256_add_epi32(
                *sum,
                _mm256_madd_epi16(_mm256_cvtepi8_epi16(a), _mm256_cvtepi8_epi16(b)),
            );
        }
    }
    add_up_avx2(_mm256_add_epi32(sums[0], sums[1]))
}

#[target_feature(enable = "avx2")]
fn add_up_avx2(sum: __m256i) -> i32 {
    let sum = _mm_add_epi32(
        _mm256_castsi256_si128(sum),
        _mm256_extracti128_si256::<1>(sum),
    );
    let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b01_00_11_10>(sum));
    _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32::<0b10_11_00_01>(sum)))
}

/// The two halves of 16 residual bytes: the low nibbles belong to the first 16 codes of a block, the high ones to the rest.
#[target_feature(enable = "avx2")]
fn nibbles(packed: __m128i) -> [__m128i; 2] {
    let mask = _mm_set1_epi8(15);
    [
        _mm_and_si128(packed, mask),
        _mm_and_si128(_mm_srli_epi16::<4>(packed), mask),
    ]
}

/// # Safety
/// The CPU has AVX2; `query` and `codes` are equally long, a multiple of `LANES`, and `residual` half as long.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn exact_avx2(query: &[f32], codes: &[i8], residual: &[u8]) -> f32 {
    let mut sums = [_mm256_setzero_ps(); 2];
    for at in (0..codes.len()).step_by(LANES) {
        // SAFETY: `at + 32` is within `codes`, `at / 2 + 16` within `residual`.
        let packed = unsafe { _mm_loadu_si128(residual.as_ptr().add(at / 2).cast()) };
        for (half, fine) in nibbles(packed).into_iter().enumerate() {
            let at = at + half * FLOAT_LANES;
            // SAFETY: `at + 16` is within `codes`.
            let coarse =
                _mm256_cvtepi8_epi16(unsafe { _mm_loadu_si128(codes.as_ptr().add(at).cast()) });
            let fine = _mm256_sub_epi16(_mm256_cvtepu8_epi16(fine), _mm256_set1_epi16(8));
            let value = _mm256_add_epi16(_mm256_slli_epi16::<4>(coarse), fine);
            let parts = [
                _mm256_castsi256_si128(value),
                _mm256_extracti128_si256::<1>(value),
            ];
            for (part, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `at + 16` is within `query`, which is as long as `codes`.
                let q = unsafe { _mm256_loadu_ps(query.as_ptr().add(at + part * 8)) };
                let value = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(parts[part]));
                *sum = _mm256_add_ps(*sum, _mm256_mul_ps(q, value));
            }
        }
    }
    let mut lanes = [0f32; FLOAT_LANES];
    // SAFETY: the array holds the 16 floats that are stored.
    unsafe {
        _mm256_storeu_ps(lanes.as_mut_ptr(), sums[0]);
        _mm256_storeu_ps(lanes.as_mut_ptr().add(8), sums[1]);
    }
    fold(lanes)
}

/// # Safety
/// The CPU has AVX-512 F and BW; the lengths are equal and a multiple of `LANES`.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn probe_avx512(query: &[i16], row: &[i8]) -> i32 {
    let mut sum = _mm512_setzero_si512();
    for at in (0..row.len()).step_by(LANES) {
        // SAFETY: `at + 32` is within both slices.
        let (q, c) = unsafe {
            (
                _mm512_loadu_si512(query.as_ptr().add(at).cast()),
                _mm256_loadu_si256(row.as_ptr().add(at).cast()),
            )
        };
        sum = _mm512_add_epi32(sum, _mm512_madd_epi16(q, _mm512_cvtepi8_epi16(c)));
    }
    _mm512_reduce_add_epi32(sum)
}

/// # Safety
/// The CPU has AVX-512 F and BW; the lengths are equal and a multiple of `LANES`.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) unsafe fn pair_avx512(a: &[i8], b: &[i8]) -> i32 {
    let mut sum = _mm512_setzero_si512();
    for at in (0..a.len()).step_by(LANES) {
        // SAFETY: `at + 32` is within both slices.
        let (a, b) = unsafe {
            (
                _mm256_loadu_si256(a.as_ptr().add(at).cast()),
                _mm256_loadu_si256(b.as_ptr().add(at).cast()),
            )
        };
        sum = _mm512_add_epi32(
            sum,
            _mm512_madd_epi16(_mm512_cvtepi8_epi16(a), _mm512_cvtepi8_epi16(b)),
        );
    }
    _mm512_reduce_add_epi32(sum)
}

/// # Safety
/// The CPU has AVX-512 F and BW (and so AVX2); lengths as for `exact_avx2`.
#[target_feature(enable = "avx2,avx512f,avx512bw")]
pub(super) unsafe fn exact_avx512(query: &[f32], codes: &[i8], residual: &[u8]) -> f32 {
    let mut sum = _mm512_setzero_ps();
    for at in (0..codes.len()).step_by(LANES) {
        // SAFETY: `at + 32` is within `codes`, `at / 2 + 16` within `residual`.
        let packed = unsafe { _mm_loadu_si128(residual.as_ptr().add(at / 2).cast()) };
        for (half, fine) in nibbles(packed).into_iter().enumerate() {
            let at = at + half * FLOAT_LANES;
            // SAFETY: `at + 16` is within `codes` and `query`.
            let (coarse, q) = unsafe {
                (
                    _mm_loadu_si128(codes.as_ptr().add(at).cast()),
                    _mm512_loadu_ps(query.as_ptr().add(at)),
                )
            };
            let fine = _mm512_sub_epi32(_mm512_cvtepu8_epi32(fine), _mm512_set1_epi32(8));
            let value =
                _mm512_add_epi32(_mm512_slli_epi32::<4>(_mm512_cvtepi8_epi32(coarse)), fine);
            sum = _mm512_add_ps(sum, _mm512_mul_ps(q, _mm512_cvtepi32_ps(value)));
        }
    }
    let mut lanes = [0f32; FLOAT_LANES];
    // SAFETY: the array holds the 16 floats that are stored.
    unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), sum) };
    fold(lanes)
}
