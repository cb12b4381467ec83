//! Deletion: a row leaves the graph at once, and those it linked to are joined with each other.

use super::graph::Graph;
use super::pool::key;

/// Which of a few rows are known to be in one part.
struct Parts(Vec<usize>);

impl Parts {
    fn root(&self, mut at: usize) -> usize {
        while self.0[at] != at {
            at = self.0[at];
        }
        at
    }

    /// Whether the two were apart.
    fn unite(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a] = b;
        a != b
    }
}

impl Graph {
    /// Takes a row out of all layers. Its own lists stay, for walks that stand on it, until the slot is released.
    pub fn unlink(&self, slot: u32) {
        for layer in 0..=self.level(slot) {
            let orphans: Vec<u32> = self.neighbours(layer, slot).collect();
            for &orphan in &orphans {
                self.forget(layer, orphan, slot);
            }
            self.mend(layer, &orphans);
        }
    }

    /// Keeps the orphans connected with each other, then gives each its place back, nearest pairs first.
    fn mend(&self, layer: usize, orphans: &[u32]) {
        let mut parts = Parts((0..orphans.len()).collect());
        let mut pairs = Vec::new();
        for (a, &one) in orphans.iter().enumerate() {
            for (b, &two) in orphans.iter().enumerate().skip(a + 1) {
                if self.are_linked(layer, one, two) {
                    parts.unite(a, b);
                } else {
                    pairs.push((key(self.between(one, two), 0), a, b));
                }
            }
        }
        pairs.sort_unstable();
        let mut gained = vec![0u8; orphans.len()];
        for &(_, a, b) in &pairs {
            let (one, two) = (orphans[a], orphans[b]);
            let room = self.has_room(layer, one) && self.has_room(layer, two);
            if parts.unite(a, b) {
                if room {
                    self.join(layer, one, two);
                } else {
                    self.join_somehow(layer, one, two);
                }
            } else if room && gained[a] == 0 && gained[b] == 0 {
                self.join(layer, one, two);
            } else {
                continue;
            }
            gained[a] += 1;
            gained[b] += 1;
        }
    }
}
