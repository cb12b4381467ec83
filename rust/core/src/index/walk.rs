//! Walks over the graph: towards a probe, and, with a filter, as far as it takes to find rows that pass.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::flat::rescore;
use super::graph::{FREE, Graph, Scratch};
use super::pool::{Pool, key, slot};
use super::quantise::Probe;
use super::{Hit, Search};

impl Graph {
    /// From a row, follows the best link of a layer until none is better.
    fn descend(&self, layer: usize, probe: &Probe, from: u32) -> u32 {
        let mut best = key(self.near(probe, from), from);
        loop {
            let keys = self
                .neighbours(layer, slot(best))
                .map(|next| key(self.near(probe, next), next));
            match keys.min() {
                Some(next) if next < best => best = next,
                _ => return slot(best),
            }
        }
    }

    /// Where to begin on `layer`: the end of the greedy way down from the entry.
    pub fn approach(&self, layer: usize, probe: &Probe) -> Option<u32> {
        let entry = self.entry?;
        let layers = (layer + 1..=self.tiers.len()).rev();
        Some(layers.fold(entry, |from, layer| self.descend(layer, probe, from)))
    }

    /// Leaves in `scratch.pool` the `ef` rows nearest to the probe that a best-first walk finds from `from`.
    pub fn walk(
        &self,
        layer: usize,
        probe: &Probe,
        from: &[u32],
        ef: usize,
        scratch: &mut Scratch,
    ) {
        let Scratch {
            seen, pool, fresh, ..
        } = scratch;
        seen.reset(self.slots);
        pool.reset(ef);
        for &start in from {
            if seen.insert(start) {
                pool.offer(key(self.near(probe, start), start));
            }
        }
        let mut cursor = 0;
        while let Some((place, next)) = pool.expand(cursor) {
            cursor = place + 1;
            self.gather(layer, next, |slot| seen.insert(slot), fresh);
            for &slot in fresh.iter() {
                if let Some(place) = pool.offer(key(self.near(probe, slot), slot)) {
                    cursor = cursor.min(place);
                }
            }
        }
    }

    /// The neighbours of a row that were not met before, each asked for from memory ahead of its use.
    #[inline]
    fn gather(
        &self,
        layer: usize,
        slot: u32,
        mut is_new: impl FnMut(u32) -> bool,
        fresh: &mut Vec<u32>,
    ) {
        fresh.clear();
        for next in self.neighbours(layer, slot).filter(|&next| is_new(next)) {
            let (block, row) = self.block(next);
            block.prefetch(&self.layout, row);
            fresh.push(next);
        }
    }

    /// The same walk, but only rows that pass are kept, and rows that do not pass are walked through.
    fn sift(
        &self,
        probe: &Probe,
        from: u32,
        passes: impl Fn(u32) -> bool,
        ef: usize,
        scratch: &mut Scratch,
    ) {
        let Scratch {
            seen, pool, fresh, ..
        } = scratch;
        seen.reset(self.slots);
        pool.reset(ef);
        let mut frontier = BinaryHeap::new();
        let meet = |pool: &mut Pool, frontier: &mut BinaryHeap<Reverse<u64>>, slot: u32| {
            let key = key(self.near(probe, slot), slot);
            if !pool.is_full() || pool.worst().is_some_and(|worst| key < worst) {
                frontier.push(Reverse(key));
                if passes(slot) {
                    pool.offer(key);
                }
            }
        };
        seen.insert(from);
        meet(pool, &mut frontier, from);
        while let Some(Reverse(next)) = frontier.pop() {
            if pool.is_full() && pool.worst().is_some_and(|worst| next > worst) {
                break;
            }
            self.gather(0, slot(next), |slot| seen.insert(slot), fresh);
            fresh
                .iter()
                .for_each(|&slot| meet(pool, &mut frontier, slot));
        }
    }

    pub fn search(&self, probe: &Probe, search: &Search) -> Vec<Hit> {
        let mut scratch = self.scratch();
        self.find_near(probe, search, &mut scratch);
        let hits = rescore(&scratch.pool, search.k, |slot| {
            let (block, row) = self.block(slot);
            let (codes, residual) = (
                block.codes(&self.layout, row),
                block.residual(&self.layout, row),
            );
            (
                self.id(slot),
                probe.exact(self.kernel, block.scale(&self.layout, row), codes, residual),
            )
        });
        self.give_back(scratch);
        hits
    }

    /// Leaves in the pool the rows to rescore.
    fn find_near(&self, probe: &Probe, search: &Search, scratch: &mut Scratch) {
        scratch.pool.reset(search.depth());
        let Some(from) = self.approach(0, probe) else {
            return;
        };
        let ef = search.beam();
        let passes = |slot: u32| self.passes(slot, search);
        if let Some(wanted) = search.namespace {
            match self.members(wanted) {
                None if wanted != 0 => return,
                None => {}
                Some(members) if self.is_cheaper_to_scan(members.len(), ef) => {
                    for &slot in members.iter().filter(|&&slot| passes(slot)) {
                        scratch.pool.offer(key(self.near(probe, slot), slot));
                    }
                    return;
                }
                Some(_) => {
                    self.sift(probe, from, passes, ef, scratch);
                    return scratch.pool.shorten(search.depth());
                }
            }
        }
        self.walk(0, probe, &[from], ef, scratch);
        let may_hide = search.namespace.is_some()
            || self.hidden > 0
            || (search.now > 0 && self.layout.shape.expires);
        if may_hide && !scratch.pool.slots().all(passes) {
            self.sift(probe, from, passes, ef, scratch);
        }
        scratch.pool.shorten(search.depth());
    }

    fn passes(&self, slot: u32, search: &Search) -> bool {
        let record = self.record(slot);
        record.id != FREE
            && search.is_live(record.expires)
            && search
                .namespace
                .is_none_or(|wanted| wanted == record.namespace)
    }

    /// A walk in which one row in `slots / members` passes meets about twelve rows for each that it keeps times that ratio.
    fn is_cheaper_to_scan(&self, members: usize, ef: usize) -> bool {
        members * members <= ef.saturating_mul(12).saturating_mul(self.len())
    }
}
