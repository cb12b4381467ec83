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
mod options;
mod pool;
mod quantise;
mod search;
mod slots;
#[cfg(test)]
mod tests;
mod unlink;
mod view;
mod walk;
mod write;

use std::thread;

use parking_lot::{Mutex, RwLock};

pub use batch::{Batch, Column};
pub use error::{Fault, IndexError};
pub use options::{DIM, EF_CONSTRUCTION, M, Metric, Options};
pub use search::{Hit, MAX_K, Search};
pub use view::View;

use flat::Flat;
use graph::Graph;
use options::check;

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
