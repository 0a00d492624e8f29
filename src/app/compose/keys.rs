//! What keys, clicks and the other program do to a draft.
//!
//! Called by `dispatch`, `mouse` and `update`. Esc must never lose anything: it closes what is open,
//! then leaves the draft, which is kept.

use super::keeping::{changed, keep_now, when_kept};
use super::review::{self, open as open_review};
use super::sheet::Move;
use super::told::all_keys;
use super::{After, attach, complete};
use crate::app::picker::Choice;
use crate::app::{App, Code, Effect, Item, Key, Overlay, PickerKind, Prompt, PromptKind};
use crate::model::{DraftField, DraftKey, DraftKind, Identity, Safe};

/// Takes a key.
pub(in crate::app) fn key(app: &mut App, key: Key) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    if composer.review.is_some() {
        if key.is(Code::Esc) && app.notices.dismiss_error() {
            return Vec::new();
        }
        return review::key(app, key);
    }
    match complete::key(composer, key) {
        Some(true) => return changed(app),
        Some(false) => return Vec::new(),
        None => {}
    }
    // An error stands in the place of the keys until it was seen.
    if key.is(Code::Esc) && app.notices.dismiss_error() {
        return Vec::new();
    }
    if let Some(effects) = command(app, key) {
        return effects;
    }
    match app.composer().map(super::Composer::focus) {
        Some(DraftField::Body) => in_body(app, key),
        Some(DraftField::From) => in_from(app, key),
        Some(DraftField::Attachments) => in_files(app, key),
        Some(_) => in_field(app, key),
        None => Vec::new(),
    }
}

/// The keys that work wherever the cursor is.
fn command(app: &mut App, key: Key) -> Option<Vec<Effect>> {
    let composer = app.writing.composer.as_mut()?;
    let is_body = composer.focus == DraftField::Body;
    if key.code() == Code::Tab {
        composer.step(key.is(Code::Tab));
        return Some(Vec::new());
    }
    if key.is(Code::Esc) || key.is_ctrl('c') {
        return Some(app.leave_draft());
    }
    if key.is_ctrl('x') {
        return Some(open_review(app));
    }
    if key.is_ctrl('s') {
        return Some(when_kept(app, After::Tell));
    }
    if key.is_ctrl('a') && composer.kind() != DraftKind::Bounce {
        return Some(attach::attach_prompt(app));
    }
    if key.is_ctrl('e') && composer.kind() != DraftKind::Bounce {
        return Some(edit_outside(app));
    }
    if key.is_ctrl('t') {
        return Some(choose_identity(app));
    }
    if key.is_ctrl('o') && composer.kind() != DraftKind::Bounce {
        composer.has_reply_to = true;
        composer.focus_on(DraftField::ReplyTo);
        return Some(Vec::new());
    }
    if key.is(Code::F(1)) {
        return Some(all_keys(app));
    }
    if key.is_ctrl('l') {
        return Some(vec![Effect::Redraw]);
    }
    if key.is_ctrl('f') && is_body {
        let wanted = composer.wanted.clone();
        let prompt = Prompt::new(app, PromptKind::Find).starting_with(&wanted);
        app.overlay = Some(Overlay::Prompt(prompt));
        return Some(Vec::new());
    }
    None
}

fn in_field(app: &mut App, key: Key) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    match key.code() {
        Code::Enter | Code::Down => composer.step(true),
        Code::Up => composer.step(false),
        _ => {
            let Some(field) = composer.fields.get_mut(&composer.focus) else {
                return Vec::new();
            };
            let is_list = composer.focus != DraftField::Subject;
            let is_separator = matches!(key.typed(), Some(',' | ';' | ' '));
            if is_list && is_separator && field.edit.before().as_str().ends_with(", ") {
                // The separator is there already: taking a proposal puts it in.
                return Vec::new();
            }
            let before = field.edit.len();
            if !field.edit.key(key) {
                return unknown(app, key);
            }
            composer.pasted = None;
            if before != field.edit.len() || key.typed().is_some() {
                field.problem = None;
                let mut effects = changed(app);
                effects.extend(complete::typed(app));
                return effects;
            }
        }
    }
    Vec::new()
}

