//! Arithmetic on rows of float32, written once and compiled for each set of instructions.
//!
//! Sums run over sixteen fixed lanes and nothing is fused, so every version gives the very same bits.

#![expect(unsafe_code, reason = "calls kernels after asking the CPU")]

use super::Cpu;
use std::slice::ChunksMut;

pub(super) const LANES: usize = 16;

/// Compiles a function's body for each [`Cpu`] and picks one at run time.
macro_rules! versions {
    ($(#[$doc:meta])* pub(super) fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$doc])*
        pub(super) fn $name(cpu: Cpu, $($arg: $type),*) $(-> $ret)? {
            #[inline(always)]
            fn portable($($arg: $type),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($arg: $type),*) $(-> $ret)? { portable($($arg),*) }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
            fn avx512($($arg: $type),*) $(-> $ret)? { portable($($arg),*) }
            match cpu {
                // SAFETY: an embedder only ever holds a `Cpu` that is available.
                #[cfg(target_arch = "x86_64")]
                Cpu::Avx512 | Cpu::Avx512Vnni => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Cpu::Avx2 => unsafe { avx2($($arg),*) },
                _ => portable($($arg),*),
            }
        }
    };
}

pub(super) use versions;

/// Folds sixteen lanes from `start`, then the lanes.
#[inline(always)]
pub(super) fn fold(
    values: impl Iterator<Item = [f32; LANES]>,
    start: f32,
    with: impl Fn(f32, f32) -> f32,
) -> f32 {
    let mut folded = [start; LANES];
    for chunk in values {
        for lane in 0..LANES {
            folded[lane] = with(folded[lane], chunk[lane]);
        }
    }
    // Measured: without this the lanes' own fold makes vectors of two out of the loop above.
    let mut folded = std::hint::black_box(folded);
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            folded[lane] = with(folded[lane], folded[lane + width]);
        }
        width /= 2;
    }
    folded[0]
}

#[inline(always)]
pub(super) fn lanes(values: impl Iterator<Item = [f32; LANES]>) -> f32 {
    fold(values, 0.0, |sum, x| sum + x)
}

#[inline(always)]
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

#[inline(always)]
fn smaller(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

#[inline(always)]
fn products(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let whole = lanes(a.iter().zip(b).map(|(a, b)| {
        let mut product = [0.0; LANES];
        for lane in 0..LANES {
            product[lane] = a[lane] * b[lane];
        }
        product
    }));
    whole + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[inline(always)]
fn sum(a: &[f32]) -> f32 {
    let (chunks, rest) = a.as_chunks::<LANES>();
    lanes(chunks.iter().copied()) + rest.iter().sum::<f32>()
}

/// Adding this rounds to a whole number, which then is the sum's bits less the bits of this: as a conversion does, but in
/// vectors.
const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³

/// e^x to a relative 1e-7, for x from −87 to 0; e⁻⁸⁷ below.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.max(-87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, so that the remainder keeps its last bits.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let e = p * r * r + r + 1.0;
    // 2ⁿ: the exponent is n and the bias, in bits that the shift pushes the rest out of.
    e * f32::from_bits((shifted.to_bits().wrapping_add(127)) << 23)
}

/// The error function to 4e-7 absolute: a ratio of polynomials, constant beyond ±4.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let s = x * x;
    let p = -2.726_142_3e-10;
    let p = p * s + 2.770_681_4e-8;
    let p = p * s - 2.101_024e-6;
    let p = p * s - 5.692_506_4e-5;
    let p = p * s - 7.349_906e-4;
    let p = p * s - 2.954_6e-3;
    let p = (p * s - 1.609_603_3e-2) * x;
    let q = -1.456_607_2e-5;
    let q = q * s - 2.133_740_6e-4;
    let q = q * s - 1.682_827e-3;
    let q = q * s - 7.373_329e-3;
    let q = q * s - 1.426_473_9e-2;
    p / q
}

versions! {
    /// Adds a row of little-endian float16s to `out`. The table holds no infinities.
    pub(super) fn add_halves(row: &[u8], out: &mut [f32]) {
        for (half, sum) in row.as_chunks::<2>().0.iter().zip(out) {
            let bits = u32::from(u16::from_le_bytes(*half));
            // Moved into a float32's place, the exponent is 112 too small; the product puts it right, subnormals too.
            let scale = f32::from_bits((127 + 112) << 23);
            let magnitude = f32::from_bits((bits & 0x7FFF) << 13) * scale;
            *sum += f32::from_bits(magnitude.to_bits() | (bits & 0x8000) << 16);
        }
    }
}

