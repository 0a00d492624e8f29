//! Dates as a list shows them, from seconds since 1970 and the local offset.
//!
//! Used by `list`. The clock must never be read here: now comes from the app.

use crate::app::DateStyle;
use crate::model::Safe;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

fn named(names: &[&'static str], at: i64) -> &'static str {
    let at = usize::try_from(at).ok();
    at.and_then(|at| names.get(at)).copied().unwrap_or("?")
}

/// Local time as if it were UTC. A sender's date may be absurd; arithmetic on it must not be.
fn local_secs(at: i64, offset_mins: fn(i64) -> i32) -> i64 {
    const SECS_MAX: i64 = 253_402_300_799;
    let at = at.clamp(0, SECS_MAX);
    at + i64::from(offset_mins(at)) * 60
}

/// A day and time of the calendar.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
}

/// The calendar day of a number of days since 1970 (proleptic Gregorian).
fn civil(local_secs: i64) -> Civil {
    let days = local_secs.div_euclid(86_400);
    let secs = local_secs.rem_euclid(86_400);
    // Counted from 1 March of year 0, leap days come last in each four years and four centuries.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    Civil {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month,
        day: of_year - (153 * shifted + 2) / 5 + 1,
        hour: secs / 3_600,
        minute: secs % 3_600 / 60,
    }
}

/// The date of a row in `cols` columns: ten for all of it, six for the short form.
pub(super) fn date(
    secs: i64,
    now_secs: i64,
    offset_mins: fn(i64) -> i32,
    style: DateStyle,
    cols: u16,
) -> Safe {
    let local = |at| local_secs(at, offset_mins);
    let (then, now) = (civil(local(secs)), civil(local(now_secs)));
    let is_today = (then.year, then.month, then.day) == (now.year, now.month, now.day);
    let text = match style {
        DateStyle::Iso if cols >= 16 => format!(
            "{}-{:02}-{:02} {:02}:{:02}",
            then.year, then.month, then.day, then.hour, then.minute
        ),
        _ if is_today && style == DateStyle::Short => {
            format!("{:02}:{:02}", then.hour, then.minute)
        }
        DateStyle::Short if then.year == now.year => {
            format!("{} {:02}", named(&MONTHS, then.month - 1), then.day)
        }
        _ if cols >= 10 => format!("{}-{:02}-{:02}", then.year, then.month, then.day),
        DateStyle::Iso if then.year == now.year => format!("{:02}-{:02}", then.month, then.day),
        DateStyle::Short | DateStyle::Iso => format!("{}", then.year),
    };
    Safe::line(&text)
}

/// A moment in words for the reader: near days by name, others with weekday and date.
pub(super) fn in_words(
    secs: i64,
    now_secs: i64,
    offset_mins: fn(i64) -> i32,
    style: DateStyle,
) -> Safe {
    let (there, here) = (
        local_secs(secs, offset_mins),
        local_secs(now_secs, offset_mins),
    );
    let (then, now) = (civil(there), civil(here));
    let days = there.div_euclid(86_400);
    let time = format!("{:02}:{:02}", then.hour, then.minute);
    let weekday = named(&WEEKDAYS, (days + 4).rem_euclid(7));
    let text = match (style, here.div_euclid(86_400) - days) {
        (DateStyle::Short, 0) => format!("today {time}"),
        (DateStyle::Short, 1) => format!("yesterday {time}"),
        (DateStyle::Short, -1) => format!("tomorrow {time}"),
        (DateStyle::Short, _) => {
            let month = named(&MONTHS, then.month - 1);
            let year = if then.year == now.year {
                String::new()
            } else {
                format!(" {}", then.year)
            };
            format!("{weekday} {} {month}{year}, {time}", then.day)
        }
        (DateStyle::Iso, _) => {
            let Civil {
                year, month, day, ..
            } = then;
            format!("{weekday} {year}-{month:02}-{day:02} {time}")
        }
    };
    Safe::line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2026-04-10 09:00:00 UTC.
    const NOW: i64 = 1_775_811_600;

    fn shown(secs: i64, offset: fn(i64) -> i32, style: DateStyle, cols: u16) -> String {
        date(secs, NOW, offset, style, cols).to_string()
    }

    #[test]
    fn today_is_a_time_this_year_a_day_and_older_mail_a_date() {
        let utc = |_| 0;
        assert_eq!(shown(NOW - 3600, utc, DateStyle::Short, 10), "08:00");
        assert_eq!(shown(NOW - 86_400 * 5, utc, DateStyle::Short, 10), "Apr 05");
        assert_eq!(
            shown(NOW - 86_400 * 200, utc, DateStyle::Short, 10),
            "2025-09-22"
        );
        assert_eq!(shown(NOW - 86_400 * 200, utc, DateStyle::Short, 6), "2025");
        assert_eq!(shown(NOW, utc, DateStyle::Iso, 16), "2026-04-10 09:00");
        assert_eq!(shown(951_782_400, utc, DateStyle::Iso, 10), "2000-02-29");
    }

    #[test]
    fn the_reader_tells_near_days_by_name_in_local_time() {
        let told = |secs, offset, style| in_words(secs, NOW, offset, style).to_string();
        let short = DateStyle::Short;
        assert_eq!(told(NOW - 3600, |_| 0, short), "today 08:00");
        assert_eq!(told(NOW - 3600 * 10, |_| 0, short), "yesterday 23:00");
        assert_eq!(told(NOW - 3600 * 10, |_| 60, short), "today 00:00");
        assert_eq!(told(NOW + 3600 * 16, |_| 0, short), "tomorrow 01:00");
        assert_eq!(told(NOW - 86_400 * 5, |_| 0, short), "Sun 5 Apr, 09:00");
        assert_eq!(told(0, |_| 0, short), "Thu 1 Jan 1970, 00:00");
        assert_eq!(told(NOW, |_| 0, DateStyle::Iso), "Fri 2026-04-10 09:00");
    }

    #[test]
    fn the_day_is_the_local_one_and_absurd_dates_are_still_dates() {
        assert_eq!(
            shown(NOW - 3600, |_| 16 * 60, DateStyle::Short, 10),
            "00:00"
        );
        assert_eq!(
            shown(NOW - 3600 * 10, |_| 60, DateStyle::Short, 10),
            "00:00"
        );
        assert_eq!(shown(i64::MAX, |_| 0, DateStyle::Short, 10), "9999-12-31");
        assert_eq!(shown(i64::MIN, |_| 0, DateStyle::Short, 10), "1970-01-01");
    }
}
