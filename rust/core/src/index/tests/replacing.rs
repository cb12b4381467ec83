//! Vectors whose ids are there already, above all where a graph is as small as one may be.

use super::super::write::SWITCH;
use super::*;

/// A graph that would be a flat set if it had one row fewer.
fn least(vectors: &[Vec<f32>]) -> Index {
    let index = filled(&vectors[..=SWITCH], Options::default(), 1);
    let rest: Vec<u64> = (SWITCH as u64 / 4..=SWITCH as u64).collect();
    assert_eq!(index.remove(&rest), rest.len());
    assert!(matches!(&*index.state.read(), State::Graph(_)));
    index
}

fn assert_found(index: &Index, id: u64, vector: &[f32]) {
    let hits = index.search(vector, &Search::default()).unwrap();
    assert_eq!(hits[0].id, id);
    assert!(hits[0].score > 0.999);
}

#[test]
fn the_least_graph_loses_nothing_that_is_replaced() {
    let (len, vectors) = (SWITCH / 4, clustered(SWITCH + 1, 16, 30, 0.5, 20));
    let others = clustered(len, 16, 30, 0.5, 21);
    for (count, threads) in [
        (1, 1),
        (1, 2),
        (len / 2, 1),
        (len / 2, 2),
        (len, 1),
        (len, 2),
    ] {
        let index = least(&vectors);
        put_all(&index, 0, &others[..count], threads);
        assert_eq!(index.len(), len);
        assert_index_sound(&index);
        for (id, vector) in others[..count]
            .iter()
            .chain(&vectors[count..len])
            .enumerate()
        {
            assert!(index.contains(id as u64));
            assert_found(&index, id as u64, vector);
        }
        assert_eq!(index.remove(&[0]), 1);
        assert!(matches!(&*index.state.read(), State::Flat(_)));
        assert_eq!(index.len(), len - 1);
        assert_found(
            &index,
            len as u64 - 1,
            others
                .get(len - 1)
                .filter(|_| count == len)
                .unwrap_or(&vectors[len - 1]),
        );
    }
}

#[test]
fn expiry_makes_a_small_graph_flat_too() {
    let vectors = clustered(SWITCH + 1, 16, 30, 0.5, 22);
    let index = filled(&vectors, Options::default(), 2);
    (10..vectors.len()).for_each(|id| put(&index, id as u64, &vectors[id], 5, 0));
    assert_eq!(index.expire(5), vectors.len() - 10);
    assert!(matches!(&*index.state.read(), State::Flat(_)));
    (0..10).for_each(|id| assert_found(&index, id as u64, &vectors[id]));
}
