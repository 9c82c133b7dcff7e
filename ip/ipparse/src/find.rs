//! Finds items in free text. `scan` finds the addresses. This module adds what belongs to each of them:
//! a prefix length, a mask, the end of a range.
//!
//! - `10.0.0.0/8`, and `10.0.0.0/255.0.0.0` with a mask or the wildcard mask of an access list.
//! - `10.0.0.0 255.0.0.0`, and the same with the word `mask` or `netmask` between. It is a mask if it
//!   begins with 255, or if the address has no bit outside of it. In the same way, `10.3.0.0 0.0.0.255`
//!   is a wildcard mask if it begins with 0 and the address has no bit inside of it. In a row of a
//!   routing table, `10.0.0.0 10.1.1.1 255.0.0.0`, the mask does not belong to the second address:
//!   behind another address, a mask counts only if the address has no bit outside of it.
//! - `10.0.0.5 netmask 0xff000000`, as BSD and macOS write it.
//! - `10.0.0.1-10.0.0.9`, with or without spaces, if the second address is not before the first. The
//!   dash may be the long one of a text processor (U+2013).

use std::net::{IpAddr, Ipv4Addr};

use std_net_ip as ip;
use std_net_ip::forms::{self, Entry, Forms};
use std_net_ip::net::{IpNet, Ipv4Net};
use std_net_ip::range::IpRange;

use crate::item::Item;
use crate::place::{Places, Rewritten};
use crate::scan::{Found, Scanner, follows};

/// Finds addresses in one text after another.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    pub(crate) scanner: Scanner,
    /// The rewritten text, if the text must be rewritten before the search.
    copy: Vec<u8>,
}

impl Finder {
    /// Calls `found` for each address at one of the given places, in order, with the searched text.
    /// `found` returns where the search goes on.
    #[inline(always)]
    pub(crate) fn each<const V4: bool, const V6: bool>(
        &mut self,
        padded: &[u8],
        places: &Places,
        mut found: impl FnMut(&[u8], Found) -> usize,
    ) {
        if places.is_everywhere() {
            // `found` is used twice here, so it would not be inlined without this attribute.
            return self.scanner.scan::<V4, V6>(
                padded,
                #[inline(always)]
                |address| found(padded, address),
            );
        }
        self.at_places::<V4, V6>(padded, places, |text, _, address| {
            (found(text, address), true)
        });
    }

    /// Like `each`, but `found` also gets what was rewritten. It also returns whether the address counts as
    /// one.
    pub(crate) fn at_places<const V4: bool, const V6: bool>(
        &mut self,
        padded: &[u8],
        places: &Places,
        mut found: impl FnMut(&[u8], &Rewritten, Found) -> (usize, bool),
    ) {
        let (mut text, mut rewritten) = (padded, Rewritten::default());
        if places.rewrites() {
            self.copy.clear();
            self.copy.extend_from_slice(padded);
            rewritten = places.rewrite(&mut self.copy);
            text = &self.copy;
        }
        self.scanner.scan::<V4, V6>(text, |address| {
            // At the start of a line, a network in brackets begins here too.
            if places.start && text[address.start - 1] != b'\n' {
                return address.end;
            }
            let (next, counts) = found(text, &rewritten, address);
            if places.first && counts && next < text.len() {
                memchr::memchr(b'\n', &text[next..]).map_or(text.len(), |at| next + at)
            } else {
                next
            }
        });
    }
}

/// Returns the item that begins with an address, and where it ends.
#[inline(always)]
pub(crate) fn whole(text: &[u8], found: Found) -> (Item, usize) {
    if goes_on(text, found.end) {
        longer(text, found)
    } else {
        (Item::Addr(found.addr), found.end)
    }
}

/// Returns whether something that belongs to the address may follow at `end`. Most addresses stand
/// alone.
#[inline(always)]
pub(crate) fn goes_on(text: &[u8], end: usize) -> bool {
    let Some(next) = text.get(end..).and_then(|next| next.first_chunk()) else {
        return false;
    };
    // Most logs have ` - -` behind an address.
    MAY_GO_ON[usize::from(next[0])] && next != b" - -" && goes_on_with(next)
}

