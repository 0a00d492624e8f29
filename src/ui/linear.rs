//! Plain lines for screen readers: one pane at a time, each row a sentence, the terminal's cursor on the row at
//! hand.
//!
//! Called by `draw` in place of the panes. A mark must never stand where a word can, and a row must not change
//! because another one got the cursor.

use super::canvas::Canvas;
use super::dates::{date, in_words};
use super::facts;
use super::text::Text;
use super::theme::Paint;
use crate::app::{
    App, Area, Body, Context, HeaderLine, Link, Overlay, Panes, Row, SideRow, Target, grouped,
    link_word, size_text,
};
use crate::model::{Flag, Line, LineKind, ListRow, Reading, Rest, Safe};

/// Draws the pane that has the keys; gives the place for the cursor.
pub(super) fn draw(app: &App, canvas: &mut Canvas, panes: Panes) -> Option<(u16, u16)> {
    title(app, canvas, panes.title);
    let y = match app.focus {
        Context::Sidebar => sidebar(app, canvas, panes.sidebar),
        Context::List => list(app, canvas, panes.list),
        Context::Reader => message(app, canvas, panes.reader),
    };
    Some((panes.main.x, y))
}

/// Where the cursor is while something is open in which nothing is typed: on its row at hand.
pub(super) fn parked(app: &App, typed: Option<(u16, u16)>) -> Option<(u16, u16)> {
    let area = app.overlay_area();
    let row = |n: usize| area.y + 1 + u16::try_from(n).unwrap_or(u16::MAX).min(area.h);
    let at = |y| Some((area.x + 1, y));
    match &app.overlay {
        Some(Overlay::Picker(picker)) => {
            let row = row(picker.cursor().saturating_sub(picker.top()));
            match typed {
                // What is typed has the cursor until another than the first is chosen.
                Some(_) if picker.cursor() == 0 => typed,
                Some(_) => at(row + 1),
                None => at(row),
            }
        }
        Some(Overlay::Activity(list)) => {
            let lines = list.lines(app);
            let found = lines
                .iter()
                .position(|l| l.row.is_some() && l.row == list.on());
            at(row(found.unwrap_or(0).saturating_sub(list.top())))
        }
        Some(Overlay::Confirm(_) | Overlay::Outbox(_) | Overlay::Output(_)) => {
            typed.or_else(|| at(area.y + 1))
        }
        Some(Overlay::Help(_) | Overlay::Prompt(_)) | None => typed,
    }
}

/// Words that are there, apart by commas.
fn sentence(words: Vec<Safe>) -> Safe {
    let words: Vec<Safe> = words.into_iter().filter(|w| !w.is_empty()).collect();
    Safe::join(&words, ", ")
}

fn said(text: &str) -> Safe {
    Safe::line(text)
}

fn title(app: &App, canvas: &mut Canvas, area: Area) {
    if area.is_empty() {
        return;
    }
    let mut words = vec![app.place_name()];
    if let Some(unread) = app.unread_here().filter(|n| *n > 0) {
        words.push(said(&format!("{} unread", grouped(unread))));
    }
    if !app.list.selected().is_empty() {
        words.push(said(&format!("{} selected", app.list.selected().len())));
    }
    if !app.filter_text.is_empty() {
        words.push(Safe::join(
            &[Safe::fixed("only"), app.filter_text.clone()],
            " ",
        ));
    }
    let worst = app.accounts.iter().rev().map(|a| &a.link);
    let worst =
        worst.max_by_key(|link| matches!(link, Link::Stopped { .. } | Link::Waiting { .. }));
    words.extend(worst.map(|link| Safe::fixed(link_word(link))));
    let style = canvas.style(Paint::Title);
    canvas.put_rest(area, 0, &sentence(words), style);
}

