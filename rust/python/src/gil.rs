//! When other threads may run meanwhile.

use pyo3::prelude::*;

/// Runs `work`, without the GIL where its input is at least `long`.
///
/// Giving the GIL away and taking it back costs some 100 ns alone, and more where other threads want it: `long` is the
/// input from which a piece works for some 10 µs and up.
pub fn unless_short<T: Send>(
    py: Python<'_>,
    length: usize,
    long: usize,
    work: impl FnOnce() -> T + Send,
) -> T {
    if length < long {
        work()
    } else {
        py.detach(work)
    }
}
