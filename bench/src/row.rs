//! The rows of the table. Each says what is measured, and with which peers.

use crate::load::Net;
use crate::micro::Task;
use crate::serve::Kind;

/// One row: a measurement that is made with each of its peers.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) what: What,
    pub(crate) peers: Vec<Kind>,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A load measures a server.
    Serve(Exchange),
    /// One OS process measures itself.
    Micro(Task),
}

#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) net: Net,
    pub(crate) connections: usize,
    pub(crate) size: usize,
    pub(crate) churn: bool,
    pub(crate) idle: bool,
    pub(crate) http: bool,
    pub(crate) hogs: usize,
    pub(crate) place: Place,
}

/// Where server and load run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// One worker shares a core with the load. So no wake-up crosses cores, and the core is always busy.
    OneCore,
    /// One worker runs on core 0. The load runs on core 1 and never sleeps. This measures latency.
    Apart,
    /// Two workers and the load share both cores.
    TwoWorkers,
}

/// All servers of the echo that the tables show.
pub(crate) const ALL: [Kind; 11] = [
    Kind::Epoll,
    Kind::Ours,
    Kind::OursOwn,
    Kind::OursBatched,
    Kind::Tokio,
    Kind::TokioCt,
    Kind::Monoio,
    Kind::May,
    Kind::Smol,
    Kind::Go,
    Kind::Threads,
];

/// Returns all of [`ALL`] except these.
fn without(kinds: &[Kind]) -> Vec<Kind> {
    ALL.into_iter()
        .filter(|kind| !kinds.contains(kind))
        .collect()
}

/// The servers that can use two workers.
const TWO: [Kind; 7] = [
    Kind::Epoll,
    Kind::Ours,
    Kind::OursBatched,
    Kind::Tokio,
    Kind::May,
    Kind::Smol,
    Kind::Go,
];

/// All servers of HTTP. The others are compared with the first.
const HTTP: [Kind; 7] = [
    Kind::HyperTokioCt,
    Kind::HttpOurs,
    Kind::HyperOurs,
    Kind::HyperTokio,
    Kind::HttpGo,
    Kind::Nginx,
    Kind::HttpThreads,
];

const FEW: [Kind; 5] = [Kind::Ours, Kind::Tokio, Kind::May, Kind::Go, Kind::Threads];

pub(crate) fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    let base = Exchange {
        net: Net::Tcp,
        connections: 64,
        size: 64,
        churn: false,
        idle: false,
        http: false,
        hogs: 0,
        place: Place::OneCore,
    };
    let mut serve = |name: String, title: String, exchange: Exchange, peers: &[Kind]| {
        rows.push(Row {
            name,
            title,
            what: What::Serve(exchange),
            peers: peers.to_vec(),
        });
    };
    for (size, text) in [(64, "64 B"), (16 << 10, "16 KiB")] {
        for connections in [1, 4, 64, 1000, 5000] {
            serve(
                format!("echo-{size}-{connections}"),
                format!("echo, {text}, {connections} connections"),
                Exchange {
                    connections,
                    size,
                    ..base.clone()
                },
                &ALL,
            );
        }
    }
    let bulk = Exchange {
        connections: 16,
        size: 64 << 10,
        ..base.clone()
    };
    serve(
        "bulk".into(),
        "bulk, 64 KiB, 16 connections".into(),
        bulk,
        &ALL,
    );
    let churn = Exchange {
        churn: true,
        ..base.clone()
    };
    serve(
        "churn".into(),
        "churn: connect, one round trip, reset; 64 at a time".into(),
        churn,
        &[&ALL[..], &[Kind::OursServer]].concat(),
    );
    for connections in [64, 1000] {
        serve(
            format!("http-{connections}"),
            format!("hello world over HTTP/1.1, {connections} connections kept alive"),
            Exchange {
                connections,
                http: true,
                ..base.clone()
            },
            &HTTP,
        );
    }
    for (net, text) in [(Net::Unix, "Unix sockets"), (Net::Udp, "UDP")] {
        serve(
            format!("{net}-64"),
            format!("echo, 64 B, 64 clients, {text}"),
            Exchange {
                net,
                ..base.clone()
            },
            &without(&[Kind::OursOwn]),
        );
    }
    for connections in [1, 64] {
        serve(
            format!("apart-{connections}"),
            format!("echo, 64 B, {connections} connections, server and load on a core each"),
            Exchange {
                connections,
                place: Place::Apart,
                ..base.clone()
            },
            &without(&[Kind::OursOwn]),
        );
    }
    for connections in [64, 1000] {
        serve(
            format!("two-{connections}"),
            format!("echo, 64 B, {connections} connections, two workers, the load beside them"),
            Exchange {
                connections,
                place: Place::TwoWorkers,
                ..base.clone()
            },
            &TWO,
        );
    }
    serve(
        "fair".into(),
        "a connection beside 8 that never pause".into(),
        Exchange {
            connections: 9,
            hogs: 8,
            ..base.clone()
        },
        &without(&[Kind::OursOwn]),
    );
    serve(
        "idle".into(),
        "memory of 9000 idle connections".into(),
        Exchange {
            connections: 9000,
            idle: true,
            ..base
        },
        &without(&[Kind::Threads, Kind::OursBatched]),
    );
    let mut micro = |name: &str, title: &str, task: Task, peers: &[Kind]| {
        rows.push(Row {
            name: name.into(),
            title: title.into(),
            what: What::Micro(task),
            peers: peers.to_vec(),
        });
    };
    micro(
        "spawn-all",
        "100,000 spawned, then all joined, one worker: ns each",
        Task::SpawnAll,
        &FEW,
    );
    micro(
        "spawn-one",
        "spawned and joined one by one, two workers: ns each",
        Task::SpawnOne,
        &FEW,
    );
    micro(
        "switch",
        "two that yield to each other: ns a switch",
        Task::Switch,
        &FEW,
    );
    micro(
        "timers",
        "100,000 asleep with different deadlines: CPU ns each",
        Task::Timers,
        &[Kind::Ours, Kind::Tokio, Kind::May, Kind::Go],
    );
    micro(
        "pingpong",
        "two plain threads on one core, 64 B to and fro: ns a round trip",
        Task::PingPong,
        &[Kind::Threads, Kind::Ours],
    );
    micro(
        "parked",
        "100,000 parked: bytes each",
        Task::Parked,
        &[Kind::Ours, Kind::Tokio, Kind::May, Kind::Go],
    );
    micro(
        "switch-threadlike",
        "two threadlike processes that yield to each other: ns a switch",
        Task::Switch,
        &[Kind::Ours, Kind::Threadlike],
    );
    micro(
        "idle-threadlike",
        "100,000 threadlike processes, parked: bytes each",
        Task::Parked,
        &[Kind::Ours, Kind::Threadlike],
    );
    micro(
        "plain-calls",
        "a write and a read of std's on a plain thread, without and with std_net_interpose: ns for both",
        Task::Calls,
        &[Kind::Threads, Kind::Interposed],
    );
    rows
}
