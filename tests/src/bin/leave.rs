//! Returns from `main` while thousands of processes are parked, on sockets and on a channel.

use std_net::process::{self, channel};
use std_net::unix::UnixStream;
#[cfg(feature = "interpose")]
use std_net_interpose as _;

fn main() {
    let (_sender, receiver) = channel::unbounded::<()>();
    let (a, _b) = UnixStream::pair().expect("a pair");
    let a = std::sync::Arc::new(a);
    let count = 5000;
    for i in 0..count {
        let (receiver, a) = (receiver.clone(), std::sync::Arc::clone(&a));
        process::spawn(move || {
            if i % 2 == 0 {
                let _ = receiver.recv();
            } else {
                let _ = a.read_string(1);
            }
        });
    }
    process::spawn(|| ()).join().expect("it does not panic");
    println!("leaving {count}");
}
