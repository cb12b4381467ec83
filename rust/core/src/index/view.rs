//! What reads an index: it holds the state still, so that nothing changes between two questions.

use parking_lot::RwLockReadGuard;

use super::{Hit, Index, IndexError, Search, State, kernel, quantise};

/// An index that does not change while this is held: writers wait.
pub struct View<'a> {
    index: &'a Index,
    state: RwLockReadGuard<'a, State>,
}

impl Index {
    /// Waits for a writer that is at a row, or for one that waits for the searches before it.
    pub fn view(&self) -> View<'_> {
        let state = self.state.read();
        View { index: self, state }
    }

    /// `None` where [`Index::view`] would wait.
    pub fn try_view(&self) -> Option<View<'_>> {
        let state = self.state.try_read()?;
        Some(View { index: self, state })
    }

    /// How many vectors it holds, expired ones included until [`Index::expire`] removes them.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether it holds no vector.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a vector has this id.
    pub fn contains(&self, id: u64) -> bool {
        self.view().contains(id)
    }

    /// Bytes of memory that it holds.
    pub fn bytes(&self) -> usize {
        self.view().bytes()
    }

    /// The nearest vectors to a query, best first: at most `k`, fewer if no more are live and in the namespace.
    pub fn search(&self, query: &[f32], search: &Search) -> Result<Vec<Hit>, IndexError> {
        self.view().search(query, search)
    }
}

impl View<'_> {
    /// As [`Index::len`].
    pub fn len(&self) -> usize {
        match &*self.state {
            State::Flat(flat) => flat.len(),
            State::Graph(graph) => graph.len(),
        }
    }

    /// As [`Index::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As [`Index::contains`].
    pub fn contains(&self, id: u64) -> bool {
        match &*self.state {
            State::Flat(flat) => flat.find(id).is_some(),
            State::Graph(graph) => graph.find(id).is_some(),
        }
    }

    /// As [`Index::bytes`].
    pub fn bytes(&self) -> usize {
        size_of::<Index>()
            + match &*self.state {
                State::Flat(flat) => flat.bytes(),
                State::Graph(graph) => graph.bytes(),
            }
    }

    /// Whether a search takes long enough to be worth letting other threads run.
    pub fn is_large(&self) -> bool {
        match &*self.state {
            State::Flat(flat) => flat.len() * self.index.dim() > 1 << 16,
            State::Graph(_) => true,
        }
    }

    /// As [`Index::search`].
    pub fn search(&self, query: &[f32], search: &Search) -> Result<Vec<Hit>, IndexError> {
        if query.len() != self.index.dim() {
            return Err(IndexError::Dimension {
                expected: self.index.dim(),
                got: query.len(),
            });
        }
        search.check(1)?;
        let factor = quantise::factor(query, self.index.options.metric)
            .map_err(|fault| IndexError::Vector { row: 0, fault })?;
        let probe = quantise::Probe::query(query, factor);
        Ok(match &*self.state {
            State::Flat(flat) => flat.search(kernel::best(), &probe, search),
            State::Graph(graph) => graph.search(&probe, search),
        })
    }
}
