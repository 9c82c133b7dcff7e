//! Writes the differences between two lists.

use std_net_ip::IpSet;

use crate::item::push_net;
use crate::output::{Output, Result, Status};
use crate::set;
use crate::settings::{Given, SetForm};

pub(crate) struct Settings {
    pub(crate) old: Given,
    pub(crate) new: Given,
    /// Write nothing: only the status tells the result.
    pub(crate) quiet: bool,
    pub(crate) json: bool,
    /// A zero byte ends a line.
    pub(crate) zero: bool,
    pub(crate) form: SetForm,
    pub(crate) threads: usize,
}

pub(crate) fn run(settings: &Settings) -> Result<Status> {
    let load = |given: &Given| set::load(given, false, settings.threads, false);
    let (old, new) = (load(&settings.old)?, load(&settings.new)?);
    let trouble = old.trouble && !settings.old.lenient || new.trouble && !settings.new.lenient;
    if trouble {
        return Ok(Status::Trouble);
    }
    if old.set == new.set {
        return Ok(Status::Success);
    }
    if settings.quiet {
        return Ok(Status::Negative);
    }
    let mut output = Output::stdout()?;
    if settings.zero && !settings.json {
        output = output.with_zeros();
    }
    let gone = old.set.subtract(&new.set);
    let came = new.set.subtract(&old.set);
    write(&mut output, settings, &gone, '-', "removed")?;
    write(&mut output, settings, &came, '+', "added")?;
    output.flush()?;
    Ok(Status::Negative)
}

fn write(
    output: &mut Output,
    settings: &Settings,
    set: &IpSet,
    sign: char,
    word: &str,
) -> Result<()> {
    let line = |text: &str, output: &mut Output| {
        let out = output.buffer();
        let line = if settings.json {
            format!("{{\"change\":\"{word}\",\"network\":\"{text}\"}}\n")
        } else {
            format!("{sign} {text}\n")
        };
        out.extend_from_slice(line.as_bytes());
        output.drain()
    };
    if settings.form.ranges {
        for range in set.ranges() {
            line(&range.to_string(), output)?;
        }
        return Ok(());
    }
    for net in set.nets() {
        let mut text = Vec::new();
        push_net(&mut text, net, settings.form.bare);
        line(&String::from_utf8_lossy(&text), output)?;
    }
    Ok(())
}
