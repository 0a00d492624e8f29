//! The composer: the head of a draft, its text, and the proposals for an address.
//!
//! Called by `draw` in the place of the mailbox. Only the rows in sight are looked at.

use super::canvas::Canvas;
use super::review;
use super::text::{Text, tail};
use super::theme::Paint;
use crate::app::{App, Area, Composer, Panes, shown_completion, size_text};
use crate::model::{DraftField, DraftKind, Safe};

/// The columns of the names of fields.
const LABEL_COLS: u16 = 10;

/// Draws the draft. Gives the place of the text cursor.
pub(super) fn draw(
    app: &App,
    canvas: &mut Canvas,
    panes: Panes,
    composer: &Composer,
) -> Option<(u16, u16)> {
    let areas = app.compose_areas();
    title(canvas, panes.title, composer, areas.body);
    if composer.review().is_some() {
        review::draw(canvas, areas.body, composer);
        return None;
    }
    let mut cursor = None;
    for (field, area) in &areas.fields {
        let at = draw_field(app, canvas, *area, composer, *field);
        if *field == composer.focus() {
            cursor = at;
        }
    }
    let glyph = canvas.theme.glyphs().across;
    let style = canvas.style(Paint::Line);
    canvas.repeat(areas.line, 0, areas.line.w, glyph, style);
    let in_body = body(canvas, areas.body, composer);
    if composer.focus() == DraftField::Body {
        cursor = in_body;
    }
    let under = areas
        .fields
        .iter()
        .find(|(field, _)| *field == composer.focus());
    if let Some((_, area)) = under {
        proposals(canvas, *area, areas.main, composer);
    }
    cursor
}

fn title(canvas: &mut Canvas, area: Area, composer: &Composer, body: Area) {
    let style = canvas.style(Paint::Title);
    let dim = canvas.style(Paint::Dim);
    let kept = if composer.is_kept() {
        "kept"
    } else {
        "not kept yet"
    };
    let end = area.w.saturating_sub(1);
    let mut used = canvas.put_right(area, end, area.w / 2, &kept, dim);
    let below = match composer.review() {
        Some(_) => composer.review_below(body),
        None => 0,
    };
    if below > 0 {
        let lines = if below == 1 { "line" } else { "lines" };
        let text = Safe::line(&format!("{below} more {lines}: Space"));
        let end = end.saturating_sub(used + 2);
        used += 2 + canvas.put_right(area, end, area.w / 2, &text, dim);
    }
    let room = area.w.saturating_sub(used + 4);
    canvas.put(area, 1, room, &composer.title(), style);
}

const fn label(field: DraftField) -> &'static str {
    match field {
        DraftField::From => "From",
        DraftField::To => "To",
        DraftField::Cc => "Cc",
        DraftField::Bcc => "Bcc",
        DraftField::ReplyTo => "Reply-To",
        DraftField::Subject => "Subject",
        DraftField::Attachments => "Files",
        DraftField::Body => "",
    }
}

fn draw_field(
    app: &App,
    canvas: &mut Canvas,
    area: Area,
    composer: &Composer,
    field: DraftField,
) -> Option<(u16, u16)> {
    let has_keys = field == composer.focus();
    let name = canvas.style(if has_keys { Paint::Key } else { Paint::Dim });
    let used = label(field).cols();
    let x = LABEL_COLS.saturating_sub(used + 1);
    canvas.put(area, x, used, &label(field), name);
    let text = Area {
        x: area.x + LABEL_COLS.min(area.w),
        w: area.w.saturating_sub(LABEL_COLS + 1),
        ..area
    };
    match field {
        DraftField::From => {
            identity(app, canvas, text, composer);
            Some((text.x, text.y))
        }
        DraftField::Attachments => files(canvas, text, composer, has_keys),
        _ => line(canvas, text, composer, field),
    }
}

fn identity(app: &App, canvas: &mut Canvas, area: Area, composer: &Composer) {
    let plain = canvas.style(Paint::Plain);
    let dim = canvas.style(Paint::Dim);
    let identity = composer.identity();
    let text = Safe::line(&identity.address.to_string());
    let used = canvas.put_rest(area, 0, &text, plain);
    if let Some(account) = app
        .account(identity.account)
        .filter(|_| app.accounts.len() > 1)
    {
        let text = Safe::join(&[Safe::fixed("through"), account.name.clone()], " ");
        canvas.put_rest(area, used + 2, &text, dim);
    }
}

