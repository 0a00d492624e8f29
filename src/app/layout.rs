//! Which pane lies where, for any size of terminal.
//!
//! Used by `update` (how far to scroll, what was clicked) and by `ui` (where to draw), so that both
//! always agree. An area must never reach outside the terminal.

use super::Context;

/// Where the preview goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LayoutMode {
    /// Beside the list from 140 columns, below it from 80, nowhere on less or under 20 rows.
    #[default]
    Auto,
    /// Beside the list where it fits.
    Beside,
    /// Below the list where it fits.
    Below,
    /// Nowhere: list and reader take turns.
    ListOnly,
}

impl LayoutMode {
    /// All, in the order in which a key cycles through them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Beside, Self::Below, Self::ListOnly];

    /// The name in the configuration and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Beside => "beside",
            Self::Below => "below",
            Self::ListOnly => "list-only",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name() == name)
    }
}

/// A rectangle of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Area {
    /// First column.
    pub x: u16,
    /// First row.
    pub y: u16,
    /// Columns.
    pub w: u16,
    /// Rows.
    pub h: u16,
}

impl Area {
    /// Whether there is no cell in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.w == 0 || self.h == 0
    }

    /// Whether the cell lies in it.
    #[must_use]
    pub const fn contains(self, x: u16, y: u16) -> bool {
        x >= self.x && y >= self.y && x - self.x < self.w && y - self.y < self.h
    }

    /// The row of that number, counted from the top of the area; empty if it lies below.
    #[must_use]
    pub const fn row(self, n: u16) -> Self {
        Self {
            x: self.x,
            y: self.y.saturating_add(n),
            w: self.w,
            h: if n < self.h { 1 } else { 0 },
        }
    }

    /// Without `n` columns on the left and on the right.
    #[must_use]
    pub const fn inset(self, n: u16) -> Self {
        Self {
            x: self.x.saturating_add(if n < self.w { n } else { self.w }),
            y: self.y,
            w: self.w.saturating_sub(n.saturating_mul(2)),
            h: self.h,
        }
    }

    /// Without one cell on each side: what a border leaves.
    #[must_use]
    pub const fn inner(self) -> Self {
        let sides = self.inset(1);
        Self {
            y: self.y.saturating_add(if self.h > 0 { 1 } else { 0 }),
            h: self.h.saturating_sub(2),
            ..sides
        }
    }

    fn cut_top(&mut self, rows: u16) -> Self {
        let rows = rows.min(self.h);
        let cut = Self { h: rows, ..*self };
        self.y = self.y.saturating_add(rows);
        self.h -= rows;
        cut
    }

    fn cut_bottom(&mut self, rows: u16) -> Self {
        let rows = rows.min(self.h);
        self.h -= rows;
        Self {
            y: self.y.saturating_add(self.h),
            h: rows,
            ..*self
        }
    }

    fn cut_left(&mut self, cols: u16) -> Self {
        let cols = cols.min(self.w);
        let cut = Self { w: cols, ..*self };
        self.x = self.x.saturating_add(cols);
        self.w -= cols;
        cut
    }
}

/// What the sizes of the panes follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Columns of the terminal.
    pub cols: u16,
    /// Rows of the terminal.
    pub rows: u16,
    /// Where the preview goes.
    pub mode: LayoutMode,
    /// Whether the preview is wanted.
    pub has_preview: bool,
    /// Whether the sidebar is wanted.
    pub has_sidebar: bool,
    /// The pane that has the keys.
    pub focus: Context,
    /// The list's share of what it divides with the preview, in thousandths, once dragged.
    pub split: Option<u16>,
    /// The sidebar's columns, once dragged.
    pub sidebar_cols: Option<u16>,
    /// Whether one pane at a time has all of the screen.
    pub is_linear: bool,
}

/// How list and preview lie to one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Split {
    /// One of them alone.
    #[default]
    None,
    /// Side by side.
    Beside,
    /// One above the other.
    Below,
}

/// Where everything is. A pane that is not shown has an empty area.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Panes {
    /// The whole terminal.
    pub screen: Area,
    /// What is shown, and how the account stands.
    pub title: Area,
    /// The folders.
    pub sidebar: Area,
    /// The line right of the folders.
    pub sidebar_line: Area,
    /// The messages.
    pub list: Area,
    /// The line between messages and preview.
    pub split_line: Area,
    /// The message read.
    pub reader: Area,
    /// Notices.
    pub status: Area,
    /// The keys that work here.
    pub hints: Area,
    /// List and preview together.
    pub main: Area,
    /// How they lie.
    pub split: Split,
    /// Whether what is open has all of the screen.
    pub is_linear: bool,
}

