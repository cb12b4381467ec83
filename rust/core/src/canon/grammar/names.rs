//! Rows by their folded names.

use super::row::Row;

/// A hash table with linear probing, at most a quarter full.
#[derive(Debug)]
pub(super) struct Names(Vec<Slot>);

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The first eight bytes of the name: with the length, they tell short names from all others.
    head: u64,
    /// 0 in a free slot.
    length: u32,
    place: u32,
}

impl Names {
    pub fn new(rows: &[Row]) -> Self {
        let mut names = Self(vec![Slot::default(); (4 * rows.len()).next_power_of_two()]);
        for (place, row) in rows.iter().enumerate() {
            let name = row.folded();
            let mut at = names.start(row.head, name.len());
            while names.0[at].length != 0 {
                at = (at + 1) & (names.0.len() - 1);
            }
            names.0[at] = Slot {
                head: row.head,
                length: name.len() as u32,
                place: place as u32,
            };
        }
        names
    }

    /// The row of the name, whose prefix is `head`.
    #[inline(always)]
    pub fn find<'r>(&self, rows: &'r [Row], head: u64, name: &[u8]) -> Option<&'r Row> {
        let mut at = self.start(head, name.len());
        loop {
            let slot = self.0[at];
            if slot.length == 0 {
                return None;
            }
            if slot.head == head && slot.length as usize == name.len() {
                let row = &rows[slot.place as usize];
                if name.len() <= 8 || row.folded()[8..] == name[8..] {
                    return Some(row);
                }
            }
            at = (at + 1) & (self.0.len() - 1);
        }
    }

    #[inline(always)]
    fn start(&self, head: u64, length: usize) -> usize {
        let hash = (head ^ length as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
        hash as usize & (self.0.len() - 1)
    }
}
