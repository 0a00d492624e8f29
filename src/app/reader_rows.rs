//! The rows of a message below its headers: files, cards, text with its quotes folded.
//!
//! Called by `reader`, once per change. A row must never point to what the reading does not have.

use super::gallery::{self, Gallery};
use super::reader::{CardRow, Row};
use super::{App, Context, Finding, size_text};
use crate::bus::Link;
use crate::model::{Attachment, Card, LineKind, Reading, Rest, Safe, columns};

/// Quoted blocks of fewer lines are not worth folding.
const FOLD_LINES_MIN: usize = 3;
/// More rows of files would push the text out of sight.
const FILE_ROWS_MAX: usize = 3;
/// What "and 100 more" takes, with its key.
const MORE_COLS: usize = 15;
/// How many lines there are for what is said of a message of which only the header is here.
pub(super) const REST_LINES: usize = 4;

impl App {
    /// What is said of a message of which only the header is here, in lines.
    #[must_use]
    pub fn rest_lines(&self, reading: &Reading, cols: usize) -> Vec<Safe> {
        let size = size_text(reading.rest_bytes);
        let account = self.reader.placed.and_then(|p| self.mailbox(p.mailbox));
        let account = account.and_then(|m| self.account(m.account));
        let is_put_off = account.is_some_and(|a| matches!(a.link, Link::Waiting { .. }));
        let key = self.keymap.first("fetch-whole", Context::Reader);
        let text = match (reading.rest, self.is_offline) {
            (Rest::Here, _) => return Vec::new(),
            (Rest::Lost, _) => format!(
                "{size}; only the header was fetched, and the rest is no longer on the server."
            ),
            (Rest::OnServer, false) => format!(
                "{size}; only the header was fetched. Press {key} to fetch the whole message."
            ),
            (Rest::OnServer, true) => format!(
                "{size}; only the header was fetched. Press {key} to have the whole message fetched when you are online again."
            ),
            (Rest::Asked, false) if is_put_off => {
                format!("{size}; the whole message is fetched as soon as the server can be asked.")
            }
            (Rest::Asked, false) => format!("{size}; the whole message is being fetched."),
            (Rest::Asked, true) => {
                let online = self.keymap.first("toggle-offline", Context::Reader);
                format!(
                    "{size}; the whole message is fetched when you are online again ({online})."
                )
            }
        };
        wrap(&Safe::line(&text), cols, REST_LINES)
    }
}

/// Wraps a text at words to so many columns; what is beyond the last line ends in an ellipsis.
#[must_use]
pub fn wrap(text: &Safe, cols: usize, lines_max: usize) -> Vec<Safe> {
    // An address must not be broken at its hyphens.
    let options = textwrap::Options::new(cols.max(4))
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let mut pieces: Vec<Safe> = textwrap::wrap(text.as_str(), options)
        .iter()
        .take(lines_max + 1)
        .map(|piece| Safe::line(piece))
        .collect();
    if pieces.len() > lines_max {
        pieces.truncate(lines_max);
        if let Some(last) = pieces.last_mut() {
            *last = Safe::join(&[last.clone(), Safe::fixed("…")], " ");
        }
    }
    pieces
}

/// Lines of a source, cut where they are wider than so many columns: behind a blank if there is one in
/// the last quarter, and nothing of them is left out.
#[must_use]
pub(super) fn cut(lines: &[Safe], cols: usize) -> Vec<Safe> {
    use unicode_segmentation::UnicodeSegmentation as _;
    let cols = cols.max(8);
    let mut cut = Vec::with_capacity(lines.len());
    for line in lines {
        let text = line.as_str();
        let (mut start, mut used, mut blank) = (0, 0, None);
        for (at, cluster) in text.grapheme_indices(true) {
            let wide = columns(cluster);
            if used + wide > cols && at > start {
                let end = blank.take().unwrap_or(at);
                cut.push(Safe::line(text.get(start..end).unwrap_or_default()));
                used = columns(text.get(end..at).unwrap_or_default());
                start = end;
            }
            used += wide;
            if cluster == " " && used > cols * 3 / 4 {
                blank = Some(at + 1);
            }
        }
        cut.push(Safe::line(text.get(start..).unwrap_or_default()));
    }
    cut
}

/// What the line of facts says beside what the rows of files do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Facts {
    /// Nothing.
    None,
    /// What form the text has, and no more: there may be room for that beside a header.
    Form,
    /// More.
    More,
}

/// What the line of facts has to say.
#[must_use]
pub(super) fn facts(reading: &Reading) -> Facts {
    let has_more = !reading.links.is_empty()
        || !reading.remote_pictures().is_empty()
        || reading.trackers > 0
        || reading.hidden_texts > 0
        || reading.cards.iter().any(Card::is_list);
    match reading.is_html || reading.has_other_form {
        _ if has_more => Facts::More,
        true => Facts::Form,
        false => Facts::None,
    }
}

