//! The terminal: taken over at the start, given back whatever happens.
//!
//! Called by `run` only. The terminal must never be left raw: dropping the guard, a panic and a
//! stop all restore it.

#[cfg(unix)]
use super::early;
use super::scroller::Scroller;
use crate::engine::clock;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    SetTitle,
};
use crossterm::{cursor, execute, queue, terminal};
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;
use std::io::{BufWriter, IsTerminal as _, Stdout, Write as _};
use std::time::Duration;
use unicode_width::UnicodeWidthStr as _;

/// A frame of the largest terminal fits, so that it goes out in one write.
const BUFFER: usize = 256 * 1024;

/// How long the terminal may take to say what it is.
const ANSWER_WAIT: Duration = Duration::from_millis(100);
/// How much longer, where it has begun to.
const REST_WAIT: Duration = Duration::from_millis(300);
/// No terminal has more to say.
const ANSWER_MAX: usize = 512;

type Backend = Scroller<BufWriter<Stdout>>;

/// The terminal while it is ours.
pub(super) struct Screen {
    inner: ratatui::Terminal<Backend>,
    has_mouse: bool,
    /// What came from the terminal before the keyboard was read.
    early: Vec<u8>,
}

impl Screen {
    /// Takes the terminal over.
    pub(super) fn take(has_mouse: bool) -> std::io::Result<Self> {
        if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err(std::io::Error::other(
                "standard input and output must be a terminal; for scripts use the commands (`pillarbox --help`)",
            ));
        }
        if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
            return Err(std::io::Error::other(
                "TERM is dumb: the screen cannot be drawn here; start it in a terminal window, or use the commands (`pillarbox --help`)",
            ));
        }
        enter(has_mouse)?;
        Ok(Self {
            inner: blank()?,
            has_mouse,
            early: Vec::new(),
        })
    }

    /// What came from the terminal before the keyboard was read: an answer, and keys.
    pub(super) fn take_early(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.early)
    }

    /// The size in columns and rows.
    pub(super) fn size() -> (u16, u16) {
        terminal::size().unwrap_or((80, 24))
    }

    /// The width and height of a cell in pixels, where the system knows them.
    pub(super) fn cell_px() -> Option<(u16, u16)> {
        let size = terminal::window_size().ok()?;
        let cell = (
            size.width.checked_div(size.columns)?,
            size.height.checked_div(size.rows)?,
        );
        (cell.0 > 1 && cell.1 > 1).then_some(cell)
    }

    /// Asks the terminal what it is (DA1) and whether it shows sixels. A terminal that does not answer in
    /// time is not waited for; its answer, if it comes later, is no key. Must be called before the keyboard
    /// is read.
    pub(super) fn has_sixels(&mut self) -> bool {
        #[cfg(unix)]
        {
            self.write(b"\x1b[c").is_ok()
                && attributes(&mut self.early).is_some_and(|a| a.contains(&4))
        }
        #[cfg(not(unix))]
        {
            false
        }
    }

    /// Sets whether lines that moved are scrolled by the terminal.
    pub(super) fn set_scrolls(&mut self, scrolls: bool) {
        self.inner.backend_mut().set_scrolls(scrolls);
    }

    /// Draws a frame, with what goes in front of it and behind it; the terminal shows it all at once where it can.
    pub(super) fn draw(
        &mut self,
        before: &[u8],
        paint: impl FnOnce(&mut ratatui::Frame<'_>),
        after: &[u8],
    ) -> std::io::Result<()> {
        let mut out = std::io::stdout();
        queue!(out, BeginSynchronizedUpdate)?;
        out.write_all(before)?;
        self.inner.draw(|frame| {
            paint(frame);
            mark_second_halves(frame.buffer_mut());
        })?;
        out.write_all(after)?;
        execute!(out, EndSynchronizedUpdate)
    }

    /// Draws every cell anew with the next frame.
    pub(super) fn clear(&mut self) -> std::io::Result<()> {
        execute!(std::io::stdout(), terminal::Clear(terminal::ClearType::All))?;
        // ratatui's own clearing asks the terminal where the cursor is and waits for its answer.
        self.inner = blank()?;
        Ok(())
    }

    /// Writes a control sequence of ours, such as OSC 52.
    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let mut out = std::io::stdout();
        out.write_all(bytes)?;
        out.flush()
    }

    /// Gives the terminal to another program.
    pub(super) fn give(&mut self) {
        leave();
    }

    /// Takes it again.
    pub(super) fn take_again(&mut self) -> std::io::Result<()> {
        enter(self.has_mouse)?;
        self.clear()
    }

    /// Gives the terminal back, stops until continued, takes it over again.
    pub(super) fn suspend(&mut self) -> std::io::Result<()> {
        leave();
        #[cfg(unix)]
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP)?;
        enter(self.has_mouse)?;
        self.clear()
    }
}