fn files(
    canvas: &mut Canvas,
    area: Area,
    composer: &Composer,
    has_keys: bool,
) -> Option<(u16, u16)> {
    let dim = canvas.style(Paint::Dim);
    let all = composer.attachments();
    if all.is_empty() {
        canvas.put_rest(area, 0, &"none; Ctrl-A attaches one", dim);
        return None;
    }
    // Those before the one at hand give way where not all fit.
    let skip = if has_keys {
        composer.file().saturating_sub(1)
    } else {
        0
    };
    let mut x = 0;
    let mut cursor = None;
    for (n, file) in all.iter().enumerate().skip(skip) {
        let is_at_hand = has_keys && n == composer.file();
        let paint = if is_at_hand {
            Paint::Cursor
        } else {
            Paint::Plain
        };
        let style = canvas.style(paint);
        if is_at_hand {
            cursor = Some((area.x + x.min(area.w.saturating_sub(1)), area.y));
        }
        x += canvas.put_rest(area, x, &Safe::line(&file.name), style) + 1;
        if let Some(size) = file.size_bytes {
            x += canvas.put_rest(area, x, &Safe::line(&size_text(size)), dim) + 1;
        }
        x += 1;
        if x >= area.w {
            break;
        }
    }
    cursor
}

/// A line that is typed into: with the keys from where the cursor is in sight, else from its start.
fn line(
    canvas: &mut Canvas,
    area: Area,
    composer: &Composer,
    field: DraftField,
) -> Option<(u16, u16)> {
    let found = composer.field(field)?;
    let plain = canvas.style(Paint::Plain);
    let (before, after) = (found.edit.before(), found.edit.after());
    if field == composer.focus() {
        let shown = tail(&before, area.w.saturating_sub(1));
        let x = canvas.put_rest(area, 0, &shown, plain);
        canvas.put_rest(area, x, &after, plain);
        return Some((area.x + x.min(area.w.saturating_sub(1)), area.y));
    }
    let mut room = area.w;
    if let Some(problem) = &found.problem {
        let style = canvas.style(Paint::Error);
        let used = canvas.put_right(area, area.w, area.w / 2, problem, style);
        room = room.saturating_sub(used + 2);
    }
    let mut whole = Safe::join(&[before, after], "");
    if field != DraftField::Subject {
        // The comma is for who types on.
        whole = Safe::line(whole.as_str().trim_end_matches([',', ' ']));
    }
    if found.count > 1 && whole.cols() > room {
        let dim = canvas.style(Paint::Dim);
        let text = Safe::line(&format!("{} in all", found.count));
        let used = canvas.put_right(area, room, room / 3, &text, dim);
        room = room.saturating_sub(used + 2);
    }
    canvas.put(area, 0, room, &whole, plain);
    None
}

fn body(canvas: &mut Canvas, area: Area, composer: &Composer) -> Option<(u16, u16)> {
    let dim = canvas.style(Paint::Dim);
    if composer.kind() == DraftKind::Bounce {
        let text = "The message goes out as it is, still from who wrote it.";
        canvas.put_rest(area.row(1), 0, &text, dim);
        return None;
    }
    for (y, row) in (0..area.h).zip(composer.body().rows()) {
        let style = canvas.style(quote_paint(row.quote));
        canvas.put_rest(area.row(y), 0, &row.text, style);
    }
    let (x, y) = composer.body().cell()?;
    let narrow = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    let (x, y) = (narrow(x).min(area.w.saturating_sub(1)), narrow(y));
    (y < area.h).then_some((area.x + x, area.y + y))
}

/// How a row of the text looks that is quoted so deep.
pub(super) const fn quote_paint(depth: u8) -> Paint {
    match depth {
        0 => Paint::Plain,
        n if n % 2 == 1 => Paint::QuoteOdd,
        _ => Paint::QuoteEven,
    }
}

/// The proposals, right under the field.
fn proposals(canvas: &mut Canvas, field: Area, main: Area, composer: &Composer) {
    let Some(list) = composer.completing() else {
        return;
    };
    let room = (main.y + main.h).saturating_sub(field.y + 1);
    let count = u16::try_from(list.items().len())
        .unwrap_or(u16::MAX)
        .min(room);
    let texts: Vec<Safe> = list.items().iter().map(shown_completion).collect();
    let widest = |all: &mut dyn Iterator<Item = u16>| all.max().unwrap_or(0);
    let names = widest(&mut texts.iter().map(Text::cols));
    let sources = widest(&mut list.items().iter().map(|i| i.source.cols()));
    let cols = names.saturating_add(sources).saturating_add(5);
    let area = Area {
        x: field.x + LABEL_COLS.min(field.w),
        y: field.y + 1,
        w: cols.max(24).min(field.w.saturating_sub(LABEL_COLS + 1)),
        h: count,
    };
    canvas.clear(area);
    for (y, (text, item)) in (0..count).zip(texts.iter().zip(list.items())) {
        let row = area.row(y);
        let is_at_hand = list.at() == Some(usize::from(y));
        let paint = if is_at_hand {
            Paint::Cursor
        } else {
            Paint::CursorElsewhere
        };
        let style = canvas.style(paint);
        canvas.tint(row, style);
        let dim = canvas.style(if is_at_hand {
            Paint::Cursor
        } else {
            Paint::Dim
        });
        let room = row.w.saturating_sub(text.cols() + 4).max(row.w / 4);
        let used = canvas.put_right(row, row.w.saturating_sub(1), room, &item.source, dim);
        canvas.put(row, 1, row.w.saturating_sub(used + 3), text, style);
    }
}
