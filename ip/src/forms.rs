//! Entries of lists in the forms that people use: `10.0.0.1-20`, `192.168.1.*`, `10.0.0.0
//! 255.255.255.0`, `10/8`, `1.0.0.0,1.0.0.255,AU`, `1[.]2[.]3[.]4`.
//!
//! A form is read only if [`Forms`] names it. A text that is a valid address, network or range in the
//! strict form always means the same, whatever other forms are allowed. The forms:
//!
//! | form | text | what it means |
//! |---|---|---|
//! | [`SHORT_RANGE`](Forms::SHORT_RANGE) | `10.0.0.1-20`, `10.0.1.5-2.20`, `2001:db8::1-ff` | The end
//! takes its missing front part from the first address. |
//! | [`STAR`](Forms::STAR) | `192.168.1.*`, `10.*`, `10.0.0-3.*`, `10.1.2.x` | A star is any octet.
//! Stars stand only at the end, and the first octet is never a star. Missing octets behind a star are
//! stars too. |
//! | [`MASK`](Forms::MASK) | `10.0.0.0/255.255.255.0`, `10.0.0.0 255.255.255.0` | The mask has ones and
//! then zeros. |
//! | [`WILDCARD`](Forms::WILDCARD) | `10.3.0.0/0.0.0.255`, `10.3.0.0 0.0.0.255` | The mask is that of
//! Cisco's access lists: zeros and then ones. |
//! | [`SHORT_NET`](Forms::SHORT_NET) | `10/8`, `10.11.192/18`, `192.168.` | Missing octets at the end
//! are 0. A text that ends in a dot, as in `hosts.allow`, is the network of all addresses that begin
//! so. |
//! | [`COLUMNS`](Forms::COLUMNS) | `1.0.0.0,1.0.0.255,AU`, `"10.0.0.0/8","office"` | The entry is the
//! first column, or it has its first and last address in two columns. Commas, semicolons or tabs
//! separate the columns. |
//! | [`DEFANGED`](Forms::DEFANGED) | `1[.]2[.]3[.]4`, `hxxp://1.2.3[.]4/a`, `2001[:]db8::1` | Reports
//! of attacks write addresses so, to prevent links. Of a URL only the host counts. |
//! | [`NUMBERS`](Forms::NUMBERS) | `16777216-16777471`, `16777216,16777471,AU` | Decimal numbers: IPv4
//! up to 4294967295. If one of the two is above that, both are IPv6. |
//!
//! [`LISTS`](Forms::LISTS) has all forms except `NUMBERS`, because any number would be an address in
//! that form.
//!
//! # When a text could mean two things
//!
//! - **A mask behind a space is never an address**: `10.0.0.0 0.0.0.255` is 10.0.0.0/24 and not a
//!   range. If it is neither kind of mask, it is an error.
//! - **`0.0.0.0` and `255.255.255.255` are masks of both kinds.** If both kinds are allowed, the
//!   address decides: `0.0.0.0` with either mask is all addresses, and any other address with either
//!   mask is only itself. So `10.0.0.5 0.0.0.0` does not become the whole internet.
//! - **Two columns with addresses are the first and the last address of a range**, not two entries. But
//!   if masks are allowed, and the second column is a mask from `255.0.0.0` to `255.255.255.254`, it is
//!   the mask of the first.
//! - **Two columns with networks** are an error, because the second one would be lost.
//! - **`10.1/16` is 10.1.0.0/16**, and not the 10.0.0.1/16 that `inet_aton(3)` would make of it.
//! - **The path of a URL is ignored**: `hxxp://10.0.0.0/8` is 10.0.0.0.
//! - **Leading zeros** are an error in every form. [`lenient`](crate::lenient) reads them.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{BitOr, BitOrAssign};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::error::{Form, ParseError, Reason};
use crate::range::{self, IpRange};
use crate::{net, v4, v6};

/// Why a text is wrong, and where.
type Found<T> = Result<T, (Reason, usize)>;

/// Which forms are allowed besides the strict ones. The [module](self) describes each of them.
///
/// # Examples
///
/// ```
/// use std_net::ip::forms::{self, Forms};
///
/// assert!(forms::parse("10.0.0.1-20", Forms::STRICT).is_err());
/// let forms = Forms::SHORT_RANGE | "star,mask".parse::<Forms>().unwrap();
/// assert_eq!(forms::parse("10.0.0.1-20", forms)?.to_string(), "10.0.0.1-10.0.0.20");
/// assert_eq!(forms.to_string(), "short-range,star,mask");
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Forms(u16);

