//! The message: headers, facts, files, text with quotes and numbered links.
//!
//! Called by `draw`. Draws the visible rows that `app::reader` laid out, and nothing else.

use super::canvas::Canvas;
use super::dates::in_words;
use super::pictures;
use super::text::Text;
use super::theme::Paint;
use crate::app::{App, Area, Body, Context, HeaderLine, Panes, Row, Split, size_text};
use crate::model::{Emphasis, Line, LineKind, Reading, Safe, Span};
use ratatui::style::{Modifier, Style};

/// Draws the reader.
pub(super) fn draw(app: &App, canvas: &mut Canvas, area: Area) {
    if area.is_empty() {
        return;
    }
    let inner = area.inset(1);
    if app.has_tour {
        return tour(app, canvas, inner);
    }
    let reader = &app.reader;
    if reader.rows().is_empty() {
        return nothing(app, canvas, inner);
    }
    let visible = reader.rows().iter().skip(reader.scroll());
    for (y, row) in (0..inner.h).zip(visible) {
        draw_row(app, canvas, inner.row(y), *row);
    }
}

/// What a newcomer needs to go on, until the first key.
fn tour(app: &App, canvas: &mut Canvas, area: Area) {
    let (title, key, plain) = (
        canvas.style(Paint::Title),
        canvas.style(Paint::Key),
        canvas.style(Paint::Plain),
    );
    let keys = |ids: &[&str]| {
        let all = ids.iter().map(|id| app.keymap.first(id, Context::List));
        Safe::join(&all.collect::<Vec<_>>(), " ")
    };
    let steps = [
        (keys(&["next", "previous"]), "move up and down"),
        (keys(&["open"]), "reads a message, Esc goes back"),
        (keys(&["undo"]), "takes back what you did"),
        (keys(&["help"]), "shows all keys"),
        (keys(&["palette"]), "finds anything by plain words"),
    ];
    let heading = "Welcome. This is sample mail: try everything.";
    canvas.put_rest(area.row(1), 1, &heading, title);
    for (y, (keys, does)) in (3..).zip(steps) {
        let row = area.row(y);
        canvas.put(row, 1, 9, &keys, key);
        canvas.put_rest(row, 11, &does, plain);
    }
}

/// What stands where there is no text.
fn nothing(app: &App, canvas: &mut Canvas, area: Area) {
    let dim = canvas.style(Paint::Dim);
    let strong = canvas.style(Paint::Strong);
    let row = app.reader.placed.and_then(|p| app.list.find(p));
    if let Some((_, row)) = row {
        canvas.put_rest(area.row(0), 0, &row.subject, strong);
        canvas.put_rest(area.row(1), 0, &row.who, dim);
    }
    let line = area.row(3);
    match &app.reader.body {
        Body::Unavailable(why) => {
            let text = Safe::join(
                &[Safe::fixed("This message cannot be shown:"), why.clone()],
                " ",
            );
            let style = canvas.style(Paint::Warning);
            let pieces = crate::app::wrap(&text, usize::from(area.w), 6);
            for (y, piece) in (3..area.h).zip(&pieces) {
                canvas.put_rest(area.row(y), 0, piece, style);
            }
        }
        Body::Loading if app.reader.is_slow => {
            canvas.put_rest(line, 0, &"Fetching the text.", dim);
        }
        Body::Nothing if app.list.total() > 0 => {
            canvas.put_rest(
                area.row(0),
                0,
                &"Enter reads the message under the cursor.",
                dim,
            );
        }
        Body::Nothing | Body::Loading | Body::Here(_) => {}
    }
}

fn draw_row(app: &App, canvas: &mut Canvas, area: Area, row: Row) {
    let reader = &app.reader;
    if let Row::Source(n) = row {
        if let Some(line) = reader.source.get(n) {
            let style = canvas.style(Paint::Plain);
            canvas.put_rest(area, 0, line, style);
        }
        return;
    }
    let Some(reading) = reader.reading() else {
        return;
    };
    match row {
        Row::Header(n) => {
            if let Some(line) = reader.header_lines().get(n) {
                header(app, canvas, area, line, reading);
            }
        }
        Row::Facts => facts(app, canvas, area, reading),
        Row::Files { first, count } => files(canvas, area, reading, first, count),
        Row::Rule => {
            let style = canvas.style(Paint::Line);
            let glyph = canvas.theme.glyphs().across;
            canvas.repeat(area, 0, area.w, glyph, style);
        }
        Row::Rest(n) => {
            let lines = app.rest_lines(reading, usize::from(area.w));
            if let Some(line) = lines.get(n) {
                let style = canvas.style(Paint::Note);
                canvas.put_rest(area, 0, line, style);
            }
        }
        Row::Line(n) => {
            if let Some(line) = reading.body.get(n) {
                text_line(app, canvas, area, line, reading.body.get(n + 1));
            }
        }
        Row::Folded { first, count } => {
            let quote = reading.body.get(first).map_or(1, |l| l.quote);
            let x = bars(canvas, area, quote);
            let text = Safe::line(&format!("{count} quoted lines"));
            let style = canvas.style(Paint::Note);
            let glyph = canvas.theme.glyphs().folded;
            canvas.put(area, x, 1, &glyph, style);
            let used = canvas.put_rest(area, x + 2, &text, style);
            let key = app.keymap.first("fold-quotes", Context::Reader);
            let key_style = canvas.style(Paint::Key);
            canvas.put_rest(area, x + 4 + used, &key, key_style);
        }
        Row::Picture {
            picture,
            row,
            quote,
        } => {
            let x = bars(canvas, area, quote);
            pictures::row(app, canvas, area, x, picture, row);
        }
        Row::Caption(picture) => pictures::caption(app, canvas, area, picture),
        Row::Source(_) | Row::Gap | Row::Quoted(_) => {}
    }
}

