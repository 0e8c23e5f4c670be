use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::Block;

/// The memory of hashes, kept for the next one.
///
/// A hash needs 19 MiB. Given back to the allocator each time, such pieces end up in the arenas of all the threads
/// that ever computed one, some hundred megabytes in all. Kept, there is one piece for each worker.
pub(super) struct Memory {
    blocks: usize,
    free: Mutex<Vec<Vec<Block>>>,
}

impl Memory {
    /// Keeps pieces of so many blocks.
    pub(super) fn new(blocks: usize) -> Self {
        Self {
            blocks,
            free: Mutex::default(),
        }
    }

    /// Lends at least so many blocks to some work.
    pub(super) fn with<T>(&self, blocks: usize, work: impl FnOnce(&mut [Block]) -> T) -> T {
        let kept = self.free().pop();
        let mut piece = kept.unwrap_or_default();
        if piece.len() < blocks {
            piece.resize(blocks.max(self.blocks), Block::default());
        }
        let done = work(&mut piece);
        // A stored hash may have cost more than one of ours; that much is not kept.
        if piece.len() <= self.blocks {
            self.free().push(piece);
        }
        done
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_lent_again_and_a_larger_piece_is_not_kept() {
        let memory = Memory::new(8);
        let first = memory.with(8, |piece| piece.as_ptr());
        assert_eq!(memory.with(4, |piece| piece.as_ptr()), first);
        assert_eq!(memory.with(100, |piece| piece.len()), 100);
        assert!(memory.free().is_empty());
    }

    #[test]
    fn each_worker_has_a_piece_of_its_own() {
        let memory = Memory::new(8);
        memory.with(8, |one| {
            memory.with(8, |other| assert_ne!(one.as_ptr(), other.as_ptr()));
        });
        assert_eq!(memory.free().len(), 2);
    }
}
