//! The fingerprints of what was evicted lately, so that what comes back soon is known as worth keeping.

use std::collections::VecDeque;

use hashbrown::HashTable;

/// A first-in-first-out set of 32-bit fingerprints. A false match only sends a new entry to the main queue at once.
#[derive(Default)]
pub(super) struct Ghost {
    order: VecDeque<u32>,
    set: HashTable<u32>,
}

/// The set is placed by the fingerprint alone, so that it can rehash itself; the multiplier is 2^64 over the golden ratio.
fn place(fingerprint: &u32) -> u64 {
    u64::from(*fingerprint).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Ghost {
    pub fn contains(&self, hash: u64) -> bool {
        let fingerprint = (hash >> 32) as u32;
        self.set
            .find(place(&fingerprint), |f| *f == fingerprint)
            .is_some()
    }

    /// Remembers `hash`, and forgets the oldest beyond `bound`. What is known already keeps its age.
    pub fn insert(&mut self, hash: u64, bound: usize) {
        if bound > 0 && !self.contains(hash) {
            let fingerprint = (hash >> 32) as u32;
            self.trim(bound - 1);
            self.order.push_back(fingerprint);
            self.set
                .insert_unique(place(&fingerprint), fingerprint, place);
        }
    }

    /// Forgets the oldest beyond `bound`, and the memory they took.
    pub fn shrink(&mut self, bound: usize) {
        self.trim(bound);
        self.order.shrink_to_fit();
        self.set.shrink_to_fit(place);
    }

    fn trim(&mut self, bound: usize) {
        while self.order.len() > bound {
            let oldest = self.order.pop_front().expect("longer than its bound");
            if let Ok(entry) = self.set.find_entry(place(&oldest), |f| *f == oldest) {
                entry.remove();
            }
        }
    }

    #[cfg(test)]
    pub fn footprint(&self) -> usize {
        self.order.capacity() * size_of::<u32>() + self.set.allocation_size()
    }
}
