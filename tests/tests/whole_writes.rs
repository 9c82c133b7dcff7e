//! Does one `write` take all bytes, as with a blocking socket of std? Code that ignores the returned
//! count would lose the rest.

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use std_net::process;
use std_net::unix::{Ancillary, UnixStream};
use std_net_tests::{both, tcp_pair};

/// More bytes than all buffers hold.
const LARGE: usize = 8 << 20;

/// Writes once, and checks that the other end gets all bytes.
fn once<S: Read + Write + Send + 'static>(
    (mut a, mut b): (S, S),
    write: impl FnOnce(&mut S, &[u8]) -> std::io::Result<usize>,
) {
    // They begin anew after so many. A debug build would take long to compute each.
    let first: Vec<u8> = (0..3 * 251).map(|i| (i / 3 % 251) as u8).collect();
    let mut data = first.repeat(LARGE.div_ceil(first.len()));
    data.truncate(LARGE);
    let reader = process::spawn(move || {
        let mut got = Vec::new();
        b.read_to_end(&mut got).unwrap();
        got
    });
    assert_eq!(write(&mut a, &data).unwrap(), LARGE);
    drop(a);
    assert!(reader.join().unwrap() == data);
}

fn in_slices(data: &[u8]) -> Vec<IoSlice<'_>> {
    data.chunks(LARGE / 1000)
        .take(1024)
        .map(IoSlice::new)
        .collect()
}

#[test]
fn one_write_takes_all() {
    both(|| {
        once(tcp_pair(), |a, data| a.write(data));
        once(UnixStream::pair().unwrap(), |a, data| a.write(data));
        once(tcp_pair(), |a, data| a.write_vectored(&in_slices(data)));
        once(UnixStream::pair().unwrap(), |a, data| {
            a.write_vectored(&in_slices(data))
        });
        once(UnixStream::pair().unwrap(), |a, data| {
            a.send_ancillary(data, &Ancillary::new())
        });
        once(tcp_pair(), |a, data| {
            a.set_deadline(Duration::from_secs(3600));
            a.write(data)
        });
        once(tcp_pair(), |a, data| {
            a.set_write_timeout(Some(Duration::from_secs(3600)))?;
            a.write(data)
        });
    });
}

#[test]
fn what_ends_it_before_leaves_a_count() {
    both(|| {
        let (a, b) = tcp_pair();
        a.set_deadline(Duration::from_secs(3600));
        let a = Arc::new(a);
        let other = Arc::clone(&a);
        let ender = process::spawn(move || {
            // Wait until the write has begun.
            b.peek(&mut [0]).unwrap();
            other.set_deadline(Duration::ZERO);
            b
        });
        let taken = (&*a).write(&vec![0; LARGE]).unwrap();
        assert!(0 < taken && taken < LARGE);
        let error = (&*a).write(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "the next one's");
        ender.join().unwrap();

        let (mut a, _b) = tcp_pair();
        a.set_write_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let taken = a.write(&vec![0; LARGE]).unwrap();
        assert!(0 < taken && taken < LARGE);

        let (mut a, _b) = tcp_pair();
        a.set_nonblocking(true).unwrap();
        let taken = a.write(&vec![0; LARGE]).unwrap();
        assert!(0 < taken && taken < LARGE);

        let (a, _b) = tcp_pair();
        let taken = a.try_write(&vec![0; LARGE]).unwrap();
        assert!(0 < taken && taken < LARGE);
    });
}

#[test]
fn a_cancel_leaves_a_count() {
    both(|| {
        let (mut a, b) = tcp_pair();
        let writer = process::spawn(move || {
            let taken = a.write(&vec![0; LARGE]).unwrap();
            (taken, a.write_all(&vec![0; LARGE]).unwrap_err())
        });
        process::sleep(Duration::from_millis(20));
        writer.cancel();
        let (taken, error) = writer.join().unwrap();
        assert!(0 < taken && taken < LARGE);
        assert!(process::is_cancelled(&error), "{error}");
        drop(b);
    });
}
