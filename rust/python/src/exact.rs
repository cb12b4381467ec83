//! Python face of [`gateway_core::exact`].

use crate::error::OrRaise;
use gateway_core::exact::{Cache, Key, Options};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// What an ExactCache has counted since it was made.
#[pyclass(frozen, get_all, module = "gateway.native")]
pub struct CacheStats {
    /// Gets that found a live entry.
    hits: u64,
    /// Gets that found none, or an expired one.
    misses: u64,
    /// Values that were kept.
    insertions: u64,
    /// Entries pushed out for want of space.
    evictions: u64,
    /// Entries found past their time, by a get or by an eviction.
    expirations: u64,
}

#[pymethods]
impl CacheStats {
    fn __repr__(&self) -> String {
        let CacheStats {
            hits,
            misses,
            insertions,
            evictions,
            expirations,
        } = self;
        format!(
            "CacheStats(hits={hits}, misses={misses}, insertions={insertions}, evictions={evictions}, \
             expirations={expirations})"
        )
    }
}

/// A cache from 32-byte keys to immutable Python objects, bounded in bytes.
///
/// `capacity` bounds the weights of all values plus the cache's own bookkeeping, at every moment. New entries have to prove
/// themselves in a small queue before they may push out what is used (S3-FIFO), so a scan does not flush the cache.
/// `shards` divides it into parts with a lock each; one value must fit into one part.
///
/// Times are integers of nanoseconds on any clock of the caller's, the same one for all calls.
#[pyclass(frozen, module = "gateway.native")]
pub struct ExactCache(Cache<Py<PyAny>>);

type Entry = (Py<PyBytes>, Py<PyAny>, u64, i64);

fn key<'a>(key: &'a Bound<'_, PyBytes>) -> PyResult<&'a Key> {
    let bytes = key.as_bytes();
    let wrong = || {
        PyValueError::new_err(format!(
            "key must be 32 bytes, not {}: pass a 256-bit hash",
            bytes.len()
        ))
    };
    bytes.try_into().map_err(|_| wrong())
}

#[pymethods]
impl ExactCache {
    #[new]
    #[pyo3(signature = (capacity, *, shards = None))]
    fn new(capacity: u64, shards: Option<usize>) -> PyResult<Self> {
        let cache = Cache::new(capacity, Options { shards });
        cache.map(ExactCache).or_raise()
    }

    /// The object itself, not a copy, or None if there is none or it has expired at `now`.
    #[pyo3(signature = (key, now, /))]
    fn get(
        &self,
        py: Python<'_>,
        key: &Bound<'_, PyBytes>,
        now: i64,
    ) -> PyResult<Option<Py<PyAny>>> {
        Ok(self
            .0
            .get(self::key(key)?, now, |value| value.clone_ref(py)))
    }

    /// Keeps `value` until `expires`, in place of what was there. `weight` is its size in bytes, as the caller counts it.
    ///
    /// False, with nothing kept under the key, if it is larger than one part of the cache.
    #[pyo3(signature = (key, value, weight, expires, /))]
    fn put(
        &self,
        key: &Bound<'_, PyBytes>,
        value: Py<PyAny>,
        weight: i64,
        expires: i64,
    ) -> PyResult<bool> {
        let weight = weight
            .try_into()
            .map_err(|_| PyValueError::new_err("weight must not be negative: pass bytes"))?;
        Ok(self.0.put(self::key(key)?, value, weight, expires))
    }

    /// Forgets one entry; whether there was one.
    #[pyo3(signature = (key, /))]
    fn remove(&self, key: &Bound<'_, PyBytes>) -> PyResult<bool> {
        Ok(self.0.remove(self::key(key)?))
    }

    /// Forgets every entry. The counts of stats() go on.
    fn clear(&self) {
        self.0.clear();
    }

    /// The entries (key, value, weight, expires) of one shard that are alive at `now`: for a snapshot, shard by shard.
    #[pyo3(signature = (shard, now, /))]
    fn entries(&self, py: Python<'_>, shard: usize, now: i64) -> PyResult<Vec<Entry>> {
        // Keys become Python objects after the lock is released: making them may run the garbage collector.
        let copy = |key: &Key, value: &Py<PyAny>, weight, expires| {
            (*key, value.clone_ref(py), weight, expires)
        };
        let found = self.0.entries(shard, now, copy).ok_or_else(|| {
            PyValueError::new_err(format!(
                "shard must be below {}, the number of shards",
                self.0.shards()
            ))
        })?;
        let entry = |(key, value, weight, expires): (Key, _, _, _)| {
            (PyBytes::new(py, &key).unbind(), value, weight, expires)
        };
        Ok(found.into_iter().map(entry).collect())
    }

    /// What has been counted since the cache was made.
    fn stats(&self) -> CacheStats {
        let stats = self.0.stats();
        CacheStats {
            hits: stats.hits,
            misses: stats.misses,
            insertions: stats.insertions,
            evictions: stats.evictions,
            expirations: stats.expirations,
        }
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// Bytes held, bookkeeping included: never above `capacity`.
    #[getter]
    fn weight(&self) -> u64 {
        self.0.weight()
    }

    /// The bound on `weight`, in bytes.
    #[getter]
    fn capacity(&self) -> u64 {
        self.0.capacity()
    }

    /// Parts with a lock each.
    #[getter]
    fn shards(&self) -> usize {
        self.0.shards()
    }
}
