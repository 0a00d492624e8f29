//! The message: headers, facts, files, text with quotes and numbered links.
//!
//! Called by `draw`. Draws the visible rows that `app::reader` laid out, and nothing else.

use super::canvas::Canvas;
use super::dates::in_words;
use super::facts::{self, counted};
use super::found;
use super::pictures;
use super::text::Text;
use super::theme::Paint;
use super::thread;
use crate::app::{
    App, Area, Body, CardRow, Context, Finding, HeaderLine, Headers, Mark, Panes, Reader, Row,
    Split, Spot, size_text,
};
use crate::model::{Emphasis, Line, LineKind, Safe, Span, Tone};
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
    if let Some(talk) = app.thread_view() {
        return thread::draw(app, canvas, area, talk);
    }
    let reader = &app.reader;
    if reader.rows().is_empty() {
        return nothing(app, canvas, inner);
    }
    let visible = reader.rows().iter().skip(reader.scroll());
    for (y, row) in (0..inner.h).zip(visible) {
        draw_row(app, reader, canvas, inner.row(y), *row);
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

/// The key of an action where the keys are: beside the list others may do it, or none.
pub(super) fn key_of(app: &App, action: &str) -> Safe {
    let context = match app.focus {
        Context::List => Context::List,
        Context::Reader | Context::Sidebar => Context::Reader,
    };
    app.keymap.first(action, context)
}

/// Draws one row of a message.
pub(super) fn draw_row(app: &App, reader: &Reader, canvas: &mut Canvas, area: Area, row: Row) {
    if let Row::Source(n) = row {
        if let Some(line) = reader.source.get(n) {
            let style = canvas.style(Paint::Plain);
            let marks = marks(reader, Spot::Source(n));
            found::put(canvas, area, 0, line, style, (&marks, 0));
        }
        return;
    }
    let Some(reading) = reader.reading() else {
        return;
    };
    match row {
        Row::Inside => inside(app, canvas, area),
        Row::Header(n) => {
            if let Some(line) = reader.header_lines().get(n) {
                header(
                    app,
                    canvas,
                    area,
                    (line, &marks(reader, Spot::Header(n))),
                    reader,
                );
            }
        }
        Row::Facts => facts::draw(app, canvas, area, reader),
        Row::Files { .. } => facts::files(app, canvas, area, reading, row),
        Row::Card(n) => {
            if let Some(row) = reader.card_rows().get(n) {
                card(app, canvas, area, row);
            }
        }
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
                let marks = marks(reader, Spot::Line(n));
                text_line(
                    reader,
                    canvas,
                    area,
                    (line, &marks),
                    reading.body.get(n + 1),
                );
            }
        }
        Row::Folded { first, count } => {
            let quote = reading.body.get(first).map_or(1, |l| l.quote);
            folded(app, canvas, area, quote, count);
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

/// So many quoted lines, which a key unfolds.
fn folded(app: &App, canvas: &mut Canvas, area: Area, quote: u8, count: usize) {
    let x = bars(canvas, area, quote);
    let text = Safe::line(&format!("{count} quoted lines"));
    let style = canvas.style(Paint::Note);
    let glyph = canvas.theme.glyphs().folded;
    canvas.put(area, x, 1, &glyph, style);
    let used = canvas.put_rest(area, x + 2, &text, style);
    let key = key_of(app, "fold-quotes");
    let key_style = canvas.style(Paint::Key);
    canvas.put_rest(area, x + 4 + used, &key, key_style);
}

/// Whose part is read, and how one goes back.
fn inside(app: &App, canvas: &mut Canvas, area: Area) {
    let (note, key_style) = (canvas.style(Paint::Note), canvas.style(Paint::Key));
    let Some(inside) = app.reader.insides.last() else {
        return;
    };
    let key = app.keymap.first("back", Context::Reader);
    let key_cols = u16::try_from(key.as_str().len()).unwrap_or_default();
    let text = Safe::join(&[Safe::fixed("Attached to"), inside.outer.clone()], " ");
    let used = canvas.put(area, 0, area.w.saturating_sub(key_cols + 2), &text, note);
    canvas.put_rest(area, used + 2, &key, key_style);
}

/// What was found in a line.
fn marks(reader: &Reader, spot: Spot) -> Vec<Mark> {
    let finding = reader.finding.as_ref();
    finding.map(|f| f.marks(spot)).unwrap_or_default()
}

fn header(
    app: &App,
    canvas: &mut Canvas,
    area: Area,
    (line, marks): (&HeaderLine, &[Mark]),
    reader: &Reader,
) {
    if line.has_facts {
        let end = reader.reading().map_or(0, |r| r.width).min(area.w);
        facts::beside(app, canvas, Area { w: end, ..area }, reader);
    }
    if line.is_title {
        let style = canvas.style(Paint::Strong);
        found::put(canvas, area, 0, &line.text, style, (marks, 0));
        return;
    }
    let dim = canvas.style(Paint::Dim);
    let plain = canvas.style(Paint::Plain);
    let mut used = canvas.put(area, 0, area.w / 2, &line.name, dim);
    if reader.headers == Headers::Full && !line.name.is_empty() {
        used += canvas.put_rest(area, used, &":", dim);
    }
    let x = used.saturating_add(1).max(reader.name_cols());
    found::put(canvas, area, x, &line.text, plain, (marks, 0));
    let Some(secs) = reader
        .reading()
        .and_then(|r| r.date_secs)
        .filter(|_| line.is_dated)
    else {
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
        let end = reader.reading().map_or(0, |r| r.width).min(area.w);
        canvas.put_right(area, end, area.w / 2, &date, dim);
    }
}

/// What holds of the text that follows. Its mark stands where that of a card does.
fn frame(canvas: &mut Canvas, area: Area, line: &Line) {
    let edge = Area {
        x: area.x.saturating_sub(1),
        w: 1,
        ..area
    };
    let (mark, style) = (canvas.style(Paint::Mark), canvas.style(Paint::Title));
    let (glyph, across) = (canvas.theme.glyphs().card, canvas.theme.glyphs().across);
    canvas.put(edge, 0, 1, &glyph, mark);
    let used = line
        .spans
        .first()
        .map_or(0, |span| canvas.put_rest(area, 1, &span.text, style));
    let rule = canvas.style(Paint::Line);
    canvas.repeat(area, used + 2, area.w, across, rule);
}

/// A row of a card. Its mark stands left of where the text of any message can reach.
fn card(app: &App, canvas: &mut Canvas, area: Area, row: &CardRow) {
    let (mark, paint) = match row.tone {
        Tone::Plain => (Paint::Mark, Paint::Plain),
        Tone::Strong => (Paint::Mark, Paint::Strong),
        Tone::Dim => (Paint::Mark, Paint::Dim),
        Tone::Good => (Paint::Good, Paint::Good),
        Tone::Warning => (Paint::Warning, Paint::Warning),
    };
    let edge = Area {
        x: area.x.saturating_sub(1),
        w: 1,
        ..area
    };
    let (mark, style) = (canvas.style(mark), canvas.style(paint));
    let glyph = canvas.theme.glyphs().card;
    canvas.put(edge, 0, 1, &glyph, mark);
    let used = canvas.put_rest(area, 1, &row.text, style);
    let key = key_of(app, row.action);
    let key_style = canvas.style(Paint::Key);
    canvas.put_rest(area, used + 2, &key, key_style);
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

fn text_line(
    reader: &Reader,
    canvas: &mut Canvas,
    area: Area,
    (line, marks): (&Line, &[Mark]),
    next: Option<&Line>,
) {
    let base = match line.kind {
        LineKind::Heading => canvas.style(Paint::Strong),
        LineKind::Signature => canvas.style(Paint::Dim),
        LineKind::Note => canvas.style(Paint::Note),
        LineKind::Frame => return frame(canvas, area, line),
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
    // Blanks between columns make room for the number before them.
    let mut owed = 0;
    let mut at = 0;
    for (n, span) in line.spans.iter().enumerate() {
        let style = span_style(reader, canvas, span, base);
        let taken = span.blank_after_number(owed);
        spare += taken;
        owed = 0;
        let used = match in_ascii(canvas, &span.text) {
            Some(text) => canvas.put_rest(area, x, &text, style),
            None => found::put(canvas, area, x, &span.text, style, (marks, at)),
        };
        at += span.text.as_str().len();
        x += used - taken.min(used);
        let Some(link) = span.link else { continue };
        let follows = line.spans.get(n + 1);
        let follows = follows.or_else(|| next.and_then(|l| l.spans.first()));
        // A link that goes on has its number behind its last words.
        if follows.is_none_or(|s| s.link != Some(link)) {
            let number = Safe::line(&format!("[{}]", link + 1));
            if number.cols() <= spare {
                spare -= number.cols();
                let dim = canvas.style(Paint::Dim);
                owed = canvas.put_rest(area, x, &number, dim);
                x += owed;
            }
        }
    }
}

/// The signs that the layout of HTML puts into a text, as ASCII where only that is to be drawn.
fn in_ascii(canvas: &Canvas, text: &Safe) -> Option<Safe> {
    let is_sign = |c: char| matches!(c, '•' | '◦' | '▪' | '─');
    let is_ascii = canvas.theme.glyphs().across.is_ascii();
    (is_ascii && text.as_str().contains(is_sign)).then(|| {
        let drawn = text.as_str().chars().map(|c| match c {
            '•' => '*',
            '◦' => 'o',
            '▪' | '─' => '-',
            other => other,
        });
        Safe::line(&drawn.collect::<String>())
    })
}

fn span_style(reader: &Reader, canvas: &Canvas, span: &Span, base: Style) -> Style {
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
        let is_at_hand = reader.link == span.link;
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
    if let Some(talk) = app.thread_view().filter(|_| !app.reader.is_searched()) {
        return thread::position(talk, height);
    }
    let reader = &app.reader;
    let (rows, height) = (reader.rows().len(), usize::from(height));
    let found = reader.finding.as_ref().filter(|f| f.is_own());
    let found = found.map(Finding::told).unwrap_or_default();
    let text = if !found.is_empty() {
        found
    } else if let Some((done, total)) = reader.progress {
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
