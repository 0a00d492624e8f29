//! Writing into cells: clean text only, measured and cut, never outside its area.
//!
//! Used by every pane. The one place that touches the buffer.

use super::text::{Text, fit};
use super::theme::{Paint, Theme};
use crate::app::Area;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The cells, and how things look.
pub(super) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    /// How things look.
    pub(super) theme: &'a Theme,
}

impl<'a> Canvas<'a> {
    pub(super) const fn new(buffer: &'a mut Buffer, theme: &'a Theme) -> Self {
        Self { buffer, theme }
    }

    /// The style of a role.
    pub(super) fn style(&self, paint: Paint) -> Style {
        self.theme.style(paint)
    }

    /// Writes into the first row of `area`, from its column `x` on, at most `cols` columns; what
    /// does not fit ends in an ellipsis. Returns the columns used.
    pub(super) fn put(
        &mut self,
        area: Area,
        x: u16,
        cols: u16,
        text: &impl Text,
        style: Style,
    ) -> u16 {
        self.write(area, x, cols, text.clean(), style)
    }

    /// The same, up to the right end of the area.
    pub(super) fn put_rest(&mut self, area: Area, x: u16, text: &impl Text, style: Style) -> u16 {
        self.write(area, x, area.w.saturating_sub(x), text.clean(), style)
    }

    /// Writes so that the text ends at column `end` of the area. Returns the columns used.
    pub(super) fn put_right(
        &mut self,
        area: Area,
        end: u16,
        cols: u16,
        text: &impl Text,
        style: Style,
    ) -> u16 {
        let cols = cols.min(end).min(text.cols());
        self.write(area, end.saturating_sub(cols), cols, text.clean(), style)
    }

    /// Repeats a glyph of ours.
    pub(super) fn repeat(
        &mut self,
        area: Area,
        x: u16,
        cols: u16,
        glyph: &'static str,
        style: Style,
    ) {
        for n in 0..cols.min(area.w.saturating_sub(x)) {
            self.write(area, x + n, 1, glyph, style);
        }
    }

    /// Writes a glyph of ours into a cell.
    pub(super) fn glyph(&mut self, area: Area, x: u16, glyph: &str, style: Style) {
        let place = (area.x.saturating_add(x), area.y);
        if area.h == 0 || x >= area.w {
            return;
        }
        if let Some(cell) = self.buffer.cell_mut(place) {
            cell.set_symbol(glyph).set_style(style);
        }
    }

    /// Empties an area: blanks in the terminal's own colours.
    pub(super) fn clear(&mut self, area: Area) {
        for y in 0..area.h {
            self.repeat(area.row(y), 0, area.w, " ", Style::reset());
        }
    }

    /// Lays a style over an area, under what is drawn into it later.
    pub(super) fn tint(&mut self, area: Area, style: Style) {
        let rect = Rect::new(area.x, area.y, area.w, area.h);
        self.buffer
            .set_style(rect.intersection(self.buffer.area), style);
    }

    /// A frame around an area, with a heading.
    pub(super) fn frame(&mut self, area: Area, title: &impl Text) {
        self.clear(area);
        if area.w < 2 || area.h < 2 {
            return;
        }
        let glyphs = self.theme.glyphs();
        let style = self.style(Paint::Border);
        let (top, bottom) = (area.row(0), area.row(area.h - 1));
        for (row, corners) in [(top, glyphs.corners_top), (bottom, glyphs.corners_bottom)] {
            self.repeat(row, 1, area.w - 2, glyphs.across, style);
            self.write(row, 0, 1, corners[0], style);
            self.write(row, area.w - 1, 1, corners[1], style);
        }
        for y in 1..area.h - 1 {
            self.write(area.row(y), 0, 1, glyphs.down, style);
            self.write(area.row(y), area.w - 1, 1, glyphs.down, style);
        }
        let title_style = self.style(Paint::Title);
        if area.w > 6 {
            let used = self.write(top, 2, area.w - 6, title.clean(), title_style);
            // A blank on each side sets the heading off from the line.
            self.write(top, 1, 1, " ", style);
            self.write(top, 2 + used, 1, " ", style);
        }
    }

    fn write(&mut self, area: Area, x: u16, cols: u16, text: &str, style: Style) -> u16 {
        let bounds = self.buffer.area;
        let (left, y) = (area.x.saturating_add(x), area.y);
        if area.h == 0 || y >= bounds.bottom() || left >= bounds.right() {
            return 0;
        }
        let room = cols
            .min(area.w.saturating_sub(x))
            .min(bounds.right() - left);
        let ellipsis = self.theme.glyphs().ellipsis;
        let (bytes, used, is_all) = fit(text, usize::from(room), 1);
        let (shown, _) = text.split_at_checked(bytes).unwrap_or(("", ""));
        self.buffer
            .set_stringn(left, y, shown, usize::from(room), style);
        let used = u16::try_from(used).unwrap_or(room);
        if is_all || room == 0 {
            return used;
        }
        self.buffer.set_stringn(left + used, y, ellipsis, 1, style);
        used + 1
    }
}