impl Forms {
    /// No form besides the strict ones: addresses, networks with a length, ranges of two addresses.
    pub const STRICT: Forms = Forms(0);
    /// `10.0.0.1-20`
    pub const SHORT_RANGE: Forms = Forms(1);
    /// `192.168.1.*`
    pub const STAR: Forms = Forms(1 << 1);
    /// `10.0.0.0 255.255.255.0`, `10.0.0.0/255.255.255.0`
    pub const MASK: Forms = Forms(1 << 2);
    /// `10.0.0.0 0.0.0.255`, `10.0.0.0/0.0.0.255`
    pub const WILDCARD: Forms = Forms(1 << 3);
    /// `10/8`, `192.168.`
    pub const SHORT_NET: Forms = Forms(1 << 4);
    /// `1.0.0.0,1.0.0.255,AU`
    pub const COLUMNS: Forms = Forms(1 << 5);
    /// `1[.]2[.]3[.]4`, `hxxp://1.2.3.4/`
    pub const DEFANGED: Forms = Forms(1 << 6);
    /// `16777216-16777471`
    pub const NUMBERS: Forms = Forms(1 << 7);
    /// All forms except [`NUMBERS`](Forms::NUMBERS).
    pub const LISTS: Forms = Forms((1 << 7) - 1);

    const NAMES: [(&'static str, Forms); 8] = [
        ("short-range", Forms::SHORT_RANGE),
        ("star", Forms::STAR),
        ("mask", Forms::MASK),
        ("wildcard", Forms::WILDCARD),
        ("short-net", Forms::SHORT_NET),
        ("columns", Forms::COLUMNS),
        ("defanged", Forms::DEFANGED),
        ("numbers", Forms::NUMBERS),
    ];

    /// Returns each form with its name in [`FromStr`] and [`Display`](fmt::Display).
    pub fn names() -> impl Iterator<Item = (&'static str, Forms)> {
        Forms::NAMES.into_iter()
    }

    /// Returns whether all forms of `other` are allowed.
    #[inline]
    #[must_use]
    pub const fn contains(self, other: Forms) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether at least one form of `other` is allowed.
    #[inline]
    const fn any(self, other: Forms) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the forms that a text needs to be read, as a hint for a user who has read it strictly.
    /// This is the simplest form that reads the text. Returns `None` if no form reads it, or if it can
    /// be read strictly.
    ///
    /// # Examples
    ///
    /// ```
    /// use std_net::ip::forms::Forms;
    ///
    /// assert_eq!(Forms::needed("10.0.0.1-20"), Some(Forms::SHORT_RANGE));
    /// assert_eq!(Forms::needed("10.0.0.1"), None);
    /// assert_eq!(Forms::needed("10.0.0.1-300"), None);
    /// ```
    #[must_use]
    pub fn needed(text: impl AsRef<[u8]>) -> Option<Forms> {
        let bytes = text.as_ref();
        if strict(bytes).is_some() {
            return None;
        }
        let one = Forms::NAMES.into_iter().map(|(_, form)| form);
        let all = [Forms::LISTS];
        // Any number would be of this form, so it is no useful hint.
        one.filter(|form| *form != Forms::NUMBERS)
            .chain(all)
            .find(|forms| parse(bytes, *forms).is_ok())
    }
}

impl BitOr for Forms {
    type Output = Forms;

    fn bitor(self, other: Forms) -> Forms {
        Forms(self.0 | other.0)
    }
}

impl BitOrAssign for Forms {
    fn bitor_assign(&mut self, other: Forms) {
        self.0 |= other.0;
    }
}

impl fmt::Display for Forms {
    /// Writes their names with commas between them, or `strict` if there are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Forms::STRICT {
            return f.write_str("strict");
        }
        let names = Forms::names().filter(|(_, form)| self.contains(*form));
        for (i, (name, _)) in names.enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Forms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forms({self})")
    }
}

impl FromStr for Forms {
    type Err = UnknownForm;

    /// Reads names with commas between them. `strict` is none, `lists` is [`Forms::LISTS`].
    fn from_str(text: &str) -> Result<Forms, UnknownForm> {
        let mut forms = Forms::STRICT;
        for name in text.split(',') {
            forms |= match name.trim() {
                "strict" => Forms::STRICT,
                "lists" => Forms::LISTS,
                name => {
                    let known = Forms::names().find(|(known, _)| *known == name);
                    known.ok_or_else(|| UnknownForm(name.to_owned()))?.1
                }
            };
        }
        Ok(forms)
    }
}

