//! The title on top, and at the bottom the notice, the progress, the prompt and the keys.
//!
//! Called by `draw`. A notice must never move anything else.

use super::canvas::Canvas;
use super::sidebar::link_mark;
use super::text::{Text, tail};
use super::theme::Paint;
use crate::app::{
    App, Area, Context, Link, NoticeKind, Overlay, Panes, Prompt, Split, grouped, hints,
};
use crate::model::{Safe, Sort};
use ratatui::style::Style;

/// The line on top: what is shown, how much, and how the connection is.
pub(super) fn title(app: &App, canvas: &mut Canvas, area: Area) {
    if area.is_empty() {
        return;
    }
    let right = connection(app, canvas, area);
    let room = area.w.saturating_sub(right + 2);
    let left = Area { w: room, ..area };
    let title = canvas.style(Paint::Title);
    let dim = canvas.style(Paint::Dim);
    let mut x = 1;
    x += canvas.put_rest(left, x, &app.place_name(), title) + 2;
    if let Some(subject) = subject_out_of_sight(app) {
        canvas.put_rest(left, x, &subject, canvas.style(Paint::Strong));
        return;
    }
    let list = &app.list;
    if let Some(unread) = app.unread_here().filter(|n| *n > 0) {
        let style = canvas.style(Paint::Strong);
        let text = Safe::line(&format!("{} unread", grouped(unread)));
        x += gap(canvas.put_rest(left, x, &text, style));
    }
    if list.total() > 0 {
        let more = if list.is_complete() { "" } else { " so far" };
        let (at, total) = (grouped(list.cursor() + 1), grouped(list.total()));
        let text = format!("{at} of {total}{more}");
        x += gap(canvas.put_rest(left, x, &Safe::line(&text), dim));
    }
    if !list.selected().is_empty() || list.anchor().is_some() {
        let range = list.range().map_or(0, |(a, b)| b - a + 1);
        let count = list.selected().len() + usize::try_from(range).unwrap_or(0);
        let style = canvas.style(Paint::Selected);
        x += gap(canvas.put_rest(left, x, &Safe::line(&format!("{count} selected")), style));
    }
    if !app.filter_text.is_empty() {
        let style = canvas.style(Paint::Warning);
        let text = Safe::join(&[Safe::fixed("only:"), app.filter_text.clone()], " ");
        x += gap(canvas.put_rest(left, x, &text, style));
    }
    let sort = match list.view().sort {
        Sort::Newest => "",
        Sort::Oldest => "oldest first",
        Sort::From => "by sender",
        Sort::Subject => "by subject",
        Sort::Size => "largest first",
    };
    canvas.put_rest(left, x, &sort, dim);
}

/// What is read, where neither the list nor the message's own head shows it: in a conversation, and
/// further down in a message. Whoever has it read out is not told again at each page.
fn subject_out_of_sight(app: &App) -> Option<Safe> {
    let panes = app.panes();
    if panes.reader.is_empty() || !panes.list.is_empty() || app.is_linear() {
        return None;
    }
    if let Some(talk) = app.thread_view() {
        return talk
            .messages()
            .get(talk.at())
            .map(|m| m.row.subject.clone());
    }
    let placed = app.reader.placed.filter(|_| app.reader.scroll() > 0)?;
    let (_, row) = app.list.find(placed)?;
    Some(row.subject.clone())
}

const fn gap(used: u16) -> u16 {
    if used > 0 { used + 2 } else { 0 }
}

/// How the connections are, in words and shape: the one that needs attention most.
fn connection(app: &App, canvas: &mut Canvas, area: Area) -> u16 {
    let weight = |link: &Link| match link {
        Link::Stopped { .. } => 5,
        Link::Waiting { .. } => 4,
        Link::Syncing { .. } => 3,
        Link::Connecting => 2,
        Link::Idle => 1,
        Link::InStep { .. } | Link::Checked { .. } => 0,
    };
    let here = app.current_account();
    // Of several that stand alike, the first.
    let most = || app.accounts.iter().rev().max_by_key(|a| weight(&a.link));
    let Some(account) = here.or_else(most) else {
        return 0;
    };
    let (mark, paint) = link_mark(canvas, &account.link);
    let full = app.link_text(account);
    let end = area.w.saturating_sub(1);
    let cols = area.w / 2;
    let text = if full.cols() <= cols {
        full
    } else {
        Safe::fixed(crate::app::link_word(&account.link))
    };
    let dim = canvas.style(Paint::Dim);
    let used = canvas.put_right(area, end, cols, &text, dim);
    let style = canvas.style(paint);
    canvas.put_right(area, end.saturating_sub(used + 1), 1, &mark, style);
    used + 2
}

