//! An index as one block of bytes: header, segments as they lie in memory, upper tiers, checksum.
//!
//! All numbers are little-endian. Words of the header: magic, version, length of the whole, dim, metric, m,
//! ef_construction, seed, kind (0 flat, 1 graph), columns (1 expiry, 2 namespaces), slots, levels drawn, entry + 1, tiers.
//! The last eight bytes are the XXH3 of all before them. Nothing is built before that, the links and the ids were checked.

#![expect(unsafe_code, reason = "maps a file")]

mod graph;
mod header;
mod place;

use std::io::{self, Write};
use std::path::Path;

use bytemuck::allocation::pod_collect_to_vec;
use bytemuck::cast_slice;
use memmap2::{MmapMut, MmapOptions};
use xxhash_rust::xxh3::Xxh3;

use super::flat::Flat;
use super::graph::FREE;
use super::layout::Layout;
use super::memory::Block;
use super::{Index, IndexError, State};
use graph::{read_tiers, restore_graph, tier_words};
use header::{BAD_HEADER, CUT, HEADER, Header};

#[cfg(target_endian = "big")]
compile_error!("segments are stored as they lie in memory, which is little-endian");

impl Index {
    /// Writes the index to a file, which is replaced at once when all is written.
    ///
    /// A link stays one: what it leads to is replaced. Anything there but a regular file is refused and left alone.
    pub fn save(&self, path: &Path) -> Result<(), IndexError> {
        place::replace(path, |file| self.emit(&mut |bytes| file.write_all(bytes)))
    }

    /// The index as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let kept = self.emit(&mut |part| {
            bytes.extend_from_slice(part);
            Ok(())
        });
        debug_assert!(kept.is_ok(), "memory does not refuse");
        bytes
    }

    /// Hands out the index part by part. Writers wait, searches do not.
    fn emit(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let _turn = self.writer.lock();
        let state = self.state.read();
        let header = Header::of(self, &state);
        let (full, whole, last) = header.blocks();
        let tiers = if let State::Graph(graph) = &*state {
            tier_words(graph)
        } else {
            Vec::new()
        };
        let rest = if last.rows > 0 { last.bytes } else { 0 };
        let length = HEADER + whole * full.bytes + rest + 4 * tiers.len() + 8;
        let mut hash = Xxh3::new();
        let mut put = |bytes: &[u8]| {
            hash.update(bytes);
            sink(bytes)
        };
        put(cast_slice(&header.words(length)))?;
        match &*state {
            State::Flat(flat) => flat
                .packed()
                .1
                .iter()
                .try_for_each(|block| put(block.bytes()))?,
            State::Graph(graph) => {
                graph.segments[..whole]
                    .iter()
                    .try_for_each(|block| put(block.bytes()))?;
                if rest > 0 {
                    let mut block = Block::heap(rest);
                    block.copy_from(&last, &graph.segments[whole], &full, last.rows as usize);
                    put(block.bytes())?;
                }
            }
        }
        put(cast_slice(&tiers))?;
        let sum = hash.digest();
        sink(&sum.to_le_bytes())
    }

    /// Maps a saved index; its pages are read when they are first used, after one pass that checks them all.
    ///
    /// The file must not be written in place while it is mapped; [`Index::save`] replaces it instead, which is safe.
    pub fn load(path: &Path) -> Result<Self, IndexError> {
        let refused = |error| IndexError::io(path, error);
        let file = place::open(path)?;
        if file.metadata().map_err(refused)?.len() == 0 {
            return Err(CUT);
        }
        // SAFETY: the mapping is private, and the caller keeps others from writing to the file, as documented.
        let map = unsafe { MmapOptions::new().map_copy(&file) }.map_err(refused)?;
        Self::restore(Source::Map(map))
    }

    /// An index from its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IndexError> {
        Self::restore(Source::Bytes(bytes))
    }

    fn restore(source: Source<'_>) -> Result<Self, IndexError> {
        let bytes = source.bytes();
        let header = Header::parse(bytes)?;
        let (full, whole, last) = header.blocks();
        let rest = if last.rows > 0 { last.bytes } else { 0 };
        let at = HEADER + whole * full.bytes;
        let end = bytes.len() - 8;
        let (Some(tail), Some(tiers)) = (
            bytes.get(at..at + rest),
            bytes.get((at + rest).min(end)..end),
        ) else {
            return Err(CUT);
        };
        let mut block = Block::heap(last.bytes);
        block.bytes_mut()[..rest].copy_from_slice(tail);
        let state = if header.is_graph {
            let tiers = read_tiers(&header, &pod_collect_to_vec(tiers))?;
            let segments = source.segments(&full, whole);
            State::Graph(Box::new(restore_graph(&header, segments, block, tiers)?))
        } else {
            let flat = Flat::from_block(header.shape, (rest > 0).then_some(block), header.slots);
            let is_sound = tiers.is_empty()
                && flat.is_unique()
                && flat
                    .records()
                    .all(|record| record.scale.is_finite() && record.id != FREE);
            if !is_sound {
                return Err(BAD_HEADER);
            }
            State::Flat(flat)
        };
        Ok(Self::from_state(header.dim, header.options, state))
    }
}

enum Source<'a> {
    Map(MmapMut),
    Bytes(&'a [u8]),
}

impl Source<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Map(map) => map,
            Self::Bytes(bytes) => bytes,
        }
    }

    fn segments(self, full: &Layout, count: usize) -> Vec<Block> {
        match self {
            Self::Map(map) => Block::file(map, HEADER, full.bytes, count),
            Self::Bytes(bytes) => {
                let copy = |part: &[u8]| {
                    let mut block = Block::pages(full.bytes, true);
                    block.bytes_mut().copy_from_slice(part);
                    block
                };
                bytes[HEADER..]
                    .chunks_exact(full.bytes)
                    .take(count)
                    .map(copy)
                    .collect()
            }
        }
    }
}

/// Puts the right checksum behind changed bytes.
#[cfg(test)]
pub(super) fn seal(bytes: &mut [u8]) {
    let (body, sum) = bytes.split_at_mut(bytes.len() - 8);
    sum.copy_from_slice(&xxhash_rust::xxh3::xxh3_64(body).to_le_bytes());
}
