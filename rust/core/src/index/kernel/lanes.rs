//! How many lanes there are, and the order in which they are summed.

/// Rows are padded with zeros to a multiple of this many dimensions, so that no variant has a tail to handle.
pub const LANES: usize = 32;

/// Lanes of the float accumulator.
pub const FLOAT_LANES: usize = 16;

/// Folds the float accumulator in the order that all variants share.
#[inline]
pub fn fold(mut lanes: [f32; FLOAT_LANES]) -> f32 {
    let mut width = FLOAT_LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}
