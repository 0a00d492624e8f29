//! What other clients' users press, as data over the same action names.
//!
//! Used by `keymap`. A preset lists an action's whole set of keys in a context; where it takes a
//! key away from another action, it must give that action its own line.

use super::settings::Preset;

/// Chords of an action in a context (`list`, `reader`, `sidebar`, `all`).
pub(super) type Line = (&'static str, &'static str, &'static [&'static str]);

/// What the preset changes.
#[must_use]
pub(super) const fn keys(preset: Preset) -> &'static [Line] {
    match preset {
        Preset::Vim => &[],
        Preset::Mutt => MUTT,
        Preset::Gmail => GMAIL,
        Preset::Alpine => ALPINE,
    }
}

/// Tab goes to new mail, `F` stars, `N` toggles new, `c` changes the folder, `=` and `*` are the ends,
/// `s` saves to a folder. With `F` taken, folders are changed in the sidebar, by palette or by name.
const MUTT: &[Line] = &[
    ("all", "next-pane", &["ctrl-n"]),
    ("all", "previous-pane", &["ctrl-p"]),
    ("list", "first", &["gg", "="]),
    ("list", "last", &["G", "*"]),
    ("list", "half-page-down", &["ctrl-d"]),
    ("list", "page-down", &["ctrl-f", "z"]),
    ("list", "page-up", &["ctrl-b", "Z"]),
    ("list", "select-matching", &["T"]),
    ("list", "toggle-threads", &["M-t"]),
    ("list", "fold", &["M-v"]),
    ("list", "fold-all", &["M-V"]),
    ("list", "unfold-all", &["M-R"]),
    ("list", "center", &["M-z"]),
    ("list", "align-top", &[]),
    ("list", "align-bottom", &[]),
    ("list", "select", &["space", "t"]),
    ("list", "tag", &["Y"]),
    ("reader", "tag", &["Y"]),
    ("list", "star", &["F"]),
    ("reader", "star", &["F"]),
    ("list", "move", &["s"]),
    ("reader", "move", &["s"]),
    ("list", "new-folder", &[]),
    ("reader", "new-folder", &[]),
    ("list", "rename-folder", &[]),
    ("reader", "rename-folder", &[]),
    ("list", "move-folder", &[]),
    ("reader", "move-folder", &[]),
    ("list", "delete-folder", &[]),
    ("reader", "delete-folder", &[]),
    ("list", "subscribe", &[]),
    ("reader", "subscribe", &[]),
    ("list", "empty-folder", &[]),
    ("reader", "empty-folder", &[]),
    ("list", "read-folder", &[]),
    ("reader", "read-folder", &[]),
    ("sidebar", "new-folder", &["C", "n", "Fn"]),
    ("list", "toggle-read", &["N"]),
    ("reader", "toggle-read", &["N"]),
    ("list", "previous-match", &["M-n"]),
    ("reader", "previous-match", &["M-n"]),
    ("list", "filter", &["l", "\\"]),
    ("list", "open", &[]),
    ("all", "go-to-folder", &["c", "gf"]),
    ("reader", "headers", &["h"]),
    ("reader", "back", &["i"]),
    ("reader", "attachments", &["v"]),
    ("reader", "links", &["ctrl-b", "gx"]),
    ("reader", "page-up", &["-"]),
    ("all", "sync", &["$"]),
    ("all", "sync-all", &["gR"]),
];

/// `x` selects and `X` a range, `e` archives, `#` deletes, `v` moves; `o` opens, `u` goes back.
const GMAIL: &[Line] = &[
    ("list", "open", &["o", "l"]),
    ("list", "sort", &["O"]),
    ("list", "back", &["h"]),
    ("all", "archive", &["e"]),
    ("all", "trash", &["#", "d"]),
    ("all", "move", &["v"]),
    ("list", "select-range", &["X"]),
    ("reader", "back", &["u", "h"]),
    ("all", "undo", &["ctrl-z"]),
    ("all", "suspend", &[]),
    ("list", "toggle-read", &["U", "I"]),
    ("reader", "toggle-read", &["U", "I"]),
    ("list", "tag", &["t"]),
    ("all", "go-to-folder", &["gl", "gf"]),
    ("all", "sync-all", &["gR", "N"]),
    ("list", "previous-match", &[]),
    ("reader", "previous-match", &["p"]),
    ("reader", "toggle-preview", &[]),
    ("reader", "next-match", &["n"]),
];

/// `N` and `P` step, `-` pages back, `<` leaves, `V` reads, `*` stars, `W` searches, `;` selects, `D`
/// deletes, `S` saves to a folder; among the folders `A` adds and `R` renames.
const ALPINE: &[Line] = &[
    ("list", "next", &["n", "j"]),
    ("list", "previous", &["p", "k"]),
    ("all", "trash", &["d", "D"]),
    ("all", "delete", &["X"]),
    ("all", "move", &["S", "s"]),
    ("sidebar", "new-folder", &["A", "Fn"]),
    ("sidebar", "rename-folder", &["R", "r", "Fr"]),
    ("sidebar", "delete-folder", &["D", "d", "Fd"]),
    ("sidebar", "next", &["n", "j"]),
    ("sidebar", "previous", &["p", "k"]),
    ("reader", "next-message", &["n", "j"]),
    ("reader", "previous-message", &["p", "k"]),
    ("list", "next-match", &["M-n"]),
    ("list", "previous-match", &["M-p"]),
    ("reader", "next-match", &["M-n"]),
    ("reader", "previous-match", &["M-p"]),
    ("all", "toggle-preview", &["|"]),
    ("list", "open", &["V", ">"]),
    ("list", "select-thread", &["M-v"]),
    ("list", "select", &["x"]),
    ("list", "select-matching", &[";"]),
    ("list", "page-down", &["space", "ctrl-v", "ctrl-f"]),
    ("all", "page-up", &["-", "ctrl-y"]),
    ("reader", "scroll-up", &["M-y"]),
    ("all", "back", &["<"]),
    ("list", "star", &["*"]),
    ("reader", "star", &["*"]),
    ("all", "search", &["W", "/"]),
    ("all", "go-to-folder", &["G", "L", "gf"]),
    ("all", "last", &["M->"]),
    ("all", "first", &["M-<"]),
    ("list", "sort", &["$", "o"]),
    ("reader", "attachments", &["V", "A"]),
    ("reader", "headers", &["H"]),
];
