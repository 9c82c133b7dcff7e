//! Shows what spans cost a switch between processes: the nanoseconds of a `yield_now`, as the minimum
//! of several rounds. It measures without a subscriber, with a subscriber and no entered span, and with
//! entered spans.
//!
//!     cargo run --release -p std_net_tests_tracing --example switch_cost

use std::hint::black_box;
use std::time::Instant;

use std_net::{process, runtime};
use tracing::{dispatcher, info_span};

const TURNS: u32 = 1_000_000;

fn main() -> std::io::Result<()> {
    runtime::Builder::new().run(|| {
        report("a switch, no subscriber", process::yield_now);
        report("what is asked at each", ask);
        let subscriber = tracing_subscriber::registry();
        tracing::subscriber::set_global_default(subscriber).expect("there is no other one");
        report(
            "a switch, a subscriber, nothing entered",
            process::yield_now,
        );
        report("what is asked at each", ask);
        let _outer = info_span!("outer").entered();
        report("a switch, one span entered", process::yield_now);
        let _inner = info_span!("inner").entered();
        report("a switch, two spans entered", process::yield_now);
    })
}

fn ask() {
    dispatcher::get_default(|dispatch| black_box(dispatch.current_span().id().is_some()));
}

fn report(what: &str, mut f: impl FnMut()) {
    let mut least = f64::MAX;
    for _ in 0..7 {
        let start = Instant::now();
        for _ in 0..TURNS {
            f();
        }
        least = least.min(start.elapsed().as_nanos() as f64 / f64::from(TURNS));
    }
    println!("{least:7.1} ns  {what}");
}
