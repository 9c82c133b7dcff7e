//! A service that mostly waits for Redis: many connections, each with one GET after another. It
//! compares threadlike processes with OS threads, and with tokio and the same crate's asynchronous
//! client.
//!
//! ```sh
//! cargo run --release -p std_net_ecosystem --example redis_service            # the table
//! cargo run --release -p std_net_ecosystem --example redis_service -- memory  # what a waiting client costs
//! cargo run --release -p std_net_ecosystem --example redis_service -- switch  # what a switch and a process cost
//! ```
//!
//! Each measurement is a program of its own, so that memory of one does not count for another. They run
//! one after another.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use std_net::{process, runtime};
use std_net_interpose as _;

const CONNECTIONS: [usize; 3] = [64, 500, 5000];
const KINDS: [&str; 3] = ["processes", "threads", "tokio"];
const ROUNDS: usize = 5;
const REQUESTS: usize = 200_000;
/// So many clients connect at the same time. If more do, the server's queue overflows, and the kernel of a client tries
/// again only after seconds.
const CONNECTING: usize = 500;
/// A measurement that takes longer than this is given up.
const LIMIT: Duration = Duration::from_secs(60);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => table(),
        ["memory"] => memory(),
        ["switch"] => switch(),
        [kind, client, connections, port] => {
            waiting(
                kind,
                client,
                connections.parse().unwrap(),
                port.parse().unwrap(),
            );
        }
        [kind, connections, port] => {
            cell(kind, connections.parse().unwrap(), port.parse().unwrap());
        }
        _ => eprintln!("nothing, `memory`, or `switch`"),
    }
}

fn table() {
    let Some(server) = std_net_ecosystem::redis() else {
        return;
    };
    println!(
        "kind       connections   GET/s   us CPU each   KB a connection   (medians of {ROUNDS})"
    );
    for connections in CONNECTIONS {
        // Every other round in the other order.
        let mut runs = [const { Vec::new() }; KINDS.len()];
        for round in 0..ROUNDS {
            for i in 0..KINDS.len() {
                let i = if round % 2 == 0 {
                    i
                } else {
                    KINDS.len() - 1 - i
                };
                let (kind, runs) = (KINDS[i], &mut runs[i]);
                let output = Command::new(std::env::current_exe().unwrap())
                    .args([kind, &connections.to_string(), &server.port.to_string()])
                    .output()
                    .unwrap();
                if !output.status.success() {
                    let error = String::from_utf8_lossy(&output.stderr);
                    eprintln!(
                        "{kind} with {connections} connections: {}",
                        error.trim_end()
                    );
                    continue;
                }
                let text = String::from_utf8(output.stdout).unwrap();
                let numbers: Vec<f64> = text
                    .split_whitespace()
                    .map(|number| number.parse().unwrap())
                    .collect();
                runs.push(numbers);
            }
        }
        for (kind, runs) in KINDS.iter().zip(&runs) {
            if runs.is_empty() {
                println!("{kind:<10} {connections:>11}       -");
                continue;
            }
            let median = |i: usize| {
                let mut all: Vec<f64> = runs.iter().map(|run| run[i]).collect();
                all.sort_by(f64::total_cmp);
                all[all.len() / 2]
            };
            println!(
                "{kind:<10} {connections:>11} {:>7.0} {:>13.2} {:>17.1}",
                median(0),
                median(1),
                median(2)
            );
        }
    }
}

/// What a client costs that waits for an answer, by itself and with the memory of the crate `redis`.
fn memory() {
    let Some(server) = std_net_ecosystem::redis() else {
        return;
    };
    println!(
        "kind       client     bytes resident   of these on the heap   (each of 1000 that wait)"
    );
    for client in ["std::net", "redis"] {
        for kind in ["processes", "threads"] {
            let output = Command::new(std::env::current_exe().unwrap())
                .args([kind, client, "1000", &server.port.to_string()])
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            print!("{}", String::from_utf8(output.stdout).unwrap());
        }
    }
}