fn list(app: &App, canvas: &mut Canvas, area: Area) -> u16 {
    let list = &app.list;
    if list.total() == 0 {
        super::list::draw(app, canvas, area);
        return area.y + area.h / 3;
    }
    for y in 0..area.h {
        let index = list.top().saturating_add(u32::from(y));
        if index >= list.total() {
            break;
        }
        if let Some(row) = list.row(index) {
            message_row(app, canvas, area.row(y), row, index);
        } else {
            let style = canvas.style(Paint::Dim);
            canvas.put_rest(area.row(y), 0, &"loading", style);
        }
    }
    let below = list.cursor().saturating_sub(list.top());
    area.y
        + u16::try_from(below)
            .unwrap_or(0)
            .min(area.h.saturating_sub(1))
}

/// `unread, Ann Example, Q2 launch plan, 10:32, 3 of 20`: where it is too long, the subject gives way.
fn message_row(app: &App, canvas: &mut Canvas, line: Area, row: &ListRow, index: u32) {
    let style = canvas.style(if row.flags.has(Flag::Seen) && row.unread == 0 {
        Paint::Plain
    } else {
        Paint::Unread
    });
    let mut head = states(row, app.list.is_selected(index));
    head.push(if app.is_outgoing() {
        Safe::join(&[Safe::fixed("to"), row.who.clone()], " ")
    } else {
        row.who.clone()
    });
    let settings = &app.settings;
    let total = grouped(app.list.total());
    let tail = vec![
        date(
            row.arrived_secs,
            app.now_secs,
            settings.utc_offset_mins,
            settings.date_style,
            16,
        ),
        said(&format!("{} of {total}", grouped(index + 1))),
    ];
    let (head, tail, more) = (sentence(head), sentence(tail), sentence(more(row)));
    let subject = if row.subject.is_empty() {
        Safe::fixed("no subject")
    } else {
        row.subject.clone()
    };
    // Who and what share what the date, the place and a part of the rest leave.
    let more_cols = if more.is_empty() { 0 } else { more.cols() + 2 };
    let kept = tail.cols() + 4 + more_cols.min(line.w / 4);
    let room = line.w.saturating_sub(kept);
    let who = room.saturating_sub(subject.cols().min(room / 2));
    let mut x = canvas.put(line, 0, who, &head, style);
    x += canvas.put_rest(line, x, &", ", style);
    x += canvas.put(line, x, (room + 2).saturating_sub(x), &subject, style);
    x += canvas.put_rest(line, x, &", ", style);
    x += canvas.put_rest(line, x, &tail, style);
    if !more.is_empty() {
        x += canvas.put_rest(line, x, &", ", style);
        canvas.put_rest(line, x, &more, style);
    }
}

/// What else there is to know of a row.
fn more(row: &ListRow) -> Vec<Safe> {
    let mut words = Vec::new();
    if row.count > 1 {
        words.push(said(&format!("thread of {}", row.count)));
    } else if row.depth > 0 {
        words.push(said(&format!("answer, level {}", row.depth)));
    }
    if row.rest != Rest::Here {
        words.push(said(&format!(
            "only the header of {}",
            size_text(row.size_bytes)
        )));
    } else if row.has_attachment {
        words.push(Safe::fixed("with files"));
    }
    if row.is_pending {
        words.push(Safe::fixed("change not sent yet"));
    }
    if !row.tags.is_empty() {
        let tags = Safe::join(&row.tags, " and ");
        words.push(Safe::join(&[Safe::fixed("tagged"), tags], " "));
    }
    words
}

/// What the marks of a row say, in words.
fn states(row: &ListRow, is_selected: bool) -> Vec<Safe> {
    let has = |flag| row.flags.has(flag);
    let state = if has(Flag::Deleted) {
        "deleted"
    } else if !has(Flag::Seen) {
        "unread"
    } else if row.unread > 0 {
        "partly unread"
    } else if has(Flag::Draft) {
        "draft"
    } else if has(Flag::Answered) {
        "answered"
    } else if has(Flag::Forwarded) {
        "forwarded"
    } else {
        ""
    };
    let word = |is_so, word| Safe::fixed(if is_so { word } else { "" });
    vec![
        word(is_selected, "selected"),
        Safe::fixed(state),
        word(has(Flag::Flagged), "starred"),
    ]
}

