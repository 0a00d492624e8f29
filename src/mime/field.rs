//! Header fields, the writing half: values to folded and encoded lines (RFC 5322 section 2.2.3, RFC
//! 2047, RFC 2231).
//!
//! Called by `compose` and `bounce`. Takes values, never lines: whatever a value holds, it must
//! never end its field. A control becomes a blank before anything is written.

use super::date::{civil, weekday};
use crate::model::{Address, Moment, wire_address};
use mail_builder::headers::Header;
use mail_builder::headers::address::Address as Written;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::text::Text;
use std::borrow::Cow;

/// Where a field is folded, if it can be.
const FOLD_COLS: usize = 76;
/// A longer word cannot stay on one line as it is.
const WORD_MAX: usize = 900;
/// A longer value of a parameter is split over several (RFC 2231 section 3).
const PARAM_MAX: usize = 78;
/// So many ids are sent: the first one, which names the thread, and the last ones.
const IDS_MAX: usize = 40;

/// The fields written so far.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    out: Vec<u8>,
}

impl Fields {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    fn name(&mut self, name: &str) -> usize {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
        name.len() + 2
    }

    /// A line of text (RFC 5322 section 3.6.5). An empty one is not written.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        let value = one_line(value);
        if value.is_empty() {
            return;
        }
        let column = self.name(name);
        if value.is_ascii()
            && !value.contains("=?")
            && words(&value).all(|word| word.len() <= WORD_MAX)
        {
            self.folded(&value, column);
        } else {
            Text::new(guarded(value.into())).write_header(&mut self.out, column);
        }
    }

    /// ASCII text, folded before single blanks: some readers make one blank of a fold and the blanks
    /// behind it.
    fn folded(&mut self, value: &str, mut column: usize) {
        for (n, word) in words(value).enumerate() {
            if n > 0 && column + word.len() > FOLD_COLS {
                self.out.extend_from_slice(b"\r\n");
                column = 0;
            }
            self.out.extend_from_slice(word.as_bytes());
            column += word.len();
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// A list of addresses (RFC 5322 section 3.6.3), which are valid ones. An empty one is not
    /// written.
    pub(crate) fn addresses(&mut self, name: &str, addresses: &[Address]) {
        self.people(name, addresses, &[]);
    }

    /// A list of addresses, and of words where addresses belong: these become groups without
    /// members, which is the form that the syntax has for them.
    pub(crate) fn people(&mut self, name: &str, addresses: &[Address], words: &[&str]) {
        if addresses.is_empty() && words.is_empty() {
            return;
        }
        let people = addresses.iter().map(|address| {
            let name = one_line(&address.name);
            let name = (!name.is_empty()).then(|| guarded(name.into()));
            Written::new_address(name, wire_address(&address.address))
        });
        let words = words.iter().map(|words| one_line(words));
        let groups = words.map(|words| Written::new_group(Some(guarded(words.into())), Vec::new()));
        let list = Written::new_list(people.chain(groups).collect());
        let column = self.name(name);
        list.write_header(&mut self.out, column);
    }

    /// Message ids (RFC 5322 section 3.6.4), given without angle brackets. What is no id is left
    /// out, and so is what lies between the first and the last ones of very many.
    pub(crate) fn ids(&mut self, name: &str, ids: &[String]) {
        let mut ids: Vec<&str> = ids
            .iter()
            .map(String::as_str)
            .filter(|i| is_id(i))
            .collect();
        if ids.len() > IDS_MAX {
            ids.drain(1..=ids.len() - IDS_MAX);
        }
        if ids.is_empty() {
            return;
        }
        let column = self.name(name);
        MessageId::new_list(ids.into_iter()).write_header(&mut self.out, column);
    }

    /// A date (RFC 5322 section 3.3).
    pub(crate) fn date(&mut self, name: &str, moment: Moment) {
        self.name(name);
        self.out.extend_from_slice(date(moment).as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// A value of ours with parameters (RFC 2045 section 5.1, RFC 2231).
    pub(crate) fn params(&mut self, name: &str, value: &str, params: &[(&'static str, &str)]) {
        let params: Vec<(&str, String)> = params.iter().map(|(k, v)| (*k, one_line(v))).collect();
        let is_plain = |v: &str| v.is_ascii() && v.len() <= PARAM_MAX;
        let mut column = self.name(name);
        if !params.iter().all(|(_, value)| is_plain(value)) {
            let content = ContentType::new(value);
            let content = params
                .into_iter()
                .fold(content, |c, (k, v)| c.attribute(k, v));
            return content.write_header(&mut self.out, column);
        }
        // Never folded within quotes: some readers take the fold for a part of the value.
        self.out.extend_from_slice(value.as_bytes());
        column += value.len();
        for (key, value) in params {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            let param = format!("{key}=\"{value}\"");
            let is_wide = column + 2 + param.len() > FOLD_COLS;
            column = if is_wide { 0 } else { column + 1 } + 1 + param.len();
            let gap: &[u8] = if is_wide { b";\r\n " } else { b"; " };
            self.out.extend_from_slice(gap);
            self.out.extend_from_slice(param.as_bytes());
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// A value of ours.
    pub(crate) fn fixed(&mut self, name: &'static str, value: &'static str) {
        self.name(name);
        self.out.extend_from_slice(value.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }
}

/// One line: each run of controls becomes a blank, blanks at both ends go.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut was_control = false;
    for c in text.chars() {
        if !c.is_control() {
            out.push(c);
        } else if !was_control {
            out.push(' ');
        }
        was_control = c.is_control();
    }
    out.trim().to_owned()
}

/// Text that a reader would take for an encoded word must be encoded itself. The builder encodes
/// what ends with a blank, and readers drop blanks at the end.
fn guarded(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() && text.contains("=?") {
        text + " "
    } else {
        text
    }
}

/// The pieces of a text between which it may be folded, each but the first with its blank.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let is_blank = move |at: usize| bytes.get(at) == Some(&b' ');
    let is_single = move |at: &usize| {
        is_blank(*at) && !is_blank(at + 1) && !at.checked_sub(1).is_some_and(is_blank)
    };
    let mut from = 0;
    let ends = (1..text.len()).filter(is_single).chain([text.len()]);
    ends.map(move |end| {
        text.get(std::mem::replace(&mut from, end)..end)
            .unwrap_or_default()
    })
}

/// Whether that may stand between angle brackets (RFC 5322 section 3.6.4, generously).
pub(crate) fn is_id(id: &str) -> bool {
    let is_in = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>');
    !id.is_empty() && id.len() <= WORD_MAX && id.bytes().all(is_in)
}

/// `Fri, 21 Nov 1997 09:55:06 -0600`. What lies outside of four digits of years is clamped.
pub(crate) fn date(moment: Moment) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    const LAST: i64 = 253_402_214_400;
    let offset = i64::from(moment.offset_mins).clamp(-14 * 60, 14 * 60);
    let local = moment.unix_secs.clamp(0, LAST) + offset * 60;
    let (days, secs) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let name = |names: &[&'static str], at: i64| {
        let at = usize::try_from(at).unwrap_or_default();
        names.get(at).copied().unwrap_or_default()
    };
    format!(
        "{}, {day} {} {year:04} {:02}:{:02}:{:02} {}{:02}{:02}",
        name(&DAYS, weekday(days)),
        name(&MONTHS, month - 1),
        secs / 3600,
        secs / 60 % 60,
        secs % 60,
        if offset < 0 { '-' } else { '+' },
        offset.abs() / 60,
        offset.abs() % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::{parse_date, parse_headers};

    fn written(write: impl FnOnce(&mut Fields)) -> String {
        let mut fields = Fields::default();
        write(&mut fields);
        String::from_utf8(fields.into_bytes()).unwrap()
    }

    fn subject(text: &str) -> String {
        written(|f| f.text("Subject", text))
    }

    #[test]
    fn plain_text_stays_plain_and_is_folded_at_blanks() {
        assert_eq!(subject("Hello  you"), "Subject: Hello  you\r\n");
        assert_eq!(subject(" \r\n "), "");
        let two = format!("{0}  {0} {0}", "x".repeat(50));
        let folded = format!("Subject: {0}  {0}\r\n {0}\r\n", "x".repeat(50));
        assert_eq!(subject(&two), folded);
        let long = "word ".repeat(40).trim_end().to_owned();
        let field = subject(&long);
        assert!(field.lines().all(|l| l.len() <= 76) && !field.contains("=?"));
        assert_eq!(parse_headers(field.as_bytes()).text("subject"), long);
    }

    #[test]
    fn nothing_that_a_value_holds_ends_its_field() {
        assert_eq!(
            subject("a\r\nBcc: x@y\r\n\r\nbody\0"),
            "Subject: a Bcc: x@y body\r\n"
        );
        let ids = [
            "a@b\r\nBcc:".to_owned(),
            "c d@e".to_owned(),
            "f@g".to_owned(),
            String::new(),
        ];
        assert_eq!(
            written(|f| f.ids("References", &ids)),
            "References: <f@g>\r\n"
        );
        assert_eq!(written(|f| f.ids("References", &[])), "");
        let name = written(|f| {
            f.params(
                "Content-Disposition",
                "attachment",
                &[("filename", "a\r\nb\"c")],
            );
        });
        assert_eq!(
            name,
            "Content-Disposition: attachment; filename=\"a b\\\"c\"\r\n"
        );
    }

    #[test]
    fn a_parameter_is_one_piece_or_split_as_it_should_be() {
        let blanks = format!("{} b.pdf", "a ".repeat(35));
        let field = written(|f| {
            f.params(
                "Content-Disposition",
                "attachment",
                &[("filename", &blanks)],
            );
        });
        let wanted = format!("Content-Disposition: attachment;\r\n filename=\"{blanks}\"\r\n");
        assert_eq!(field, wanted);
        for name in ["ü.pdf".to_owned(), "a\\b\"c".repeat(30), "漢字".repeat(40)] {
            let field = written(|f| f.params("Content-Type", "a/b", &[("name", &name)]));
            let found =
                crate::mime::params::Field::parse(field.split_once(':').unwrap().1.as_bytes());
            assert_eq!(found.text("name").unwrap(), name, "{field}");
            assert!(
                field.is_ascii() && field.lines().all(|l| l.len() <= 78),
                "{field}"
            );
        }
    }

    #[test]
    fn text_that_looks_encoded_is_read_as_it_was_written() {
        for text in ["=?utf-8?Q?=C3=A4?=", "a =?utf-8?B?w6Q=?= b", "=?"] {
            let field = subject(text);
            assert_eq!(
                parse_headers(field.as_bytes()).text("subject"),
                text,
                "{field}"
            );
        }
    }

    #[test]
    fn long_words_and_other_scripts_keep_lines_short() {
        for text in [
            "x".repeat(3000),
            "漢字".repeat(700),
            format!("a{}b", " ".repeat(2000)),
        ] {
            let field = subject(&text);
            assert!(field.lines().all(|l| l.len() <= 998), "{}", field.len());
            assert_eq!(parse_headers(field.as_bytes()).text("subject"), text);
        }
    }

    #[test]
    fn many_ids_are_bounded_and_folded() {
        let ids: Vec<String> = (0..500)
            .map(|n| format!("{n}.{}@x", "y".repeat(60)))
            .collect();
        let field = written(|f| f.ids("References", &ids));
        assert!(field.lines().all(|l| l.len() <= 78));
        let found = parse_headers(field.as_bytes()).ids("references");
        assert_eq!(found.len(), IDS_MAX);
        assert_eq!((found.first(), found.last()), (ids.first(), ids.last()));
    }

    #[test]
    fn hosts_are_written_in_ascii_and_names_in_their_own_words() {
        let people = [
            Address {
                name: "Müller, Ü".to_owned(),
                address: "u@bücher.de".to_owned(),
            },
            Address {
                name: String::new(),
                address: "ann@x.org".to_owned(),
            },
        ];
        let field = written(|f| f.addresses("To", &people));
        assert!(
            field.is_ascii() && field.contains("u@xn--bcher-kva.de"),
            "{field}"
        );
        let found = parse_headers(field.as_bytes()).addresses("to");
        assert_eq!(found[0].name, "Müller, Ü");
        assert_eq!(found[1].address, "ann@x.org");
    }

    #[test]
    fn a_date_is_written_as_it_is_read() {
        let moment = Moment {
            unix_secs: 880_127_706,
            offset_mins: -360,
        };
        assert_eq!(date(moment), "Fri, 21 Nov 1997 09:55:06 -0600");
        assert_eq!(parse_date(date(moment).as_bytes()), Some(moment));
        let absurd = Moment {
            unix_secs: i64::MAX,
            offset_mins: i16::MIN,
        };
        assert!(parse_date(date(absurd).as_bytes()).is_some());
    }
}
