//! What `tracing` is told of a server, with that feature. Without it `no_trace` stands here.

use tracing::{Level, event};

use super::Problem;

/// Whether there may be a subscriber.
pub(super) const LISTENS: bool = true;

/// The problems of the server are warnings, those of one connection are not, unless it panicked.
pub(super) fn problem(problem: &Problem) {
    match problem {
        Problem::Accept(error) => {
            event!(target: "std_net", Level::WARN, %error, "accept failed");
        }
        Problem::Spawn { peer, error } => {
            event!(target: "std_net", Level::WARN, %peer, %error, "no process for a connection");
        }
        Problem::Handler { peer, error } => {
            event!(target: "std_net", Level::DEBUG, %peer, %error, "connection failed");
        }
        Problem::Panic { peer, message } => {
            event!(target: "std_net", Level::ERROR, %peer, message, "connection panicked");
        }
    }
}
