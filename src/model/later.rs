//! Times as a person types them for a message that is to be sent later: `tomorrow 8:00`, `+2h`.
//!
//! Used by `app`. The clock must never be read here, and a time that has passed is never given.

use super::{Invalid, Moment};
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

/// When a day is meant and no time.
const MORNING: i8 = 8;
/// More than this is a typing error.
const DAYS_MAX: i64 = 3_660;

/// Examples, for whoever asks for a time.
pub const TIME_EXAMPLES: &str = "tomorrow 8:00   mon 9:00   +2h   18:30   2026-12-24 18:00";

/// The moment that was typed. `offset_mins` is local time minus UTC at a moment.
///
/// # Errors
/// When it is no time, or one that has passed.
pub fn read_time(
    typed: &str,
    now_secs: i64,
    offset_mins: fn(i64) -> i32,
) -> Result<Moment, Invalid> {
    let not_read = || Invalid::new(typed, "is no time: write tomorrow 8:00, mon 9:00 or +2h");
    let text = typed.trim().to_lowercase();
    let local = |secs: i64| secs + i64::from(offset_mins(secs)) * 60;
    let here = civil(local(now_secs)).ok_or_else(not_read)?;
    let length = text.strip_prefix('+').or_else(|| text.strip_prefix("in "));
    let unix_secs = match length {
        Some(length) => {
            let span: Span = length.trim().parse().map_err(|_| not_read())?;
            after(here, now_secs, span, offset_mins).ok_or_else(not_read)?
        }
        None => {
            let at = at(&text, here).ok_or_else(not_read)?;
            to_unix(at, now_secs, offset_mins).ok_or_else(not_read)?
        }
    };
    if unix_secs <= now_secs {
        return Err(Invalid::new(typed, "has passed"));
    }
    if unix_secs - now_secs > DAYS_MAX * 86_400 {
        return Err(Invalid::new(typed, "is too far away"));
    }
    Ok(Moment {
        unix_secs,
        offset_mins: i16::try_from(offset_mins(unix_secs)).unwrap_or(0),
    })
}

/// Local seconds as a day and time of the calendar.
fn civil(local_secs: i64) -> Option<DateTime> {
    let at = Timestamp::from_second(local_secs).ok()?;
    Some(at.to_zoned(TimeZone::UTC).datetime())
}

/// The moment of a local time. Where the clocks are changed, the offset of that day counts.
fn to_unix(at: DateTime, now_secs: i64, offset_mins: fn(i64) -> i32) -> Option<i64> {
    let local = at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    let with = |offset_at: i64| local - i64::from(offset_mins(offset_at)) * 60;
    Some(with(with(now_secs)))
}

/// Days and longer by the calendar, hours and shorter by the clock.
fn after(here: DateTime, now_secs: i64, span: Span, offset_mins: fn(i64) -> i32) -> Option<i64> {
    let days = Span::new()
        .try_years(span.get_years())
        .and_then(|s| s.try_months(span.get_months()))
        .and_then(|s| s.try_weeks(span.get_weeks()))
        .and_then(|s| s.try_days(span.get_days()))
        .ok()?;
    let secs = i64::from(span.get_hours()) * 3_600 + span.get_minutes() * 60 + span.get_seconds();
    let base = if days.is_zero() {
        now_secs
    } else {
        to_unix(here.checked_add(days).ok()?, now_secs, offset_mins)?
    };
    base.checked_add(secs)
}

/// A day, a time, or both, in either order.
fn at(text: &str, here: DateTime) -> Option<DateTime> {
    let words: Vec<&str> = text
        .split([' ', ',', 't'])
        .filter(|w| !w.is_empty() && *w != "at")
        .collect();
    // `t` parts a date from its time, but is also a letter of days.
    let words = if words
        .iter()
        .all(|w| w.starts_with(|c: char| c.is_ascii_digit()))
    {
        words
    } else {
        text.split([' ', ','])
            .filter(|w| !w.is_empty() && *w != "at")
            .collect()
    };
    let (mut date, mut time) = (None, None);
    for word in words {
        if let Some(found) = day(word, here.date()).filter(|_| date.is_none()) {
            date = Some(found);
        } else {
            time = Some(clock(word).filter(|_| time.is_none())?);
        }
    }
    match (date, time) {
        (Some(date), time) => {
            let morning = Time::constant(MORNING, 0, 0, 0);
            Some(date.to_datetime(time.unwrap_or(morning)))
        }
        (None, Some(time)) => {
            let today = here.date().to_datetime(time);
            if today > here {
                Some(today)
            } else {
                today.checked_add(1.day()).ok()
            }
        }
        (None, None) => None,
    }
}

