//! The line that begins a message in an mbox: `From addr Mon Jan  2 15:04:05 2006` (RFC 4155).
//!
//! Used by `entry` and `mbox_read`. A line of a message that was quoted must never be taken for one.

use crate::mime;
use crate::model::Moment;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// More of a line is not looked at.
pub(super) const LOOK: usize = 1000;

const DAYS: &str = "mon tue wed thu fri sat sun";
const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec";

/// The line, with its break. The time is told in UTC, as most programs do.
pub(super) fn write(sender: &str, arrived: Option<Moment>) -> String {
    let time = arrived
        .and_then(|at| Timestamp::from_second(at.unix_secs).ok())
        .map(|at| at.to_zoned(TimeZone::UTC))
        .filter(|at| (1..=9999).contains(&at.year()));
    let time = time.unwrap_or_else(|| Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC));
    // Four digits: what is read again.
    format!(
        "From {sender} {} {:04}\n",
        time.strftime("%a %b %e %H:%M:%S"),
        time.year()
    )
}

/// What a line says that begins a message; `None` where it has no date.
pub(super) fn date(line: &[u8]) -> Option<Moment> {
    let rest = line.strip_prefix(b"From ")?;
    let rest = rest.get(..LOOK).unwrap_or(rest);
    let words: Vec<&[u8]> = rest
        .split(u8::is_ascii_whitespace)
        .filter(|w| !w.is_empty())
        .collect();
    let is_number = |w: &&[u8], len: std::ops::RangeInclusive<usize>| {
        len.contains(&w.len()) && w.iter().all(u8::is_ascii_digit)
    };
    // The sender's word may hold blanks, and blanks at either end.
    let at = words.windows(4).position(|w| match w {
        [day, month, number, time] => {
            is_one_of(day, DAYS)
                && is_one_of(month, MONTHS)
                && is_number(number, 1..=2)
                && time.contains(&b':')
        }
        _ => false,
    })?;
    let date = words.get(at..)?;
    if !date.iter().skip(4).any(|w| is_number(w, 4..=4)) {
        return None;
    }
    mime::parse_date(&date.join(&b' '))
}

fn is_one_of(word: &[u8], names: &str) -> bool {
    std::str::from_utf8(word).is_ok_and(|w| {
        let w = w.trim_end_matches(',').to_ascii_lowercase();
        names.split(' ').any(|name| name == w)
    })
}

/// Whether a line without a date can begin a message all the same: a sender's address alone.
pub(super) fn is_bare(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"From ").unwrap_or_default();
    let rest = rest.get(..LOOK).unwrap_or(rest).trim_ascii();
    rest.contains(&b'@') && !rest.contains(&b' ')
}

/// Whether a line is Netscape's without a date: a dash alone.
pub(super) fn is_dash(line: &[u8]) -> bool {
    line.strip_prefix(b"From ")
        .is_some_and(|rest| rest.trim_ascii() == b"-")
}

/// Whether a line is one that has to be quoted within a message: `From `, with any `>` before it.
pub(super) fn is_quotable(line: &[u8]) -> bool {
    let marks = line.iter().take_while(|b| **b == b'>').count();
    line.get(marks..)
        .is_some_and(|rest| rest.starts_with(b"From "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_programs_write_it_and_prose_is_none() {
        let at = |text: &str| date(text.as_bytes()).map(|m| m.unix_secs);
        let time = Some(1_136_214_245);
        for line in [
            "From a@b.org Mon Jan  2 15:04:05 2006\n",
            "From - Mon Jan 02 15:04:05 2006\r\n",
            "From \"Bob B\" <a@b.org> Mon Jan  2 15:04:05 2006",
            "From 1520@xxx Mon Jan 02 15:04:05 +0000 2006",
            "From a@b.org Mon Jan  2 15:04:05 UTC 2006 remote from host",
        ] {
            assert_eq!(at(line), time, "{line}");
        }
        for line in [
            "From here on it is easy",
            "From Monday Jan 2 on",
            ">From a@b.org Mon Jan  2 15:04:05 2006",
            "From a@b.org",
            "From ",
        ] {
            assert_eq!(at(line), None, "{line}");
        }
        assert!(is_bare(b"From a@b.org\n") && !is_bare(b"From a@b.org on\n"));
    }

    #[test]
    fn any_time_is_written_as_a_line_that_is_read_again() {
        for unix_secs in [i64::MIN, -70_000_000_000, -1, 0, 1_136_214_245, i64::MAX] {
            let line = write(
                "a@b.org",
                Some(Moment {
                    unix_secs,
                    offset_mins: 60,
                }),
            );
            let read = date(line.as_bytes()).map(|m| m.unix_secs);
            let is_held = (-62_000_000_000..253_402_300_800).contains(&unix_secs);
            assert_eq!(read, Some(if is_held { unix_secs } else { 0 }), "{line}");
        }
    }
}
