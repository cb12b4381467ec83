//! NEON dot products: 16 codes at a time, widened to 16 bits and accumulated in 32.

#![expect(unsafe_code, reason = "vector kernels of one instruction set")]

use std::arch::aarch64::*;

use super::lanes::{FLOAT_LANES, LANES, fold};

/// # Safety
/// The CPU has NEON; the lengths are equal and a multiple of `LANES`.
#[target_feature(enable = "neon")]
pub(super) unsafe fn probe(query: &[i16], row: &[i8]) -> i32 {
    let mut sums = [vdupq_n_s32(0); 2];
    for at in (0..row.len()).step_by(16) {
        // SAFETY: `at + 16` is within both slices.
        let (low, high, codes) = unsafe {
            let query = query.as_ptr().add(at);
            (
                vld1q_s16(query),
                vld1q_s16(query.add(8)),
                vld1q_s8(row.as_ptr().add(at)),
            )
        };
        for (query, codes) in [
            (low, vmovl_s8(vget_low_s8(codes))),
            (high, vmovl_s8(vget_high_s8(codes))),
        ] {
            sums[0] = vmlal_s16(sums[0], vget_low_s16(query), vget_low_s16(codes));
            sums[1] = vmlal_s16(sums[1], vget_high_s16(query), vget_high_s16(codes));
        }
    }
    vaddvq_s32(vaddq_s32(sums[0], sums[1]))
}

/// # Safety
/// The CPU has NEON; the lengths are equal and a multiple of `LANES`.
#[target_feature(enable = "neon")]
pub(super) unsafe fn pair(a: &[i8], b: &[i8]) -> i32 {
    let mut sums = [vdupq_n_s32(0); 2];
    for at in (0..a.len()).step_by(16) {
        // SAFETY: `at + 16` is within both slices.
        let (a, b) = unsafe { (vld1q_s8(a.as_ptr().add(at)), vld1q_s8(b.as_ptr().add(at))) };
        sums[0] = vpadalq_s16(sums[0], vmull_s8(vget_low_s8(a), vget_low_s8(b)));
        sums[1] = vpadalq_s16(sums[1], vmull_s8(vget_high_s8(a), vget_high_s8(b)));
    }
    vaddvq_s32(vaddq_s32(sums[0], sums[1]))
}

/// # Safety
/// The CPU has NEON; `query` and `codes` are equally long, a multiple of `LANES`, and `residual` half as long.
#[target_feature(enable = "neon")]
pub(super) unsafe fn exact(query: &[f32], codes: &[i8], residual: &[u8]) -> f32 {
    let mut sums = [vdupq_n_f32(0.0); 4];
    for at in (0..codes.len()).step_by(LANES) {
        // SAFETY: `at / 2 + 16` is within `residual`.
        let packed = unsafe { vld1q_u8(residual.as_ptr().add(at / 2)) };
        for (half, fine) in [vandq_u8(packed, vdupq_n_u8(15)), vshrq_n_u8::<4>(packed)]
            .into_iter()
            .enumerate()
        {
            let at = at + half * FLOAT_LANES;
            let fine = vsubq_s8(vreinterpretq_s8_u8(fine), vdupq_n_s8(8));
            // SAFETY: `at + 16` is within `codes`.
            let coarse = unsafe { vld1q_s8(codes.as_ptr().add(at)) };
            let low = vaddw_s8(vshll_n_s8::<4>(vget_low_s8(coarse)), vget_low_s8(fine));
            let high = vaddw_s8(vshll_n_s8::<4>(vget_high_s8(coarse)), vget_high_s8(fine));
            let parts = [
                vget_low_s16(low),
                vget_high_s16(low),
                vget_low_s16(high),
                vget_high_s16(high),
            ];
            for (part, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `at + 16` is within `query`, which is as long as `codes`.
                let q = unsafe { vld1q_f32(query.as_ptr().add(at + part * 4)) };
                *sum = vaddq_f32(*sum, vmulq_f32(q, vcvtq_f32_s32(vmovl_s16(parts[part]))));
            }
        }
    }
    let mut lanes = [0f32; FLOAT_LANES];
    for (part, sum) in sums.into_iter().enumerate() {
        // SAFETY: the array holds four lanes for each of the four sums.
        unsafe { vst1q_f32(lanes.as_mut_ptr().add(part * 4), sum) };
    }
    fold(lanes)
}