versions! {
    /// Scales to length 1; zeros stay zeros.
    pub(super) fn normalise(row: &mut [f32]) {
        let length = products(row, row).sqrt();
        if length > 0.0 {
            let scale = 1.0 / length;
            row.iter_mut().for_each(|x| *x *= scale);
        }
    }
}

versions! {
    pub(super) fn add(row: &[f32], out: &mut [f32]) {
        for (x, sum) in row.iter().zip(out) {
            *sum += x;
        }
    }
}

versions! {
    /// Each row of `rows` becomes its layer norm.
    pub(super) fn layer_norm(rows: &mut [f32], weight: &[f32], bias: &[f32]) {
        let width = weight.len();
        for row in rows.chunks_exact_mut(width) {
            let mean = sum(row) / width as f32;
            row.iter_mut().for_each(|x| *x -= mean);
            let scale = 1.0 / (products(row, row) / width as f32 + 1e-12).sqrt();
            for ((x, w), b) in row.iter_mut().zip(weight).zip(bias) {
                *x = *x * scale * w + b;
            }
        }
    }
}

versions! {
    /// The exact GELU of each element.
    pub(super) fn gelu(row: &mut [f32]) {
        for x in row {
            *x = 0.5 * *x * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
        }
    }
}

versions! {
    /// A row as bytes: `x ≈ scale · (byte − zero)`; gives scale and zero.
    pub(super) fn quantise(row: &[f32], out: &mut [u8]) -> (f32, f32) {
        let (chunks, rest) = row.as_chunks::<LANES>();
        let low = rest.iter().copied().fold(fold(chunks.iter().copied(), 0.0, smaller), smaller);
        let high = rest.iter().copied().fold(fold(chunks.iter().copied(), 0.0, larger), larger);
        let scale = ((high - low) / 255.0).max(f32::MIN_POSITIVE);
        let inverse = 1.0 / scale;
        let zero = (-low * inverse).round_ties_even();
        for (x, byte) in row.iter().zip(out) {
            let shifted = x * inverse + zero + ROUND;
            let whole = (shifted.to_bits() as i32) - ROUND.to_bits() as i32;
            *byte = whole.clamp(0, 255) as u8;
        }
        (scale, zero)
    }
}

