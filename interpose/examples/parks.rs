//! A hundred processes on one worker sleep and lock as threads do. Ends with an error if one of them does not park.
//! For builds of other kinds: `interpose/builds.sh`.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use std_net_interpose as _;
use std_net_runtime::{process, runtime};

fn main() -> std::io::Result<()> {
    const NAP: Duration = Duration::from_millis(50);
    runtime::Builder::new().workers(1).start()?;
    let sum = Arc::new(Mutex::new(0));
    let begun = Instant::now();
    let mut all = Vec::new();
    for _ in 0..100 {
        let sum = Arc::clone(&sum);
        let builder = process::Builder::new().threadlike(true);
        all.push(builder.spawn(move || {
            std::thread::sleep(NAP);
            *sum.lock().unwrap() += 1;
        })?);
    }
    for one in all {
        one.join().expect("it does not panic");
    }
    assert_eq!(*sum.lock().unwrap(), 100);
    let took = begun.elapsed();
    assert!(took < NAP * 50, "one after another: {took:?}");
    println!("100 sleeps of {NAP:?} in {took:?}");
    Ok(())
}
