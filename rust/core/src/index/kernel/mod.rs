//! Dot products over quantised rows, in the widest instructions that the CPU has.
//!
//! Invariant: every variant returns the same bits as the portable one, floats included. Integer sums are exact; the float
//! sum is kept in 16 lanes, without fused multiply-add, and folded in one fixed order.

#![expect(unsafe_code, reason = "calls kernels after asking the CPU")]

mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use lanes::LANES;

type Probe = unsafe fn(&[i16], &[i8]) -> i32;
type Pair = unsafe fn(&[i8], &[i8]) -> i32;
type Exact = unsafe fn(&[f32], &[i8], &[u8]) -> f32;

/// One instruction set's dot products.
///
/// Invariant: a `Kernel` is only ever handed out by [`best`], after the CPU was asked for its instructions.
pub(super) struct Kernel {
    #[cfg_attr(not(test), expect(dead_code, reason = "says which one failed"))]
    pub name: &'static str,
    probe: Probe,
    pair: Pair,
    exact: Exact,
}

impl Kernel {
    /// Query times row: the caller keeps `|query| * 128 * dim` inside 31 bits.
    #[inline]
    pub fn probe(&self, query: &[i16], row: &[i8]) -> i32 {
        check(query.len(), row.len());
        // SAFETY: the CPU has this kernel's instructions (invariant of `Kernel`), the lengths are equal and a multiple of `LANES`.
        unsafe { (self.probe)(query, row) }
    }

    /// Row times row.
    #[inline]
    pub fn pair(&self, a: &[i8], b: &[i8]) -> i32 {
        check(a.len(), b.len());
        // SAFETY: as in `probe`.
        unsafe { (self.pair)(a, b) }
    }

    /// Float query times the 12-bit row, in units of the row's fine step: `sum(query * (16 * code + residual))`.
    #[inline]
    pub fn exact(&self, query: &[f32], codes: &[i8], residual: &[u8]) -> f32 {
        check(query.len(), codes.len());
        assert_eq!(residual.len() * 2, codes.len());
        // SAFETY: as in `probe`; the residual holds half a byte for each code.
        unsafe { (self.exact)(query, codes, residual) }
    }
}

#[inline]
fn check(a: usize, b: usize) {
    assert!(
        a == b && a.is_multiple_of(LANES),
        "rows are padded to one length"
    );
}

static PORTABLE: Kernel = Kernel {
    name: "portable",
    probe: portable::probe,
    pair: portable::pair,
    exact: portable::exact,
};

#[cfg(target_arch = "x86_64")]
static AVX2: Kernel = Kernel {
    name: "avx2",
    probe: x86::probe_avx2,
    pair: x86::pair_avx2,
    exact: x86::exact_avx2,
};

#[cfg(target_arch = "x86_64")]
static AVX512: Kernel = Kernel {
    name: "avx512",
    probe: x86::probe_avx512,
    pair: x86::pair_avx512,
    exact: x86::exact_avx512,
};

#[cfg(target_arch = "aarch64")]
static NEON: Kernel = Kernel {
    name: "neon",
    probe: neon::probe,
    pair: neon::pair,
    exact: neon::exact,
};

/// The widest kernel that this CPU can run.
pub(super) fn best() -> &'static Kernel {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
            return &AVX512;
        }
        if is_x86_feature_detected!("avx2") {
            return &AVX2;
        }
    }
    #[cfg(target_arch = "aarch64")]
    if std::arch::is_aarch64_feature_detected!("neon") {
        return &NEON;
    }
    &PORTABLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every kernel that this CPU can run.
    fn supported() -> Vec<&'static Kernel> {
        let mut kernels = vec![&PORTABLE];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                kernels.push(&AVX2);
            }
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
                kernels.push(&AVX512);
            }
        }
        #[cfg(target_arch = "aarch64")]
        kernels.push(best());
        kernels
    }

    type Rows = (Vec<i16>, Vec<f32>, Vec<i8>, Vec<i8>, Vec<u8>);

    fn rows(blocks: std::ops::Range<usize>) -> impl Strategy<Value = Rows> {
        blocks.prop_flat_map(|blocks| {
            let dim = blocks * LANES;
            (
                prop::collection::vec(-8191i16..=8191, dim),
                prop::collection::vec(-2f32..2.0, dim),
                prop::collection::vec(-127i8..=127, dim),
                prop::collection::vec(-127i8..=127, dim),
                prop::collection::vec(any::<u8>(), dim / 2),
            )
        })
    }

    proptest! {
        #[test]
        fn every_variant_equals_the_portable_one((query, float, a, b, residual) in rows(1..26)) {
            for kernel in supported() {
                prop_assert_eq!(kernel.probe(&query, &a), PORTABLE.probe(&query, &a), "probe {}", kernel.name);
                prop_assert_eq!(kernel.pair(&a, &b), PORTABLE.pair(&a, &b), "pair {}", kernel.name);
                let (ours, theirs) = (kernel.exact(&float, &a, &residual), PORTABLE.exact(&float, &a, &residual));
                prop_assert_eq!(ours.to_bits(), theirs.to_bits(), "exact {}", kernel.name);
            }
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let dim = 256;
        let (query, row) = (vec![8191i16; dim], vec![-127i8; dim]);
        for kernel in supported() {
            assert_eq!(
                kernel.probe(&query, &row),
                -8191 * 127 * 256,
                "{}",
                kernel.name
            );
            assert_eq!(kernel.pair(&row, &row), 127 * 127 * 256, "{}", kernel.name);
        }
    }
}
