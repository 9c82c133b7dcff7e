//! The forms of lists: a table of texts with their meaning, and entries that are made from their
//! meaning.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use std_net_ip::forms::{self, Entry, Forms, parse, parse_row, refang};
use std_net_ip::net::{IpNet, Ipv4Net};
use std_net_ip::range::IpRange;
use std_net_ip::{Reason, net, range};

#[test]
fn what_each_text_means() {
    for (form, text, means) in [
        ("short-range", "10.0.0.1-20", "10.0.0.1-10.0.0.20"),
        ("short-range", "10.0.0.1 - 20", "10.0.0.1-10.0.0.20"),
        ("short-range", "10.0.1.5-2.20", "10.0.1.5-10.0.2.20"),
        ("short-range", "10.0.1.5-1.2.20", "10.0.1.5-10.1.2.20"),
        ("short-range", "10.0.0.1-1", "10.0.0.1-10.0.0.1"),
        ("short-range", "2001:db8::1-ff", "2001:db8::1-2001:db8::ff"),
        ("short-range", "2001:db8::1-20", "2001:db8::1-2001:db8::20"),
        ("star", "192.168.1.*", "192.168.1.0/24"),
        ("star", "192.168.*", "192.168.0.0/16"),
        ("star", "10.*.*.*", "10.0.0.0/8"),
        ("star", "10.0.0-3.*", "10.0.0.0/22"),
        ("star", "10.0.1-3.*", "10.0.1.0-10.0.3.255"),
        ("star", "10.1.2.x", "10.1.2.0/24"),
        ("star", "10.1.X.X", "10.1.0.0/16"),
        ("mask", "10.0.0.0 255.255.255.0", "10.0.0.0/24"),
        ("mask", "10.0.0.7  255.255.255.0", "10.0.0.7/24"),
        ("mask", "10.2.0.0/255.255.0.0", "10.2.0.0/16"),
        ("mask", "10.0.0.5/255.255.255.255", "10.0.0.5/32"),
        ("mask", "10.0.0.5/0.0.0.0", "10.0.0.5/0"),
        ("mask", "2001:db8::/ffff:ffff::", "2001:db8::/32"),
        ("wildcard", "10.3.0.0 0.0.0.255", "10.3.0.0/24"),
        ("wildcard", "10.3.0.0/0.0.0.255", "10.3.0.0/24"),
        ("wildcard", "10.3.0.0 0.0.0.0", "10.3.0.0/32"),
        ("wildcard", "0.0.0.0 255.255.255.255", "0.0.0.0/0"),
        ("wildcard", "0.0.0.0 0.0.0.255", "0.0.0.0/24"),
        // The masks are of both kinds, so the address decides.
        ("mask,wildcard", "10.0.0.0 0.0.0.255", "10.0.0.0/24"),
        ("mask,wildcard", "10.0.0.0 255.255.255.0", "10.0.0.0/24"),
        ("mask,wildcard", "10.0.0.5 0.0.0.0", "10.0.0.5/32"),
        ("mask,wildcard", "10.0.0.5 255.255.255.255", "10.0.0.5/32"),
        ("mask,wildcard", "0.0.0.0 0.0.0.0", "0.0.0.0/0"),
        ("mask,wildcard", "0.0.0.0/255.255.255.255", "0.0.0.0/0"),
        ("short-net", "10/8", "10.0.0.0/8"),
        ("short-net", "10.11.192/18", "10.11.192.0/18"),
        ("short-net", "172.16/12", "172.16.0.0/12"),
        ("short-net", "10.1/16", "10.1.0.0/16"),
        ("short-net", "192.168.", "192.168.0.0/16"),
        ("short-net", "10.", "10.0.0.0/8"),
        ("short-net,mask", "10.1/255.255.0.0", "10.1.0.0/16"),
        ("columns", "1.0.0.0,1.0.0.255,AU", "1.0.0.0-1.0.0.255"),
        (
            "columns",
            "1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUD",
            "1.0.0.0-1.0.0.255",
        ),
        ("columns", "1.0.0.0; 1.0.0.255", "1.0.0.0-1.0.0.255"),
        (
            "columns",
            "\"1.0.0.0\",\"1.0.0.255\",\"AU\"",
            "1.0.0.0-1.0.0.255",
        ),
        (
            "columns",
            "2001:db8::,2001:db8::ff,x",
            "2001:db8::-2001:db8::ff",
        ),
        ("columns", "10.0.0.0/8,office, second floor", "10.0.0.0/8"),
        ("columns", "10.0.0.0/24,10.0.0.1,gateway", "10.0.0.0/24"),
        ("columns", "\"10.0.0.0/8\"", "10.0.0.0/8"),
        ("columns", "10.0.0.1,", "10.0.0.1"),
        ("columns", "10.0.0.1,web", "10.0.0.1"),
        ("columns", "10.0.0.1-10.0.0.9,web", "10.0.0.1-10.0.0.9"),
        ("columns", "10.0.0.1 - 10.0.0.9, web", "10.0.0.1-10.0.0.9"),
        ("columns", "1.10.16.0/20 ; SBL256894", "1.10.16.0/20"),
        (
            "columns",
            "240.0.0.0,255.255.255.255",
            "240.0.0.0-255.255.255.255",
        ),
        ("columns,mask", "10.0.0.0,255.255.255.0,x", "10.0.0.0/24"),
        (
            "columns,mask",
            "240.0.0.0,255.255.255.255",
            "240.0.0.0-255.255.255.255",
        ),
        (
            "columns",
            "10.0.0.0,255.255.255.0",
            "10.0.0.0-255.255.255.0",
        ),
        ("columns,star", "10.1.*,x", "10.1.0.0/16"),
        ("defanged", "1[.]2[.]3[.]4", "1.2.3.4"),
        ("defanged", "1.2.3[.]4", "1.2.3.4"),
        ("defanged", "1(.)2{.}3[dot]4", "1.2.3.4"),
        ("defanged", "1\\.2\\.3\\.4", "1.2.3.4"),
        ("defanged", "1[.]2[.]3[.]0/24", "1.2.3.0/24"),
        ("defanged", "1[.]2[.]3[.]0[/]24", "1.2.3.0/24"),
        ("defanged", "1[.]2[.]3[.]4:8080", "1.2.3.4"),
        ("defanged", "1[.]2[.]3[.]4[:]8080", "1.2.3.4"),
        ("defanged", "1[.]2[.]3[.]4-1[.]2[.]3[.]9", "1.2.3.4-1.2.3.9"),
        ("defanged", "hxxp://1.2.3.4", "1.2.3.4"),
        ("defanged", "hxxps://1.2.3[.]4:443/a?b#c", "1.2.3.4"),
        ("defanged", "hXXp[:]//1.2.3[.]4/a", "1.2.3.4"),
        ("defanged", "h**p://1.2.3.4/a", "1.2.3.4"),
        ("defanged", "http://1.2.3.4/a", "1.2.3.4"),
        ("defanged", "fxp://u:p@1.2.3.4/a", "1.2.3.4"),
        ("defanged", "hxxp[://]1.2.3.4", "1.2.3.4"),
        ("defanged", "hxxp://[2001:db8::1]:80/", "2001:db8::1"),
        ("defanged", "hxxp://[2001:db8::1]/", "2001:db8::1"),
        ("defanged", "2001[:]db8::1", "2001:db8::1"),
        ("defanged", "2001[:]db8[::]1", "2001:db8::1"),
        ("defanged", "2001[:]db8[:][:]1", "2001:db8::1"),
        ("defanged,columns", "1[.]2.3.4,malware", "1.2.3.4"),
        ("defanged,short-range", "1[.]2[.]3[.]4-9", "1.2.3.4-1.2.3.9"),
        ("numbers", "16777216", "1.0.0.0"),
        ("numbers", "16777216-16777471", "1.0.0.0-1.0.0.255"),
        (
            "numbers,columns",
            "\"16777216\",\"16777471\",\"AU\"",
            "1.0.0.0-1.0.0.255",
        ),
        ("numbers", "0-4294967296", "::-::1:0:0"),
        (
            "numbers,columns",
            "0,281470681743359,-",
            "::-::fffe:ffff:ffff",
        ),
    ] {
        let forms: Forms = form.parse().unwrap();
        let entry = parse(text, forms);
        let entry = entry.unwrap_or_else(|error| panic!("{form} {text:?}: {error}"));
        assert_eq!(entry.to_string(), means, "{form} {text:?}");
        // The text is not read without its form. With all forms of lists it has the same meaning,
        // except for masks of two kinds.
        assert!(parse(text, Forms::STRICT).is_err(), "{text:?}");
        if Forms::LISTS.contains(forms) && !["mask", "wildcard", "columns"].contains(&form) {
            assert_eq!(parse(text, Forms::LISTS).unwrap(), entry, "{text:?}");
        }
        for other in Forms::names()
            .map(|(_, other)| other)
            .filter(|o| !forms.contains(*o))
        {
            if let Ok(read) = parse(text, other) {
                // If another form reads the text too, the meaning is the same.
                let alike = read == entry || form.contains("mask") || form.contains("wildcard");
                assert!(alike, "{text:?} as {other}: {read}");
            }
        }
    }
}

