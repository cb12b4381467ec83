//! Which columns a block of rows has, and where each begins.

/// Which columns a block has, and how wide they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Codes of a row, a multiple of 32.
    pub width: u32,
    /// Link places of a row; none in a flat index.
    pub links: u16,
    pub expires: bool,
    pub namespaces: bool,
}

/// The place of the links among the columns.
pub(super) const LINKS: usize = 4;

/// Where each column of a block with `rows` rows begins, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub shape: Shape,
    pub rows: u32,
    pub(super) ids: usize,
    pub(super) expires: usize,
    pub(super) namespaces: usize,
    pub(super) scales: usize,
    pub(super) links: usize,
    pub(super) codes: usize,
    pub(super) residual: usize,
    pub bytes: usize,
}

impl Layout {
    /// Blocks that carry links align each column to a cache line; small flat ones do not, to save the padding.
    pub fn new(shape: Shape, rows: u32) -> Self {
        let align = if shape.links > 0 { 64 } else { 8 };
        let mut end = 0usize;
        let mut column = |bytes: usize| {
            let start = end;
            end = (start + bytes * rows as usize).next_multiple_of(align);
            start
        };
        let (links, width) = (usize::from(shape.links), shape.width as usize);
        Self {
            shape,
            rows,
            ids: column(8),
            expires: column(if shape.expires { 8 } else { 0 }),
            namespaces: column(if shape.namespaces { 8 } else { 0 }),
            scales: column(4),
            links: column(4 * links),
            codes: column(width),
            residual: column(width / 2),
            bytes: end.max(align),
        }
    }

    /// The columns in their order, as (start, bytes of a row): no bytes where the column is not there.
    pub(super) fn columns(&self) -> [(usize, usize); 7] {
        let (links, width) = (usize::from(self.shape.links), self.shape.width as usize);
        [
            (self.ids, 8),
            (self.expires, if self.shape.expires { 8 } else { 0 }),
            (self.namespaces, if self.shape.namespaces { 8 } else { 0 }),
            (self.scales, 4),
            (self.links, 4 * links),
            (self.codes, width),
            (self.residual, width / 2),
        ]
    }
}

/// One stored vector with what belongs to it.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub id: u64,
    /// The first instant at which the vector is gone; 0 for never.
    pub expires: u64,
    pub namespace: u64,
    pub scale: f32,
    pub codes: &'a [i8],
    pub residual: &'a [u8],
}

impl Record<'_> {
    pub fn is_expired(&self, now: u64) -> bool {
        self.expires != 0 && self.expires <= now
    }
}

impl Shape {
    /// The shape that can hold this record too: most sets have neither expiry nor namespaces, and do not pay for them.
    pub fn with(self, record: &Record<'_>) -> Self {
        Self {
            expires: self.expires || record.expires != 0,
            namespaces: self.namespaces || record.namespace != 0,
            ..self
        }
    }
}
