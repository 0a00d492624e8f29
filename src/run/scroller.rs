//! What draws: cells as they come, and lines that only moved by having the terminal scroll them.
//!
//! Used by `terminal`. A screen reader says what is written: of a page that moved by a line, one line. What is
//! on the terminal in the end must be what would have been there without scrolling.

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::Modifier;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write;
use unicode_width::UnicodeWidthStr as _;

/// Fewer lines are written as quickly as they are scrolled.
const LINES_MIN: u16 = 3;

/// A terminal's cells, and what is known to stand in them.
pub(super) struct Scroller<W: Write> {
    inner: CrosstermBackend<W>,
    shown: Known,
    scrolls: bool,
}

/// What is known of the cells.
enum Known {
    /// They are blank.
    Blank,
    /// They are these.
    Cells(Buffer),
    /// Nothing.
    Unknown,
}

/// Lines that stand elsewhere already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shift {
    /// The first line and the last one that the terminal scrolls.
    top: u16,
    bottom: u16,
    lines: u16,
    is_up: bool,
}

impl<W: Write> Scroller<W> {
    pub(super) const fn new(writer: W) -> Self {
        Self {
            inner: CrosstermBackend::new(writer),
            shown: Known::Blank,
            scrolls: false,
        }
    }

    /// Whether lines that moved are scrolled.
    pub(super) const fn set_scrolls(&mut self, scrolls: bool) {
        self.scrolls = scrolls;
    }

    /// Has the terminal scroll. Only what the oldest terminals know is used; of the lines that come in it is
    /// known that they are blank.
    fn scroll(&mut self, shift: Shift) -> std::io::Result<()> {
        let Shift {
            top,
            bottom,
            lines,
            is_up,
        } = shift;
        // DECSTBM, then index or reverse index at the edge; the reset leaves the cursor anywhere.
        write!(self.inner, "\x1b[0m\x1b[{};{}r", top + 1, bottom + 1)?;
        let (edge, step) = if is_up {
            (bottom, "\n")
        } else {
            (top, "\x1bM")
        };
        let steps = step.repeat(usize::from(lines));
        write!(self.inner, "\x1b[{};1H{steps}\x1b[r", edge + 1)
    }
}

impl<W: Write> Write for Scroller<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Write::flush(&mut self.inner)
    }
}

impl<W: Write> Backend for Scroller<W> {
    type Error = std::io::Error;

    fn draw<'a, I>(&mut self, content: I) -> std::io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut shown = match std::mem::replace(&mut self.shown, Known::Unknown) {
            Known::Unknown => return self.inner.draw(content),
            Known::Blank => {
                let size = self.inner.size()?;
                Buffer::empty(Rect::from((Position::ORIGIN, size)))
            }
            Known::Cells(shown) => shown,
        };
        let changes: Vec<(u16, u16, &Cell)> = content.collect();
        let before = self.scrolls.then(|| shown.clone());
        for (x, y, cell) in &changes {
            put(&mut shown, *x, *y, cell);
        }
        let moved = before.and_then(|before| Some((shift(&before, &shown)?, before)));
        let drawn = match moved {
            Some((shift, mut before)) => {
                self.scroll(shift)?;
                shifted(&mut before, shift);
                mark_new(&mut before, &shown, shift);
                self.inner.draw(before.diff(&shown).into_iter())
            }
            None => self.inner.draw(changes.into_iter()),
        };
        self.shown = Known::Cells(shown);
        drawn
    }

    fn append_lines(&mut self, count: u16) -> std::io::Result<()> {
        self.shown = Known::Unknown;
        self.inner.append_lines(count)
    }

    fn hide_cursor(&mut self) -> std::io::Result<()> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> std::io::Result<()> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> std::io::Result<Position> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> std::io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> std::io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, what: ClearType) -> std::io::Result<()> {
        self.shown = match what {
            ClearType::All => Known::Blank,
            _ => Known::Unknown,
        };
        self.inner.clear_region(what)
    }

    fn size(&self) -> std::io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> std::io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Backend::flush(&mut self.inner)
    }
}

