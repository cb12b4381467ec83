//! What a saved graph has besides its segments, and whether it can be walked without harm.

use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::HashMap;

use super::super::graph::{Graph, Tier};
use super::super::memory::Block;
use super::super::{IndexError, kernel};
use super::header::{BAD_LINKS, CUT, Header};

/// For each tier: how many rows, then each row's slot and links; padded to whole words.
pub(super) fn tier_words(graph: &Graph) -> Vec<u32> {
    let mut words = Vec::new();
    for tier in &graph.tiers {
        let mut rows: Vec<_> = tier.rows.iter().collect();
        rows.sort_unstable_by_key(|&(&slot, _)| slot);
        words.push(rows.len() as u32);
        for (&slot, links) in rows {
            words.push(slot);
            words.extend(links.iter().map(|link| link.load(Ordering::Relaxed)));
        }
    }
    words.resize(words.len().next_multiple_of(2), 0);
    words
}

pub(super) fn read_tiers(header: &Header, mut words: &[u32]) -> Result<Vec<Tier>, IndexError> {
    let width = 1 + usize::from(header.options.m);
    let mut tiers = Vec::with_capacity(header.tiers);
    for _ in 0..header.tiers {
        let (&count, rest) = words.split_first().ok_or(CUT)?;
        let (rows, rest) = rest
            .split_at_checked((count as usize).saturating_mul(width))
            .ok_or(CUT)?;
        words = rest;
        let row = |row: &[u32]| {
            (
                row[0],
                row[1..].iter().map(|&link| AtomicU32::new(link)).collect(),
            )
        };
        let rows: HashMap<u32, Box<[AtomicU32]>> = rows.chunks_exact(width).map(row).collect();
        if rows.len() != count as usize {
            return Err(BAD_LINKS);
        }
        tiers.push(Tier { rows });
    }
    if words.len() > 1 { Err(CUT) } else { Ok(tiers) }
}

pub(super) fn restore_graph(
    header: &Header,
    segments: Vec<Block>,
    last: Block,
    tiers: Vec<Tier>,
) -> Result<Graph, IndexError> {
    let mut graph = Graph::new(
        kernel::best(),
        header.shape.width as usize,
        usize::from(header.options.m),
    );
    let (full, _, packed) = header.blocks();
    (graph.layout, graph.segments, graph.tiers) = (full, segments, tiers);
    (graph.slots, graph.drawn, graph.entry) = (header.slots, header.drawn, header.entry);
    if packed.rows > 0 {
        let mut block = Block::pages(full.bytes, false);
        block.copy_from(&full, &last, &packed, packed.rows as usize);
        graph.segments.push(block);
    }
    if !graph.derive() {
        return Err(IndexError::Corrupt("an id is there twice"));
    }
    if graph.is_sound() {
        Ok(graph)
    } else {
        Err(BAD_LINKS)
    }
}

impl Graph {
    /// Whether every link leads to a live row of its layer, and every number can be computed with.
    fn is_sound(&self) -> bool {
        let mut live = vec![false; self.slots as usize];
        self.live().for_each(|slot| live[slot as usize] = true);
        let is_live = |slot: u32| live.get(slot as usize).is_some_and(|&live| live);
        let is_list = |layer: usize, row: u32, is_there: &dyn Fn(u32) -> bool| {
            let mut links = self
                .links(layer, row)
                .iter()
                .map(|link| link.load(Ordering::Relaxed));
            let used = links
                .by_ref()
                .take_while(|&link| link != 0)
                .all(|link| link - 1 != row && is_there(link - 1));
            used && links.all(|link| link == 0)
        };
        let rows = (0..self.slots).all(|slot| {
            let scale = self.record(slot).scale;
            scale.is_finite() && scale >= 0.0 && is_list(0, slot, &is_live)
        });
        let tier = |(layer, tier): (usize, &Tier)| {
            let is_below = |slot: u32| {
                if layer == 0 {
                    is_live(slot)
                } else {
                    self.tiers[layer - 1].rows.contains_key(&slot)
                }
            };
            let is_there = |slot: u32| tier.rows.contains_key(&slot);
            !tier.rows.is_empty()
                && tier
                    .rows
                    .keys()
                    .all(|&slot| is_below(slot) && is_list(layer + 1, slot, &is_there))
        };
        let entry = self.entry.map_or(self.len() == 0, |entry| {
            is_live(entry) && self.level(entry) == self.tiers.len()
        });
        rows && entry && self.tiers.iter().enumerate().all(tier)
    }
}
