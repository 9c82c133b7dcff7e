//! A service that mostly waits for Redis: many connections, each with one GET after another. It
//! compares threadlike processes with OS threads, and with tokio and the same crate's asynchronous
//! client.
//!
//! ```sh
//! cargo run --release -p std_net_ecosystem --example redis_service            # both tables
//! cargo run --release -p std_net_ecosystem --example redis_service -- rate 5  # requests per second, in five rounds
//! cargo run --release -p std_net_ecosystem --example redis_service -- memory  # what a waiting client costs
//! cargo run --release -p std_net_ecosystem --example redis_service -- switch  # what a switch and a process cost
//! ```
//!
//! Each measurement is a program of its own, so that memory of one does not count for another. They run
//! one after another. Each round measures every kind once, and every other round in the opposite order.

use std::fs;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
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
/// So many clients wait while their memory is measured.
const WAITING: usize = 1000;
/// The runtime gives the deep parts of a stack back when its process has waited for five seconds.
const REST: Duration = Duration::from_secs(8);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            rate(ROUNDS);
            memory();
        }
        ["rate", rounds] => rate(rounds.parse().unwrap()),
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
        _ => eprintln!("no argument, `rate ROUNDS`, `memory`, or `switch`"),
    }
}

/// Prints the requests per second, the CPU time of each, and the memory of a connection.
fn rate(rounds: usize) {
    let Some(server) = std_net_ecosystem::redis() else {
        return;
    };
    println!(
        "kind       connections   GET/s (least to most)    us CPU each   KB a connection   (medians of {rounds})"
    );
    for connections in CONNECTIONS {
        let mut runs = [const { Vec::new() }; KINDS.len()];
        for round in 0..rounds {
            for i in 0..KINDS.len() {
                let i = if round % 2 == 0 {
                    i
                } else {
                    KINDS.len() - 1 - i
                };
                let args = [KINDS[i], &connections.to_string(), &server.port.to_string()];
                match numbers(&args) {
                    Ok(run) => runs[i].push(run),
                    Err(error) => {
                        eprintln!("{} with {connections} connections: {error}", KINDS[i]);
                    }
                }
            }
        }
        for (kind, runs) in KINDS.iter().zip(&runs) {
            let Some([rate, cpu, memory]) = sorted(runs) else {
                println!("{kind:<10} {connections:>11}       -");
                continue;
            };
            println!(
                "{kind:<10} {connections:>11} {:>7.0} {:>18} {:>12.2} {:>17.1}",
                median(&rate),
                format!("({:.0} to {:.0})", rate[0], rate[rate.len() - 1]),
                median(&cpu),
                median(&memory),
            );
        }
    }
}

/// Runs one measurement in a program of its own, and returns the numbers that it prints.
fn numbers(args: &[&str]) -> Result<[f64; 3], String> {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).args(args).output().unwrap();
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(error.trim_end().to_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text.split_whitespace().map(|n| n.parse().unwrap());
    Ok(std::array::from_fn(|_| numbers.next().unwrap()))
}