/// The error for a name that is not the name of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownForm(String);

impl fmt::Display for UnknownForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a form; the forms are lists, strict", self.0)?;
        Forms::names().try_for_each(|(name, _)| write!(f, ", {name}"))
    }
}

impl std::error::Error for UnknownForm {}

/// The meaning of an entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// One address.
    Addr(IpAddr),
    /// A network. It keeps the host bits with which it was written.
    Net(IpNet),
    /// A first and a last address.
    Range(IpRange),
}

impl Entry {
    /// Returns all its addresses. For a network these are all addresses with the same prefix.
    #[inline]
    #[must_use]
    pub fn range(&self) -> IpRange {
        match self {
            Entry::Addr(addr) => (*addr).into(),
            Entry::Net(net) => (*net).into(),
            Entry::Range(range) => *range,
        }
    }
}

impl From<Entry> for IpRange {
    fn from(entry: Entry) -> IpRange {
        entry.range()
    }
}

impl fmt::Display for Entry {
    /// Writes the strict text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Addr(addr) => addr.fmt(f),
            Entry::Net(net) => net.fmt(f),
            Entry::Range(range) => range.fmt(f),
        }
    }
}

/// Parses an entry of a list, strictly or in one of the forms. Nothing else may stand around it, except
/// further columns with [`Forms::COLUMNS`].
///
/// It allocates only for [`Forms::DEFANGED`], and only if the text contains such a form.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
///
/// # Examples
///
/// ```
/// use std_net::ip::forms::{self, Entry, Forms};
///
/// for (text, means) in [
///     ("10.0.0.1-20", "10.0.0.1-10.0.0.20"),
///     ("192.168.1.*", "192.168.1.0/24"),
///     ("10.3.0.0 0.0.0.255", "10.3.0.0/24"),
///     ("10/8", "10.0.0.0/8"),
///     ("1.0.0.0,1.0.0.255,AU", "1.0.0.0-1.0.0.255"),
///     ("hxxp://1[.]2[.]3[.]4:8080/x", "1.2.3.4"),
/// ] {
///     assert_eq!(forms::parse(text, Forms::LISTS)?.to_string(), means);
///     assert!(forms::parse(text, Forms::STRICT).is_err());
/// }
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
#[inline]
pub fn parse(text: impl AsRef<[u8]>, forms: Forms) -> Result<Entry, ParseError> {
    let bytes = text.as_ref();
    match strict(bytes) {
        Some(entry) => Ok(entry),
        None => whole(bytes, forms),
    }
}

/// An entry and the rest of its line. See [`parse_row`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The network, range or address.
    pub entry: Entry,
    /// The rest of the line: the columns behind the entry, without the separator before them.
    pub rest: &'a [u8],
}

/// Parses a line that begins with an entry in one of the forms, and returns the rest of the line too.
/// The entry ends at a comma, semicolon, tab or space. It may be quoted. [`Forms::COLUMNS`] decides
/// whether the second column may be its last address. [`Forms::DEFANGED`] has no effect here.
///
/// # Errors
///
/// [`ParseError`] with the place and the reason.
///
/// # Examples
///
/// ```
/// use std_net::ip::forms::{self, Forms};
///
/// let row = forms::parse_row("1.0.0.0,1.0.0.255,13335,\"CLOUDFLARENET, US\"", Forms::LISTS)?;
/// assert_eq!(row.entry.to_string(), "1.0.0.0-1.0.0.255");
/// assert_eq!(row.rest, b"13335,\"CLOUDFLARENET, US\"");
///
/// let row = forms::parse_row("10.0.0.0/8 the office", Forms::STRICT)?;
/// assert_eq!((row.entry.to_string().as_str(), row.rest), ("10.0.0.0/8", &b"the office"[..]));
/// # Ok::<(), std_net::ip::ParseError>(())
/// ```
pub fn parse_row(text: &(impl AsRef<[u8]> + ?Sized), forms: Forms) -> Result<Row<'_>, ParseError> {
    let bytes = text.as_ref();
    match row(bytes, forms) {
        Ok(found) => Ok(Row {
            entry: found.entry,
            rest: &bytes[found.rest..],
        }),
        Err((reason, at)) => Err(ParseError::new(Form::Entry, bytes, reason, at)),
    }
}