/// The columns of text that are still comfortable to read.
pub(super) const TEXT_COLS_MAX: u16 = 100;
/// From so many rows on the list stays above the message that is read.
const BELOW_ROWS_MIN: u16 = 30;

impl Panes {
    /// Lays out the panes.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let screen = Area {
            x: 0,
            y: 0,
            w: shape.cols,
            h: shape.rows,
        };
        let mut body = screen;
        let mut panes = Self {
            screen,
            is_linear: shape.is_linear,
            ..Self::default()
        };
        if shape.rows >= 3 {
            panes.hints = body.cut_bottom(1);
        }
        if shape.rows >= 4 {
            panes.status = body.cut_bottom(1);
        }
        if shape.rows >= 6 {
            panes.title = body.cut_top(1);
        }
        panes.place_sidebar(shape, &mut body);
        panes.place_main(shape, body);
        panes
    }

    fn place_sidebar(&mut self, shape: Shape, body: &mut Area) {
        let is_focused = shape.focus == Context::Sidebar;
        if shape.cols < 80 || shape.is_linear {
            // Too narrow to lie beside: it takes the place of the rest while it has the keys.
            if is_focused {
                let w = body.w;
                self.sidebar = body.cut_left(w);
            }
            return;
        }
        if !is_focused && (!shape.has_sidebar || is_read_alone(shape, *body)) {
            return;
        }
        let usual = match shape.cols {
            0..=99 => 16,
            100..=139 => 24,
            _ => 28,
        };
        let cols = shape.sidebar_cols.unwrap_or(usual);
        self.sidebar = body.cut_left(cols.clamp(10, shape.cols / 2));
        self.sidebar_line = body.cut_left(1);
    }

    fn place_main(&mut self, shape: Shape, body: Area) {
        let mut body = body;
        self.main = body;
        self.split = split_of(shape, body);
        let is_reading = shape.focus == Context::Reader;
        match self.split {
            Split::None if is_reading => self.reader = body,
            Split::None => self.list = body,
            Split::Beside => {
                let cols = share(body.w, shape.split.unwrap_or(460)).clamp(30, body.w.max(61) - 31);
                self.list = body.cut_left(cols);
                self.split_line = body.cut_left(1);
                self.reader = body;
            }
            Split::Below if is_reading && body.h < BELOW_ROWS_MIN => {
                self.split = Split::None;
                self.reader = body;
            }
            Split::Below => {
                let part = if is_reading { 250 } else { 400 };
                let part = shape.split.filter(|_| !is_reading).unwrap_or(part);
                let rows = share(body.h, part).clamp(4, body.h.max(9) - 5);
                self.list = body.cut_top(rows);
                self.split_line = body.cut_top(1);
                self.reader = body;
            }
        }
    }

    /// The columns there are for a message's text.
    #[must_use]
    pub fn text_cols(&self) -> u16 {
        self.reader.inset(1).w.clamp(10, TEXT_COLS_MAX)
    }

    /// A box for an overlay, in the middle, as large as wanted and possible.
    #[must_use]
    pub fn overlay(&self, cols: u16, rows: u16) -> Area {
        let w = cols.min(self.screen.w);
        // Notice and keys stay in sight where there is any room for them.
        let whole = self.screen.h.saturating_sub(self.status.h + self.hints.h);
        if self.is_linear {
            let top = self.title.h;
            return Area {
                y: top,
                h: whole.saturating_sub(top),
                ..self.screen
            };
        }
        let h = rows.min(whole);
        Area {
            x: (self.screen.w - w) / 2,
            y: (whole - h) / 3,
            w,
            h,
        }
    }
}

/// Whether a message is read on a screen that is too narrow for it and the folders: mail is written in
/// lines of 72 to 78 columns.
fn is_read_alone(shape: Shape, body: Area) -> bool {
    shape.focus == Context::Reader
        && shape.cols < 100
        && match split_of(shape, body) {
            Split::None => true,
            Split::Below => body.h < BELOW_ROWS_MIN,
            Split::Beside => false,
        }
}

