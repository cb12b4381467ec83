//! Changes to an index: one writer at a time, in steps, so that searches wait only while a row is written or released.
//!
//! Most such waits are of microseconds. A new segment and the first expiry or namespace cost copies (`slots.rs`): some 80 ms
//! for all segments of an index of 140 MB.

use hashbrown::HashMap;

use super::batch::{Batch, Coded};
use super::flat::Flat;
use super::graph::Graph;
use super::hand::Hand;
use super::kernel;
use super::layout::Record;
use super::link::{Beside, Plan};
use super::quantise::padded;
use super::{Index, IndexError, State};

/// Sets larger than this are walked as a graph: measured, see `docs/native/index.md`. Tests cross it often, so theirs is small.
pub(super) const SWITCH: usize = if cfg!(test) { 256 } else { 2048 };

/// Rows whose neighbours are sought at once when several threads add.
const TOGETHER: usize = 256;

impl Index {
    /// Adds vectors, replacing those whose ids are there already: all of them, or none if one cannot be used.
    ///
    /// One thread gives the same index as adding the vectors one by one. With more the result is another, equally good one,
    /// the same for any number of threads above one.
    pub fn add(&self, batch: &Batch<'_>, threads: usize) -> Result<(), IndexError> {
        let workers = super::workers(threads)?;
        let coded = Coded::of(self, batch)?;
        let last: Option<HashMap<u64, usize>> = (batch.ids.len() > 1).then(|| {
            let rows = batch.ids.iter().enumerate();
            rows.map(|(row, &id)| (id, row)).collect()
        });
        let is_last = |row: &usize| {
            last.as_ref()
                .is_none_or(|last| last[&batch.ids[*row]] == *row)
        };
        let rows = (0..batch.ids.len()).filter(is_last);
        let records = rows.map(|row| coded.record(row));
        let _turn = self.writer.lock();
        // Asked for, not at hand: the result must not depend on the machine's cores.
        if threads > 1 {
            self.put_together(records, workers)
        } else {
            records.for_each(|record| self.put(&record))
        }
        Ok(())
    }

    /// Removes vectors by id; says how many were there.
    pub fn remove(&self, ids: &[u64]) -> usize {
        let _turn = self.writer.lock();
        let removed = ids.iter().filter(|&&id| self.forget(id)).count();
        self.demote();
        removed
    }

    /// Removes the vectors that expire at or before `now`; says how many.
    pub fn expire(&self, now: u64) -> usize {
        let _turn = self.writer.lock();
        let expired = match &*self.state.read() {
            State::Flat(flat) => flat.expired(now),
            State::Graph(graph) => graph.expired(now),
        };
        let removed = expired.into_iter().filter(|&id| self.forget(id)).count();
        self.demote();
        removed
    }

    fn put(&self, record: &Record<'_>) {
        if let State::Flat(flat) = &mut *self.state.write() {
            flat.put(record);
            if flat.len() <= SWITCH {
                return;
            }
        }
        if !self.promote() {
            let mut hand = Hand::new(self);
            hand.claim(record);
            self.settle(hand, 1);
        }
    }

    fn candidates(&self) -> usize {
        usize::from(self.options.ef_construction)
    }

    /// Lets the writer work on the graph while searches go on.
    ///
    /// Invariant: only the writer turns one kind of state into the other, and never while it has a row in hand.
    pub(super) fn reading<T>(&self, work: impl FnOnce(&Graph) -> T) -> T {
        match &*self.state.read() {
            State::Graph(graph) => work(graph),
            State::Flat(_) => unreachable!("the writer knows that it has a graph"),
        }
    }

    /// Lets the writer work on the graph alone.
    pub(super) fn writing<T>(&self, work: impl FnOnce(&mut Graph) -> T) -> T {
        match &mut *self.state.write() {
            State::Graph(graph) => work(graph),
            State::Flat(_) => unreachable!("the writer knows that it has a graph"),
        }
    }

