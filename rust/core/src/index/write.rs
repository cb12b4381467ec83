//! Changes to an index: one writer at a time, in steps, so that searches wait only while a row is written or released.

use std::thread;

use hashbrown::HashMap;

use super::batch::{Batch, Pending};
use super::flat::Flat;
use super::graph::Graph;
use super::kernel;
use super::layout::Record;
use super::link::{Beside, Plan};
use super::quantise::{encode, padded};
use super::{Index, IndexError, State};

/// Sets larger than this are walked as a graph: measured, see `docs/native/index.md`. Tests cross it often, so theirs is small.
pub(crate) const SWITCH: usize = if cfg!(test) { 256 } else { 2048 };

/// Rows whose neighbours are sought at once when several threads add.
const TOGETHER: usize = 256;

impl Index {
    /// Adds vectors, replacing those whose ids are there already: all of them, or none if one cannot be used.
    ///
    /// One thread gives the same index as adding the vectors one by one. With more the result is another, equally good one,
    /// the same for any number of threads above one.
    pub fn add(&self, batch: &Batch<'_>, threads: usize) -> Result<(), IndexError> {
        let workers = super::workers(threads)?;
        let factors = self.check_batch(batch)?;
        let last: Option<HashMap<u64, usize>> = (batch.ids.len() > 1).then(|| {
            batch
                .ids
                .iter()
                .enumerate()
                .map(|(row, &id)| (id, row))
                .collect()
        });
        let is_last = |row: &usize| {
            last.as_ref()
                .is_none_or(|last| last[&batch.ids[*row]] == *row)
        };
        let pending = (0..batch.ids.len()).filter(is_last).map(|row| Pending {
            id: batch.ids[row],
            encoded: encode(
                &batch.vectors[row * self.dim()..(row + 1) * self.dim()],
                factors[row],
            ),
            expires: batch.expires.get(row),
            namespace: batch.namespaces.get(row),
        });
        let _turn = self.writer.lock();
        // Asked for, not at hand: the result must not depend on the machine's cores.
        if threads > 1 {
            self.put_together(pending, workers)
        } else {
            pending.for_each(|row| self.put(&row.record()))
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
            let slot = self.claim(record);
            self.settle(&[(record.id, slot)], 1);
        }
    }

    fn candidates(&self) -> usize {
        usize::from(self.options.ef_construction)
    }

    /// Lets the writer work on the graph while searches go on.
    ///
    /// Invariant: only the writer turns one kind of state into the other, and never while it has a row in hand.
    fn reading<T>(&self, work: impl FnOnce(&Graph) -> T) -> T {
        match &*self.state.read() {
            State::Graph(graph) => work(graph),
            State::Flat(_) => unreachable!("the writer knows that it has a graph"),
        }
    }

    /// Lets the writer work on the graph alone.
    fn writing<T>(&self, work: impl FnOnce(&mut Graph) -> T) -> T {
        match &mut *self.state.write() {
            State::Graph(graph) => work(graph),
            State::Flat(_) => unreachable!("the writer knows that it has a graph"),
        }
    }

    fn claim(&self, record: &Record<'_>) -> u32 {
        self.writing(|graph| {
            let level = graph.draw(self.options.seed);
            graph.claim(record, level)
        })
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
    fn retire(&self, slot: u32) {
        self.reading(|graph| graph.unlink(slot));
        self.writing(|graph| graph.release(slot));
    }

    /// Seeks the neighbours of many rows at once, on all threads; joins them in their order.
    fn put_together(&self, pending: impl Iterator<Item = Pending>, workers: usize) {
        let mut pending = pending.peekable();
        while pending.peek().is_some() {
            if matches!(&*self.state.read(), State::Flat(_)) {
                pending
                    .next()
                    .iter()
                    .for_each(|row| self.put(&row.record()));
                continue;
            }
            let mut rows = Vec::with_capacity(TOGETHER);
            while rows.len() < TOGETHER {
                let Some(row) = pending.next() else { break };
                let slot = self.claim(&row.record());
                rows.push((row.id, slot));
                // A row that will be the new top must be joined before others can stand beside it.
                if self.reading(|graph| graph.outranks(slot)) {
                    break;
                }
            }
            self.settle(&rows, workers);
        }
    }

    /// Links claimed rows; then lets each be found, and retires the one that had its id.
    fn settle(&self, rows: &[(u64, u32)], workers: usize) {
        self.reading(|graph| {
            let plans = self.plan(graph, rows, workers);
            let mut scratch = graph.scratch();
            for (&(_, slot), plan) in rows.iter().zip(&plans) {
                graph.link(slot, plan, &mut scratch);
            }
            graph.give_back(scratch);
        });
        for &(id, slot) in rows {
            if let Some(old) = self.writing(|graph| graph.show(id, slot)) {
                self.retire(old);
            }
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
        if share == slots.len() {
            return part(0);
        }
        thread::scope(|scope| {
            let starts = (0..slots.len()).step_by(share);
            let workers: Vec<_> = starts.map(|from| scope.spawn(move || part(from))).collect();
            let plans = workers.into_iter().map(|worker| worker.join());
            plans
                .flat_map(|plans| plans.expect("planning does not panic"))
                .collect()
        })
    }
}
