//! What lies over the panes: help, pickers, questions, and which keys may follow.
//!
//! Called by `draw` last. Everything below an overlay stays where it was.

use super::activity;
use super::canvas::Canvas;
use super::outbox;
use super::output;
use super::status::{has_room_for_error, pane_name};
use super::text::{Text, tail};
use super::theme::Paint;
use crate::app::{
    ANSWERS_GAP, App, Area, Availability, Confirm, Help, HelpLine, Item, Overlay, Panes, Picker,
    PickerKind, Prompt,
};
use crate::model::Safe;

/// Draws what is open. Gives the place of the text cursor, if there is one.
pub(super) fn draw(app: &App, canvas: &mut Canvas, panes: Panes) -> Option<(u16, u16)> {
    let area = app.overlay_area();
    match &app.overlay {
        Some(Overlay::Help(help)) => help_box(canvas, area, help),
        Some(Overlay::Picker(picker)) => picker_box(canvas, area, picker),
        Some(Overlay::Confirm(question)) => {
            confirm_box(canvas, area, question);
            None
        }
        Some(Overlay::Activity(list)) => {
            activity::draw(app, canvas, area, list);
            None
        }
        Some(Overlay::Outbox(list)) => {
            outbox::draw(app, canvas, area, list);
            None
        }
        Some(Overlay::Output(said)) => {
            output::draw(canvas, area, said);
            None
        }
        Some(Overlay::Prompt(prompt)) => {
            suggestions(canvas, panes, prompt);
            None
        }
        None => {
            if app.has_which_key && !app.pending.is_empty() {
                which_key(app, canvas, panes);
            }
            None
        }
    }
}

/// A line that is typed into, at the top of a box.
fn input(canvas: &mut Canvas, row: Area, before: &Safe, after: &Safe) -> Option<(u16, u16)> {
    if row.is_empty() {
        return None;
    }
    let plain = canvas.style(Paint::Plain);
    let key = canvas.style(Paint::Key);
    canvas.put_rest(row, 1, &">", key);
    let room = row.w.saturating_sub(4);
    let shown = tail(before, room);
    let x = 3 + canvas.put(row, 3, room, &shown, plain);
    canvas.put_rest(row, x, after, plain);
    Some((row.x + x.min(row.w.saturating_sub(1)), row.y))
}

fn picker_box(canvas: &mut Canvas, area: Area, picker: &Picker) -> Option<(u16, u16)> {
    canvas.frame(area, &picker.title);
    let inner = area.inner();
    let mut first = 0;
    let mut cursor = None;
    if picker.is_fuzzy() {
        cursor = input(
            canvas,
            inner.row(0),
            &picker.edit.before(),
            &picker.edit.after(),
        );
        first = 1;
    }
    if picker.is_empty() {
        let dim = canvas.style(Paint::Dim);
        canvas.put_rest(inner.row(first), 3, &picker.empty, dim);
        return cursor;
    }
    for (y, at) in (first..inner.h).zip(picker.top()..picker.len()) {
        if let Some(item) = picker.item(at) {
            let is_current = at == picker.cursor();
            draw_item(canvas, inner.row(y), item, is_current, picker.kind);
        }
    }
    let shown = picker.top() + usize::from(inner.h.saturating_sub(first));
    more_below(canvas, area, picker.len().saturating_sub(shown));
    cursor
}

/// Says on the lower edge of a box how many rows there are below it.
fn more_below(canvas: &mut Canvas, area: Area, hidden: usize) {
    if hidden > 0 {
        let edge = area.row(area.h.saturating_sub(1));
        let text = Safe::line(&format!(" {hidden} more "));
        let dim = canvas.style(Paint::Dim);
        canvas.put_right(edge, area.w.saturating_sub(2), 20, &text, dim);
    }
}