#[test]
fn what_is_no_entry_says_why_and_where() {
    use Reason::*;
    for (form, text, reason, at) in [
        ("lists", "", Empty, 0),
        ("lists", "x", UnexpectedByte, 0),
        ("lists", "10.0.0.20-1", RangeEndsBeforeItBegins, 10),
        ("lists", "10.0.0.1-256", OctetOver255, 9),
        ("lists", "10.0.0.1-01", LeadingZero, 9),
        ("lists", "10.0.0.1-x", UnexpectedByte, 9),
        ("lists", "10.0.0.1-", UnexpectedEnd, 9),
        ("lists", "10.0.0.1-1.2.3.4.5", TooManyParts, 17),
        ("lists", "10.0.0.9-10.0.0.1", RangeEndsBeforeItBegins, 9),
        ("lists", "10.0.0.9-::1", RangeOfTwoVersions, 9),
        ("lists", "2001:db8::f-1", RangeEndsBeforeItBegins, 12),
        ("lists", "::ffff:1.2.3.4-9", TooFewParts, 16),
        ("lists", "192.168.*.1", UnexpectedByte, 10),
        ("lists", "*", UnexpectedByte, 0),
        ("lists", "*.*.*.*", UnexpectedByte, 0),
        ("star", "\"192.168.*\"", UnexpectedByte, 0),
        ("star", "192.168.* ", TrailingData, 9),
        ("lists", "192.168.1*.1", UnexpectedByte, 9),
        ("lists", "192.168.3-1.*", RangeEndsBeforeItBegins, 10),
        ("lists", "1.2.3.4.*", TooManyParts, 8),
        ("lists", "10.0.0.0 255.0.255.0", BadMask, 9),
        ("lists", "10.0.0.0/255.0.255.0", BadMask, 9),
        ("lists", "10.0.0.0 10.0.0.9", BadMask, 9),
        ("lists", "10.0.0.0 255.255.255.256", OctetOver255, 21),
        ("lists", "10.0.0.0 255.255.255", TooFewParts, 20),
        ("mask", "10.0.0.0 0.0.0.255", BadMask, 9),
        ("wildcard", "10.0.0.0 255.255.255.0", BadMask, 9),
        ("lists", "2001:db8::/ffff::ffff", BadMask, 11),
        ("lists", "10/33", PrefixLengthOver32, 3),
        ("lists", "10.0.0.0/330", PrefixLengthOver32, 9),
        ("lists", "10.0.0.0/", BadPrefixLength, 9),
        ("lists", "10.0/x", BadPrefixLength, 5),
        ("lists", "010/8", LeadingZero, 0),
        ("lists", "256/8", OctetOver255, 0),
        ("lists", "10", TooFewParts, 2),
        ("lists", "10.0.0.9,10.0.0.1", RangeEndsBeforeItBegins, 9),
        ("lists", "10.0.0.9,::1", RangeOfTwoVersions, 9),
        ("lists", "10.0.0.0,0.0.0.255", RangeEndsBeforeItBegins, 9),
        ("lists", "10.0.0.0/8,192.168.0.0/16", TrailingData, 11),
        ("lists", "10.0.0.0/8 office", TrailingData, 10),
        ("lists", "10.0.0.0/8 - office", TrailingData, 10),
        ("lists", "\"10.0.0.0/8", UnexpectedByte, 0),
        ("lists", ",10.0.0.0/8", Empty, 0),
        ("lists", "5,10.0.0.1", TooFewParts, 1),
        ("short-range", "10.0.0.1-9,x", TrailingData, 10),
        ("lists", "hxxp://example[.]org/1.2.3.4", UnexpectedByte, 7),
        ("lists", "1[.]2[.]3[.]400", OctetOver255, 12),
        ("lists", "1[.]2[.]3", TooFewParts, 9),
        ("lists", "16777216-16777471", OctetOver255, 0),
        ("numbers", "2-1", RangeEndsBeforeItBegins, 2),
    ] {
        let error = parse(text, form.parse().unwrap()).expect_err(text);
        assert_eq!(
            (error.reason(), error.position()),
            (reason, at),
            "{text:?}: {error}"
        );
        assert!(error.to_string().contains("list entry"), "{error}");
    }
}

