//! An index as one block of bytes: header, segments as they lie in memory, upper tiers, checksum.
//!
//! All numbers are little-endian. Words of the header: magic, version, length of the whole, dim, metric, m,
//! ef_construction, seed, kind (0 flat, 1 graph), columns (1 expiry, 2 namespaces), slots, levels drawn, entry + 1, tiers.
//! The last eight bytes are the XXH3 of all before them. Nothing is built before that, the links and the ids were checked.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use bytemuck::allocation::pod_collect_to_vec;
use bytemuck::cast_slice;
use hashbrown::HashMap;
use memmap2::{MmapMut, MmapOptions};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::flat::Flat;
use super::graph::{FREE, Graph, SEGMENT, Tier};
use super::memory::{Block, Layout, Shape};
use super::pool::MAX_SLOTS;
use super::quantise::padded;
use super::{Index, IndexError, Metric, Options, State, check, kernel};

const MAGIC: u64 = u64::from_le_bytes(*b"GWINDEX\n");
const VERSION: u64 = 1;
const WORDS: usize = 14;
/// Segments begin here, on a cache line.
const HEADER: usize = 128;

#[cfg(target_endian = "big")]
compile_error!("segments are stored as they lie in memory, which is little-endian");

/// The header's numbers.
#[derive(Clone, Copy)]
struct Header {
    dim: usize,
    options: Options,
    is_graph: bool,
    shape: Shape,
    slots: u32,
    drawn: u64,
    entry: Option<u32>,
    tiers: usize,
}

impl Header {
    fn of(index: &Index, state: &State) -> Self {
        let (dim, options) = (index.dim(), index.options);
        let header = Self { dim, options, is_graph: false, shape: Shape::default(), slots: 0, drawn: 0, entry: None, tiers: 0 };
        match state {
            State::Flat(flat) => Self { shape: flat.layout().shape, slots: flat.len() as u32, ..header },
            State::Graph(graph) => Self {
                is_graph: true,
                shape: graph.layout.shape,
                slots: graph.slots,
                drawn: graph.drawn,
                entry: graph.entry,
                tiers: graph.tiers.len(),
                ..header
            },
        }
    }

    fn words(&self, length: usize) -> [u64; HEADER / 8] {
        let mut words = [0; HEADER / 8];
        words[..WORDS].copy_from_slice(&[
            MAGIC,
            VERSION,
            length as u64,
            self.dim as u64,
            u64::from(self.options.metric == Metric::InnerProduct),
            u64::from(self.options.m),
            u64::from(self.options.ef_construction),
            self.options.seed,
            u64::from(self.is_graph),
            u64::from(self.shape.expires) | u64::from(self.shape.namespaces) << 1,
            u64::from(self.slots),
            self.drawn,
            self.entry.map_or(0, |entry| u64::from(entry) + 1),
            self.tiers as u64,
        ]);
        words
    }

    fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        let words: Vec<u64> = pod_collect_to_vec(bytes.get(..HEADER).ok_or(CUT)?);
        let length = bytes.len();
        match words[..3] {
            [MAGIC, VERSION, stated] if stated == length as u64 => {}
            [MAGIC, VERSION, _] => return Err(CUT),
            [MAGIC, ..] => return Err(IndexError::Corrupt("it has a version that this build does not read")),
            _ => return Err(IndexError::Corrupt("it does not begin like one")),
        }
        let (body, sum) = bytes.split_at(length - 8);
        if length < HEADER + 8 || sum != xxh3_64(body).to_le_bytes() {
            return Err(IndexError::Corrupt("its checksum does not match"));
        }
        let small = |word: u64| u16::try_from(word).map_err(|_| BAD_HEADER);
        let options = Options {
            metric: if words[4] == 0 { Metric::Cosine } else { Metric::InnerProduct },
            m: small(words[5])?,
            ef_construction: small(words[6])?,
            seed: words[7],
        };
        let dim = words[3] as usize;
        check(dim, &options).map_err(|_| BAD_HEADER)?;
        let is_known = words[4] < 2 && words[8] < 2 && words[9] < 4 && words[10] <= u64::from(MAX_SLOTS) && words[13] <= 64;
        if !is_known || words[12] > words[10] || words[WORDS..].iter().any(|&word| word != 0) {
            return Err(BAD_HEADER);
        }
        let (expires, namespaces) = (words[9] & 1 == 1, words[9] & 2 == 2);
        let links = if words[8] == 1 { 2 * options.m } else { 0 };
        Ok(Self {
            dim,
            options,
            is_graph: words[8] == 1,
            shape: Shape { width: padded(dim) as u32, links, expires, namespaces },
            slots: words[10] as u32,
            drawn: words[11],
            entry: words[12].checked_sub(1).map(|entry| entry as u32),
            tiers: words[13] as usize,
        })
    }

    /// Blocks of a full segment, and the layout of the last one.
    fn blocks(&self) -> (Layout, usize, Layout) {
        let (whole, rest) = if self.is_graph { (self.slots / SEGMENT, self.slots % SEGMENT) } else { (0, self.slots) };
        (Layout::new(self.shape, SEGMENT), whole as usize, Layout::new(self.shape, rest))
    }
}

const CUT: IndexError = IndexError::Corrupt("it was cut short or grew");
const BAD_HEADER: IndexError = IndexError::Corrupt("its header holds impossible values");
const BAD_LINKS: IndexError = IndexError::Corrupt("its links lead nowhere");

impl Index {
    /// Writes the index to a file, which is replaced at once when all is written.
    pub fn save(&self, path: &Path) -> Result<(), IndexError> {
        let mut name = path.file_name().ok_or(io::Error::from(io::ErrorKind::InvalidInput))?.to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let beside = path.with_file_name(name);
        let written = self.write_file(&beside).and_then(|()| Ok(fs::rename(&beside, path)?));
        if written.is_err() {
            // The error that matters is the first one.
            let _ = fs::remove_file(&beside);
        }
        written
    }