fn sidebar(app: &App, canvas: &mut Canvas, area: Area) -> u16 {
    if app.sidebar.rows().is_empty() {
        let style = canvas.style(Paint::Dim);
        canvas.put_rest(area.row(0), 0, &"No folders yet", style);
        return area.y;
    }
    let rows = app.sidebar.rows().iter().skip(app.sidebar.top());
    for (y, row) in (0..area.h).zip(rows) {
        let style = canvas.style(if row.unread > 0 {
            Paint::Unread
        } else {
            Paint::Plain
        });
        canvas.put_rest(area.row(y), 0, &folder(app, row), style);
    }
    let below = app.sidebar.cursor().saturating_sub(app.sidebar.top());
    area.y
        + u16::try_from(below)
            .unwrap_or(0)
            .min(area.h.saturating_sub(1))
}

fn folder(app: &App, row: &SideRow) -> Safe {
    let mut words = vec![row.label.clone()];
    match row.target {
        Target::Account(key) => {
            words.push(Safe::fixed("account"));
            let account = app.account(key);
            words.extend(account.map(|a| Safe::fixed(link_word(&a.link))));
        }
        Target::Unified => words.push(Safe::fixed("of all accounts")),
        _ => {}
    }
    if row.unread > 0 {
        words.push(said(&format!("{} unread", grouped(row.unread))));
    }
    if row.depth > 0 {
        words.push(said(&format!("level {}", row.depth + 1)));
    }
    words.push(Safe::fixed(match row.fold {
        Some(true) => "unfolded",
        Some(false) => "folded",
        None => "",
    }));
    if row.is_pending {
        words.push(Safe::fixed("change not sent yet"));
    }
    if app.here.as_ref() == Some(&row.target) {
        words.push(Safe::fixed("shown now"));
    }
    sentence(words)
}

fn message(app: &App, canvas: &mut Canvas, area: Area) -> u16 {
    let rows = app.reader.rows();
    if rows.is_empty() {
        let text = match &app.reader.body {
            Body::Unavailable(why) => Safe::join(
                &[Safe::fixed("This message cannot be shown:"), why.clone()],
                " ",
            ),
            Body::Loading if app.reader.is_slow => Safe::fixed("Fetching the text."),
            Body::Nothing | Body::Loading | Body::Here(_) => Safe::default(),
        };
        let style = canvas.style(Paint::Plain);
        for (y, piece) in (0..area.h).zip(&crate::app::wrap(&text, usize::from(area.w), 6)) {
            canvas.put_rest(area.row(y), 0, piece, style);
        }
        return area.y;
    }
    for (y, row) in (0..area.h).zip(rows.iter().skip(app.reader.scroll())) {
        let line = area.row(y);
        match (row, app.reader.reading()) {
            (Row::Facts, Some(_)) => facts::draw(app, canvas, line, &app.reader),
            (row, reading) => {
                let text = text_of(app, *row, reading, area.w);
                let style = canvas.style(Paint::Plain);
                canvas.put_rest(line, 0, &text, style);
            }
        }
    }
    // The link at hand is where the eye would be.
    let link = app.reader.link.and_then(|link| at_hand(app, link, area.h));
    area.y + link.unwrap_or(0)
}

fn at_hand(app: &App, link: usize, height: u16) -> Option<u16> {
    let reading = app.reader.reading()?;
    let rows = app.reader.rows().iter().skip(app.reader.scroll());
    let found = rows.take(usize::from(height)).position(|row| match row {
        Row::Line(n) => reading
            .body
            .get(*n)
            .is_some_and(|l| l.spans.iter().any(|s| s.link == Some(link))),
        _ => false,
    })?;
    u16::try_from(found).ok()
}

