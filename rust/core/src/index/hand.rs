//! The rows that the writer has in hand.

use super::Index;
use super::layout::Record;

/// Rows that have slots and are not found yet. Those that a panic leaves here are given back: a row in use that nothing
/// leads to would make a saved index one that cannot be loaded.
pub(super) struct Hand<'a> {
    index: &'a Index,
    /// Their ids and slots.
    pub(super) rows: Vec<(u64, u32)>,
    shown: usize,
}

impl<'a> Hand<'a> {
    pub(super) fn new(index: &'a Index) -> Self {
        Self {
            index,
            rows: Vec::new(),
            shown: 0,
        }
    }

    /// Gives a record a slot, hidden and unlinked.
    pub(super) fn claim(&mut self, record: &Record<'_>) -> u32 {
        let slot = self.index.writing(|graph| {
            let level = graph.draw(self.index.options.seed);
            graph.claim(record, level)
        });
        self.rows.push((record.id, slot));
        slot
    }

    /// Lets the next linked row be found: gives the one that had its id, if there was one. `None` after the last row.
    pub(super) fn show(&mut self) -> Option<Option<u32>> {
        let &(id, slot) = self.rows.get(self.shown)?;
        let old = self.index.writing(|graph| graph.show(id, slot));
        self.shown += 1;
        Some(old)
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        for &(_, slot) in &self.rows[self.shown..] {
            self.index.retire(slot);
        }
    }
}
