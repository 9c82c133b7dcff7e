//! The same measurements with the peers.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use super::{Job, Task, own_cpu, own_memory, wake_after};

fn not_here() -> io::Error {
    io::Error::from(io::ErrorKind::Unsupported)
}

pub(super) fn tokio(job: &Job) -> io::Result<u64> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(job.workers)
        .enable_all()
        .build()?;
    let (task, count) = (job.task, job.count);
    runtime.block_on(async move {
        tokio::spawn(measure_tokio(task, count))
            .await
            .expect("no panic")
    })
}

async fn measure_tokio(task: Task, count: usize) -> io::Result<u64> {
    match task {
        Task::SpawnAll => {
            let mut nanos = 0;
            for _ in 0..2 {
                let start = Instant::now();
                let all: Vec<_> = (0..count).map(|i| tokio::spawn(async move { i })).collect();
                for (i, one) in all.into_iter().enumerate() {
                    assert_eq!(one.await.expect("no panic"), i);
                }
                nanos = start.elapsed().as_nanos() as u64;
            }
            Ok(nanos)
        }
        Task::SpawnOne => {
            let start = Instant::now();
            for i in 0..count {
                assert_eq!(tokio::spawn(async move { i }).await.expect("no panic"), i);
            }
            Ok(start.elapsed().as_nanos() as u64)
        }
        Task::Switch => {
            async fn yields(n: usize) {
                for _ in 0..n {
                    tokio::task::yield_now().await;
                }
            }
            let start = Instant::now();
            let other = tokio::spawn(yields(count / 2));
            yields(count / 2).await;
            other.await.expect("no panic");
            Ok(start.elapsed().as_nanos() as u64)
        }
        Task::Timers => {
            let start = Instant::now();
            let cpu = own_cpu()?;
            let all: Vec<_> = (0..count)
                .map(|i| tokio::spawn(tokio::time::sleep_until((start + wake_after(i)).into())))
                .collect();
            for one in all {
                one.await.expect("no panic");
            }
            Ok(own_cpu()? - cpu)
        }
        Task::Parked => {
            let before = own_memory()?;
            let notify = std::sync::Arc::new(tokio::sync::Notify::new());
            for _ in 0..count {
                let notify = std::sync::Arc::clone(&notify);
                tokio::spawn(async move { notify.notified().await });
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            Ok(own_memory()? - before)
        }
        Task::PingPong | Task::Calls => Err(not_here()),
    }
}

pub(super) fn may(job: &Job) -> io::Result<u64> {
    use ::may::coroutine;
    ::may::config().set_workers(job.workers);
    let (task, count) = (job.task, job.count);
    // SAFETY, here and below: no thread-local values, and no more stack than the default.
    macro_rules! spawn {
        ($f:expr) => {
            // SAFETY: as said above.
            unsafe { coroutine::spawn($f) }
        };
    }
    let main = move || match task {
        Task::SpawnAll => {
            let mut nanos = 0;
            for _ in 0..2 {
                let start = Instant::now();
                let all: Vec<_> = (0..count).map(|i| spawn!(move || i)).collect();
                for (i, one) in all.into_iter().enumerate() {
                    assert_eq!(one.join().expect("no panic"), i);
                }
                nanos = start.elapsed().as_nanos() as u64;
            }
            Ok(nanos)
        }
        Task::SpawnOne => {
            let start = Instant::now();
            for i in 0..count {
                assert_eq!(spawn!(move || i).join().expect("no panic"), i);
            }
            Ok(start.elapsed().as_nanos() as u64)
        }
        Task::Switch => {
            let start = Instant::now();
            let half = count / 2;
            let other = spawn!(move || (0..half).for_each(|_| coroutine::yield_now()));
            (0..half).for_each(|_| coroutine::yield_now());
            other.join().expect("no panic");
            Ok(start.elapsed().as_nanos() as u64)
        }
        Task::Timers => {
            let start = Instant::now();
            let cpu = own_cpu()?;
            let all: Vec<_> = (0..count)
                .map(|i| {
                    spawn!(move || {
                        let until = start + wake_after(i);
                        coroutine::sleep(until.saturating_duration_since(Instant::now()));
                    })
                })
                .collect();
            for one in all {
                one.join().expect("no panic");
            }
            Ok(own_cpu()? - cpu)
        }
        Task::Parked => {
            let before = own_memory()?;
            for _ in 0..count {
                drop(spawn!(coroutine::park));
            }
            coroutine::sleep(std::time::Duration::from_millis(1000));
            Ok(own_memory()? - before)
        }
        Task::PingPong | Task::Calls => Err(not_here()),
    };
    spawn!(main).join().expect("no panic")
}

pub(super) fn threads(job: &Job) -> io::Result<u64> {
    let count = job.count;
    let start = Instant::now();
    match job.task {
        Task::SpawnAll => {
            let all: Vec<_> = (0..count)
                .map(|i| thread::Builder::new().stack_size(64 << 10).spawn(move || i))
                .collect::<io::Result<_>>()?;
            for (i, one) in all.into_iter().enumerate() {
                assert_eq!(one.join().expect("no panic"), i);
            }
        }
        Task::SpawnOne => {
            for i in 0..count {
                assert_eq!(thread::spawn(move || i).join().expect("no panic"), i);
            }
        }
        Task::Switch => {
            let half = count / 2;
            let other = thread::spawn(move || (0..half).for_each(|_| thread::yield_now()));
            (0..half).for_each(|_| thread::yield_now());
            other.join().expect("no panic");
        }
        Task::PingPong => return ping_pong(count),
        Task::Calls => return calls(count),
        Task::Timers | Task::Parked => return Err(not_here()),
    }
    Ok(start.elapsed().as_nanos() as u64)
}

/// Writes to one end of a Unix socket pair and reads at the other, on the same thread. So no call waits.
fn calls(count: usize) -> io::Result<u64> {
    let (mut a, mut b) = std::os::unix::net::UnixStream::pair()?;
    let mut byte = [1];
    let start = Instant::now();
    for _ in 0..count {
        a.write_all(&byte)?;
        b.read_exact(&mut byte)?;
    }
    Ok(start.elapsed().as_nanos() as u64)
}

fn ping_pong(count: usize) -> io::Result<u64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let echo = thread::spawn(move || -> io::Result<()> {
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
