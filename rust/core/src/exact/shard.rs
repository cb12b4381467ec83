//! One shard: an index, two queues and a ghost, which together are S3-FIFO over bytes.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder as Hasher, HashTable};

use super::ghost::Ghost;
use super::slab::{BLOCK, Entry, NIL, Queue, Slab};

/// What has happened since the cache was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub hits: u64,
    pub misses: u64,
    pub insertions: u64,
    /// Pushed out for want of space.
    pub evictions: u64,
    /// Found to be past their time, by a `get` or by an eviction.
    pub expirations: u64,
}

/// The share of a shard in which new entries have to prove themselves: a tenth, as in the S3-FIFO paper.
const SMALL_SHARE: u64 = 10;

/// Uses are counted up to this many.
const MOST_USES: u8 = 3;

/// An eviction gives at most this many used entries another round, so that no single `put` walks a whole shard.
const MOST_ROUNDS: usize = 64;

pub(super) struct Shard<V> {
    capacity: u64,
    slab: Slab<V>,
    index: HashTable<u32>,
    small: Queue,
    main: Queue,
    ghost: Ghost,
    /// The time that the last `get` brought, by which eviction knows what has expired.
    now: i64,
    pub stats: Stats,
}

/// What one slot is charged above the weight of its value: the entry, and the worst that index (17 bytes: just grown, the
/// old table not yet freed), ghost (29 bytes, likewise) and the list of blocks take per slot.
pub(super) const fn slot_cost<V>() -> u64 {
    (size_of::<Entry<V>>() + 17 + 29 + 2) as u64
}

impl<V> Shard<V> {
    pub fn new(capacity: u64) -> Self {
        Shard {
            capacity,
            slab: Slab::default(),
            index: HashTable::new(),
            small: Queue::default(),
            main: Queue::default(),
            ghost: Ghost::default(),
            now: i64::MIN,
            stats: Stats::default(),
        }
    }

    pub fn len(&self) -> usize {
        self.small.len + self.main.len
    }

    /// Bytes charged: the weights of the values, and every slot, free ones too.
    pub fn weight(&self) -> u64 {
        self.small.weight + self.main.weight + self.slab.slots() as u64 * slot_cost::<V>()
    }

    /// The value under `key`, or the expired one that was just removed, for the caller to drop after unlocking.
    pub fn get<R>(
        &mut self,
        hash: u64,
        key: &[u8; 32],
        now: i64,
        read: impl FnOnce(&V) -> R,
    ) -> Result<R, Option<V>> {
        self.now = now;
        let Some(slot) = self.find(hash, key) else {
            self.stats.misses += 1;
            return Err(None);
        };
        let entry = self.slab.get_mut(slot);
        if now >= entry.expires {
            self.stats.misses += 1;
            self.stats.expirations += 1;
            return Err(Some(self.delete(hash, slot)));
        }
        entry.uses = MOST_USES.min(entry.uses + 1);
        self.stats.hits += 1;
        Ok(read(
            entry.value.as_ref().expect("an indexed slot holds a value"),
        ))
    }

    /// Stores a value; what it pushes out goes to `out`, for the caller to drop after unlocking.
    pub fn put(
        &mut self,
        hash: u64,
        new: (&[u8; 32], V, u64, i64),
        hasher: &Hasher,
        out: &mut Vec<V>,
    ) -> bool {
        let (key, value, weight, expires) = new;
        let (mut main, mut uses) = (self.ghost.contains(hash), 0);
        if let Some(slot) = self.find(hash, key) {
            (main, uses) = (self.slab.get(slot).main, self.slab.get(slot).uses);
            out.push(self.delete(hash, slot));
        }
        if weight
            > self
                .capacity
                .saturating_sub(BLOCK as u64 * slot_cost::<V>())
        {
            out.push(value);
            return false;
        }
        self.make_room(weight, hasher, out);
        let slot = self.slab.insert(*key, value, weight, expires);
        let entry = self.slab.get_mut(slot);
        (entry.main, entry.uses) = (main, uses);
        self.slab.push(
            if main {
                &mut self.main
            } else {
                &mut self.small
            },
            slot,
        );
        let slab = &self.slab;
        self.index
            .insert_unique(hash, slot, |slot| hasher.hash_one(slab.get(*slot).key));
        self.stats.insertions += 1;
        true
    }

    pub fn remove(&mut self, hash: u64, key: &[u8; 32]) -> Option<V> {
        let slot = self.find(hash, key)?;
        Some(self.delete(hash, slot))
    }