/// Returns the text with its original characters. `[.]`, `(.)`, `{.}`, `[dot]`, `(dot)`, `{dot}` and
/// `\.` become dots. `[:]` and similar forms become a colon, and `[::]` becomes two. `[/]` becomes a
/// slash. `hxxp`, `h**p` and `fxp` before `:` become `http` and `ftp`. This is for whole texts;
/// [`parse`] does it for one entry.
///
/// `[::]` before a `:` and a digit stays as it is, because that is a socket address.
///
/// # Examples
///
/// ```
/// use std_net::ip::forms::refang;
///
/// let text = refang(b"seen at hxxps[:]//192[.]0[.]2[.]1/x and 2001[:]db8[::]1");
/// assert_eq!(&*text, b"seen at https://192.0.2.1/x and 2001:db8::1");
/// ```
#[must_use]
pub fn refang(text: &[u8]) -> Cow<'_, [u8]> {
    // Most texts have no such forms.
    if !may_be_defanged(text) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    refang_into(text, |byte, _| out.push(byte));
    Cow::Owned(out)
}

/// Parses an address, a network or a range.
#[inline]
fn strict(bytes: &[u8]) -> Option<Entry> {
    if let Some(net) = net::parse_bytes(bytes) {
        return Some(Entry::Net(net));
    }
    if let Some(addr) = crate::parse_bytes(bytes) {
        return Some(Entry::Addr(addr));
    }
    bytes
        .contains(&b'-')
        .then(|| range::parse(bytes).ok())
        .flatten()
        .map(Entry::Range)
}

/// Parses a text that is not valid strictly.
#[inline(never)]
fn whole(bytes: &[u8], forms: Forms) -> Result<Entry, ParseError> {
    let fail = |(reason, at)| ParseError::new(Form::Entry, bytes, reason, at);
    if forms.contains(Forms::DEFANGED) && may_be_defanged(bytes) {
        // The bytes, and the place that each had in the input.
        let (mut text, mut places) = (Vec::with_capacity(bytes.len()), Vec::new());
        refang_into(bytes, |byte, at| {
            text.push(byte);
            places.push(at);
        });
        places.push(bytes.len());
        return defanged(&text, forms).map_err(|(reason, at)| fail((reason, places[at])));
    }
    list_entry(bytes, forms).map_err(fail)
}

fn list_entry(bytes: &[u8], forms: Forms) -> Found<Entry> {
    let found = row(bytes, forms)?;
    let columns = forms.contains(Forms::COLUMNS);
    if found.start > 0 && !columns {
        return Err((Reason::UnexpectedByte, 0));
    }
    let all = found.end == bytes.len() || columns && found.rest == bytes.len();
    if all || found.columns && columns {
        Ok(found.entry)
    } else {
        Err((Reason::TrailingData, found.end))
    }
}

/// What [`row`] has found.
struct RowFound {
    entry: Entry,
    /// Where the entry begins.
    start: usize,
    /// Where the entry ends.
    end: usize,
    /// Where the rest begins, behind the separator.
    rest: usize,
    /// Whether the separator is a comma, a semicolon or a tab.
    columns: bool,
}

/// A column of a line: the bytes from `start` to `end`, without quotes.
#[derive(Clone, Copy)]
struct Column {
    start: usize,
    end: usize,
    /// The place behind the column, its quote, and spaces.
    next: usize,
    /// The place where the next column begins. Without a separator it is the same as `next`.
    behind: usize,
    /// Whether the separator is a comma, a semicolon or a tab.
    separated: bool,
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn spaces(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|b| **b == b' ').count()
}

/// Reads the column that begins at `at`.
fn column(bytes: &[u8], at: usize) -> Column {
    let start = spaces(bytes, at);
    let (start, end, next) = match bytes.get(start) {
        Some(b'"') if bytes[start + 1..].contains(&b'"') => {
            let len = bytes[start + 1..].iter().position(|b| *b == b'"');
            let end = start + 1 + len.unwrap_or(0);
            (start + 1, end, end + 1)
        }
        _ => {
            let stop = |b: &u8| matches!(b, b',' | b';') || is_space(*b);
            let len = bytes[start..].iter().position(stop);
            let end = len.map_or(bytes.len(), |len| start + len);
            (start, end, end)
        }
    };
    let next = spaces(bytes, next);
    let separated = matches!(bytes.get(next), Some(b',' | b';' | b'\t'));
    let behind = if separated {
        spaces(bytes, next + 1)
    } else {
        next
    };
    Column {
        start,
        end,
        next,
        behind,
        separated,
    }
}

