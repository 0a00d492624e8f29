//! Draws the state: `&App` in, cells out. Never changes anything.
//!
//! Called by `run` after each round of inputs. Only what is visible is looked at, so that no frame
//! takes longer because a mailbox is large. Foreign text can only arrive as `Safe`: see `text::Text`.

mod activity;
mod canvas;
mod compose;
mod dates;
mod facts;
mod found;
mod glyphs;
mod linear;
mod list;
mod outbox;
mod output;
mod overlay;
mod pictures;
mod reader;
mod review;
mod sidebar;
mod status;
mod text;
mod theme;
mod thread;

#[cfg(test)]
mod compose_frames_tests;
#[cfg(test)]
mod facts_tests;
#[cfg(test)]
mod frames_tests;
#[cfg(test)]
mod html_frames_tests;
#[cfg(test)]
mod linear_tests;
#[cfg(test)]
mod picture_tests;
#[cfg(test)]
mod pictures_tests;
#[cfg(test)]
mod reach_tests;

pub use pictures::{Spot, spots};
pub use text::Text;
pub use theme::{Paint, Theme};

use crate::app::{App, Area, Panes, Split};
use canvas::Canvas;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;

/// Draws the whole screen.
pub fn draw(app: &App, theme: &Theme, frame: &mut Frame) {
    let cursor = draw_to(app, theme, frame.buffer_mut());
    if let Some((x, y)) = cursor {
        frame.set_cursor_position(Position { x, y });
    }
}

/// Draws the whole screen into a buffer; gives the place of the text cursor, if there is one.
pub fn draw_to(app: &App, theme: &Theme, buffer: &mut Buffer) -> Option<(u16, u16)> {
    let mut panes = app.panes();
    // Between a resize of the terminal and the input that tells of it, the buffer may be smaller.
    let area = buffer.area;
    if area.width < panes.screen.w || area.height < panes.screen.h {
        panes = app.panes_for(area.width, area.height);
    }
    let mut canvas = Canvas::new(buffer, theme);
    let written = if let Some(composer) = app.composer() {
        compose::draw(app, &mut canvas, panes, composer)
    } else {
        draw_panes(app, &mut canvas, panes)
    };
    let prompt = status::draw(app, &mut canvas, panes);
    let typed = overlay::draw(app, &mut canvas, panes);
    if app.is_linear() && app.overlay.is_some() {
        return linear::parked(app, typed.or(prompt));
    }
    // What lies on top has the cursor.
    match &app.overlay {
        Some(_) => typed.or(prompt),
        None => written,
    }
}

/// The mailbox: folders, list and message. Gives the place of the cursor where the panes have one.
fn draw_panes(app: &App, canvas: &mut Canvas, panes: Panes) -> Option<(u16, u16)> {
    if app.is_linear() {
        return linear::draw(app, canvas, panes);
    }
    status::title(app, canvas, panes.title);
    sidebar::draw(app, canvas, panes.sidebar);
    line(canvas, panes.sidebar_line, false);
    list::draw(app, canvas, panes.list);
    line(canvas, panes.split_line, panes.split == Split::Below);
    reader::draw(app, canvas, panes.reader);
    reader::draw_position(app, canvas, panes);
    None
}

fn line(canvas: &mut Canvas, area: Area, is_across: bool) {
    let glyphs = canvas.theme.glyphs();
    let glyph = if is_across {
        glyphs.across
    } else {
        glyphs.down
    };
    let style = canvas.theme.style(Paint::Line);
    for y in 0..area.h {
        canvas.repeat(area.row(y), 0, area.w, glyph, style);
    }
}
