//! Blocks of memory that hold the columns of many vectors side by side: on the heap, in fresh pages, or in a mapped file.

#![expect(unsafe_code, reason = "rows are read while others are written")]

use std::alloc::{Layout as Allocation, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use bytemuck::Pod;
use memmap2::{Advice, MmapMut};

use super::layout::{LINKS, Layout, Record};

#[expect(dead_code, reason = "held for the memory that they keep")]
enum Mapping {
    Pages(MmapMut),
    File(Arc<MmapMut>),
}

/// A block of zeroed memory. It is written through `&mut self`, but for its links, which are atomic.
///
/// Invariant: `start` is valid for `bytes` bytes, aligned to 8, and no other block covers them.
pub(super) struct Block {
    start: NonNull<u8>,
    bytes: usize,
    /// `None` on the heap.
    mapping: Option<Box<Mapping>>,
}

// SAFETY: a block owns its memory alone; what is changed through `&self` is atomic.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

impl Block {
    /// Memory on the heap, for small blocks.
    pub fn heap(bytes: usize) -> Self {
        let allocation = Self::allocation(bytes);
        // SAFETY: the size is not zero (`Layout::new`).
        let start = unsafe { alloc_zeroed(allocation) };
        let start = NonNull::new(start).unwrap_or_else(|| handle_alloc_error(allocation));
        Self {
            start,
            bytes,
            mapping: None,
        }
    }

    /// Fresh pages, which take memory only once they are written; huge ones save most of the address look-ups of a walk.
    pub fn pages(bytes: usize, huge: bool) -> Self {
        let Ok(mut map) = MmapMut::map_anon(bytes) else {
            handle_alloc_error(Self::allocation(bytes))
        };
        if huge {
            // Only advice: without it the pages are small.
            let _ = map.advise(Advice::HugePage);
        }
        let start = NonNull::new(map.as_mut_ptr()).expect("a mapping is never at zero");
        Self {
            start,
            bytes,
            mapping: Some(Box::new(Mapping::Pages(map))),
        }
    }

    /// Consecutive blocks of a privately mapped file, from `offset` on: written pages become this process's own.
    pub fn file(mut map: MmapMut, offset: usize, bytes: usize, count: usize) -> Vec<Self> {
        assert!(
            offset.is_multiple_of(8)
                && bytes.is_multiple_of(8)
                && offset + bytes * count <= map.len()
        );
        let base = map.as_mut_ptr();
        let map = Arc::new(map);
        let block = |index: usize| {
            // SAFETY: within the mapping, by the assertion above; blocks do not overlap.
            let start = unsafe { base.add(offset + index * bytes) };
            let start = NonNull::new(start).expect("a mapping is never at zero");
            Self {
                start,
                bytes,
                mapping: Some(Box::new(Mapping::File(map.clone()))),
            }
        };
        (0..count).map(block).collect()
    }

    fn allocation(bytes: usize) -> Allocation {
        Allocation::from_size_align(bytes, 8)
            .expect("a block is far smaller than the address space")
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: valid by the invariant. Only called where no link is being written: while saving, under the writers' lock.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: valid by the invariant, and borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }

    #[inline]
    fn part<T: Pod>(&self, start: usize, len: usize) -> &[T] {
        assert!(
            start + len * size_of::<T>() <= self.bytes && start.is_multiple_of(align_of::<T>())
        );
        // SAFETY: in bounds and aligned, by the assertion and the block's own alignment; any bits are a `T`; this part is
        // written through `&mut self` only, since links are never read as plain numbers here.
        unsafe { slice::from_raw_parts(self.start.as_ptr().add(start).cast(), len) }
    }

    #[inline]
    fn part_mut<T: Pod>(&mut self, start: usize, len: usize) -> &mut [T] {
        assert!(
            start + len * size_of::<T>() <= self.bytes && start.is_multiple_of(align_of::<T>())
        );
        // SAFETY: as in `part`, and borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr().add(start).cast(), len) }
    }

    pub fn ids(&self, at: &Layout, rows: usize) -> &[u64] {
        self.part(at.ids, rows)
    }

    pub fn set_id(&mut self, at: &Layout, row: usize, id: u64) {
        self.part_mut(at.ids, at.rows as usize)[row] = id;
    }

    pub fn expires(&self, at: &Layout, rows: usize) -> &[u64] {
        self.part(at.expires, if at.shape.expires { rows } else { 0 })
    }

    pub fn namespaces(&self, at: &Layout, rows: usize) -> &[u64] {
        self.part(at.namespaces, if at.shape.namespaces { rows } else { 0 })
    }

    #[inline]
    pub fn scale(&self, at: &Layout, row: usize) -> f32 {
        self.part::<f32>(at.scales + 4 * row, 1)[0]
    }

    #[inline]
    pub fn codes(&self, at: &Layout, row: usize) -> &[i8] {
        let width = at.shape.width as usize;
        self.part(at.codes + row * width, width)
    }

    #[inline]
    pub fn residual(&self, at: &Layout, row: usize) -> &[u8] {
        let width = at.shape.width as usize / 2;
        self.part(at.residual + row * width, width)
    }

    #[inline]
    pub fn links(&self, at: &Layout, row: usize) -> &[AtomicU32] {
        let places = usize::from(at.shape.links);
        let start = at.links + row * places * 4;
        assert!(start + places * 4 <= self.bytes);
        // SAFETY: in bounds; columns and rows of links are aligned to 4; links are only ever accessed as atomics.
        unsafe { slice::from_raw_parts(self.start.as_ptr().add(start).cast(), places) }
    }

    /// Writes a row whole; links stay as they are.
    pub fn write(&mut self, at: &Layout, row: usize, record: &Record<'_>) {
        let width = at.shape.width as usize;
        self.set_id(at, row, record.id);
        if at.shape.expires {
            self.part_mut(at.expires, at.rows as usize)[row] = record.expires;
        }
        if at.shape.namespaces {
            self.part_mut(at.namespaces, at.rows as usize)[row] = record.namespace;
        }
        self.part_mut(at.scales, at.rows as usize)[row] = record.scale;
        self.part_mut(at.codes + row * width, width)
            .copy_from_slice(record.codes);
        self.part_mut(at.residual + row * width / 2, width / 2)
            .copy_from_slice(record.residual);
    }

    pub fn read(&self, at: &Layout, row: usize) -> Record<'_> {
        Record {
            id: self.ids(at, row + 1)[row],
            expires: self.expires(at, row + 1).get(row).copied().unwrap_or(0),
            namespace: self.namespaces(at, row + 1).get(row).copied().unwrap_or(0),
            scale: self.scale(at, row),
            codes: self.codes(at, row),
            residual: self.residual(at, row),
        }
    }

    /// Copies one row over another; links stay as they are.
    pub fn move_row(&mut self, at: &Layout, from: usize, to: usize) {
        for (column, &(start, width)) in at.columns().iter().enumerate() {
            if column != LINKS {
                let all = self.part_mut::<u8>(start, at.rows as usize * width);
                all.copy_within(from * width..(from + 1) * width, to * width);
            }
        }
    }

    /// Takes over the first `rows` rows of another block, of the columns that both have.
    pub fn copy_from(&mut self, at: &Layout, other: &Self, from: &Layout, rows: usize) {
        for ((to, width), (start, theirs)) in at.columns().into_iter().zip(from.columns()) {
            if width == theirs {
                self.part_mut::<u8>(to, rows * width)
                    .copy_from_slice(other.part(start, rows * width));
            }
        }
    }

    /// Tells the CPU that a row's codes are wanted soon.
    #[inline]
    pub fn prefetch(&self, at: &Layout, row: usize) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let width = at.shape.width as usize;
            let start = self.start.as_ptr().wrapping_add(at.codes + row * width);
            for line in (0..width).step_by(64) {
                // SAFETY: a prefetch does not access memory in the abstract machine.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line).cast()) };
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (at, row);
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.mapping.is_none() {
            // SAFETY: allocated in `heap` with this very size and alignment.
            unsafe { dealloc(self.start.as_ptr(), Self::allocation(self.bytes)) };
        }
    }
}
