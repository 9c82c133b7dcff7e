//! Writes text with its addresses cut, or replaced with the help of a key.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

use crate::find::Finder;
use crate::input::PAD;
use crate::item::{Mask, push_addr};
use crate::job::{Job, Pool};
use crate::output::{Fail, Result, Status};
use crate::place::Places;
use crate::read::Style;
use crate::settings::Reading;

pub(crate) struct Settings {
    pub(crate) input: Vec<OsString>,
    pub(crate) how: How,
    /// An IPv4-mapped address becomes its IPv4 address first.
    pub(crate) unmap: bool,
    /// A zero byte ends a line.
    pub(crate) zero: bool,
    pub(crate) threads: usize,
}

pub(crate) enum How {
    /// Cuts addresses to these lengths.
    Cut(Mask),
    /// Replaces addresses with the help of the key in a file.
    Key(PathBuf),
}

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    let replace = match &settings.how {
        How::Cut(mask) => Replace::Cut(*mask),
        How::Key(file) => Replace::Key(Box::new(CryptoPan::new(&key(file)?))),
    };
    let reading = Reading {
        input: settings.input.clone(),
        style: Style {
            extract: true,
            zero: settings.zero,
            // Find also addresses with ports, as tcpdump writes them.
            places: Places {
                dotted_ports: true,
                ..Places::default()
            },
            ..Style::default()
        },
        threads: settings.threads,
        ..Reading::default()
    };
    let job = Job::new(&reading);
    let mut output = job.output(false)?;
    let pool = Pool::new();
    let (_, trouble) = job.blocks(
        Finder::default,
        |finder, block| {
            let mut out = pool.take();
            let padded = block.padded();
            let mut done = PAD;
            finder.each::<true, true>(padded, &job.style.places, |_, found| {
                out.extend_from_slice(&padded[done..found.start]);
                let addr = if settings.unmap {
                    found.addr.to_canonical()
                } else {
                    found.addr
                };
                push_addr(&mut out, replace.address(addr));
                done = found.end;
                done
            });
            out.extend_from_slice(&padded[done..PAD + block.text().len()]);
            out
        },
        |out| {
            output.block(&out)?;
            pool.give(out);
            Ok(true)
        },
    )?;
    Ok(if trouble {
        Status::Trouble
    } else {
        Status::Success
    })
}

