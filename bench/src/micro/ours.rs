//! The measurements with std_net.

use std::io::{self, Read, Write};
use std::time::Instant;

use std_net::process::{self, channel};
use std_net::runtime::Builder;
use std_net::socket::{TcpListener, TcpStream};

use super::{Job, Task, own_cpu, own_memory, wake_after};

pub(super) fn run(job: &Job) -> io::Result<u64> {
    match job.task {
        Task::PingPong => return ping_pong(job.count),
        Task::Calls => return Err(io::Error::other("std's calls are those of `threads`")),
        _ => {}
    }
    Builder::new().workers(job.workers).start()?;
    let (task, count) = (job.task, job.count);
    process::spawn(move || measure(task, count))
        .join()
        .expect("it does not panic")
}

fn measure(task: Task, count: usize) -> io::Result<u64> {
    match task {
        Task::SpawnAll => {
            let once = || {
                let start = Instant::now();
                let all: Vec<_> = (0..count).map(|i| process::spawn(move || i)).collect();
                for (i, one) in all.into_iter().enumerate() {
                    assert_eq!(one.join().expect("it does not panic"), i);
                }
                start.elapsed().as_nanos() as u64
            };
            once();
            Ok(once())
        }
        Task::SpawnOne => {
            let start = Instant::now();
            for i in 0..count {
                assert_eq!(process::spawn(move || i).join().expect("no panic"), i);
            }
            Ok(start.elapsed().as_nanos() as u64)
        }
        Task::Switch => {
            let start = Instant::now();
            let half = count / 2;
            let other = process::spawn(move || (0..half).for_each(|_| process::yield_now()));
            (0..half).for_each(|_| process::yield_now());
            other.join().expect("no panic");
            Ok(start.elapsed().as_nanos() as u64)
        }
        Task::Timers => {
            let start = Instant::now();
            let cpu = own_cpu()?;
            let all: Vec<_> = (0..count)
                .map(|i| process::spawn(move || process::sleep(start + wake_after(i))))
                .collect();
            for one in all {
                one.join().expect("no panic");
            }
            Ok(own_cpu()? - cpu)
        }
        Task::Parked => {
            let before = own_memory()?;
            let (_keep, wait) = channel::bounded::<()>(1);
            let (ready, begun) = channel::unbounded();
            for _ in 0..count {
                let (wait, ready) = (wait.clone(), ready.clone());
                process::spawn(move || {
                    let _ = ready.send(());
                    let _ = wait.recv();
                });
            }
            for _ in 0..count {
                begun.recv().map_err(io::Error::other)?;
            }
            process::yield_now();
            Ok(own_memory()? - before)
        }
        Task::PingPong | Task::Calls => unreachable!("on plain threads"),
    }
}

fn ping_pong(count: usize) -> io::Result<u64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let echo = std::thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut buf = [0; 64];
        for _ in 0..count {
            stream.read_exact(&mut buf)?;
            stream.write_all(&buf)?;
        }
        Ok(())
    });
    let mut stream = TcpStream::connect(addr)?;
    let mut buf = [7; 64];
    let start = Instant::now();
    for _ in 0..count {
        stream.write_all(&buf)?;
        stream.read_exact(&mut buf)?;
    }
    let nanos = start.elapsed().as_nanos() as u64;
    echo.join().expect("no panic")?;
    Ok(nanos)
}