fn header(app: &App, canvas: &mut Canvas, area: Area, line: &HeaderLine, reading: &Reading) {
    if line.is_title {
        let style = canvas.style(Paint::Strong);
        canvas.put_rest(area, 0, &line.text, style);
        return;
    }
    let dim = canvas.style(Paint::Dim);
    let plain = canvas.style(Paint::Plain);
    let used = canvas.put(area, 0, area.w / 2, &line.name, dim);
    let x = used.saturating_add(1).max(app.reader.name_cols());
    canvas.put_rest(area, x, &line.text, plain);
    let Some(secs) = reading.date_secs.filter(|_| line.is_dated) else {
        return;
    };
    let settings = &app.settings;
    let date = in_words(
        secs,
        app.now_secs,
        settings.utc_offset_mins,
        settings.date_style,
    );
    if line.text.is_empty() {
        canvas.put_rest(area, x, &date, plain);
    } else {
        let end = reading.width.min(area.w);
        canvas.put_right(area, end, area.w / 2, &date, dim);
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    }
}

/// What else there is, with the keys that lead to it.
pub(super) fn facts(app: &App, canvas: &mut Canvas, area: Area, reading: &Reading) {
    let mut all: Vec<(Safe, &'static str)> = Vec::new();
    let mut push = |text: String, action| all.push((Safe::line(&text), action));
    if !reading.attachments.is_empty() {
        push(
            counted(reading.attachments.len(), "file", "files"),
            "attachments",
        );
    }
    if !reading.links.is_empty() {
        push(counted(reading.links.len(), "link", "links"), "links");
    }
    // Those that can be loaded; of others in no place of the text is told as well.
    let remote = app.reader.gallery.remote().len();
    if remote > 0 {
        let text = if app.reader.gallery.is_wanted() {
            counted(remote, "remote picture", "remote pictures")
        } else {
            counted(remote, "picture not loaded", "pictures not loaded")
        };
        push(text, "load-pictures");
    }
    if reading.has_other_form {
        let form = if reading.is_html {
            "from HTML"
        } else {
            "plain text"
        };
        push(form.to_owned(), "other-form");
    } else if reading.is_html {
        push("from HTML".to_owned(), "");
    }
    if remote == 0 && reading.blocked_images > 0 {
        let count = usize::try_from(reading.blocked_images).unwrap_or(usize::MAX);
        push(
            counted(
                count,
                "remote picture not loaded",
                "remote pictures not loaded",
            ),
            "",
        );
    }
    let (dim, key_style) = (canvas.style(Paint::Dim), canvas.style(Paint::Key));
    let mut x = 0;
    for (text, action) in all {
        let key = app.keymap.first(action, Context::Reader);
        let needed = text.cols() + key.cols() + 1;
        if x + needed > area.w {
            break;
        }
        x += canvas.put_rest(area, x, &text, dim) + 1;
        let used = canvas.put_rest(area, x, &key, key_style);
        x += used + if used > 0 { 3 } else { 2 };
    }
}

fn files(canvas: &mut Canvas, area: Area, reading: &Reading, first: usize, count: usize) {
    let dim = canvas.style(Paint::Dim);
    let plain = canvas.style(Paint::Plain);
    let mut x = 0;
    let numbered = reading.attachments.iter().enumerate();
    for (n, file) in numbered.skip(first).take(count) {
        let number = Safe::line(&format!("[{}] ", n + 1));
        let size = Safe::line(&size_text(file.size_bytes));
        x += canvas.put_rest(area, x, &number, dim);
        let room = area.w.saturating_sub(x + size.cols() + 1);
        x += canvas.put(area, x, room, &file.name, plain) + 1;
        x += canvas.put_rest(area, x, &size, dim) + 3;
    }
}

/// The bars left of quoted text. Returns the column where the text begins.
fn bars(canvas: &mut Canvas, area: Area, quote: u8) -> u16 {
    let glyph = canvas.theme.glyphs().quote;
    let mut x = 0;
    for level in 1..=quote.min(Line::QUOTE_MARKS_MAX) {
        let style = canvas.style(quote_paint(level));
        canvas.put(area, x, 1, &glyph, style);
        x += 2;
    }
    x
}

const fn quote_paint(level: u8) -> Paint {
    if level % 2 == 1 {
        Paint::QuoteOdd
    } else {
        Paint::QuoteEven
    }
}

fn text_line(app: &App, canvas: &mut Canvas, area: Area, line: &Line, next: Option<&Line>) {
    let base = match line.kind {
        LineKind::Heading => canvas.style(Paint::Strong),
        LineKind::Signature => canvas.style(Paint::Dim),
        LineKind::Note => canvas.style(Paint::Note),
        LineKind::Text | LineKind::Rule if line.quote > 0 => canvas.style(quote_paint(line.quote)),
        LineKind::Text | LineKind::Rule => canvas.style(Paint::Plain),
    };
    let mut x = bars(canvas, area, line.quote);
    if line.kind == LineKind::Rule {
        let style = canvas.style(Paint::Line);
        let glyph = canvas.theme.glyphs().across;
        canvas.repeat(area, x, area.w, glyph, style);
        return;
    }
    let text: u16 = line
        .spans
        .iter()
        .map(|s| s.text.cols())
        .fold(x, u16::saturating_add);
    // Numbers are shown as long as they push nothing over the edge.
    let mut spare = area.w.saturating_sub(text);
    for (n, span) in line.spans.iter().enumerate() {
        let style = span_style(app, canvas, span, base);
        x += canvas.put_rest(area, x, &span.text, style);
        let Some(link) = span.link else { continue };
        let follows = line.spans.get(n + 1);
        let follows = follows.or_else(|| next.and_then(|l| l.spans.first()));
        // A link that goes on has its number behind its last words.
        if follows.is_none_or(|s| s.link != Some(link)) {
            let number = Safe::line(&format!("[{}]", link + 1));
            if number.cols() <= spare {
                spare -= number.cols();
                let dim = canvas.style(Paint::Dim);
                x += canvas.put_rest(area, x, &number, dim);
            }
        }
    }
}

fn span_style(app: &App, canvas: &Canvas, span: &Span, base: Style) -> Style {
    let Emphasis {
        is_bold,
        is_italic,
        is_underlined,
        is_struck,
        is_code,
        is_ours,
    } = span.emphasis;
    let mut style = base;
    if span.link.is_some() {
        let is_at_hand = app.reader.link == span.link;
        let paint = if is_at_hand {
            Paint::LinkAtHand
        } else {
            Paint::Link
        };
        style = style.patch(canvas.style(paint));
    }
    if is_ours {
        style = style.patch(canvas.style(Paint::Note));
    }
    for (is_on, modifier) in [
        (is_bold, Modifier::BOLD),
        (is_italic, Modifier::ITALIC),
        (is_underlined, Modifier::UNDERLINED),
        (is_struck, Modifier::CROSSED_OUT),
        (is_code, Modifier::empty()),
    ] {
        if is_on {
            style = style.add_modifier(modifier);
        }
    }
    style
}

/// How far the text is scrolled, or how much of it is here.
pub(super) fn position(app: &App, height: u16) -> Safe {
    if app.has_tour {
        return Safe::default();
    }
    let reader = &app.reader;
    let (rows, height) = (reader.rows().len(), usize::from(height));
    let text = if let Some((done, total)) = reader.progress {
        format!("{} of {}", size_text(done), size_text(total))
    } else if rows > height && height > 0 {
        let hidden = rows - height;
        let percent = reader.scroll() * 100 / hidden.max(1);
        match (reader.scroll(), reader.is_at_end(height)) {
            (0, _) => counted(hidden, "more line", "more lines"),
            (_, true) => "end".to_owned(),
            _ => format!("{percent}%"),
        }
    } else {
        String::new()
    };
    Safe::line(&text)
}

/// The same, on the line between list and message.
pub(super) fn draw_position(app: &App, canvas: &mut Canvas, panes: Panes) {
    let text = position(app, panes.reader.h);
    let area = panes.split_line;
    if panes.split == Split::Below && !text.is_empty() && area.w > 20 {
        let text = Safe::join(&[Safe::default(), text, Safe::default()], " ");
        let style = canvas.style(Paint::Dim);
        canvas.put_right(area, area.w.saturating_sub(1), 24, &text, style);
    }
}
