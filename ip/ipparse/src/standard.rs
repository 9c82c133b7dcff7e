//! Standard input and output as files. They are used directly, because std's types search all data for
//! line ends.

use std::fs::File;
use std::io;
#[cfg(unix)]
use std::os::fd::AsFd;
#[cfg(windows)]
use std::os::windows::io::AsHandle;

pub(crate) fn input() -> io::Result<File> {
    let stdin = io::stdin();
    #[cfg(unix)]
    let own = stdin.as_fd().try_clone_to_owned();
    #[cfg(windows)]
    let own = stdin.as_handle().try_clone_to_owned();
    own.map(File::from)
}

pub(crate) fn output() -> io::Result<File> {
    let stdout = io::stdout();
    #[cfg(unix)]
    let own = stdout.as_fd().try_clone_to_owned();
    #[cfg(windows)]
    let own = stdout.as_handle().try_clone_to_owned();
    own.map(File::from)
}