/// So many clients in BLPOP; prints what each takes.
fn waiting(kind: &str, client: &str, connections: usize, port: u16) {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    let open = redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
    let mut control = open.get_connection().unwrap();
    let with_std = client == "std::net";
    let work = move || {
        if with_std {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(b"BLPOP nothing 0\r\n").unwrap();
            // To the end of the program, which ends the connection.
            let _ = stream.read(&mut [0; 64]);
        } else {
            let mut con = open.get_connection().unwrap();
            let command = redis::cmd("BLPOP").arg("nothing").arg(0).clone();
            let _: redis::RedisResult<redis::Value> = command.query(&mut con);
        }
    };
    let of_heap = || {
        // SAFETY: no preconditions.
        unsafe { libc::mallinfo2() }.uordblks
    };
    runtime::Builder::new()
        .workers(1)
        .threadlike(kind == "processes")
        .stack_size(64 << 10)
        .start()
        .unwrap();
    let (before, heap) = (resident(), of_heap());
    for _ in 0..connections {
        let work = work.clone();
        if kind == "processes" {
            process::spawn(work);
        } else {
            std::thread::spawn(work);
        }
    }
    let blocked = format!("blocked_clients:{connections}\r\n");
    loop {
        let info: String = redis::cmd("INFO")
            .arg("clients")
            .query(&mut control)
            .unwrap();
        if info.contains(&blocked) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // The runtime gives the deep parts of stacks back after five seconds.
    std::thread::sleep(Duration::from_secs(8));
    let each = |now: usize, before: usize| now.saturating_sub(before) / connections;
    println!(
        "{kind:<10} {client:<10} {:>14} {:>22}",
        each(resident(), before),
        each(of_heap(), heap)
    );
}

/// Makes one measurement. Prints the requests per second, the microseconds of CPU time for each, and
/// the KB for each connection.
fn cell(kind: &str, connections: usize, port: u16) {
    let url = format!("redis://127.0.0.1:{port}/");
    let client = redis::Client::open(url).unwrap();
    let each = (REQUESTS / connections).max(20);
    // First all connect and wait. Then the measured time begins.
    let gate = Arc::new(Gate::default());
    give_up_after(LIMIT, Arc::clone(&gate), connections);
    let before = resident();
    if kind == "tokio" {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let all: Vec<_> = (0..connections)
            .map(|i| {
                gate.pace(i);
                let (client, gate) = (client.clone(), Arc::clone(&gate));
                runtime.spawn(async move {
                    let mut con = client.get_multiplexed_async_connection().await.unwrap();
                    let key = format!("k{i}");
                    let _: () = redis::cmd("SET")
                        .arg(&key)
                        .arg(i)
                        .query_async(&mut con)
                        .await
                        .unwrap();
                    gate.ready.fetch_add(1, Ordering::SeqCst);
                    while gate.go.load(Ordering::SeqCst) == 0 {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                    for _ in 0..each {
                        let value: usize = redis::cmd("GET")
                            .arg(&key)
                            .query_async(&mut con)
                            .await
                            .unwrap();
                        assert_eq!(value, i);
                    }
                })
            })
            .collect();
        gate.measure(connections, each, before, || {
            runtime.block_on(async {
                for one in all {
                    one.await.unwrap();
                }
            });
        });
        return;
    }
    let work = {
        let gate = Arc::clone(&gate);
        move |i: usize| {
            let mut con = client
                .get_connection_with_timeout(Duration::from_secs(30))
                .unwrap();
            let key = format!("k{i}");
            redis::cmd("SET").arg(&key).arg(i).exec(&mut con).unwrap();
            gate.ready.fetch_add(1, Ordering::SeqCst);
            while gate.go.load(Ordering::SeqCst) == 0 {
                std::thread::sleep(Duration::from_millis(10));
            }
            for _ in 0..each {
                let value: usize = redis::cmd("GET").arg(&key).query(&mut con).unwrap();
                assert_eq!(value, i);
            }
        }
    };
    if kind == "processes" {
        runtime::Builder::new()
            .workers(2)
            .threadlike(true)
            .stack_size(64 << 10)
            .start()
            .unwrap();
        let all: Vec<_> = (0..connections)
            .map(|i| {
                gate.pace(i);
                let work = work.clone();
                process::spawn(move || work(i))
            })
            .collect();
        gate.measure(connections, each, before, || {
            all.into_iter().for_each(|one| one.join().unwrap());
        });
    } else {
        let all: Vec<_> = (0..connections)
            .map(|i| {
                gate.pace(i);
                let work = work.clone();
                std::thread::spawn(move || work(i))
            })
            .collect();
        gate.measure(connections, each, before, || {
            all.into_iter().for_each(|one| one.join().unwrap());
        });
    }
}

/// Ends this measurement with an error if it is not done after `limit`.
fn give_up_after(limit: Duration, gate: Arc<Gate>, connections: usize) {
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        let ready = gate.ready.load(Ordering::SeqCst);
        eprintln!(
            "given up after {} s: {ready} of {connections} clients have connected",
            limit.as_secs()
        );
        std::process::exit(1);
    });
}

