//! Small copies to the device that were asked for and not yet issued.

use super::executor::SMALL_COPY;
use std::ops::Range;
use std::sync::Arc;

/// Copies in their order. Those that adjoin each other on the device are one.
pub(super) struct Uploads<M> {
    uploads: Vec<Upload<M>>,
    /// The bytes of all copies.
    bytes: Vec<u8>,
}

/// A copy to a block of memory.
struct Upload<M> {
    memory: Arc<M>,
    /// The first byte of the memory that is written.
    offset: usize,
    /// Its place in the bytes of all copies.
    bytes: Range<usize>,
}

impl<M> Default for Uploads<M> {
    fn default() -> Self {
        Uploads { uploads: Vec::new(), bytes: Vec::new() }
    }
}

impl<M> Uploads<M> {
    /// Adds a copy of `bytes` and of zeros behind them, `len` bytes in all. It joins the last copy if it
    /// begins where that one ends, and if both together are a small copy.
    pub fn add(&mut self, memory: &Arc<M>, offset: usize, bytes: &[u8], len: usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(start + len, 0);
        match self.uploads.last_mut() {
            Some(last)
                if Arc::ptr_eq(&last.memory, memory)
                    && last.offset + last.bytes.len() == offset
                    && last.bytes.len() + len <= SMALL_COPY =>
            {
                last.bytes.end = start + len;
            }
            _ => {
                self.uploads.push(Upload { memory: memory.clone(), offset, bytes: start..start + len });
            }
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.uploads.is_empty()
    }

    /// Each copy: its memory, the offset there, and its bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&M, usize, &[u8])> {
        self.uploads.iter().map(|upload| (&*upload.memory, upload.offset, &self.bytes[upload.bytes.clone()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The copies: the name of the memory, the offset, and the bytes.
    fn copies(uploads: &Uploads<char>) -> Vec<(char, usize, Vec<u8>)> {
        uploads.iter().map(|(memory, offset, bytes)| (*memory, offset, bytes.to_vec())).collect()
    }

    #[test]
    fn copies_side_by_side_are_one_with_zeros_in_the_gaps() {
        let (memory, mut uploads) = (Arc::new('a'), Uploads::default());
        uploads.add(&memory, 0, &[1, 2, 3], 16);
        uploads.add(&memory, 16, &[4; 4], 4);
        uploads.add(&memory, 20, &[], 0);
        uploads.add(&memory, 20, &[5], 4);
        let bytes = [&[1, 2, 3][..], &[0; 13], &[4; 4], &[5, 0, 0, 0]].concat();
        assert_eq!(copies(&uploads), [('a', 0, bytes)]);
    }

    #[test]
    fn copies_that_do_not_adjoin_stay_in_their_order() {
        let (a, b, mut uploads) = (Arc::new('a'), Arc::new('b'), Uploads::default());
        uploads.add(&a, 0, &[1; 4], 4);
        // Another memory, a gap, and the same place once more.
        uploads.add(&b, 4, &[2; 4], 4);
        uploads.add(&a, 4, &[3; 4], 4);
        uploads.add(&a, 12, &[4; 4], 4);
        uploads.add(&a, 12, &[5; 4], 4);
        let expected = [('a', 0, 1), ('b', 4, 2), ('a', 4, 3), ('a', 12, 4), ('a', 12, 5)];
        assert_eq!(copies(&uploads), expected.map(|(memory, at, byte)| (memory, at, vec![byte; 4])));
    }

    #[test]
    fn joined_copies_stay_small() {
        let (memory, mut uploads) = (Arc::new('a'), Uploads::default());
        uploads.add(&memory, 0, &[1; SMALL_COPY - 4], SMALL_COPY - 4);
        uploads.add(&memory, SMALL_COPY - 4, &[2; 4], 4);
        uploads.add(&memory, SMALL_COPY, &[3; 4], 4);
        let lens: Vec<usize> = uploads.iter().map(|(_, _, bytes)| bytes.len()).collect();
        assert_eq!(lens, [SMALL_COPY, 4]);
    }
}
