//! Writes the manual page.

use std::io;

use clap::Command;

use crate::output::{Fail, Output, Result, Status};

pub(crate) fn run(command: Command) -> Result<Status> {
    Output::stdout()?.block(&manual(command)?)?;
    Ok(Status::Success)
}

/// Makes the page of the tool. The pages of the sub-commands follow as its sections.
fn manual(mut command: Command) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    command.build();
    let rendered = (|| {
        clap_mangen::Man::new(command.clone()).render(&mut text)?;
        for sub in command.get_subcommands() {
            let name = format!("ipparse {}", sub.get_name());
            io::Write::write_all(
                &mut text,
                format!(".SH \"{}\"\n", name.to_uppercase()).as_bytes(),
            )?;
            let man = clap_mangen::Man::new(sub.clone().bin_name(name));
            man.render_description_section(&mut text)?;
            man.render_synopsis_section(&mut text)?;
            man.render_options_section(&mut text)?;
        }
        io::Result::Ok(())
    })();
    match rendered {
        Ok(()) => Ok(text),
        Err(error) => Err(Fail::message(error.to_string())),
    }
}
