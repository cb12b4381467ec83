//! The kernel of AArch64, all of which has NEON.

#![expect(unsafe_code, reason = "vector kernels of one instruction set")]

use super::shape::{BLOCK, Quad, STEP, STEPS, Sums};
use std::arch::aarch64::*;

/// Outputs whose four weights each fill a vector.
const OUTPUTS: usize = 4;
const PARTS: usize = BLOCK / OUTPUTS;

/// NEON multiplies bytes of one signedness, so 128 is taken off the rows' bytes, and what this takes off a row's sums is put
/// back: it is the sums of a row of zeros.
///
/// An input's four products meet in sixteen bits. They are half of the eight that come to 128 on either side of zero at most, so
/// that -128 and 127 times them stay within 128 · 128 + 127 · 128 < 2¹⁵.
pub fn neon(bytes: &[u8], weights: &[Quad], sums: &mut [Sums]) {
    let rows = bytes.as_chunks().0.chunks_exact(weights.len());
    let zeros = products(std::iter::repeat(&[0; STEPS * STEP]), weights);
    for (row, sums) in rows.zip(sums) {
        *sums = products(row.iter(), weights);
        for (sum, zero) in sums.iter_mut().zip(zeros) {
            *sum -= zero;
        }
    }
}

/// The sums of a row, from whose bytes 128 is taken.
#[inline(always)]
fn products<'a>(row: impl Iterator<Item = &'a [u8; STEPS * STEP]>, weights: &[Quad]) -> Sums {
    // SAFETY: AArch64 has NEON. The loads read sixteen bytes of sixteen, and of 64 from 0, 16, 32 and 48; the stores write four of
    // sixteen integers, from 0, 4, 8 and 12.
    unsafe {
        let mut totals = [[vdupq_n_s32(0); 2]; PARTS];
        for (x, quad) in row.zip(weights) {
            let x = vreinterpretq_s32_u8(veorq_u8(vld1q_u8(x.as_ptr()), vdupq_n_u8(128)));
            let x = [
                vdupq_laneq_s32::<0>(x),
                vdupq_laneq_s32::<1>(x),
                vdupq_laneq_s32::<2>(x),
                vdupq_laneq_s32::<3>(x),
            ]
            .map(|x| vreinterpretq_s8_s32(x));
            for (part, totals) in totals.iter_mut().enumerate() {
                let w = quad
                    .each_ref()
                    .map(|step| vld1q_s8(step.as_ptr().add(part * 16)));
                let mut low = vmull_s8(vget_low_s8(x[0]), vget_low_s8(w[0]));
                let mut high = vmull_high_s8(x[0], w[0]);
                for step in 1..STEPS {
                    low = vmlal_s8(low, vget_low_s8(x[step]), vget_low_s8(w[step]));
                    high = vmlal_high_s8(high, x[step], w[step]);
                }
                totals[0] = vpadalq_s16(totals[0], low);
                totals[1] = vpadalq_s16(totals[1], high);
            }
        }
        let mut sums = [0; BLOCK];
        for (part, [low, high]) in totals.into_iter().enumerate() {
            vst1q_s32(sums.as_mut_ptr().add(part * OUTPUTS), vpaddq_s32(low, high));
        }
        sums
    }
}