/// The attributes that the terminal answers with: `ESC [ ? 62 ; 4 c`.
#[cfg(unix)]
fn attributes(said: &mut Vec<u8>) -> Option<Vec<u16>> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = std::io::stdin();
    let mut end = clock::monotonic() + ANSWER_WAIT;
    let last_end = end + REST_WAIT;
    while said.len() < ANSWER_MAX {
        let left = end.saturating_duration_since(clock::monotonic());
        let wait = Timespec::try_from(left).ok()?;
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        if left.is_zero() || poll(&mut fds, Some(&wait)).ok()? == 0 {
            // One that has begun is worth a longer wait: its rest would look like keys.
            if end < last_end && early::is_cut(said) {
                end = last_end;
                continue;
            }
            return None;
        }
        let mut bytes = [0; 64];
        let count = rustix::io::read(&stdin, &mut bytes).ok()?;
        said.extend(bytes.iter().take(count));
        if let Some(found) = answer(said) {
            return Some(found);
        }
        if count == 0 {
            return None;
        }
    }
    None
}

/// The attributes in what was said, once all of them are there.
fn answer(said: &[u8]) -> Option<Vec<u16>> {
    const BEGIN: &[u8] = b"\x1b[?";
    let from = said.windows(BEGIN.len()).position(|w| w == BEGIN)? + BEGIN.len();
    let rest = said.get(from..)?;
    let to = rest.iter().position(|b| *b == b'c')?;
    let text = std::str::from_utf8(rest.get(..to)?).ok()?;
    text.split(';').map(|n| n.parse().ok()).collect()
}

/// What draws, knowing nothing of what is on the terminal.
fn blank() -> std::io::Result<ratatui::Terminal<Backend>> {
    let out = BufWriter::with_capacity(BUFFER, std::io::stdout());
    ratatui::Terminal::new(Scroller::new(out))
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Makes the cell behind a wide character differ from any blank, so that it is written again when
/// something narrow takes its place. Without this a terminal may keep half of a character there.
fn mark_second_halves(buffer: &mut Buffer) {
    let mut is_behind_wide = false;
    for cell in &mut buffer.content {
        if is_behind_wide {
            cell.modifier.insert(Modifier::HIDDEN);
        }
        let symbol = cell.symbol();
        is_behind_wide = !is_behind_wide && !symbol.is_ascii() && symbol.width() > 1;
    }
}

fn enter(has_mouse: bool) -> std::io::Result<()> {
    terminal::enable_raw_mode()?;
    let mut out = std::io::stdout();
    execute!(
        out,
        EnterAlternateScreen,
        EnableBracketedPaste,
        EnableFocusChange,
        SetTitle("Pillarbox"),
        cursor::Hide
    )?;
    if has_mouse {
        execute!(out, EnableMouseCapture)
    } else {
        Ok(())
    }
}

/// Restores the terminal. Errors are of no use here: it may be gone.
pub(super) fn leave() {
    let mut out = std::io::stdout();
    let _gone = execute!(
        out,
        DisableMouseCapture,
        DisableFocusChange,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _gone = terminal::disable_raw_mode();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_of_a_terminal_are_found_in_what_it_said() {
        assert_eq!(answer(b"x\x1b[?62;4;22cy"), Some(vec![62, 4, 22]));
        assert_eq!(answer(b"\x1b[?6c"), Some(vec![6]));
        assert_eq!(answer(b"\x1b[?62;4"), None);
        assert_eq!(answer(b"\x1b[?62;xc"), None);
        assert_eq!(answer(b"c"), None);
    }
}
