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

#[test]
fn rows_in_hand_when_a_panic_comes_are_given_back() {
    let vectors = clustered(300, 16, 30, 0.5, 13);
    let options = Options {
        m: 4,
        ..Options::default()
    };
    let index = filled(&vectors, options, 1);
    for is_linked in [false, true] {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut hand = super::super::hand::Hand::new(&index);
            for id in 0..300 {
                let record = index.reading(|graph| graph.find(id).unwrap());
                let (scale, codes, residual) = index.reading(|graph| {
                    let record = graph.record(record);
                    (
                        record.scale,
                        record.codes.to_vec(),
                        record.residual.to_vec(),
                    )
                });
                let slot = hand.claim(&layout::Record {
                    id: 5000 + id,
                    expires: 0,
                    namespace: 0,
                    scale,
                    codes: &codes,
                    residual: &residual,
                });
                if is_linked {
                    index.reading(|graph| {
                        let mut scratch = graph.scratch();
                        let plan = graph.plan(slot, 50, &link::Beside::default(), &mut scratch);
                        graph.link(slot, &plan, &mut scratch);
                    });
                }
            }
            panic!("a worker's");
        }));
        assert!(panic.is_err());
        assert_eq!(index.len(), 300);
        assert_index_sound(&index);
        put_all(&index, 2000, &vectors[..100], 2);
        assert_eq!(index.remove(&(2000..2100).collect::<Vec<_>>()), 100);
        let again = Index::from_bytes(&index.to_bytes()).unwrap();
        assert_eq!(again.len(), 300);
    }
}