/// The bytes that can stand between an address and what belongs to it.
static MAY_GO_ON: [bool; 256] = {
    let mut table = [false; 256];
    table[b'/' as usize] = true;
    table[b'-' as usize] = true;
    table[b' ' as usize] = true;
    table[b'\t' as usize] = true;
    table[EN_DASH[0] as usize] = true;
    table
};

/// A long dash, in UTF-8.
const EN_DASH: [u8; 3] = *b"\xe2\x80\x93";

/// Like [`goes_on`], for the few texts that need a closer look.
#[inline(never)]
fn goes_on_with(next: &[u8; 4]) -> bool {
    let mask = |byte: u8| matches!(byte, b'0'..=b'2' | b' ' | b'\t' | b'm' | b'n');
    let [first, second, third, fourth] = *next;
    match first {
        b' ' if second == b'-' => {
            begins(third) || third == b' ' && (begins(fourth) || fourth == b' ')
        }
        b' ' => mask(second) || second == EN_DASH[0] && next[1..] == EN_DASH,
        b'\t' => mask(second),
        b'/' | b'-' => true,
        _ => next[..3] == EN_DASH,
    }
}

/// Returns whether an address may begin with this byte.
#[inline(always)]
fn begins(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b':'
}

/// Like [`whole`], for an address behind which something may follow.
#[inline(never)]
pub(crate) fn longer(text: &[u8], found: Found) -> (Item, usize) {
    let Found { addr, start, end } = found;
    // The IPv4 address is the end of an IPv4-mapped one, of which the scan reports only this part.
    let mapped = addr.is_ipv4()
        && text[start - 1] == b':'
        && crate::scan::v6_around(text, start, end).is_some();
    if text[end] == b'/' {
        let net = length(text, addr, mapped, end).or_else(|| match addr {
            IpAddr::V4(addr) => slash_mask(text, addr, end),
            IpAddr::V6(_) => None,
        });
        return match net {
            Some((net, end)) => (Item::Net(net), end),
            None => (Item::Addr(addr), end),
        };
    }
    // A tab separates columns, so that a dash between tabs is an empty column.
    let spaces = |at: usize| at + text[at..].iter().take_while(|b| **b == b' ').count();
    let behind = spaces(end);
    if let Some(dash_end) = behind_dash(text, behind) {
        let last = match addr {
            IpAddr::V4(_) => v4_at(text, spaces(dash_end)).map(|(addr, end)| (addr.into(), end)),
            IpAddr::V6(_) => v6_at(text, spaces(dash_end)),
        };
        if let Some((last, last_end)) = last
            && let Some(range) = IpRange::new(addr, last)
        {
            return (Item::Range(range), last_end);
        }
    } else if let IpAddr::V4(addr) = addr
        && let Some((net, end)) = spaced_mask(text, addr, start, end)
    {
        return (Item::Net(net), end);
    }
    (Item::Addr(addr), end)
}

/// Returns the place behind the dash that begins at a place, if there is one.
fn behind_dash(text: &[u8], at: usize) -> Option<usize> {
    if text[at] == b'-' {
        return Some(at + 1);
    }
    text[at..]
        .starts_with(&EN_DASH)
        .then_some(at + EN_DASH.len())
}

