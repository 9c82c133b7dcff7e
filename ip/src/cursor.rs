//! The slow and simple parser. It goes through the text and finds the first error. The fast parsers
//! decide whether a text is valid; this parser only explains why not. The tests compare both.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{Form, Reason};

type Found<T> = Result<T, (Reason, usize)>;

/// Finds what is wrong with `bytes` as `form`.
pub(crate) fn find(form: Form, bytes: &[u8]) -> (Reason, usize) {
    if bytes.is_empty() {
        return (Reason::Empty, 0);
    }
    let mut cursor = Cursor { bytes, at: 0 };
    let result = match form {
        Form::Ip => cursor.ip(b"").map(drop),
        Form::V4 | Form::Lenient | Form::Number => cursor.v4(b"").map(drop),
        Form::V6 => cursor.v6(b"").map(drop),
        Form::Socket if bytes[0] == b'[' => cursor.socket_v6(),
        Form::Socket if cursor.is_v6() => Err((Reason::UnexpectedByte, 0)),
        Form::Socket | Form::SocketV4 => cursor.socket_v4(),
        Form::SocketV6 => cursor.socket_v6(),
        Form::Scoped => match cursor.ip(b"%") {
            // Only IPv6 has zones, so the text must end here.
            Ok(IpAddr::V4(_)) => Ok(()),
            Ok(IpAddr::V6(_)) => cursor.zone(),
            Err(found) => Err(found),
        },
        Form::Net => cursor
            .ip(b"/")
            .and_then(|ip| cursor.length(if ip.is_ipv4() { 32 } else { 128 })),
        Form::NetV4 => cursor.v4(b"/").and_then(|_| cursor.length(32)),
        Form::NetV6 => cursor.v6(b"/").and_then(|_| cursor.length(128)),
        // The parsers of these forms report errors themselves.
        Form::Range | Form::Reverse | Form::Entry => Err((Reason::UnexpectedByte, 0)),
    };
    match result.and_then(|()| cursor.end()) {
        Err(found) => found,
        // The fast parser refused a text that this parser accepts, so one of them is wrong.
        Ok(()) => {
            debug_assert!(false, "{form:?} {}", bytes.escape_ascii());
            (Reason::UnexpectedByte, 0)
        }
    }
}