#[test]
fn rows_keep_what_is_behind_the_entry() {
    for (forms, text, means, rest) in [
        (
            "lists",
            "1.0.0.0,1.0.0.255,AU,x",
            "1.0.0.0-1.0.0.255",
            "AU,x",
        ),
        (
            "lists",
            "1.0.0.0\t1.0.0.255\t0\tNone\tNot routed",
            "1.0.0.0-1.0.0.255",
            "0\tNone\tNot routed",
        ),
        (
            "lists",
            "\"1.0.0.0\",\"1.0.0.255\",\"A, U\"",
            "1.0.0.0-1.0.0.255",
            "\"A, U\"",
        ),
        ("strict", "1.0.0.0,1.0.0.255,AU", "1.0.0.0", "1.0.0.255,AU"),
        (
            "strict",
            "10.0.0.0/8 the office",
            "10.0.0.0/8",
            "the office",
        ),
        ("strict", "10.0.0.0/8", "10.0.0.0/8", ""),
        ("strict", "10.0.0.0/8,", "10.0.0.0/8", ""),
        (
            "strict",
            "10.0.0.0/8 - the office",
            "10.0.0.0/8",
            "- the office",
        ),
        (
            "strict",
            "10.0.0.1 - 10.0.0.9 web",
            "10.0.0.1-10.0.0.9",
            "web",
        ),
        (
            "strict",
            "10.0.0.1- 10.0.0.9 web",
            "10.0.0.1-10.0.0.9",
            "web",
        ),
        (
            "strict",
            "10.0.0.1 -10.0.0.9 web",
            "10.0.0.1-10.0.0.9",
            "web",
        ),
        (
            "strict",
            "10.0.0.1 - - [01/Jan]",
            "10.0.0.1",
            "- - [01/Jan]",
        ),
        ("lists", "10.0.0.0 255.255.255.0 web", "10.0.0.0/24", "web"),
        (
            "lists",
            "10.0.0.0/8,10.0.0.1,gw",
            "10.0.0.0/8",
            "10.0.0.1,gw",
        ),
        ("lists", "10.0.0.1,,x", "10.0.0.1", ",x"),
        ("lists", "10/8\tx", "10.0.0.0/8", "x"),
    ] {
        let row = parse_row(text, forms.parse().unwrap()).unwrap();
        assert_eq!(
            (row.entry.to_string().as_str(), row.rest),
            (means, rest.as_bytes()),
            "{text:?}"
        );
    }
    assert!(parse_row("", Forms::LISTS).is_err());
    assert!(parse_row("office,10.0.0.0/8", Forms::LISTS).is_err());
}

