//! The terminal: taken over at the start, given back whatever happens.
//!
//! Called by `run` only. The terminal must never be left raw: dropping the guard, a panic and a
//! stop all restore it.

use super::cells;
use super::scroller::Scroller;
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    SetTitle,
};
use crossterm::{cursor, execute, queue, terminal};
use ratatui::backend::Backend as _;
use ratatui::buffer::Cell;
use std::io::{BufWriter, IsTerminal as _, Stdout, Write as _};

/// Has the terminal keep its title, and take it back (XTWINOPS).
const KEEP_TITLE: &[u8] = b"\x1b[22;2t";
const OLD_TITLE: &[u8] = b"\x1b[23;2t";
/// A frame of the largest terminal fits, so that it goes out in one write.
const BUFFER: usize = 256 * 1024;

type Backend = Scroller<BufWriter<Stdout>>;

/// The terminal while it is ours.
pub(super) struct Screen {
    inner: ratatui::Terminal<Backend>,
    has_mouse: bool,
    /// What the terminal may have wiped out and got again.
    mended: Vec<(u16, u16, Cell)>,
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
            mended: Vec::new(),
        })
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
        let mut wiped = Vec::new();
        self.inner.draw(|frame| {
            paint(frame);
            cells::mark_second_halves(frame.buffer_mut());
            wiped = cells::wiped(frame.buffer_mut());
        })?;
        if wiped != self.mended {
            queue!(out, cursor::SavePosition)?;
            let backend = self.inner.backend_mut();
            backend.draw(wiped.iter().map(|(x, y, cell)| (*x, *y, cell)))?;
            std::io::Write::flush(backend)?;
            queue!(out, cursor::RestorePosition)?;
            self.mended = wiped;
        }
        out.write_all(after)?;
        execute!(out, EndSynchronizedUpdate)
    }

    /// Draws every cell anew with the next frame.
    pub(super) fn clear(&mut self) -> std::io::Result<()> {
        execute!(std::io::stdout(), terminal::Clear(terminal::ClearType::All))?;
        // ratatui's own clearing asks the terminal where the cursor is and waits for its answer.
        self.inner = blank()?;
        self.mended.clear();
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

fn enter(has_mouse: bool) -> std::io::Result<()> {
    terminal::enable_raw_mode()?;
    let mut out = std::io::stdout();
    out.write_all(KEEP_TITLE)?;
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
    let _gone = out.write_all(OLD_TITLE);
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
