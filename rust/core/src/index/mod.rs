//! Nearest neighbours: a flat int8 scan for small sets, a navigable graph (HNSW) above, one type for both.
//!
//! What makes it differ from the textbook graph:
//! * **12 bits a dimension** instead of a float: int8 codes to walk by, half a byte more to rescore with (`quantise.rs`).
//! * **Links are mutual and each layer is connected, always.** A link gives way only where a triangle shows another way round,
//!   so every live row can be reached, whatever was inserted and deleted in whatever order (`link.rs`).
//! * **Deletion is local and immediate**: mutual links name those who link to the row; they are joined with each other (`unlink.rs`).
//! * **Searches run while a writer works**: links are atomic, and the lock that keeps searches out is held only while a row is
//!   written, shown or released, not while its neighbours are sought and joined. Two writes take longer: a row for which a
//!   segment must be added, which copies the one before it, and the first with an expiry or a namespace, which copies all.

mod batch;
mod error;
mod file;
mod flat;
mod graph;
mod hand;
mod kernel;
mod layout;
mod link;
mod memory;
mod namespaces;
mod pool;
mod quantise;
mod slots;
#[cfg(test)]
mod tests;
mod unlink;
mod view;
mod walk;
mod write;

use std::ops::RangeInclusive;
use std::thread;

use parking_lot::{Mutex, RwLock};

pub use batch::{Batch, Column};
pub use error::{Fault, IndexError};
pub use view::View;

use flat::Flat;
use graph::Graph;

/// What "near" means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// The cosine of the angle; vectors are stored at length one.
    #[default]
    Cosine,
    /// The inner product; vectors are stored as they are.
    InnerProduct,
}

/// How an index is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    pub metric: Metric,
    /// Links that a new vector starts with; it may come to have twice as many.
    pub m: u16,
    /// How many candidates its neighbours are chosen from.
    pub ef_construction: u16,
    /// Decides which vectors stand on the upper layers.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            metric: Metric::Cosine,
            m: 16,
            ef_construction: 200,
            seed: 0,
        }
    }
}

/// How many dimensions vectors may have.
pub const DIM: RangeInclusive<usize> = 1..=65_536;

/// The range of [`Options::m`].
pub const M: RangeInclusive<u16> = 2..=256;

/// The range of [`Options::ef_construction`].
pub const EF_CONSTRUCTION: RangeInclusive<u16> = 1..=4096;

/// The most neighbours that one search gives.
pub const MAX_K: usize = 1 << 20;

/// The most places of a table of answers, of which each takes 12 bytes, found or not.
const MAX_CELLS: usize = 1 << 24;

/// What a search asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// How many neighbours; at most 1,048,576, and 16,777,216 for all queries of a table together.
    pub k: usize,
    /// How many candidates a walk keeps: more finds more and takes longer.
    pub ef: Option<usize>,
    /// Vectors that expire at or before this instant are not found; 0 finds all.
    pub now: u64,
    /// Only vectors of this namespace.
    pub namespace: Option<u64>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            k: 1,
            ef: None,
            now: 0,
            namespace: None,
        }
    }
}

impl Search {
    /// How many rows are rescored: int8 order is off by a few places at most.
    fn depth(&self) -> usize {
        self.k.saturating_mul(2).saturating_add(8)
    }

    fn beam(&self) -> usize {
        self.ef.unwrap_or(64).max(self.k).max(1)
    }

    fn check(&self, queries: usize) -> Result<(), IndexError> {
        if self.k > MAX_K {
            return Err(IndexError::Option(
                "k must be at most 1048576: ask for fewer neighbours",
            ));
        }
        if queries.saturating_mul(self.k) > MAX_CELLS {
            return Err(IndexError::Option(
                "queries times k must be at most 16777216: search fewer queries at once",
            ));
        }
        Ok(())
    }

    fn is_live(&self, expires: u64) -> bool {
        expires == 0 || self.now < expires
    }
}

/// A neighbour that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    pub id: u64,
    /// Cosine or inner product, the higher the nearer.
    pub score: f32,
}

enum State {
    Flat(Flat),
    Graph(Box<Graph>),
}

/// A set of vectors, each with an id, that finds the nearest ones to a query.
///
/// Any number of threads may search while others add and remove; writers take turns.
pub struct Index {
    dim: u32,
    options: Options,
    /// Held by whoever changes the index, from the first step of a change to its last.
    writer: Mutex<()>,
    state: RwLock<State>,
}

impl Index {
    /// An empty index for vectors of `dim` dimensions.
    pub fn new(dim: usize, options: Options) -> Result<Self, IndexError> {
        check(dim, &options)?;
        let state = State::Flat(Flat::new(quantise::padded(dim)));
        Ok(Self::from_state(dim, options, state))
    }

    fn from_state(dim: usize, options: Options, state: State) -> Self {
        Self {
            dim: dim as u32,
            options,
            writer: Mutex::new(()),
            state: RwLock::new(state),
        }
    }

    /// Dimensions of its vectors.
    pub fn dim(&self) -> usize {
        self.dim as usize
    }

    /// How it was built.
    pub fn options(&self) -> Options {
        self.options
    }

    /// [`search`](Self::search) for many queries, row after row, on so many threads or one for each core if those are fewer.
    pub fn search_all(
        &self,
        queries: &[f32],
        search: &Search,
        threads: usize,
    ) -> Result<Vec<Vec<Hit>>, IndexError> {
        let threads = workers(threads)?;
        if !queries.len().is_multiple_of(self.dim()) {
            return Err(IndexError::Dimension {
                expected: self.dim(),
                got: queries.len(),
            });
        }
        let count = queries.len() / self.dim();
        search.check(count)?;
        let share = count.div_ceil(threads).max(1);
        let part = |(at, part): (usize, &[f32])| -> Result<Vec<_>, IndexError> {
            let rows = part.chunks_exact(self.dim()).enumerate();
            let run = |(row, query): (usize, &[f32])| {
                self.search(query, search)
                    .map_err(|error| error.at(at * share + row))
            };
            rows.map(run).collect()
        };
        let parts = queries.chunks(share * self.dim()).enumerate();
        let found = crate::threads::share(threads, parts, part).into_iter();
        let found: Vec<Vec<_>> = found.collect::<Result<_, _>>()?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// How many threads are worth starting where so many were asked for: no more than there are cores.
fn workers(asked: usize) -> Result<usize, IndexError> {
    if asked == 0 {
        return Err(IndexError::Option("threads must be at least 1"));
    }
    Ok(asked.min(thread::available_parallelism().map_or(1, usize::from)))
}

fn check(dim: usize, options: &Options) -> Result<(), IndexError> {
    if !DIM.contains(&dim) {
        return Err(IndexError::Option("dim must be 1 to 65536"));
    }
    if !M.contains(&options.m) {
        return Err(IndexError::Option("m must be 2 to 256"));
    }
    if !EF_CONSTRUCTION.contains(&options.ef_construction) {
        return Err(IndexError::Option("ef_construction must be 1 to 4096"));
    }
    Ok(())
}