#[derive(Default)]
struct Gate {
    ready: AtomicUsize,
    go: AtomicUsize,
}

impl Gate {
    /// Waits until so many of the first `i` clients have connected that one more may begin.
    fn pace(&self, i: usize) {
        while i >= self.ready.load(Ordering::SeqCst) + CONNECTING {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn measure(&self, connections: usize, each: usize, before: usize, finish: impl FnOnce()) {
        while self.ready.load(Ordering::SeqCst) < connections {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(50));
        let memory = resident().saturating_sub(before) as f64 / connections as f64 / 1000.0;
        let (cpu, begun) = (cpu(), Instant::now());
        self.go.store(1, Ordering::SeqCst);
        finish();
        let requests = (connections * each) as f64;
        println!(
            "{} {} {memory}",
            requests / begun.elapsed().as_secs_f64(),
            (self::cpu() - cpu).as_secs_f64() * 1e6 / requests,
        );
    }
}

/// Measures what a switch, a spawn and an idle process cost, for both kinds of processes.
fn switch() {
    runtime::Builder::new().workers(1).start().unwrap();
    for threadlike in [false, true] {
        let spawn = move |f: fn()| {
            let builder = process::Builder::new().threadlike(threadlike);
            builder.spawn(f).unwrap()
        };
        let mut switches = Vec::new();
        let mut spawns = Vec::new();
        for _ in 0..5 {
            let begun = Instant::now();
            let yields = || (0..500_000).for_each(|_| process::yield_now());
            let both = [spawn(yields), spawn(yields)];
            both.into_iter().for_each(|one| one.join().unwrap());
            switches.push(begun.elapsed().as_nanos() as f64 / 1e6);
            let begun = Instant::now();
            let all = process::spawn(move || {
                for _ in 0..50_000 {
                    spawn(|| ()).join().unwrap();
                }
            });
            all.join().unwrap();
            spawns.push(begun.elapsed().as_nanos() as f64 / 5e4);
        }
        switches.sort_by(f64::total_cmp);
        spawns.sort_by(f64::total_cmp);
        let before = resident();
        let count = 10_000;
        let idle: Vec<_> = (0..count)
            .map(|_| spawn(|| process::sleep(Duration::from_secs(2))))
            .collect();
        std::thread::sleep(Duration::from_secs(1));
        let bytes = (resident() - before) / count;
        idle.into_iter().for_each(|one| one.join().unwrap());
        println!(
            "{}: switch {:.1} ns, spawn and join {:.0} ns, idle {bytes} bytes",
            if threadlike { "threadlike" } else { "ordinary" },
            switches[2],
            spawns[2],
        );
    }
}

fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn cpu() -> Duration {
    // SAFETY: all-zero is a valid rusage, and the call writes into it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let micros = |t: libc::timeval| t.tv_sec * 1_000_000 + t.tv_usec;
    Duration::from_micros((micros(usage.ru_utime) + micros(usage.ru_stime)) as u64)
}
