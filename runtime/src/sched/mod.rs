//! Who runs where and when: workers, and the tasks that they run.
//!
//! | file | idea |
//! |---|---|
//! | `worker` | the thread that runs processes; where a new one goes |
//! | `task` | the slot a process runs in; park and unpark |
//! | `info` | who a process is |
//! | `ready` | the queue of woken processes |
//! | `timer` | one heap per worker |
//! | `park` | one form of waiting for processes and threads |
//! | `sends` | sends of several processes, made with one system call |
//! | `stack`, `overflow` | stacks with guards, and what happens at the guard |
//! | `watchdog` | names a process that keeps its worker too long |

pub(crate) mod info;
pub(crate) mod overflow;
pub(crate) mod park;
pub(crate) mod ready;
pub(crate) mod sends;
pub(crate) mod stack;
pub(crate) mod task;
pub(crate) mod timer;
pub(crate) mod watchdog;
pub(crate) mod worker;
