//! A cache from 256-bit keys to shared values: bounded in bytes, with a time to live, and not to be flushed by a scan.
//!
//! The policy is S3-FIFO (Yang et al., SOSP 2023) over bytes: a new entry waits in a small queue, a tenth of the space, and
//! moves to the main queue only if it was used twice there, or comes back soon after it was evicted. One pass over a
//! million keys that nobody asks for again therefore costs the small queue only. A hit writes one counter and moves nothing.
//!
//! Invariants:
//! * `weight() <= capacity` always, with the slots, the index and the ghost charged at the worst they can take.
//! * No value is dropped under a lock: its destructor may come back to this cache.

#![forbid(unsafe_code)]

mod error;
mod ghost;
mod shard;
mod slab;
#[cfg(test)]
mod tests;

use parking_lot::{Mutex, MutexGuard};
use std::hash::BuildHasher;

use error::MOST_SHARDS;
use hashbrown::DefaultHashBuilder;
use shard::{Shard, slot_cost};

pub use error::ExactError;
pub use shard::Stats;

/// A key is a hash already; it is hashed again, with a seed of this cache's own, only to place it.
pub type Key = [u8; 32];

/// How a [`Cache`] is divided.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Parts with a lock each; one value fits into one part. By default one for every 64 MiB, 16 at most.
    pub shards: Option<usize>,
}

const SHARD_BYTES: u64 = 64 << 20;
const LEAST_SHARD_BYTES: u64 = 4096;
/// More than any memory, and little enough that no sum of weights overflows.
const MOST_BYTES: u64 = 1 << 62;

pub struct Cache<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    hasher: DefaultHashBuilder,
    capacity: u64,
}

impl<V> Cache<V> {
    /// A cache that never holds more than `capacity` bytes, its own bookkeeping included.
    pub fn new(capacity: u64, options: Options) -> Result<Self, ExactError> {
        let capacity = capacity.min(MOST_BYTES);
        let count = options
            .shards
            .unwrap_or((capacity / SHARD_BYTES).clamp(1, 16) as usize);
        if !(1..=MOST_SHARDS).contains(&count) {
            return Err(ExactError::NoShards);
        }
        let each = capacity / count as u64;
        if each < LEAST_SHARD_BYTES.max(32 * slot_cost::<V>()) {
            return Err(ExactError::TooSmall(
                LEAST_SHARD_BYTES.max(32 * slot_cost::<V>()) * count as u64,
            ));
        }
        let shards = (0..count).map(|_| Mutex::new(Shard::new(each))).collect();
        Ok(Cache {
            shards,
            hasher: DefaultHashBuilder::default(),
            capacity,
        })
    }

    /// What `read` makes of the value under `key`, unless there is none or its time has come.
    ///
    /// `read` runs under the shard's lock: let it copy a pointer, no more.
    pub fn get<R>(&self, key: &Key, now: i64, read: impl FnOnce(&V) -> R) -> Option<R> {
        let hash = self.hasher.hash_one(key);
        let found = self.shard(hash).get(hash, key, now, read);
        found.ok()
    }

    /// Keeps `value` until `expires`, in place of what was there. False, and nothing kept, if it can never fit.
    pub fn put(&self, key: &Key, value: V, weight: u64, expires: i64) -> bool {
        let hash = self.hasher.hash_one(key);
        let mut out = Vec::new();
        let kept =
            self.shard(hash)
                .put(hash, (key, value, weight, expires), &self.hasher, &mut out);
        drop(out);
        kept
    }

    /// Whether there was something under `key`; now there is not.
    pub fn remove(&self, key: &Key) -> bool {
        let hash = self.hasher.hash_one(key);
        let removed = self.shard(hash).remove(hash, key);
        removed.is_some()
    }

    /// Forgets every entry. What has been counted stays.
    pub fn clear(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let mut empty = Shard::new(self.capacity / self.shards.len() as u64);
            empty.stats = shard.stats;
            let old = std::mem::replace(&mut *shard, empty);
            drop(shard);
            drop(old);
        }
    }

    /// What `read` makes of every live entry (key, value, weight, expires) of one shard, for a snapshot.
    ///
    /// Locks that shard meanwhile. `None` when there is no such shard.
    pub fn entries<R>(
        &self,
        shard: usize,
        now: i64,
        read: impl Fn(&Key, &V, u64, i64) -> R,
    ) -> Option<Vec<R>> {
        let shard = lock(self.shards.get(shard)?);
        Some(
            shard
                .live(now)
                .map(|(key, value, weight, expires)| read(key, value, weight, expires))
                .collect(),
        )
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held, bookkeeping included: at most [`Cache::capacity`].
    pub fn weight(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).weight()).sum()
    }

    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    pub fn stats(&self) -> Stats {
        self.shards
            .iter()
            .map(|shard| lock(shard).stats)
            .fold(Stats::default(), |a, b| Stats {
                hits: a.hits + b.hits,
                misses: a.misses + b.misses,
                insertions: a.insertions + b.insertions,
                evictions: a.evictions + b.evictions,
                expirations: a.expirations + b.expirations,
            })
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard<V>> {
        // The index uses the low bits and the top seven, the ghost the upper half: take others.
        lock(&self.shards[(hash >> 16) as usize % self.shards.len()])
    }
}

/// A panic in `read` leaves a shard whole, so its lock stays good.
fn lock<V>(shard: &Mutex<Shard<V>>) -> MutexGuard<'_, Shard<V>> {
    shard.lock()
}