/// The two lines at the bottom. Gives the place of the text cursor while a prompt is open.
pub(super) fn draw(app: &App, canvas: &mut Canvas, panes: Panes) -> Option<(u16, u16)> {
    let (status, keys) = (panes.status, panes.hints);
    let line = if status.is_empty() { keys } else { status };
    let cursor = match &app.overlay {
        Some(Overlay::Prompt(prompt)) => prompt_line(canvas, line, prompt),
        Some(
            Overlay::Help(_)
            | Overlay::Picker(_)
            | Overlay::Confirm(_)
            | Overlay::Activity(_)
            | Overlay::Outbox(_)
            | Overlay::Output(_),
        )
        | None => {
            let spilt = notice(app, canvas, panes);
            // What is open has its own keys, and Esc is one of them.
            if let Some(hint) = spilt.filter(|_| app.overlay.is_none()) {
                spill(app, canvas, keys, hint);
                return None;
            }
            None
        }
    };
    if !status.is_empty() {
        key_line(app, canvas, keys);
    }
    cursor
}

/// What to do about an error whose sentence fills its line, in the place of the keys.
fn spill(app: &App, canvas: &mut Canvas, area: Area, hint: &Safe) {
    let key = canvas.style(Paint::Key);
    let dim = canvas.style(Paint::Dim);
    let back = app.keymap.first("back", app.focus);
    let room = area.w.saturating_sub(back.cols() + 12);
    let x = 1 + canvas.put(area, 1, room, hint, Style::new()) + 3;
    let used = canvas.put_rest(area, x, &back, key);
    canvas.put_rest(area, x + used + 1, &"dismiss", dim);
}

/// The notice. Gives back the hint where there was no room for it.
fn notice<'a>(app: &'a App, canvas: &mut Canvas, panes: Panes) -> Option<&'a Safe> {
    let area = panes.status;
    if area.is_empty() {
        return None;
    }
    if app.has_tour && panes.reader.is_empty() && app.notices.shown().is_none() {
        let help = app.keymap.first("help", app.focus);
        let text = format!("Welcome to the sample mail. {help} shows all keys.");
        let style = canvas.style(Paint::Title);
        canvas.put_rest(area, 1, &Safe::line(&text), style);
        return None;
    }
    let shown = app.notices.shown();
    let is_error = shown.is_some_and(|n| n.kind == NoticeKind::Error);
    let back = shown.and_then(|n| match n.kind {
        NoticeKind::Undoable => Some(("undo", app.keymap.first("undo", app.focus))),
        NoticeKind::Redoable => Some(("redo", app.keymap.first("redo", app.focus))),
        NoticeKind::Done | NoticeKind::Refused | NoticeKind::Error => None,
    });
    // The key that takes it back must not be pushed out by a long sentence.
    let reserved = back.as_ref().map_or(0, |(_, key)| key.cols() + 9);
    let hint = shown.map_or(0, |n| {
        if back.is_some() {
            reserved
        } else {
            n.hint.cols()
        }
    });
    let cols = shown.map_or(0, |n| n.text.cols() + hint + 4);
    let is_typing = !app.pending.is_empty() || app.count.is_some();
    // A sentence that needs the whole line has it; it is not there for long.
    let right = if cols + 20 > area.w && (is_error || !is_typing) {
        0
    } else {
        progress(app, canvas, panes)
    };
    let room = Area {
        w: area.w.saturating_sub(right + 1),
        ..area
    };
    let notice = shown?;
    let style = canvas.style(if is_error { Paint::Error } else { Paint::Plain });
    let dim = canvas.style(Paint::Dim);
    let key = canvas.style(Paint::Key);
    let cols_max = room.w.saturating_sub(1 + reserved);
    // A sentence goes on where something follows it.
    let goes_on = back.is_none() && !notice.hint.is_empty();
    let text = match notice.text.as_str().strip_suffix('.') {
        Some(open) if goes_on && cols <= room.w => Safe::line(open),
        _ => notice.text.clone(),
    };
    let mut x = 1 + canvas.put(room, 1, cols_max, &text, style);
    if let Some((word, name)) = back {
        x += 2;
        x += canvas.put_rest(room, x, &name, key) + 1;
        // What it would do, where that is more than the word says and there is room.
        let fits = notice.hint.cols() <= room.w.saturating_sub(x);
        if notice.hint.is_empty() || !fits {
            canvas.put_rest(room, x, &word, dim);
        } else {
            canvas.put_rest(room, x, &notice.hint, dim);
        }
    } else if !notice.hint.is_empty() {
        if is_error && cols > room.w {
            return Some(&notice.hint);
        }
        // What to do is sometimes a sentence of its own.
        let is_own = notice.hint.as_str().starts_with(char::is_uppercase);
        let between = if is_own { ". " } else { ": " };
        x += canvas.put_rest(room, x, &between, style);
        canvas.put_rest(room, x, &notice.hint, dim);
    }
    None
}

