//! One reactor per worker: waits in the kernel for descriptors, timers' ends and other threads.
//!
//! A backend provides, as `Reactor`:
//!
//! | method | called by | does |
//! |---|---|---|
//! | `new()` | the runtime's start | |
//! | `add(fd, key)` | any thread | watches both directions; reports the readiness there is |
//! | `remove(fd)` | any thread | stops watching; an event may still be on its way |
//! | `wait(timeout)` | the worker | hands each event to [`Source::event`](crate::source::Source::event) |
//! | `set_alarm(after)`, `drop_alarm()` | the worker | ends a `wait` after a while; forgets it |
//! | `wake()` | any thread | ends the `wait` that is running or begins next |
//!
//! The portable backend has `rearm` besides: it reports once per request.

#[cfg(not(std_net_portable))]
mod epoll;
#[cfg(std_net_portable)]
mod portable;

#[cfg(not(std_net_portable))]
pub(crate) use epoll::Reactor;
#[cfg(std_net_portable)]
pub(crate) use portable::Reactor;
