//! Linear layers in int8: rows as unsigned bytes times weights of seven bits.
//!
//! Seven bits, because `vpmaddubsw` adds two products into sixteen bits: 2 · 255 · 63 stays below 2¹⁵, so nothing saturates
//! and every version of the kernel gives the very same integers.

use super::Cpu;
use super::vector;

/// Outputs that one block of packed weights gives.
const BLOCK: usize = 16;
/// Inputs that one step takes: each output's four weights stand side by side.
const STEP: usize = 4;
const WEIGHT_MAX: f32 = 63.0;
/// Rows that one call of a kernel takes: two blocks of sums for each must fit the registers.
const ROWS: usize = 12;

/// A linear layer, its weights packed block by block, step by step.
#[derive(Debug)]
pub(super) struct Linear {
    inputs: usize,
    outputs: usize,
    packed: Vec<[i8; BLOCK * STEP]>,
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
    /// From weights in rows of `inputs`, one row per output. Widths must be multiples of four and thirty-two.
    pub fn new(weights: &[f32], bias: Vec<f32>) -> Self {
        let outputs = bias.len();
        let inputs = weights.len() / outputs;
        assert!(
            inputs.is_multiple_of(STEP) && outputs.is_multiple_of(2 * BLOCK),
            "{inputs} × {outputs}"
        );
        let steps = inputs / STEP;
        let mut layer = Self {
            inputs,
            outputs,
            packed: vec![[0; BLOCK * STEP]; outputs / BLOCK * steps],
            scale: Vec::with_capacity(outputs),
            sum: Vec::with_capacity(outputs),
            bias,
        };
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            let top = row.iter().fold(0.0_f32, |top, w| top.max(w.abs()));
            let scale = (top / WEIGHT_MAX).max(f32::MIN_POSITIVE);
            let mut sum = 0.0;
            for (input, w) in row.iter().enumerate() {
                let byte = (w / scale).clamp(-WEIGHT_MAX, WEIGHT_MAX).round_ties_even();
                sum += byte;
                let block = &mut layer.packed[output / BLOCK * steps + input / STEP];
                block[output % BLOCK * STEP + input % STEP] = byte as i8;
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
        let steps = self.inputs / STEP;
        let mut sums = [[0; 2 * BLOCK]; ROWS];
        for (pair, packed) in self.packed.chunks_exact(2 * steps).enumerate() {
            let (left, right) = packed.split_at(steps);
            for (group, bytes) in rows.values.chunks(per_group * self.inputs).enumerate() {
                let n = bytes.len() / self.inputs;
                kernel(cpu, bytes, left, right, &mut sums[..n]);
                for (i, sums) in sums[..n].iter().enumerate() {
                    let row = group * per_group + i;
                    let at = row * self.outputs + pair * 2 * BLOCK;
                    let columns = pair * 2 * BLOCK..(pair + 1) * 2 * BLOCK;
                    let columns = [&self.scale, &self.sum, &self.bias].map(|v| &v[columns.clone()]);
                    vector::dequantise(
                        cpu,
                        sums,
                        rows.scales[row],
                        columns,
                        &mut out[at..][..2 * BLOCK],
                    );
                }
            }
        }
    }
}

type Sums = [i32; 2 * BLOCK];
type Packed = [i8; BLOCK * STEP];

/// Sums of `rows`, which lie one after the other, over two blocks of weights. At most [`ROWS`] rows.
fn kernel(cpu: Cpu, bytes: &[u8], left: &[Packed], right: &[Packed], sums: &mut [Sums]) {
    #[cfg(target_arch = "x86_64")]
    match cpu {
        // SAFETY: an embedder only ever holds a `Cpu` that is available.
        Cpu::Avx512Vnni => return unsafe { x86::vnni(bytes, left, right, sums) },
        // SAFETY: as above.
        Cpu::Avx512 => return unsafe { x86::avx512(bytes, left, right, sums) },
        // SAFETY: as above.
        Cpu::Avx2 => return unsafe { x86::avx2(bytes, left, right, sums) },
        Cpu::Portable => {}
    }
    let _ = cpu;
    portable(bytes, left, right, sums);
}

fn portable(bytes: &[u8], left: &[Packed], right: &[Packed], sums: &mut [Sums]) {
    let inputs = left.len() * STEP;
    for (row, sums) in bytes.chunks_exact(inputs).zip(sums) {
        *sums = [0; 2 * BLOCK];
        let steps = row.as_chunks::<STEP>().0;
        for ((x, left), right) in steps.iter().zip(left).zip(right) {
            for (weights, sums) in [left, right]
                .into_iter()
                .zip(sums.as_chunks_mut::<BLOCK>().0)
            {
                for (w, sum) in weights.as_chunks::<STEP>().0.iter().zip(sums) {
                    for lane in 0..STEP {
                        *sum += i32::from(x[lane]) * i32::from(w[lane]);
                    }
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_kernel_gives_the_same_sums(
            rows in 0..=ROWS,
            steps in 1..20_usize,
            bytes in proptest::collection::vec(any::<u8>(), 20 * ROWS * STEP),
            weights in proptest::collection::vec(-63..=63_i8, 40 * BLOCK * STEP),
        ) {
            let packed: Vec<Packed> = weights.as_chunks().0[..2 * steps].to_vec();
            let (left, right) = packed.split_at(steps);
            let bytes = &bytes[..rows * steps * STEP];
            let mut expected = vec![[7; 2 * BLOCK]; rows];
            portable(bytes, left, right, &mut expected);
            for cpu in Cpu::ALL.into_iter().filter(|cpu| cpu.available()) {
                let mut sums = vec![[7; 2 * BLOCK]; rows];
                kernel(cpu, bytes, left, right, &mut sums);
                prop_assert_eq!(&sums, &expected, "{}", cpu.name());
            }
        }
    }

    #[test]
    fn extremes_do_not_saturate() {
        for weight in [-63, 63] {
            let packed = [[weight; BLOCK * STEP]; 384];
            let bytes = [255; 1536];
            for cpu in Cpu::ALL.into_iter().filter(|cpu| cpu.available()) {
                let mut sums = [[0; 2 * BLOCK]];
                kernel(cpu, &bytes, &packed, &packed, &mut sums);
                assert!(
                    sums[0]
                        .iter()
                        .all(|&sum| sum == 255 * 1536 * i32::from(weight)),
                    "{}",
                    cpu.name()
                );
            }
        }
    }

    #[test]
    fn a_layer_is_close_to_its_floats() {
        let noise =
            |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0 - 0.5;
        let weights: Vec<f32> = (0..64 * 128).map(noise).collect();
        let rows: Vec<f32> = (0..17 * 128).map(|i| noise(i + 99_999)).collect();
        let bias: Vec<f32> = (0..64).map(|i| i as f32).collect();
        let layer = Linear::new(&weights, bias.clone());
        let mut bytes = Bytes::default();
        bytes.quantise(Cpu::detect(), &rows, 128);
        let mut out = vec![0.0; 17 * 64];
        layer.apply(Cpu::detect(), &bytes, &mut out);
        for (row, out) in rows.chunks(128).zip(out.chunks(64)) {
            for ((w, b), y) in weights.chunks(128).zip(&bias).zip(out) {
                let truth: f32 = b + row.iter().zip(w).map(|(x, w)| x * w).sum::<f32>();
                assert!((truth - y).abs() < 0.1, "{truth} {y}");
            }
        }
    }
}