/// Reads the last address of a range that has spaces around its dash: `10.0.0.1 - 10.0.0.9`.
fn behind_dash(bytes: &[u8], first: &Column) -> Option<Column> {
    let text = &bytes[first.start..first.end];
    let dash = match text {
        [.., b'-'] => first.end - 1,
        _ if bytes.get(first.next) == Some(&b'-') => first.next,
        _ => return None,
    };
    let last = column(bytes, dash + 1);
    // The dash may also begin a description of the entry: `10.0.0.0/8 - the office`.
    let text_behind = &bytes[last.start..last.end];
    let of_address = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':');
    let is_address =
        text_behind.iter().all(of_address) && text_behind.iter().any(u8::is_ascii_digit);
    (is_address && !text.contains(&b'/')).then_some(last)
}

fn row(bytes: &[u8], forms: Forms) -> Found<RowFound> {
    if bytes.is_empty() {
        return Err((Reason::Empty, 0));
    }
    let mut first = column(bytes, 0);
    if !first.separated
        && let Some(last) = behind_dash(bytes, &first)
    {
        first = Column {
            start: first.start,
            ..last
        };
    }
    let text = &bytes[first.start..first.end];
    let entry = entry(text, forms).map_err(|(reason, at)| (reason, first.start + at))?;
    let found = |entry, column: Column| RowFound {
        entry,
        start: first.start,
        end: column.end,
        rest: column.behind,
        columns: column.separated,
    };
    if first.behind == bytes.len() {
        return Ok(found(entry, first));
    }
    let second = column(bytes, first.behind);
    let text = &bytes[second.start..second.end];
    let in_columns = first.separated && forms.contains(Forms::COLUMNS);
    match entry {
        Entry::Addr(IpAddr::V4(addr))
            if !first.separated && dotted(text)
            // Behind a space only a mask is allowed.
            && forms.any(Forms::MASK | Forms::WILDCARD) =>
        {
            let net =
                with_mask(addr, text, forms).map_err(|(reason, at)| (reason, second.start + at))?;
            return Ok(found(Entry::Net(net.into()), second));
        }
        Entry::Addr(addr) if in_columns => {
            let Some(last) = crate::parse_bytes(text).or_else(|| number(text, forms)) else {
                return Ok(found(entry, first));
            };
            if let (IpAddr::V4(addr), IpAddr::V4(mask)) = (addr, last)
                && forms.contains(Forms::MASK)
                && (0xff00_0000..u32::MAX).contains(&mask.to_bits())
                && let Some(len) = mask_len(mask)
            {
                return Ok(found(
                    Entry::Net(Ipv4Net::new_assert(addr, len).into()),
                    second,
                ));
            }
            let addr = alike(addr, last, &bytes[first.start..first.end], forms);
            return match IpRange::new(addr, last) {
                Some(range) => Ok(found(Entry::Range(range), second)),
                None => Err((range::why_not(addr, last), second.start)),
            };
        }
        _ if in_columns && !matches!(entry, Entry::Addr(_))
            // One of the two networks would be lost.
            && (net::parse_bytes(text).is_some() || range::parse(text).is_ok()) =>
        {
            return Err((Reason::TrailingData, second.start));
        }
        _ => {}
    }
    Ok(found(entry, first))
}

/// If the last of two numbers is IPv6, both are.
fn alike(first: IpAddr, last: IpAddr, text: &[u8], forms: Forms) -> IpAddr {
    match (first, last) {
        (IpAddr::V4(addr), IpAddr::V6(_)) if number(text, forms).is_some() => {
            Ipv6Addr::from_bits(addr.to_bits().into()).into()
        }
        _ => first,
    }
}

/// Parses one entry with nothing around it.
fn entry(text: &[u8], forms: Forms) -> Found<Entry> {
    if let Some(entry) = strict(text) {
        return Ok(entry);
    }
    let has = |byte: u8| text.iter().position(|b| *b == byte);
    let star = |byte: &u8| matches!(byte, b'*' | b'x' | b'X');
    if let Some(slash) = has(b'/') {
        return network(text, slash, forms).map(Entry::Net);
    }
    if forms.contains(Forms::STAR) && text.iter().any(star) && has(b':').is_none() {
        return stars(text).map(Entry::Range).map(as_net);
    }
    if let Some(dash) = has(b'-') {
        return short_range(text, dash, forms).map(Entry::Range);
    }
    if forms.contains(Forms::SHORT_NET) && text.last() == Some(&b'.') {
        let (bits, octets) = octets(&text[..text.len() - 1])?;
        if octets < 4 {
            return Ok(Entry::Net(
                Ipv4Net::new_assert(bits.into(), 8 * octets as u8).into(),
            ));
        }
    }
    if let Some(addr) = number(text, forms) {
        return Ok(Entry::Addr(addr));
    }
    let error = ParseError::find(Form::Ip, text);
    Err((error.reason(), error.position()))
}

