//! Writes the completion script for a shell.

use clap::Command;
use clap_complete::Shell;

use crate::output::{Output, Result, Status};

pub(crate) fn run(mut command: Command, shell: Shell) -> Result<Status> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "ipparse", &mut text);
    Output::stdout()?.block(&text)?;
    Ok(Status::Success)
}
