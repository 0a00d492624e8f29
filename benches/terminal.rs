//! The program on a terminal, with the time of everything that it writes.
//!
//! Used by `mail.rs`, `change.rs` and `compose.rs`. Times are taken when bytes arrive, not when somebody looks.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// As many columns as the sidebar takes at most.
const SIDEBAR: u16 = 40;

pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    chunks: Receiver<(Instant, Vec<u8>)>,
    parser: vt100::Parser,
    pub started: Instant,
}

impl Terminal {
    pub fn start(args: &[&str], env: &[(&str, String)], columns: u16, rows: u16) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_pillarbox"));
        command.args(args);
        for (name, value) in env {
            command.env(name, value);
        }
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let (sink, chunks) = sync_channel(10_000);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(n @ 1..) = output.read(&mut buffer) {
                if sink.send((Instant::now(), buffer[..n].to_vec())).is_err() {
                    return;
                }
            }
        });
        let cells = |n| NonZero::new(n).unwrap();
        let parser = vt100::Parser::new(cells(rows), cells(columns), 0);
        Self {
            child,
            _master: pair.master,
            keyboard,
            chunks,
            parser,
            started,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    pub fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until the screen is so; the time at which the bytes arrived that made it so.
    pub fn wait(&mut self, what: &str, limit: Duration, is_so: impl Fn(&str) -> bool) -> Instant {
        self.wait_until(what, limit, |t| is_so(&t.text()))
    }

    /// The same with more than the text to look at.
    pub fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        is_so: impl Fn(&Self) -> bool,
    ) -> Instant {
        let end = Instant::now() + limit;
        if is_so(self) {
            return Instant::now();
        }
        loop {
            match self
                .chunks
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok((at, bytes)) => {
                    self.parser.process(&bytes);
                    if is_so(self) {
                        return at;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("waited in vain for {what}; the screen:\n{}", self.text())
                }
            }
        }
    }

    /// Takes what is written next; when that was.
    pub fn next(&mut self, limit: Duration) -> Instant {
        match self.chunks.recv_timeout(limit) {
            Ok((at, bytes)) => {
                self.parser.process(&bytes);
                at
            }
            Err(_) => panic!("nothing is written; the screen:\n{}", self.text()),
        }
    }

    /// Takes what is written until nothing is for so long.
    pub fn settle(&mut self, quiet: Duration) {
        while let Ok((_, bytes)) = self.chunks.recv_timeout(quiet) {
            self.parser.process(&bytes);
        }
    }

    /// Takes what is written for so long.
    pub fn settle_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok((_, bytes)) = self
            .chunks
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            self.parser.process(&bytes);
        }
    }

    /// The text of the list's rows: what is right of the sidebar.
    pub fn rows(&self) -> Vec<String> {
        let text = self.text();
        let rows = text.lines().filter_map(|line| line.split_once('│'));
        rows.map(|(_, row)| row.to_owned()).collect()
    }

    /// The list with its cursor, without sidebar and status line, which change by themselves.
    fn list(&self) -> Vec<String> {
        let screen = self.parser.screen();
        let (rows, columns) = screen.size();
        let lines = usize::from(rows.get()).saturating_sub(2);
        let width = columns.get().saturating_sub(SIDEBAR);
        screen.rows_formatted(SIDEBAR, width).take(lines).collect()
    }

    /// Presses a key and measures the time to the first change of the list, in milliseconds.
    pub fn lag(&mut self, key: &str) -> f64 {
        self.settle_for(Duration::from_millis(30));
        let before = self.list();
        let pressed = Instant::now();
        self.keys(key);
        let end = pressed + Duration::from_secs(3);
        loop {
            match self
                .chunks
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok((at, bytes)) => {
                    self.parser.process(&bytes);
                    if self.list() != before {
                        return (at - pressed).as_secs_f64() * 1e3;
                    }
                }
                Err(_) => return f64::INFINITY,
            }
        }
    }

    /// Resident memory in MB and CPU seconds so far.
    pub fn usage(&self) -> (f64, f64) {
        let read = |file: &str| {
            std::fs::read_to_string(format!("/proc/{}/{file}", self.pid())).unwrap_or_default()
        };
        let status = read("status");
        let kb = status
            .lines()
            .find_map(|l| l.strip_prefix("VmRSS:"))
            .and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok())
            .unwrap_or(f64::NAN);
        let stat = read("stat");
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .split_whitespace()
            .collect();
        let ticks = |i: usize| {
            fields
                .get(i)
                .and_then(|f| f.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        (kb / 1024.0, (ticks(11) + ticks(12)) / 100.0)
    }

    pub fn quit(mut self) {
        self.keys("Q");
        for _ in 0..100 {
            if self.child.try_wait().ok().flatten().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _gone = self.child.kill();
    }
}
