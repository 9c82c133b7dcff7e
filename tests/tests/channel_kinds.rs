//! Do the channels for one value, for all receivers and for the newest value deliver to the right
//! receivers, and the right number of times? Which error do they give to a function of I/O when they
//! end?

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use std_net::process::channel::{self, RecvError, SendError, broadcast, oneshot, watch};
use std_net::process::{self, Semaphore};
use std_net_tests::both;

const SOON: Duration = Duration::from_millis(10);

#[test]
fn one_value_once() {
    both(|| {
        let (sender, receiver) = oneshot::channel();
        assert_eq!(receiver.try_recv(), Err(RecvError::Empty));
        assert_eq!(receiver.recv_deadline(SOON), Err(RecvError::TimedOut));
        let asker = process::spawn(move || receiver.recv());
        assert!(!sender.is_closed());
        sender.send(5).unwrap();
        assert_eq!(asker.join().unwrap(), Ok(5));

        let (sender, receiver) = oneshot::channel::<u8>();
        let asker = process::spawn(move || receiver.recv());
        drop(sender);
        assert_eq!(asker.join().unwrap(), Err(RecvError::Closed));

        let (sender, receiver) = oneshot::channel();
        drop(receiver);
        assert!(sender.is_closed());
        assert_eq!(sender.send("back"), Err("back"));

        let (_sender, receiver) = oneshot::channel::<u8>();
        let asker = process::spawn(move || receiver.recv());
        asker.cancel();
        assert_eq!(asker.join().unwrap(), Err(RecvError::Cancelled));

        let (sender, receiver) = oneshot::channel();
        let (_other, never) = channel::bounded::<u8>(1);
        process::spawn(move || sender.send(7));
        let came = process::select! {
            recv(never) => 0,
            recv(receiver) -> n => n.unwrap(),
        };
        assert_eq!(came, Ok(7));
    });
}

