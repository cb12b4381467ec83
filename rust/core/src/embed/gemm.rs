//! Linear layers in int8: rows as unsigned bytes times signed weights.
//!
//! Where there is no VNNI, `vpmaddubsw` multiplies, and eight products meet in a sum of sixteen bits before the sums of 32
//! take it. So a row of weights is scaled until no eight that meet come to more than 128 on either side of zero: 255 · 128 stays
//! below 2¹⁵, nothing saturates, and every version of the kernel gives the very same integers.

#![expect(unsafe_code, reason = "calls kernels after asking the CPU")]

mod shape;

use super::Cpu;
use super::vector;
use shape::{BLOCK, Quad, STEP, STEPS, Sums};

/// Most that a weight comes to, and that eight which meet come to: 128 less what rounding eight of them may add.
const WEIGHT_MAX: f32 = 127.0;
const MEETING_MAX: f32 = 124.0;
/// Rows that one call of a kernel takes: a block of sums for each must fit the registers.
const ROWS: usize = 24;

/// A linear layer, its weights packed block by block, step by step.
#[derive(Debug)]
pub(super) struct Linear {
    inputs: usize,
    outputs: usize,
    packed: Vec<Quad>,
    /// Per output: the weights' scale, their sum, and the bias.
    scale: Vec<f32>,
    sum: Vec<f32>,
    bias: Vec<f32>,
}

/// Rows quantised for a layer.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    values: Vec<u8>,
    /// Per row: scale and zero.
    scales: Vec<(f32, f32)>,
}

impl Bytes {
    /// Takes `rows` of `width` floats each.
    pub fn quantise(&mut self, cpu: Cpu, rows: &[f32], width: usize) {
        self.values.resize(rows.len(), 0);
        self.scales.clear();
        for (row, bytes) in rows
            .chunks_exact(width)
            .zip(self.values.chunks_exact_mut(width))
        {
            self.scales.push(vector::quantise(cpu, row, bytes));
        }
    }
}

impl Linear {
    /// From weights in rows of `inputs`, one row per output. Both widths must be multiples of sixteen.
    pub fn new(weights: &[f32], bias: Vec<f32>) -> Self {
        let outputs = bias.len();
        let inputs = weights.len() / outputs;
        assert!(
            inputs.is_multiple_of(STEPS * STEP) && outputs.is_multiple_of(BLOCK),
            "{inputs} × {outputs}"
        );
        let quads = inputs / (STEPS * STEP);
        let mut layer = Self {
            inputs,
            outputs,
            packed: vec![[[0; BLOCK * STEP]; STEPS]; outputs / BLOCK * quads],
            scale: Vec::with_capacity(outputs),
            sum: Vec::with_capacity(outputs),
            bias,
        };
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            let scale = scale_of(row);
            let mut sum = 0.0;
            for (input, w) in row.iter().enumerate() {
                let byte = (w / scale).round_ties_even();
                sum += byte;
                let quad = &mut layer.packed[output / BLOCK * quads + input / (STEPS * STEP)];
                quad[input / STEP % STEPS][output % BLOCK * STEP + input % STEP] = byte as i8;
            }
            layer.scale.push(scale);
            layer.sum.push(sum);
        }
        layer
    }

    /// `out`, in rows of `outputs`, becomes the layer of `rows`.
    pub fn apply(&self, cpu: Cpu, rows: &Bytes, out: &mut [f32]) {
        let count = rows.scales.len();
        assert_eq!(
            rows.values.len(),
            count * self.inputs,
            "rows of the wrong width"
        );
        assert_eq!(
            out.len(),
            count * self.outputs,
            "room for the wrong number of rows"
        );
        let groups = count.div_ceil(ROWS).max(1);
        let per_group = count.div_ceil(groups).max(1);
        let mut sums = [[0; BLOCK]; ROWS];
        let columns = [&self.scale, &self.sum, &self.bias].map(|v| v.as_chunks::<BLOCK>().0);
        let quads = self.inputs / (STEPS * STEP);
        for (block, weights) in self.packed.chunks_exact(quads).enumerate() {
            let columns = columns.map(|column| &column[block]);
            for (group, scales) in rows.scales.chunks(per_group).enumerate() {
                let first = group * per_group;
                let sums = &mut sums[..scales.len()];
                kernel(cpu, &rows.values[first * self.inputs..], weights, sums);
                let out = &mut out[first * self.outputs + block * BLOCK..];
                let out = out.chunks_mut(self.outputs);
                vector::dequantise(cpu, sums, scales, columns, out);
            }
        }
    }
}

/// The smallest scale at which neither a weight nor eight that meet are too large.
fn scale_of(row: &[f32]) -> f32 {
    let mut scale = f32::MIN_POSITIVE;
    for quad in row.as_chunks::<{ STEPS * STEP }>().0 {
        let pairs = quad.as_chunks::<2>().0;
        for lane in 0..STEP / 2 {
            let (mut above, mut below) = (0.0_f32, 0.0_f32);
            for w in pairs.iter().skip(lane).step_by(STEP / 2).flatten() {
                scale = scale.max(w.abs() / WEIGHT_MAX);
                above += w.max(0.0);
                below -= w.min(0.0);
            }
            scale = scale.max(above.max(below) / MEETING_MAX);
        }
    }
    scale
}

