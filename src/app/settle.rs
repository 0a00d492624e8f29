//! After every input: brings scroll positions in bounds and asks the engine for what is missing.
//!
//! Called by `update` alone, so that actions only say what they want and requests are made in one
//! place. It must never ask again for what was just asked for.

use super::compose;
use super::gallery;
use super::list::placed;
use super::reader::Asked;
use super::{Activity, App, Body, Context, Effect, Outbox, Overlay, Split, Token, stops};
use crate::bus::{Command, Form, RequestId};
use crate::model::{Flag, FlagChange, OpKind, Placed};

/// How long the cursor must rest before a text is asked for while another is still awaited.
const REST_MS: u64 = 120;
/// How long a list may take before the screen says that it is being waited for.
const SLOW_LIST_MS: u64 = 150;
/// How long a text may take before the screen says that it is being waited for.
const SLOW_MS: u64 = 250;

/// Brings everything in order.
pub(super) fn settle(app: &mut App, effects: &mut Vec<Effect>) {
    let panes = app.panes();
    app.sidebar.settle(usize::from(panes.sidebar.h));
    settle_overlay(app);
    effects.extend(stops::settle::<Activity>(app));
    effects.extend(stops::settle::<Outbox>(app));
    compose::settle(app);
    if app.is_tree_stale && !app.is_tree_asked {
        (app.is_tree_stale, app.is_tree_asked) = (false, true);
        effects.push(Effect::Engine(Command::LoadTree));
    }
    let height = app.list_height();
    let next = &mut app.next_request;
    let command = app.list.settle(height, || {
        *next += 1;
        RequestId(*next)
    });
    effects.extend(command.map(Effect::Engine));
    effects.extend(await_list(app));
    follow_cursor(app);
    effects.extend(super::conversation::settle(app));
    let words = app.user_filter.as_ref().map(super::finding::words_of);
    app.reader.set_list_words(words.unwrap_or_default());
    effects.extend(want_text(app));
    effects.extend(want_read(app));
    let (height, scroll) = (app.reader_height(), app.reader.scroll());
    app.reader.scroll_to(scroll, height);
    effects.extend(gallery::settle(app));
}

/// A list that is there in a moment needs no word; one that is not gets one.
fn await_list(app: &mut App) -> Option<Effect> {
    if app.list.is_loaded() {
        (app.list_serial, app.is_list_slow) = (None, false);
        return None;
    }
    if app.list_serial.is_some() {
        return None;
    }
    let serial = app.next_serial();
    app.list_serial = Some(serial);
    let token = Token::SlowList(serial);
    Some(Effect::After {
        ms: SLOW_LIST_MS,
        token,
    })
}

fn settle_overlay(app: &mut App) {
    super::actions::refresh_search(app);
    super::files::refresh(app);
    let height = app.overlay_height();
    match &mut app.overlay {
        Some(Overlay::Picker(picker)) => picker.settle(height),
        Some(Overlay::Help(help)) => help.scroll_by(0, height),
        Some(Overlay::Output(output)) => output.scroll_by(0, height),
        Some(
            Overlay::Prompt(_) | Overlay::Confirm(_) | Overlay::Activity(_) | Overlay::Outbox(_),
        )
        | None => {}
    }
}

/// The preview shows the message under the cursor; the reader keeps to what was opened.
fn follow_cursor(app: &mut App) {
    let panes = app.panes();
    if app.focus == Context::Reader || panes.split == Split::None || !app.list.is_loaded() {
        return;
    }
    let row = app.list.current().map(placed);
    // A row that is being loaded says nothing: what was shown stays for that moment.
    if row.is_some() || app.list.total() == 0 {
        turn_to(app, row);
    }
}

/// Turns the reader to a message.
pub(super) fn turn_to(app: &mut App, to: Option<Placed>) {
    if app.reader.placed != to {
        let asked = app.reader.asked;
        app.reader.turn_to(to);
        // Kept until the next request, so that a fetch nobody waits for any more is cancelled.
        app.reader.asked = asked;
        app.read_serial = None;
        app.slow_serial = app.next_serial();
    }
}

/// Asks for the text, at once where nothing else is awaited, else when the cursor rests.
fn want_text(app: &mut App) -> Vec<Effect> {
    let Some(wanted) = wanted(app) else {
        return Vec::new();
    };
    if app.reader.tried == Some(wanted) {
        return Vec::new();
    }
    let is_busy = app.reader.asked.is_some();
    if is_busy && app.focus != Context::Reader {
        if app.preview_serial.is_some() {
            return Vec::new();
        }
        let serial = app.next_serial();
        app.preview_serial = Some(serial);
        let token = Token::Preview(serial);
        return vec![Effect::After { ms: REST_MS, token }];
    }
    ask_for_text(app)
}

fn wanted(app: &App) -> Option<(Placed, u16, Form)> {
    let panes = app.panes();
    let placed = app.reader.placed?;
    let is_shown = !panes.reader.is_empty();
    let form = match app.reader.form {
        Form::Auto => app.settings.prefer,
        chosen => chosen,
    };
    is_shown.then(|| (placed, panes.text_cols(), form))
}

/// Asks for the text that is wanted now.
pub(super) fn ask_for_text(app: &mut App) -> Vec<Effect> {
    let Some((placed, width, form)) = wanted(app) else {
        return Vec::new();
    };
    if app.reader.tried == Some((placed, width, form)) {
        return Vec::new();
    }
    let request = app.request();
    let mut effects = Vec::new();
    let asked = Asked {
        request,
        placed,
        width,
        form,
    };
    if let Some(old) = app.reader.asked.replace(asked)
        && old.placed != placed
    {
        effects.push(Effect::Engine(Command::Cancel(old.request)));
    }
    app.reader.tried = Some((placed, width, form));
    effects.push(Effect::Engine(Command::OpenMessage {
        request,
        placed,
        inside: app.reader.inside(),
        width,
        form,
    }));
    if app.reader.body == Body::Loading {
        let token = Token::Slow(app.slow_serial);
        effects.push(Effect::After { ms: SLOW_MS, token });
    }
    effects
}

/// A message that is read counts as read: in the reader at once, in the preview after a while.
fn want_read(app: &mut App) -> Vec<Effect> {
    let Some(secs) = app.settings.mark_read_after else {
        return Vec::new();
    };
    if app.reader.reading().is_none() || app.reader.is_marked || app.has_tour {
        return Vec::new();
    }
    if app.focus == Context::Reader || secs == 0 {
        return mark_read(app);
    }
    if app.read_serial.is_some() {
        return Vec::new();
    }
    let serial = app.next_serial();
    app.read_serial = Some(serial);
    vec![Effect::After {
        ms: u64::from(secs) * 1000,
        token: Token::MarkRead(serial),
    }]
}

/// Marks the message in the reader as read, once.
pub(super) fn mark_read(app: &mut App) -> Vec<Effect> {
    let Some(placed) = app.reader.placed.filter(|_| app.reader.reading().is_some()) else {
        return Vec::new();
    };
    app.reader.is_marked = true;
    let is_read = |row: &crate::model::ListRow| row.count == 1 && row.flags.has(Flag::Seen);
    let told = app.thread_view().and_then(super::Conversation::row);
    let listed = app.list.find(placed).map(|(_, row)| row);
    if told.or(listed).is_some_and(is_read) {
        return Vec::new();
    }
    let request = app.request();
    app.quiet.insert(request);
    vec![Effect::Engine(Command::Apply {
        request,
        kind: OpKind::Flags(FlagChange::one(Flag::Seen, true)),
        targets: vec![placed],
        is_automatic: true,
    })]
}
