//! Which chord does what in which context: the table's keys, a preset over them, the user's last.
//!
//! Built once at the start; asked by dispatch, hints, which-key, help and palette. Two actions must
//! never share a chord in a context, nor may one chord be the beginning of another.

use super::actions::{Context, actions, find};
use super::keys::Chord;
use super::presets;
use super::settings::{KeyOverride, Preset};
use super::{Action, Code, Key};
use crate::model::{Invalid, Safe};
use std::collections::{BTreeMap, BTreeSet};

/// Something that is wrong with the keys of the configuration, or of a preset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// There is no such context.
    #[error("keys.{0}: there is no such place; there are list, reader, sidebar and all")]
    NoContext(String),
    /// There is no such action.
    #[error("keys.{context}: there is no action {action:?}; `pillarbox actions` lists them")]
    NoAction {
        /// Where it is written.
        context: String,
        /// What is written.
        action: String,
    },
    /// The action does not exist in that context.
    #[error("keys.{context}: {action} cannot be done there")]
    WrongContext {
        /// Where it is written.
        context: &'static str,
        /// The action.
        action: &'static str,
    },
    /// The chord cannot be read.
    #[error("{action}: {why}")]
    BadChord {
        /// Whose it is.
        action: String,
        /// What is wrong with it.
        why: Invalid,
    },
    /// Two actions want the same chord, or one chord begins another.
    #[error(
        "keys.{context}: {chord} is {action}, and {other_chord} is {other}; give one of them another key"
    )]
    Clash {
        /// Where.
        context: &'static str,
        /// The one chord.
        chord: String,
        /// Its action.
        action: &'static str,
        /// The other chord; often the same.
        other_chord: String,
        /// Its action.
        other: &'static str,
    },
}

/// What keys that were pressed so far stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The action with that index in the table.
    Action(usize),
    /// The beginning of something.
    Prefix,
    /// Nothing.
    Nothing,
}

type Bindings = BTreeMap<Chord, usize>;

/// All chords of all contexts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keymap {
    maps: BTreeMap<Context, Bindings>,
}

/// Chords per context and action, in the order in which they are shown.
type Wanted = BTreeMap<(Context, usize), Vec<Chord>>;

impl Keymap {
    /// Builds the keymap.
    ///
    /// # Errors
    /// Everything that is wrong with the user's keys; nothing of them is used then.
    pub fn new(preset: Preset, overrides: &[KeyOverride]) -> Result<Self, Vec<KeyProblem>> {
        let mut problems = Vec::new();
        let mut wanted = defaults(&mut problems);
        for (context, action, chords) in presets::keys(preset) {
            put(
                &mut wanted,
                context,
                action,
                chords.iter().copied(),
                &mut problems,
            );
        }
        let mut own = BTreeSet::new();
        for key in overrides {
            let chords = || key.chords.iter().map(String::as_str);
            let put = put(
                &mut wanted,
                &key.context,
                &key.action,
                chords(),
                &mut problems,
            );
            own.extend(put);
        }
        give_way(&mut wanted, &own);
        let map = bind(&wanted, &mut problems);
        if problems.is_empty() {
            Ok(map)
        } else {
            Err(problems)
        }
    }

    /// What these keys stand for in that context.
    #[must_use]
    pub fn lookup(&self, context: Context, keys: &[Key]) -> Lookup {
        let chord = Chord::of(keys.to_vec());
        let next = self
            .maps
            .get(&context)
            .and_then(|m| m.range(chord..).next());
        match next {
            Some((found, action)) if found.keys() == keys => Lookup::Action(*action),
            Some((found, _)) if found.keys().starts_with(keys) => Lookup::Prefix,
            _ => Lookup::Nothing,
        }
    }

    /// The chords that begin with these keys: what may follow, and what it does.
    #[must_use]
    pub fn following(&self, context: Context, keys: &[Key]) -> Vec<(Safe, &'static Action)> {
        let mut all: Vec<(usize, Safe)> = Vec::new();
        let from = Chord::of(keys.to_vec());
        for (chord, action) in self
            .maps
            .get(&context)
            .into_iter()
            .flat_map(|m| m.range(from.clone()..))
        {
            let Some(rest) = chord.keys().strip_prefix(keys) else {
                break;
            };
            all.push((*action, Safe::line(&Chord::of(rest.to_vec()).to_string())));
        }
        all.sort();
        let action = |n: usize| actions().get(n);
        all.into_iter()
            .filter_map(|(n, keys)| Some((keys, action(n)?)))
            .collect()
    }

    /// The chords of an action in a context, as shown; the first is the one to learn.
    #[must_use]
    pub fn chords(&self, id: &str, context: Context) -> Vec<Safe> {
        let Some((index, action)) = find(id) else {
            return Vec::new();
        };
        let bound = self.maps.get(&context).into_iter().flatten();
        let mut bound: Vec<&Chord> = bound.filter(|(_, a)| **a == index).map(|b| b.0).collect();
        let order = |chord: &&Chord| {
            let written = action.keys_in(context).map(Chord::parse);
            let written = written.filter_map(Result::ok).position(|c| c == **chord);
            (familiarity(chord), written.map_or(0, |n| n + 1))
        };
        bound.sort_by_key(order);
        bound.iter().map(|c| Safe::line(&c.to_string())).collect()
    }