/// Sums of `rows`, which lie one after the other, over a block of weights. At most [`ROWS`] rows.
fn kernel(cpu: Cpu, bytes: &[u8], weights: &[Quad], sums: &mut [Sums]) {
    #[cfg(target_arch = "x86_64")]
    match cpu {
        // SAFETY: an embedder only ever holds a `Cpu` that is available.
        Cpu::Avx512Vnni => return unsafe { x86::vnni(bytes, weights, sums) },
        // SAFETY: as above.
        Cpu::Avx512 => return unsafe { x86::avx512(bytes, weights, sums) },
        // SAFETY: as above.
        Cpu::Avx2 => return unsafe { x86::avx2(bytes, weights, sums) },
        Cpu::Portable => {}
    }
    let _ = cpu;
    // All of AArch64 has NEON, so there it is what "portable" means.
    #[cfg(target_arch = "aarch64")]
    aarch64::neon(bytes, weights, sums);
    #[cfg(not(target_arch = "aarch64"))]
    portable(bytes, weights, sums);
}

#[cfg(any(test, not(target_arch = "aarch64")))]
fn portable(bytes: &[u8], weights: &[Quad], sums: &mut [Sums]) {
    let steps = weights.as_flattened();
    for (row, sums) in bytes.chunks_exact(steps.len() * STEP).zip(sums) {
        *sums = [0; BLOCK];
        for (x, weights) in row.as_chunks::<STEP>().0.iter().zip(steps) {
            for (w, sum) in weights.as_chunks::<STEP>().0.iter().zip(&mut *sums) {
                for lane in 0..STEP {
                    *sum += i32::from(x[lane]) * i32::from(w[lane]);
                }
            }
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The most that eight weights which meet come to, on either side of zero.
    fn heaviest(layer: &Linear) -> i32 {
        let mut most = 0;
        for quad in &layer.packed {
            for pair in 0..BLOCK * STEP / 2 {
                let meeting = quad.iter().flat_map(|step| &step[2 * pair..][..2]);
                let above: i32 = meeting.clone().map(|&w| i32::from(w).max(0)).sum();
                let below: i32 = meeting.map(|&w| -i32::from(w).min(0)).sum();
                most = most.max(above).max(below);
            }
        }
        most
    }

    proptest! {
        #[test]
        fn every_kernel_gives_the_same_sums(
            bytes in proptest::collection::vec(prop_oneof![Just(255), any::<u8>()], ROWS * 96),
            weights in proptest::collection::vec(prop_oneof![-0.1..0.1_f32, -9.0..9.0_f32, Just(9.0)], BLOCK * 96),
        ) {
            let layer = Linear::new(&weights, vec![0.0; BLOCK]);
            for rows in 0..=ROWS {
                let bytes = &bytes[..rows * layer.inputs];
                let mut expected = vec![[7; BLOCK]; rows];
                portable(bytes, &layer.packed, &mut expected);
                for cpu in Cpu::ALL.into_iter().filter(|cpu| cpu.available()) {
                    let mut sums = vec![[7; BLOCK]; rows];
                    kernel(cpu, bytes, &layer.packed, &mut sums);
                    prop_assert_eq!(&sums, &expected, "{} rows, {}", rows, cpu.name());
                }
            }
        }

        #[test]
        fn sixteen_bits_hold_whatever_meets(
            weights in proptest::collection::vec(prop_oneof![any::<f32>(), Just(f32::NAN), Just(f32::INFINITY), -1.0..1.0_f32, Just(1.0)], BLOCK * 32),
        ) {
            prop_assert!(255 * heaviest(&Linear::new(&weights, vec![0.0; BLOCK])) < 1 << 15);
        }
    }

    #[test]
    fn extremes_do_not_saturate() {
        for weight in [-1.0, 1.0] {
            let layer = Linear::new(&[weight; BLOCK * 1536], vec![0.0; BLOCK]);
            for cpu in Cpu::ALL.into_iter().filter(|cpu| cpu.available()) {
                let mut sums = [[0; BLOCK]];
                kernel(cpu, &[255; 1536], &layer.packed, &mut sums);
                let expected = 255 * layer.sum[0] as i32;
                assert_eq!(sums[0], [expected; BLOCK], "{}", cpu.name());
            }
        }
    }

    #[test]
    fn a_layer_is_close_to_its_floats() {
        let noise =
            |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0 - 0.5;
        let weights: Vec<f32> = (0..64 * 128).map(noise).collect();
        let bias: Vec<f32> = (0..64).map(|i| i as f32).collect();
        let layer = Linear::new(&weights, bias.clone());
        let mut bytes = Bytes::default();
        for count in [0, 1, ROWS, ROWS + 1, 2 * ROWS + 1] {
            let rows: Vec<f32> = (0..count * 128).map(|i| noise(i + 99_999)).collect();
            for cpu in Cpu::ALL.into_iter().filter(|cpu| cpu.available()) {
                bytes.quantise(cpu, &rows, 128);
                let mut out = vec![0.0; count * 64];
                layer.apply(cpu, &bytes, &mut out);
                for (row, out) in rows.chunks(128).zip(out.chunks(64)) {
                    for ((w, b), y) in weights.chunks(128).zip(&bias).zip(out) {
                        let truth: f32 = b + row.iter().zip(w).map(|(x, w)| x * w).sum::<f32>();
                        assert!((truth - y).abs() < 0.05, "{}: {truth} {y}", cpu.name());
                    }
                }
            }
        }
    }
}
