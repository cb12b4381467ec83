//! Work shared among threads that may not be had.

#![forbid(unsafe_code)]

use std::panic::resume_unwind;
use std::thread::{self, Builder};

use parking_lot::Mutex;

/// What `work` makes of each part, in the order of the parts, on up to so many threads, of which the caller's is one.
///
/// Where the system refuses a thread, those that there are do its parts too: it is slower, and never fails.
pub fn share<T: Send, R: Send>(
    threads: usize,
    parts: impl ExactSizeIterator<Item = T> + Send,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let helpers = threads.min(parts.len()).saturating_sub(1);
    let queue = Mutex::new(parts.enumerate());
    let run = || {
        let mut done = Vec::new();
        loop {
            // A statement of its own: the queue must not stay locked during the work.
            let next = queue.lock().next();
            let Some((at, part)) = next else { break done };
            done.push((at, work(part)));
        }
    };
    let mut done = thread::scope(|scope| {
        let start = |_| Builder::new().spawn_scoped(scope, run).ok();
        let started: Vec<_> = (0..helpers).map_while(start).collect();
        let mut done = run();
        for helper in started {
            done.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|&(at, _)| at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_parts() {
        for threads in [0, 1, 2, 7, 1000] {
            for count in [0, 1, 6, 100] {
                let doubled = share(threads, 0..count, |part| 2 * part);
                assert_eq!(doubled, (0..count).map(|part| 2 * part).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn parts_may_be_borrowed_and_written() {
        let mut rows = [0; 10];
        share(3, rows.chunks_mut(4).enumerate(), |(at, row)| row.fill(at));
        assert_eq!(rows, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]);
    }

    #[test]
    #[should_panic(expected = "seven")]
    fn a_panic_reaches_the_caller() {
        share(2, 0..10, |part| assert!(part != 7, "seven"));
    }
}
