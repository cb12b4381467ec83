//! A grammar's rows, made ready for reading.

use std::borrow::Cow;

use super::member::{Means, Member, Role};
use super::types::Types;
use crate::canon::kinds::Kinds;
use crate::canon::scratch::prefix;

/// The longest name of a member.
pub(super) const LONGEST: usize = 64;

/// What a value must be.
#[derive(Debug, Clone)]
pub(in crate::canon) struct Rule {
    pub takes: Kinds,
    /// The types of an array's elements, one set for each kind of array that is taken.
    pub arrays: Cow<'static, [Kinds]>,
    pub expected: Cow<'static, str>,
    pub filled: bool,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub max_length: Option<usize>,
    /// A null means what leaving it out means.
    pub nullable: bool,
}

impl Rule {
    pub const STRING: Self = Self {
        takes: Kinds::STRING,
        arrays: Cow::Borrowed(&[]),
        expected: Cow::Borrowed("a string"),
        filled: false,
        minimum: None,
        maximum: None,
        max_length: None,
        nullable: false,
    };
}

/// One member of a grammar.
#[derive(Debug)]
pub(in crate::canon) struct Row {
    pub name: Box<str>,
    /// The folded name, where it is another.
    pub(super) folded: Option<Box<[u8]>>,
    /// The [`prefix`] of the folded name.
    pub(super) head: u64,
    pub rule: Rule,
    pub role: Role,
    pub means: Option<Means>,
    /// The row's bit in the set of those that are required; 0 where it is not.
    pub required: u64,
}

impl Row {
    /// Takes a member that was found right; `ordinal` counts those that are required.
    pub(super) fn new(name: &str, member: &Member<'_>, ordinal: Option<u32>) -> Self {
        let member = member.settled();
        let types = Types::parse(member.types).unwrap_or_else(Types::any);
        let folded = folded(name.as_bytes()).unwrap_or_default();
        Self {
            head: prefix(&folded),
            folded: (*folded != *name.as_bytes()).then_some(folded),
            name: name.into(),
            rule: Rule {
                takes: types.takes,
                arrays: types.arrays.into(),
                expected: types.expected.into(),
                filled: member.filled,
                minimum: member.minimum,
                maximum: member.maximum,
                max_length: member.max_length,
                nullable: !member.required,
            },
            role: member.role,
            means: member.means,
            required: ordinal.map_or(0, |bit| 1 << bit),
        }
    }

    /// A member of any type that matters, null included.
    pub(super) fn unknown() -> Self {
        let mut row = Self::new("", &Member::default(), None);
        row.rule.nullable = false;
        row
    }

    #[inline]
    pub(super) fn folded(&self) -> &[u8] {
        self.folded.as_deref().unwrap_or(self.name.as_bytes())
    }
}

/// A name as readers that ignore case compare it: Go's `encoding/json` takes U+017F for `s` and U+212A for `k` as well.
/// None if it is longer than any member's.
pub(super) fn folded(name: &[u8]) -> Option<Box<[u8]>> {
    // A folded character takes a third of the bytes at least.
    if name.len() > 3 * LONGEST {
        return None;
    }
    let text = std::str::from_utf8(name).ok()?;
    let fold = |c| match c {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    Some(
        text.chars()
            .map(fold)
            .collect::<String>()
            .into_bytes()
            .into(),
    )
}
