//! The queue of a worker's woken processes: first in, first out. `task` decides which processes enter it.

use std::mem;

/// Two lists: one is read while the other is written. This is cheaper than a ring buffer, because no index wraps
/// around.
#[derive(Debug)]
pub(crate) struct Ready<T> {
    now: Vec<T>,
    /// The number of items already taken from `now`.
    taken: usize,
    later: Vec<T>,
}

impl<T: Copy> Ready<T> {
    pub(crate) const fn new() -> Ready<T> {
        Ready {
            now: Vec::new(),
            taken: 0,
            later: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.now.len() - self.taken + self.later.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        self.later.push(item);
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.taken == self.now.len() {
            self.turn();
        }
        let first = self.now.get(self.taken).copied();
        self.taken += usize::from(first.is_some());
        first
    }

    /// The item that will be popped after `ahead` others, if it is known. Items pushed after the last swap of the lists
    /// are not visible.
    #[inline]
    pub(crate) fn peek(&self, ahead: usize) -> Option<T> {
        self.now.get(self.taken + ahead).copied()
    }

    #[inline(never)]
    fn turn(&mut self) {
        self.now.clear();
        self.taken = 0;
        mem::swap(&mut self.now, &mut self.later);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_first_out() {
        let mut ready = Ready::new();
        assert_eq!((ready.pop(), ready.len()), (None, 0));
        let (mut next_in, mut next_out) = (0, 0);
        for round in 0..20 {
            for _ in 0..round % 7 {
                ready.push(next_in);
                next_in += 1;
            }
            for _ in 0..round % 5 {
                if let Some(item) = ready.pop() {
                    assert_eq!(item, next_out);
                    next_out += 1;
                }
                assert_eq!(ready.len(), next_in - next_out);
            }
        }
        while let Some(item) = ready.pop() {
            assert_eq!(item, next_out);
            next_out += 1;
        }
        assert_eq!(next_out, next_in);
        assert!(ready.is_empty());
    }

    #[test]
    fn a_peek_sees_who_is_next() {
        let mut ready = Ready::new();
        ready.push('a');
        ready.push('b');
        assert_eq!(ready.pop(), Some('a'));
        assert_eq!((ready.peek(0), ready.peek(1)), (Some('b'), None));
        assert_eq!(ready.pop(), Some('b'));
        assert_eq!(ready.peek(0), None);
    }
}
