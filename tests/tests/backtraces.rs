//! Does `process::backtraces` say in which function of the program each process waits?

use std::backtrace::Backtrace;
use std::hint;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use std_net::process::{self, Event, Mutex, Process, ProcessId, State, channel};
use std_net::socket::{TcpListener, TcpStream};
use std_net_tests::both;

static DONE: AtomicBool = AtomicBool::new(true);

/// A process whose worker is busy cannot answer for some time, so no test waits for all answers.
const SHORT: Duration = Duration::from_millis(20);

/// Asks until this process has answered. At first it may not wait yet.
fn trace_of(id: ProcessId) -> String {
    let find = |all: Vec<(ProcessId, Backtrace)>| all.into_iter().find(|(found, _)| *found == id);
    loop {
        if let Some((_, trace)) = find(process::backtraces(SHORT)) {
            return trace.to_string();
        }
        process::yield_now();
    }
}

fn wait_for_state(process: &Process, state: impl Fn(State) -> bool) {
    let is = |p: &process::Listed| p.id == process.id() && state(p.state);
    while !process::list().iter().any(is) {
        process::yield_now();
    }
}

#[inline(never)]
fn reads_the_request(mut stream: TcpStream) -> std::io::Result<usize> {
    hint::black_box(stream.read(&mut [0; 16]))
}

#[inline(never)]
fn waits_for_a_customer(listener: &TcpListener) {
    hint::black_box(listener.accept()).unwrap();
}

#[inline(never)]
fn takes_from_the_queue(queue: &channel::Receiver<u8>) {
    hint::black_box(queue.recv()).unwrap();
}

#[inline(never)]
fn sleeps_on_the_sofa() {
    process::sleep(Duration::MAX);
    // So that the call above is not a jump, which would leave no frame.
    hint::black_box(&DONE);
}

#[inline(never)]
fn waits_for_the_key(key: &Mutex<u8>) {
    *hint::black_box(key.lock()) += 1;
}

#[inline(never)]
fn waits_for_its_child(open: Arc<(Event, AtomicBool)>) {
    let wait = move || {
        let (event, open) = &*open;
        event.wait_until(|| open.load(Ordering::SeqCst).then_some(()));
    };
    hint::black_box(process::spawn(wait).join()).unwrap();
}

#[test]
fn each_kind_of_wait_is_found_and_goes_on() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        let (served, _) = listener.accept().unwrap();
        let (sender, receiver) = channel::bounded(1);
        let key = Arc::new(Mutex::new(0));
        let locked = key.lock();
        let gate = Arc::new((Event::new(), AtomicBool::new(false)));

        let reader = process::spawn(move || reads_the_request(served).unwrap());
        let acceptor = process::spawn(move || waits_for_a_customer(&listener));
        let taker = process::spawn(move || takes_from_the_queue(&receiver));
        let sleeper = process::spawn(sleeps_on_the_sofa);
        let locker = process::spawn({
            let key = Arc::clone(&key);
            move || waits_for_the_key(&key)
        });
        let parent = process::spawn({
            let gate = Arc::clone(&gate);
            move || waits_for_its_child(gate)
        });
        for (process, function) in [
            (reader.process(), "reads_the_request"),
            (acceptor.process(), "waits_for_a_customer"),
            (taker.process(), "takes_from_the_queue"),
            (sleeper.process(), "sleeps_on_the_sofa"),
            (locker.process(), "waits_for_the_key"),
            (parent.process(), "waits_for_its_child"),
        ] {
            let trace = trace_of(process.id());
            assert!(trace.contains(function), "{function} is not in\n{trace}");
        }

        // The question has not ended any wait.
        client.write_all(b"abc").unwrap();
        assert_eq!(reader.join().unwrap(), 3);
        drop(TcpStream::connect(address).unwrap());
        acceptor.join().unwrap();
        sender.send(1).unwrap();
        taker.join().unwrap();
        sleeper.cancel();
        sleeper.join().unwrap();
        drop(locked);
        locker.join().unwrap();
        gate.1.store(true, Ordering::SeqCst);
        gate.0.notify_all();
        parent.join().unwrap();
    });
}

#[test]
fn a_process_that_computes_is_missing() {
    // The caller is a thread. A process could be on the same worker as the computation, which holds it.
    let end = Arc::new(AtomicBool::new(false));
    let busy = process::spawn({
        let end = Arc::clone(&end);
        move || {
            while !end.load(Ordering::SeqCst) {
                hint::spin_loop();
            }
        }
    });
    let id = busy.process().id();
    wait_for_state(busy.process(), |s| s == State::Running);
    let all = process::backtraces(SHORT);
    assert!(all.iter().all(|(found, _)| *found != id));
    end.store(true, Ordering::SeqCst);
    busy.join().unwrap();
}

#[test]
fn several_can_ask_at_once() {
    let sleepers: Vec<_> = (0..20)
        .map(|_| process::spawn(sleeps_on_the_sofa))
        .collect();
    for sleeper in &sleepers {
        wait_for_state(sleeper.process(), |s| s == State::Sleeping);
    }
    let ask = || {
        let all = process::backtraces(SHORT);
        assert!(all.is_sorted_by_key(|(id, _)| *id));
        sleepers.iter().all(|sleeper| {
            let id = sleeper.process().id();
            // A process that was just awake for another caller may have missed the question.
            all.iter().filter(|(found, _)| *found == id).count() <= 1
        })
    };
    thread::scope(|s| {
        let askers: Vec<_> = (0..4).map(|_| s.spawn(ask)).collect();
        for asker in askers {
            assert!(asker.join().unwrap());
        }
    });
    for sleeper in sleepers {
        assert!(trace_of(sleeper.process().id()).contains("sleeps_on_the_sofa"));
        sleeper.cancel();
        sleeper.join().unwrap();
    }
}

#[test]
fn processes_that_come_and_go_do_not_disturb() {
    let end = Arc::new(AtomicBool::new(false));
    let churn = thread::spawn({
        let end = Arc::clone(&end);
        move || {
            while !end.load(Ordering::SeqCst) {
                let all: Vec<_> = (0..50)
                    .map(|_| process::spawn(|| process::sleep(Duration::from_micros(50))))
                    .collect();
                for one in all {
                    one.join().unwrap();
                }
            }
        }
    });
    for _ in 0..200 {
        let _ = process::backtraces(SHORT);
    }
    end.store(true, Ordering::SeqCst);
    churn.join().unwrap();
}
