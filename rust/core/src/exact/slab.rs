//! Where the entries of a shard live: slots in small blocks, strung into first-in-first-out queues by index.

/// Slots are allocated in blocks of this many, so that growth never copies the entries.
pub(super) const BLOCK: usize = 16;

/// No slot.
pub(super) const NIL: u32 = u32::MAX;

pub(super) struct Entry<V> {
    pub key: [u8; 32],
    /// `None` in a free slot only.
    pub value: Option<V>,
    pub weight: u64,
    pub expires: i64,
    older: u32,
    newer: u32,
    pub uses: u8,
    pub main: bool,
}

/// One end-to-end list of slots. `weight` is the sum over its entries.
#[derive(Clone, Copy)]
pub(super) struct Queue {
    pub oldest: u32,
    newest: u32,
    pub len: usize,
    pub weight: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            oldest: NIL,
            newest: NIL,
            len: 0,
            weight: 0,
        }
    }
}

pub(super) struct Slab<V> {
    blocks: Vec<Box<[Entry<V>]>>,
    /// Free slots are strung together by their `newer`.
    free: u32,
}

impl<V> Default for Slab<V> {
    fn default() -> Self {
        Slab {
            blocks: Vec::new(),
            free: NIL,
        }
    }
}

impl<V> Slab<V> {
    pub fn slots(&self) -> usize {
        self.blocks.len() * BLOCK
    }

    pub fn is_full(&self) -> bool {
        self.free == NIL
    }

    pub fn get(&self, slot: u32) -> &Entry<V> {
        &self.blocks[slot as usize / BLOCK][slot as usize % BLOCK]
    }

    pub fn get_mut(&mut self, slot: u32) -> &mut Entry<V> {
        &mut self.blocks[slot as usize / BLOCK][slot as usize % BLOCK]
    }

    /// Stores an entry that is in no queue yet.
    pub fn insert(&mut self, key: [u8; 32], value: V, weight: u64, expires: i64) -> u32 {
        if self.is_full() {
            self.grow();
        }
        let slot = self.free;
        let entry = self.get_mut(slot);
        let next = entry.newer;
        *entry = Entry {
            key,
            value: Some(value),
            weight,
            expires,
            older: NIL,
            newer: NIL,
            uses: 0,
            main: false,
        };
        self.free = next;
        slot
    }

    /// Empties a slot that is in no queue any more.
    pub fn remove(&mut self, slot: u32) -> V {
        let free = self.free;
        let entry = self.get_mut(slot);
        entry.newer = free;
        let value = entry
            .value
            .take()
            .expect("a queued or indexed slot holds a value");
        self.free = slot;
        value
    }

    fn grow(&mut self) {
        let first = self.slots() as u32;
        let block = (0..BLOCK as u32).map(|i| Entry {
            key: [0; 32],
            value: None,
            weight: 0,
            expires: 0,
            older: NIL,
            newer: if i + 1 < BLOCK as u32 {
                first + i + 1
            } else {
                NIL
            },
            uses: 0,
            main: false,
        });
        self.blocks.push(block.collect());
        self.free = first;
    }

    pub fn push(&mut self, queue: &mut Queue, slot: u32) {
        let newest = queue.newest;
        let entry = self.get_mut(slot);
        (entry.older, entry.newer) = (newest, NIL);
        queue.weight += entry.weight;
        queue.len += 1;
        queue.newest = slot;
        match newest {
            NIL => queue.oldest = slot,
            newest => self.get_mut(newest).newer = slot,
        }
    }

    pub fn unlink(&mut self, queue: &mut Queue, slot: u32) {
        let entry = self.get(slot);
        let (older, newer) = (entry.older, entry.newer);
        queue.weight -= entry.weight;
        queue.len -= 1;
        match older {
            NIL => queue.oldest = newer,
            older => self.get_mut(older).newer = newer,
        }
        match newer {
            NIL => queue.newest = older,
            newer => self.get_mut(newer).older = older,
        }
    }

    /// Moves a queue's entries, in order, to the end of another slab.
    pub fn drain_into(&mut self, queue: Queue, target: &mut Slab<V>) -> Queue {
        let mut moved = Queue::default();
        let mut slot = queue.oldest;
        while slot != NIL {
            let entry = self.get_mut(slot);
            let (key, weight, expires, uses, main) = (
                entry.key,
                entry.weight,
                entry.expires,
                entry.uses,
                entry.main,
            );
            let value = entry.value.take().expect("a queued slot holds a value");
            slot = entry.newer;
            let new = target.insert(key, value, weight, expires);
            (target.get_mut(new).uses, target.get_mut(new).main) = (uses, main);
            target.push(&mut moved, new);
        }
        moved
    }

    /// Every live entry, with its slot.
    pub fn live(&self) -> impl Iterator<Item = (u32, &Entry<V>)> {
        let entries = self.blocks.iter().flatten().enumerate();
        entries
            .filter(|(_, entry)| entry.value.is_some())
            .map(|(slot, entry)| (slot as u32, entry))
    }

    #[cfg(test)]
    pub fn footprint(&self) -> usize {
        self.slots() * size_of::<Entry<V>>() + self.blocks.capacity() * size_of::<Box<[Entry<V>]>>()
    }
}
