//! From a key to an action: overlays first, then counts and chords of the focused pane.
//!
//! Called by `update`. Esc must always end a pending chord before it does anything else.

use super::actions::{Availability, actions};
use super::{App, Code, Effect, Key, Lookup, Token, compose, overlay};
use crate::model::Safe;

/// How long a chord may wait before the keys that may follow are shown.
const WHICH_KEY_MS: u64 = 400;
/// The largest count that means something.
const COUNT_MAX: u32 = 9_999_999;

/// Takes a key.
pub(super) fn key(app: &mut App, key: Key) -> Vec<Effect> {
    if app.overlay.is_some() {
        return overlay::key(app, key);
    }
    if app.composer().is_some() {
        return compose::key(app, key);
    }
    let is_waiting = !app.pending.is_empty() || app.count.is_some();
    if key.is(Code::Esc) && is_waiting {
        forget(app);
        return Vec::new();
    }
    if app.pending.is_empty() && take_digit(app, key) {
        return Vec::new();
    }
    app.pending.push(key);
    match app.keymap.lookup(app.focus, &app.pending) {
        Lookup::Action(index) => {
            let count = app.count;
            forget(app);
            run(app, index, count)
        }
        Lookup::Prefix => {
            let serial = app.next_serial();
            app.which_serial = serial;
            let ms = if app.has_which_key { 0 } else { WHICH_KEY_MS };
            let token = Token::WhichKey(serial);
            vec![Effect::After { ms, token }]
        }
        Lookup::Nothing => {
            let keys = super::Chord::of(std::mem::take(&mut app.pending));
            forget(app);
            let help = app.keymap.first("help", app.focus);
            let text = format!("{keys} does nothing here; {help} shows the keys that do");
            app.say_no(Safe::line(&text))
        }
    }
}

fn forget(app: &mut App) {
    app.pending.clear();
    app.count = None;
    app.has_which_key = false;
    app.which_serial = 0;
}

/// Takes a digit of a count, unless the digit is bound itself.
fn take_digit(app: &mut App, key: Key) -> bool {
    let Some(digit) = key.typed().and_then(|c| c.to_digit(10)) else {
        return false;
    };
    let is_bound = app.keymap.lookup(app.focus, &[key]) != Lookup::Nothing;
    if is_bound || (digit == 0 && app.count.is_none()) {
        return false;
    }
    let count = app.count.unwrap_or(0).saturating_mul(10);
    app.count = Some(count.saturating_add(digit).min(COUNT_MAX));
    true
}

/// Runs the action with this index, if it can be done now.
pub(super) fn run(app: &mut App, index: usize, count: Option<u32>) -> Vec<Effect> {
    let Some(action) = actions().get(index) else {
        return Vec::new();
    };
    match (action.available)(app) {
        Availability::Yes => (action.run)(app, count),
        Availability::No(why) => app.refuse(why),
    }
}
