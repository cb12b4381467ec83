//! A small set: one block, scanned whole.

use super::kernel::Kernel;
use super::layout::{Layout, Record, Shape};
use super::memory::Block;
use super::pool::{Pool, key, similarity, slot};
use super::quantise::Probe;
use super::search::{Hit, Search};

/// Rows in no order, in a block that grows with them: an index of five vectors must cost little more than five vectors.
pub(super) struct Flat {
    block: Option<Block>,
    shape: Shape,
    room: u32,
    len: u32,
}

impl Flat {
    pub fn new(width: usize) -> Self {
        let shape = Shape {
            width: width as u32,
            ..Shape::default()
        };
        Self {
            block: None,
            shape,
            room: 0,
            len: 0,
        }
    }

    /// A block with as many rows as it has room for.
    pub fn from_block(shape: Shape, block: Option<Block>, len: u32) -> Self {
        Self {
            block,
            shape,
            room: len,
            len,
        }
    }

    /// Its shape, and its rows as one block without spare room.
    pub fn packed(&self) -> (Shape, Option<Block>) {
        let pack = |old: &Block| {
            let layout = Layout::new(self.shape, self.len);
            let mut block = Block::heap(layout.bytes);
            block.copy_from(&layout, old, &self.layout(), self.len());
            block
        };
        (self.shape, self.block.as_ref().map(pack))
    }

    /// Whether no id is there twice.
    pub fn is_unique(&self) -> bool {
        let mut ids = self.ids().to_vec();
        ids.sort_unstable();
        ids.windows(2).all(|pair| pair[0] != pair[1])
    }

    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn layout(&self) -> Layout {
        Layout::new(self.shape, self.room)
    }

    pub fn bytes(&self) -> usize {
        self.block.as_ref().map_or(0, |block| block.bytes().len())
    }

    fn ids(&self) -> &[u64] {
        self.block
            .as_ref()
            .map_or(&[], |block| block.ids(&self.layout(), self.len()))
    }

    pub fn find(&self, id: u64) -> Option<u32> {
        self.ids()
            .iter()
            .position(|&other| other == id)
            .map(|row| row as u32)
    }

    /// Adds a row, or replaces the one with its id.
    pub fn put(&mut self, record: &Record<'_>) {
        let row = self.find(record.id).unwrap_or(self.len);
        let shape = self.shape.with(record);
        if row == self.room || shape != self.shape {
            self.resize(
                shape,
                if row == self.room {
                    self.grown()
                } else {
                    self.room
                },
            );
        }
        self.len = self.len.max(row + 1);
        let layout = self.layout();
        if let Some(block) = &mut self.block {
            block.write(&layout, row as usize, record);
        }
    }

    /// One by one up to eight rows, then an eighth at a time: room that is not used is paid for by every small index.
    fn grown(&self) -> u32 {
        self.room + (self.room / 8).max(1)
    }

    fn resize(&mut self, shape: Shape, room: u32) {
        let layout = Layout::new(shape, room);
        let mut block = Block::heap(layout.bytes);
        if let Some(old) = &self.block {
            block.copy_from(&layout, old, &self.layout(), self.len());
        }
        (self.block, self.shape, self.room) = (Some(block), shape, room);
    }

    /// Moves the last row into the place of this one.
    pub fn remove(&mut self, row: u32) {
        self.len -= 1;
        let (layout, last) = (self.layout(), self.len);
        let Some(block) = &mut self.block else { return };
        if row != last {
            block.move_row(&layout, last as usize, row as usize);
        }
        if self.len == 0 {
            (self.block, self.room) = (None, 0);
        } else if self.len < self.room / 2 {
            self.resize(self.shape, self.len);
        }
    }

    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let layout = self.layout();
        let block = self.block.iter();
        block.flat_map(move |block| (0..self.len()).map(move |row| block.read(&layout, row)))
    }

    /// Ids of the rows whose time has come.
    pub fn expired(&self, now: u64) -> Vec<u64> {
        self.records()
            .filter(|record| record.is_expired(now))
            .map(|record| record.id)
            .collect()
    }

    pub fn search(&self, kernel: &Kernel, probe: &Probe, search: &Search) -> Vec<Hit> {
        let Some(block) = &self.block else {
            return Vec::new();
        };
        let layout = self.layout();
        let (expires, namespaces) = (
            block.expires(&layout, self.len()),
            block.namespaces(&layout, self.len()),
        );
        let wanted = |row: usize| {
            search.is_live(expires.get(row).copied().unwrap_or(0))
                && search
                    .namespace
                    .is_none_or(|wanted| wanted == namespaces.get(row).copied().unwrap_or(0))
        };
        let mut pool = Pool::default();
        pool.reset(search.depth().min(self.len()));
        for row in (0..self.len()).filter(|&row| wanted(row)) {
            let near = probe.near(kernel, block.scale(&layout, row), block.codes(&layout, row));
            pool.offer(key(near, row as u32));
        }
        rescore(&pool, search.k, |row| {
            let row = row as usize;
            let score = probe.exact(
                kernel,
                block.scale(&layout, row),
                block.codes(&layout, row),
                block.residual(&layout, row),
            );
            (block.ids(&layout, row + 1)[row], score)
        })
    }
}

/// The best `k` of the rows that a pool holds, by their exact scores.
pub(super) fn rescore(pool: &Pool, k: usize, exact: impl Fn(u32) -> (u64, f32)) -> Vec<Hit> {
    let mut best = Pool::default();
    best.reset(k);
    let scored: Vec<(u64, f32)> = pool.slots().map(exact).collect();
    for (at, &(_, score)) in scored.iter().enumerate() {
        best.offer(key(score, at as u32));
    }
    let hit = |&key: &u64| Hit {
        id: scored[slot(key) as usize].0,
        score: similarity(key),
    };
    best.keys().iter().map(hit).collect()
}
