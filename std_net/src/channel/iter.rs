//! [`Lines`] and [`Chunks`] of a [`ReadChannel`], as iterators.

use std::io;

use super::{Connected, ReadChannel};

/// The lines of a channel, from [`ReadChannel::lines`]. The iterator ends at the end of the stream and
/// after an error.
#[derive(Debug)]
pub struct Lines<'a, S: Connected> {
    pub(super) channel: &'a mut ReadChannel<S>,
    pub(super) limit: usize,
    pub(super) ended: bool,
}

/// The chunks of a channel, from [`ReadChannel::chunks`]. The iterator ends at the end of the stream
/// and after an error.
#[derive(Debug)]
pub struct Chunks<'a, S: Connected> {
    pub(super) channel: &'a mut ReadChannel<S>,
    pub(super) capacity: usize,
    pub(super) ended: bool,
}

impl<S: Connected> Iterator for Lines<'_, S> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<io::Result<String>> {
        if self.ended {
            return None;
        }
        let line = self.channel.read_utf8_line(self.limit);
        let item = line.map(|line| line.map(str::to_owned)).transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

impl<S: Connected> Iterator for Chunks<'_, S> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        if self.ended {
            return None;
        }
        let item = self.channel.read_chunk(self.capacity).transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}