    fn write_file(&self, path: &Path) -> Result<(), IndexError> {
        let mut file = io::BufWriter::with_capacity(1 << 20, File::create(path)?);
        self.emit(&mut |bytes| file.write_all(bytes))?;
        Ok(file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?)
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
        let tiers = if let State::Graph(graph) = &*state { tier_words(graph) } else { Vec::new() };
        let rest = if last.rows > 0 { last.bytes } else { 0 };
        let length = HEADER + whole * full.bytes + rest + 4 * tiers.len() + 8;
        let mut hash = Xxh3::new();
        let mut put = |bytes: &[u8]| {
            hash.update(bytes);
            sink(bytes)
        };
        put(cast_slice(&header.words(length)))?;
        match &*state {
            State::Flat(flat) => flat.packed().1.iter().try_for_each(|block| put(block.bytes()))?,
            State::Graph(graph) => {
                graph.segments[..whole].iter().try_for_each(|block| put(block.bytes()))?;
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
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Err(CUT);
        }
        // SAFETY: the mapping is private, and the caller keeps others from writing to the file, as documented.
        let map = unsafe { MmapOptions::new().map_copy(&file)? };
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
        let (Some(tail), Some(tiers)) = (bytes.get(at..at + rest), bytes.get((at + rest).min(end)..end)) else {
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
            let is_sound = tiers.is_empty() && flat.is_unique() && flat.records().all(|record| record.scale.is_finite() && record.id != FREE);
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
                    let mut block = Block::pages(full.bytes, count > 1);
                    block.bytes_mut().copy_from_slice(part);
                    block
                };
                bytes[HEADER..].chunks_exact(full.bytes).take(count).map(copy).collect()
            }
        }
    }
}

/// For each tier: how many rows, then each row's slot and links; padded to whole words.
fn tier_words(graph: &Graph) -> Vec<u32> {
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

fn read_tiers(header: &Header, mut words: &[u32]) -> Result<Vec<Tier>, IndexError> {
    let width = 1 + usize::from(header.options.m);
    let mut tiers = Vec::with_capacity(header.tiers);
    for _ in 0..header.tiers {
        let (&count, rest) = words.split_first().ok_or(CUT)?;
        let (rows, rest) = rest.split_at_checked((count as usize).saturating_mul(width)).ok_or(CUT)?;
        words = rest;
        let row = |row: &[u32]| (row[0], row[1..].iter().map(|&link| AtomicU32::new(link)).collect());
        let rows: HashMap<u32, Box<[AtomicU32]>> = rows.chunks_exact(width).map(row).collect();
        if rows.len() != count as usize {
            return Err(BAD_LINKS);
        }
        tiers.push(Tier { rows });
    }
    if words.len() > 1 { Err(CUT) } else { Ok(tiers) }
}

fn restore_graph(header: &Header, segments: Vec<Block>, last: Block, tiers: Vec<Tier>) -> Result<Graph, IndexError> {
    let mut graph = Graph::new(kernel::best(), header.shape.width as usize, usize::from(header.options.m));
    let (full, _, packed) = header.blocks();
    (graph.layout, graph.segments, graph.tiers) = (full, segments, tiers);
    (graph.slots, graph.drawn, graph.entry) = (header.slots, header.drawn, header.entry);
    if packed.rows > 0 {
        let mut block = Block::pages(full.bytes, !graph.segments.is_empty());
        block.copy_from(&full, &last, &packed, packed.rows as usize);
        graph.segments.push(block);
    }
    if !graph.derive() {
        return Err(IndexError::Corrupt("an id is there twice"));
    }
    if graph.is_sound() { Ok(graph) } else { Err(BAD_LINKS) }
}

impl Graph {
    /// Whether every link leads to a live row of its layer, and every number can be computed with.
    fn is_sound(&self) -> bool {
        let mut live = vec![false; self.slots as usize];
        self.live().for_each(|slot| live[slot as usize] = true);
        let is_live = |slot: u32| live.get(slot as usize).is_some_and(|&live| live);
        let is_list = |layer: usize, row: u32, is_there: &dyn Fn(u32) -> bool| {
            let mut links = self.links(layer, row).iter().map(|link| link.load(Ordering::Relaxed));
            let used = links.by_ref().take_while(|&link| link != 0).all(|link| link - 1 != row && is_there(link - 1));
            used && links.all(|link| link == 0)
        };
        let rows = (0..self.slots).all(|slot| {
            let scale = self.record(slot).scale;
            scale.is_finite() && scale >= 0.0 && is_list(0, slot, &is_live)
        });
        let tier = |(layer, tier): (usize, &Tier)| {
            let is_below = |slot: u32| if layer == 0 { is_live(slot) } else { self.tiers[layer - 1].rows.contains_key(&slot) };
            let is_there = |slot: u32| tier.rows.contains_key(&slot);
            !tier.rows.is_empty() && tier.rows.keys().all(|&slot| is_below(slot) && is_list(layer + 1, slot, &is_there))
        };
        let entry = self.entry.map_or(self.len() == 0, |entry| is_live(entry) && self.level(entry) == self.tiers.len());
        rows && entry && self.tiers.iter().enumerate().all(tier)
    }
}

/// Puts the right checksum behind changed bytes.
#[cfg(test)]
pub(super) fn seal(bytes: &mut [u8]) {
    let (body, sum) = bytes.split_at_mut(bytes.len() - 8);
    sum.copy_from_slice(&xxh3_64(body).to_le_bytes());
}