/// Reads a key of 32 bytes, as they are or as hexadecimal digits.
fn key(file: &Path) -> Result<[u8; 32]> {
    let fail = |what: String| Fail::message(format!("{}: {what}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| fail(error.to_string()))?;
    if let Ok(key) = <[u8; 32]>::try_from(&bytes[..]) {
        return Ok(key);
    }
    let digits = bytes.trim_ascii();
    let mut key = [0; 32];
    if digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit) {
        for (byte, two) in key.iter_mut().zip(digits.chunks(2)) {
            let two = std::str::from_utf8(two).unwrap_or_default();
            *byte = u8::from_str_radix(two, 16).unwrap_or_default();
        }
        return Ok(key);
    }
    Err(fail(format!(
        "a key is 32 bytes, or 64 hexadecimal digits, and these are {} bytes",
        bytes.len()
    )))
}

/// How an address is replaced.
enum Replace {
    Cut(Mask),
    Key(Box<CryptoPan>),
}

impl Replace {
    fn address(&self, addr: IpAddr) -> IpAddr {
        match addr {
            IpAddr::V4(addr) => self.v4(addr).into(),
            // An IPv4-mapped address is the same host as the IPv4 address, so both get the same
            // replacement.
            IpAddr::V6(addr) => match addr.to_ipv4_mapped() {
                Some(addr) => self.v4(addr).to_ipv6_mapped().into(),
                None => self.v6(addr).into(),
            },
        }
    }

    fn v4(&self, addr: Ipv4Addr) -> Ipv4Addr {
        let bits = addr.to_bits();
        Ipv4Addr::from_bits(match self {
            Replace::Cut(mask) => bits & u32::MAX.checked_shl(u32::from(32 - mask.v4)).unwrap_or(0),
            Replace::Key(key) => (key.address(u128::from(bits) << 96, 32) >> 96) as u32,
        })
    }

    fn v6(&self, addr: Ipv6Addr) -> Ipv6Addr {
        let bits = addr.to_bits();
        Ipv6Addr::from_bits(match self {
            Replace::Cut(mask) => {
                bits & u128::MAX.checked_shl(u32::from(128 - mask.v6)).unwrap_or(0)
            }
            Replace::Key(key) => key.address(bits, 128),
        })
    }
}

/// Crypto-PAn: Xu, Fan, Ammar, Moon, "Prefix-Preserving IP Address Anonymization" (2002), with AES-128.
///
/// To decide whether to flip bit n of an address, the n bits before it are filled up with a pad and
/// encrypted. One bit of the result decides. So two addresses with the same first n bits also have the
/// same first n bits afterwards.
struct CryptoPan {
    cipher: Aes128,
    pad: u128,
}

impl CryptoPan {
    /// The first half of the key is the key of the cipher. The second half is encrypted, and gives the
    /// pad.
    fn new(key: &[u8; 32]) -> CryptoPan {
        let (key, pad) = key.split_at(16);
        let half = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).unwrap_or_default();
        let cipher = Aes128::new(&half(key).into());
        let mut block = half(pad).into();
        cipher.encrypt_block(&mut block);
        CryptoPan {
            cipher,
            pad: u128::from_be_bytes(block.into()),
        }
    }

    /// Replaces the first `len` bits of `bits`.
    fn address(&self, bits: u128, len: u32) -> u128 {
        let mut blocks = [aes::Block::default(); 128];
        let blocks = &mut blocks[..len as usize];
        for (n, block) in (0..).zip(blocks.iter_mut()) {
            let rest = u128::MAX >> n;
            *block = (bits & !rest | self.pad & rest).to_be_bytes().into();
        }
        self.cipher.encrypt_blocks(blocks);
        let mut turn = 0u128;
        for (n, block) in blocks.iter().enumerate() {
            turn |= u128::from(block[0] >> 7) << (127 - n);
        }
        bits ^ turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the first pairs are those of the sample trace that the authors publish with their
    /// code, which has no IPv6. The IPv6 pairs are those of the tests of the Go package cryptopan, which
    /// implementations in Rust, C++ and for Node have taken over.
    #[test]
    fn as_the_others() {
        let key: [u8; 32] = [
            21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143,
            131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2,
        ];
        let replace = Replace::Key(Box::new(CryptoPan::new(&key)));
        for (from, to) in [
            ("128.11.68.132", "135.242.180.132"),
            ("129.118.74.4", "134.136.186.123"),
            ("130.132.252.244", "133.68.164.234"),
            ("141.223.7.43", "141.167.8.160"),
            ("::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"),
            ("::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef"),
            ("2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"),
        ] {
            let from: IpAddr = from.parse().unwrap();
            assert_eq!(replace.address(from).to_string(), to, "{from}");
        }
    }

    #[test]
    fn prefixes_are_kept() {
        let replace = Replace::Key(Box::new(CryptoPan::new(&[7; 32])));
        for n in 0..32 {
            let (a, b) = (0x0a01_0203u32, 0x0a01_0203 ^ 1 << (31 - n));
            let of = |bits: u32| replace.v4(Ipv4Addr::from_bits(bits)).to_bits();
            assert_eq!((of(a) ^ of(b)).leading_zeros(), n);
        }
        let mapped = replace.address("::ffff:10.1.2.3".parse().unwrap());
        assert_eq!(
            mapped.to_canonical(),
            replace.address("10.1.2.3".parse().unwrap())
        );
    }
}
