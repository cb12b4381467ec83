//! What is found, by metric, size and history.

use std::collections::BTreeMap;

use super::super::write::SWITCH;
use super::*;

#[test]
fn a_graph_finds_what_brute_force_finds() {
    let vectors = clustered(4000, 64, 60, 0.5, 1);
    let queries = clustered(200, 64, 60, 0.5, 1);
    for threads in [1, 3] {
        let index = filled(&vectors, Options::default(), threads);
        assert_index_sound(&index);
        let live = vectors
            .iter()
            .cloned()
            .enumerate()
            .map(|(id, vector)| (id as u64, vector))
            .collect();
        let recall = recall(&index, &live, &queries, 10);
        assert!(recall > 0.97, "{recall}");
    }
}

#[test]
fn recall_and_reachability_survive_churn() {
    let count = 8 * SWITCH;
    let vectors = clustered(count * 6, 48, 40, 0.5, 2);
    let queries = clustered(100, 48, 40, 0.5, 2);
    let index = filled(&vectors[..count], Options::default(), 1);
    let mut live: BTreeMap<u64, Vec<f32>> = (0..count)
        .map(|id| (id as u64, vectors[id].clone()))
        .collect();
    let mut rng = Rng(3);
    for round in 0..10 {
        let mut ids: Vec<u64> = live.keys().copied().collect();
        for _ in 0..count / 2 {
            let gone = ids.swap_remove(rng.next() as usize % ids.len());
            live.remove(&gone);
            assert_eq!(index.remove(&[gone]), 1);
        }
        assert_index_sound(&index);
        for at in 0..count / 2 {
            let at = count + round * count / 2 + at;
            live.insert(at as u64, vectors[at].clone());
            put(&index, at as u64, &vectors[at], 0, 0);
        }
        assert_index_sound(&index);
        let recall = recall(&index, &live, &queries, 10);
        assert!(recall > 0.95, "round {round}: {recall}");
    }
}

#[test]
fn inner_product_ranks_by_length_too() {
    let mut rng = Rng(4);
    let mut vectors = clustered(3000, 32, 30, 0.5, 4);
    for vector in &mut vectors {
        let length = 0.5 + (rng.next() % 1000) as f32 / 500.0;
        vector.iter_mut().for_each(|x| *x *= length);
    }
    let index = filled(
        &vectors,
        Options {
            metric: Metric::InnerProduct,
            ..Options::default()
        },
        1,
    );
    let mut found = 0;
    for query in clustered(100, 32, 30, 0.5, 4) {
        let product =
            |vector: &Vec<f32>| vector.iter().zip(&query).map(|(a, b)| a * b).sum::<f32>();
        let best = vectors.iter().map(product).fold(f32::MIN, f32::max);
        let hits = index.search(&query, &Search::default()).unwrap();
        found += usize::from((hits[0].score - best).abs() < 1e-3 * best.abs());
    }
    assert!(found >= 97, "{found}");
}

#[test]
fn misuse_is_refused_whole() {
    let index = Index::new(4, Options::default()).unwrap();
    let batch = |ids, vectors| Batch {
        ids,
        vectors,
        expires: Column::All(0),
        namespaces: Column::All(0),
    };
    let good = [1.0f32, 0.0, 0.0, 0.0];
    let bad: Vec<f32> = [good, [0.0, f32::NAN, 0.0, 0.0]].concat();
    assert!(matches!(
        index.add(&batch(&[1, 2], &bad), 1),
        Err(IndexError::Vector {
            row: 1,
            fault: Fault::NotFinite
        })
    ));
    assert!(matches!(
        index.add(&batch(&[1, 2], &good), 1),
        Err(IndexError::Columns { .. })
    ));
    assert!(matches!(
        index.add(&batch(&[1], &good[..3]), 1),
        Err(IndexError::Dimension { .. })
    ));
    assert!(matches!(
        index.add(&batch(&[u64::MAX], &good), 1),
        Err(IndexError::Id { row: 0 })
    ));
    assert!(index.is_empty());
    assert!(matches!(
        index.search(&[0.0; 4], &Search::default()),
        Err(IndexError::Vector {
            fault: Fault::Zero,
            ..
        })
    ));
    assert!(matches!(
        index.search(&[1.0; 5], &Search::default()),
        Err(IndexError::Dimension { .. })
    ));
    assert!(
        index
            .search(
                &good,
                &Search {
                    k: 9,
                    ..Search::default()
                }
            )
            .unwrap()
            .is_empty()
    );
    for dim in [0, 70_000] {
        assert!(matches!(
            Index::new(dim, Options::default()),
            Err(IndexError::Option(_))
        ));
    }
}

#[test]
fn numbers_beyond_any_use_are_refused_or_do_no_harm() {
    let vectors = clustered(SWITCH + 1, 4, 30, 0.5, 5);
    let index = filled(&vectors, Options::default(), usize::MAX);
    let (one, ten) = (&vectors[0], vectors[..20].concat());
    let ask = |k, ef| Search {
        k,
        ef,
        namespace: Some(0),
        ..Search::default()
    };
    for k in [MAX_K + 1, usize::MAX] {
        assert!(matches!(
            index.search(one, &ask(k, None)),
            Err(IndexError::Option(_))
        ));
    }
    assert!(matches!(
        index.search_all(&ten, &ask(MAX_K, None), 1),
        Err(IndexError::Option(_))
    ));
    let hits = index.search(one, &ask(MAX_K, Some(usize::MAX))).unwrap();
    assert_eq!(hits.len(), vectors.len());
    put(&index, 0, one, 0, 1);
    let hits = index.search(one, &ask(MAX_K, Some(usize::MAX))).unwrap();
    assert_eq!(hits.len(), vectors.len() - 1);
    let all = index.search_all(&ten, &ask(1, None), usize::MAX).unwrap();
    assert_eq!(all.len(), 20);
    assert!(matches!(
        index.search_all(&ten, &ask(1, None), 0),
        Err(IndexError::Option(_))
    ));
}
