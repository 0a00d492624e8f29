//! Roles to styles: what is what on the screen, and how it looks.
//!
//! Made by `run` from the app's settings. No role may differ from another by hue alone, and the
//! background stays the terminal's own but for the row of the cursor.

use super::glyphs::{ASCII, Glyphs, LINEAR, UNICODE};
use crate::app::{App, Colours};
use ratatui::style::{Color, Modifier, Style};

/// What something on the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Paint {
    /// Ordinary text.
    Plain,
    /// Text of less weight: dates, details, labels.
    Dim,
    /// Text of more weight.
    Strong,
    /// What has not been read.
    Unread,
    /// Headings and names of places.
    Title,
    /// The row of the cursor, where the keys go.
    Cursor,
    /// The row of the cursor in another pane.
    CursorElsewhere,
    /// The mark of the cursor and of the folder shown.
    Mark,
    /// A selected row.
    Selected,
    /// A star.
    Star,
    /// A tag.
    Tag,
    /// A link.
    Link,
    /// The link at hand.
    LinkAtHand,
    /// Quoted text at an odd level.
    QuoteOdd,
    /// Quoted text at an even level.
    QuoteEven,
    /// Text that was looked for.
    Found,
    /// The place of it at hand.
    FoundAtHand,
    /// Something of ours within a message.
    Note,
    /// A key.
    Key,
    /// Lines between panes.
    Line,
    /// The frame of an overlay.
    Border,
    /// Good: connected, done.
    Good,
    /// Something that waits or needs attention.
    Warning,
    /// Something that went wrong.
    Error,
}

/// How everything looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    colours: Colours,
    glyphs: Glyphs,
    /// Whether rows are sentences.
    pub(super) is_linear: bool,
}

impl Theme {
    /// A theme of these colours, with or without glyphs beyond ASCII.
    #[must_use]
    pub const fn new(colours: Colours, is_ascii: bool) -> Self {
        Self {
            colours,
            glyphs: if is_ascii { ASCII } else { UNICODE },
            is_linear: false,
        }
    }

    /// The theme that the app asks for.
    #[must_use]
    pub const fn of(app: &App) -> Self {
        let theme = Self::new(app.colours(), app.is_ascii());
        if app.is_linear() {
            let ellipsis = theme.glyphs.ellipsis;
            return Self {
                glyphs: Glyphs { ellipsis, ..LINEAR },
                is_linear: true,
                ..theme
            };
        }
        theme
    }

    pub(super) const fn glyphs(&self) -> Glyphs {
        self.glyphs
    }

    /// The style of a role.
    #[must_use]
    pub const fn style(&self, paint: Paint) -> Style {
        let weight = weight(paint);
        match self.colours {
            Colours::None => weight,
            Colours::Dark => DARK.dress(paint, weight),
            Colours::Light => LIGHT.dress(paint, weight),
        }
    }
}

/// What a role looks like without any colour.
const fn weight(paint: Paint) -> Style {
    let style = Style::new();
    match paint {
        Paint::Plain | Paint::Good | Paint::Star | Paint::Mark => style,
        Paint::Dim | Paint::Line | Paint::QuoteOdd => style.add_modifier(Modifier::DIM),
        Paint::QuoteEven | Paint::Note | Paint::Tag => style.add_modifier(Modifier::ITALIC),
        Paint::Strong
        | Paint::Unread
        | Paint::Title
        | Paint::Key
        | Paint::Border
        | Paint::Warning
        | Paint::Error => style.add_modifier(Modifier::BOLD),
        Paint::Found => style
            .add_modifier(Modifier::BOLD)
            .add_modifier(Modifier::UNDERLINED),
        Paint::Cursor | Paint::LinkAtHand | Paint::FoundAtHand => {
            style.add_modifier(Modifier::REVERSED)
        }
        Paint::CursorElsewhere | Paint::Link => style.add_modifier(Modifier::UNDERLINED),
        Paint::Selected => style.add_modifier(Modifier::BOLD),
    }
}

/// The colours of a terminal: the sixteen for hues where all their usual shades can be read, so that the user's
/// own are kept; else colours that everybody has alike. Text has a contrast of 4.5 at least, on the bar too.
struct Palette {
    dim: Color,
    line: Color,
    cursor: Color,
    cursor_text: Color,
    cursor_elsewhere: Color,
    title: Color,
    link: Color,
    star: Color,
    tag: Color,
    quote_odd: Color,
    quote_even: Color,
    found: Color,
    good: Color,
    warning: Color,
    error: Color,
}

