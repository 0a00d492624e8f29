//! Pictures among the rows of a message: as blocks of two colours, or as places for the terminal to fill.
//!
//! Called by `reader`; `run` asks [`spots`] where a terminal's own pictures go. A cell of a picture must never
//! hold anything but a glyph of ours and colours.

use super::canvas::Canvas;
use super::theme::Paint;
use crate::app::{App, Area, Context, Overlay, PictureState, Pictures, Row};
use crate::model::{Line, Pixels, Rgb, Safe};
use ratatui::style::{Color, Modifier, Style};
use std::sync::Arc;

/// Where rows of a picture are on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The picture's number.
    pub id: u32,
    /// The picture.
    pub pixels: Arc<Pixels>,
    /// The column of its left edge.
    pub x: u16,
    /// The line of its first visible row.
    pub y: u16,
    /// Its first visible row.
    pub first: u16,
    /// How many are visible.
    pub rows: u16,
}

/// Where the terminal is to show pictures of its own.
#[must_use]
pub fn spots(app: &App) -> Vec<Spot> {
    let is_drawn_over = is_covered(app) && app.shown_pictures() != Pictures::Kitty;
    if is_drawn_over || app.composer().is_some() || app.has_tour {
        return Vec::new();
    }
    let panes = app.panes();
    let area = panes.reader.inset(1);
    let mut spots: Vec<Spot> = Vec::new();
    let visible = app.reader.rows().iter().skip(app.reader.scroll());
    for (y, row) in (0..area.h).zip(visible) {
        let Row::Picture {
            picture,
            row,
            quote,
        } = *row
        else {
            continue;
        };
        let Some(PictureState::Here(pixels, id)) =
            app.reader.gallery.get(picture).map(|s| &s.state)
        else {
            continue;
        };
        let line = area.y + y;
        match spots.last_mut() {
            Some(spot) if spot.id == *id && spot.y + spot.rows == line => spot.rows += 1,
            _ => spots.push(Spot {
                id: *id,
                pixels: Arc::clone(pixels),
                x: area.x + quote_cols(quote),
                y: line,
                first: row,
                rows: 1,
            }),
        }
    }
    spots.retain(|s| s.x + s.pixels.cols() <= panes.screen.w);
    spots
}

fn quote_cols(quote: u8) -> u16 {
    u16::try_from(Line::quote_cols(quote)).unwrap_or(0)
}

/// Whether something lies over the panes that a picture would shine through.
fn is_covered(app: &App) -> bool {
    let has_box = !matches!(app.overlay, None | Some(Overlay::Prompt(_)));
    has_box || app.has_which_key
}

/// Draws one row of a picture from column `x` on.
pub(super) fn row(app: &App, canvas: &mut Canvas, area: Area, x: u16, picture: usize, row: u16) {
    let Some(shown) = app.reader.gallery.get(picture) else {
        return;
    };
    let PictureState::Here(pixels, id) = &shown.state else {
        if row == 0 {
            let text = Safe::join(&[shown.picture.alt.clone(), Safe::fixed("(loading)")], " ");
            let style = canvas.style(Paint::Note);
            canvas.put_rest(area, x, &text, style);
        }
        return;
    };
    for col in 0..pixels.cols().min(area.w.saturating_sub(x)) {
        let at = x + col;
        match app.shown_pictures() {
            Pictures::Off => {}
            Pictures::Blocks { is_true } => {
                let (dot, line) = (usize::from(col), usize::from(row) * 2);
                let colour = |y| colour(pixels.at(dot, y), is_true);
                let style = Style::reset().fg(colour(line)).bg(colour(line + 1));
                canvas.glyph(area, at, "▀", style);
            }
            Pictures::Kitty => {
                let [_, r, g, b] = id.to_be_bytes();
                let style = Style::reset().fg(Color::Rgb(r, g, b));
                canvas.glyph(area, at, &placeholder(row, col), style);
            }
            // Set apart from any other blank, so that it is written again when the picture goes.
            Pictures::KittyPlaced | Pictures::Iterm2 | Pictures::Sixel if !is_covered(app) => {
                canvas.glyph(area, at, " ", Style::reset().add_modifier(Modifier::HIDDEN));
            }
            Pictures::KittyPlaced | Pictures::Iterm2 | Pictures::Sixel => {}
        }
    }
}

/// Draws the name of an attached picture, or why it is not shown.
pub(super) fn caption(app: &App, canvas: &mut Canvas, area: Area, picture: usize) {
    let Some(shown) = app.reader.gallery.get(picture) else {
        return;
    };
    let name = shown.picture.alt.clone();
    let text = match &shown.state {
        PictureState::Here(..) => name,
        PictureState::Broken(why) => {
            let why = Safe::join(&[Safe::fixed("cannot be shown:"), why.clone()], " ");
            Safe::join(&[name, why], " ")
        }
        PictureState::Unasked | PictureState::Asked(_) => {
            Safe::join(&[name, Safe::fixed("(loading)")], " ")
        }
        PictureState::Missing if app.focus == Context::Reader => {
            Safe::join(&[name, Safe::fixed("is not here")], " ")
        }
        PictureState::Missing => Safe::join(&[Safe::fixed("[image:"), name, Safe::fixed("]")], " "),
    };
    let style = canvas.style(Paint::Note);
    canvas.put_rest(area, 0, &text, style);
}

