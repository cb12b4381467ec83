//! Which members a body has: their types, what they do to the key, and what they tell the gateway.
//!
//! A member that no row names is passed through: it may hold anything, and it enters the key.

mod chat;
mod completions;
mod embeddings;
mod faults;
mod member;
mod names;
mod row;
mod types;

use std::sync::Arc;

use super::error::CanonError;
pub use member::{Means, Member, Role};
use names::Names;
use row::folded;
pub(super) use row::{Row, Rule};

use super::scratch::prefix;

/// The grammars that are built in.
const BUILT_IN: &[(&str, &[(&str, Member<'static>)])] = &[
    ("chat", chat::MEMBERS),
    ("completions", completions::MEMBERS),
    ("embeddings", embeddings::MEMBERS),
];

/// The members of an endpoint's body. Cloning it shares it.
#[derive(Debug, Clone)]
pub struct Grammar(Arc<Table>);

#[derive(Debug)]
struct Table {
    name: Box<str>,
    rows: Vec<Row>,
    names: Names,
    /// What an unknown member is read by.
    unknown: Row,
    /// One bit for each row that is required.
    required: u64,
    stream_options: Option<Box<str>>,
}

impl Grammar {
    /// A grammar from plain data. Its `name` enters the keys, so bodies of two endpoints never share one.
    pub fn new(name: &str, members: &[(&str, Member<'_>)]) -> Result<Self, CanonError> {
        faults::refuse(name, members).map_err(|reason| CanonError::Setup {
            reason: format!("grammar '{name}': {reason}").into(),
        })?;
        let mut required = 0..;
        let rows = members.iter().map(|(name, member)| {
            let ordinal = member.settled().required.then(|| required.next());
            Row::new(name, member, ordinal.flatten())
        });
        let rows: Vec<_> = rows.collect();
        let options = rows
            .iter()
            .find(|row| row.means == Some(Means::StreamOptions));
        Ok(Self(Arc::new(Table {
            name: name.into(),
            names: Names::new(&rows),
            unknown: Row::unknown(),
            required: rows.iter().fold(0, |bits, row| bits | row.required),
            stream_options: options.map(|row| row.name.clone()),
            rows,
        })))
    }

    /// A built-in grammar by its name: `chat`, `completions` or `embeddings`.
    pub fn built_in(name: &str) -> Result<Self, CanonError> {
        let found = BUILT_IN.iter().find(|(known, _)| *known == name);
        let (name, members) = found.ok_or_else(|| CanonError::Setup {
            reason: format!(
                "no grammar '{name}' is built in: there are {}",
                Self::names().collect::<Vec<_>>().join(", ")
            )
            .into(),
        })?;
        Self::new(name, members)
    }

    /// The names of the built-in grammars.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The row of a member, given its name and the [`prefix`] of that; or the known name that it equals but for case.
    #[inline]
    pub(super) fn find(&self, head: u64, name: &[u8]) -> Result<&Row, &str> {
        let table = &*self.0;
        let foldable = |byte: &u8| byte.is_ascii_uppercase() || !byte.is_ascii();
        match table.names.find(&table.rows, head, name) {
            Some(row) if row.folded.is_none() => Ok(row),
            None if !name.iter().any(foldable) => Ok(&table.unknown),
            _ => self.find_folded(name),
        }
    }

    #[cold]
    fn find_folded(&self, name: &[u8]) -> Result<&Row, &str> {
        let table = &*self.0;
        let Some(folded) = folded(name) else {
            return Ok(&table.unknown);
        };
        match table.names.find(&table.rows, prefix(&folded), &folded) {
            None => Ok(&table.unknown),
            Some(row) if row.name.as_bytes() == name => Ok(row),
            Some(row) => Err(&row.name),
        }
    }

    /// The first member that is required but is not in the set of those `seen`.
    #[inline]
    pub(super) fn missing(&self, seen: u64) -> Option<&str> {
        let missing = self.0.required & !seen;
        if missing == 0 {
            return None;
        }
        let row = self.0.rows.iter().find(|row| row.required & missing != 0);
        row.map(|row| &*row.name)
    }

    /// The name of the member that holds `include_usage`, if there is one.
    pub(super) fn stream_options(&self) -> Option<&str> {
        self.0.stream_options.as_deref()
    }
}