/// What is running: pending keys, counts, jobs, changes that wait. Returns the columns used.
fn progress(app: &App, canvas: &mut Canvas, panes: Panes) -> u16 {
    let area = panes.status;
    let end = area.w.saturating_sub(1);
    if !app.pending.is_empty() || app.count.is_some() {
        let count = app.count.map(|n| n.to_string()).unwrap_or_default();
        let keys: String = app.pending.iter().map(ToString::to_string).collect();
        let style = canvas.style(Paint::Key);
        return canvas.put_right(area, end, 16, &Safe::line(&format!("{count}{keys}")), style);
    }
    let job = app.jobs.values().next().map(|job| {
        let percent = job.progress.map(|(done, total)| done * 100 / total.max(1));
        match percent {
            Some(n) => format!("{} {n}%", job.label),
            None => job.label.to_string(),
        }
    });
    let pending = match app.pending_changes() {
        0 => None,
        1 => Some("1 change to send".to_owned()),
        n => Some(format!("{n} changes to send")),
    };
    // Where no line stands above the message, its position is told here.
    let is_reading =
        app.composer().is_none() && !panes.reader.is_empty() && panes.split != Split::Below;
    let position = is_reading.then(|| super::reader::position(app, panes.reader.h));
    let all: Vec<Safe> = [
        job.or(pending).map(|t| Safe::line(&t)),
        outbox(app),
        position,
    ]
    .into_iter()
    .flatten()
    .filter(|text| !text.is_empty())
    .collect();
    let style = canvas.style(Paint::Dim);
    let text = Safe::join(&all, "   ");
    let used = canvas.put_right(area, end, area.w / 2, &text, style);
    let Some(full) = fullness(app) else {
        return used;
    };
    let gap = if used > 0 { 3 } else { 0 };
    let at = end.saturating_sub(used + gap);
    let style = canvas.style(Paint::Warning);
    used + gap + canvas.put_right(area, at, area.w / 3, &full, style)
}

/// How much waits to be sent, and whether it needs the user.
fn outbox(app: &App) -> Option<Safe> {
    let text = match (app.writing.waiting, app.writing.stuck) {
        (0, 0) => return None,
        (waiting, 0) => format!("outbox {waiting}"),
        (0, stuck) => format!("{stuck} not sent"),
        (waiting, stuck) => format!("outbox {waiting}, {stuck} not sent"),
    };
    Some(Safe::line(&text))
}

/// That an account has hardly any room left: mail to it will come back to its senders.
fn fullness(app: &App) -> Option<Safe> {
    let (account, percent) = app.fullest()?;
    let text = if app.accounts.len() > 1 {
        format!("{} {percent}% full", account.name)
    } else {
        format!("{percent}% full")
    };
    Some(Safe::line(&text))
}

/// Whether what is wrong with the text fits beside it.
pub(super) fn has_room_for_error(area: Area, prompt: &Prompt) -> bool {
    let typed = prompt.edit.before().cols() + prompt.edit.after().cols();
    let error = prompt.error.as_ref().map_or(0, Text::cols);
    prompt.label.cols() + typed + error + 5 <= area.w
}

fn key_line(app: &App, canvas: &mut Canvas, area: Area) {
    let key_style = canvas.style(Paint::Key);
    let dim = canvas.style(Paint::Dim);
    for hint in hints(app, area.w) {
        let used = canvas.put(area, hint.x, hint.w, &hint.key, key_style);
        let x = hint.x + used + u16::from(used > 0);
        canvas.put(area, x, hint.w.saturating_sub(x - hint.x), &hint.label, dim);
    }
}

fn prompt_line(canvas: &mut Canvas, area: Area, prompt: &Prompt) -> Option<(u16, u16)> {
    if area.is_empty() {
        return None;
    }
    canvas.clear(area);
    let key = canvas.style(Paint::Key);
    let plain = canvas.style(Paint::Plain);
    let dim = canvas.style(Paint::Dim);
    let label = canvas.put_rest(area, 1, &prompt.label, key) + 1;
    let (before, after) = (prompt.edit.before(), prompt.edit.after());
    let room = area.w.saturating_sub(label + 1);
    // A long line is shown from where the cursor is in sight.
    let shown = tail(&before, room);
    let x = label + canvas.put(area, label, room, &shown, plain);
    if prompt.edit.is_empty() {
        // Where something is wrong, that says what to type.
        let example = Some(prompt.kind.example()).filter(|_| prompt.error.is_none());
        canvas.put_rest(area, x + 1, &example.unwrap_or_default(), dim);
    } else {
        canvas.put_rest(area, x, &after, plain);
    }
    if let Some(error) = prompt
        .error
        .as_ref()
        .filter(|_| has_room_for_error(area, prompt))
    {
        let style = canvas.style(Paint::Error);
        let room = area.w.saturating_sub(x + after.cols() + 3);
        canvas.put_right(area, area.w.saturating_sub(1), room, error, style);
    }
    if prompt.error.is_none() && !prompt.edit.is_empty() {
        let room = area.w.saturating_sub(x + after.cols() + 3);
        canvas.put_right(area, area.w.saturating_sub(1), room, &prompt.told, dim);
    }
    Some((area.x + x.min(area.w.saturating_sub(1)), area.y))
}

/// What the context is called where the user reads it.
pub(super) const fn pane_name(context: Context) -> &'static str {
    match context {
        Context::List => "Keys in the list",
        Context::Reader => "Keys in the message",
        Context::Sidebar => "Keys in the folders",
    }
}
