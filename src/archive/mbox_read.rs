//! Reads an mbox of any program's, message after message (RFC 4155 and what is found in the wild).
//!
//! Used by `Source`. Holds one message and a piece of the next: a file of any size, or one that is not
//! what it seems, must never cost more memory than that, or time that is not in proportion.

use super::{Found, Message, Unfit, entry, from_line};
use std::io::{self, Read};

/// How much is read at once.
const CHUNK: usize = 256 * 1024;
/// What some editors begin a file of UTF-8 with.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";
/// What the first message of some servers' files is: their own notes, and no mail.
const NOTES: &[u8] = b"DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA";

/// A file that is read.
#[derive(Debug)]
pub(super) struct MboxReader<R> {
    inner: R,
    buffer: Vec<u8>,
    /// Where in the buffer the next message begins.
    start: usize,
    is_end: bool,
    /// Whether Content-Length was right as often as it was there.
    trusts_lengths: bool,
    limit: usize,
    /// How many messages were given out.
    count: u64,
    /// How many bytes lie before the buffer.
    before: u64,
}

/// Where a message ends, as far as is known.
struct Scan {
    /// Where the next line begins.
    at: usize,
    /// Whether the line before is empty.
    is_after_blank: bool,
    /// Where the text begins, once the header is over.
    text: Option<usize>,
    /// Where the text ends by Content-Length.
    length_end: Option<usize>,
    /// The first line that would have ended the message.
    candidate: Option<usize>,
}

/// A message's place in the buffer.
struct Extent {
    /// Where its lines begin, behind the first one.
    body: usize,
    end: usize,
    /// Whether Content-Length said where it ends, so that nothing in it was quoted.
    is_counted: bool,
}

impl<R: Read> MboxReader<R> {
    /// Messages of more than `limit` bytes are passed over.
    pub(super) const fn new(inner: R, limit: usize) -> Self {
        Self {
            inner,
            buffer: Vec::new(),
            start: 0,
            is_end: false,
            trusts_lengths: true,
            limit,
            count: 0,
            before: 0,
        }
    }

    /// How many bytes were read.
    pub(super) fn offset(&self) -> u64 {
        self.before + as_u64(self.start)
    }

