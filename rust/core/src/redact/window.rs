//! Groups of digits that belong together.

/// Digits without a gap.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Group {
    pub start: usize,
    pub end: usize,
    /// What stands between this group and the one before: `' '`, `'-'`, `'.'`, `'/'`, `'('` where a bracket is in it, or 0.
    pub gap: u8,
}

/// Some groups, taken together.
pub(super) struct Window<'a> {
    pub bytes: &'a [u8],
    pub groups: &'a [Group],
    pub digits: &'a [u8],
}

impl Window<'_> {
    pub fn start(&self) -> usize {
        self.groups[0].start
    }

    pub fn end(&self) -> usize {
        self.groups[self.groups.len() - 1].end
    }

    /// Whether the groups have these lengths.
    pub fn is(&self, lengths: &[usize]) -> bool {
        self.groups.len() == lengths.len()
            && self
                .groups
                .iter()
                .zip(lengths)
                .all(|(g, length)| g.end - g.start == *length)
    }

    /// The one sign between all groups; 0 where there is only one group.
    pub fn gap(&self) -> Option<u8> {
        let gap = self.groups.get(1).map_or(0, |group| group.gap);
        self.groups[1..]
            .iter()
            .all(|group| group.gap == gap)
            .then_some(gap)
    }
}
