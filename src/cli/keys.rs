//! Holds the keys of the configuration against the action table.
//!
//! Used wherever the configuration is read: only here both are known. A key that does nothing must
//! never be passed over.

use super::accounts;
use crate::app::{self, Context, KeyProblem, Keymap};
use crate::config::{self, Loaded};

/// Refuses the first key that is wrong, with its line and what would be right.
pub(super) fn check(loaded: &Loaded) -> Result<(), config::Error> {
    let settings = accounts::settings(&loaded.config, false, false);
    let Err(problems) = Keymap::new(settings.preset, &settings.key_overrides) else {
        return Ok(());
    };
    problems
        .first()
        .map_or(Ok(()), |problem| Err(explain(loaded, problem)))
}

fn explain(loaded: &Loaded, problem: &KeyProblem) -> config::Error {
    match problem {
        KeyProblem::NoContext(context) => {
            let names: Vec<&str> = contexts().collect();
            let near = did_you_mean(context, contexts());
            let hint = format!("{near}there are: {}", names.join(", "));
            loaded.error_at(&["keys", context], "is not a known key", &hint)
        }
        KeyProblem::NoAction { context, action } => {
            let near = did_you_mean(action, app::actions().iter().map(|a| a.id));
            let hint = format!("{near}`pillarbox actions` lists all");
            loaded.error_at(&["keys", context, action], "is not a known key", &hint)
        }
        KeyProblem::WrongContext { context, action } => loaded.error_at(
            &["keys", context, action],
            "cannot be done there",
            "`pillarbox actions` says where it can",
        ),
        KeyProblem::BadChord { action, why } => {
            let has_it = loaded.config.keys.iter();
            let context = has_it
                .filter(|(_, actions)| actions.contains_key(action))
                .map(|(context, _)| context.as_str())
                .next_back();
            let path = ["keys", context.unwrap_or_default(), action];
            let hint = "`pillarbox actions` shows how keys are written";
            loaded.error_at(&path, &format!("is not right: {why}"), hint)
        }
        KeyProblem::Clash {
            context,
            chord,
            action,
            other_chord,
            other,
        } => {
            let keys = &loaded.config.keys;
            let place = |id: &str| {
                let has = |name: &&str| keys.get(*name).is_some_and(|all| all.contains_key(id));
                [*context, "all"].into_iter().find(has)
            };
            let is_there = |id: &str| place(id).is_some();
            let (own, own_chord, second, second_chord) = if is_there(action) {
                (action, chord, other, other_chord)
            } else {
                (other, other_chord, action, chord)
            };
            loaded.error_at(
                &["keys", place(own).unwrap_or(context), own],
                &format!("cannot be {own_chord:?}: {second_chord:?} is {second}"),
                "give one of them another key",
            )
        }
    }
}

fn contexts() -> impl Iterator<Item = &'static str> {
    Context::ALL.iter().map(|c| c.name()).chain(["all"])
}

/// The nearest of these names, if one is near.
fn did_you_mean<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|name| (strsim::damerau_levenshtein(wanted, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3)
        .map_or_else(String::new, |(_, name)| format!("did you mean {name}? "))
}
