//! A terminal with the program on it: keys in, text and raw bytes out.
//!
//! Used by tests of the screen. It ends the program when it is dropped.

use super::wait_until;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::thread;

/// The terminal.
pub(crate) struct Screen {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    shown: Arc<Mutex<Shown>>,
}

struct Shown {
    parser: vt100::Parser,
    raw: Vec<u8>,
}

const fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).expect("a screen has cells")
}

impl Screen {
    /// Starts a program on a terminal of that size.
    pub(crate) fn start(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let shown = Shown {
            parser: vt100::Parser::new(cells(rows), cells(columns), 0),
            raw: Vec::new(),
        };
        let shown = Arc::new(Mutex::new(shown));
        let mut output = pair.master.try_clone_reader().unwrap();
        let sink = Arc::clone(&shown);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut buffer) {
                let mut shown = sink.lock().unwrap();
                shown.parser.process(&buffer[..n]);
                shown.raw.extend_from_slice(&buffer[..n]);
            }
        });
        let keyboard = pair.master.take_writer().unwrap();
        Self {
            child,
            master: pair.master,
            keyboard,
            shown,
        }
    }

    /// Types keys: characters as they are, and `<Enter>`, `<Esc>`, `<Tab>`, `<Up>`, `<C-k>` and so on.
    pub(crate) fn keys(&mut self, keys: &str) {
        let mut rest = keys;
        while !rest.is_empty() {
            let named = rest.strip_prefix('<').and_then(|r| r.split_once('>'));
            let (bytes, after) =
                match named.and_then(|(name, after)| Some((named_key(name)?, after))) {
                    Some(key) => key,
                    None => {
                        let c = rest.chars().next().unwrap();
                        (c.to_string(), rest.get(c.len_utf8()..).unwrap_or_default())
                    }
                };
            self.keyboard.write_all(bytes.as_bytes()).unwrap();
            rest = after;
        }
        self.keyboard.flush().unwrap();
    }

    /// The screen as text, one line for each row.
    pub(crate) fn text(&self) -> String {
        self.shown.lock().unwrap().parser.screen().contents()
    }

    /// Waits until the text stands somewhere on the screen.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait(&format!("{text:?} on the screen"), |shown| {
            shown.contains(text)
        });
    }

    /// Waits until the text stands nowhere on the screen.
    pub(crate) fn wait_gone(&self, text: &str) {
        self.wait(&format!("{text:?} to leave the screen"), |shown| {
            !shown.contains(text)
        });
    }

    /// Waits until the screen is as wanted; shows it where it does not come to be.
    pub(crate) fn wait(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until(what, || is_so(&self.text()));
        }));
        assert!(
            outcome.is_ok(),
            "waited for {what}; the screen is\n{}",
            self.text()
        );
    }

    /// Every byte that the program wrote so far.
    pub(crate) fn raw(&self) -> Vec<u8> {
        self.shown.lock().unwrap().raw.clone()
    }

    /// Changes the size of the window.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.shown
            .lock()
            .unwrap()
            .parser
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.process_id().unwrap()).unwrap();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// The most memory that the program ever had, in bytes; `None` where the system does not tell.
    pub(crate) fn peak(&self) -> Option<u64> {
        super::peak(self.child.process_id()?)
    }

    /// Ends the program as `kill -9` does, and waits until it is gone.
    pub(crate) fn kill_at_once(mut self) {
        self.signal(rustix::process::Signal::KILL);
        self.child.wait().unwrap();
    }

    /// Quits, also where changes wait to be sent; the exit code.
    pub(crate) fn quit(&mut self) -> u32 {
        self.keys("Q");
        let mut is_asked = false;
        wait_until("the program to quit", || {
            if !is_asked && self.text().contains("Quit now?") {
                is_asked = true;
                self.keys("<Enter>");
            }
            self.child.try_wait().unwrap().is_some()
        });
        self.wait_end()
    }

    /// Waits for the program to end; its exit code.
    pub(crate) fn wait_end(&mut self) -> u32 {
        let mut code = None;
        wait_until("the program to end", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.unwrap().exit_code()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn named_key(name: &str) -> Option<String> {
    let text = match name {
        "Enter" => "\r",
        "Esc" => "\x1b",
        "Tab" => "\t",
        "S-Tab" => "\x1b[Z",
        "Space" => " ",
        "Backspace" => "\x7f",
        "Up" => "\x1b[A",
        "Down" => "\x1b[B",
        "Right" => "\x1b[C",
        "Left" => "\x1b[D",
        "Home" => "\x1b[H",
        "End" => "\x1b[F",
        "PageUp" => "\x1b[5~",
        "PageDown" => "\x1b[6~",
        "Delete" => "\x1b[3~",
        "F1" => "\x1bOP",
        "F5" => "\x1b[15~",
        "lt" => "<",
        _ => {
            let letter = name.strip_prefix("C-")?.bytes().next()?;
            return Some(char::from(letter & 0x1f).to_string());
        }
    };
    Some(text.to_owned())
}

/// The kinds of control sequences in terminal output: `CSI m`, `CSI ?h`, `OSC 52`, `C0 07`, `C1 9b`.
/// Line feed and carriage return are left out. A test holds them against what the program may say.
pub(crate) fn sequences(raw: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(raw);
    let mut chars = text.chars().peekable();
    let mut kinds = BTreeSet::new();
    while let Some(c) = chars.next() {
        match c {
            '\r' | '\n' => {}
            '\x1b' => {
                kinds.insert(escape(&mut chars));
            }
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                kinds.insert(format!("C0 {:02x}", c as u32));
            }
            '\u{80}'..='\u{9f}' => {
                kinds.insert(format!("C1 {:02x}", c as u32));
            }
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                kinds.insert(format!("BIDI {:04x}", c as u32));
            }
            _ => {}
        }
    }
    kinds
}

/// The kind of one escape sequence, whose ESC was read.
fn escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    match chars.next() {
        Some('[') => {
            let private = chars
                .next_if(|c| "?<=>".contains(*c))
                .map_or(String::new(), String::from);
            while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
            format!("CSI {private}{}", chars.next().unwrap_or('…'))
        }
        Some(']') => {
            let mut number = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                number.push(digit);
            }
            format!("OSC {number}")
        }
        Some('P') => "DCS".to_owned(),
        Some('_') => "APC".to_owned(),
        Some('^') => "PM".to_owned(),
        Some('X') => "SOS".to_owned(),
        Some(c @ '('..='/') => format!("ESC {c}{}", chars.next().unwrap_or('…')),
        Some(c) => format!("ESC {c}"),
        None => "ESC".to_owned(),
    }
}
