//! Writes how many different addresses the input has.

use crate::item::{Item, Mask};
use crate::job::Job;
use crate::output::{Output, Result, Status};
use crate::set;
use crate::settings::Reading;

pub(crate) struct Settings {
    pub(crate) reading: Reading,
    /// Count networks of these lengths instead of addresses.
    pub(crate) mask: Option<Mask>,
    pub(crate) json: bool,
}

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    let job = Job::new(&settings.reading);
    let read = set::read_as(&job, |item| widened(item, settings.mask))?;
    if read.stopped {
        return Ok(read.status);
    }
    // All addresses within one network of the mask count as one.
    let (v4_bits, v6_bits) = settings
        .mask
        .map_or((0, 0), |mask| (32 - mask.v4, 128 - mask.v6));
    let v4 = u128::from(read.set.count_v4()) >> v4_bits;
    // The number of all addresses, 2^128, is one more than a `u128` can hold.
    let (v6, overflow) = match read.set.count_v6() {
        Some(n) => (n.checked_shr(v6_bits.into()).unwrap_or(0), false),
        None if v6_bits > 0 => (1u128 << (128 - v6_bits), false),
        None => (0, true),
    };
    let text = |n: u128, over: bool| {
        if over {
            // The number is 2^128 + n, which no `u128` can hold. It begins with 3, and a `u128` holds
            // the other digits.
            let above = (u128::MAX - 3 * TEN_38) + 1 + n;
            format!("3{above:038}")
        } else {
            n.to_string()
        }
    };
    let (all, over) = v4.overflowing_add(v6);
    let mut output = Output::stdout()?;
    let out = output.buffer();
    if settings.json {
        // As everywhere, numbers above 2^53 are written as text.
        let value = |text: String| match text.parse::<u64>() {
            Ok(n) if n <= 1 << 53 => text,
            _ => format!("\"{text}\""),
        };
        let line = format!(
            "{{\"ipv4\":{},\"ipv6\":{},\"all\":{}}}\n",
            value(text(v4, false)),
            value(text(v6, overflow)),
            value(text(all, over || overflow))
        );
        out.extend_from_slice(line.as_bytes());
    } else {
        out.extend_from_slice(text(all, over || overflow).as_bytes());
        out.push(b'\n');
    }
    output.flush()?;
    if job.keep {
        output.block(&read.kept)?;
    }
    Ok(read.status)
}

const TEN_38: u128 = 10u128.pow(38);

/// Returns all networks of the mask's length that contain an address of the item.
fn widened(item: Item, mask: Option<Mask>) -> Item {
    match mask {
        Some(mask) => set::widened(item.range(), mask),
        None => item,
    }
}