/// Returns the first place from `at` on that is neither a space nor a tab.
fn behind_blank(text: &[u8], at: usize) -> usize {
    at + text[at..].iter().take_while(|b| is_blank(b)).count()
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Returns the range whose first address stands between `start` and `end`, and of whose last address
/// only the last parts follow: `10.0.0.1-20`.
pub(crate) fn short_range(text: &[u8], start: usize, end: usize) -> Option<(Item, usize)> {
    let behind = text[end..].strip_prefix(b"-")?;
    let v6 = text[start..end].contains(&b':');
    let part = |b: &&u8| b.is_ascii_digit() || **b == b'.' || v6 && b.is_ascii_hexdigit();
    let mut len = behind.iter().take_while(part).count();
    // A dot may end a sentence.
    while len > 0 && behind[len - 1] == b'.' {
        len -= 1;
    }
    let next = behind[len];
    if next.is_ascii_alphanumeric() || b"-_/:".contains(&next) {
        return None;
    }
    let last = end + 1 + len;
    match forms::parse(&text[start..last], Forms::SHORT_RANGE) {
        Ok(Entry::Range(range)) => Some((Item::Range(range), last)),
        _ => None,
    }
}

/// Reads a prefix length behind an address, if no word or path goes on behind it.
fn length(text: &[u8], addr: IpAddr, mapped: bool, end: usize) -> Option<(IpNet, usize)> {
    let rest = text[end..].strip_prefix(b"/")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let len = std::str::from_utf8(&rest[..digits])
        .ok()?
        .parse::<u8>()
        .ok()?;
    let goes_on = match rest.get(digits)? {
        b'.' => rest.get(digits + 1).is_some_and(u8::is_ascii_alphanumeric),
        // From one network to another one.
        b'-' => !address_at(text, end + 1 + digits + 1, addr),
        b => b.is_ascii_alphanumeric() || b"/_%".contains(b),
    };
    if goes_on || digits > 3 {
        return None;
    }
    let len = if mapped { len.checked_sub(96)? } else { len };
    Some((IpNet::new(addr, len).ok()?, end + 1 + digits))
}

/// Reads a mask of either kind behind a slash.
fn slash_mask(text: &[u8], addr: Ipv4Addr, end: usize) -> Option<(IpNet, usize)> {
    let (mask, end) = v4_at(text, end + 1)?;
    let mask = mask.to_bits();
    let len = match (addr.to_bits(), mask) {
        (0, 0 | u32::MAX) => 0,
        // These are masks of a single address, in one of the two kinds.
        (_, 0 | u32::MAX) => 32,
        _ => ones(mask).or_else(|| ones(!mask))?,
    };
    Some((Ipv4Net::new_assert(addr, len).into(), end))
}

/// Reads a mask behind white space, and perhaps a word. The address stands between `start` and `end`.
fn spaced_mask(text: &[u8], addr: Ipv4Addr, start: usize, end: usize) -> Option<(IpNet, usize)> {
    let at = behind_blank(text, end);
    let word = [&b"netmask"[..], b"mask"]
        .into_iter()
        .find(|word| text[at..].starts_with(word));
    let word_end = at + word.map_or(0, <[u8]>::len);
    let mask_at = behind_blank(text, word_end);
    if at == end || word.is_some() && mask_at == word_end {
        return None;
    }
    let hex = word.and_then(|_| hex_at(text, mask_at));
    let (mask, end) = hex.or_else(|| v4_at(text, mask_at))?;
    let (bits, mask) = (addr.to_bits(), mask.to_bits());
    let fits = |len: u8| bits & !mask == 0 && (len > 0 || bits == 0);
    let len = match ones(mask) {
        Some(len) if len >= 8 && bits == 0 && behind_address(text, start) => return None,
        // `0.0.0.0` is a mask only behind `0.0.0.0`, where it means all addresses.
        Some(len) if fits(len) => len,
        Some(len) if (len >= 8 || word.is_some()) && !behind_address(text, start) => len,
        Some(_) => return None,
        None => ones(!mask).filter(|len| word.is_none() && *len >= 8 && bits & mask == 0)?,
    };
    // `0.0.0.0 255.255.255.255` is no network: it may be the start and the target of a broadcast.
    if bits == 0 && mask == u32::MAX {
        return None;
    }
    Some((Ipv4Net::new_assert(addr, len).into(), end))
}

/// Returns whether another IPv4 address stands before a place, with nothing but white space between.
fn behind_address(text: &[u8], at: usize) -> bool {
    let before = &text[..at];
    let blank = before.iter().rev().take_while(|b| is_blank(b)).count();
    let before = &before[..before.len() - blank];
    let part = |b: &&u8| b.is_ascii_digit() || **b == b'.';
    let len = before.iter().rev().take(16).take_while(part).count();
    let Ok(addr) = ip::parse_v4(&before[before.len() - len..]) else {
        return false;
    };
    // A mask belongs to what stands before it.
    let bits = addr.to_bits();
    let mask = bits.leading_ones() >= 8 && ones(bits).is_some();
    let wildcard = bits.leading_zeros() >= 8 && ones(!bits).is_some();
    blank > 0 && !mask && !wildcard
}

/// Reads a mask such as `0xffffff00`, and returns its end too.
fn hex_at(text: &[u8], at: usize) -> Option<(Ipv4Addr, usize)> {
    let end = at + 10;
    let mask = std_net_ip::v4::from_hex(text.get(at..end)?).ok()?;
    (text[at..].starts_with(b"0x") && !follows(text, end)).then_some((mask, end))
}

/// Returns how many ones a mask has, if all of them are at its front.
fn ones(mask: u32) -> Option<u8> {
    let len = mask.leading_ones();
    (mask.checked_shl(len).unwrap_or(0) == 0).then_some(len as u8)
}

/// Returns whether an address of the same version begins at a place.
fn address_at(text: &[u8], at: usize, addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(_) => v4_at(text, at).is_some(),
        IpAddr::V6(_) => v6_at(text, at).is_some(),
    }
}

