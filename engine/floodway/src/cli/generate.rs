//! `floodway completions` and `floodway man`: completions for shells and pages for readers, generated from the commands.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man as Page;

use super::Floodway;
use super::failure::Failure;
use super::output;

/// Print completions for a shell
#[derive(clap::Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Print the manual page, or write one of each command into a folder
#[derive(clap::Args)]
pub(super) struct Man {
    /// Folder to write the pages of all commands into
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

pub(super) fn completions(args: Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Floodway::command(), "floodway", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}

pub(super) fn man(args: Man) -> Result<(), Failure> {
    let mut command = Floodway::command();
    command.build();
    match args.dir {
        None => output::print(&page(&command)?),
        Some(dir) => pages(&command, &dir),
    }
}

/// The page of a command and those of the ones below it: `floodway-limits-set.1`.
fn pages(command: &Command, dir: &Path) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let path = dir.join(format!("{name}.1"));
    fs::write(&path, page(command)?)
        .map_err(|error| Failure::Running(format!("--dir: can't write {}: {error}", path.display())))?;
    let below = command.get_subcommands();
    for command in below.filter(|command| command.get_name() != "help") {
        pages(command, dir)?;
    }
    Ok(())
}

fn page(command: &Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    Page::new(command.clone()).render(&mut text).map_err(Failure::running)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests;
