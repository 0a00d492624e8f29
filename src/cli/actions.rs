//! `pillarbox actions`: everything that a key can do on the screen.
//!
//! Called by `mod.rs`. The rows must come from the one table that the screen uses.

use super::exit::{Exit, Failure};
use super::output::Output;
use crate::app::{self, Context};
use serde::Serialize;

/// A line of `actions --json`. The names are part of the contract with scripts.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    title: &'static str,
    contexts: Vec<&'static str>,
    keys: Vec<&'static str>,
}

/// The rows of the table.
fn rows() -> impl Iterator<Item = Row> {
    app::actions().iter().map(|action| {
        let mut keys: Vec<&'static str> = Vec::new();
        for chord in action
            .contexts()
            .flat_map(|context| action.keys_in(context))
        {
            if !keys.contains(&chord) {
                keys.push(chord);
            }
        }
        Row {
            name: action.id,
            title: action.title,
            contexts: action.contexts().map(Context::name).collect(),
            keys,
        }
    })
}

/// Lists the actions.
pub(super) fn list(is_json: bool, output: &mut Output) -> Result<Exit, Failure> {
    for row in rows() {
        if is_json {
            output.json(&row)?;
        } else {
            let keys = row.keys.join(" ");
            let contexts = row.contexts.join(" ");
            output.line(&format!(
                "{:<24} {keys:<16} {contexts:<22} {}",
                row.name, row.title
            ))?;
        }
    }
    Ok(Exit::Done)
}