/// Returns the IPv4 address that begins at a place, and its end.
fn v4_at(text: &[u8], at: usize) -> Option<(Ipv4Addr, usize)> {
    let part = |b: &&u8| b.is_ascii_digit() || **b == b'.';
    let mut end = at + text[at..].iter().take(17).take_while(part).count();
    while end > at && text[end - 1] == b'.' {
        end -= 1;
    }
    let addr = ip::parse_v4(&text[at..end]).ok()?;
    (!follows(text, end)).then_some((addr, end))
}

/// Returns the IPv6 address that begins at a place, and its end.
fn v6_at(text: &[u8], at: usize) -> Option<(IpAddr, usize)> {
    let part = |b: &&u8| b.is_ascii_hexdigit() || b".:".contains(b);
    let mut end = at + text[at..].iter().take(48).take_while(part).count();
    while end > at && text[end - 1] == b'.' {
        end -= 1;
    }
    if text[at..end].ends_with(b":") && !text[at..end].ends_with(b"::") {
        end -= 1;
    }
    let addr = ip::parse_v6(&text[at..end]).ok()?;
    (!follows(text, end)).then_some((addr.into(), end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Block;
    use crate::item::To;

    fn all(text: &str) -> Vec<String> {
        let block = Block::of(text.as_bytes());
        let mut all = Vec::new();
        Finder::default().each::<true, true>(block.padded(), &Places::default(), |text, found| {
            let (item, end) = whole(text, found);
            let mut out = Vec::new();
            item.write(To::Canonical, &mut out);
            all.push(String::from_utf8(out).unwrap());
            end
        });
        all
    }

    #[test]
    fn ranges_and_masks_are_whole() {
        for (text, items) in [
            ("5.6.7.8-5.6.7.20", &["5.6.7.8-5.6.7.20"][..]),
            (
                "inetnum: 193.0.0.0 - 193.0.7.255",
                &["193.0.0.0-193.0.7.255"],
            ),
            ("name:2.228.1.248-2.228.1.251", &["2.228.1.248-2.228.1.251"]),
            (
                "2001:db8::1-2001:db8::f. ::1 - ::5:",
                &["2001:db8::1-2001:db8::f", "::1-::5"],
            ),
            (
                "10.2.0.0/255.255.0.0, 10.3.0.0/0.0.0.255",
                &["10.2.0.0/16", "10.3.0.0/24"],
            ),
            ("10.0.0.0 255.255.255.0", &["10.0.0.0/24"]),
            ("permit ip 10.3.0.0 0.0.0.255 any", &["10.3.0.0/24"]),
            (
                "inet 10.0.0.5  netmask 255.255.255.0  broadcast 10.0.0.255",
                &["10.0.0.5/24", "10.0.0.255"],
            ),
            (
                "route 10.0.0.0 mask 255.0.0.0 10.0.0.1",
                &["10.0.0.0/8", "10.0.0.1"],
            ),
            ("0.0.0.0 0.0.0.0 10.0.0.1", &["0.0.0.0/0", "10.0.0.1"]),
            ("128.0.0.0 128.0.0.0", &["128.0.0.0/1"]),
            // These are two addresses.
            ("10.0.0.9-10.0.0.1", &["10.0.0.9", "10.0.0.1"]),
            ("10.0.0.1 - - [10/Oct]", &["10.0.0.1"]),
            ("10.0.0.1 - ::1", &["10.0.0.1", "::1"]),
            ("10.0.0.1 224.0.0.1", &["10.0.0.1", "224.0.0.1"]),
            ("10.0.0.1 224.0.0.0", &["10.0.0.1", "224.0.0.0"]),
            ("10.0.0.1 2.2.2.2", &["10.0.0.1", "2.2.2.2"]),
            ("10.0.0.1 255.0.255.0", &["10.0.0.1", "255.0.255.0"]),
            ("10.0.0.1, 255.255.255.0", &["10.0.0.1"]),
            ("10.0.0.1 0.0.0.255", &["10.0.0.1", "0.0.0.255"]),
            ("10.0.0.5 0.0.0.0", &["10.0.0.5", "0.0.0.0"]),
            ("0.0.0.0 255.255.255.255", &["0.0.0.0", "255.255.255.255"]),
            ("10.0.0.1-10.0.0.9x", &["10.0.0.1"]),
            ("10.0.0.0/8/x 10.0.0.0/33", &["10.0.0.0", "10.0.0.0"]),
            // White space of all kinds, and the masks of other systems.
            ("10.0.0.0\t255.255.255.0\tx", &["10.0.0.0/24"]),
            ("10.0.0.5 \tnetmask\t255.0.0.0", &["10.0.0.5/8"]),
            ("10.0.0.1\t-\t10.0.0.9", &["10.0.0.1", "10.0.0.9"]),
            (
                "inet 10.0.0.5 netmask 0xffffff00 broadcast 10.0.0.255",
                &["10.0.0.5/24", "10.0.0.255"],
            ),
            ("10.0.0.5 netmask 0xff00ff00", &["10.0.0.5"]),
            ("10.0.0.5 0xffffff00", &["10.0.0.5"]),
            // Rows of routing tables, access lists and pools.
            (
                "192.168.1.0     0.0.0.0         255.255.255.0   U",
                &["192.168.1.0", "0.0.0.0"],
            ),
            (
                "10.0.0.0        10.1.1.1        255.0.0.0       UG",
                &["10.0.0.0", "10.1.1.1"],
            ),
            (
                "pool 1.1.1.1 1.1.1.5 netmask 255.255.255.0",
                &["1.1.1.1", "1.1.1.5"],
            ),
            (
                "permit ip host 10.0.0.1 10.2.0.0 0.0.255.255",
                &["10.0.0.1", "10.2.0.0/16"],
            ),
            (
                "permit ip 10.0.0.0 0.255.255.255 192.168.0.5 255.255.0.0",
                &["10.0.0.0/8", "192.168.0.5/16"],
            ),
            (
                "host 10.0.0.1 10.2.0.0 255.255.0.0",
                &["10.0.0.1", "10.2.0.0/16"],
            ),
            // Other dashes.
            (
                "10.0.0.1\u{2013}10.0.0.9 10.0.1.1 \u{2013} 10.0.1.9 ::1\u{2013}::9",
                &["10.0.0.1-10.0.0.9", "10.0.1.1-10.0.1.9", "::1-::9"],
            ),
            ("10.0.0.1\u{2014} 10.0.0.9", &["10.0.0.1", "10.0.0.9"]),
            (
                "10.0.0.0/24-10.0.3.0/24 1.2.3.4/24-x 2001:db8::/32-2001:db9::/32",
                &[
                    "10.0.0.0/24",
                    "10.0.3.0/24",
                    "1.2.3.4",
                    "2001:db8::/32",
                    "2001:db9::/32",
                ],
            ),
            ("10.0.0.1-", &["10.0.0.1"]),
            ("10.0.0.1 ", &["10.0.0.1"]),
        ] {
            assert_eq!(all(text), items, "{text}");
        }
    }
}