/// Puts as many attachments on a row as fit, on so few rows that the text stays in sight; of the others
/// the last row says how many there are. Whoever has it read out gets them all.
pub(super) fn pack(reading: &Reading, has_facts: bool, is_linear: bool, rows: &mut Vec<Row>) {
    let files = &reading.attachments;
    let cols = usize::from(reading.width);
    let rows_max = if is_linear { usize::MAX } else { FILE_ROWS_MAX };
    let (mut first, mut used, mut packed) = (0, 0, Vec::new());
    for (n, file) in files.iter().enumerate() {
        let needed = file_cols(n, file);
        if n > first && used + needed > cols {
            packed.push((first, n - first));
            (first, used) = (n, 0);
        }
        used += needed;
    }
    packed.push((first, files.len() - first));
    let is_cut = packed.len() > rows_max;
    packed.truncate(rows_max);
    if let Some((first, count)) = packed.last_mut().filter(|_| is_cut) {
        let row = |count: usize| {
            let row = files.iter().enumerate().skip(*first).take(count);
            row.map(|(n, file)| file_cols(n, file)).sum::<usize>()
        };
        while *count > 1 && row(*count) + MORE_COLS > cols {
            *count -= 1;
        }
    }
    let rows_of_files = packed.len();
    for (n, (first, count)) in packed.into_iter().enumerate().filter(|(_, p)| p.1 > 0) {
        let hidden = files.len() - first - count;
        let has_key = n + 1 == rows_of_files && !is_linear && (hidden > 0 || !has_facts);
        let more = has_key.then_some(hidden);
        rows.push(Row::Files { first, count, more });
    }
}

/// The columns that an attachment takes: number, name, size, and a gap.
fn file_cols(n: usize, file: &Attachment) -> usize {
    let number = (n + 1).to_string().len() + 3;
    let outside = file.outside.len() + usize::from(!file.outside.is_empty());
    number + columns(file.name.as_str()) + 1 + size_text(file.size_bytes).len() + outside + 3
}

/// The lines of the cards, wrapped, with room for the mark on the left and a key on the right.
pub(super) fn card_rows(reading: &Reading) -> Vec<CardRow> {
    const LINES_MAX: usize = 4;
    const KEY_COLS: usize = 8;
    let cols = usize::from(reading.width).saturating_sub(2);
    let cards = reading.cards.iter().filter(|card| !card.is_list());
    let lines = cards.flat_map(|card| &card.lines);
    let mut rows = Vec::new();
    for line in lines {
        let key = if line.action.is_empty() { 0 } else { KEY_COLS };
        let pieces = wrap(&line.text, cols.saturating_sub(key), LINES_MAX);
        rows.extend(pieces.into_iter().map(|text| CardRow {
            text,
            tone: line.tone,
            action: "",
        }));
        if let Some(last) = rows.last_mut() {
            last.action = line.action;
        }
    }
    rows
}

/// The rows of the text, with blocks quoted deeper than `quotes` folded into one row each, but for
/// those in which something was found.
pub(super) fn fold(
    reading: &Reading,
    gallery: &Gallery,
    quotes: u8,
    finding: Option<&Finding>,
    rows: &mut Vec<Row>,
) {
    let mut picture_before = None;
    let close = |first: usize, count: usize, rows: &mut Vec<Row>| {
        let is_found = |n| finding.is_some_and(|f| f.is_in_line(n));
        let is_open = (first..first + count).any(is_found);
        close_fold(first, count, is_open, rows);
    };
    let mut first = 0;
    let mut deep = 0;
    for (n, line) in reading.body.iter().enumerate() {
        if line.quote > quotes && line.kind != LineKind::Note {
            if deep == 0 {
                first = n;
            }
            deep += 1;
            continue;
        }
        close(first, deep, rows);
        deep = 0;
        let picture = gallery.alone_in(line);
        match picture.and_then(|p| Some((p, gallery.rows(p)?))) {
            // What stands for it may go on in the next line.
            Some((picture, _)) if picture_before == Some(picture) => {}
            Some((picture, count)) => gallery::push(rows, picture, count, line.quote),
            None => rows.push(Row::Line(n)),
        }
        picture_before = picture;
    }
    close(first, deep, rows);
}

/// Says in rows of their own where quotes begin and end.
pub(super) fn tell_quotes(reading: &Reading, from: usize, rows: &mut Vec<Row>) {
    let mut before = 0;
    for row in rows.split_off(from) {
        let level = match row {
            Row::Line(n) | Row::Folded { first: n, .. } => {
                reading.body.get(n).map_or(0, |line| line.quote)
            }
            _ => before,
        };
        // A folded one says so itself.
        if level != before && !matches!(row, Row::Folded { .. }) {
            rows.push(Row::Quoted(level));
            before = level;
        }
        rows.push(row);
    }
}

fn close_fold(first: usize, count: usize, is_open: bool, rows: &mut Vec<Row>) {
    if count >= FOLD_LINES_MIN && !is_open {
        rows.push(Row::Folded { first, count });
    } else {
        rows.extend((first..first + count).map(Row::Line));
    }
}
