//! Files that are not plain UTF-8: compressed files, and UTF-16. Their first bytes tell the format,
//! never their name.

use std::io::{self, BufRead, BufReader, Read};

/// The format that the first bytes of a file tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Gzip,
    Zstd,
    Xz,
    Utf16Le,
    Utf16Be,
    /// A format that is not read. It has a name, and a program that can read it.
    Other(&'static str, &'static str),
}

const KINDS: [(&[u8], Kind); 12] = [
    (b"\x1f\x8b", Kind::Gzip),
    (b"\x28\xb5\x2f\xfd", Kind::Zstd),
    (b"\xfd7zXZ\0", Kind::Xz),
    (b"BZh", Kind::Other("bzip2", "bzcat")),
    (b"PK\x03\x04", Kind::Other("zip", "unzip -p")),
    (b"7z\xbc\xaf\x27\x1c", Kind::Other("7z", "7z x -so")),
    (b"\x04\x22\x4d\x18", Kind::Other("lz4", "lz4 -dc")),
    (b"\x1f\x9d", Kind::Other("compress", "zcat")),
    (b"LZIP", Kind::Other("lzip", "lzip -dc")),
    // This must come before UTF-16, which begins with the same bytes.
    (
        b"\xff\xfe\0\0",
        Kind::Other("UTF-32", "iconv -f UTF-32 -t UTF-8"),
    ),
    (b"\xff\xfe", Kind::Utf16Le),
    (b"\xfe\xff", Kind::Utf16Be),
];

/// Returns the format of a file that begins so, or `None` if more bytes are needed and may come.
pub(crate) fn kind(start: &[u8], at_end: bool) -> Option<Kind> {
    for (magic, kind) in KINDS {
        if start.starts_with(magic) {
            return Some(kind);
        }
        if magic.starts_with(start) && !at_end {
            return None;
        }
    }
    Some(Kind::Plain)
}

/// Returns the contents of a file as UTF-8. `source` begins with the bytes that told the format.
pub(crate) fn decode<R: Read + Send + 'static>(
    kind: Kind,
    source: R,
) -> io::Result<Box<dyn Read + Send>> {
    match kind {
        Kind::Plain => Ok(Box::new(source)),
        Kind::Gzip => Ok(Box::new(flate2::read::MultiGzDecoder::new(source))),
        #[cfg(feature = "zstd")]
        Kind::Zstd => Ok(Box::new(zstd::stream::read::Decoder::new(source)?)),
        #[cfg(not(feature = "zstd"))]
        Kind::Zstd => Err(unread("zstd", "zstdcat")),
        #[cfg(feature = "xz")]
        Kind::Xz => Ok(Box::new(liblzma::read::XzDecoder::new_multi_decoder(
            source,
        ))),
        #[cfg(not(feature = "xz"))]
        Kind::Xz => Err(unread("xz", "xzcat")),
        Kind::Utf16Le => Ok(Box::new(Utf16::new(source, u16::from_le_bytes))),
        Kind::Utf16Be => Ok(Box::new(Utf16::new(source, u16::from_be_bytes))),
        Kind::Other(name, program) => Err(unread(name, program)),
    }
}

fn unread(name: &str, program: &str) -> io::Error {
    io::Error::other(format!(
        "this is {name}, which is not read here: {program} FILE | ipparse ..."
    ))
}

/// Turns UTF-16 into UTF-8. A unit that is not a character becomes U+FFFD.
struct Utf16<R> {
    source: BufReader<R>,
    unit: fn([u8; 2]) -> u16,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    /// UTF-8 that has not been read yet.
    ready: Vec<u8>,
    read: usize,
    first: bool,
}

impl<R: Read> Utf16<R> {
    fn new(source: R, unit: fn([u8; 2]) -> u16) -> Utf16<R> {
        Utf16 {
            source: BufReader::with_capacity(64 * 1024, source),
            unit,
            high: None,
            ready: Vec::new(),
            read: 0,
            first: true,
        }
    }

    fn push(&mut self, c: char) {
        let mut bytes = [0; 4];
        self.ready
            .extend_from_slice(c.encode_utf8(&mut bytes).as_bytes());
    }

    /// Takes another unit of 16 bits, or `None` at the end.
    fn take(&mut self, unit: Option<u16>) {
        // Skip the byte order mark.
        if std::mem::take(&mut self.first) {
            return;
        }
        if let Some(high) = self.high.take() {
            match unit {
                Some(low @ 0xdc00..=0xdfff) => {
                    let code =
                        0x10000 + ((u32::from(high) - 0xd800) << 10 | (u32::from(low) - 0xdc00));
                    self.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    return;
                }
                _ => self.push(char::REPLACEMENT_CHARACTER),
            }
        }
        match unit {
            Some(high @ 0xd800..=0xdbff) => self.high = Some(high),
            Some(unit) => {
                let c = char::from_u32(unit.into());
                self.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            None => {}
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.read = 0;
        while self.ready.is_empty() {
            let bytes = self.source.fill_buf()?;
            let whole = bytes.len() / 2 * 2;
            if whole > 0 {
                let units: Vec<u16> = bytes
                    .as_chunks()
                    .0
                    .iter()
                    .map(|pair| (self.unit)(*pair))
                    .collect();
                self.source.consume(whole);
                units.into_iter().for_each(|unit| self.take(Some(unit)));
                continue;
            }
            // The end of the file, or half a unit at its end.
            let mut pair = [0; 2];
            let mut len = 0;
            while len < 2 {
                match self.source.read(&mut pair[len..])? {
                    0 => break,
                    n => len += n,
                }
            }
            match len {
                2 => self.take(Some((self.unit)(pair))),
                odd => {
                    self.take(None);
                    if odd == 1 {
                        self.push(char::REPLACEMENT_CHARACTER);
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.read == self.ready.len() {
            self.fill()?;
        }
        let n = buf.len().min(self.ready.len() - self.read);
        buf[..n].copy_from_slice(&self.ready[self.read..self.read + n]);
        self.read += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn kinds_by_their_first_bytes() {
        assert_eq!(kind(b"1.2.3.4", false), Some(Kind::Plain));
        assert_eq!(kind(b"", true), Some(Kind::Plain));
        assert_eq!(kind(b"\xff", false), None);
        assert_eq!(kind(b"\xff", true), Some(Kind::Plain));
        assert_eq!(kind(b"\xff\xfe1\0", false), Some(Kind::Utf16Le));
        assert_eq!(kind(b"\xff\xfe", true), Some(Kind::Utf16Le));
        assert!(matches!(
            kind(b"\xff\xfe\0\0", false),
            Some(Kind::Other("UTF-32", _))
        ));
        assert_eq!(kind(b"P", false), None);
        assert!(matches!(
            kind(b"PK\x03\x04", true),
            Some(Kind::Other("zip", _))
        ));
    }

    /// A reader that returns one byte or a few at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(buf.len()).min(self.0.len());
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    proptest! {
        #[test]
        fn utf16_as_std(units in prop::collection::vec(prop_oneof![any::<u16>(), 0xd700u16..0xe100, 0x20u16..0x7f], 0..300), at_once in 1usize..9, big: bool) {
            let unit = if big { u16::from_be_bytes } else { u16::from_le_bytes };
            let mut bytes = Vec::new();
            for unit in [0xfeffu16].iter().chain(&units) {
                bytes.extend(if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
            }
            let mut text = String::new();
            Utf16::new(Slow(&bytes, at_once), unit).read_to_string(&mut text).unwrap();
            prop_assert_eq!(text, String::from_utf16_lossy(&units));
        }
    }
}