fn draw_item(canvas: &mut Canvas, row: Area, item: &Item, is_current: bool, kind: PickerKind) {
    if is_current {
        let style = canvas.style(Paint::Cursor);
        canvas.tint(row, style);
        let mark = canvas.style(Paint::Mark);
        canvas.put(row, 0, 1, &canvas.theme.glyphs().cursor, mark);
    }
    if canvas.theme.is_linear {
        let why = item.dim.clone().unwrap_or_default();
        let words = [
            item.label.clone(),
            item.key.clone(),
            item.detail.clone(),
            why,
        ];
        let words: Vec<Safe> = words.into_iter().filter(|w| !w.is_empty()).collect();
        let style = canvas.style(Paint::Plain);
        canvas.put_rest(row, 2, &Safe::join(&words, ", "), style);
        return;
    }
    let dim = canvas.style(Paint::Dim);
    let key = canvas.style(Paint::Key);
    let plain = canvas.style(if item.dim.is_some() {
        Paint::Dim
    } else {
        Paint::Plain
    });
    let end = row.w.saturating_sub(1);
    if kind == PickerKind::Palette {
        let used = canvas.put_right(row, end, 12, &item.key, key);
        let end = end.saturating_sub(used + 2);
        let why = item.dim.clone().unwrap_or_default();
        let room = end.saturating_sub(3);
        let label = canvas.put(row, 3, room, &item.label, plain);
        let left = room.saturating_sub(label + 2);
        canvas.put_right(row, end, left, &why, dim);
        return;
    }
    let mut x = 3;
    if kind != PickerKind::Fuzzy {
        canvas.put(row, 2, 2, &item.key, key);
        x = 5;
    }
    // The name goes first; the detail has what is left, but not less than a third.
    let whole = end.saturating_sub(x);
    let text = item.dim.as_ref().unwrap_or(&item.detail);
    let detail = text
        .cols()
        .min(whole.saturating_sub(item.label.cols() + 2).max(whole / 3));
    let used = canvas.put_right(row, end, detail, text, dim);
    let room = whole.saturating_sub(used + u16::from(used > 0) * 2);
    canvas.put(row, x, room, &item.label, plain);
}

fn help_box(canvas: &mut Canvas, area: Area, help: &Help) -> Option<(u16, u16)> {
    canvas.frame(area, &pane_name(help.context));
    let inner = area.inner();
    let cursor = input(
        canvas,
        inner.row(0),
        &help.edit.before(),
        &help.edit.after(),
    );
    if help.lines().is_empty() {
        let dim = canvas.style(Paint::Dim);
        canvas.put_rest(inner.row(1), 3, &"Nothing matches.", dim);
    }
    let title = canvas.style(Paint::Title);
    let key = canvas.style(Paint::Key);
    let plain = canvas.style(Paint::Plain);
    let dim = canvas.style(Paint::Dim);
    let keys_cols = (inner.w / 3).clamp(8, 24);
    let visible = help.lines().iter().skip(help.top());
    for (y, line) in (1..inner.h).zip(visible) {
        let row = inner.row(y);
        match line {
            HelpLine::Blank => {}
            HelpLine::Heading(text) => drop(canvas.put_rest(row, 1, text, title)),
            HelpLine::Action { keys, title, id } => {
                canvas.put(row, 3, keys_cols.saturating_sub(1), keys, key);
                let used = canvas.put_rest(row, 3 + keys_cols, title, plain);
                let left = inner.w.saturating_sub(5 + keys_cols + used);
                if id.cols() < left {
                    canvas.put_right(row, inner.w.saturating_sub(1), left, id, dim);
                }
            }
        }
    }
    let hidden = help
        .lines()
        .len()
        .saturating_sub(help.top() + usize::from(inner.h - inner.h.min(1)));
    more_below(canvas, area, hidden);
    cursor
}

