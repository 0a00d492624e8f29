//! Uuencoded files in plain text, as they were sent before MIME and still are.
//!
//! Called by `render` (which shows a line of ours in their place), `inner` and `transfer`. Must never
//! believe a length that stands in a line, and takes linear time: every line is looked at once.

use super::headers::{line_at, trim_break};
use std::ops::Range;

/// More files of one text are text.
const FILES_MAX: usize = 1000;
/// The longest name in bytes.
const NAME_MAX: usize = 512;
/// A line holds 45 bytes in every program, 63 at most.
const LINE_MAX: usize = 63;

/// One file and where it lies in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// From the line that begins it to the line that ends it, its break included.
    pub(crate) range: Range<usize>,
    /// Its lines of data.
    data: Range<usize>,
    /// Its name as written.
    pub(crate) name: Vec<u8>,
    /// Its size, decoded.
    pub(crate) size_bytes: u64,
    /// Whether its end is missing.
    pub(crate) is_cut: bool,
}

impl File {
    /// Its bytes.
    pub(crate) fn decoded(&self, text: &[u8]) -> Vec<u8> {
        let data = text.get(self.data.clone()).unwrap_or_default();
        let mut out = Vec::with_capacity(data.len() / 4 * 3);
        for line in data.split(|b| *b == b'\n') {
            decode_line(line.strip_suffix(b"\r").unwrap_or(line), &mut out);
        }
        out
    }
}

/// The files in a text, in their order.
pub(crate) fn find(text: &[u8]) -> Vec<File> {
    let mut found = Vec::new();
    let mut at = 0;
    while found.len() < FILES_MAX {
        let rest = text.get(at..).unwrap_or_default();
        let Some(begin) = begin_of(rest) else { break };
        let from = at + begin;
        let line = line_at(text, from).unwrap_or_default();
        at = from + line.len();
        if let Some(name) = name_of(trim_break(line))
            && let Some(file) = file(text, from, at, name)
        {
            at = file.range.end;
            found.push(file);
        }
    }
    found
}

/// Where the next line begins that starts with `begin `.
fn begin_of(rest: &[u8]) -> Option<usize> {
    if rest.starts_with(b"begin ") {
        return Some(0);
    }
    memchr::memmem::find(rest, b"\nbegin ").map(|at| at + 1)
}

/// The name in `begin 644 name`; `None` where it is a sentence that begins like that.
fn name_of(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"begin ")?;
    let digits = rest.iter().take_while(|b| matches!(b, b'0'..=b'7')).count();
    let name = rest.get(digits..)?.strip_prefix(b" ")?.trim_ascii();
    let is_name = (3..=4).contains(&digits) && (1..=NAME_MAX).contains(&name.len());
    is_name.then_some(name)
}

/// The file whose data begins at `data_at`. Where its end is missing there must be data at least.
fn file(text: &[u8], from: usize, data_at: usize, name: &[u8]) -> Option<File> {
    let mut at = data_at;
    let mut size_bytes = 0;
    let mut data_end = data_at;
    let mut end = None;
    while let Some(line) = line_at(text, at) {
        let next = at + line.len();
        let content = trim_break(line);
        if content.trim_ascii_end() == b"end" {
            end = Some(next);
            break;
        }
        let Some(len) = data_of(content) else { break };
        size_bytes += u64::try_from(len).unwrap_or_default();
        (at, data_end) = (next, next);
    }
    let is_cut = end.is_none();
    // Without an end, words in capitals could pass for data: the first line must be a whole one.
    let first = trim_break(line_at(text, data_at).unwrap_or_default());
    let is_whole = first.split_first().is_some_and(|(b, digits)| {
        let len = usize::from(value(*b));
        len > 0 && digits.len() >= len.div_ceil(3) * 4
    });
    (!is_cut || (is_whole && size_bytes > 0)).then(|| File {
        range: from..end.unwrap_or(data_end),
        data: data_at..data_end,
        name: name.to_vec(),
        size_bytes,
        is_cut,
    })
}

/// How many bytes a line of data holds; `None` where it is none. Blanks at its end may be lost, and some
/// programs add a check sum.
fn data_of(line: &[u8]) -> Option<usize> {
    let Some((first, digits)) = line.split_first() else {
        // The line of no bytes that ends the data, its blank lost.
        return Some(0);
    };
    let is_digits = line.iter().all(|b| (b' '..=b'`').contains(b));
    let len = usize::from(value(*first));
    let needed = len.div_ceil(3) * 4;
    let is_of_length = digits.len() <= needed + 2 && (len == 0 || !digits.is_empty());
    (is_digits && len <= LINE_MAX && is_of_length).then_some(len)
}

