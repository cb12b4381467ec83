//! Whatever the bytes say: a typed error, or an index that can be searched and changed.
//!
//! The checksum is put right first, since no fuzzer would guess it: what is behind it must hold on its own.

#![no_main]

use gateway_core::index::{Batch, Column, Index, IndexError, Search};
use libfuzzer_sys::fuzz_target;
use xxhash_rust::xxh3::xxh3_64;

fuzz_target!(|data: &[u8]| {
    assert!(!matches!(
        Index::from_bytes(data),
        Err(IndexError::Io { .. })
    ));
    let mut sealed = data.to_vec();
    if sealed.len() >= 136 {
        let end = sealed.len() - 8;
        let length = sealed.len() as u64;
        sealed[..16].copy_from_slice(b"GWINDEX\n\x01\0\0\0\0\0\0\0");
        sealed[16..24].copy_from_slice(&length.to_le_bytes());
        let sum = xxh3_64(&sealed[..end]);
        sealed[end..].copy_from_slice(&sum.to_le_bytes());
    }
    if let Ok(index) = Index::from_bytes(&sealed) {
        let query = vec![1.0; index.dim()];
        let _ = index.search(
            &query,
            &Search {
                k: 3,
                namespace: Some(1),
                now: 1,
                ..Search::default()
            },
        );
        let hits = index.search(
            &query,
            &Search {
                k: 3,
                ..Search::default()
            },
        );
        for hit in hits.into_iter().flatten() {
            index.remove(&[hit.id]);
        }
        let (expires, namespaces) = (Column::All(1), Column::All(1));
        let _ = index.add(
            &Batch {
                ids: &[3],
                vectors: &query,
                expires,
                namespaces,
            },
            1,
        );
        assert!(Index::from_bytes(&index.to_bytes()).is_ok());
    }
});
