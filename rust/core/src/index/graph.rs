//! The graph's state: rows in segments, links between them, upper tiers, and the way from an id to its slot.
//!
//! Invariants, kept by `link.rs` and `unlink.rs` and tested in `tests.rs`:
//! * links are mutual: if a links to b, b links to a, on every layer;
//! * each layer is connected, so every live row can be reached from every other;
//! * links change under `&self` (they are atomic), with one writer at a time; all else changes under `&mut self`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::{HashMap, HashTable};
use parking_lot::Mutex;

use super::kernel::Kernel;
use super::layout::{Layout, Record, Shape};
use super::memory::Block;
use super::namespaces::Namespaces;
use super::pool::{Marks, Pool};
use super::quantise::Probe;

/// Rows of one segment, as a power of two.
pub(super) const SEGMENT_BITS: u32 = 14;
pub(super) const SEGMENT: u32 = 1 << SEGMENT_BITS;

/// Id of a row that holds nothing, or nothing to be found.
pub(super) const FREE: u64 = u64::MAX;

/// Upper tiers end here: with 16 links a row reaches the eighth once in four thousand million.
pub(super) const MAX_TIERS: usize = 8;

/// An upper layer: few rows, with their links apart.
#[derive(Default)]
pub(super) struct Tier {
    pub rows: HashMap<u32, Box<[AtomicU32]>>,
}

/// What a walk needs besides the graph, kept between walks.
#[derive(Default)]
pub(super) struct Scratch {
    pub seen: Marks,
    pub near: Marks,
    pub pool: Pool,
    pub fresh: Vec<u32>,
}

pub(super) struct Graph {
    pub kernel: &'static Kernel,
    pub layout: Layout,
    pub segments: Vec<Block>,
    /// Slots that were ever in use.
    pub slots: u32,
    /// The lowest free slot is taken first: what a slot will be does not depend on how the index was saved.
    pub(super) free: BinaryHeap<Reverse<u32>>,
    /// Rows in use that nothing is to find: not linked yet, or not unlinked yet. Their id is [`FREE`].
    pub(super) hidden: u32,
    /// Levels drawn so far.
    pub drawn: u64,
    pub(super) table: HashTable<u32>,
    pub tiers: Vec<Tier>,
    /// Where walks begin: a row of the highest tier.
    pub entry: Option<u32>,
    pub(super) namespaces: Option<Box<Namespaces>>,
    scratch: Mutex<Vec<Scratch>>,
}

