//! The first words of a saved index.

use bytemuck::allocation::pod_collect_to_vec;
use xxhash_rust::xxh3::xxh3_64;

use super::super::graph::SEGMENT;
use super::super::layout::{Layout, Shape};
use super::super::pool::MAX_SLOTS;
use super::super::quantise::padded;
use super::super::{Index, IndexError, Metric, Options, State, check};

const MAGIC: u64 = u64::from_le_bytes(*b"GWINDEX\n");
const VERSION: u64 = 1;
const WORDS: usize = 14;
/// Segments begin here, on a cache line.
pub(super) const HEADER: usize = 128;

pub(super) const CUT: IndexError = IndexError::Corrupt("it was cut short or grew");
pub(super) const BAD_HEADER: IndexError = IndexError::Corrupt("its header holds impossible values");
pub(super) const BAD_LINKS: IndexError = IndexError::Corrupt("its links lead nowhere");

/// The header's numbers.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) dim: usize,
    pub(super) options: Options,
    pub(super) is_graph: bool,
    pub(super) shape: Shape,
    pub(super) slots: u32,
    pub(super) drawn: u64,
    pub(super) entry: Option<u32>,
    pub(super) tiers: usize,
}

impl Header {
    pub(super) fn of(index: &Index, state: &State) -> Self {
        let (dim, options) = (index.dim(), index.options);
        let header = Self {
            dim,
            options,
            is_graph: false,
            shape: Shape::default(),
            slots: 0,
            drawn: 0,
            entry: None,
            tiers: 0,
        };
        match state {
            State::Flat(flat) => Self {
                shape: flat.layout().shape,
                slots: flat.len() as u32,
                ..header
            },
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

    pub(super) fn words(&self, length: usize) -> [u64; HEADER / 8] {
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

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        let words = whole(bytes)?;
        let options = options(&words)?;
        let dim = words[3] as usize;
        check(dim, &options).map_err(|_| BAD_HEADER)?;
        let is_known =
            words[8] < 2 && words[9] < 4 && words[10] <= u64::from(MAX_SLOTS) && words[13] <= 64;
        if !is_known || words[12] > words[10] || words[WORDS..].iter().any(|&word| word != 0) {
            return Err(BAD_HEADER);
        }
        let is_graph = words[8] == 1;
        Ok(Self {
            dim,
            options,
            is_graph,
            shape: Shape {
                width: padded(dim) as u32,
                links: if is_graph { 2 * options.m } else { 0 },
                expires: words[9] & 1 == 1,
                namespaces: words[9] & 2 == 2,
            },
            slots: words[10] as u32,
            drawn: words[11],
            entry: words[12].checked_sub(1).map(|entry| entry as u32),
            tiers: words[13] as usize,
        })
    }

    /// Blocks of a full segment, and the layout of the last one.
    pub(super) fn blocks(&self) -> (Layout, usize, Layout) {
        let (whole, rest) = if self.is_graph {
            (self.slots / SEGMENT, self.slots % SEGMENT)
        } else {
            (0, self.slots)
        };
        (
            Layout::new(self.shape, SEGMENT),
            whole as usize,
            Layout::new(self.shape, rest),
        )
    }
}

/// The header's words, if the bytes are as long as it says and their checksum is right.
fn whole(bytes: &[u8]) -> Result<Vec<u64>, IndexError> {
    if !bytes.starts_with(&MAGIC.to_le_bytes()) {
        return Err(IndexError::Corrupt("it does not begin like one"));
    }
    let words: Vec<u64> = pod_collect_to_vec(bytes.get(..HEADER).ok_or(CUT)?);
    let length = bytes.len();
    match words[1..3] {
        [VERSION, stated] if stated == length as u64 => {}
        [VERSION, _] => return Err(CUT),
        _ => {
            return Err(IndexError::Corrupt(
                "it has a version that this build does not read",
            ));
        }
    }
    let (body, sum) = bytes.split_at(length - 8);
    if length < HEADER + 8 || sum != xxh3_64(body).to_le_bytes() {
        return Err(IndexError::Corrupt("its checksum does not match"));
    }
    Ok(words)
}

fn options(words: &[u64]) -> Result<Options, IndexError> {
    let small = |word: u64| u16::try_from(word).map_err(|_| BAD_HEADER);
    Ok(Options {
        metric: match words[4] {
            0 => Metric::Cosine,
            1 => Metric::InnerProduct,
            _ => return Err(BAD_HEADER),
        },
        m: small(words[5])?,
        ef_construction: small(words[6])?,
        seed: words[7],
    })
}
