//! Arithmetic on rows of float32, written once and compiled for each set of instructions.
//!
//! Sums run over sixteen fixed lanes and nothing is fused, so every version gives the very same bits.

use super::Cpu;

const LANES: usize = 16;

/// Compiles a function's body for each [`Cpu`] and picks one at run time.
macro_rules! versions {
    ($(#[$doc:meta])* pub(super) fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$doc])*
        pub(super) fn $name(cpu: Cpu, $($arg: $type),*) $(-> $ret)? {
            #[inline(always)]
            fn portable($($arg: $type),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
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

#[inline(always)]
fn lanes(values: impl Iterator<Item = [f32; LANES]>) -> f32 {
    let mut sums = [0.0; LANES];
    for chunk in values {
        for lane in 0..LANES {
            sums[lane] += chunk[lane];
        }
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
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

/// e^x to a relative 1e-7, for x ≤ 0; 0 far below.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = x.max(-87.0);
    let n = (x * std::f32::consts::LOG2_E).round_ties_even();
    // ln 2 in two parts, so that the remainder keeps its last bits.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let e = p * r * r + r + 1.0;
    e * f32::from_bits(((n as i32 + 127) as u32) << 23)
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

/// Columns of one attention head.
const HEAD: usize = 32;

/// Room for attention to work in, kept from layer to layer.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// A head's keys in columns, padded with zeros to whole lanes.
    keys: Vec<f32>,
    scores: Vec<f32>,
}

impl Room {
    #[inline(always)]
    fn take_keys<'a>(&mut self, keys: impl ExactSizeIterator<Item = &'a [f32; HEAD]>) {
        let width = keys.len().next_multiple_of(LANES);
        self.scores.resize(width, 0.0);
        self.keys.clear();
        self.keys.resize(HEAD * width, 0.0);
        for (at, key) in keys.enumerate() {
            for (d, x) in key.iter().enumerate() {
                self.keys[d * width + at] = x * 0.176_776_7; // 1 / √32
            }
        }
    }

    /// The query's products with all keys, sixteen at a time; those past the last key are not to be looked at.
    #[inline(always)]
    fn score(&mut self, query: &[f32; HEAD]) {
        let width = self.scores.len();
        for (block, scores) in self
            .scores
            .as_chunks_mut::<LANES>()
            .0
            .iter_mut()
            .enumerate()
        {
            let mut sums = [0.0_f32; LANES];
            for (x, row) in query.iter().zip(self.keys.chunks_exact(width)) {
                let row = &row.as_chunks::<LANES>().0[block];
                for lane in 0..LANES {
                    sums[lane] += x * row[lane];
                }
            }
            *scores = sums;
        }
    }
}

/// Scores to weights, which are yet to be divided by the sum that this gives.
#[inline(always)]
fn soften(scores: &mut [f32]) -> f32 {
    let top = scores
        .iter()
        .fold(f32::MIN, |top, &s| if s > top { s } else { top });
    for score in scores.iter_mut() {
        *score = exp(*score - top);
    }
    sum(scores)
}

versions! {
    /// Multi-head attention of queries, keys and values in rows of `heads` times 32 columns.
    pub(super) fn attend(heads: usize, rows: [&[f32]; 3], out: &mut [f32], room: &mut Room) {
        let [queries, keys, values] = rows.map(|rows| rows.as_chunks::<HEAD>().0);
        let out = out.as_chunks_mut::<HEAD>().0;
        let t = queries.len() / heads;
        for head in 0..heads {
            room.take_keys(keys.iter().skip(head).step_by(heads));
            for (query, out) in queries.iter().zip(out.iter_mut()).skip(head).step_by(heads) {
                room.score(query);
                let weights = &mut room.scores[..t];
                let scale = 1.0 / soften(weights);
                let mut mixed = [0.0_f32; HEAD];
                for (value, weight) in values.iter().skip(head).step_by(heads).zip(weights.iter()) {
                    for d in 0..HEAD {
                        mixed[d] += value[d] * weight;
                    }
                }
                for d in 0..HEAD {
                    out[d] = mixed[d] * scale;
                }
            }
        }
    }
}

versions! {
    /// A row as bytes: `x ≈ scale · (byte − zero)`; gives scale and zero.
    pub(super) fn quantise(row: &[f32], out: &mut [u8]) -> (f32, f32) {
        let (mut low, mut high) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        let (chunks, rest) = row.as_chunks::<LANES>();
        for chunk in chunks {
            for lane in 0..LANES {
                low[lane] = if chunk[lane] < low[lane] { chunk[lane] } else { low[lane] };
                high[lane] = if chunk[lane] > high[lane] { chunk[lane] } else { high[lane] };
            }
        }
        let low = low.iter().chain(rest).fold(0.0_f32, |m, &x| if x < m { x } else { m });
        let high = high.iter().chain(rest).fold(0.0_f32, |m, &x| if x > m { x } else { m });
        let scale = ((high - low) / 255.0).max(f32::MIN_POSITIVE);
        let inverse = 1.0 / scale;
        let zero = (-low * inverse).round_ties_even();
        for (x, byte) in row.iter().zip(out) {
            // Adding 1.5 · 2²³ rounds to an integer that then stands in the low bits: as every conversion does, but in vectors.
            let shifted = x * inverse + zero + 12_582_912.0;
            let whole = (shifted.to_bits() as i32) - 0x4B40_0000;
            *byte = whole.clamp(0, 255) as u8;
        }
        (scale, zero)
    }
}

versions! {
    /// Integer sums of a quantised row to floats: `Σ x·w = s·t·(Σ byte·weight − zero·Σ weight)`, where `columns` are
    /// the weights' scales t, their sums, and the biases.
    pub(super) fn dequantise(sums: &[i32; 32], row: (f32, f32), columns: [&[f32]; 3], out: &mut [f32]) {
        let (scale, zero) = row;
        let [weights, totals, biases] = columns;
        for ((((out, sum), weight), total), bias) in out.iter_mut().zip(sums).zip(weights).zip(totals).zip(biases) {
            *out = (*sum as f32 - zero * total) * (scale * weight) + bias;
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
        fn attention_is_the_same_everywhere(t in 1..20_usize, seed in 0..1000_u32) {
            let noise = |i: usize| ((i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed) >> 8) as f32 / 8e6 - 1.0;
            let rows: Vec<f32> = (0..t * 384).map(noise).collect();
            each_cpu(|cpu| {
                let mut out = vec![0.0; rows.len()];
                attend(cpu, 12, [&rows; 3], &mut out, &mut Room::default());
                bits(&out)
            });
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