fn day(word: &str, today: Date) -> Option<Date> {
    const WEEKDAYS: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    match word {
        "today" => return Some(today),
        "tomorrow" | "tom" => return today.tomorrow().ok(),
        _ => {}
    }
    let is_meant = |name: &str| word.len() >= 3 && name.starts_with(word);
    if let Some((_, weekday)) = WEEKDAYS.into_iter().find(|(name, _)| is_meant(name)) {
        return today.nth_weekday(1, weekday).ok();
    }
    word.parse().ok()
}

/// `8`, `8:00`, `8.30`, `8am`, `20h`.
fn clock(word: &str) -> Option<Time> {
    let (digits, half) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (None, Some(digits)) => (digits, Some(12)),
        (None, None) => (word.strip_suffix('h').unwrap_or(word), None),
    };
    let (hour, minute) = digits.split_once([':', '.']).unwrap_or((digits, "0"));
    let is_digits =
        |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(hour) || !is_digits(minute) {
        return None;
    }
    let (mut hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    if let Some(half) = half {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + half;
    }
    Time::new(hour, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-04-10 10:45:00 UTC, a Friday: 12:45 in the zone of the tests.
    const NOW: i64 = 1_775_817_900;

    fn read(typed: &str) -> Result<String, String> {
        let moment = read_time(typed, NOW, |_| 120).map_err(|e| e.to_string())?;
        let local = civil(moment.unix_secs + 7_200).unwrap();
        Ok(local.strftime("%Y-%m-%d %H:%M").to_string())
    }

    #[test]
    fn a_time_is_read_as_a_person_types_it() {
        for (typed, meant) in [
            ("tomorrow 8:00", "2026-04-11 08:00"),
            ("Tomorrow", "2026-04-11 08:00"),
            ("+2h", "2026-04-10 14:45"),
            ("+1d 30m", "2026-04-11 13:15"),
            ("in 2 hours", "2026-04-10 14:45"),
            ("+1 week", "2026-04-17 12:45"),
            ("mon 9:00", "2026-04-13 09:00"),
            ("friday", "2026-04-17 08:00"),
            ("thursday at 5pm", "2026-04-16 17:00"),
            ("2026-12-24 18:00", "2026-12-24 18:00"),
            ("2026-12-24T18:00", "2026-12-24 18:00"),
            ("18:30", "2026-04-10 18:30"),
            ("9", "2026-04-11 09:00"),
            ("12am tomorrow", "2026-04-11 00:00"),
            ("today 13.05", "2026-04-10 13:05"),
        ] {
            assert_eq!(read(typed).as_deref(), Ok(meant), "{typed}");
        }
    }

    #[test]
    fn what_is_no_time_or_has_passed_is_refused_with_the_reason() {
        for typed in [
            "",
            "soon",
            "25:00",
            "8:60",
            "+",
            "+x",
            "8:00 9:00",
            "2026-02-30",
            "13pm",
        ] {
            let error = read(typed).unwrap_err();
            assert!(error.contains("is no time"), "{typed}: {error}");
        }
        for typed in ["today 8:00", "2020-01-01", "-2h", "+0m"] {
            let error = read(typed).unwrap_err();
            assert!(
                error.contains("passed") || error.contains("no time"),
                "{typed}"
            );
        }
        assert!(read("+4000d").unwrap_err().contains("too far"));
    }

    #[test]
    fn the_clock_on_the_wall_counts_where_the_clocks_are_changed() {
        // One hour ahead until the night to 12 April, then two.
        fn offset(at: i64) -> i32 {
            if at < 1_775_955_600 { 60 } else { 120 }
        }
        let at = read_time("sun 9:00", NOW, offset).unwrap();
        assert_eq!((at.unix_secs, at.offset_mins), (1_775_977_200, 120));
    }
}