fn split_of(shape: Shape, body: Area) -> Split {
    if !shape.has_preview || shape.is_linear {
        return Split::None;
    }
    let fits_beside = body.w >= 62 && body.h >= 4;
    let fits_below = body.h >= 10 && body.w >= 20;
    match shape.mode {
        LayoutMode::ListOnly => Split::None,
        LayoutMode::Auto if shape.rows < 20 || shape.cols < 80 => Split::None,
        LayoutMode::Auto if shape.cols >= 140 && fits_beside => Split::Beside,
        LayoutMode::Auto | LayoutMode::Below if fits_below => Split::Below,
        LayoutMode::Beside if fits_beside => Split::Beside,
        LayoutMode::Auto | LayoutMode::Below | LayoutMode::Beside => Split::None,
    }
}

fn share(whole: u16, thousandths: u16) -> u16 {
    let part = u32::from(whole) * u32::from(thousandths.min(1000)) / 1000;
    u16::try_from(part).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(cols: u16, rows: u16, focus: Context) -> Shape {
        Shape {
            cols,
            rows,
            mode: LayoutMode::Auto,
            has_preview: true,
            has_sidebar: true,
            focus,
            split: None,
            sidebar_cols: None,
            is_linear: false,
        }
    }

    #[test]
    fn the_preview_lies_where_the_width_says() {
        for (cols, rows, split) in [
            (140, 40, Split::Beside),
            (139, 40, Split::Below),
            (80, 24, Split::Below),
            (79, 24, Split::None),
            (80, 19, Split::None),
        ] {
            let panes = Panes::new(shape(cols, rows, Context::List));
            assert_eq!(panes.split, split, "{cols}x{rows}");
        }
    }

    #[test]
    fn a_small_terminal_still_shows_rows_and_the_reader_takes_the_list_s_place() {
        let list = Panes::new(shape(40, 12, Context::List));
        assert_eq!((list.list.w, list.list.h), (40, 9));
        let reading = Panes::new(shape(80, 24, Context::Reader));
        assert!(reading.list.is_empty());
        assert_eq!(reading.reader.h, 21);
    }

    #[test]
    fn on_a_narrow_screen_the_message_that_is_read_has_the_columns_of_the_folders_too() {
        let text = |cols, rows, focus| Panes::new(shape(cols, rows, focus)).text_cols();
        assert_eq!(text(80, 24, Context::Reader), 78);
        assert_eq!(text(80, 24, Context::List), 61);
        for (cols, rows) in [(100, 24), (80, 40), (140, 24)] {
            let panes = Panes::new(shape(cols, rows, Context::Reader));
            assert!(!panes.sidebar.is_empty(), "{cols}x{rows}");
        }
        let folders = Panes::new(shape(80, 24, Context::Sidebar));
        assert!(!folders.sidebar.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_pane_leaves_the_screen_and_none_overlaps_another(
            cols in 0u16..520, rows in 0u16..220, mode in 0usize..4, focus in 0usize..3,
            has_sidebar: bool, has_preview: bool, split in proptest::option::of(0u16..1200),
            sidebar_cols in proptest::option::of(0u16..600), is_linear: bool,
        ) {
            let panes = Panes::new(Shape {
                cols, rows, mode: LayoutMode::ALL[mode], has_preview, has_sidebar,
                focus: Context::ALL[focus], split, sidebar_cols, is_linear,
            });
            let all = [panes.title, panes.sidebar, panes.sidebar_line, panes.list,
                panes.split_line, panes.reader, panes.status, panes.hints];
            let mut cells = 0u32;
            for (i, a) in all.iter().enumerate() {
                prop_assert!(u32::from(a.x) + u32::from(a.w) <= u32::from(cols), "{a:?}");
                prop_assert!(u32::from(a.y) + u32::from(a.h) <= u32::from(rows), "{a:?}");
                cells += u32::from(a.w) * u32::from(a.h);
                for b in all.iter().skip(i + 1).filter(|b| !b.is_empty() && !a.is_empty()) {
                    prop_assert!(!a.contains(b.x, b.y) && !b.contains(a.x, a.y), "{a:?} {b:?}");
                }
            }
            prop_assert!(cells <= u32::from(cols) * u32::from(rows));
        }
    }
}