/// Turns a range into a network if it is one.
fn as_net(entry: Entry) -> Entry {
    let mut nets = entry.range().nets();
    match (nets.next(), nets.next()) {
        (Some(net), None) => Entry::Net(net),
        _ => entry,
    }
}

/// Reads octets. One of them may be a range, and then all behind it are stars. Otherwise only the last
/// ones may be stars.
fn stars(text: &[u8]) -> Found<IpRange> {
    let (mut first, mut last) = ([0u8; 4], [255u8; 4]);
    let (mut at, mut any, mut count) = (0, false, 0);
    for part in text.split(|b| *b == b'.') {
        if count == 4 {
            return Err((Reason::TooManyParts, at));
        }
        // A star alone would mean all addresses, and nobody writes this so.
        let is_star = count > 0 && matches!(part, b"*" | b"x" | b"X");
        if any && !is_star {
            return Err((Reason::UnexpectedByte, at));
        }
        if !is_star {
            let dash = part.iter().position(|b| *b == b'-');
            let (low, high) = match dash {
                None => (part, part),
                Some(dash) => (&part[..dash], &part[dash + 1..]),
            };
            let behind = dash.map_or(0, |dash| dash + 1);
            first[count] = octet(low).map_err(|(reason, offset)| (reason, at + offset))?;
            last[count] = octet(high).map_err(|(reason, offset)| (reason, at + behind + offset))?;
            if first[count] > last[count] {
                return Err((Reason::RangeEndsBeforeItBegins, at + behind));
            }
            any = dash.is_some();
        } else {
            any = true;
        }
        count += 1;
        at += part.len() + 1;
    }
    let (first, last) = (Ipv4Addr::from(first), Ipv4Addr::from(last));
    Ok(IpRange::ordered(first.into(), last.into()))
}

/// Reads `FIRST-END`. The end may be short, or both may be numbers.
fn short_range(text: &[u8], dash: usize, forms: Forms) -> Found<IpRange> {
    let head = text[..dash].trim_ascii_end();
    let tail = text[dash + 1..].trim_ascii_start();
    let behind = text.len() - tail.len();
    if let (Some(first), Some(last)) = (number(head, forms), number(tail, forms)) {
        let first = alike(first, last, head, forms);
        return IpRange::new(first, last).ok_or((range::why_not(first, last), behind));
    }
    let full = || {
        let error = range::parse(text).expect_err("the text is not a strict range");
        (error.reason(), error.position())
    };
    if !forms.contains(Forms::SHORT_RANGE) || tail.is_empty() {
        return Err(full());
    }
    let first = crate::parse_bytes(head).ok_or_else(full)?;
    let last: IpAddr = match first {
        IpAddr::V4(first) if !tail.contains(&b':') => {
            let (bits, octets) = octets(tail).map_err(|(reason, at)| (reason, behind + at))?;
            if octets == 4 {
                return Err(full());
            }
            // Put the octets of the end behind the first octets of the first address.
            let kept = u32::MAX << (8 * octets);
            let end = bits >> (32 - 8 * octets);
            Ipv4Addr::from_bits(first.to_bits() & kept | end).into()
        }
        IpAddr::V6(first) if !head.contains(&b'.') && tail.len() <= 4 => {
            let group = v4::number(tail, 16, 0xffff)
                .ok()
                .filter(|_| !prefixed(tail));
            let end = group.ok_or_else(full)?;
            Ipv6Addr::from_bits(first.to_bits() & !0xffff | end).into()
        }
        _ => return Err(full()),
    };
    IpRange::new(first, last).ok_or((Reason::RangeEndsBeforeItBegins, behind))
}

fn prefixed(text: &[u8]) -> bool {
    matches!(text, [_, b'x' | b'X', ..])
}

