//! The events that `tracing` gets from a server, with the feature of that name. Without it, `no_trace`
//! is used.

use tracing::{Level, event};

use super::Problem;

/// A subscriber may listen.
pub(super) const LISTENS: bool = true;

/// Problems of the server are warnings. Those of one connection are not, except for a panic.
pub(super) fn problem(problem: &Problem) {
    match problem {
        Problem::Accept(error) => {
            event!(target: "std_net", Level::WARN, %error, "accept failed");
        }
        Problem::Spawn { peer, error } => {
            event!(target: "std_net", Level::WARN, %peer, %error, "cannot make a process for a connection");
        }
        Problem::Handler { peer, error } => {
            event!(target: "std_net", Level::DEBUG, %peer, %error, "connection failed");
        }
        Problem::Panic { peer, message } => {
            event!(target: "std_net", Level::ERROR, %peer, message, "connection panicked");
        }
    }
}
