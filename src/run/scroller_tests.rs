//! Tests of scrolling, with a small terminal that does what it is told.
//!
//! Called by the test runner alone. Must know of a terminal only what the oldest ones do.

use super::*;

const COLS: u16 = 20;
const ROWS: u16 = 10;

/// What was written.
#[derive(Clone, Default)]
struct Written(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Cells without styles, a cursor, and lines that scroll.
struct Vt {
    cells: Vec<Vec<char>>,
    at: (usize, usize),
    region: (usize, usize),
}

impl Vt {
    fn new() -> Self {
        Self {
            cells: vec![vec![' '; usize::from(COLS)]; usize::from(ROWS)],
            at: (0, 0),
            region: (0, usize::from(ROWS) - 1),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap();
        let mut all = text.chars().peekable();
        while let Some(c) = all.next() {
            let (top, bottom) = self.region;
            match c {
                '\n' if self.at.1 == bottom => {
                    self.cells.remove(top);
                    self.cells.insert(bottom, vec![' '; usize::from(COLS)]);
                }
                '\n' => self.at.1 += 1,
                '\x1b' if all.next_if_eq(&'M').is_some() => {
                    assert_eq!(self.at.1, top);
                    self.cells.remove(bottom);
                    self.cells.insert(top, vec![' '; usize::from(COLS)]);
                }
                '\x1b' => {
                    assert_eq!(all.next(), Some('['));
                    let mut said = String::new();
                    let last = loop {
                        match all.next().unwrap() {
                            c if c.is_ascii_alphabetic() => break c,
                            c => said.push(c),
                        }
                    };
                    self.sequence(&said, last);
                }
                c => {
                    self.cells[self.at.1][self.at.0] = c;
                    self.at.0 += 1;
                }
            }
        }
    }

    fn sequence(&mut self, said: &str, last: char) {
        let numbers: Vec<usize> = said.split(';').filter_map(|n| n.parse().ok()).collect();
        match (last, numbers.as_slice()) {
            ('H', [y, x]) => self.at = (x - 1, y - 1),
            ('r', [top, bottom]) => self.region = (top - 1, bottom - 1),
            ('r', []) => self.region = (0, usize::from(ROWS) - 1),
            ('m', _) => {}
            other => panic!("{other:?}"),
        }
    }

    fn text(&self) -> Vec<String> {
        let lines = self.cells.iter();
        lines
            .map(|l| l.iter().collect::<String>().trim_end().to_owned())
            .collect()
    }
}

fn page(lines: &[String]) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, COLS, ROWS));
    for (y, line) in (0..ROWS).zip(lines) {
        buffer.set_string(0, y, line, ratatui::style::Style::default());
    }
    buffer
}

/// A title, eight lines of a text from that one on, and a status.
fn text(from: usize) -> Vec<String> {
    let lines = (from..from + 8).map(|n| {
        if n % 5 == 4 {
            String::new()
        } else {
            format!("Line number {n}.")
        }
    });
    let ends = ["Title".to_owned(), "Status".to_owned()];
    let [title, status] = ends;
    std::iter::once(title)
        .chain(lines)
        .chain([status])
        .collect()
}

/// Draws pages one after the other; gives what was written for the last one, and what is seen.
fn drawn(pages: &[Vec<String>], scrolls: bool) -> (String, Vec<String>) {
    let written = Written::default();
    let mut out = Scroller::new(written.clone());
    out.set_scrolls(scrolls);
    out.shown = Known::Cells(page(&[]));
    let mut before = page(&[]);
    let mut vt = Vt::new();
    let mut said = Vec::new();
    for lines in pages {
        let next = page(lines);
        out.draw(before.diff(&next).into_iter()).unwrap();
        said = std::mem::take(&mut *written.0.borrow_mut());
        vt.take(&said);
        before = next;
        let seen: Vec<String> = lines.iter().map(|l| l.trim_end().to_owned()).collect();
        assert_eq!(vt.text(), seen);
    }
    (String::from_utf8(said).unwrap(), vt.text())
}

#[test]
fn a_page_that_moved_by_a_line_is_one_line_of_output() {
    for (from, to, new) in [(20, 21, "Line number 28."), (21, 20, "Line number 20.")] {
        let (said, _) = drawn(&[text(from), text(to)], true);
        assert_eq!(said.matches("Line").count(), 1, "{said:?}");
        assert!(said.contains(new), "{said:?}");
        let (written, _) = drawn(&[text(from), text(to)], false);
        assert!(written.len() > 2 * said.len(), "{written:?}");
    }
}

#[test]
fn whatever_moves_the_screen_is_what_it_would_be_without_scrolling() {
    // `drawn` itself compares what is seen with each page.
    fastrand::seed(7);
    for _ in 0..200 {
        let mut at = 30;
        let pages: Vec<Vec<String>> = (0..12)
            .map(|_| {
                at = (at + fastrand::usize(0..9)).saturating_sub(4);
                let mut lines = text(at);
                let (y, what) = (fastrand::usize(0..10), fastrand::u8(0..4));
                match what {
                    0 => lines[y] = "Changed".to_owned(),
                    1 => lines[y] = "Line number 31.".to_owned(),
                    _ => {}
                }
                lines
            })
            .collect();
        drawn(&pages, true);
    }
}

#[test]
fn a_move_of_the_cursor_or_another_page_scrolls_nothing() {
    let other: Vec<String> = (0..10).map(|n| format!("Other {n}")).collect();
    let (said, _) = drawn(&[text(20), other.clone()], true);
    assert!(!said.contains('r') || !said.contains("\x1b[r"), "{said:?}");
    let (said, _) = drawn(&[other.clone(), other], true);
    assert!(!said.contains("\x1b[r"), "{said:?}");
}
