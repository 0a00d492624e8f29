//! What is known of the terminal: its size, its locale, its colours.
//!
//! Used by listings and by `doctor`: the one place of the command line that reads the environment
//! by itself. Must never write to the terminal.

use super::output::Output;
use std::env;

/// The columns of the terminal that the output goes to; `None` where it goes elsewhere.
pub(super) fn columns(output: &Output) -> Option<usize> {
    let (columns, _) = size(output.is_terminal())?;
    Some(usize::from(columns)).filter(|columns| *columns > 0)
}

/// Columns and rows of the terminal. Nobody is asked where there is none: the question would be put to
/// a program of the system's.
pub(super) fn size(is_terminal: bool) -> Option<(u16, u16)> {
    let ask = || crossterm::terminal::size().ok();
    is_terminal.then(ask).flatten()
}

/// A variable of the environment, as far as it is text; empty where it is not set.
pub(super) fn variable(name: &str) -> String {
    env::var_os(name).map_or(String::new(), |value| value.to_string_lossy().into_owned())
}

/// The locale that decides on characters (POSIX: `LC_ALL` before `LC_CTYPE` before `LANG`).
pub(super) fn locale() -> String {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    set.into_iter()
        .find(|value| !value.is_empty())
        .unwrap_or_default()
}

/// Whether the locale says UTF-8.
pub(super) fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// How many colours there are, in words.
pub(super) fn colours() -> &'static str {
    let term = variable("TERM");
    if !variable("NO_COLOR").is_empty() {
        "no colours (NO_COLOR is set)"
    } else if ["truecolor", "24bit"].contains(&variable("COLORTERM").as_str()) {
        "16 million colours"
    } else if term.contains("256color") {
        "256 colours"
    } else {
        "16 colours or fewer"
    }
}
