//! Header fields as a reader sees them: people, the date, the subject, and all fields as they are.
//!
//! Called by `render`. A sender's name must never hide the address behind it, nor pass for one.

use super::date::{parse_date, weekday};
use super::headers::Headers;
use super::links::show_host;
use super::words::decode_words;
use crate::model::{Address, Moment, Safe};

/// So many people are named; the others are counted.
const PEOPLE_MAX: usize = 50;
const FIELDS_MAX: usize = 1000;
const FIELD_CHARS_MAX: usize = 4000;

/// From, To, Cc, Date, Subject: those that there are.
pub(crate) fn shown_headers(headers: &Headers<'_>) -> Vec<(Safe, Safe)> {
    let mut out = Vec::new();
    let mut push = |name: &'static str, value: String| {
        if !value.is_empty() {
            out.push((Safe::fixed(name), Safe::line(&shorten(&value))));
        }
    };
    push("From", senders(headers));
    push("To", people(&headers.addresses("To")));
    push("Cc", people(&headers.addresses("Cc")));
    push("Date", headers.get("Date").map(date).unwrap_or_default());
    push("Subject", headers.text("Subject"));
    out
}

/// Every field in its order, decoded, long ones cut.
pub(crate) fn all_headers(headers: &Headers<'_>) -> Vec<(Safe, Safe)> {
    headers
        .fields
        .iter()
        .take(FIELDS_MAX)
        .map(|field| {
            let head = field
                .value
                .get(..FIELD_CHARS_MAX * 4)
                .unwrap_or(field.value);
            let name = super::charset::guess(field.name);
            let value = decode_words(head);
            (Safe::line(&name), Safe::line(&shorten(value.trim())))
        })
        .collect()
}

pub(super) fn shorten(value: &str) -> String {
    if value.len() <= FIELD_CHARS_MAX || value.chars().nth(FIELD_CHARS_MAX).is_none() {
        return value.to_owned();
    }
    let head: String = value.chars().take(FIELD_CHARS_MAX).collect();
    format!("{head} … (cut)")
}

/// The sender; where there is more or less than one, that is said.
fn senders(headers: &Headers<'_>) -> String {
    let found = headers.addresses("From");
    match found.len() {
        0 => match headers.text("From") {
            text if text.is_empty() => String::new(),
            text => format!("{text} (not an address)"),
        },
        1 => people(&found),
        n => format!("{n} senders: {}", people(&found)),
    }
}

fn people(addresses: &[Address]) -> String {
    let shown: Vec<String> = addresses.iter().take(PEOPLE_MAX).map(person).collect();
    let more = addresses.len().saturating_sub(PEOPLE_MAX);
    match more {
        0 => shown.join(", "),
        _ => format!("{}, and {more} more", shown.join(", ")),
    }
}

/// Name and address; a name that could deceive stands behind the address, as a claim.
fn person(address: &Address) -> String {
    let name = address.name.trim();
    let at = host_shown(&address.address);
    if at.is_empty() {
        format!("{name} (no address)")
    } else if name.is_empty() || name.eq_ignore_ascii_case(&address.address) {
        at
    } else if address.is_name_doubtful() {
        format!("{at} (calls itself “{name}”)")
    } else {
        format!("{name} <{at}>")
    }
}

fn host_shown(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, host)) if !host.is_ascii() => format!("{local}@{}", show_host(host)),
        _ => address.to_owned(),
    }
}

/// The date in words, by the sender's own clock; as written where it cannot be read.
fn date(raw: &[u8]) -> String {
    match parse_date(raw) {
        Some(moment) => in_words(moment),
        None => decode_words(raw).trim().to_owned(),
    }
}

fn in_words(moment: Moment) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let local = moment
        .unix_secs
        .saturating_add(i64::from(moment.offset_mins) * 60);
    let (days, secs) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = super::date::civil(days);
    let name = |names: &[&'static str], at: i64| {
        usize::try_from(at)
            .ok()
            .and_then(|at| names.get(at).copied())
            .unwrap_or("")
    };
    let (sign, offset) = match moment.offset_mins {
        n if n < 0 => ('-', -i32::from(n)),
        n => ('+', i32::from(n)),
    };
    format!(
        "{} {day} {} {year}, {:02}:{:02} ({sign}{:02}{:02})",
        name(&DAYS, weekday(days)),
        name(&MONTHS, month - 1),
        secs / 3600,
        secs / 60 % 60,
        offset / 60,
        offset % 60,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::parse_headers;

    fn shown(raw: &str) -> String {
        let found = shown_headers(&parse_headers(raw.as_bytes()));
        let lines: Vec<String> = found.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        lines.join("|")
    }

    #[test]
    fn people_date_and_subject_are_shown_in_one_order() {
        assert_eq!(
            shown(
                "Subject: s\nTo: c@d\nFrom: Ann <a@b>\nDate: 17-Jul-96 02:44:25 -0730\nCc: e@f, G <g@h>\n\n"
            ),
            "From: Ann <a@b>|To: c@d|Cc: e@f, G <g@h>|Date: Wed 17 July 1996, 02:44 (-0730)|Subject: s"
        );
        assert_eq!(shown("\n"), "");
        assert_eq!(shown("Date: soon\n\n"), "Date: soon");
    }

    #[test]
    fn a_name_never_hides_or_plays_the_address() {
        for (raw, from) in [
            (
                "\"boss@bank.com\" <evil@x>",
                "evil@x (calls itself “boss@bank.com”)",
            ),
            (
                "=?utf-8?Q?p=D0=B0ypal?= <evil@x>",
                "evil@x (calls itself “p\u{430}ypal”)",
            ),
            (
                "=?utf-8?Q?boss=40bank.com=00?= <evil@x>",
                "evil@x (calls itself “boss@bank.com␀”)",
            ),
            ("evil@x <EVIL@x>", "EVIL@x"),
            ("a@b, c@d", "2 senders: a@b, c@d"),
            ("Somebody Unknown", "Somebody Unknown (no address)"),
            (";", "; (not an address)"),
            ("a@p\u{430}ypal.com", "a@xn--pypal-4ve.com"),
        ] {
            assert_eq!(
                shown(&format!("From: {raw}\n\n")),
                format!("From: {from}"),
                "{raw}"
            );
        }
        assert_eq!(
            shown("From: a@b\nFrom: c@d\n\n"),
            "From: 2 senders: a@b, c@d"
        );
    }

    #[test]
    fn floods_are_counted_instead_of_shown() {
        let many = format!("To: {}\n\n", "a@b, ".repeat(20_000));
        assert!(shown(&many).ends_with("and 9950 more"));
        let long = format!("Subject: {}\n\n", "x".repeat(1 << 20));
        assert!(shown(&long).len() < 5000);
        let fields = "A: b\n".repeat(50_000);
        assert_eq!(
            all_headers(&parse_headers(fields.as_bytes())).len(),
            FIELDS_MAX
        );
    }
}