pub(crate) struct Cursor<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fail<T>(&self, reason: Reason) -> Found<T> {
        Err((reason, self.at))
    }

    /// Reports that something else must stand here.
    fn unexpected<T>(&self) -> Found<T> {
        match self.peek() {
            None => self.fail(Reason::UnexpectedEnd),
            Some(b'%') => self.fail(Reason::ZoneNotAllowed),
            Some(_) => self.fail(Reason::UnexpectedByte),
        }
    }

    pub(crate) fn end(&self) -> Found<()> {
        match self.peek() {
            None => Ok(()),
            Some(b'%') => self.fail(Reason::ZoneNotAllowed),
            Some(_) => self.fail(Reason::TrailingData),
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn is_v6(&self) -> bool {
        self.bytes.iter().take(5).any(|b| *b == b':')
    }

    pub(crate) fn ip(&mut self, stop: &[u8]) -> Found<IpAddr> {
        // Look for a colon anywhere: a valid address has its first colon early, but a wrong one may
        // not.
        if self.bytes.contains(&b':') {
            self.v6(stop).map(IpAddr::V6)
        } else {
            self.v4(stop).map(IpAddr::V4)
        }
    }

    /// Reads four octets, and then the end or one of `stop`.
    pub(crate) fn v4(&mut self, stop: &[u8]) -> Found<Ipv4Addr> {
        let mut octets = [0; 4];
        for (i, octet) in octets.iter_mut().enumerate() {
            *octet = self.octet()?;
            if i == 3 {
                break;
            }
            if !self.eat(b'.') {
                return match self.peek() {
                    None => self.fail(Reason::TooFewParts),
                    Some(b) if stop.contains(&b) => self.fail(Reason::TooFewParts),
                    Some(_) => self.unexpected(),
                };
            }
        }
        match self.peek() {
            Some(b'.') => self.fail(Reason::TooManyParts),
            _ => Ok(octets.into()),
        }
    }

    fn octet(&mut self) -> Found<u8> {
        let start = self.at;
        let mut value = 0u32;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = (value * 10 + u32::from(digit - b'0')).min(1000);
            self.at += 1;
        }
        match self.at - start {
            0 => self.unexpected(),
            2.. if self.bytes[start] == b'0' => Err((Reason::LeadingZero, start)),
            _ => u8::try_from(value).map_err(|_| (Reason::OctetOver255, start)),
        }
    }

    /// Reads groups. There may be one `::`, and an IPv4 address at the end.
    pub(crate) fn v6(&mut self, stop: &[u8]) -> Found<Ipv6Addr> {
        let mut groups = [0u16; 8];
        let mut count = 0;
        let mut gap = None;
        if self.bytes[self.at..].starts_with(b"::") {
            gap = Some(0);
            self.at += 2;
        } else if self.peek() == Some(b':') {
            self.at += 1;
            return self.unexpected();
        }
        loop {
            let begin = self.at;
            let done = match self.peek() {
                None => true,
                Some(b) => stop.contains(&b),
            };
            if done {
                break;
            }
            let max = if gap.is_some() { 7 } else { 8 };
            let value = match self.group() {
                Ok(value) => value,
                // After "1::" follows something that is not a group.
                Err((Reason::UnexpectedByte, at)) if at == begin && gap == Some(count) => break,
                Err(found) => return Err(found),
            };
            if self.peek() == Some(b'.') {
                self.at = begin;
                let octets = self.v4(stop)?.octets();
                if count + 2 > max || (gap.is_none() && count != 6) {
                    return Err((Reason::MisplacedIpv4, begin));
                }
                groups[count] = u16::from_be_bytes([octets[0], octets[1]]);
                groups[count + 1] = u16::from_be_bytes([octets[2], octets[3]]);
                count += 2;
                if self.peek() == Some(b':') {
                    return Err((Reason::MisplacedIpv4, begin));
                }
                break;
            }
            if count == max {
                return Err((Reason::TooManyParts, begin));
            }
            groups[count] = value;
            count += 1;
            if !self.eat(b':') {
                break;
            }
            if self.peek() == Some(b':') {
                if gap.is_some() {
                    return Err((Reason::SecondDoubleColon, self.at - 1));
                }
                if count == 8 {
                    return Err((Reason::TooManyParts, self.at - 1));
                }
                gap = Some(count);
                self.at += 1;
                if self.peek() == Some(b':') {
                    return self.unexpected();
                }
            } else if self.peek().is_none_or(|b| stop.contains(&b)) {
                // The text ends with a single colon.
                return match self.peek() {
                    None => self.fail(Reason::UnexpectedEnd),
                    Some(_) => self.fail(Reason::UnexpectedByte),
                };
            }
        }
        match gap {
            None if count < 8 => match self.peek() {
                Some(b) if !stop.contains(&b) => self.unexpected(),
                _ => self.fail(Reason::TooFewParts),
            },
            None => Ok(groups.into()),
            Some(at) => {
                let tail = count - at;
                groups.copy_within(at..count, 8 - tail);
                groups[at..8 - tail].fill(0);
                Ok(groups.into())
            }
        }
    }

    fn group(&mut self) -> Found<u16> {
        let start = self.at;
        let mut value = 0u32;
        while let Some(digit) = self.peek().and_then(|b| char::from(b).to_digit(16)) {
            if self.at - start == 4 {
                // If all digits are decimal, this may be meant as an octet, and then another reason
                // fits.
                return Err((Reason::GroupTooLong, start));
            }
            value = value << 4 | digit;
            self.at += 1;
        }
        if self.at == start {
            self.unexpected()
        } else {
            Ok(value as u16)
        }
    }

    fn number(&mut self, max: u64, reason: Reason) -> Found<u64> {
        let start = self.at;
        let mut value = 0u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = (value * 10 + u64::from(digit - b'0')).min(u64::from(u32::MAX) + 1);
            self.at += 1;
        }
        if self.at == start || value > max {
            Err((reason, start))
        } else {
            Ok(value)
        }
    }

    fn port(&mut self) -> Found<()> {
        if !self.eat(b':') {
            return match self.peek() {
                None => self.fail(Reason::BadPort),
                Some(_) => self.unexpected(),
            };
        }
        self.number(u64::from(u16::MAX), Reason::BadPort).map(drop)
    }

    fn socket_v4(&mut self) -> Found<()> {
        self.v4(b":")?;
        self.port()
    }

    fn socket_v6(&mut self) -> Found<()> {
        if !self.eat(b'[') {
            return self.unexpected();
        }
        self.v6(b"]%")?;
        if self.eat(b'%') {
            self.number(u64::from(u32::MAX), Reason::BadZone)?;
        }
        if !self.eat(b']') {
            return self.unexpected();
        }
        self.port()
    }

    fn zone(&mut self) -> Found<()> {
        if !self.eat(b'%') {
            return Ok(());
        }
        let zone = &self.bytes[self.at..];
        match crate::scoped::zone_len(zone) {
            n if n == zone.len() && (1..=crate::scoped::MAX_ZONE).contains(&n) => {
                self.at += n;
                Ok(())
            }
            n => Err((Reason::BadZone, self.at + n.min(crate::scoped::MAX_ZONE))),
        }
    }

    fn length(&mut self, max: u64) -> Found<()> {
        if !self.eat(b'/') {
            return match self.peek() {
                None => self.fail(Reason::BadPrefixLength),
                Some(_) => self.unexpected(),
            };
        }
        let start = self.at;
        let value = self.number(u64::MAX, Reason::BadPrefixLength)?;
        let (digits, over) = if max > 99 {
            (3, Reason::PrefixLengthOver128)
        } else {
            (2, Reason::PrefixLengthOver32)
        };
        if value > max {
            return Err((over, start));
        }
        if self.at - start > digits {
            return Err((Reason::BadPrefixLength, start));
        }
        Ok(())
    }
}
