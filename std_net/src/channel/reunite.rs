//! Gives the halves of a connection back, together with the data that were read ahead. Protocols need
//! this if they change to another protocol in the middle of a connection, such as STARTTLS and the
//! CONNECT of a proxy.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread;

use super::halves::{READ, WRITE};
use super::{Connected, ReadChannel, WriteChannel};

impl<S: Connected> ReadChannel<S> {
    /// Gives the half back to the connection, together with the data that this channel has read ahead.
    /// The next read of the connection, of any kind, gets these data first. The connection stays open
    /// as long as another handle to it exists.
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

    /// Makes one connection of its two halves again. Buffered data are sent. The connection first reads
    /// what this channel has read ahead: as bytes, as TLS, or by [`copy`](crate::copy()).
    ///
    /// After STARTTLS all bytes that come next are read as TLS, even those that came before both sides
    /// had agreed on it. If an attacker has put plain text there, it is not TLS, and the handshake
    /// fails.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`], which holds both halves, if they do not belong to the same connection, or if
    /// the buffer of the other half cannot be sent.
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
        // A caller that tries to open a half at this moment also holds the connection, until it finds
        // the half claimed.
        loop {
            match Arc::try_unwrap(stream) {
                Ok(stream) => return Ok(stream),
                Err(shared) => stream = shared,
            }
            thread::yield_now();
        }
    }

    /// The part that `release` and `reunite` share.
    fn give_back(&mut self) {
        self.stream.release(READ, self.data());
        self.empty();
    }
}

impl<S: Connected> WriteChannel<S> {
    /// Sends what is in the buffer, and gives the half back to the connection. Unlike a drop it does
    /// not end the half: the holder of another handle to the connection can go on writing.
    ///
    /// # Errors
    ///
    /// The errors of [`flush`](io::Write::flush). After an error the channel is dropped as usual.
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

    /// Gives the half back without ending it.
    fn forget(mut self) {
        self.stream.release(WRITE, &[]);
        self.closed = true;
    }
}

/// The error of two halves that could not be put together.
pub struct ReuniteError<S: Connected> {
    /// The reason.
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
