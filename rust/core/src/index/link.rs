//! Linking: which rows a new one is joined to, and what gives way when a row's places are all taken.
//!
//! Invariant: each layer stays connected. A link is only dropped if another way between its two ends is known.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::HashMap;

use super::graph::{Graph, Scratch};
use super::pool::{Marks, key, slot};

fn push(links: &[AtomicU32], slot: u32) {
    if let Some(place) = links.iter().find(|link| link.load(Ordering::Relaxed) == 0) {
        place.store(slot + 1, Ordering::Relaxed);
    }
}

/// The last link moves into the gap, so that a list has no holes.
fn pull(links: &[AtomicU32], slot: u32) {
    let used = links
        .iter()
        .take_while(|link| link.load(Ordering::Relaxed) != 0)
        .count();
    if let Some(place) = links[..used]
        .iter()
        .find(|link| link.load(Ordering::Relaxed) == slot + 1)
    {
        place.store(links[used - 1].load(Ordering::Relaxed), Ordering::Relaxed);
        links[used - 1].store(0, Ordering::Relaxed);
    }
}

/// For each layer, the rows that a new one is to be joined to, nearest first.
pub(super) type Plan = Vec<Vec<u32>>;

/// What else a write does to the rows around a new one.
#[derive(Default)]
pub(super) struct Beside<'a> {
    /// Rows that are not linked yet either, but will be before it.
    pub peers: &'a [u32],
    /// Rows that will be unlinked after it, because others take their ids.
    pub leaving: &'a [u32],
}

impl Beside<'_> {
    /// The candidates that stay; if none does, all, since those who go leave their links to each other.
    fn lasting(&self, keys: &[u64]) -> Vec<u64> {
        let all = || keys.iter().map(|key| key & !1);
        let lasting: Vec<u64> = all()
            .filter(|&key| !self.leaving.contains(&slot(key)))
            .collect();
        if lasting.is_empty() {
            all().collect()
        } else {
            lasting
        }
    }
}

impl Graph {
    pub fn are_linked(&self, layer: usize, a: u32, b: u32) -> bool {
        self.neighbours(layer, a).any(|other| other == b)
    }

    pub fn has_room(&self, layer: usize, slot: u32) -> bool {
        self.links(layer, slot)
            .last()
            .is_some_and(|link| link.load(Ordering::Relaxed) == 0)
    }

    /// Joins two rows that have room.
    pub fn join(&self, layer: usize, a: u32, b: u32) {
        if self.has_room(layer, a) && self.has_room(layer, b) {
            push(self.links(layer, a), b);
            push(self.links(layer, b), a);
        }
    }

    pub fn part(&self, layer: usize, a: u32, b: u32) {
        pull(self.links(layer, a), b);
        pull(self.links(layer, b), a);
    }

    /// Drops one end of a link only: the other end is about to go.
    pub fn forget(&self, layer: usize, row: u32, gone: u32) {
        pull(self.links(layer, row), gone);
    }

    /// Plans the links of an unlinked row.
    pub fn plan(&self, slot: u32, ef: usize, beside: &Beside<'_>, scratch: &mut Scratch) -> Plan {
        let Some(entry) = self.entry else {
            return Vec::new();
        };
        let top = self.level(slot).min(self.level(entry));
        let probe = self.probe(slot);
        let Some(start) = self.approach(top, &probe) else {
            return Vec::new();
        };
        let mut from = vec![start];
        let mut plan = vec![Vec::new(); top + 1];
        for layer in (0..=top).rev() {
            self.walk(layer, &probe, &from, ef, scratch);
            from = scratch.pool.slots().collect();
            for &peer in beside
                .peers
                .iter()
                .filter(|&&peer| self.level(peer) >= layer)
            {
                scratch.pool.offer(key(self.near(&probe, peer), peer));
            }
            plan[layer] = beside.lasting(scratch.pool.keys());
        }
        let m = usize::from(self.layout.shape.links) / 2;
        plan.into_iter()
            .map(|keys| self.diverse(&keys, m))
            .collect()
    }