#[test]
fn texts_are_put_right() {
    for (text, right) in [
        (
            "nothing to do: [a] (b) {c} \\d",
            "nothing to do: [a] (b) {c} \\d",
        ),
        (
            "hxxp://1[.]2[.]3[.]4/ and hxxps[:]//a[.]b",
            "http://1.2.3.4/ and https://a.b",
        ),
        (
            "2001[:]db8[::]1, [::]:80, [::1]",
            "2001:db8::1, [::]:80, [::1]",
        ),
        ("exhxxp: hxxpx hxxp", "exhxxp: hxxpx hxxp"),
        ("1[.2[.]3", "1[.2.3"),
        ("[", "["),
        ("\\", "\\"),
    ] {
        assert_eq!(String::from_utf8_lossy(&refang(text.as_bytes())), right);
    }
}

#[test]
fn names_and_hints() {
    assert_eq!("lists".parse::<Forms>(), Ok(Forms::LISTS));
    assert_eq!("strict".parse::<Forms>(), Ok(Forms::STRICT));
    assert_eq!(Forms::LISTS.to_string().parse::<Forms>(), Ok(Forms::LISTS));
    let error = "star,sar".parse::<Forms>().unwrap_err().to_string();
    assert!(
        error.contains("'sar'") && error.contains("short-range"),
        "{error}"
    );
    for (text, needed) in [
        ("10.0.0.1-20", Some(Forms::SHORT_RANGE)),
        ("10/8", Some(Forms::SHORT_NET)),
        ("10.0.0.0 0.0.0.255", Some(Forms::WILDCARD)),
        ("1[.]2.3.4,x", Some(Forms::LISTS)),
        ("10.0.0.0/8", None),
        ("nonsense", None),
        ("77", None),
    ] {
        assert_eq!(Forms::needed(text), needed, "{text}");
    }
}

