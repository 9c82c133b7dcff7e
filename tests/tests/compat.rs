//! Sockets for futures: does readiness wake the future that `block_on` runs, on a thread and in a
//! process?

use std::future::Future;
use std::io::{self, Read, Write};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use std_net::compat::{Compat, CompatExt};
use std_net::process::{self, block_on, delay};
use std_net::socket::{TcpListener, TcpStream};
use std_net::unix::UnixStream;
use std_net_tests::{LIMIT, again, both, is_again, keeps_the_count, tcp_pair, within};

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Count>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Runs several futures at once. When any of them is woken, all are polled.
async fn join_all<F: Future<Output = ()>>(futures: Vec<F>) {
    let mut left: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(move |cx| {
        left.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if left.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

async fn read_one(stream: &mut Compat<TcpStream>) -> io::Result<u8> {
    let mut byte = [0];
    loop {
        stream.readable().await?;
        match stream.get_ref().try_read(&mut byte) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => return Ok(byte[0]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
}

#[test]
fn a_future_is_woken_by_data() {
    both(|| {
        let (client, server) = tcp_pair();
        let mut server = server.compat().unwrap();
        let writer = process::spawn(move || {
            let mut client = client;
            for byte in 0..200 {
                client.write_all(&[byte]).unwrap();
                process::yield_now();
            }
        });
        block_on(async {
            for byte in 0..200 {
                assert_eq!(read_one(&mut server).await.unwrap(), byte);
            }
            let end = read_one(&mut server).await.unwrap_err();
            assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
        });
        writer.join().unwrap();
    });
}

#[test]
fn many_futures_share_one_process() {
    both(|| {
        let (clients, servers): (Vec<_>, Vec<_>) = (0..50).map(|_| tcp_pair()).unzip();
        let readers = servers.into_iter().map(|server| {
            let mut server = server.compat().unwrap();
            async move {
                assert_eq!(read_one(&mut server).await.unwrap(), b'x');
                server.writable().await.unwrap();
                assert_eq!(server.get_ref().try_write(b"y").unwrap(), 1);
            }
        });
        let readers: Vec<_> = readers.collect();
        let answers = process::spawn(move || {
            // Begin with the last, so that the order of events is not that of the list.
            for client in clients.iter().rev() {
                (&*client).write_all(b"x").unwrap();
            }
            for client in &clients {
                let mut byte = [0];
                (&*client).read_exact(&mut byte).unwrap();
                assert_eq!(&byte, b"y");
            }
        });
        block_on(join_all(readers));
        answers.join().unwrap();
    });
}

#[test]
fn room_to_send_wakes_too() {
    both(|| {
        let (a, b) = UnixStream::pair().unwrap();
        let mut a = a.compat().unwrap();
        while a.get_ref().try_write(&[0; 4096]).is_ok() {}
        let reader = process::spawn(move || {
            let mut b = b;
            let mut all = Vec::new();
            b.read_to_end(&mut all).unwrap();
            all.len()
        });
        block_on(async {
            loop {
                a.writable().await.unwrap();
                match a.get_ref().try_write(b"more") {
                    Ok(n) => return assert!(n > 0),
                    Err(e) => assert_eq!(e.kind(), io::ErrorKind::WouldBlock),
                }
            }
        });
        drop(a);
        assert!(reader.join().unwrap() > 4096);
    });
}

#[test]
fn a_listener_is_readable_when_someone_connects() {
    both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let mut listener = listener.compat().unwrap();
        let client = process::spawn(move || TcpStream::connect(addr).unwrap());
        let (stream, peer) = block_on(async {
            loop {
                listener.readable().await.unwrap();
                match listener.get_ref().try_accept() {
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                    other => return other.unwrap(),
                }
            }
        });
        assert_eq!(client.join().unwrap().local_addr().unwrap(), peer);
        assert_eq!(stream.peer_addr().unwrap(), peer);
    });
}

#[test]
fn the_deadline_of_the_socket_ends_a_future() {
    both(|| {
        let (_client, server) = tcp_pair();
        let mut server = server.compat().unwrap();
        let start = Instant::now();
        server.get_ref().set_deadline(Duration::from_millis(20));
        let error = block_on(server.readable()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() >= Duration::from_millis(20));
    });
}

#[test]
fn a_cancel_ends_a_future_that_waits_for_a_socket() {
    within(LIMIT, || {
        let (_client, server) = tcp_pair();
        let (began, begins) = process::channel::bounded(1);
        let handle = process::spawn(move || {
            let mut server = server.compat().unwrap();
            began.send(()).unwrap();
            block_on(server.readable()).unwrap_err()
        });
        begins.recv().unwrap();
        handle.cancel();
        assert!(process::is_cancelled(&handle.join().unwrap()));
    });
}

#[test]
fn a_waker_that_has_changed_is_the_one_that_is_woken() {
    both(|| {
        let (mut client, server) = tcp_pair();
        let mut server = server.compat().unwrap();
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        {
            let mut future = pin!(server.readable());
            for count in [&first, &second] {
                let waker = Waker::from(Arc::clone(count));
                let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
            }
        }
        client.write_all(b"x").unwrap();
        // Only the second waker is still registered, and `read_one` finds the data.
        assert_eq!(block_on(read_one(&mut server)).unwrap(), b'x');
        assert_eq!(first.0.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_future_may_begin_in_one_process_and_end_in_another() {
    both(|| {
        let (mut client, server) = tcp_pair();
        let mut server = server.compat().unwrap();
        let mut server = process::spawn(move || {
            let waker = Waker::from(Arc::new(Count::default()));
            {
                let future = pin!(server.readable());
                assert!(future.poll(&mut Context::from_waker(&waker)).is_pending());
            }
            server
        })
        .join()
        .unwrap();
        let reader = process::spawn(move || block_on(read_one(&mut server)).unwrap());
        client.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), b'x');
    });
}

#[test]
fn the_socket_comes_back_as_it_was() {
    if !is_again() {
        // The other tests here open descriptors too, so this one counts in a program of its own.
        let output = again("the_socket_comes_back_as_it_was", &[]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}");
        return;
    }
    keeps_the_count(|| {
        let (mut client, server) = tcp_pair();
        let mut server = server.compat().unwrap();
        client.write_all(b"x").unwrap();
        assert_eq!(block_on(read_one(&mut server)).unwrap(), b'x');
        let mut server = server.into_inner();
        client.write_all(b"yz").unwrap();
        let mut rest = [0; 2];
        server.read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"yz");
    });
}

/// Notes that a delay is over, and wakes the future that waits for several.
struct Over {
    number: u32,
    order: Arc<Mutex<Vec<u32>>>,
    all: Waker,
}

impl Wake for Over {
    fn wake(self: Arc<Over>) {
        self.order.lock().unwrap().push(self.number);
        self.all.wake_by_ref();
    }
}

/// Compares the wake-ups. They come in order, however late the thread looks at the time.
#[test]
fn delays_end_in_their_order() {
    both(|| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut unit = Duration::from_millis(10);
        let mut start = Instant::now();
        let mut delays = Vec::new();
        block_on(std::future::poll_fn(|cx| {
            while delays.is_empty() {
                start = Instant::now();
                delays.extend([3, 1, 2].map(|number| delay(start + unit * number)));
                let all_wait = delays.iter_mut().zip([3, 1, 2]).all(|(delay, number)| {
                    let waker = Waker::from(Arc::new(Over {
                        number,
                        order: Arc::clone(&order),
                        all: cx.waker().clone(),
                    }));
                    let mut cx = Context::from_waker(&waker);
                    Pin::new(delay).poll(&mut cx).is_pending()
                });
                if !all_wait {
                    // A delay that is over at its first poll wakes nobody: try longer ones.
                    delays.clear();
                    unit *= 2;
                }
            }
            if order.lock().unwrap().len() < delays.len() {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        }));
        assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
        assert!(start.elapsed() >= 3 * unit);
    });
}

#[test]
fn a_delay_that_is_dropped_or_moved_wakes_nobody_early() {
    both(|| {
        let start = Instant::now();
        block_on(async {
            let waker = Waker::from(Arc::new(Count::default()));
            let mut dropped = Box::pin(delay(start + Duration::from_secs(3600)));
            assert!(
                dropped
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            drop(dropped);
            let mut moved = delay(start + Duration::from_secs(3600));
            assert!(
                std::pin::Pin::new(&mut moved)
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            moved.reset(start + Duration::from_millis(10));
            moved.await;
        });
        assert!(start.elapsed() >= Duration::from_millis(10));
        assert!(start.elapsed() < Duration::from_secs(60));
    });
}

#[test]
fn a_future_that_never_waits_leaves_others_their_turn() {
    within(LIMIT, || {
        std_net::runtime::Builder::new().workers(1).start().ok();
        let (done, is_done) = process::channel::bounded(1);
        let busy = process::spawn(move || {
            block_on(std::future::poll_fn(|cx| match is_done.try_recv() {
                Ok(()) => Poll::Ready(()),
                Err(_) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            }));
        });
        process::spawn(move || done.send(()).unwrap())
            .join()
            .unwrap();
        busy.join().unwrap();
    });
}

/// Several waits in the middle of a poll: each may take a wake-up that was for the future.
#[test]
fn a_wait_in_the_middle_of_a_poll_takes_no_wake_up_from_the_future() {
    both(|| {
        within(LIMIT, || {
            for round in 0..20 {
                let (client, server) = tcp_pair();
                let (other_client, other) = tcp_pair();
                let mut server = server.compat().unwrap();
                let (go, wait) = process::channel::bounded::<()>(1);
                let writer = process::spawn(move || {
                    wait.recv().unwrap();
                    // The reader is inside its poll now, and waits there for the second stream.
                    client.write_string("x").unwrap();
                    for _ in 0..round % 3 {
                        process::yield_now();
                    }
                    other_client.write_string("y").unwrap();
                    (client, other_client)
                });
                let mut first = true;
                let mut read = Box::pin(async move { read_one(&mut server).await });
                let byte = block_on(std::future::poll_fn(|cx| {
                    let polled = read.as_mut().poll(cx);
                    if std::mem::take(&mut first) {
                        assert!(polled.is_pending());
                        go.send(()).unwrap();
                        assert_eq!(other.read_string(1).unwrap(), "y");
                        block_on(delay(Duration::from_micros(100)));
                    }
                    polled
                }));
                assert_eq!(byte.unwrap(), b'x');
                drop(writer.join().unwrap());
            }
        });
    });
}

#[test]
fn one_future_waits_for_two_sockets_in_any_order() {
    both(|| {
        within(LIMIT, || {
            let (first_client, first) = tcp_pair();
            let (second_client, second) = tcp_pair();
            let writer = process::spawn(move || {
                for turn in 0..100_u8 {
                    let order = [&first_client, &second_client];
                    for i in 0..2 {
                        (&mut &*order[usize::from(turn + i) % 2])
                            .write_all(&[turn])
                            .unwrap();
                        process::yield_now();
                    }
                }
            });
            let all = |stream: TcpStream| async move {
                let mut stream = stream.compat().unwrap();
                for turn in 0..100 {
                    assert_eq!(read_one(&mut stream).await.unwrap(), turn);
                }
            };
            block_on(join_all(vec![all(first), all(second)]));
            writer.join().unwrap();
        });
    });
}

#[test]
fn after_its_future_a_process_waits_for_other_things_as_ever() {
    both(|| {
        within(LIMIT, || {
            let (client, server) = tcp_pair();
            let mut server = server.compat().unwrap();
            for turn in 0..50_u8 {
                let (go, wait) = process::channel::bounded(1);
                let writer = {
                    let client = client.try_clone().unwrap();
                    process::spawn(move || {
                        (&client).write_all(&[turn]).unwrap();
                        go.send(turn).unwrap();
                    })
                };
                assert_eq!(block_on(read_one(&mut server)).unwrap(), turn);
                assert_eq!(wait.recv().unwrap(), turn);
                writer.join().unwrap();
                // The same socket by a plain wait, and by a wait that ends before anything comes.
                let never =
                    process::block_on_deadline(server.readable(), Duration::from_micros(50));
                assert!(never.is_err());
                (&client).write_all(&[turn]).unwrap();
                let mut byte = [0];
                (&mut server.get_ref()).read_exact(&mut byte).unwrap();
                assert_eq!(byte[0], turn);
            }
        });
    });
}

/// A socket that was only read so far is written at once, without a wait for an event.
#[test]
fn the_first_write_is_tried_at_once() {
    within(LIMIT, || {
        std_net::runtime::Builder::new().workers(1).start().ok();
        let polls = process::spawn(|| {
            let (_client, server) = tcp_pair();
            let mut server = server.compat().unwrap();
            let never = process::block_on_deadline(server.readable(), Duration::from_micros(50));
            assert!(never.is_err());
            let mut polls = 0;
            let mut write = Box::pin(server.writable());
            block_on(std::future::poll_fn(|cx| {
                polls += 1;
                write.as_mut().poll(cx)
            }))
            .unwrap();
            polls
        });
        assert_eq!(polls.join().unwrap(), 1);
    });
}