#[test]
fn each_value_to_all() {
    both(|| {
        let (sender, mut first) = broadcast::channel(4);
        let mut second = sender.subscribe();
        assert_eq!(sender.send(1), Ok(2));
        let mut late = sender.subscribe();
        assert_eq!(sender.send(2), Ok(3));
        assert_eq!((first.recv(), first.recv()), (Ok(1), Ok(2)));
        assert_eq!((second.recv(), second.recv()), (Ok(1), Ok(2)));
        assert_eq!(
            (late.recv(), late.try_recv()),
            (Ok(2), Err(broadcast::RecvError::Empty))
        );
        assert_eq!(
            late.recv_deadline(SOON),
            Err(broadcast::RecvError::TimedOut)
        );

        // A receiver that waits is woken. A receiver that is too slow learns how many values it has
        // missed.
        let waiter = process::spawn(move || (first.recv(), first));
        for n in 10..16 {
            sender.send(n).unwrap();
        }
        let (got, mut first) = waiter.join().unwrap();
        match got {
            Ok(n) => assert_eq!(n, 10),
            // It looked when five values were sent, or all six.
            Err(broadcast::RecvError::Lagged(missed)) => assert!((1..=2).contains(&missed)),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(second.recv(), Err(broadcast::RecvError::Lagged(2)));
        let rest: Vec<u32> = std::iter::from_fn(|| second.try_recv().ok()).collect();
        assert_eq!(rest, [12, 13, 14, 15]);
        while first.try_recv() != Err(broadcast::RecvError::Empty) {}

        let future = process::select! {
            future(std::pin::pin!(first.next())) -> n => n,
            after(SOON) => Ok(0),
        };
        assert_eq!(future, Ok(Ok(0)));

        let waiter = process::spawn(move || first.recv());
        drop(sender);
        assert_eq!(waiter.join().unwrap(), Err(broadcast::RecvError::Closed));

        // Without a receiver the value comes back. Later values are received again.
        let (sender, receiver) = broadcast::channel(1);
        drop(receiver);
        assert_eq!(sender.send("?"), Err("?"));
        let mut again = sender.subscribe();
        sender.send("!").unwrap();
        assert_eq!(again.recv(), Ok("!"));
    });
}

#[test]
fn the_newest_value_to_all() {
    both(|| {
        let (sender, receiver) = watch::channel(String::from("first"));
        assert!(!receiver.is_changed());
        assert_eq!(receiver.changed_deadline(SOON), Err(RecvError::TimedOut));
        assert_eq!(sender.send("second".into()), "first");
        sender.modify(|value| value.push('!'));
        let other = receiver.clone();
        // The value between these two is gone: only the newest one is kept.
        assert_eq!(receiver.recv().as_deref(), Ok("second!"));
        assert!(!receiver.is_changed() && other.is_changed());
        let followers: Vec<_> = [receiver, sender.subscribe()]
            .into_iter()
            .map(|receiver| process::spawn(move || receiver.recv()))
            .collect();
        sender.send("third".into());
        for follower in followers {
            assert_eq!(follower.join().unwrap().as_deref(), Ok("third"));
        }
        let waiter = process::spawn(move || {
            other.with(|_| ());
            other.changed()
        });
        let clone = sender.clone();
        drop(sender);
        drop(clone);
        assert_eq!(waiter.join().unwrap(), Err(RecvError::Closed));
        // The value that was sent last is received before the end.
        let (sender, receiver) = watch::channel(0);
        sender.send(1);
        drop(sender);
        assert_eq!(
            (receiver.recv(), receiver.recv()),
            (Ok(1), Err(RecvError::Closed))
        );
    });
}

#[test]
fn followers_of_a_value_that_changes_all_the_time_end_with_the_last() {
    both(|| {
        let (sender, receiver) = watch::channel(0u32);
        let followers: Vec<_> = (0..4)
            .map(|_| {
                let receiver = receiver.clone();
                process::spawn(move || {
                    let mut last = 0;
                    while let Ok(value) = receiver.recv() {
                        assert!(value > last);
                        last = value;
                    }
                    last
                })
            })
            .collect();
        for n in 1..=2000 {
            sender.send(n);
            if n % 100 == 0 {
                process::yield_now();
            }
        }
        drop(sender);
        for follower in followers {
            assert_eq!(follower.join().unwrap(), 2000);
        }
    });
}

#[test]
fn the_errors_of_channels_end_a_function_of_io() {
    both(|| {
        fn receive() -> io::Result<u8> {
            let (_, receiver) = channel::bounded(1);
            Ok(receiver.recv()?)
        }
        assert_eq!(receive().unwrap_err().kind(), ErrorKind::UnexpectedEof);
        fn send() -> io::Result<()> {
            let (sender, receiver) = channel::bounded(1);
            drop(receiver);
            sender.send(1)?;
            Ok(())
        }
        assert_eq!(send().unwrap_err().kind(), ErrorKind::BrokenPipe);
        let kinds = [
            (RecvError::Closed.into(), ErrorKind::UnexpectedEof),
            (RecvError::Empty.into(), ErrorKind::WouldBlock),
            (RecvError::TimedOut.into(), ErrorKind::TimedOut),
            (SendError::Full(1).into(), ErrorKind::WouldBlock),
            (SendError::TimedOut(1).into(), ErrorKind::TimedOut),
            (
                broadcast::RecvError::Lagged(3).into(),
                ErrorKind::InvalidData,
            ),
        ];
        for (error, kind) in kinds {
            let error: io::Error = error;
            assert_eq!(error.kind(), kind, "{error}");
        }
        assert!(process::is_cancelled(&RecvError::Cancelled.into()));
        assert!(process::is_cancelled(&SendError::Cancelled(1).into()));
        assert!(process::is_cancelled(
            &broadcast::RecvError::Cancelled.into()
        ));
    });
}

#[test]
fn a_permit_goes_with_what_it_stands_for() {
    both(|| {
        let two = Arc::new(Semaphore::new(2));
        let (sender, receiver) = channel::unbounded();
        for _ in 0..2 {
            let permit = two.acquire_owned();
            sender.send(permit).unwrap();
        }
        assert!(two.try_acquire_owned().is_none());
        let waiter = {
            let two = Arc::clone(&two);
            process::spawn(move || drop(two.acquire_owned()))
        };
        let holder = process::spawn(move || drop(receiver.recv()));
        holder.join().unwrap();
        waiter.join().unwrap();
        // The other value lies in the channel, whose receiver is gone.
        drop(sender);
        assert!(two.try_acquire_owned().is_some());
        let all: Vec<_> = std::iter::from_fn(|| two.try_acquire_owned()).collect();
        assert_eq!(all.len(), 2);
    });
}