pub(super) fn hash(id: u64) -> u64 {
    // The finaliser of splitmix64.
    let x = (id ^ id >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

impl Graph {
    pub fn new(kernel: &'static Kernel, width: usize, m: usize) -> Self {
        let shape = Shape {
            width: width as u32,
            links: 2 * m as u16,
            ..Shape::default()
        };
        Self {
            kernel,
            layout: Layout::new(shape, SEGMENT),
            segments: Vec::new(),
            slots: 0,
            free: BinaryHeap::new(),
            hidden: 0,
            drawn: 0,
            table: HashTable::new(),
            tiers: Vec::new(),
            entry: None,
            namespaces: None,
            scratch: Mutex::new(Vec::new()),
        }
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    #[inline]
    pub fn block(&self, slot: u32) -> (&Block, usize) {
        (
            &self.segments[(slot >> SEGMENT_BITS) as usize],
            (slot & (SEGMENT - 1)) as usize,
        )
    }

    pub fn id(&self, slot: u32) -> u64 {
        let (block, row) = self.block(slot);
        block.ids(&self.layout, SEGMENT as usize)[row]
    }

    pub fn record(&self, slot: u32) -> Record<'_> {
        let (block, row) = self.block(slot);
        block.read(&self.layout, row)
    }

    pub fn live(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.slots).filter(|&slot| self.id(slot) != FREE)
    }

    pub fn find(&self, id: u64) -> Option<u32> {
        self.table
            .find(hash(id), |&slot| self.id(slot) == id)
            .copied()
    }

    /// Layer 0 holds every row; layer n is tier n - 1.
    #[inline]
    pub fn links(&self, layer: usize, slot: u32) -> &[AtomicU32] {
        if layer == 0 {
            let (block, row) = self.block(slot);
            return block.links(&self.layout, row);
        }
        self.tiers[layer - 1].rows.get(&slot).map_or(&[], |row| row)
    }

    /// Slots that a row links to. A place holds the slot plus one, so that fresh memory is an empty list.
    #[inline]
    pub fn neighbours(&self, layer: usize, slot: u32) -> impl Iterator<Item = u32> + '_ {
        let links = self.links(layer, slot).iter();
        links
            .map(|link| link.load(Ordering::Relaxed))
            .take_while(|&link| link != 0)
            .map(|link| link - 1)
    }

    /// Highest layer of a row.
    pub fn level(&self, slot: u32) -> usize {
        self.tiers
            .iter()
            .take_while(|tier| tier.rows.contains_key(&slot))
            .count()
    }

    pub fn probe(&self, slot: u32) -> Probe {
        let (block, row) = self.block(slot);
        Probe::row(
            block.scale(&self.layout, row),
            block.codes(&self.layout, row),
        )
    }

    #[inline]
    pub fn near(&self, probe: &Probe, slot: u32) -> f32 {
        let (block, row) = self.block(slot);
        probe.near(
            self.kernel,
            block.scale(&self.layout, row),
            block.codes(&self.layout, row),
        )
    }

    /// Similarity of two stored rows by their codes.
    #[inline]
    pub fn between(&self, a: u32, b: u32) -> f32 {
        let ((one, a), (two, b)) = (self.block(a), self.block(b));
        let unit = 256.0 * one.scale(&self.layout, a) * two.scale(&self.layout, b);
        unit * self
            .kernel
            .pair(one.codes(&self.layout, a), two.codes(&self.layout, b)) as f32
    }

    /// Whether a row stands higher than the entry.
    pub fn outranks(&self, slot: u32) -> bool {
        self.entry
            .is_none_or(|entry| self.level(slot) > self.level(entry))
    }

    /// Ids of the rows whose time has come.
    pub fn expired(&self, now: u64) -> Vec<u64> {
        let rows = self.live().map(|slot| self.record(slot));
        rows.filter(|record| record.is_expired(now))
            .map(|record| record.id)
            .collect()
    }

    /// Moves the entry elsewhere before its row is unlinked, and drops tiers that only this row was on.
    pub(super) fn leave(&mut self, slot: u32) {
        if self.entry != Some(slot) {
            return;
        }
        let another = |tier: &Tier| {
            tier.rows
                .keys()
                .copied()
                .filter(|&other| other != slot)
                .min()
        };
        while self
            .tiers
            .last()
            .is_some_and(|tier| another(tier).is_none())
        {
            self.tiers.pop();
        }
        let upper = self.tiers.last().and_then(another);
        self.entry = upper.or_else(|| self.neighbours(0, slot).next());
    }

    /// The slots of a namespace; `None` if namespaces are not in use.
    pub fn members(&self, namespace: u64) -> Option<&[u32]> {
        self.namespaces
            .as_ref()
            .map(|namespaces| namespaces.get(namespace))
    }

    pub fn scratch(&self) -> Scratch {
        self.scratch.lock().pop().unwrap_or_default()
    }

    pub fn give_back(&self, scratch: Scratch) {
        self.scratch.lock().push(scratch);
    }

    pub fn bytes(&self) -> usize {
        let rows = self.slots as usize * (self.layout.bytes / SEGMENT as usize);
        let tier = |tier: &Tier| {
            tier.rows.allocation_size()
                + tier.rows.len() * (2 * usize::from(self.layout.shape.links) + 16)
        };
        let tiers: usize = self.tiers.iter().map(tier).sum();
        let scratch: usize = self
            .scratch
            .lock()
            .iter()
            .map(|s| s.seen.bytes() + s.near.bytes())
            .sum();
        let names = self.namespaces.as_ref().map_or(0, |names| names.bytes());
        size_of::<Self>()
            + rows
            + tiers
            + scratch
            + names
            + self.table.allocation_size()
            + 4 * self.free.capacity()
    }
}