fn text_of(app: &App, row: Row, reading: Option<&Reading>, cols: u16) -> Safe {
    let reader = &app.reader;
    if let Row::Source(n) = row {
        return reader.source.get(n).cloned().unwrap_or_default();
    }
    let Some(reading) = reading else {
        return Safe::default();
    };
    match row {
        Row::Header(n) => reader
            .header_lines()
            .get(n)
            .map_or_else(Safe::default, |line| header(app, line, reading)),
        Row::Inside => reader.insides.last().map_or_else(Safe::default, |inside| {
            let back = app.keymap.first("back", Context::Reader);
            said(&format!("attached to {}, {back} goes back", inside.outer))
        }),
        Row::Card(n) => reader.card_rows().get(n).map_or_else(Safe::default, |row| {
            let key = app.keymap.first(row.action, Context::Reader);
            let told = Safe::join(&[Safe::fixed("Pillarbox says:"), row.text.clone()], " ");
            sentence(vec![told, key])
        }),
        Row::Files { first, count, .. } => {
            let files = reading
                .attachments
                .iter()
                .enumerate()
                .skip(first)
                .take(count);
            let files = files.map(|(n, file)| {
                let number = said(&format!("file {}", n + 1));
                let size = said(&size_text(file.size_bytes));
                let outside = Safe::fixed(file.outside);
                sentence(vec![number, file.name.clone(), size, outside])
            });
            Safe::join(&files.collect::<Vec<_>>(), "; ")
        }
        Row::Rest(n) => {
            let lines = app.rest_lines(reading, usize::from(cols));
            lines.get(n).cloned().unwrap_or_default()
        }
        Row::Line(n) => reading.body.get(n).map_or_else(Safe::default, |line| {
            text_line(line, reading.body.get(n + 1), cols)
        }),
        Row::Quoted(0) => Safe::fixed("end of quote"),
        Row::Quoted(level) => said(&format!("quoted, level {level}:")),
        Row::Folded { count, .. } => {
            let key = app.keymap.first("fold-quotes", Context::Reader);
            said(&format!("{count} quoted lines, folded; {key} unfolds"))
        }
        Row::Facts
        | Row::Rule
        | Row::Source(_)
        | Row::Picture { .. }
        | Row::Caption(_)
        | Row::Gap => Safe::default(),
    }
}

fn header(app: &App, line: &HeaderLine, reading: &Reading) -> Safe {
    if line.is_title {
        return line.text.clone();
    }
    let settings = &app.settings;
    let date = reading.date_secs.filter(|_| line.is_dated).map(|secs| {
        in_words(
            secs,
            app.now_secs,
            settings.utc_offset_mins,
            settings.date_style,
        )
    });
    let text = sentence(vec![line.text.clone(), date.unwrap_or_default()]);
    if line.name.is_empty() {
        text
    } else {
        Safe::join(&[line.name.clone(), text], ": ")
    }
}

/// A line of the text. A link has its number behind its last words, as far as there is room.
fn text_line(line: &Line, next: Option<&Line>, cols: u16) -> Safe {
    let first = match line.kind {
        LineKind::Rule => return Safe::default(),
        LineKind::Heading => "heading: ",
        LineKind::Frame => "Pillarbox says: ",
        LineKind::Text | LineKind::Signature | LineKind::Note => "",
    };
    let mut pieces = vec![Safe::fixed(first)];
    let mut used: u16 = line
        .spans
        .iter()
        .map(|s| s.text.cols())
        .fold(0, u16::saturating_add);
    used = used.saturating_add(pieces.iter().map(Text::cols).sum());
    for (n, span) in line.spans.iter().enumerate() {
        pieces.push(span.text.clone());
        let Some(link) = span.link else { continue };
        let follows = line.spans.get(n + 1);
        let follows = follows.or_else(|| next.and_then(|l| l.spans.first()));
        if follows.is_none_or(|s| s.link != Some(link)) {
            let number = said(&format!(" (link {})", link + 1));
            if used + number.cols() <= cols {
                used += number.cols();
                pieces.push(number);
            }
        }
    }
    Safe::join(&pieces, "")
}