/// A colour of the terminal: itself, or the nearest of the 256.
fn colour([r, g, b]: Rgb, is_true: bool) -> Color {
    if is_true {
        return Color::Rgb(r, g, b);
    }
    // A cube of 6 steps a side, 16 to 231, and 24 greys, 232 to 255.
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |c: u8| {
        let at = STEPS
            .iter()
            .enumerate()
            .min_by_key(|(_, step)| step.abs_diff(c));
        at.map_or((0, 0), |(at, step)| (u8::try_from(at).unwrap_or(0), *step))
    };
    let (cube_r, cube_g, cube_b) = (nearest(r), nearest(g), nearest(b));
    let mean = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
    let grey_at = u8::try_from((mean.saturating_sub(3) / 10).min(23)).unwrap_or(23);
    let grey = 8 + 10 * grey_at;
    let far = |x: u8, y: u8, z: u8| {
        [(x, r), (y, g), (z, b)]
            .iter()
            .map(|(one, other)| u32::from(one.abs_diff(*other)).pow(2))
            .sum::<u32>()
    };
    if far(grey, grey, grey) < far(cube_r.1, cube_g.1, cube_b.1) {
        Color::Indexed(232 + grey_at)
    } else {
        Color::Indexed(16 + 36 * cube_r.0 + 6 * cube_g.0 + cube_b.0)
    }
}

/// The cell of kitty's protocol that stands for a row and a column of a picture: a character for private
/// use, and two marks that count.
fn placeholder(row: u16, col: u16) -> String {
    let mut text = String::from('\u{10eeee}');
    text.extend([mark(row), mark(col)].into_iter().flatten());
    text
}

/// The marks that kitty's protocol counts by, in their order, as far as they are needed.
const MARKS: [(u32, u32); 47] = [
    (0x305, 0x305),
    (0x30d, 0x30e),
    (0x310, 0x310),
    (0x312, 0x312),
    (0x33d, 0x33f),
    (0x346, 0x346),
    (0x34a, 0x34c),
    (0x350, 0x352),
    (0x357, 0x357),
    (0x35b, 0x35b),
    (0x363, 0x36f),
    (0x483, 0x487),
    (0x592, 0x595),
    (0x597, 0x599),
    (0x59c, 0x5a1),
    (0x5a8, 0x5a9),
    (0x5ab, 0x5ac),
    (0x5af, 0x5af),
    (0x5c4, 0x5c4),
    (0x610, 0x617),
    (0x657, 0x65b),
    (0x65d, 0x65e),
    (0x6d6, 0x6dc),
    (0x6df, 0x6e2),
    (0x6e4, 0x6e4),
    (0x6e7, 0x6e8),
    (0x6eb, 0x6ec),
    (0x730, 0x730),
    (0x732, 0x733),
    (0x735, 0x736),
    (0x73a, 0x73a),
    (0x73d, 0x73d),
    (0x73f, 0x741),
    (0x743, 0x743),
    (0x745, 0x745),
    (0x747, 0x747),
    (0x749, 0x74a),
    (0x7eb, 0x7f1),
    (0x7f3, 0x7f3),
    (0x816, 0x819),
    (0x81b, 0x823),
    (0x825, 0x827),
    (0x829, 0x82d),
    (0x951, 0x951),
    (0x953, 0x954),
    (0xf82, 0xf83),
    (0xf86, 0xf87),
];

fn mark(number: u16) -> Option<char> {
    let all = MARKS.iter().flat_map(|(from, to)| *from..=*to);
    all.skip(usize::from(number)).find_map(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr as _;

    #[test]
    fn a_colour_is_the_nearest_that_the_terminal_has() {
        let indexed = |rgb| colour(rgb, false);
        assert_eq!(indexed([0, 0, 0]), Color::Indexed(16));
        assert_eq!(indexed([255, 255, 255]), Color::Indexed(231));
        assert_eq!(indexed([250, 5, 5]), Color::Indexed(196));
        assert_eq!(indexed([128, 128, 128]), Color::Indexed(244));
        assert_eq!(colour([1, 2, 3], true), Color::Rgb(1, 2, 3));
    }

    #[test]
    fn every_cell_of_the_largest_picture_has_a_mark_of_its_own_and_one_column() {
        let marks: Vec<char> = (0..100).map(|n| mark(n).unwrap()).collect();
        assert!(marks.is_sorted() && marks.windows(2).all(|two| two[0] != two[1]));
        // Three places of kitty's own table.
        assert_eq!(
            (marks[0], marks[20], marks[99]),
            ('\u{305}', '\u{366}', '\u{74a}')
        );
        for n in 0..100 {
            assert_eq!(placeholder(n % 20, n).width(), 1, "{n}");
        }
    }
}
