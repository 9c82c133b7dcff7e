//! Giving the halves of a connection back, with what was read ahead: for protocols that go over to something
//! else in the middle of a connection, such as STARTTLS and the CONNECT of a proxy.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;

use super::halves::{READ, WRITE};
use super::{Connected, ReadChannel, WriteChannel};

impl<S: Connected> ReadChannel<S> {
    /// Gives the half back to the connection, with what this channel has read ahead: the next read of the
    /// connection, whichever it is, gets that first. The connection itself stays open as long as there
    /// is another handle to it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::unix::UnixStream;
    /// use std_net::channel::Connected;
    ///
    /// let (stream, peer) = UnixStream::pair()?;
    /// peer.write_string("a line\nand the rest")?;
    /// let mut read = stream.open_read_channel()?;
    /// assert_eq!(read.read_utf8_line(80)?, Some("a line"));
    /// // The channel has read all of it.
    /// assert!(stream.read_string(80).is_err());
    /// read.release();
    /// assert_eq!(stream.read_string(80)?, "and the rest");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn release(mut self) {
        self.give_back();
    }

    /// Makes a connection of its two halves again. What was written goes out, and what this channel has
    /// read ahead is what the connection reads first: as bytes, as TLS, or by
    /// [`copy`](crate::copy()).
    ///
    /// Behind STARTTLS the bytes that come next are read as TLS, also those that came before it was agreed
    /// on: plain text that somebody has put there is no TLS, and the handshake fails.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`], which holds both halves, if they are not of the same connection, or the buffer of
    /// the other half cannot be sent.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std_net::socket::TcpStream;
    ///
    /// let (mut read, mut write) = TcpStream::connect("mail.example:143")?.into_channels(true)?;
    /// read.read_utf8_line(512)?;
    /// write.write_line("a STARTTLS\r")?;
    /// read.read_utf8_line(512)?;
    /// let stream = read.reunite(write).map_err(|error| error.error)?;
    /// let (mut read, mut write) = stream.tls("mail.example")?.into_channels(true)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[allow(
        clippy::result_large_err,
        reason = "it holds both halves; the error is rare"
    )]
    pub fn reunite(mut self, mut write: WriteChannel<S>) -> Result<S, ReuniteError<S>> {
        let sent = if self.stream.is_clone_of(&write.stream) {
            io::Write::flush(&mut write)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "these are halves of two connections",
            ))
        };
        if let Err(error) = sent {
            return Err(ReuniteError {
                error,
                read: self,
                write,
            });
        }
        self.give_back();
        let mut stream = Arc::clone(&self.stream);
        drop(self);
        write.forget();
        // Who opens a half at this moment holds the connection too, until he sees that it is taken.
        loop {
            match Arc::try_unwrap(stream) {
                Ok(stream) => return Ok(stream),
                Err(shared) => stream = shared,
            }
            thread::yield_now();
        }
    }

    /// What both ways have in common.
    fn give_back(&mut self) {
        self.stream.release(READ, self.data());
        self.empty();
    }
}

impl<S: Connected> WriteChannel<S> {
    /// Sends what is in the buffer, and gives the half back to the connection. Unlike a drop it does not end
    /// the half: a holder of another handle to the connection goes on writing.
    ///
    /// # Errors
    ///
    /// As [`flush`](io::Write::flush): the channel is then dropped as ever.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std_net::unix::UnixStream;
    /// use std_net::channel::Connected;
    ///
    /// let (stream, peer) = UnixStream::pair()?;
    /// let mut write = stream.open_write_channel(false)?;
    /// write.write_str("one, ")?;
    /// write.release()?;
    /// stream.write_string("two")?;
    /// assert_eq!(peer.read_string(80)?, "one, two");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn release(mut self) -> io::Result<()> {
        io::Write::flush(&mut self)?;
        self.forget();
        Ok(())
    }

    /// Gives the half back and goes, without an end.
    fn forget(mut self) {
        self.stream.release(WRITE, &[]);
        self.closed = true;
    }
}

/// Two halves that could not be brought together, and why.
pub struct ReuniteError<S: Connected> {
    /// Why.
    pub error: io::Error,
    /// The half that reads.
    pub read: ReadChannel<S>,
    /// The half that writes.
    pub write: WriteChannel<S>,
}

impl<S: Connected> fmt::Debug for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<S: Connected> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<S: Connected> Error for ReuniteError<S> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