fn addr(v4: bool, bits: u128) -> IpAddr {
    if v4 {
        Ipv4Addr::from_bits(bits as u32).into()
    } else {
        Ipv6Addr::from_bits(bits).into()
    }
}

proptest! {
    /// Makes a text of each form from its meaning.
    #[test]
    fn entries_mean_what_they_were_made_from(bits: u32, len in 0..=32u8, end: u32, octets in 1..4usize) {
        let ip = Ipv4Addr::from_bits(bits);
        let o = ip.octets();
        let dots = |octets: &[u8]| octets.iter().map(u8::to_string).collect::<Vec<_>>().join(".");
        let net = Ipv4Net::new(ip, len).unwrap();
        let mask = net.netmask();
        let wildcard = net.hostmask();
        let as_net = Ok(Entry::Net(net.into()));
        for text in [format!("{ip}/{mask}"), format!("{ip} {mask}")] {
            prop_assert_eq!(parse(text, Forms::MASK), as_net);
        }
        for text in [format!("{ip}/{wildcard}"), format!("{ip} {wildcard}")] {
            prop_assert_eq!(parse(text, Forms::WILDCARD), as_net);
        }
        // A mask of both kinds never means more addresses than one kind alone would, except for
        // 0.0.0.0.
        for text in [format!("{ip}/{mask}"), format!("{ip} {wildcard}")] {
            let read = parse(text, Forms::LISTS).unwrap().range();
            let host = (1..=31).contains(&len) || ip.is_unspecified();
            prop_assert_eq!(read, if host { net.into() } else { IpRange::from(IpAddr::from(ip)) });
        }
        let mut head = [0; 4];
        head[..octets].copy_from_slice(&o[..octets]);
        let short = Ipv4Net::new(head.into(), len).unwrap();
        prop_assert_eq!(
            parse(format!("{}/{len}", dots(&o[..octets])), Forms::SHORT_NET),
            Ok(Entry::Net(short.into()))
        );
        let all = Ipv4Net::new(head.into(), 8 * octets as u8).unwrap();
        prop_assert_eq!(parse(format!("{}.", dots(&o[..octets])), Forms::SHORT_NET), Ok(Entry::Net(all.into())));
        for stars in 1..=4 - octets {
            let text = format!("{}{}", dots(&o[..octets]), ".*".repeat(stars));
            prop_assert_eq!(parse(text, Forms::STAR).unwrap().range(), IpRange::from(all));
        }
        // The text has only the last octets of the end.
        let e = Ipv4Addr::from_bits(end).octets();
        let mut whole = o;
        whole[octets..].copy_from_slice(&e[octets..]);
        let read = parse(format!("{ip}-{}", dots(&e[octets..])), Forms::SHORT_RANGE);
        match IpRange::new(ip.into(), Ipv4Addr::from(whole).into()) {
            Some(range) => prop_assert_eq!(read, Ok(Entry::Range(range))),
            None => prop_assert_eq!(read.unwrap_err().reason(), Reason::RangeEndsBeforeItBegins),
        }
        let defanged = ip.to_string().replace('.', "[.]");
        prop_assert_eq!(parse(defanged, Forms::DEFANGED), Ok(Entry::Addr(ip.into())));
        prop_assert_eq!(parse(bits.to_string(), Forms::NUMBERS), Ok(Entry::Addr(ip.into())));
    }

    /// A strict entry keeps its meaning, and a row returns it together with the rest of the line.
    #[test]
    fn strict_entries_stay_so(v4: bool, a: u128, b: u128, len: u8, kind in 0..3, rest in "[a-z ,;\t\"]{0,9}") {
        let (a, b) = (addr(v4, a), addr(v4, b));
        let entry = match kind {
            0 => Entry::Addr(a),
            1 => Entry::Net(IpNet::new(a, len % if v4 { 33 } else { 129 }).unwrap()),
            _ => Entry::Range(IpRange::new(a.min(b), a.max(b)).unwrap()),
        };
        let text = entry.to_string();
        for forms in [Forms::STRICT, Forms::LISTS, Forms::LISTS | Forms::NUMBERS] {
            prop_assert_eq!(parse(&text, forms), Ok(entry));
            let line = format!("{text}, {rest}");
            let row = parse_row(&line, forms).unwrap();
            prop_assert_eq!(row.entry, entry);
            prop_assert_eq!(row.rest, rest.trim_start_matches(' ').as_bytes());
        }
        prop_assert_eq!(Forms::needed(&text), None);
    }

    /// No text makes the parser panic. Without forms, it reads the same texts as the strict parsers.
    #[test]
    fn anything(text in "[0-9a-f.:/*,;x\\-\\[\\]() \"]{0,24}") {
        let strict = net::parse(&text).map(Entry::Net).ok()
            .or(std_net_ip::parse(&text).map(Entry::Addr).ok())
            .or(range::parse(&text).map(Entry::Range).ok());
        let read = parse(&text, Forms::STRICT).ok();
        prop_assert_eq!(read, strict);
        for (_, form) in Forms::names() {
            let _ = parse(&text, form);
        }
        for forms in [Forms::LISTS, Forms::LISTS | Forms::NUMBERS] {
            if let Some(strict) = strict {
                prop_assert_eq!(parse(&text, forms), Ok(strict));
            }
            match forms::parse(&text, forms) {
                Ok(entry) => prop_assert_eq!(parse(entry.to_string(), Forms::STRICT), Ok(entry)),
                Err(error) => prop_assert!(error.position() <= text.len()),
            }
            if let Ok(row) = parse_row(&text, forms) {
                prop_assert!(text.as_bytes().ends_with(row.rest));
            }
        }
    }
}
