//! The terminal: taken over at the start, given back whatever happens.
//!
//! Called by `run` only. The terminal must never be left raw: dropping the guard, a panic and a
//! stop all restore it.

use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste,
    EnableFocusChange, EnableMouseCapture,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    SetTitle,
};
use crossterm::{cursor, execute, queue, terminal};
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Modifier;
use std::io::{BufWriter, IsTerminal as _, Stdout, Write as _};
use unicode_width::UnicodeWidthStr as _;

/// A frame of the largest terminal fits, so that it goes out in one write.
const BUFFER: usize = 256 * 1024;

type Backend = CrosstermBackend<BufWriter<Stdout>>;

/// The terminal while it is ours.
pub(super) struct Screen {
    inner: ratatui::Terminal<Backend>,
    has_mouse: bool,
}

impl Screen {
    /// Takes the terminal over.
    pub(super) fn take(has_mouse: bool) -> std::io::Result<Self> {
        if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
            return Err(std::io::Error::other(
                "standard input and output must be a terminal; for scripts use the commands (`pillarbox --help`)",
            ));
        }
        enter(has_mouse)?;
        Ok(Self {
            inner: blank()?,
            has_mouse,
        })
    }

    /// The size in columns and rows.
    pub(super) fn size() -> (u16, u16) {
        terminal::size().unwrap_or((80, 24))
    }

    /// Draws a frame; the terminal shows it all at once where it can.
    pub(super) fn draw(
        &mut self,
        paint: impl FnOnce(&mut ratatui::Frame<'_>),
    ) -> std::io::Result<()> {
        queue!(std::io::stdout(), BeginSynchronizedUpdate)?;
        self.inner.draw(|frame| {
            paint(frame);
            mark_second_halves(frame.buffer_mut());
        })?;
        execute!(std::io::stdout(), EndSynchronizedUpdate)
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

/// What draws, knowing nothing of what is on the terminal.
fn blank() -> std::io::Result<ratatui::Terminal<Backend>> {
    let out = BufWriter::with_capacity(BUFFER, std::io::stdout());
    ratatui::Terminal::new(CrosstermBackend::new(out))
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
