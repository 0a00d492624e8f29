//! The marks and lines that are drawn, in Unicode, in ASCII, and none.
//!
//! Used by `theme`. Every glyph must be one column wide, and none may need a special font.

/// One set of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glyphs {
    pub(super) across: &'static str,
    pub(super) down: &'static str,
    pub(super) corners_top: [&'static str; 2],
    pub(super) corners_bottom: [&'static str; 2],
    pub(super) ellipsis: &'static str,
    /// The row of the cursor.
    pub(super) cursor: &'static str,
    pub(super) selected: &'static str,
    pub(super) unread: &'static str,
    /// A folded thread with something unread in it, the latest being read.
    pub(super) partly_unread: &'static str,
    pub(super) answered: &'static str,
    pub(super) forwarded: &'static str,
    pub(super) draft: &'static str,
    pub(super) deleted: &'static str,
    pub(super) star: &'static str,
    pub(super) attachment: &'static str,
    /// Only the header of the message is here.
    pub(super) rest: &'static str,
    /// A change that the server has not confirmed.
    pub(super) pending: &'static str,
    pub(super) folded: &'static str,
    pub(super) unfolded: &'static str,
    /// A message below another in its thread.
    pub(super) branch: &'static str,
    pub(super) quote: &'static str,
    /// What Pillarbox itself says of a message.
    pub(super) card: &'static str,
    pub(super) placeholder: &'static str,
    pub(super) watching: &'static str,
    pub(super) in_step: &'static str,
    pub(super) syncing: &'static str,
    pub(super) waiting: &'static str,
    pub(super) stopped: &'static str,
    pub(super) idle: &'static str,
}

pub(super) const UNICODE: Glyphs = Glyphs {
    across: "─",
    down: "│",
    corners_top: ["╭", "╮"],
    corners_bottom: ["╰", "╯"],
    ellipsis: "…",
    cursor: "▌",
    selected: "✓",
    unread: "●",
    partly_unread: "○",
    answered: "↩",
    forwarded: "→",
    draft: "✎",
    deleted: "×",
    star: "★",
    attachment: "@",
    rest: "↓",
    pending: "↑",
    folded: "▸",
    unfolded: "▾",
    branch: "└",
    quote: "│",
    card: "▐",
    placeholder: "·",
    watching: "●",
    in_step: "○",
    syncing: "↓",
    waiting: "!",
    stopped: "×",
    idle: "-",
};

pub(super) const ASCII: Glyphs = Glyphs {
    across: "-",
    down: "|",
    corners_top: ["+", "+"],
    corners_bottom: ["+", "+"],
    ellipsis: "~",
    cursor: ">",
    selected: "+",
    unread: "N",
    partly_unread: "n",
    answered: "r",
    forwarded: "f",
    draft: "d",
    deleted: "D",
    star: "*",
    attachment: "@",
    rest: "v",
    pending: "^",
    folded: ">",
    unfolded: "v",
    branch: "`",
    quote: ">",
    card: "#",
    placeholder: ".",
    watching: "*",
    in_step: "o",
    syncing: "~",
    waiting: "!",
    stopped: "x",
    idle: "-",
};

/// For screen readers: no line and no mark that would be read out as one.
pub(super) const LINEAR: Glyphs = Glyphs {
    across: " ",
    down: " ",
    corners_top: [" ", " "],
    corners_bottom: [" ", " "],
    quote: " ",
    branch: " ",
    folded: " ",
    unfolded: " ",
    placeholder: " ",
    watching: " ",
    in_step: " ",
    syncing: " ",
    ..ASCII
};