fn unknown(app: &mut App, key: Key) -> Vec<Effect> {
    let text = format!("{key} does nothing here; the last line shows the keys that do");
    app.say_no(Safe::line(&text))
}

fn in_from(app: &mut App, key: Key) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    match key.code() {
        Code::Down => composer.step(true),
        Code::Up => composer.step(false),
        Code::Enter | Code::Char(' ') => return choose_identity(app),
        Code::Right | Code::Left => {
            let all = &composer.identities;
            let count = all.len().max(1);
            let at = all.iter().position(|i| *i == composer.base.identity);
            let by = if key.code() == Code::Right {
                1
            } else {
                count - 1
            };
            let next = all.get((at.unwrap_or(0) + by) % count).cloned();
            return next.map_or_else(Vec::new, |identity| write_as(app, identity));
        }
        _ => return unknown(app, key),
    }
    Vec::new()
}

fn choose_identity(app: &mut App) -> Vec<Effect> {
    let Some(composer) = app.composer() else {
        return Vec::new();
    };
    let has_many = app.accounts.len() > 1;
    let items = composer.identities.iter().map(|identity| {
        let label = Safe::line(&identity.address.to_string());
        let account = app.account(identity.account).filter(|_| has_many);
        let detail = account.map(|a| a.name.clone()).unwrap_or_default();
        Item::new(label, Choice::Identity(Box::new(identity.clone()))).with_detail(detail)
    });
    let items: Vec<Item> = items.collect();
    app.open_picker("Write as", PickerKind::Fuzzy, items)
}

/// Writes the draft as somebody else.
pub(in crate::app) fn write_as(app: &mut App, identity: Identity) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    if composer.base.identity == identity {
        return Vec::new();
    }
    composer.set_identity(identity);
    changed(app)
}

fn in_files(app: &mut App, key: Key) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    let count = composer.base.attachments.len();
    match key.code() {
        Code::Down => composer.step(true),
        Code::Up => composer.step(false),
        Code::Right => composer.file = (composer.file + 1).min(count.saturating_sub(1)),
        Code::Left => composer.file = composer.file.saturating_sub(1),
        Code::Enter | Code::Char('a' | '+') => return attach::attach_prompt(app),
        Code::Delete | Code::Backspace | Code::Char('x' | 'd') => return attach::remove(app),
        _ => return unknown(app, key),
    }
    Vec::new()
}

fn in_body(app: &mut App, key: Key) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    if key.is_ctrl('z') && composer.pasted.is_some() {
        return attach::unpaste(app);
    }
    composer.pasted = None;
    if key.is(Code::Up) && composer.body.is_at_top() {
        composer.step(false);
        return Vec::new();
    }
    match edit(&mut composer.body, key) {
        Some(true) => changed(app),
        Some(false) => Vec::new(),
        None => unknown(app, key),
    }
}

/// Whether the key changed the text. `None`: it means nothing here.
fn edit(body: &mut super::Sheet, key: Key) -> Option<bool> {
    if let Some(c) = key.typed() {
        return Some(body.insert(c.encode_utf8(&mut [0; 4])));
    }
    let ctrl = |code| key == Key::new(code, true, false, false);
    let is = |code| key.is(code);
    let page = body.page();
    let moved = match () {
        () if ctrl(Code::Left) || key.is_alt('b') => Move::WordLeft,
        () if ctrl(Code::Right) || key.is_alt('f') => Move::WordRight,
        () if ctrl(Code::Home) || key.is_alt('<') => Move::Start,
        () if ctrl(Code::End) || key.is_alt('>') => Move::End,
        () if is(Code::Left) || key.is_ctrl('b') => Move::Left,
        () if is(Code::Right) => Move::Right,
        () if is(Code::Home) => Move::RowStart,
        () if is(Code::End) => Move::RowEnd,
        () => return edit_text(body, key, page),
    };
    body.move_to(moved);
    Some(false)
}