/// Sorts the numbers of all runs, each column by itself. Returns `None` if there is no run.
fn sorted(runs: &[[f64; 3]]) -> Option<[Vec<f64>; 3]> {
    (!runs.is_empty()).then(|| {
        std::array::from_fn(|column| {
            let mut all: Vec<f64> = runs.iter().map(|run| run[column]).collect();
            all.sort_by(f64::total_cmp);
            all
        })
    })
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// Prints what a client costs that waits for an answer: a bare connection, and one of the crate `redis`.
fn memory() {
    let Some(server) = std_net_ecosystem::redis() else {
        return;
    };
    println!(
        "kind       client      at first   after {} s   of these on the heap   (bytes for each of {WAITING} that wait)",
        REST.as_secs()
    );
    for client in ["std::net", "redis"] {
        for kind in KINDS {
            if kind == "tokio" && client == "std::net" {
                continue;
            }
            let args = [kind, client, &WAITING.to_string(), &server.port.to_string()];
            match numbers(&args) {
                Ok([first, rested, heap]) => {
                    println!("{kind:<10} {client:<10} {first:>9} {rested:>12} {heap:>22}");
                }
                Err(error) => eprintln!("{kind} with {client}: {error}"),
            }
        }
    }
}

/// Starts so many clients that wait in BLPOP. Prints the bytes that each takes: at first, after a rest, and how many of
/// the latter are on the heap.
fn waiting(kind: &str, client: &str, connections: usize, port: u16) {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    let open = redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
    let mut control = open.get_connection().unwrap();
    let with_std = client == "std::net";
    let blpop = redis::cmd("BLPOP").arg("nothing").arg(0).clone();
    let work = {
        let (open, blpop) = (open.clone(), blpop.clone());
        move || {
            // Each of them waits to the end of the program, which ends the connection.
            if with_std {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
                stream.write_all(b"BLPOP nothing 0\r\n").unwrap();
                let _ = stream.read(&mut [0; 64]);
            } else {
                let mut con = open.get_connection().unwrap();
                let _: redis::RedisResult<redis::Value> = blpop.query(&mut con);
            }
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
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (before, heap) = (resident(), of_heap());
    for _ in 0..connections {
        match kind {
            "processes" => drop(process::spawn(work.clone())),
            "threads" => drop(std::thread::spawn(work.clone())),
            _ => {
                let (open, blpop) = (open.clone(), blpop.clone());
                tokio.spawn(async move {
                    // Without this, the asynchronous client gives an answer up after half a second.
                    let patient = redis::AsyncConnectionConfig::new().set_response_timeout(None);
                    let mut con = open
                        .get_multiplexed_async_connection_with_config(&patient)
                        .await
                        .unwrap();
                    let _: redis::RedisResult<redis::Value> = blpop.query_async(&mut con).await;
                });
            }
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
    let each = |now: usize, before: usize| now.saturating_sub(before) / connections;
    let first = each(resident(), before);
    std::thread::sleep(REST);
    println!(
        "{first} {} {}",
        each(resident(), before),
        each(of_heap(), heap)
    );
    // The clients wait for ever.
    std::process::exit(0);
}

/// Makes one measurement. Prints the requests per second, the microseconds of CPU time for each, and
/// the KB for each connection.
fn cell(kind: &str, connections: usize, port: u16) {
    let url = format!("redis://127.0.0.1:{port}/");
    let client = redis::Client::open(url).unwrap();
    let each = (REQUESTS / connections).max(20);
    // First all connect and wait. Then the measured time begins.
    let gate = Arc::new(Gate::new());
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
                    gate.connected();
                    let opened = gate.tasks.acquire().await;
                    assert!(opened.is_err(), "the gate gives no permits");
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
            gate.connected();
            gate.pass();
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
        let connected = gate.state().connected;
        eprintln!(
            "given up after {} s: {connected} of {connections} clients have connected",
            limit.as_secs()
        );
        std::process::exit(1);
    });
}

/// Where the clients wait until all of them have connected. Nobody polls here: with 5,000 threads the polls would be the
/// load.
struct Gate {
    state: Mutex<State>,
    one_more_connected: Condvar,
    opened: Condvar,
    /// The gate of tasks, which must not wait for a `Condvar`. It is open when it is closed: then `acquire` returns.
    tasks: tokio::sync::Semaphore,
}

#[derive(Default)]
struct State {
    connected: usize,
    open: bool,
}

impl Gate {
    fn new() -> Gate {
        Gate {
            state: Mutex::default(),
            one_more_connected: Condvar::new(),
            opened: Condvar::new(),
            tasks: tokio::sync::Semaphore::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// A client calls this when it has connected.
    fn connected(&self) {
        self.state().connected += 1;
        self.one_more_connected.notify_one();
    }

    /// Waits until the gate is open. This blocks a thread, and parks a threadlike process.
    fn pass(&self) {
        drop(self.opened.wait_while(self.state(), |state| !state.open));
    }

    /// Waits until at least so many clients have connected.
    fn wait_for(&self, connected: usize) {
        drop(
            self.one_more_connected
                .wait_while(self.state(), |state| state.connected < connected),
        );
    }

    /// Waits until so many of the first `i` clients have connected that one more may begin.
    fn pace(&self, i: usize) {
        self.wait_for((i + 1).saturating_sub(CONNECTING));
    }

    fn open(&self) {
        self.state().open = true;
        self.opened.notify_all();
        self.tasks.close();
    }

    fn measure(&self, connections: usize, each: usize, before: usize, finish: impl FnOnce()) {
        self.wait_for(connections);
        // The last client goes to its wait.
        std::thread::sleep(Duration::from_millis(50));
        let memory = resident().saturating_sub(before) as f64 / connections as f64 / 1000.0;
        let (cpu, begun) = (cpu(), Instant::now());
        self.open();
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
