//! [`ParseError`]: where a text is wrong, and why. `cursor` finds this in a second, slower pass, which
//! runs only for wrong texts.

use std::error::Error;
use std::fmt;

use crate::cursor;

/// What kind of text was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// An IPv4 or IPv6 address.
    Ip,
    /// An IPv4 address.
    V4,
    /// An IPv6 address.
    V6,
    /// An address and a port.
    Socket,
    /// An IPv4 address and a port.
    SocketV4,
    /// An IPv6 address and a port.
    SocketV6,
    /// An address that may have a zone.
    Scoped,
    /// A network: an address and a prefix length.
    Net,
    /// An IPv4 network.
    NetV4,
    /// An IPv6 network.
    NetV6,
    /// A first and a last address.
    Range,
    /// A name for reverse DNS.
    Reverse,
    /// A classic form of an IPv4 address.
    Lenient,
    /// An address as one number.
    Number,
    /// An entry of a list: an address, a network or a range, in any of the allowed forms.
    Entry,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Form::Ip => "IP address",
            Form::V4 => "IPv4 address",
            Form::V6 => "IPv6 address",
            Form::Socket => "socket address",
            Form::SocketV4 => "IPv4 socket address",
            Form::SocketV6 => "IPv6 socket address",
            Form::Scoped => "scoped address",
            Form::Net => "network",
            Form::NetV4 => "IPv4 network",
            Form::NetV6 => "IPv6 network",
            Form::Range => "address range",
            Form::Reverse => "reverse DNS name",
            Form::Lenient => "IPv4 address (classic form)",
            Form::Number => "address as a number",
            Form::Entry => "list entry",
        }
    }
}

/// Why text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// There is no text.
    Empty,
    /// The text ends too early.
    UnexpectedEnd,
    /// A byte is not allowed here.
    UnexpectedByte,
    /// An octet or a prefix length of several digits begins with 0.
    LeadingZero,
    /// A part of an IPv4 address is over 255.
    OctetOver255,
    /// A number is too large.
    TooLarge,
    /// A group of an IPv6 address has more than four digits.
    GroupTooLong,
    /// There are fewer than four octets, or fewer than eight groups and no `::`.
    TooFewParts,
    /// There are more than four octets, or more than eight groups (`::` counts for at least one).
    TooManyParts,
    /// `::` occurs twice.
    SecondDoubleColon,
    /// An IPv4 address in an IPv6 address does not stand at its end in the place of two groups.
    MisplacedIpv4,
    /// A zone (`%` and the text behind it) is not allowed here.
    ZoneNotAllowed,
    /// The zone is empty, too long, or has a byte that is not allowed in a zone.
    BadZone,
    /// The port is missing, or not a number up to 65535.
    BadPort,
    /// The prefix length is missing, is not a number, or has too many digits.
    BadPrefixLength,
    /// The prefix length of an IPv4 network is over 32.
    PrefixLengthOver32,
    /// The prefix length of an IPv6 network is over 128.
    PrefixLengthOver128,
    /// In the mask, ones and zeros alternate, or the mask is of a kind that was not asked for.
    BadMask,
    /// The last address of a range is before the first.
    RangeEndsBeforeItBegins,
    /// One end of a range is IPv4 and the other is IPv6.
    RangeOfTwoVersions,
    /// The address is complete, but more text follows.
    TrailingData,
}