    /// Turns a flat set that has become large into a graph, while it goes on answering. `false` if it is one already.
    fn promote(&self) -> bool {
        let state = self.state.read();
        let State::Flat(flat) = &*state else {
            return false;
        };
        let mut graph = Graph::new(
            kernel::best(),
            padded(self.dim()),
            usize::from(self.options.m),
        );
        let mut scratch = graph.scratch();
        for record in flat.records() {
            let level = graph.draw(self.options.seed);
            let slot = graph.claim(&record, level);
            let plan = graph.plan(slot, self.candidates(), &Beside::default(), &mut scratch);
            graph.link(slot, &plan, &mut scratch);
            graph.show(record.id, slot);
        }
        graph.give_back(scratch);
        drop(state);
        *self.state.write() = State::Graph(Box::new(graph));
        true
    }

    /// Turns a graph that has become small into a flat set: the last step of a removal, never one within a write.
    fn demote(&self) {
        let flat = match &*self.state.read() {
            State::Graph(graph) if graph.len() < SWITCH / 4 => {
                let mut flat = Flat::new(padded(self.dim()));
                graph.live().for_each(|slot| flat.put(&graph.record(slot)));
                flat
            }
            _ => return,
        };
        *self.state.write() = State::Flat(flat);
    }

    /// Removes one vector and leaves the state of the kind that it is; says whether it was there.
    fn forget(&self, id: u64) -> bool {
        if let State::Flat(flat) = &mut *self.state.write() {
            let row = flat.find(id);
            row.into_iter().for_each(|row| flat.remove(row));
            return row.is_some();
        }
        let Some(slot) = self.reading(|graph| graph.find(id)) else {
            return false;
        };
        self.writing(|graph| graph.hide(slot));
        self.retire(slot);
        true
    }

    /// Takes a hidden row out of the graph.
    pub(super) fn retire(&self, slot: u32) {
        self.reading(|graph| graph.unlink(slot));
        self.writing(|graph| graph.release(slot));
    }

    /// Seeks the neighbours of many rows at once, on all threads; joins them in their order.
    fn put_together<'r>(&self, records: impl Iterator<Item = Record<'r>>, workers: usize) {
        let mut records = records.peekable();
        while records.peek().is_some() {
            if matches!(&*self.state.read(), State::Flat(_)) {
                records.next().iter().for_each(|record| self.put(record));
                continue;
            }
            let mut hand = Hand::new(self);
            while hand.rows.len() < TOGETHER {
                let Some(record) = records.next() else { break };
                let slot = hand.claim(&record);
                // A row that will be the new top must be joined before others can stand beside it.
                if self.reading(|graph| graph.outranks(slot)) {
                    break;
                }
            }
            self.settle(hand, workers);
        }
    }

    /// Links claimed rows; then lets each be found, and retires the one that had its id.
    fn settle(&self, mut hand: Hand<'_>, workers: usize) {
        self.reading(|graph| {
            let plans = self.plan(graph, &hand.rows, workers);
            let mut scratch = graph.scratch();
            for (&(_, slot), plan) in hand.rows.iter().zip(&plans) {
                graph.link(slot, plan, &mut scratch);
            }
            graph.give_back(scratch);
        });
        while let Some(old) = hand.show() {
            old.into_iter().for_each(|old| self.retire(old));
        }
    }

    /// For each row and each layer, whom to join, sought on so many threads.
    fn plan(&self, graph: &Graph, rows: &[(u64, u32)], workers: usize) -> Vec<Plan> {
        let slots: Vec<u32> = rows.iter().map(|&(_, slot)| slot).collect();
        let leaving = rows.iter().filter_map(|&(id, _)| graph.find(id));
        let leaving: Vec<u32> = leaving.collect();
        let share = slots.len().div_ceil(workers).max(1);
        let part = |from: usize| {
            let mut scratch = graph.scratch();
            let one = |at: usize| {
                let beside = Beside {
                    peers: &slots[..at],
                    leaving: &leaving,
                };
                graph.plan(slots[at], self.candidates(), &beside, &mut scratch)
            };
            let plans: Vec<Plan> = (from..(from + share).min(slots.len())).map(one).collect();
            graph.give_back(scratch);
            plans
        };
        let starts = (0..slots.len()).step_by(share);
        let plans = crate::threads::share(workers, starts, part);
        plans.into_iter().flatten().collect()
    }
}