    /// Of sorted candidates, those that are nearer to the row than to any chosen before them.
    fn diverse(&self, candidates: &[u64], most: usize) -> Vec<u32> {
        let mut chosen: Vec<u32> = Vec::with_capacity(most);
        for &candidate in candidates {
            let next = slot(candidate);
            let hidden = |&other: &u32| key(self.between(other, next), next) < candidate;
            if !chosen.iter().any(hidden) {
                chosen.push(next);
            }
            if chosen.len() == most {
                break;
            }
        }
        chosen
    }

    /// Carries out a plan.
    pub fn link(&self, slot: u32, plan: &[Vec<u32>], scratch: &mut Scratch) {
        for (layer, chosen) in plan.iter().enumerate() {
            for &other in chosen {
                if self.has_room(layer, other) || self.make_room(layer, other, slot, scratch) {
                    self.join(layer, slot, other);
                }
            }
            if let (Some(&nearest), true) = (
                chosen.first(),
                self.neighbours(layer, slot).next().is_none(),
            ) {
                self.join_somehow(layer, slot, nearest);
            }
        }
    }

    /// Frees a place of `full` for `newcomer`: drops its farthest link whose end is nearer to another of them, if there is
    /// another way to that end; failing that, the farthest to whose end there is. `false` if the newcomer's own link is the
    /// one to drop, or if all links are the only way.
    fn make_room(&self, layer: usize, full: u32, newcomer: u32, scratch: &mut Scratch) -> bool {
        let ends = self.neighbours(layer, full).chain([newcomer]);
        let mut sides: Vec<u64> = ends.map(|end| key(self.between(full, end), end)).collect();
        sides.sort_unstable();
        scratch.near.reset(self.slots);
        for end in self.neighbours(layer, full) {
            scratch.near.insert(end);
        }
        let mut victim = None;
        for (at, &side) in sides.iter().enumerate().rev() {
            let far = slot(side);
            let is_hidden = sides[..at]
                .iter()
                .any(|&other| key(self.between(slot(other), far), far) < side);
            if far == newcomer {
                if is_hidden {
                    return false;
                }
            } else if (is_hidden || victim.is_none())
                && self.has_way_round(layer, full, far, &scratch.near)
            {
                victim = Some(far);
                if is_hidden {
                    break;
                }
            }
        }
        victim
            .into_iter()
            .for_each(|far| self.part(layer, full, far));
        victim.is_some()
    }

    /// Whether `far` is linked, other than to `full` itself, to a neighbour of `full` or to a neighbour of one.
    fn has_way_round(&self, layer: usize, full: u32, far: u32, near: &Marks) -> bool {
        let vias = || self.neighbours(layer, far).filter(|&via| via != full);
        vias().any(|via| near.contains(via))
            || vias().any(|via| {
                self.neighbours(layer, via)
                    .any(|other| other != far && near.contains(other))
            })
    }

    /// Joins the parts of the layer that two rows are in, whatever it takes.
    pub fn join_somehow(&self, layer: usize, a: u32, b: u32) {
        let (a, b) = (self.spare(layer, a), self.spare(layer, b));
        if a != b && !self.are_linked(layer, a, b) {
            self.join(layer, a, b);
        }
    }

    /// The nearest row, by links, that has a place to spare, or that gets one by dropping a link that closes a ring.
    fn spare(&self, layer: usize, start: u32) -> u32 {
        let mut parents = HashMap::<u32, u32>::from_iter([(start, start)]);
        let mut queue = VecDeque::from([start]);
        while let Some(row) = queue.pop_front() {
            if self.has_room(layer, row) {
                return row;
            }
            for next in self.neighbours(layer, row) {
                if next == parents[&row] {
                    continue;
                }
                if parents.contains_key(&next) {
                    self.part(layer, row, next);
                    return row;
                }
                parents.insert(next, row);
                queue.push_back(next);
            }
        }
        // Not reached while links are mutual: a finite tree has leaves, and a leaf has room.
        start
    }
}