const DARK: Palette = Palette {
    dim: Color::Indexed(249),
    line: Color::Indexed(240),
    cursor: Color::Indexed(238),
    cursor_text: Color::Indexed(255),
    cursor_elsewhere: Color::Indexed(235),
    title: Color::LightCyan,
    link: Color::Indexed(111),
    star: Color::LightYellow,
    tag: Color::Indexed(213),
    quote_odd: Color::Indexed(109),
    quote_even: Color::Indexed(144),
    found: Color::Indexed(58),
    good: Color::LightGreen,
    warning: Color::LightYellow,
    error: Color::LightRed,
};

const LIGHT: Palette = Palette {
    dim: Color::Indexed(239),
    line: Color::Indexed(250),
    cursor: Color::Indexed(252),
    cursor_text: Color::Indexed(232),
    cursor_elsewhere: Color::Indexed(255),
    title: Color::Blue,
    link: Color::Blue,
    star: Color::Indexed(130),
    tag: Color::Indexed(90),
    quote_odd: Color::Indexed(24),
    quote_even: Color::Indexed(94),
    found: Color::Indexed(229),
    good: Color::Indexed(28),
    warning: Color::Indexed(130),
    error: Color::Red,
};

impl Palette {
    /// A role in colour. Where colour says it, the weight that stood in for it goes.
    const fn dress(&self, paint: Paint, weight: Style) -> Style {
        let plain = Style::new();
        match paint {
            Paint::Plain | Paint::Strong | Paint::Unread => weight,
            Paint::Dim => plain.fg(self.dim),
            Paint::Line => plain.fg(self.line),
            Paint::Title => weight.fg(self.title),
            Paint::Mark => plain.fg(self.title),
            Paint::Key => weight.fg(self.title),
            Paint::Border => plain.fg(self.title),
            // With its own foreground the row is legible even where the theme was guessed wrong.
            Paint::Cursor => plain.bg(self.cursor).fg(self.cursor_text),
            Paint::CursorElsewhere => plain.bg(self.cursor_elsewhere),
            Paint::Selected => weight.fg(self.star),
            Paint::Star => plain.fg(self.star),
            Paint::Tag => plain.fg(self.tag),
            Paint::Link => weight.fg(self.link),
            Paint::LinkAtHand => weight.fg(self.link),
            Paint::QuoteOdd => plain.fg(self.quote_odd),
            Paint::QuoteEven => plain.fg(self.quote_even),
            Paint::Found => plain.bg(self.found).fg(self.cursor_text),
            Paint::FoundAtHand => weight,
            Paint::Note => weight.fg(self.dim),
            Paint::Good => plain.fg(self.good),
            Paint::Warning => weight.fg(self.warning),
            Paint::Error => weight.fg(self.error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a style says to an eye that sees no hue.
    fn shape(style: Style) -> (Modifier, bool) {
        (style.add_modifier, style.bg.is_some())
    }

    #[test]
    fn what_matters_is_told_by_more_than_hue() {
        for colours in Colours::ALL {
            let theme = Theme::new(colours, false);
            for (one, other) in [
                (Paint::Unread, Paint::Plain),
                (Paint::Cursor, Paint::Plain),
                (Paint::Cursor, Paint::CursorElsewhere),
                (Paint::Link, Paint::Plain),
                (Paint::LinkAtHand, Paint::Link),
                (Paint::Found, Paint::Plain),
                (Paint::FoundAtHand, Paint::Found),
                (Paint::Error, Paint::Plain),
                (Paint::Key, Paint::Dim),
            ] {
                let (a, b) = (theme.style(one), theme.style(other));
                let differs = shape(a) != shape(b) || (a.bg.is_some() && a.bg != b.bg);
                assert!(differs, "{one:?} and {other:?} in {}", colours.name());
            }
        }
    }

    #[test]
    fn without_colour_there_is_none_and_the_background_is_never_painted() {
        let all = [
            Paint::Plain,
            Paint::Dim,
            Paint::Unread,
            Paint::Title,
            Paint::Star,
            Paint::Error,
        ];
        for paint in all {
            let style = Theme::new(Colours::None, true).style(paint);
            assert_eq!((style.fg, style.bg), (None, None), "{paint:?}");
            for colours in [Colours::Dark, Colours::Light] {
                assert_eq!(
                    Theme::new(colours, false).style(paint).bg,
                    None,
                    "{paint:?}"
                );
            }
        }
    }
}
