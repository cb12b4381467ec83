//! Multi-head attention, in the same arithmetic as all else.

#![expect(unsafe_code, reason = "calls kernels after asking the CPU")]

use super::Cpu;
use super::vector::{LANES, exp, fold, lanes, larger, versions};

/// Columns of one attention head.
const HEAD: usize = 32;

/// Room for attention to work in, kept from layer to layer.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// A head's keys, sixteen to a block, in columns; the last block is filled up with zeros.
    keys: Vec<[[f32; LANES]; HEAD]>,
    /// Each query's scores, as many blocks.
    scores: Vec<[f32; LANES]>,
    scales: Vec<f32>,
}

impl Room {
    #[inline(always)]
    fn take_keys<'a>(&mut self, keys: impl ExactSizeIterator<Item = &'a [f32; HEAD]>) {
        let (count, blocks) = (keys.len(), keys.len().div_ceil(LANES));
        self.keys.clear();
        self.keys.resize(blocks, [[0.0; LANES]; HEAD]);
        self.scores.resize(count * blocks, [0.0; LANES]);
        self.scales.resize(count, 0.0);
        for (at, key) in keys.enumerate() {
            let block = &mut self.keys[at / LANES];
            for (column, x) in block.iter_mut().zip(key) {
                column[at % LANES] = x * 0.176_776_7; // 1 / √32
            }
        }
    }
}

/// A query's products with a head's keys.
#[inline(always)]
fn score(query: &[f32; HEAD], keys: &[[[f32; LANES]; HEAD]], scores: &mut [[f32; LANES]]) {
    for (block, scores) in keys.iter().zip(scores) {
        // Two chains of sums, since one would wait for each addition.
        let mut sums = [[0.0; LANES]; 2];
        let pairs = block.as_chunks::<2>().0;
        for (x, columns) in query.as_chunks::<2>().0.iter().zip(pairs) {
            for half in 0..2 {
                for lane in 0..LANES {
                    sums[half][lane] += x[half] * columns[half][lane];
                }
            }
        }
        for lane in 0..LANES {
            scores[lane] = sums[0][lane] + sums[1][lane];
        }
    }
}

/// Turns the first `count` scores to weights, which are yet to be multiplied by what this gives.
#[inline(always)]
fn soften(scores: &mut [[f32; LANES]], count: usize) -> f32 {
    scores.as_flattened_mut()[count..].fill(f32::MIN);
    let top = fold(scores.iter().copied(), f32::MIN, larger);
    for scores in &mut *scores {
        *scores = scores.map(|score| exp(score - top));
    }
    1.0 / lanes(scores.iter().copied())
}

/// The sum of `values`, each with its weight, times `scale`.
#[inline(always)]
fn mix<'a>(
    values: impl Iterator<Item = &'a [f32; HEAD]>,
    weights: &[f32],
    scale: f32,
) -> [f32; HEAD] {
    let mut mixed = [0.0; HEAD];
    for (value, weight) in values.zip(weights) {
        for d in 0..HEAD {
            mixed[d] += value[d] * weight;
        }
    }
    mixed.map(|x| x * scale)
}

versions! {
    /// Multi-head attention of queries, keys and values in rows of `heads` times 32 columns.
    pub(super) fn attend(heads: usize, rows: [&[f32]; 3], out: &mut [f32], room: &mut Room) {
        let [queries, keys, values] = rows.map(|rows| rows.as_chunks::<HEAD>().0);
        let out = out.as_chunks_mut::<HEAD>().0;
        let t = queries.len() / heads;
        let blocks = t.div_ceil(LANES);
        for head in 0..heads {
            room.take_keys(keys.iter().skip(head).step_by(heads));
            // One act after the other, so that the chains of neighbouring queries run side by side.
            for (query, scores) in queries.iter().skip(head).step_by(heads).zip(room.scores.chunks_mut(blocks)) {
                score(query, &room.keys, scores);
            }
            for (scores, scale) in room.scores.chunks_mut(blocks).zip(&mut room.scales) {
                *scale = soften(scores, t);
            }
            let weights = room.scores.chunks(blocks).zip(&room.scales);
            for (out, (scores, scale)) in out.iter_mut().skip(head).step_by(heads).zip(weights) {
                *out = mix(values.iter().skip(head).step_by(heads), scores.as_flattened(), *scale);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: usize = 3;

    fn noise(seed: usize, t: usize) -> Vec<f32> {
        let hash = |i: usize| ((i + 1000 * seed) as u32).wrapping_mul(2_654_435_761) >> 8;
        (0..t * HEADS * HEAD)
            .map(|i| hash(i) as f32 / 4e6 - 2.0)
            .collect()
    }

    /// One column of one query's answer, as the formula has it.
    fn truth(rows: [&[f32]; 3], query: usize, column: usize) -> f64 {
        let [queries, keys, values] = rows;
        let (width, first) = (HEADS * HEAD, column / HEAD * HEAD);
        let scores: Vec<f64> = (0..keys.len() / width)
            .map(|key| {
                let product = |d: usize| {
                    f64::from(queries[query * width + d]) * f64::from(keys[key * width + d])
                };
                ((first..first + HEAD).map(product).sum::<f64>() / 32_f64.sqrt()).exp()
            })
            .collect();
        let weighed = |(key, score): (usize, &f64)| score * f64::from(values[key * width + column]);
        scores.iter().enumerate().map(weighed).sum::<f64>() / scores.iter().sum::<f64>()
    }

    #[test]
    fn attention_is_its_formula_and_the_same_everywhere() {
        let mut room = Room::default();
        for t in [1, 2, 15, 16, 17, 33, 5] {
            let rows = [noise(1, t), noise(2, t), noise(3, t)];
            let rows = rows.each_ref().map(|row| &row[..]);
            let mut expected = vec![9.0; t * HEADS * HEAD];
            attend(Cpu::Portable, HEADS, rows, &mut expected, &mut room);
            for (i, x) in expected.iter().enumerate() {
                let truth = truth(rows, i / (HEADS * HEAD), i % (HEADS * HEAD));
                assert!((f64::from(*x) - truth).abs() < 1e-5, "{t} {i}: {x} {truth}");
            }
            for cpu in Cpu::ALL.into_iter().filter(|cpu| cpu.available()) {
                let mut out = vec![9.0; t * HEADS * HEAD];
                attend(cpu, HEADS, rows, &mut out, &mut room);
                assert!(
                    out.iter()
                        .zip(&expected)
                        .all(|(a, b)| a.to_bits() == b.to_bits())
                );
            }
        }
    }
}