/// Reads `ADDRESS/MASK`, or a short address with a length.
fn network(text: &[u8], slash: usize, forms: Forms) -> Found<IpNet> {
    let (head, tail) = (&text[..slash], &text[slash + 1..]);
    let plain = || {
        let error = ParseError::find(Form::Net, text);
        (error.reason(), error.position())
    };
    if head.contains(&b':') {
        if forms.contains(Forms::MASK)
            && let (Some(addr), Some(mask)) = (v6::parse_bytes(head), v6::parse_bytes(tail))
        {
            let len = mask.to_bits().leading_ones();
            let ones = mask.to_bits().checked_shl(len).unwrap_or(0) == 0;
            return if ones {
                Ok(Ipv6Net::new_assert(addr, len as u8).into())
            } else {
                Err((Reason::BadMask, slash + 1))
            };
        }
        return Err(plain());
    }
    let (bits, count) = octets(head).map_err(|_| plain())?;
    if count < 4 && !forms.contains(Forms::SHORT_NET) {
        return Err(plain());
    }
    let addr = Ipv4Addr::from_bits(bits);
    if dotted(tail) && forms.any(Forms::MASK | Forms::WILDCARD) {
        let net = with_mask(addr, tail, forms);
        return net
            .map(IpNet::V4)
            .map_err(|(reason, at)| (reason, slash + 1 + at));
    }
    match v4::number(tail, 10, u128::from(u32::MAX)) {
        Ok(len) if tail.len() <= 2 => Ipv4Net::new(addr, len as u8)
            .map(IpNet::V4)
            .map_err(|_| (Reason::PrefixLengthOver32, slash + 1)),
        Ok(33..) => Err((Reason::PrefixLengthOver32, slash + 1)),
        _ => Err((Reason::BadPrefixLength, slash + 1)),
    }
}

/// Returns whether the text can only be meant as an IPv4 address: it has only digits and dots.
fn dotted(text: &[u8]) -> bool {
    text.contains(&b'.') && text.iter().all(|b| b.is_ascii_digit() || *b == b'.')
}

/// Makes a network of an address and the text of its mask. The documentation of the module has the rule
/// for masks of both kinds.
fn with_mask(addr: Ipv4Addr, text: &[u8], forms: Forms) -> Found<Ipv4Net> {
    let Some(mask) = v4::parse_bytes(text) else {
        let error = ParseError::find(Form::V4, text);
        return Err((error.reason(), error.position()));
    };
    let net = |len| Ok(Ipv4Net::new_assert(addr, len));
    let both = forms.contains(Forms::MASK | Forms::WILDCARD);
    if both && matches!(mask.to_bits(), 0 | u32::MAX) {
        return net(if addr.is_unspecified() { 0 } else { 32 });
    }
    if forms.contains(Forms::MASK)
        && let Some(len) = mask_len(mask)
    {
        return net(len);
    }
    if forms.contains(Forms::WILDCARD)
        && let Some(len) = mask_len(!mask)
    {
        return net(len);
    }
    Err((Reason::BadMask, 0))
}

/// Returns how many ones a mask has, if no zero stands before a one.
fn mask_len(mask: Ipv4Addr) -> Option<u8> {
    let len = mask.to_bits().leading_ones();
    (mask.to_bits().checked_shl(len).unwrap_or(0) == 0).then_some(len as u8)
}

/// Reads one to four octets from the left; the others are 0. Also returns how many there are.
fn octets(text: &[u8]) -> Found<(u32, usize)> {
    let mut octets = [0; 4];
    let (mut at, mut count) = (0, 0);
    for part in text.split(|b| *b == b'.') {
        if count == 4 {
            return Err((Reason::TooManyParts, at));
        }
        octets[count] = octet(part).map_err(|(reason, offset)| (reason, at + offset))?;
        count += 1;
        at += part.len() + 1;
    }
    Ok((u32::from_be_bytes(octets), count))
}

fn octet(text: &[u8]) -> Found<u8> {
    if text.is_empty() {
        return Err((Reason::UnexpectedEnd, 0));
    }
    if let Some(at) = text.iter().position(|b| !b.is_ascii_digit()) {
        return Err((Reason::UnexpectedByte, at));
    }
    if text.len() > 1 && text[0] == b'0' {
        return Err((Reason::LeadingZero, 0));
    }
    match v4::number(text, 10, 255) {
        Ok(value) => Ok(value as u8),
        Err(_) => Err((Reason::OctetOver255, 0)),
    }
}

/// Reads an address as a number, if this form is allowed.
fn number(text: &[u8], forms: Forms) -> Option<IpAddr> {
    if !forms.contains(Forms::NUMBERS) {
        return None;
    }
    let bits = v4::number(text, 10, u128::MAX).ok()?;
    Some(match u32::try_from(bits) {
        Ok(bits) => Ipv4Addr::from_bits(bits).into(),
        Err(_) => Ipv6Addr::from_bits(bits).into(),
    })
}

