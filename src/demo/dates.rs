//! Dates as IMAP and RFC 5322 write them.
//!
//! Called by the IMAP sessions and the sample mail. Nothing here reads a clock.

use crate::model::Moment;
use jiff::civil::Date;
use jiff::{Timestamp, Zoned, tz};

fn zoned(moment: Moment) -> Option<Zoned> {
    let offset = tz::Offset::from_seconds(i32::from(moment.offset_mins) * 60).ok()?;
    let stamp = Timestamp::from_second(moment.unix_secs).ok()?;
    Some(stamp.to_zoned(tz::TimeZone::fixed(offset)))
}

fn moment(zoned: &Zoned) -> Moment {
    Moment {
        unix_secs: zoned.timestamp().as_second(),
        offset_mins: i16::try_from(zoned.offset().seconds() / 60).unwrap_or_default(),
    }
}

/// INTERNALDATE without its quotes: ` 1-Nov-2026 10:00:00 +0100`.
pub(crate) fn internal(at: Moment) -> String {
    zoned(at).map_or_else(String::new, |z| {
        z.strftime("%e-%b-%Y %H:%M:%S %z").to_string()
    })
}

/// Reads what [`internal`] writes.
pub(crate) fn parse_internal(text: &str) -> Option<Moment> {
    let text = text.trim_start();
    let parsed = jiff::fmt::strtime::parse("%e-%b-%Y %H:%M:%S %z", text).ok()?;
    let offset = tz::TimeZone::fixed(parsed.offset()?);
    let stamp = parsed.to_timestamp().ok()?;
    Some(moment(&stamp.to_zoned(offset)))
}

/// The Date field: `Sun, 1 Nov 2026 10:00:00 +0100`.
pub(crate) fn rfc5322(at: Moment) -> String {
    format(at, "%a, %-d %b %Y %H:%M:%S %z")
}

/// The date in any form of strftime.
pub(crate) fn format(at: Moment, form: &str) -> String {
    zoned(at).map_or_else(String::new, |z| z.strftime(form).to_string())
}

/// Reads a Date field.
pub(crate) fn parse_rfc5322(text: &str) -> Option<Moment> {
    jiff::fmt::rfc2822::parse(text).ok().as_ref().map(moment)
}

/// The day of a moment, in its own offset, as days since 1970.
pub(crate) fn day(at: Moment) -> i64 {
    (at.unix_secs + i64::from(at.offset_mins) * 60).div_euclid(86_400)
}

/// A day of SEARCH (`1-Nov-2026`), as days since 1970.
pub(crate) fn parse_day(text: &str) -> Option<i64> {
    let date = Date::strptime("%e-%b-%Y", text).ok()?;
    let midnight = date.to_zoned(tz::TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_second().div_euclid(86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_survive_the_way_over_the_wire() {
        let at = Moment {
            unix_secs: 1_793_523_600,
            offset_mins: -210,
        };
        assert_eq!(internal(at), " 1-Nov-2026 05:30:00 -0330");
        assert_eq!(parse_internal(&internal(at)), Some(at));
        assert_eq!(rfc5322(at), "Sun, 1 Nov 2026 05:30:00 -0330");
        assert_eq!(parse_rfc5322(&rfc5322(at)), Some(at));
        assert_eq!(parse_day("1-Nov-2026"), Some(day(at)));
        assert_eq!(parse_internal("yesterday"), None);
    }
}