versions! {
    /// Integer sums of quantised rows to floats: `Σ x·w = s·t·(Σ byte·weight − zero·Σ weight)`, where `columns` are
    /// the weights' scales t, their sums, and the biases; each row's floats stand at the head of its `out`.
    pub(super) fn dequantise(
        sums: &[[i32; LANES]],
        rows: &[(f32, f32)],
        columns: [&[f32; LANES]; 3],
        out: ChunksMut<f32>,
    ) {
        let [weights, totals, biases] = columns;
        for ((sums, (scale, zero)), out) in sums.iter().zip(rows).zip(out) {
            let mut floats = [0.0; LANES];
            for lane in 0..LANES {
                floats[lane] = (sums[lane] as f32 - zero * totals[lane]) * (scale * weights[lane]) + biases[lane];
            }
            out[..LANES].copy_from_slice(&floats);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn each_cpu<T: PartialEq + std::fmt::Debug>(run: impl Fn(Cpu) -> T) -> T {
        let expected = run(Cpu::Portable);
        for cpu in Cpu::ALL.into_iter().filter(|cpu| cpu.available()) {
            assert_eq!(run(cpu), expected, "{}", cpu.name());
        }
        expected
    }

    fn bits(row: &[f32]) -> Vec<u32> {
        row.iter().map(|x| x.to_bits()).collect()
    }

    #[test]
    fn exp_and_erf_are_close_to_the_truth() {
        for i in -870..=0 {
            let x = i as f32 / 10.0;
            let truth = f64::from(x).exp();
            assert!(
                ((f64::from(exp(x)) - truth) / truth).abs() < 3e-7,
                "exp {x}"
            );
        }
        // erf by its Maclaurin series in float64.
        for i in -35..=35 {
            let x = f64::from(i) / 10.0;
            let (mut term, mut total) = (x, x);
            for n in 1..200 {
                term *= -x * x / f64::from(n);
                total += term / f64::from(2 * n + 1);
            }
            let truth = total * 2.0 / std::f64::consts::PI.sqrt();
            assert!((f64::from(erf(x as f32)) - truth).abs() < 4e-7, "erf {x}");
        }
    }

    #[test]
    fn each_function_is_what_its_name_says() {
        let mut row = [-1.0, 0.0, 1.0, 3.0];
        gelu(Cpu::Portable, &mut row);
        for (x, truth) in row.into_iter().zip([-0.158_655, 0.0, 0.841_345, 2.995_95]) {
            assert!((x - truth).abs() < 1e-5, "gelu {x} {truth}");
        }
        let row: Vec<f32> = (0..40).map(|i| (i * i % 7) as f32 - 2.0).collect();
        let mut unit = row.clone();
        normalise(Cpu::Portable, &mut unit);
        let length: f32 = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        let mut normed = [row.clone(), row.clone()].concat();
        let (weight, bias) = (vec![3.0; 40], vec![0.25; 40]);
        layer_norm(Cpu::Portable, &mut normed, &weight, &bias);
        let mean = row.iter().sum::<f32>() / 40.0;
        let deviation = (row.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 40.0).sqrt();
        for (i, x) in row.iter().enumerate() {
            assert!((unit[i] - x / length).abs() < 1e-6);
            let truth = (x - mean) / deviation * 3.0 + 0.25;
            assert!((normed[i] - truth).abs() < 1e-5 && normed[40 + i] == normed[i]);
        }
    }

    proptest! {
        #[test]
        fn every_version_gives_the_same_bits(
            row in proptest::collection::vec(-30.0_f32..30.0, 1..100),
            halves in proptest::collection::vec(0_u16..0x7C00, 1..100),
        ) {
            each_cpu(|cpu| { let mut r = row.clone(); gelu(cpu, &mut r); bits(&r) });
            each_cpu(|cpu| { let mut r = row.clone(); normalise(cpu, &mut r); bits(&r) });
            each_cpu(|cpu| { let mut r = row.clone(); let w = row.clone(); layer_norm(cpu, &mut r, &w, &w); bits(&r) });
            let (bytes, scale, zero) = each_cpu(|cpu| {
                let mut bytes = vec![0; row.len()];
                let (scale, zero) = quantise(cpu, &row, &mut bytes);
                (bytes, scale, zero)
            });
            for (x, byte) in row.iter().zip(bytes) {
                prop_assert!((x - scale * (f32::from(byte) - zero)).abs() <= scale * 0.51);
            }
            let raw: Vec<u8> = halves.iter().flat_map(|h| h.to_le_bytes()).collect();
            each_cpu(|cpu| { let mut r = vec![0.25; halves.len()]; add_halves(cpu, &raw, &mut r); bits(&r) });
        }

        #[test]
        fn sums_become_the_same_floats(sums in proptest::array::uniform16(-9_000_000..9_000_000), zero in 0_u8..=255) {
            let columns = [[3e-4; LANES], [77.0; LANES], [-0.5; LANES]];
            let floats = each_cpu(|cpu| {
                let mut out = [9.0; 2 * LANES];
                let rows = [(1e-3, f32::from(zero)); 2];
                dequantise(cpu, &[sums; 2], &rows, columns.each_ref(), out.chunks_mut(LANES));
                out.map(f32::to_bits)
            });
            let truth = (sums[0] as f32 - f32::from(zero) * 77.0) * 3e-7 - 0.5;
            prop_assert!((f32::from_bits(floats[LANES]) - truth).abs() < 1e-5);
        }
    }

    #[test]
    fn halves_are_read_exactly() {
        let mut out = [0.0; 6];
        let raw: Vec<u8> = [0x3C00_u16, 0xC000, 0x0001, 0x8001, 0x7BFF, 0]
            .iter()
            .flat_map(|h| h.to_le_bytes())
            .collect();
        add_halves(Cpu::Portable, &raw, &mut out);
        assert_eq!(
            out,
            [
                1.0,
                -2.0,
                2.0_f32.powi(-24),
                -(2.0_f32.powi(-24)),
                65504.0,
                0.0
            ]
        );
    }
}
