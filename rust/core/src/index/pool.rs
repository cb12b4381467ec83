//! The best few of many scored rows, kept sorted, and the set of rows that a walk has met.

/// Sorted array of the best rows so far: an insertion moves a few words, which beats two heaps at the sizes in use.
///
/// A key holds, from the top: the similarity, inverted so that the best sorts first; the slot; whether it was expanded. Equal
/// similarities are thus ordered by slot, which keeps searches deterministic.
#[derive(Default)]
pub(super) struct Pool {
    keys: Vec<u64>,
    room: usize,
}

/// Slots take 31 bits of a key.
pub(super) const MAX_SLOTS: u32 = 1 << 31;

/// A key of one row.
#[inline]
pub(super) fn key(similarity: f32, slot: u32) -> u64 {
    let bits = similarity.to_bits();
    let ascending = if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    };
    u64::from(!ascending) << 32 | u64::from(slot) << 1
}

#[inline]
pub(super) fn slot(key: u64) -> u32 {
    key as u32 >> 1
}

#[inline]
pub(super) fn similarity(key: u64) -> f32 {
    let ascending = !(key >> 32) as u32;
    f32::from_bits(if ascending >> 31 == 1 {
        ascending & !(1 << 31)
    } else {
        !ascending
    })
}

impl Pool {
    pub fn reset(&mut self, room: usize) {
        self.keys.clear();
        self.room = room;
    }

    /// Keeps the key if it is among the best; says where it stands.
    #[inline]
    pub fn offer(&mut self, key: u64) -> Option<usize> {
        if self.keys.len() >= self.room {
            if self.keys.last().is_none_or(|&worst| key >= worst) {
                return None;
            }
            self.keys.pop();
        }
        let place = self.keys.partition_point(|&other| other < key);
        self.keys.insert(place, key);
        Some(place)
    }

    /// The first row at or after `from` that was not expanded yet, marked as expanded.
    #[inline]
    pub fn expand(&mut self, from: usize) -> Option<(usize, u32)> {
        let place = from + self.keys[from..].iter().position(|key| key & 1 == 0)?;
        self.keys[place] |= 1;
        Some((place, slot(self.keys[place])))
    }

    pub fn is_full(&self) -> bool {
        self.keys.len() >= self.room
    }

    pub fn worst(&self) -> Option<u64> {
        self.keys.last().copied()
    }

    /// Drops all but the best.
    pub fn shorten(&mut self, len: usize) {
        self.keys.truncate(len);
    }

    /// Best first.
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    pub fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.keys.iter().map(|&key| slot(key))
    }
}

/// A set of slots: one bit each, so that it stays in the first-level cache, and a list to empty it by.
#[derive(Default)]
pub(super) struct Marks {
    bits: Vec<u64>,
    touched: Vec<u32>,
}

impl Marks {
    /// Empties the set and makes it fit for slots below `slots`.
    pub fn reset(&mut self, slots: u32) {
        for &word in &self.touched {
            self.bits[word as usize] = 0;
        }
        self.touched.clear();
        let words = slots.div_ceil(64) as usize;
        if self.bits.len() < words {
            self.bits.resize(words.next_multiple_of(64), 0);
        }
    }

    /// Whether the slot is new to the set.
    #[inline]
    pub fn insert(&mut self, slot: u32) -> bool {
        let (word, bit) = ((slot / 64) as usize, 1u64 << (slot % 64));
        let before = self.bits[word];
        if before == 0 {
            self.touched.push(slot / 64);
        }
        self.bits[word] = before | bit;
        before & bit == 0
    }

    #[inline]
    pub fn contains(&self, slot: u32) -> bool {
        self.bits[(slot / 64) as usize] >> (slot % 64) & 1 == 1
    }

    pub fn bytes(&self) -> usize {
        8 * self.bits.capacity() + 4 * self.touched.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_sort_best_first_and_round_trip(a in -2f32..2.0, b in -2f32..2.0, s in 0u32..MAX_SLOTS) {
            prop_assert_eq!(slot(key(a, s)), s);
            prop_assert_eq!(similarity(key(a, s) | 1).to_bits(), a.to_bits());
            prop_assert_eq!(key(a, s) < key(b, s), a > b || (a == b && a.to_bits() < b.to_bits()));
        }

        #[test]
        fn pool_keeps_the_best(values in prop::collection::vec(-1f32..1.0, 0..60), room in 1usize..20) {
            let mut pool = Pool::default();
            pool.reset(room);
            let mut all: Vec<u64> = values.iter().enumerate().map(|(i, &v)| key(v, i as u32)).collect();
            all.iter().for_each(|&key| { pool.offer(key); });
            all.sort_unstable();
            all.truncate(room);
            prop_assert_eq!(pool.keys(), &all[..]);
        }
    }

    #[test]
    fn marks_are_emptied() {
        let mut marks = Marks::default();
        marks.reset(200);
        assert!(marks.insert(3) && !marks.insert(3) && marks.insert(199) && marks.contains(199));
        marks.reset(300);
        assert!(!marks.contains(3) && !marks.contains(199) && marks.insert(3));
    }
}