fn edit_text(body: &mut super::Sheet, key: Key, page: i64) -> Option<bool> {
    let alt = |code| key == Key::new(code, false, true, false);
    let is = |code| key.is(code);
    let rows = match () {
        () if is(Code::Up) || key.is_ctrl('p') => -1,
        () if is(Code::Down) || key.is_ctrl('n') => 1,
        () if is(Code::PageUp) => -page,
        () if is(Code::PageDown) || key.is_ctrl('v') => page,
        () if is(Code::Enter) || key.is_ctrl('j') || alt(Code::Enter) => {
            return Some(body.insert("\n"));
        }
        () if is(Code::Backspace) || key.is_ctrl('h') => return Some(body.delete(Move::Left)),
        () if is(Code::Delete) || key.is_ctrl('d') => return Some(body.delete(Move::Right)),
        () if key.is_ctrl('w') || alt(Code::Backspace) => return Some(body.delete(Move::WordLeft)),
        () if key.is_alt('d') => return Some(body.delete(Move::WordRight)),
        () if key.is_ctrl('u') => return Some(body.delete(Move::RowStart)),
        () if key.is_ctrl('k') => return Some(body.kill()),
        () if key.is_ctrl('z') => return Some(body.undo()),
        () if key.is_ctrl('y') || key.is_ctrl('r') => return Some(body.redo()),
        () => return None,
    };
    body.move_rows(rows);
    Some(false)
}

/// Goes to a place of the text. Whether there is one.
pub(in crate::app) fn find(app: &mut App, wanted: &str, is_forward: bool, stays: bool) -> bool {
    let Some(composer) = &mut app.writing.composer else {
        return false;
    };
    wanted.clone_into(&mut composer.wanted);
    wanted.is_empty() || composer.body.find(wanted, is_forward, stays)
}

/// Hands the text to the user's editor.
fn edit_outside(app: &mut App) -> Vec<Effect> {
    let mut effects = keep_now(app);
    if let Some(composer) = &mut app.writing.composer {
        composer.focus_on(DraftField::Body);
        effects.push(Effect::EditText {
            key: composer.key,
            text: composer.body.text(),
        });
    }
    effects
}

/// The user's editor has ended: with the text, or with a sentence that says why there is none.
pub(in crate::app) fn edited(
    app: &mut App,
    key: DraftKey,
    outcome: Result<String, Safe>,
) -> Vec<Effect> {
    let Some(composer) = app.writing.composer.as_mut().filter(|c| c.key == key) else {
        return Vec::new();
    };
    match outcome {
        Ok(text) => {
            let is_same = composer.body.text() == text || !composer.body.replace_all(&text);
            if is_same { Vec::new() } else { changed(app) }
        }
        Err(why) => app.complain(why, Safe::fixed("the draft is as it was")),
    }
}

/// The mouse was pressed on the composer.
pub(in crate::app) fn click(app: &mut App, x: u16, y: u16) -> Vec<Effect> {
    let areas = app.compose_areas();
    let Some(composer) = app.writing.composer.as_mut().filter(|c| c.review.is_none()) else {
        return Vec::new();
    };
    let hit = areas.fields.iter().find(|(_, area)| area.contains(x, y));
    if let Some((field, _)) = hit {
        let is_empty = composer.base.attachments.is_empty();
        if *field != DraftField::Attachments || !is_empty {
            composer.focus_on(*field);
        }
        if *field == DraftField::From {
            return choose_identity(app);
        }
    } else if areas.body.contains(x, y) {
        composer.focus_on(DraftField::Body);
        let (x, y) = (x - areas.body.x, y - areas.body.y);
        composer.body.click(usize::from(x), usize::from(y));
    }
    Vec::new()
}

/// The wheel was turned over the composer.
pub(in crate::app) fn wheel(app: &mut App, rows: i64) {
    let area = app.compose_areas().body;
    let Some(composer) = &mut app.writing.composer else {
        return;
    };
    if composer.review.is_some() {
        composer.scroll_review(rows, area);
    } else {
        composer.body.move_rows(rows);
    }
}
