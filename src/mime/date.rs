//! Dates of RFC 5322 section 3.3 and 4.3, of IMAP, of `asctime` and of ISO 8601, as mail has them.
//!
//! Called by `net` and `headers`. Must never refuse a date a person could read for a slip of form.

use crate::model::Moment;

/// Nothing after this many bytes is part of a date.
const DATE_MAX: usize = 512;

/// Reads a date of RFC 5322 section 3.3 as leniently as mail in the wild needs.
#[must_use]
pub fn parse_date(raw: &[u8]) -> Option<Moment> {
    let mut fields = Fields::default();
    let mut tokens = Tokens {
        rest: raw.get(..DATE_MAX).unwrap_or(raw),
    };
    while let Some(token) = tokens.next(fields.time.is_some()) {
        fields.take(token);
    }
    fields.moment()
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Word(&'a [u8]),
    /// A number and how many digits it has.
    Number(i64, usize),
    /// `h:m` or `h:m:s`.
    Time(i64, i64, i64),
    /// A sign and digits after the time: minutes east of UTC.
    Zone(i64),
}

struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    fn next(&mut self, has_time: bool) -> Option<Token<'a>> {
        loop {
            let (first, after) = self.rest.split_first()?;
            match first {
                b'(' => self.skip_comment(),
                b'+' | b'-' if has_time && after.first().is_some_and(u8::is_ascii_digit) => {
                    self.rest = after;
                    let zone = self.zone();
                    return Some(Token::Zone(if *first == b'-' { -zone } else { zone }));
                }
                b'0'..=b'9' => return Some(self.number()),
                b if b.is_ascii_alphabetic() => {
                    return Some(Token::Word(self.split(u8::is_ascii_alphabetic)));
                }
                _ => self.rest = after,
            }
        }
    }

    fn split(&mut self, is_in: impl Fn(&u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|b| !is_in(b));
        let (head, tail) = self
            .rest
            .split_at_checked(end.unwrap_or(self.rest.len()))
            .unwrap_or((self.rest, &[]));
        self.rest = tail;
        head
    }

    fn skip_comment(&mut self) {
        let mut depth = 0usize;
        let mut bytes = self.rest.iter();
        while let Some(b) = bytes.next() {
            match b {
                b'\\' => {
                    bytes.next();
                }
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        self.rest = bytes.as_slice();
    }

    fn digits(&mut self) -> (i64, usize) {
        let digits = self.split(u8::is_ascii_digit);
        let value = digits
            .iter()
            .take(9)
            .fold(0, |n, b| n * 10 + i64::from(b - b'0'));
        (value, digits.len())
    }

    /// Digits after the given byte, if they follow; the old syntax has blanks around a colon.
    fn digits_after(&mut self, mark: u8) -> Option<i64> {
        let rest = self.rest.trim_ascii_start();
        let after = rest.strip_prefix(&[mark])?.trim_ascii_start();
        if !after.first().is_some_and(u8::is_ascii_digit) {
            return None;
        }
        self.rest = after;
        Some(self.digits().0)
    }

    fn number(&mut self) -> Token<'a> {
        let (value, len) = self.digits();
        let Some(minute) = self.digits_after(b':') else {
            return Token::Number(value, len);
        };
        let second = self.digits_after(b':').unwrap_or(0);
        // Fractions of a second are no part of a mail's date; ISO 8601 has them.
        let _fraction = self.digits_after(b'.');
        Token::Time(value, minute, second)
    }

    fn zone(&mut self) -> i64 {
        let (value, len) = self.digits();
        if let Some(minutes) = self.digits_after(b':') {
            return value * 60 + minutes;
        }
        match len {
            0..=2 => value * 60,
            _ => value / 100 * 60 + value % 100,
        }
    }
}

#[derive(Default)]
struct Fields {
    day: Option<i64>,
    month: Option<i64>,
    year: Option<i64>,
    time: Option<(i64, i64, i64)>,
    zone: Option<i64>,
    is_afternoon: Option<bool>,
}

impl Fields {
    fn take(&mut self, token: Token<'_>) {
        match token {
            Token::Time(h, m, s) => self.time = self.time.or(Some((h, m, s))),
            // `GMT+0200` and `UTC -3` mean the number, not the name.
            Token::Zone(minutes) if minutes.abs() < 24 * 60 => match self.zone {
                None | Some(0) => self.zone = Some(minutes),
                Some(_) => {}
            },
            Token::Zone(_) => {}
            Token::Number(value, len) => self.take_number(value, len),
            Token::Word(word) => self.take_word(word),
        }
    }

    fn take_number(&mut self, value: i64, len: usize) {
        if self.year.is_some() && self.month.is_none() && self.day.is_none() && value <= 12 {
            self.month = Some(value); // ISO 8601: the year stood first.
        } else if self.day.is_none() && len <= 2 {
            self.day = Some(value);
        } else if self.year.is_none() {
            self.year = Some(full_year(value, len));
        }
    }

    fn take_word(&mut self, word: &[u8]) {
        if self.month.is_none()
            && let Some(month) = month(word)
        {
            self.month = Some(month);
        } else if self.time.is_some() {
            match word {
                b"AM" | b"am" => self.is_afternoon = Some(false),
                b"PM" | b"pm" => self.is_afternoon = Some(true),
                _ if self.zone.is_none() => self.zone = named_zone(word),
                _ => {}
            }
        }
    }

