//! How rows come to have slots, and give them back.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::HashTable;

use super::graph::{FREE, Graph, MAX_TIERS, SEGMENT, SEGMENT_BITS, Tier, hash};
use super::layout::{Layout, Record, Shape};
use super::memory::Block;
use super::namespaces::Namespaces;

impl Graph {
    /// Draws the level of the next row: each is reached by one row in `m` of the one below.
    pub fn draw(&mut self, seed: u64) -> usize {
        self.drawn = self.drawn.wrapping_add(1);
        let luck = hash(seed ^ self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let m = u64::from(self.layout.shape.links) / 2;
        let bound = |below: &u64| Some(below / m);
        std::iter::successors(Some(u64::MAX / m), bound)
            .take_while(|&bound| luck < bound)
            .count()
            .min(MAX_TIERS)
    }

    /// Stores a record, unlinked and hidden, with room for links up to `level`.
    pub fn claim(&mut self, record: &Record<'_>, level: usize) -> u32 {
        self.widen(self.layout.shape.with(record));
        let slot = self.free.pop().map_or(self.slots, |Reverse(slot)| slot);
        self.slots = self.slots.max(slot + 1);
        if (slot >> SEGMENT_BITS) as usize == self.segments.len() {
            self.grow();
        }
        let (segment, row) = (
            (slot >> SEGMENT_BITS) as usize,
            (slot & (SEGMENT - 1)) as usize,
        );
        let hidden = Record {
            id: FREE,
            ..*record
        };
        self.segments[segment].write(&self.layout, row, &hidden);
        self.hidden += 1;
        self.tiers
            .resize_with(self.tiers.len().max(level), Tier::default);
        let places = usize::from(self.layout.shape.links) / 2;
        for tier in &mut self.tiers[..level] {
            tier.rows
                .insert(slot, (0..places).map(|_| AtomicU32::new(0)).collect());
        }
        slot
    }

    /// Lets searches find a row: in the same moment they no longer find the one that had its id, which is to be unlinked.
    pub fn show(&mut self, id: u64, slot: u32) -> Option<u32> {
        let old = self.find(id);
        if let Some(old) = old {
            self.hide(old);
        }
        self.set_id(slot, id);
        let (segments, layout) = (&self.segments, &self.layout);
        let id_of = |slot: &u32| {
            segments[(slot >> SEGMENT_BITS) as usize].ids(layout, SEGMENT as usize)
                [(slot & (SEGMENT - 1)) as usize]
        };
        self.table
            .insert_unique(hash(id), slot, |slot| hash(id_of(slot)));
        let namespace = self.record(slot).namespace;
        if let Some(namespaces) = &mut self.namespaces {
            namespaces.insert(namespace, slot);
        }
        self.hidden -= 1;
        if self.outranks(slot) {
            self.entry = Some(slot);
        }
        old
    }

    /// Hides a row that is to be unlinked: walks go through it, but nothing finds it and none begins at it.
    pub fn hide(&mut self, slot: u32) {
        self.leave(slot);
        let (id, namespace) = (self.id(slot), self.record(slot).namespace);
        if let Ok(entry) = self.table.find_entry(hash(id), |&other| other == slot) {
            entry.remove();
        }
        if let Some(namespaces) = &mut self.namespaces {
            namespaces.remove(namespace, slot);
        }
        self.set_id(slot, FREE);
        self.hidden += 1;
    }

    fn set_id(&mut self, slot: u32, id: u64) {
        let (segment, row) = (
            (slot >> SEGMENT_BITS) as usize,
            (slot & (SEGMENT - 1)) as usize,
        );
        self.segments[segment].set_id(&self.layout, row, id);
    }

    /// Adds a segment. The last one has small pages, since huge ones would be there in full for its first row; it gets
    /// huge ones when another follows.
    fn grow(&mut self) {
        if let Some(full) = self.segments.last_mut() {
            let mut block = Block::pages(self.layout.bytes, true);
            block.bytes_mut().copy_from_slice(full.bytes());
            *full = block;
        }
        self.segments.push(Block::pages(self.layout.bytes, false));
    }

    /// Adds the columns that the first expiry or the first namespace asks for.
    fn widen(&mut self, shape: Shape) {
        if shape == self.layout.shape {
            return;
        }
        let layout = Layout::new(shape, SEGMENT);
        let last = self.segments.len().saturating_sub(1);
        for (at, segment) in self.segments.iter_mut().enumerate() {
            let mut block = Block::pages(layout.bytes, at < last);
            block.copy_from(&layout, segment, &self.layout, SEGMENT as usize);
            *segment = block;
        }
        let named = shape.namespaces && !self.layout.shape.namespaces;
        self.layout = layout;
        if named {
            self.name();
        }
    }

    fn name(&mut self) {
        let mut namespaces = Box::<Namespaces>::default();
        for slot in self.live() {
            namespaces.insert(self.record(slot).namespace, slot);
        }
        self.namespaces = Some(namespaces);
    }

    /// Gives back the slot of a row that is hidden and unlinked.
    pub fn release(&mut self, slot: u32) {
        for link in self.links(0, slot) {
            link.store(0, Ordering::Relaxed);
        }
        for tier in &mut self.tiers {
            tier.rows.remove(&slot);
        }
        // Of a row that was to be the new top, and never was.
        while self.tiers.last().is_some_and(|tier| tier.rows.is_empty()) {
            self.tiers.pop();
        }
        self.hidden -= 1;
        self.free.push(Reverse(slot));
    }

    /// Fills in what is derived from the rows; `false` if an id is there twice.
    pub fn derive(&mut self) -> bool {
        let slots: Vec<u32> = self.live().collect();
        self.free = (0..self.slots)
            .filter(|&slot| self.id(slot) == FREE)
            .map(Reverse)
            .collect();
        self.table = HashTable::with_capacity(slots.len());
        for &slot in &slots {
            let id = self.id(slot);
            if self.find(id).is_some() {
                return false;
            }
            self.table
                .insert_unique(hash(id), slot, |_| unreachable!("room was reserved"));
        }
        if self.layout.shape.namespaces {
            self.name();
        }
        true
    }
}
