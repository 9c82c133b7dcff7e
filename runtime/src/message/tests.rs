//! Tests with control data made by hand, and with descriptors that no code takes.

use super::*;

/// The items of control data made by hand. They contain no descriptors of this process.
fn items(words: &[Word], len: usize) -> Vec<String> {
    // SAFETY: the words of these tests contain no descriptors.
    let items = unsafe { Items::new(words, len) };
    items.map(|item| format!("{item:?}")).collect()
}

#[test]
fn what_is_written_is_read() {
    let mut out = Outgoing::new();
    out.packet_info("::1".parse().unwrap(), 7).unwrap();
    out.ttl(255, true).unwrap();
    out.tos(0xb8, true).unwrap();
    let mut expected = vec!["PacketInfo(::1, 7)", "Ttl(255)", "Tos(184)"];
    if cfg!(target_os = "linux") {
        out.ttl(64, false).unwrap();
        expected.push("Ttl(64)");
    }
    assert_eq!(items(&out.words, out.words.len() * WORD), expected);
}

#[test]
fn data_cut_off_anywhere_ends_the_items() {
    let mut out = Outgoing::new();
    out.ttl(1, true).unwrap();
    out.packet_info("::1".parse().unwrap(), 7).unwrap();
    out.ttl(2, true).unwrap();
    let full = out.words.len() * WORD;
    let all = items(&out.words, full);
    assert_eq!(all.len(), 3);
    for len in 0..full {
        let some = items(&out.words, len);
        assert_eq!(some, all[..some.len()], "{len} bytes");
    }
}