    fn moment(&self) -> Option<Moment> {
        let day = self.day.filter(|d| (1..=31).contains(d))?;
        let month = self.month.filter(|m| (1..=12).contains(m))?;
        let year = self.year.filter(|y| (1..=9999).contains(y))?;
        let (mut hour, minute, second) = self.time.unwrap_or_default();
        match self.is_afternoon {
            Some(true) if hour < 12 => hour += 12,
            Some(false) if hour == 12 => hour = 0,
            _ => {}
        }
        if hour > 24 || minute > 60 || second > 61 {
            return None;
        }
        let zone = self.zone.unwrap_or(0);
        let local = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Moment {
            unix_secs: local - zone * 60,
            offset_mins: i16::try_from(zone).unwrap_or(0),
        })
    }
}

/// RFC 5322 section 4.3: two digits from 00 to 49 are of this century, three count from 1900.
fn full_year(value: i64, len: usize) -> i64 {
    match (len, value) {
        (0..=2, 0..=49) => 2000 + value,
        (0..=3, _) => 1900 + value,
        _ => value,
    }
}

fn month(word: &[u8]) -> Option<i64> {
    const NAMES: [&[u8; 3]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ];
    let head = word.get(..3)?;
    (1..)
        .zip(NAMES)
        .find(|(_, name)| head.eq_ignore_ascii_case(*name))
        .map(|(number, _)| number)
}

/// RFC 5322 section 4.3. The military letters say nothing, as they were often used wrongly; of the
/// other names only those are known that mean one offset everywhere.
fn named_zone(word: &[u8]) -> Option<i64> {
    let hours = match word.to_ascii_uppercase().as_slice() {
        b"UT" | b"GMT" | b"UTC" | b"Z" | b"WET" => 0,
        b"EDT" => -4,
        b"EST" | b"CDT" => -5,
        b"CST" | b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" => -8,
        b"CET" | b"MET" | b"WEST" | b"MEZ" => 1,
        b"CEST" | b"MEST" | b"EET" | b"MESZ" => 2,
        b"EEST" | b"MSK" => 3,
        b"JST" | b"KST" => 9,
        _ => return None,
    };
    Some(hours * 60)
}

/// Days from 1970-01-01 to a day of the Gregorian calendar; 31 February is 3 March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March, so that the day that comes and goes is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day that many days after 1970-01-01.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// 0 for a Sunday.
pub(crate) fn weekday(days: i64) -> i64 {
    days.saturating_add(4).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(i64, i16)> {
        parse_date(text.as_bytes()).map(|m| (m.unix_secs, m.offset_mins))
    }

    #[test]
    fn one_moment_is_read_in_every_form_mail_writes_it() {
        let west = Some((837_596_665, -420));
        for text in [
            "Wed, 17 Jul 1996 02:44:25 -0700 (PDT)",
            "17-Jul-1996 02:44:25 -0700",
            "17 Jul 96 02:44:25 -0700",
            "17 July 1996 02:44:25 PDT",
            "wed,17 jul 1996 02:44:25-0700",
            "Wed (a (nested) \\) comment), 17 (x) Jul 1996 02:44:25 -07:00",
            "Wed Jul 17 02:44:25 MST 1996",
            "Wed, 17 Jul 1996 02 : 44 : 25 -0700",
            "1996-07-17T02:44:25.123-07:00",
            "Wed, 17 Jul 1996 02:44:25 GMT-0700",
            "Wed, Jul 17, 1996 2:44:25 AM -0700",
        ] {
            assert_eq!(read(text), west, "{text}");
        }
        let utc = Some((837_571_440, 0));
        for text in [
            "17 Jul 1996 02:44 GMT",
            "Wed Jul 17 02:44:00 1996",
            "17 Jul 1996 02:44",
            "17 Jul 1996 02:44:00 K",
            "1996-07-17 02:44:00Z",
            "17 Jul 1996 02:44:00 +9999",
        ] {
            assert_eq!(read(text), utc, "{text}");
        }
    }

    #[test]
    fn years_of_two_and_three_digits_are_read_by_the_rule() {
        let year = |y: &str| read(&format!("1 Jan {y} 00:00:00 +0000")).map(|m| m.0);
        assert_eq!(year("70"), Some(0));
        assert_eq!(year("00"), Some(946_684_800));
        assert_eq!(year("100"), Some(946_684_800));
        assert_eq!(year("2000"), Some(946_684_800));
        assert_eq!(year("1969"), Some(-31_536_000));
    }

    #[test]
    fn a_single_digit_day_of_an_internal_date_is_read() {
        assert_eq!(read(" 1-Jan-1970 00:00:01 +0000"), Some((1, 0)));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "yesterday",
            "17 Jul",
            "Jul 1996",
            "99 Jul 1996 00:00:00 +0000",
            "17 Jul 1996 99:00:00 +0000",
            "17 Jul 99999999999999999999 00:00:00 +0000",
            "((((",
            "17 Foo 1996",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn days_become_dates_and_dates_become_days() {
        for days in (-800_000..800_000).step_by(97) {
            let (year, month, day) = civil(days);
            assert_eq!(days_since_1970(year, month, day), days);
        }
        assert_eq!((civil(0), weekday(0)), ((1970, 1, 1), 4));
    }

    #[test]
    fn a_day_that_the_month_does_not_have_is_counted_on() {
        assert_eq!(
            read("31 Feb 2023 00:00:00 +0000"),
            read("3 Mar 2023 00:00:00 +0000")
        );
    }
}
