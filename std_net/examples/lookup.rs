//! Shows `dns::Resolver`: looks names up, all at the same time, and prints the addresses of each, or why it has none.
//!
//! Usage: `lookup NAME...`. For an address it looks up the name. The exit status is 0 if all were
//! found, 1 if one was not, and 2 if a lookup took more than 5 seconds or failed.

use std::env;
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use std_net::dns::{Error, Resolver};
use std_net::process;

const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let names: Vec<String> = env::args().skip(1).collect();
    if names.is_empty() {
        eprintln!("usage: lookup NAME...");
        return ExitCode::from(2);
    }
    let resolver = Resolver::new().timeout(PATIENCE);
    let lookups: Vec<_> = names
        .into_iter()
        .map(|name| {
            let resolver = resolver.clone();
            process::spawn(move || answer(&resolver, &name))
        })
        .collect();
    let mut status = 0;
    for lookup in lookups {
        match lookup.join() {
            Ok(Ok(line)) => println!("{line}"),
            Ok(Err(error)) => {
                eprintln!("{error}");
                let known = matches!(error, Error::NoSuchName(_) | Error::NoAddress(_));
                status = status.max(if known { 1 } else { 2 });
            }
            Err(_) => status = 2,
        }
    }
    ExitCode::from(status)
}

fn answer(resolver: &Resolver, name: &str) -> Result<String, Error> {
    let found = match name.parse::<IpAddr>() {
        Ok(ip) => resolver.reverse(ip)?,
        Err(_) => resolver
            .lookup(name)?
            .iter()
            .map(IpAddr::to_string)
            .collect(),
    };
    Ok(format!("{name}: {}", found.join(", ")))
}
