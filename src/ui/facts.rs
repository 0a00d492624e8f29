//! What else there is to a message, with the keys that lead to it: files, links, pictures, its other form.
//!
//! Called by `reader` and `linear`. Nothing may be counted here that the key beside it does not lead to.

use super::canvas::Canvas;
use super::reader::key_of;
use super::text::Text;
use super::theme::Paint;
use crate::app::{App, Area, Pictures, Reader, Row, size_text};
use crate::model::{Card, Reading, Safe};

/// So many of a kind.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    }
}

/// What of the page was not asked for: so many pictures, and what would only tell the sender.
fn not_loaded(pictures: usize, trackers: usize) -> Option<String> {
    let watching = || counted(trackers, "tracker", "trackers");
    Some(match (pictures, trackers) {
        (0, 0) => return None,
        (0, _) => format!("{} blocked", watching()),
        (_, 0) => counted(pictures, "picture not loaded", "pictures not loaded"),
        _ => format!(
            "{}, {} not loaded",
            counted(pictures, "picture", "pictures"),
            watching()
        ),
    })
}

/// What else there is, each with the action that leads to it.
fn told(app: &App, reader: &Reader, reading: &Reading) -> Vec<(Safe, &'static str)> {
    let mut all: Vec<(Safe, &'static str)> = Vec::new();
    let mut push = |text: String, action| all.push((Safe::line(&text), action));
    let count = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let files = reading.attachments.len();
    // Beside a header there is room for nothing more, and the rows of files say it.
    let is_beside = reader.header_lines().iter().any(|line| line.has_facts);
    if files > 0 && !is_beside {
        push(counted(files, "file", "files"), "attachments");
    }
    if !reading.links.is_empty() {
        push(counted(reading.links.len(), "link", "links"), "links");
    }
    // Only those that can be loaded are told of.
    let mut remote = reader.gallery.remote().len();
    let can_show = app.shown_pictures() != Pictures::Off;
    let load = if can_show { "load-pictures" } else { "" };
    if remote > 0 && reader.gallery.is_wanted() {
        push(counted(remote, "remote picture", "remote pictures"), load);
        remote = 0;
    }
    if let Some(text) = not_loaded(remote, count(reading.trackers)) {
        push(text, if remote > 0 { load } else { "" });
    }
    // What a key leads to, as with files and links.
    if reading.has_other_form {
        let form = if reading.is_html {
            "plain text"
        } else {
            "HTML"
        };
        push(form.to_owned(), "other-form");
    } else if reading.is_html {
        push("from HTML".to_owned(), "");
    }
    if reading.hidden_texts > 0 {
        push(format!("{} hidden", count(reading.hidden_texts)), "hidden");
    }
    if reading.cards.iter().any(Card::is_list) {
        push("mailing list".to_owned(), "unsubscribe");
    }
    all
}

/// The same in a row, with the keys.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Area, reader: &Reader) {
    let Some(reading) = reader.reading() else {
        return;
    };
    let mut all = told(app, reader, reading);
    // Where there is no room for all, what has no key and is no count goes first.
    let cols = |(text, action): &(Safe, &'static str)| text.cols() + key_of(app, action).cols() + 4;
    if all.iter().map(cols).sum::<u16>() > area.w + 3 {
        all.retain(|(text, action)| !action.is_empty() || text.as_str() != "from HTML");
    }
    let (dim, key_style) = (canvas.style(Paint::Dim), canvas.style(Paint::Key));
    let mut x = 0;
    for (text, action) in all {
        let key = key_of(app, action);
        let needed = text.cols() + key.cols() + 1;
        if x + needed > area.w {
            continue;
        }
        x += canvas.put_rest(area, x, &text, dim) + 1;
        let used = canvas.put_rest(area, x, &key, key_style);
        x += used + if used > 0 { 3 } else { 2 };
    }
}

/// The same at the right end of a header, where there is but one thing to tell.
pub(super) fn beside(app: &App, canvas: &mut Canvas, area: Area, reader: &Reader) {
    let told = reader.reading().map(|reading| told(app, reader, reading));
    let Some((text, action)) = told.and_then(|all| all.into_iter().next()) else {
        return;
    };
    let key = key_of(app, action);
    let (dim, key_style) = (canvas.style(Paint::Dim), canvas.style(Paint::Key));
    let used = canvas.put_right(area, area.w, area.w / 4, &key, key_style);
    let end = area.w.saturating_sub(used + u16::from(used > 0));
    canvas.put_right(area, end, area.w / 2, &text, dim);
}

/// A row of attachments.
pub(super) fn files(app: &App, canvas: &mut Canvas, area: Area, reading: &Reading, row: Row) {
    let Row::Files { first, count, more } = row else {
        return;
    };
    let more_text = match more {
        Some(n) if n > 0 => Safe::line(&format!("and {n} more ")),
        _ => Safe::default(),
    };
    let key = more.map_or_else(Safe::default, |_| key_of(app, "attachments"));
    let reserved = match more {
        Some(_) => more_text.cols() + key.cols() + 3,
        None => 0,
    };
    let dim = canvas.style(Paint::Dim);
    let plain = canvas.style(Paint::Plain);
    let mut x = 0;
    let numbered = reading.attachments.iter().enumerate();
    for (n, file) in numbered.skip(first).take(count) {
        let number = Safe::line(&format!("[{}] ", n + 1));
        let mut size = Safe::line(&size_text(file.size_bytes));
        if !file.outside.is_empty() {
            size = Safe::join(&[size, Safe::fixed(file.outside)], " ");
        }
        x += canvas.put_rest(area, x, &number, dim);
        let room = area.w.saturating_sub(x + size.cols() + 1 + reserved);
        x += canvas.put(area, x, room, &file.name, plain) + 1;
        x += canvas.put_rest(area, x, &size, dim) + 3;
    }
    x += canvas.put_rest(area, x, &more_text, dim);
    canvas.put_rest(area, x, &key, canvas.style(Paint::Key));
}