/// Reads an entry that was defanged. It may have a port, or be a URL.
fn defanged(text: &[u8], forms: Forms) -> Found<Entry> {
    let whole = match list_entry(text, forms) {
        Ok(entry) => return Ok(entry),
        Err(error) => error,
    };
    let host = match text.windows(3).position(|w| w == b"://") {
        None => 0..text.len(),
        Some(at) => {
            let name = |b: &u8| b.is_ascii_alphanumeric() || b"+-.*".contains(b);
            if at == 0 || !text[..at].iter().all(name) {
                return Err((Reason::UnexpectedByte, 0));
            }
            let start = at + 3;
            let end = text[start..]
                .iter()
                .position(|b| b"/?#".contains(b))
                .map_or(text.len(), |len| start + len);
            let user = text[start..end].iter().rposition(|b| *b == b'@');
            user.map_or(start, |user| start + user + 1)..end
        }
    };
    let inside = &text[host.clone()];
    if let Some(socket) = crate::socket::parse_bytes(inside) {
        return Ok(Entry::Addr(socket.ip()));
    }
    let bare = match inside {
        [b'[', inside @ .., b']'] => inside,
        _ => inside,
    };
    if let Some(addr) = crate::parse_bytes(bare) {
        return Ok(Entry::Addr(addr));
    }
    if host.start == 0 {
        return Err(whole);
    }
    let error = ParseError::find(Form::Ip, inside);
    Err((error.reason(), host.start + error.position()))
}

/// Returns whether [`refang_into`] may find something. It may return true for a text in which there is
/// nothing.
fn may_be_defanged(text: &[u8]) -> bool {
    let mark = |b: &u8| matches!(b, b'[' | b'(' | b'{' | b'\\');
    text.iter().any(mark) || text.windows(3).any(|w| w == b"://")
}

/// The texts inside brackets, each with the text that it stands for.
const PAIRS: [(&[u8], &[u8]); 5] = [
    (b".", b"."),
    (b"dot", b"."),
    (b":", b":"),
    (b"::", b"::"),
    (b"/", b"/"),
];

/// Passes on each byte of the original text, with the place of its source in the input.
fn refang_into(text: &[u8], mut put: impl FnMut(u8, usize)) {
    let mut at = 0;
    while let Some(byte) = text.get(at).copied() {
        let rest = &text[at..];
        let (plain, len): (&[u8], usize) = match byte {
            b'[' | b'(' | b'{' => bracketed(rest).unwrap_or((&rest[..1], 1)),
            b'\\' if rest.get(1) == Some(&b'.') => (b".", 2),
            b'h' | b'H' | b'f' | b'F' if at == 0 || !text[at - 1].is_ascii_alphanumeric() => {
                scheme(rest).unwrap_or((&rest[..1], 1))
            }
            _ => (&rest[..1], 1),
        };
        for byte in plain {
            put(*byte, at);
        }
        at += len;
    }
}

/// Returns the text that a bracket stands for, and the length of the bracket.
fn bracketed(rest: &[u8]) -> Option<(&'static [u8], usize)> {
    let close = match rest[0] {
        b'[' => b']',
        b'(' => b')',
        _ => b'}',
    };
    let len = rest.iter().take(8).position(|b| *b == close)?;
    let inside = &rest[1..len];
    // Some write `[://]`.
    if inside == b"://" {
        return Some((b"://", len + 1));
    }
    let port = |rest: &[u8]| matches!(rest, [b':', b'0'..=b'9', ..]);
    if inside == b"::" && port(&rest[len + 1..]) {
        return None;
    }
    let pair = PAIRS
        .iter()
        .find(|(text, _)| inside.eq_ignore_ascii_case(text))?;
    Some((pair.1, len + 1))
}

/// Returns the original name of a defanged scheme, and the length of its defanged form.
fn scheme(rest: &[u8]) -> Option<(&'static [u8], usize)> {
    let begins = |text: &[u8]| {
        rest.get(..text.len())
            .is_some_and(|r| r.eq_ignore_ascii_case(text))
    };
    let behind = |len: usize| {
        let rest = &rest[len..];
        let rest = match rest {
            [b's' | b'S', rest @ ..] => rest,
            rest => rest,
        };
        rest.starts_with(b":") || rest.starts_with(b"[:")
    };
    for (disguise, plain) in [
        (&b"hxxp"[..], &b"http"[..]),
        (b"h**p", b"http"),
        (b"fxp", b"ftp"),
    ] {
        if begins(disguise) && behind(disguise.len()) {
            return Some((plain, disguise.len()));
        }
    }
    None
}