impl Reason {
    fn text(self) -> &'static str {
        match self {
            Reason::Empty => "no text",
            Reason::UnexpectedEnd => "unexpected end",
            Reason::UnexpectedByte => "unexpected byte",
            Reason::LeadingZero => "leading zero",
            Reason::OctetOver255 => "octet over 255",
            Reason::TooLarge => "number too large",
            Reason::GroupTooLong => "group of more than four digits",
            Reason::TooFewParts => "too few parts",
            Reason::TooManyParts => "too many parts",
            Reason::SecondDoubleColon => "second '::'",
            Reason::MisplacedIpv4 => "misplaced IPv4 address",
            Reason::ZoneNotAllowed => "zone not allowed here",
            Reason::BadZone => "bad zone",
            Reason::BadPort => "bad port",
            Reason::BadPrefixLength => "bad prefix length",
            Reason::PrefixLengthOver32 => "prefix length over 32",
            Reason::PrefixLengthOver128 => "prefix length over 128",
            Reason::BadMask => "not a mask of ones and then zeros",
            Reason::RangeEndsBeforeItBegins => "range ends before it begins",
            Reason::RangeOfTwoVersions => "range from one version to the other",
            Reason::TrailingData => "trailing data",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// How many bytes of the input an error keeps. The longest valid text has 62 bytes.
const KEPT: usize = 64;

/// A text that is not what was expected. The error has the place, the reason, and the text around the
/// place.
///
/// # Examples
///
/// ```
/// use std_net::ip::{self, Reason};
///
/// let error = ip::parse("1:2::3::4").unwrap_err();
/// assert_eq!(error.reason(), Reason::SecondDoubleColon);
/// assert_eq!(error.position(), 6);
/// assert_eq!(format!("{error:#}"), "invalid IP address: second '::'\n  1:2::3::4\n        ^");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ParseError {
    form: Form,
    reason: Reason,
    position: usize,
    /// The bytes of the input from `start` on; `kept` of them are used.
    text: [u8; KEPT],
    start: usize,
    kept: usize,
    len: usize,
}

impl ParseError {
    /// Finds what is wrong with `bytes`.
    #[cold]
    #[inline(never)]
    pub(crate) fn find(form: Form, bytes: &[u8]) -> ParseError {
        let (reason, position) = cursor::find(form, bytes);
        ParseError::new(form, bytes, reason, position)
    }

    #[cold]
    pub(crate) fn new(form: Form, bytes: &[u8], reason: Reason, position: usize) -> ParseError {
        let start = if bytes.len() <= KEPT {
            0
        } else {
            position.saturating_sub(KEPT / 2).min(bytes.len() - KEPT)
        };
        let kept = (bytes.len() - start).min(KEPT);
        let mut text = [0; KEPT];
        text[..kept].copy_from_slice(&bytes[start..start + kept]);
        ParseError {
            form,
            reason,
            position,
            text,
            start,
            kept,
            len: bytes.len(),
        }
    }

    /// Returns what kind of text was expected.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Returns why the text is wrong.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Returns the byte at which the text is wrong, from 0. If the text ends too early, this is its
    /// length.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Returns the text in three parts: before the place, the byte there, and after it.
    fn parts(&self) -> (&[u8], &[u8], &[u8]) {
        let kept = &self.text[..self.kept];
        let at = (self.position - self.start).min(kept.len());
        let (before, rest) = kept.split_at(at);
        let (here, after) = rest.split_at(rest.len().min(1));
        (before, here, after)
    }
}

impl fmt::Display for ParseError {
    /// Writes one line, with the wrong byte marked as `>x<`. `{:#}` writes the text on a line of its
    /// own, with a `^` below the byte.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, here, after) = self.parts();
        let head = if self.start > 0 { "..." } else { "" };
        let tail = if self.start + self.kept < self.len {
            "..."
        } else {
            ""
        };
        let (before, here, after) = (
            before.escape_ascii(),
            here.escape_ascii(),
            after.escape_ascii(),
        );
        write!(f, "invalid {}: {}", self.form.name(), self.reason)?;
        if f.alternate() {
            let indent = head.len() + before.clone().count();
            write!(
                f,
                "\n  {head}{before}{here}{after}{tail}\n  {:indent$}^",
                ""
            )
        } else if self.len == 0 {
            Ok(())
        } else {
            write!(
                f,
                " at byte {}: {head}{before}>{here}<{after}{tail}",
                self.position
            )
        }
    }
}

impl fmt::Debug for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParseError")
            .field("form", &self.form)
            .field("reason", &self.reason)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Error for ParseError {}

impl From<ParseError> for std::io::Error {
    fn from(error: ParseError) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::InvalidInput, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_binary_input_is_shown_around_the_place() {
        let long = [b'1'; 1000];
        let error = crate::parse_v4(long).unwrap_err();
        let text = error.to_string();
        assert!(text.len() < 200 && text.ends_with("..."), "{text}");
        let error = crate::parse(b"1.2.3.4\n").unwrap_err();
        assert_eq!(error.reason(), Reason::TrailingData);
        assert_eq!(
            error.to_string(),
            "invalid IP address: trailing data at byte 7: 1.2.3.4>\\n<"
        );
        assert_eq!(
            crate::parse("").unwrap_err().to_string(),
            "invalid IP address: no text"
        );
    }
}
