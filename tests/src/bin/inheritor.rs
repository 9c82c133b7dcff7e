//! Prints what was passed to it: the name and the kind of each socket, and whether the environment
//! still has the variables. Then it answers one connection on each listener.

use std::env;
use std::error::Error;
use std::os::fd::AsFd;

use std_net::activation::{self, Inherited};
#[cfg(feature = "interpose")]
use std_net_interpose as _;

fn main() -> Result<(), Box<dyn Error>> {
    let all = activation::inherited()?;
    println!("{} sockets", all.len());
    let told = env::var_os("LISTEN_FDS").is_some() || env::var_os("LISTEN_PID").is_some();
    println!("environment {}", if told { "kept" } else { "cleared" });
    println!("again {}", activation::inherited()?.len());
    let cloexec = |one: &Inherited| {
        let fd = std::os::fd::AsRawFd::as_raw_fd(&one.as_fd());
        std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}"))
            .is_ok_and(|text| text.contains("flags:\t02"))
    };
    for one in all {
        let cloexec = if cloexec(&one) { "cloexec" } else { "open" };
        let name = one.name().unwrap_or("-").to_owned();
        let kind = describe(one)?;
        println!("{name} {kind} {cloexec}");
    }
    Ok(())
}

fn describe(one: Inherited) -> Result<&'static str, Box<dyn Error>> {
    let one = match one.udp_socket() {
        Ok(_) => return Ok("udp"),
        Err(wrong) => wrong.into_inherited(),
    };
    let one = match one.unix_datagram() {
        Ok(_) => return Ok("unix-datagram"),
        Err(wrong) => wrong.into_inherited(),
    };
    let one = match one.unix_seqpacket_listener() {
        Ok(_) => return Ok("unix-seqpacket-listener"),
        Err(wrong) => wrong.into_inherited(),
    };
    let one = match one.unix_listener() {
        Ok(listener) => {
            listener.accept()?.0.write_string("hello")?;
            return Ok("unix-listener");
        }
        Err(wrong) => wrong.into_inherited(),
    };
    match one.tcp_listener() {
        Ok(listener) => {
            listener.accept()?.0.write_string("hello")?;
            Ok("tcp-listener")
        }
        Err(wrong) => {
            assert!(
                wrong.to_string().contains("is not a TcpListener"),
                "{wrong}"
            );
            Ok("something else")
        }
    }
}
