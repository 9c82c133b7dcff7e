//! An entered span belongs to its process, and not to the thread that several processes share.

use std::sync::Arc;
use std::time::Duration;

use std_net::process::{self, Builder};
use std_net_interpose as _;
use std_net_tests::{LIMIT, both, tcp_pair, within};
use std_net_tests_tracing::{heard, listen};
use tracing::{info, info_span};

/// Returns the spans of the only event with this text.
fn spans_of(text: &str) -> String {
    let heard = heard(text);
    assert_eq!(heard.len(), 1, "{heard:?}");
    heard[0].spans.clone()
}

#[test]
fn each_process_logs_in_its_own_spans() {
    listen();
    within(LIMIT, || {
        let requests: Vec<_> = (0..20)
            .map(|id| {
                process::spawn(move || {
                    let _request = info_span!("request", id).entered();
                    process::yield_now();
                    let query = info_span!("query", id);
                    query.in_scope(|| {
                        process::sleep(Duration::from_millis(5));
                        info!("answers={id}.");
                    });
                    process::yield_now();
                    info!("done={id}.");
                })
            })
            .collect();
        for request in requests {
            request.join().unwrap();
        }
        for id in 0..20 {
            let request = format!("request{{id={id}}}");
            assert_eq!(spans_of(&format!("done={id}.")), request);
            let query = format!("{request}:query{{id={id}}}");
            assert_eq!(spans_of(&format!("answers={id}.")), query);
        }
    });
}

#[test]
fn a_span_stays_entered_while_a_socket_is_waited_for() {
    listen();
    both(|| {
        let name = if process::current().is_some() {
            "in a process"
        } else {
            "on a thread"
        };
        let (mut client, mut server) = tcp_pair();
        let _connection = info_span!("connection", place = name).entered();
        let other = process::spawn(move || {
            // This process is not in the span of the process that spawned it, and that process is not
            // in this span.
            let _other = info_span!("other").entered();
            info!("other {name}.");
            use std::io::Write;
            client.write_all(b"x").unwrap();
            client
        });
        use std::io::Read;
        server.read_exact(&mut [0]).unwrap();
        info!("read {name}.");
        drop(other.join().unwrap());
        assert_eq!(spans_of(&format!("other {name}.")), "other{}");
        assert_eq!(
            spans_of(&format!("read {name}.")),
            format!("connection{{place=\"{name}\"}}")
        );
    });
}

#[test]
fn a_span_that_a_process_leaves_entered_ends_with_it() {
    listen();
    within(LIMIT, || {
        for _ in 0..20 {
            let leaves = process::spawn(|| std::mem::forget(info_span!("left").entered()));
            leaves.join().unwrap();
        }
        let after: Vec<_> = (0..20)
            .map(|_| process::spawn(|| info!("after those that were left")))
            .collect();
        for process in after {
            process.join().unwrap();
        }
        let heard = heard("after those that were left");
        assert_eq!(heard.len(), 20);
        assert!(
            heard.iter().all(|event| event.spans.is_empty()),
            "{heard:?}"
        );
    });
}

#[test]
fn a_panic_leaves_its_spans() {
    listen();
    within(LIMIT, || {
        let panics = process::spawn(|| {
            let _span = info_span!("panics").entered();
            process::yield_now();
            panic!("on purpose");
        });
        assert!(panics.join().is_err());
        for _ in 0..8 {
            process::spawn(|| info!("after the panic")).join().unwrap();
        }
        assert!(heard("after the panic").iter().all(|e| e.spans.is_empty()));
    });
}

#[test]
fn a_threadlike_process_has_its_own_spans_too() {
    listen();
    within(LIMIT, || {
        let requests: Vec<_> = (0..8)
            .map(|id| {
                let threadlike = Builder::new().threadlike(id % 2 == 0);
                let run = move || {
                    let _mixed = info_span!("mixed", id).entered();
                    process::sleep(Duration::from_millis(2));
                    info!("mixed={id}.");
                };
                threadlike.spawn(run).unwrap()
            })
            .collect();
        for request in requests {
            request.join().unwrap();
        }
        for id in 0..8 {
            let spans = spans_of(&format!("mixed={id}."));
            assert_eq!(spans, format!("mixed{{id={id}}}"));
        }
    });
}

#[test]
fn a_span_ends_when_its_last_process_has_left_it() {
    /// Notes that the span was closed.
    struct OnClose(Arc<std::sync::atomic::AtomicUsize>);

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for OnClose {
        fn on_close(&self, _: tracing::span::Id, _: tracing_subscriber::layer::Context<'_, S>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }

    use tracing_subscriber::layer::SubscriberExt as _;
    if !std_net_tests::is_again() {
        // This needs a program of its own, because it sets a subscriber.
        let output = std_net_tests::again("a_span_ends_when_its_last_process_has_left_it", &[]);
        assert!(output.status.success(), "{output:?}");
        return;
    }
    let closed = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let subscriber = tracing_subscriber::registry().with(OnClose(Arc::clone(&closed)));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    within(LIMIT, || {
        let all: Vec<_> = (0..10)
            .map(|_| {
                process::spawn(|| {
                    let _span = info_span!("closes").entered();
                    for _ in 0..10 {
                        process::yield_now();
                    }
                })
            })
            .collect();
        for process in all {
            process.join().unwrap();
        }
        assert_eq!(closed.load(std::sync::atomic::Ordering::SeqCst), 10);
    });
}