    /// The next message; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Found>> {
        loop {
            if self.count == 0 {
                self.skip_blank_lines()?;
            }
            if !self.has(1)? {
                return Ok(None);
            }
            self.count += 1;
            let place = format!("message {}", self.count);
            let Some(extent) = self.find_end()? else {
                let size = self.pass_over()?;
                let message = Err(Unfit::TooLarge(size));
                return Ok(Some(Found { place, message }));
            };
            let message = self.take(&extent);
            if self.count == 1 && is_notes(&message.raw) {
                continue;
            }
            return Ok(Some(Found {
                place,
                message: Ok(message),
            }));
        }
    }

    fn take(&mut self, extent: &Extent) -> Message {
        let first = self.buffer.get(self.start..extent.body);
        let arrived = from_line::date(first.unwrap_or_default());
        let body = self.buffer.get(extent.body..extent.end);
        let (raw, flags) = entry::decode(body.unwrap_or_default(), !extent.is_counted);
        self.start = extent.end;
        Message {
            raw,
            flags,
            arrived,
        }
    }

    /// Makes so many bytes of the message available; whether there are so many.
    fn has(&mut self, bytes: usize) -> io::Result<bool> {
        while self.buffer.len() - self.start < bytes && !self.is_end {
            self.fill()?;
        }
        Ok(self.buffer.len() - self.start >= bytes)
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.start > CHUNK {
            self.buffer.drain(..self.start);
            self.before += as_u64(self.start);
            self.start = 0;
        }
        let mut piece = (&mut self.inner).take(as_u64(CHUNK));
        self.is_end = piece.read_to_end(&mut self.buffer)? < CHUNK;
        Ok(())
    }

    fn skip_blank_lines(&mut self) -> io::Result<()> {
        if self.before == 0
            && self.start == 0
            && self.has(MARK.len())?
            && self.buffer.starts_with(MARK)
        {
            self.start = MARK.len();
        }
        while self.has(1)? {
            match self.buffer.get(self.start) {
                Some(b) if b.is_ascii_whitespace() => self.start += 1,
                _ => break,
            }
        }
        Ok(())
    }

    /// The end of the line that begins at `at` (both relative to the message), behind its break;
    /// `None`: it is not in the buffer. Reads on for a line that is looked at, no further than needed.
    fn line_end(&mut self, at: usize) -> io::Result<Option<usize>> {
        let mut from = at;
        loop {
            let rest = self.buffer.get(self.start + from..).unwrap_or_default();
            if let Some(found) = memchr::memchr(b'\n', rest) {
                return Ok(Some(from + found + 1));
            }
            from += rest.len();
            if self.is_end {
                return Ok((from > at).then_some(from));
            }
            if from > self.limit {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    fn slice(&self, from: usize, to: usize) -> &[u8] {
        let range = self.start + from..self.start + to;
        self.buffer.get(range).unwrap_or_default()
    }

    /// Finds the end of the message that begins the buffer; `None`: it is too large.
    fn find_end(&mut self) -> io::Result<Option<Extent>> {
        let Some(body) = self.line_end(0)? else {
            return Ok(None);
        };
        let mut scan = Scan {
            at: body,
            is_after_blank: false,
            text: None,
            length_end: None,
            candidate: None,
        };
        let extent = |reader: &Self, end: usize, is_counted: bool| Extent {
            body: reader.start + body,
            end: reader.start + end,
            is_counted,
        };
        loop {
            let line_end = self.line_end(scan.at)?;
            if let Some(is_right) = self.is_length_right(&scan, line_end)? {
                if is_right {
                    return Ok(Some(extent(self, scan.at, true)));
                }
                self.trusts_lengths = false;
                scan.length_end = None;
                if let Some(end) = scan.candidate {
                    return Ok(Some(extent(self, end, false)));
                }
            }
            let Some(next) = line_end else {
                if self.is_end {
                    return Ok(Some(extent(self, scan.at, false)));
                }
                return Ok(self.at_limit(&mut scan).map(|end| extent(self, end, false)));
            };
            if self.begins_message(scan.at, next, scan.is_after_blank)? {
                if scan.length_end.is_none() {
                    return Ok(Some(extent(self, scan.at, false)));
                }
                scan.candidate.get_or_insert(scan.at);
            }
            if scan.at > self.limit {
                return Ok(self.at_limit(&mut scan).map(|end| extent(self, end, false)));
            }
            let line = self.slice(scan.at, next);
            scan.is_after_blank = is_blank(line);
            scan.at = next;
            if scan.is_after_blank && scan.text.is_none() {
                scan.text = Some(next);
                scan.length_end = self.counted(body, next);
            }
        }
    }

    /// The message does not end within the limit: what Content-Length spanned may have been several.
    fn at_limit(&mut self, scan: &mut Scan) -> Option<usize> {
        self.trusts_lengths &= scan.length_end.is_none();
        scan.candidate
    }

    /// Where the text ends by the Content-Length of the header.
    fn counted(&self, body: usize, text: usize) -> Option<usize> {
        let header = self.slice(body, text);
        if !self.trusts_lengths || entry::is_marked(header) {
            return None;
        }
        let length = usize::try_from(entry::content_length(header)?).ok()?;
        text.checked_add(length)
    }

    /// Whether the length was right; `None` where that cannot be told yet.
    fn is_length_right(&mut self, scan: &Scan, line: Option<usize>) -> io::Result<Option<bool>> {
        let Some(end) = scan.length_end else {
            return Ok(None);
        };
        let is_over = line.is_none() && self.is_end;
        if scan.at < end {
            return Ok(is_over.then_some(false));
        }
        let gap = self.slice(end, scan.at);
        if gap.len() > 4 || !gap.iter().all(|b| matches!(b, b'\r' | b'\n')) {
            return Ok(Some(false));
        }
        if is_over {
            return Ok(Some(true));
        }
        let Some(next) = line else {
            return Ok(Some(false));
        };
        if is_blank(self.slice(scan.at, next)) {
            return Ok(None);
        }
        let line = self.slice(scan.at, next);
        Ok(Some(
            from_line::date(line).is_some() || from_line::is_dash(line),
        ))
    }

    /// Whether a line begins the next message.
    fn begins_message(&mut self, at: usize, end: usize, is_after_blank: bool) -> io::Result<bool> {
        let line = self.slice(at, end);
        if !line.starts_with(b"From ") {
            return Ok(false);
        }
        let has_date = from_line::date(line).is_some();
        if from_line::is_dash(line) {
            return self.is_field(end);
        }
        match (has_date, is_after_blank) {
            (true, true) => Ok(true),
            (false, false) => Ok(false),
            // Half of what belongs there: the line behind it must begin a header.
            (true, false) => self.is_field(end),
            (false, true) => Ok(from_line::is_bare(line) && self.is_field(end)?),
        }
    }

    /// Whether a header field begins there.
    fn is_field(&mut self, at: usize) -> io::Result<bool> {
        self.has(at + from_line::LOOK)?;
        let rest = self.slice(at, self.buffer.len() - self.start);
        let name = rest
            .iter()
            .take(256)
            .take_while(|b| b.is_ascii_graphic() && **b != b':');
        let name = name.count();
        Ok(name > 0 && rest.get(name) == Some(&b':'))
    }

    /// Reads on to the next message without keeping anything; how many bytes that were.
    fn pass_over(&mut self) -> io::Result<u64> {
        let from = self.offset();
        let mut is_after_blank = false;
        let mut is_line_start = false;
        loop {
            if !self.has(from_line::LOOK)? && !self.has(1)? {
                return Ok(self.offset() - from);
            }
            let have = self.buffer.len() - self.start;
            let found = memchr::memchr(b'\n', self.slice(0, have));
            let end = found.map_or(have, |at| at + 1);
            if is_line_start && self.begins_message(0, end, is_after_blank)? {
                return Ok(self.offset() - from);
            }
            is_after_blank = is_line_start && is_blank(self.slice(0, end));
            is_line_start = found.is_some();
            self.start += end;
        }
    }
}

fn as_u64(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// Whether it is what servers of the c-client family keep for themselves at the beginning of a file.
fn is_notes(raw: &[u8]) -> bool {
    let head = raw.get(..4096).unwrap_or(raw);
    let has = |text: &[u8]| memchr::memmem::find(head, text).is_some();
    has(NOTES) && (has(b"\nX-IMAP: ") || head.starts_with(b"X-IMAP: "))
}
