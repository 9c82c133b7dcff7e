//! Spans when the calling thread is the worker, and the thread's own spans. This program has only one
//! test.

use std_net::{process, runtime};
use std_net_tests::{LIMIT, within};
use std_net_tests_tracing::{heard, listen};
use tracing::{info, info_span};

#[test]
fn the_thread_has_its_spans_again() {
    listen();
    within(LIMIT, || {
        let _outside = info_span!("outside").entered();
        runtime::Builder::new()
            .run(|| {
                let other = process::spawn(|| {
                    info!("another");
                    process::yield_now();
                    info!("another");
                });
                info!("the first");
                process::yield_now();
                let _inside = info_span!("inside").entered();
                process::yield_now();
                info!("the first, later");
                other.join().unwrap();
            })
            .unwrap();
        info!("the thread");
        let spans = |text| -> Vec<String> {
            let heard = heard(text).into_iter();
            heard.map(|event| event.spans).collect()
        };
        assert_eq!(spans("message=another"), ["", ""]);
        assert_eq!(spans("message=the first, later"), ["outside{}:inside{}"]);
        assert_eq!(spans("message=the first")[0], "outside{}");
        assert_eq!(spans("message=the thread"), ["outside{}"]);
    });
}