fn confirm_box(canvas: &mut Canvas, area: Area, question: &Confirm) {
    canvas.frame(area, &question.title);
    let inner = area.inner().inset(1);
    let plain = canvas.style(Paint::Plain);
    let warning = canvas.style(Paint::Warning);
    let mut y = 0;
    for (line, is_warning) in question.text(usize::from(inner.w)) {
        let style = if is_warning { warning } else { plain };
        canvas.put_rest(inner.row(y), 0, &line, style);
        y += 1;
    }
    let row = inner.row(y + 1);
    let key = canvas.style(Paint::Key);
    let dim = canvas.style(Paint::Dim);
    let mut x = 0;
    for (name, word) in question.answers() {
        x += canvas.put_rest(row, x, &name, key) + 1;
        x += canvas.put_rest(row, x, &word, dim) + ANSWERS_GAP;
    }
}

/// Above the prompt, what is wrong with it, where there is no room for that beside it.
fn prompt_error(canvas: &mut Canvas, panes: Panes, error: &Safe) {
    let line = Area {
        x: 0,
        y: panes.status.y.saturating_sub(1),
        w: panes.screen.w,
        h: 1,
    };
    canvas.clear(line);
    let style = canvas.style(Paint::Error);
    canvas.put_rest(line, 1, error, style);
}

/// The box above the prompt with what might be meant.
fn suggestions(canvas: &mut Canvas, panes: Panes, prompt: &Prompt) {
    if let Some(error) = &prompt.error
        && !has_room_for_error(panes.status, prompt)
    {
        prompt_error(canvas, panes, error);
        return;
    }
    let count = u16::try_from(prompt.suggestions.len()).unwrap_or(u16::MAX);
    if count == 0 || panes.status.y < count {
        return;
    }
    let cols = prompt.suggestions.iter().map(Text::cols).max().unwrap_or(0);
    let area = Area {
        x: 1,
        y: panes.status.y - count,
        w: (cols + 4).min(panes.screen.w.saturating_sub(1)),
        h: count,
    };
    canvas.clear(area);
    for (y, word) in (0..count).zip(&prompt.suggestions) {
        let row = area.row(y);
        let is_chosen = prompt.chosen.is_some_and(|n| n == usize::from(y));
        let style = canvas.style(if is_chosen {
            Paint::Cursor
        } else {
            Paint::CursorElsewhere
        });
        canvas.tint(row, style);
        canvas.put_rest(row, 2, word, style);
    }
}

/// The keys that may follow those pressed so far, in columns above the status line.
fn which_key(app: &App, canvas: &mut Canvas, panes: Panes) {
    let all = app.keymap.following(app.focus, &app.pending);
    let count = u16::try_from(all.len()).unwrap_or(u16::MAX);
    let body = panes.status.y.saturating_sub(panes.title.h);
    let cell = 39.min(panes.screen.w.saturating_sub(2).max(1));
    let across = if panes.is_linear {
        1
    } else {
        (panes.screen.w.saturating_sub(2) / cell).clamp(1, 4)
    };
    let rows = count.div_ceil(across);
    let h = (rows + 2).min(body);
    if count == 0 || h < 3 {
        return;
    }
    let area = Area {
        x: 0,
        y: panes.status.y - h,
        w: panes.screen.w,
        h,
    };
    let keys: String = app.pending.iter().map(ToString::to_string).collect();
    canvas.frame(area, &Safe::line(&format!("{keys} and then")));
    let inner = area.inner();
    let (key, plain) = (canvas.style(Paint::Key), canvas.style(Paint::Plain));
    let dim = canvas.style(Paint::Dim);
    for (n, (keys, action)) in (0..).zip(all) {
        let (column, y) = (n / rows, n % rows);
        if y >= inner.h {
            continue;
        }
        let row = inner.row(y);
        let x = column * cell + 1;
        canvas.put(row, x, 5, &keys, key);
        let is_now = (action.available)(app) == Availability::Yes;
        let style = if is_now { plain } else { dim };
        canvas.put(
            row,
            x + 6,
            cell.saturating_sub(8),
            &action.title_now(app),
            style,
        );
    }
}