    /// All chords of an action in a context, in one text.
    #[must_use]
    pub fn shown(&self, id: &str, context: Context) -> Safe {
        Safe::join(&self.chords(id, context), "  ")
    }

    /// The chord of an action to show where there is room for one; empty if it has none.
    #[must_use]
    pub fn first(&self, id: &str, context: Context) -> Safe {
        self.chords(id, context)
            .into_iter()
            .next()
            .unwrap_or_default()
    }
}

/// Enter and Esc are known to everybody; arrows and the like need no telling.
fn familiarity(chord: &Chord) -> u8 {
    match chord.keys() {
        [key] if key.is(Code::Enter) || key.is(Code::Esc) => 0,
        _ if chord.is_fixed() => 2,
        _ => 1,
    }
}

fn defaults(problems: &mut Vec<KeyProblem>) -> Wanted {
    let mut wanted = Wanted::new();
    for (index, action) in actions().iter().enumerate() {
        for context in action.contexts() {
            let chords = parse_all(action.id, action.keys_in(context), problems);
            wanted.insert((context, index), chords);
        }
    }
    wanted
}

fn parse_all<'a>(
    action: &str,
    chords: impl Iterator<Item = &'a str>,
    problems: &mut Vec<KeyProblem>,
) -> Vec<Chord> {
    let mut parsed = Vec::new();
    for text in chords {
        match Chord::parse(text) {
            Ok(chord) => parsed.push(chord),
            Err(why) => problems.push(KeyProblem::BadChord {
                action: action.to_owned(),
                why,
            }),
        }
    }
    parsed
}

/// A chord that the user gave to an action is taken from those whose chords are as they come. Fixed
/// ones stay, and two wishes of the user that clash are told.
fn give_way(wanted: &mut Wanted, own: &BTreeSet<(Context, usize)>) {
    let taken: BTreeSet<(Context, Chord)> = own
        .iter()
        .filter_map(|place| Some((place.0, wanted.get(place)?)))
        .flat_map(|(context, chords)| chords.iter().map(move |c| (context, c.clone())))
        .collect();
    for (place, chords) in wanted.iter_mut().filter(|(place, _)| !own.contains(place)) {
        chords.retain(|c| c.is_fixed() || !taken.contains(&(place.0, c.clone())));
    }
}

/// Replaces the chords of one action; those that are fixed stay. Returns where.
fn put<'a>(
    wanted: &mut Wanted,
    context: &str,
    id: &str,
    chords: impl Iterator<Item = &'a str>,
    problems: &mut Vec<KeyProblem>,
) -> Vec<(Context, usize)> {
    let all = context == "all";
    let named = Context::from_name(context);
    if named.is_none() && !all {
        problems.push(KeyProblem::NoContext(context.to_owned()));
        return Vec::new();
    }
    let Some((index, action)) = find(id) else {
        problems.push(KeyProblem::NoAction {
            context: context.to_owned(),
            action: id.to_owned(),
        });
        return Vec::new();
    };
    if let Some(context) = named.filter(|c| !action.is_in(*c)) {
        problems.push(KeyProblem::WrongContext {
            context: context.name(),
            action: action.id,
        });
        return Vec::new();
    }
    let chords = parse_all(id, chords, problems);
    let places = action.contexts().filter(|c| all || named == Some(*c));
    let places: Vec<(Context, usize)> = places.map(|place| (place, index)).collect();
    for place in &places {
        let old = wanted.entry(*place).or_default();
        let mut new = chords.clone();
        new.extend(
            old.iter()
                .filter(|c| c.is_fixed() && !chords.contains(c))
                .cloned(),
        );
        *old = new;
    }
    places
}

fn bind(wanted: &Wanted, problems: &mut Vec<KeyProblem>) -> Keymap {
    let mut map = Keymap::default();
    for ((context, index), chords) in wanted {
        let bindings = map.maps.entry(*context).or_default();
        for chord in chords {
            match clash(bindings, chord, *index) {
                Some((other_chord, other)) => {
                    let name = |n: usize| actions().get(n).map_or("?", |a| a.id);
                    problems.push(KeyProblem::Clash {
                        context: context.name(),
                        chord: chord.to_string(),
                        action: name(*index),
                        other_chord: other_chord.to_string(),
                        other: name(other),
                    });
                }
                None => drop(bindings.insert(chord.clone(), *index)),
            }
        }
    }
    map
}

/// A chord already bound that this one cannot live with.
fn clash<'a>(bindings: &'a Bindings, chord: &Chord, index: usize) -> Option<(&'a Chord, usize)> {
    let begins = |a: &Chord, b: &Chord| b.keys().starts_with(a.keys());
    bindings
        .iter()
        .find(|(other, action)| {
            let is_same = *other == chord && **action == index;
            !is_same && (begins(other, chord) || begins(chord, other))
        })
        .map(|(other, action)| (other, *action))
}