    /// Every entry that has not expired at `now`.
    pub fn live(&self, now: i64) -> impl Iterator<Item = (&[u8; 32], &V, u64, i64)> {
        let entries = self
            .slab
            .live()
            .filter(move |(_, entry)| now < entry.expires);
        entries.filter_map(|(_, e)| Some((&e.key, e.value.as_ref()?, e.weight, e.expires)))
    }

    fn find(&self, hash: u64, key: &[u8; 32]) -> Option<u32> {
        self.index
            .find(hash, |slot| self.slab.get(*slot).key == *key)
            .copied()
    }

    fn delete(&mut self, hash: u64, slot: u32) -> V {
        let queue = if self.slab.get(slot).main {
            &mut self.main
        } else {
            &mut self.small
        };
        self.slab.unlink(queue, slot);
        self.forget(hash, slot)
    }

    fn forget(&mut self, hash: u64, slot: u32) -> V {
        self.index
            .find_entry(hash, |s| *s == slot)
            .expect("a queued slot is indexed")
            .remove();
        self.slab.remove(slot)
    }

    fn fits(&self, weight: u64) -> bool {
        let block = if self.slab.is_full() {
            BLOCK as u64 * slot_cost::<V>()
        } else {
            0
        };
        self.weight() + block + weight <= self.capacity
    }

    fn make_room(&mut self, weight: u64, hasher: &Hasher, out: &mut Vec<V>) {
        while !self.fits(weight) && self.len() > 0 {
            self.evict(hasher, out);
        }
        // Slots are charged while they are free, so a shard that held many small values gives them back.
        if self.slab.slots() > 4 * BLOCK.max(self.len()) || !self.fits(weight) {
            self.compact(hasher);
        }
    }

    /// Removes one entry, or moves the oldest of the small queue to the main one.
    fn evict(&mut self, hasher: &Hasher, out: &mut Vec<V>) {
        if self.main.len > 0 && self.small.weight <= self.capacity / SMALL_SHARE {
            return self.evict_main(hasher, out);
        }
        let slot = self.small.oldest;
        self.slab.unlink(&mut self.small, slot);
        let entry = self.slab.get_mut(slot);
        if entry.uses > 1 && self.now < entry.expires {
            (entry.uses, entry.main) = (0, true);
            self.slab.push(&mut self.main, slot);
        } else {
            let hash = hasher.hash_one(entry.key);
            self.ghost.insert(hash, self.slab.slots());
            self.discard(hash, slot, out);
        }
    }

    fn evict_main(&mut self, hasher: &Hasher, out: &mut Vec<V>) {
        for _ in 0..MOST_ROUNDS {
            let slot = self.main.oldest;
            let entry = self.slab.get_mut(slot);
            if entry.uses == 0 || self.now >= entry.expires {
                break;
            }
            entry.uses -= 1;
            self.slab.unlink(&mut self.main, slot);
            self.slab.push(&mut self.main, slot);
        }
        let slot = self.main.oldest;
        debug_assert_ne!(slot, NIL, "the main queue is not empty");
        self.slab.unlink(&mut self.main, slot);
        self.discard(hasher.hash_one(self.slab.get(slot).key), slot, out);
    }

    fn discard(&mut self, hash: u64, slot: u32, out: &mut Vec<V>) {
        let expired = self.now >= self.slab.get(slot).expires;
        let count = if expired {
            &mut self.stats.expirations
        } else {
            &mut self.stats.evictions
        };
        *count += 1;
        out.push(self.forget(hash, slot));
    }

    /// Moves the entries to as few slots as hold them. Runs only after most have gone, so it costs each of those a constant.
    fn compact(&mut self, hasher: &Hasher) {
        let mut slab = Slab::default();
        self.small = self.slab.drain_into(self.small, &mut slab);
        self.main = self.slab.drain_into(self.main, &mut slab);
        self.slab = slab;
        let slab = &self.slab;
        self.index = HashTable::with_capacity(slab.slots());
        for (slot, entry) in slab.live() {
            self.index
                .insert_unique(hasher.hash_one(entry.key), slot, |slot| {
                    hasher.hash_one(slab.get(*slot).key)
                });
        }
        self.ghost.shrink(slab.slots());
    }

    #[cfg(test)]
    pub fn footprint(&self) -> u64 {
        let structures =
            self.slab.footprint() + self.index.allocation_size() + self.ghost.footprint();
        self.small.weight + self.main.weight + structures as u64
    }
}
