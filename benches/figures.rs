//! What the benches measure with: one raw connection, medians, a table.
//!
//! Used by `mail.rs` and `change.rs`. The raw connection must do no more with what comes than it has
//! to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

pub fn median(times: usize, mut measure: impl FnMut() -> f64) -> f64 {
    let mut all: Vec<f64> = (0..times).map(|_| measure()).collect();
    all.sort_by(f64::total_cmp);
    all[times / 2]
}

/// One connection that asks and drops what comes.
pub struct Raw {
    reader: BufReader<TcpStream>,
    tag: u32,
}

impl Raw {
    pub fn connect(port: u16, user: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut raw = Self {
            reader: BufReader::with_capacity(256 * 1024, stream),
            tag: 0,
        };
        raw.wait_for("* OK");
        raw.time(&format!("LOGIN {user} pass"));
        raw.time("ENABLE QRESYNC");
        raw
    }

    fn say(&mut self, line: &str) {
        self.reader
            .get_mut()
            .write_all(format!("{line}\r\n").as_bytes())
            .unwrap();
    }

    pub fn send(&mut self, command: &str) {
        self.tag += 1;
        self.say(&format!("T{} {command}", self.tag));
    }

    pub fn wait_for(&mut self, what: &str) -> Instant {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(
                self.reader.read_line(&mut line).unwrap() > 0,
                "the server hung up"
            );
            if line.contains(what) {
                return Instant::now();
            }
        }
    }

    fn until_tagged(&mut self) {
        let tag = format!("T{} ", self.tag);
        let mut line = Vec::new();
        loop {
            line.clear();
            let len = self.reader.by_ref().read_until(b'\n', &mut line).unwrap();
            assert!(len > 0, "the server hung up");
            if line.starts_with(tag.as_bytes()) {
                assert!(
                    line[tag.len()..].starts_with(b"OK"),
                    "{}",
                    String::from_utf8_lossy(&line)
                );
                return;
            }
        }
    }

    /// Searches; the ids as a set, runs folded.
    pub fn search(&mut self, command: &str) -> String {
        self.send(command);
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        self.until_tagged();
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for uid in line.split_ascii_whitespace().filter_map(|w| w.parse().ok()) {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == uid => *last = uid,
                _ => runs.push((uid, uid)),
            }
        }
        let text = |(a, b): (u32, u32)| match a == b {
            true => a.to_string(),
            false => format!("{a}:{b}"),
        };
        runs.into_iter().map(text).collect::<Vec<_>>().join(",")
    }

    pub fn time(&mut self, command: &str) -> f64 {
        let begun = Instant::now();
        self.send(command);
        self.until_tagged();
        begun.elapsed().as_secs_f64()
    }
}

/// Prints row after row.
pub struct Table;

impl Table {
    pub fn row(&self, what: &str, value: f64, ratio: Option<f64>, unit: &str) {
        let ratio = ratio.map_or(String::new(), |r| format!("{r:8.2}"));
        println!("{what:<44} {value:10.3} {ratio:>8}  {unit}");
    }

    pub fn lags(&self, what: &str, all: &mut [f64]) {
        all.sort_by(f64::total_cmp);
        let at = |share: usize| all[(all.len() - 1) * share / 100];
        self.row(&format!("{what}, median"), at(50), None, "ms");
        self.row(&format!("{what}, p95"), at(95), None, "ms");
    }
}
