//! `pillarbox config`: looks for mistakes, or prints what holds.
//!
//! Called by `mod.rs`. A secret must never be printed: the configuration writes none.

use super::args::{Args, ConfigArgs};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::place::configuration;

/// Checks or shows the configuration.
pub(super) fn config(args: &Args, what: &ConfigArgs, output: &mut Output) -> Result<Exit, Failure> {
    let loaded = configuration(args)?;
    let file = loaded.file.display();
    match what {
        ConfigArgs::Check => {
            let accounts = match loaded.config.accounts.len() {
                1 => "1 account".to_owned(),
                n => format!("{n} accounts"),
            };
            output.line(&format!("{file} is right: {accounts}."))?;
        }
        ConfigArgs::Show => {
            let text = toml::to_string_pretty(&loaded.config).map_err(|error| {
                Failure::failed(format!("{file} cannot be written out: {error}"))
            })?;
            output.line(&format!(
                "# {file}, with the defaults of what it leaves out"
            ))?;
            for line in text.lines() {
                output.line(line)?;
            }
        }
    }
    Ok(Exit::Done)
}
