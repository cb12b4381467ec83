//! Vectors as 12 bits a dimension: an int8 code to walk the graph by, and half a byte more to rescore with.
//!
//! With `scale` the size of one fine step, dimension i is about `scale * (16 * code[i] + residual[i])`, residuals in -8..=7.
//! Half a byte instead of a second float copy keeps a vector at 1.5 bytes a dimension; on unit vectors of 256 dimensions the
//! rescored similarity is off by about 2e-5, where the int8 one is off by about 4e-4.

use super::error::Fault;
use super::kernel::{Kernel, LANES};
use super::options::Metric;

/// Largest fine value: 127 codes of 16 steps.
const FINE: f32 = 2032.0;

/// A vector as it is stored.
pub(super) struct Encoded {
    pub scale: f32,
    pub codes: Vec<i8>,
    pub residual: Vec<u8>,
}

/// Length of a stored row.
pub(super) fn padded(dim: usize) -> usize {
    dim.next_multiple_of(LANES)
}

/// What to multiply a vector by before it is stored or searched for: its inverse length for cosine, else 1.
pub(super) fn factor(vector: &[f32], metric: Metric) -> Result<f64, Fault> {
    let square: f64 = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    if !square.is_finite() {
        return Err(Fault::NotFinite);
    }
    match metric {
        // Beyond this length, products of two vectors leave the range of f32.
        Metric::InnerProduct if square > 1e36 => Err(Fault::TooLong),
        Metric::InnerProduct => Ok(1.0),
        Metric::Cosine if square == 0.0 => Err(Fault::Zero),
        Metric::Cosine => Ok(square.sqrt().recip()),
    }
}

fn scaled(vector: &[f32], factor: f64) -> Vec<f32> {
    let mut values: Vec<f32> = vector
        .iter()
        .map(|&x| (f64::from(x) * factor) as f32)
        .collect();
    values.resize(padded(vector.len()), 0.0);
    values
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0f32, |most, x| most.max(x.abs()))
}

/// Codes a vector that [`factor`] accepted.
pub(super) fn encode(vector: &[f32], factor: f64) -> Encoded {
    let values = scaled(vector, factor);
    let scale = largest(&values) / FINE;
    let inverse = if scale > 0.0 {
        f64::from(scale).recip()
    } else {
        0.0
    };
    let fine = |x: f32| (f64::from(x) * inverse).round().clamp(-2032.0, 2032.0) as i32;
    let fine: Vec<i32> = values.iter().map(|&x| fine(x)).collect();
    let code = |fine: i32| (fine + 8) >> 4;
    let nibble = |fine: i32| (fine - 16 * code(fine) + 8) as u8;
    let half = LANES / 2;
    let pack = |block: &[i32]| -> Vec<u8> {
        (0..half)
            .map(|i| nibble(block[i]) | nibble(block[half + i]) << 4)
            .collect()
    };
    Encoded {
        scale,
        codes: fine.iter().map(|&fine| code(fine) as i8).collect(),
        residual: fine.chunks_exact(LANES).flat_map(pack).collect(),
    }
}

/// What rows are compared with: a query, or a stored row that looks for its neighbours.
pub(super) struct Probe {
    ints: Vec<i16>,
    floats: Vec<f32>,
    unit: f32,
}

impl Probe {
    /// A query that [`factor`] accepted.
    pub fn query(vector: &[f32], factor: f64) -> Self {
        let floats = scaled(vector, factor);
        // The sum over a row stays within 31 bits: |int| * 128 * dim.
        let range = (i32::MAX as usize / (128 * floats.len())).min(8191) as f32;
        let step = largest(&floats) / range;
        let inverse = if step > 0.0 {
            f64::from(step).recip()
        } else {
            0.0
        };
        let int = |x: f32| {
            (f64::from(x) * inverse)
                .round()
                .clamp(-f64::from(range), f64::from(range)) as i16
        };
        Self {
            ints: floats.iter().map(|&x| int(x)).collect(),
            floats,
            unit: 16.0 * step,
        }
    }

    /// A stored row.
    pub fn row(scale: f32, codes: &[i8]) -> Self {
        Self {
            ints: codes.iter().map(|&code| i16::from(code)).collect(),
            floats: Vec::new(),
            unit: 256.0 * scale,
        }
    }

    /// Similarity to a row by its codes alone.
    #[inline]
    pub fn near(&self, kernel: &Kernel, scale: f32, codes: &[i8]) -> f32 {
        self.unit * scale * kernel.probe(&self.ints, codes) as f32
    }

    /// Similarity of a query to a row with the residual.
    #[inline]
    pub fn exact(&self, kernel: &Kernel, scale: f32, codes: &[i8], residual: &[u8]) -> f32 {
        scale * kernel.exact(&self.floats, codes, residual)
    }
}

#[cfg(test)]
mod tests {
    use super::super::kernel;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn scores_are_close_to_the_float_ones(a in prop::collection::vec(-1f32..1.0, 100), b in prop::collection::vec(-1f32..1.0, 100)) {
            let (fa, fb) = (factor(&a, Metric::Cosine), factor(&b, Metric::Cosine));
            prop_assume!(fa.is_ok() && fb.is_ok());
            let (fa, fb) = (fa.unwrap(), fb.unwrap());
            let truth: f64 = a.iter().zip(&b).map(|(&a, &b)| f64::from(a) * fa * f64::from(b) * fb).sum();
            let (probe, row, kernel) = (Probe::query(&a, fa), encode(&b, fb), kernel::best());
            let near = probe.near(kernel, row.scale, &row.codes);
            let exact = probe.exact(kernel, row.scale, &row.codes, &row.residual);
            prop_assert!((f64::from(near) - truth).abs() < 1e-2, "{near} {truth}");
            prop_assert!((f64::from(exact) - truth).abs() < 5e-4, "{exact} {truth}");
        }
    }

    #[test]
    fn misuse_is_told_apart() {
        assert!(matches!(
            factor(&[1.0, f32::NAN], Metric::Cosine),
            Err(Fault::NotFinite)
        ));
        assert!(matches!(
            factor(&[f32::INFINITY], Metric::InnerProduct),
            Err(Fault::NotFinite)
        ));
        assert!(matches!(
            factor(&[0.0; 8], Metric::Cosine),
            Err(Fault::Zero)
        ));
        assert!(matches!(
            factor(&[3e38; 8], Metric::InnerProduct),
            Err(Fault::TooLong)
        ));
        assert!(factor(&[0.0; 8], Metric::InnerProduct).is_ok());
        assert!(factor(&[1e-40; 8], Metric::Cosine).is_ok());
    }
}