#[test]
fn impossible_lengths_end_the_items() {
    for len in [0, 1, header_len() - 1, usize::MAX, usize::MAX - 7, 1 << 20] {
        let mut out = Outgoing::new();
        out.ttl(1, true).unwrap();
        out.ttl(2, true).unwrap();
        // `cmsg_len` is the first field of a header.
        out.words[0] = len as Word;
        assert!(
            items(&out.words, out.words.len() * WORD).is_empty(),
            "{len}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_payload_that_is_too_short_is_passed_over() {
    let mut out = Outgoing::new();
    out.push(libc::SOL_SOCKET, libc::SCM_CREDENTIALS, &1u8);
    out.push(libc::SOL_SOCKET, /* SCM_PIDFD */ 4, &-3);
    out.push(libc::IPPROTO_IP, libc::IP_TTL, &256);
    out.push(libc::IPPROTO_IP, libc::IP_RECVERR, &1u8);
    out.push(4711, 4712, &1u8);
    out.ttl(2, false).unwrap();
    assert_eq!(items(&out.words, out.words.len() * WORD), ["Ttl(2)"]);
}

#[cfg(target_os = "linux")]
#[test]
fn room_is_for_what_it_says() {
    assert_eq!(
        unix_room(1) * WORD,
        space(FD) + space(FD) + space(mem::size_of::<libc::ucred>())
    );
    assert_eq!(unix_room(usize::MAX), unix_room(MAX_DESCRIPTORS));
    let packet = [
        mem::size_of::<libc::in_pktinfo>(),
        mem::size_of::<libc::in6_pktinfo>(),
        FD,
        FD,
        1,
        FD,
        mem::size_of::<libc::timespec>(),
        FD,
        mem::size_of::<libc::sock_extended_err>() + mem::size_of::<libc::sockaddr_in6>(),
        mem::size_of::<libc::sock_extended_err>() + mem::size_of::<libc::sockaddr_in>(),
    ];
    assert!(packet.into_iter().map(space).sum::<usize>() <= PACKET_ROOM * WORD);
}

/// The reading end of a pipe. Its only writing end is on its way to the `Io`.
fn pipe_on_its_way() -> (io::PipeReader, Io) {
    use std::os::fd::AsFd;
    let (reader, writer) = io::pipe().unwrap();
    let (a, b) = Io::pair(socket2::Domain::UNIX, socket2::Type::DGRAM, None).unwrap();
    let mut out = Outgoing::new();
    out.descriptors(&[writer.as_fd()]);
    a.send_message(&[IoSlice::new(b"x")], None, &out, 0)
        .unwrap();
    (reader, b)
}

/// Reads to the end. This waits for ever if a writing end is left open.
fn has_ended(mut reader: io::PipeReader) -> bool {
    use std::io::Read;
    reader.read(&mut [0; 8]).unwrap() == 0
}

#[test]
fn what_nobody_takes_is_closed() {
    let mut room = [0; 16];

    let (reader, io) = pipe_on_its_way();
    let mut control = Control::new(&mut room);
    io.recv_message(&mut [], &mut control, 0).unwrap();
    drop(control);
    assert!(has_ended(reader), "with the room");

    let (reader, io) = pipe_on_its_way();
    let mut control = Control::new(&mut room);
    io.recv_message(&mut [], &mut control, 0).unwrap();
    assert!(
        io.recv_message(&mut [], &mut control, libc::MSG_DONTWAIT)
            .is_err()
    );
    assert!(has_ended(reader), "before the next message");

    let (reader, io) = pipe_on_its_way();
    let mut batch = RecvBatch::new(2, 8, unix_room(1));
    assert_eq!(io.recv_messages(&mut batch, 0).unwrap(), 1);
    assert_eq!(batch.data(0), b"x");
    drop(batch);
    assert!(has_ended(reader), "with the batch");

    let (reader, io) = pipe_on_its_way();
    let mut batch = RecvBatch::new(2, 8, unix_room(1));
    assert_eq!(io.recv_messages(&mut batch, 0).unwrap(), 1);
    assert!(matches!(batch.items(0).next(), Some(Item::Descriptor(_))));
    assert!(batch.items(0).next().is_none());
    assert!(has_ended(reader), "by who took it");
}

#[test]
#[should_panic(expected = "fits into memory")]
fn a_batch_that_cannot_be_is_no_short_one() {
    let _ = RecvBatch::new(1024, usize::MAX / 512, 1);
}

#[test]
fn a_batch_keeps_what_is_not_sent() {
    let (a, b) = Io::pair(socket2::Domain::UNIX, socket2::Type::DGRAM, None).unwrap();
    let (reader, writer) = io::pipe().unwrap();
    let mut out = SendBatch::new();
    for n in 0..2000_u16 {
        out.push(&n.to_be_bytes(), None, |control| {
            use std::os::fd::AsFd;
            if n == 7 {
                control.descriptors(&[writer.as_fd()]);
            }
            Ok(())
        })
        .unwrap();
    }
    let failed = out.push(b"never", None, |control| {
        control.ttl(1, false).unwrap();
        Err(io::ErrorKind::InvalidInput.into())
    });
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    out.skip(3);
    let mut came = RecvBatch::new(16, 8, unix_room(1));
    let mut expected = 3..2000_u16;
    while !out.is_empty() {
        let before = out.len();
        // The queue of a Unix datagram socket is short, so only some of these messages can be sent.
        let sent = a.send_messages(&mut out, libc::MSG_DONTWAIT).unwrap();
        assert!(sent > 0 && sent < 1000);
        assert_eq!(out.len(), before - sent);
        let mut left = sent;
        while left > 0 {
            left -= b.recv_messages(&mut came, 0).unwrap();
            for index in 0..came.len() {
                let number = expected.next().unwrap();
                assert_eq!(came.data(index), number.to_be_bytes());
                assert_eq!(came.items(index).count(), usize::from(number == 7));
            }
        }
    }
    assert_eq!(expected.next(), None);
    assert_eq!(a.send_messages(&mut out, 0).unwrap(), 0, "nothing to send");
    drop(out);
    drop(writer);
    assert!(has_ended(reader));
}
