//! The kernels of x86-64: AVX-512 BW, with VNNI where there is it, and AVX2.

#![expect(unsafe_code, reason = "vector kernels of one instruction set")]

use super::shape::{BLOCK, Quad, STEP, STEPS, Sums};
use std::arch::x86_64::*;

/// Quads of weights, four cache lines each, that are asked for before they are needed.
const AHEAD: usize = 8;

/// One kernel: `$name` takes as many rows as one of the numbers at the end says and calls `$rows::<R>`, which keeps the rows'
/// sums in registers; `$add` adds a row's products with a quad of weights to them.
macro_rules! kernel {
    ($features:literal, $name:ident, $rows:ident, $vectors:literal x $vector:ident,
     $load:ident, $store:ident, $zero:ident, $add:ident, $($n:literal)*) => {
        #[target_feature(enable = $features)]
        pub fn $name(bytes: &[u8], weights: &[Quad], sums: &mut [Sums]) {
            match sums.len() {
                0 => {}
                $($n => $rows::<$n>(bytes, weights, sums),)*
                rows => unreachable!("{rows} rows are too many for a kernel"),
            }
        }

        #[target_feature(enable = $features)]
        fn $rows<const R: usize>(bytes: &[u8], weights: &[Quad], sums: &mut [Sums]) {
            let inputs = weights.len() * STEPS * STEP;
            assert!(bytes.len() >= R * inputs && sums.len() == R);
            let mut totals = [[$zero(); $vectors]; R];
            for (at, quad) in weights.iter().enumerate() {
                let ahead = (&raw const *quad).wrapping_add(AHEAD).cast::<i8>();
                for step in 0..STEPS {
                    _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(step * BLOCK * STEP));
                }
                // Written out row by row, for sums that are looked up in a loop would live in memory.
                $(if $n <= R {
                    let from = ($n - 1) * inputs + at * STEPS * STEP;
                    // SAFETY: asserted above: `bytes` holds R rows of `inputs`, and this quad's sixteen bytes lie inside one.
                    let x = unsafe { bytes.as_ptr().add(from).cast::<[i32; STEPS]>().read_unaligned() };
                    for (part, total) in totals[$n - 1].iter_mut().enumerate() {
                        let weights: [$vector; STEPS] = std::array::from_fn(|step| {
                            // SAFETY: a step's weights are 64 bytes, of which this is a whole vector.
                            unsafe { $load(quad[step].as_ptr().cast::<$vector>().add(part).cast()) }
                        });
                        *total = $add(*total, x, weights);
                    }
                })*
            }
            for (totals, sums) in totals.iter().zip(sums) {
                for (part, total) in totals.iter().enumerate() {
                    // SAFETY: a row's sums are 64 bytes, of which this is a whole vector.
                    unsafe { $store(sums.as_mut_ptr().cast::<$vector>().add(part).cast(), *total) };
                }
            }
        }
    };
}

kernel!("avx512f,avx512bw,avx512vl,avx512dq", avx512, avx512_rows, 1 x __m512i,
    _mm512_loadu_si512, _mm512_storeu_si512, _mm512_setzero_si512, add_avx512,
    1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24);
kernel!("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni", vnni, vnni_rows, 1 x __m512i,
    _mm512_loadu_si512, _mm512_storeu_si512, _mm512_setzero_si512, add_vnni,
    1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24);
kernel!("avx2", avx2_four, avx2_rows, 2 x __m256i,
    _mm256_loadu_si256, _mm256_storeu_si256, _mm256_setzero_si256, add_avx2, 1 2 3 4);

/// Four rows at a time: more would not fit sixteen registers.
#[target_feature(enable = "avx2")]
pub fn avx2(bytes: &[u8], weights: &[Quad], sums: &mut [Sums]) {
    let inputs = weights.len() * STEPS * STEP;
    for (bytes, sums) in bytes.chunks(4 * inputs).zip(sums.chunks_mut(4)) {
        avx2_four(bytes, weights, sums);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
fn add_avx512(total: __m512i, x: [i32; STEPS], weights: [__m512i; STEPS]) -> __m512i {
    let [a, b, c, d] =
        std::array::from_fn(|step| _mm512_maddubs_epi16(_mm512_set1_epi32(x[step]), weights[step]));
    let pairs = _mm512_add_epi16(_mm512_add_epi16(a, b), _mm512_add_epi16(c, d));
    _mm512_add_epi32(total, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn add_vnni(mut total: __m512i, x: [i32; STEPS], weights: [__m512i; STEPS]) -> __m512i {
    for (x, weights) in x.into_iter().zip(weights) {
        total = _mm512_dpbusd_epi32(total, _mm512_set1_epi32(x), weights);
    }
    total
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_avx2(total: __m256i, x: [i32; STEPS], weights: [__m256i; STEPS]) -> __m256i {
    let [a, b, c, d] =
        std::array::from_fn(|step| _mm256_maddubs_epi16(_mm256_set1_epi32(x[step]), weights[step]));
    let pairs = _mm256_add_epi16(_mm256_add_epi16(a, b), _mm256_add_epi16(c, d));
    _mm256_add_epi32(total, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
}
