//! Routes every input to what handles it; decides nothing itself.
//!
//! Called by `run`. Must never read a clock, a file or the environment.

use super::{App, Effect, Input, Token, compose, dispatch, events, mouse, overlay, settle, taking};
use crate::model::Safe;

/// Takes one input and says what is to be done about it.
pub fn update(app: &mut App, input: Input) -> Vec<Effect> {
    // Whoever does something has seen it.
    if matches!(input, Input::Key(_) | Input::Mouse(_) | Input::Paste(_)) {
        app.has_tour = false;
        app.is_untouched = false;
        // For who has it read out, a notice stays until the next.
        if !app.is_linear() {
            app.notices.drop_refusal();
        }
    }
    let mut effects = match input {
        Input::Key(key) => dispatch::key(app, key),
        Input::Paste(text) if app.overlay.is_none() => compose::paste(app, &text),
        Input::Paste(text) => overlay::paste(app, &text),
        Input::Resize { cols, rows } => {
            (app.cols, app.rows) = (cols, rows);
            Vec::new()
        }
        Input::Mouse(event) => mouse::event(app, event),
        Input::Tick {
            now_secs,
            monotonic_ms,
        } => {
            (app.now_secs, app.monotonic_ms) = (now_secs, monotonic_ms);
            Vec::new()
        }
        Input::Timer(token) => timer(app, token),
        Input::Engine(event) => events::event(app, event),
        Input::Refused(command) => events::refused(app, &command),
        Input::Edited { key, outcome } => compose::edited(app, key, outcome),
        Input::HasRun { program, fault } => taking::has_run(app, &program, &fault),
        Input::NotDone(what, hint) => app.complain(what, hint),
        Input::Unopened(file) => unopened(app, file),
        Input::Resumed => vec![Effect::Redraw],
    };
    settle::settle(app, &mut effects);
    effects
}

fn timer(app: &mut App, token: Token) -> Vec<Effect> {
    match token {
        Token::WhichKey(serial) => {
            app.has_which_key = serial == app.which_serial && !app.pending.is_empty();
        }
        Token::Refilter(serial) if serial == app.filter_serial => return overlay::refilter(app),
        Token::Preview(serial) if Some(serial) == app.preview_serial => {
            app.preview_serial = None;
            return settle::ask_for_text(app);
        }
        Token::MarkRead(serial) if Some(serial) == app.read_serial => {
            app.read_serial = None;
            return settle::mark_read(app);
        }
        Token::Slow(serial) if serial == app.slow_serial => app.reader.is_slow = true,
        Token::SlowList(serial) if Some(serial) == app.list_serial => app.is_list_slow = true,
        // Who has it read out may come late to it.
        Token::Notice(_) if app.is_linear() => {}
        Token::Notice(serial) => app.notices.expire(serial),
        Token::Keep(serial) => return compose::keep_on_timer(app, serial),
        Token::Again => return compose::again(app),
        Token::Complete(serial) => return compose::ask_completions(app, serial),
        Token::Paths(serial) => return compose::list_paths(app, Some(serial)),
        // The rest was overtaken.
        Token::Refilter(_)
        | Token::Preview(_)
        | Token::MarkRead(_)
        | Token::Slow(_)
        | Token::SlowList(_) => {}
    }
    Vec::new()
}
/// Nobody is there who could open what the user wanted to see.
fn unopened(app: &mut App, file: Option<Safe>) -> Vec<Effect> {
    let text = Safe::fixed("No program could be started to open it");
    let hint = match file {
        Some(file) => Safe::join(&[Safe::fixed("it is in"), file], " "),
        None => Safe::fixed("open it again and press c to copy the address"),
    };
    app.complain(text, hint)
}
