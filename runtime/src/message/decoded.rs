//! Several messages received by one call, each decoded into a type of the caller.

use std::fmt;
use std::io;

use libc::c_int;

use super::decode::Items;
use super::{Received, RecvBatch};
use crate::io::Io;

/// Room for several messages, and the decoded form of those that were received.
pub struct Decoded<R> {
    batch: RecvBatch,
    received: Vec<R>,
}

impl<R> Decoded<R> {
    /// The same as [`RecvBatch::new`].
    ///
    /// # Panics
    ///
    /// If there is not enough memory.
    #[must_use]
    pub fn new(count: usize, size: usize, room: usize) -> Decoded<R> {
        let batch = RecvBatch::new(count, size, room);
        Decoded {
            received: Vec::with_capacity(batch.capacity()),
            batch,
        }
    }

    /// How many messages the last call received.
    #[must_use]
    pub fn len(&self) -> usize {
        self.received.len()
    }

    /// Whether it received none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.received.is_empty()
    }

    /// How many messages there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.batch.capacity()
    }

    /// The received message with this index: its bytes and its decoded form.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<(&[u8], &R)> {
        let received = self.received.get(index)?;
        Some((self.batch.data(index), received))
    }

    /// The received messages, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &R)> {
        let received = self.received.iter().enumerate();
        received.map(|(index, received)| (self.batch.data(index), received))
    }

    /// The received messages, with the decoded forms for changes.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&[u8], &mut R)> {
        let received = self.received.iter_mut().enumerate();
        received.map(|(index, received)| (self.batch.data(index), received))
    }
}

impl<R: fmt::Debug> fmt::Debug for Decoded<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.received).finish()
    }
}

impl Io {
    /// Does what [`recv_messages`](Io::recv_messages) does, and calls `decode` for each message and its ancillary data.
    ///
    /// # Errors
    ///
    /// The errors of [`recv_messages`](Io::recv_messages), and the first error of `decode`. `into` is empty then.
    pub fn recv_decoded<R>(
        &self,
        into: &mut Decoded<R>,
        flags: c_int,
        mut decode: impl FnMut(&Received, Items<'_>) -> io::Result<R>,
    ) -> io::Result<usize> {
        into.received.clear();
        self.recv_messages(&mut into.batch, flags)?;
        for index in 0..into.batch.len() {
            let message = into.batch.received(index);
            match decode(&message, into.batch.items(index)) {
                Ok(received) => into.received.push(received),
                Err(error) => {
                    into.received.clear();
                    return Err(error);
                }
            }
        }
        Ok(into.len())
    }
}