const fn value(b: u8) -> u8 {
    b.wrapping_sub(b' ') & 0x3f
}

/// Decodes a line; digits that it lacks are zeros, more than it announces are left.
fn decode_line(line: &[u8], out: &mut Vec<u8>) {
    let Some((first, digits)) = line.split_first() else {
        return;
    };
    let mut left = usize::from(value(*first));
    let mut groups = digits.chunks(4);
    while left > 0 {
        let group = groups.next().unwrap_or_default();
        let acc = (0..4).fold(0u32, |acc, at| {
            acc << 6 | u32::from(value(group.get(at).copied().unwrap_or(b' ')))
        });
        let [_, bytes @ ..] = acc.to_be_bytes();
        let take = left.min(3);
        out.extend(bytes.iter().take(take));
        left -= take;
    }
}

/// A whole part that is encoded like this: its first file, what is around it passed over.
pub(crate) fn decode(body: &[u8]) -> Vec<u8> {
    let first = find(body).into_iter().next();
    first.map_or_else(Vec::new, |file| file.decoded(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAT: &str = "begin 644 cat.txt\n#0V%T\n`\nend\n";

    fn names(text: &str) -> Vec<String> {
        let name = |f: &File| String::from_utf8_lossy(&f.name).into_owned();
        find(text.as_bytes()).iter().map(name).collect()
    }

    #[test]
    fn files_are_found_among_words_and_come_out_whole() {
        let text = format!("Look:\n{CAT}and\r\n{}bye\n", CAT.replace('\n', "\r\n"));
        let found = find(text.as_bytes());
        assert_eq!(names(&text), ["cat.txt", "cat.txt"]);
        for file in &found {
            assert_eq!(file.decoded(text.as_bytes()), b"Cat");
            assert_eq!((file.size_bytes, file.is_cut), (3, false));
        }
        assert_eq!(text.get(found[0].range.clone()), Some(CAT));
        assert_eq!(text.get(found[1].range.end..), Some("bye\n"));
    }

    #[test]
    fn a_sentence_that_begins_like_a_file_is_a_sentence() {
        for text in [
            "begin 644 things\nand end them\n",
            "begin  644 x\n#0V%T\n`\nend\n",
            "begin 9 x\n`\nend",
            "begin 644 \n`\nend",
            "begin with this\n",
            " begin 644 x\n#0V%T\n`\nend\n",
            "begin 644 x",
            "begin 644 THINGS\nTHEN END THEM\n",
        ] {
            assert_eq!(find(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn a_file_without_an_end_goes_as_far_as_its_data() {
        let text = "begin 600 a b.bin\n#0V%T\n#0V%T\nThis is text.\n";
        let found = find(text.as_bytes());
        assert_eq!(names(text), ["a b.bin"]);
        assert!(found[0].is_cut);
        assert_eq!(found[0].decoded(text.as_bytes()), b"CatCat");
        assert_eq!(text.get(found[0].range.end..), Some("This is text.\n"));
        assert_eq!(names("begin 644 empty\n`\nend\n"), ["empty"]);
    }

    #[test]
    fn a_line_that_lies_about_its_length_gives_zeros_and_nothing_from_beyond_it() {
        // Announces 63 bytes, and brings three: the rest are zeros, and nothing is read beyond.
        let text = "begin 644 x\n_0V%T\n`\nend\n";
        let found = find(text.as_bytes());
        assert_eq!(found[0].decoded(text.as_bytes()).len(), 63);
        // Brings more than it announces: that is no line of data.
        let text = "begin 644 x\n#0V%T0V%T0V%T0V%T\n`\nend\n";
        assert_eq!(find(text.as_bytes()), []);
        // Blanks at the end of a line are lost on the way.
        let text = "begin 644 x\n#0V\n\nend\n";
        assert_eq!(find(text.as_bytes())[0].decoded(text.as_bytes()), b"C`\0");
    }

    #[test]
    fn a_check_sum_behind_a_line_is_passed_over() {
        let text = "begin 644 cat\n#0V%T!\n`\nend\n";
        assert_eq!(find(text.as_bytes())[0].decoded(text.as_bytes()), b"Cat");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_stumble(text in "(begin 644 x\n|[ -`]{0,70}\n|end\n|`\n|\r|é){0,60}") {
            let found = find(text.as_bytes());
            let mut at = 0;
            for file in found {
                assert!(file.range.start >= at && file.range.end <= text.len());
                at = file.range.end;
                let decoded = file.decoded(text.as_bytes()).len();
                proptest::prop_assert_eq!(u64::try_from(decoded).unwrap(), file.size_bytes);
            }
        }
    }
}
