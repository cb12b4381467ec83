//! Searches beside writers.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// The only vector of its namespace, which is replaced again and again.
const LONE: u64 = 9999;

#[test]
fn searches_go_on_while_three_threads_change_the_index() {
    let vectors = clustered(4500, 32, 30, 0.5, 10);
    let index = filled(&vectors[..3000], Options::default(), 1);
    put(&index, LONE, &vectors[4499], 0, 7);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let search = || {
            let (mut searches, mut misses) = (0, 0);
            while !done.load(Ordering::Relaxed) {
                let at = searches % 1000;
                let hits = index
                    .search(
                        &vectors[at],
                        &Search {
                            k: 5,
                            ..Search::default()
                        },
                    )
                    .unwrap();
                assert!(
                    !hits.is_empty()
                        && hits
                            .iter()
                            .all(|hit| (hit.id < 4500 || hit.id == LONE) && hit.score <= 1.001)
                );
                // While a row's neighbours are being mended, a walk may pass them by.
                misses += usize::from(hits[0].score < 0.99);
                searches += 1;
            }
            assert!(
                searches > 0 && misses * 100 <= searches,
                "{misses} of {searches}"
            );
        };
        let searchers = [scope.spawn(search), scope.spawn(search)];
        let insert =
            scope.spawn(|| (3000..4500).for_each(|id| put(&index, id as u64, &vectors[id], 0, 0)));
        let delete = scope.spawn(|| (1000..2500).for_each(|id| assert_eq!(index.remove(&[id]), 1)));
        let replace = scope.spawn(|| {
            for round in 0..300 {
                let at = round % 500;
                put(&index, LONE, &vectors[4499 - round % 2], 0, 7);
                put_all(&index, at as u64, &vectors[at..at + round % 5], 2);
            }
        });
        let lone = scope.spawn(|| {
            let alone = Search {
                k: 5,
                namespace: Some(7),
                ..Search::default()
            };
            while !done.load(Ordering::Relaxed) {
                let hits = index.search(&vectors[4499], &alone).unwrap();
                assert_eq!(hits.len(), 1, "always one of the two, and never both");
                assert_eq!(hits[0].id, LONE);
            }
        });
        insert.join().unwrap();
        delete.join().unwrap();
        replace.join().unwrap();
        done.store(true, Ordering::Relaxed);
        searchers
            .into_iter()
            .for_each(|searcher| searcher.join().unwrap());
        lone.join().unwrap();
    });
    assert_eq!(index.len(), 3001);
    assert_index_sound(&index);
}