/// Takes a cell; the one behind a wide character is never what a blank would be.
fn put(buffer: &mut Buffer, x: u16, y: u16, cell: &Cell) {
    if let Some(place) = buffer.cell_mut((x, y)) {
        *place = cell.clone();
    }
    if !cell.symbol().is_ascii()
        && cell.symbol().width() > 1
        && let Some(behind) = buffer.cell_mut((x + 1, y))
    {
        behind.reset();
        behind.modifier.insert(Modifier::HIDDEN);
    }
}

/// What each line holds, in a number; none where it is blank.
fn lines(buffer: &Buffer) -> Vec<Option<u64>> {
    let width = usize::from(buffer.area.width).max(1);
    let blank = Cell::default();
    let number = |line: &[Cell]| {
        if line.iter().all(|cell| *cell == blank) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        line.hash(&mut hasher);
        Some(hasher.finish())
    };
    buffer.content.chunks(width).map(number).collect()
}

/// The lines that are worth scrolling, if any are: those that spare the most lines from being written.
fn shift(shown: &Buffer, next: &Buffer) -> Option<Shift> {
    let (shown, next) = (lines(shown), lines(next));
    let height = u16::try_from(next.len()).ok()?;
    let at = |all: &[Option<u64>], y: u16| all.get(usize::from(y)).copied();
    let mut best: Option<(u16, Shift)> = None;
    for lines in 1..height {
        for is_up in [true, false] {
            let (mut first, mut spared) = (0, 0);
            for y in 0..height - lines {
                // From where the line comes, and to where it goes.
                let (from, to) = if is_up {
                    (y + lines, y)
                } else {
                    (y, y + lines)
                };
                if at(&shown, from) != at(&next, to) {
                    (first, spared) = (y + 1, 0);
                    continue;
                }
                // One that is the same in its place, or blank, spares nothing.
                let is_spared = at(&next, to) != at(&shown, to) && at(&next, to) != Some(None);
                spared += u16::from(is_spared);
                if spared >= LINES_MIN && best.is_none_or(|(most, _)| spared > most) {
                    let shift = Shift {
                        top: first,
                        bottom: y + lines,
                        lines,
                        is_up,
                    };
                    best = Some((spared, shift));
                }
            }
        }
    }
    best.map(|(_, shift)| shift)
}

/// What stands there after the terminal has scrolled.
fn shifted(buffer: &mut Buffer, shift: Shift) {
    let width = usize::from(buffer.area.width);
    let (from, to) = (
        usize::from(shift.top) * width,
        (usize::from(shift.bottom) + 1) * width,
    );
    let count = usize::from(shift.lines) * width;
    let Some(cells) = buffer.content.get_mut(from..to) else {
        return;
    };
    if count > cells.len() {
        return;
    }
    if shift.is_up {
        cells.rotate_left(count);
    } else {
        cells.rotate_right(count);
    }
    let new = if shift.is_up {
        cells.len() - count..cells.len()
    } else {
        0..count
    };
    for cell in cells.get_mut(new).unwrap_or_default() {
        cell.reset();
    }
}

/// Has what comes in written in one piece, with the blanks between its words.
fn mark_new(buffer: &mut Buffer, next: &Buffer, shift: Shift) {
    let rows = if shift.is_up {
        shift.bottom + 1 - shift.lines..shift.bottom + 1
    } else {
        shift.top..shift.top + shift.lines
    };
    let is_blank = |x, y| {
        next.cell((x, y))
            .is_none_or(|cell| *cell == Cell::default())
    };
    for y in rows {
        let end = (0..next.area.width).rfind(|x| !is_blank(*x, y));
        for x in 0..end.unwrap_or(0) {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.modifier.insert(Modifier::HIDDEN);
            }
        }
    }
}

#[cfg(test)]
#[path = "scroller_tests.rs"]
mod tests;
