//! The definition of each dot product, for CPUs without one of the vector sets and as the oracle of the others.

use super::lanes::{FLOAT_LANES, LANES, fold};

pub(super) fn probe(query: &[i16], row: &[i8]) -> i32 {
    query
        .iter()
        .zip(row)
        .map(|(&q, &c)| i32::from(q) * i32::from(c))
        .sum()
}

pub(super) fn pair(a: &[i8], b: &[i8]) -> i32 {
    a.iter()
        .zip(b)
        .map(|(&a, &b)| i32::from(a) * i32::from(b))
        .sum()
}

pub(super) fn exact(query: &[f32], codes: &[i8], residual: &[u8]) -> f32 {
    let mut lanes = [0f32; FLOAT_LANES];
    let blocks = query
        .chunks_exact(LANES)
        .zip(codes.chunks_exact(LANES))
        .zip(residual.chunks_exact(LANES / 2));
    for ((query, codes), residual) in blocks {
        for (half, shift) in [0, 4].into_iter().enumerate() {
            for lane in 0..FLOAT_LANES {
                let at = half * FLOAT_LANES + lane;
                let fine = i32::from(residual[lane] >> shift & 15) - 8;
                lanes[lane] += query[at] * (16 * i32::from(codes[at]) + fine) as f32;
            }
        }
    }
    fold(lanes)
}
