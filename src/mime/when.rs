//! Times of a calendar (RFC 5545 section 3.3.5): what moment they are, and how a person reads them.
//!
//! Called by `invite` and its card. A zone is known by its name, by the name that Windows has for it, or
//! by the rules that came with it; a time whose zone is not known must never pass for one's own.

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::timezone::TzResolver;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarDay, ICalendarDuration,
    ICalendarEntry, ICalendarFrequency, ICalendarProperty, ICalendarRecurrenceRule, ICalendarValue,
    ICalendarWeekday,
};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A time of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct When {
    /// As the clock of its writer shows it.
    local: DateTime,
    /// Whether it is a day, without a time.
    is_day: bool,
    /// The moment, where it is known.
    unix_secs: Option<i64>,
    /// The place of its zone, for people: `New York`; empty where it was written in UTC.
    place: String,
}

/// The zones that a calendar brings along.
pub(super) struct Zones<'a> {
    known: TzResolver<String>,
    calendar: &'a ICalendar,
}

impl<'a> Zones<'a> {
    pub(super) fn of(calendar: &'a ICalendar) -> Self {
        Self {
            known: calendar.build_owned_tz_resolver(),
            calendar,
        }
    }

    /// How far east of Greenwich the zone is at that local time by its own rules, in seconds.
    fn offset_by_rules(&self, id: &str, local: DateTime) -> Option<i64> {
        let zone = self.calendar.timezones().find(|zone| {
            let own = zone.property(&ICalendarProperty::Tzid);
            own.and_then(|e| e.values.first())
                .and_then(ICalendarValue::as_text)
                == Some(id)
        })?;
        let rules = zone.component_ids.iter().take(50);
        let rules = rules.filter_map(|id| self.calendar.component_by_id(*id));
        let rules = rules.filter(|rule| {
            matches!(
                rule.component_type,
                ICalendarComponentType::Standard | ICalendarComponentType::Daylight
            )
        });
        let begun = rules.filter_map(|rule| {
            let onset = onset(rule, local)?;
            Some((onset, offset(rule)?))
        });
        begun
            .max_by_key(|(onset, _)| *onset)
            .map(|(_, offset)| offset)
    }
}

/// TZOFFSETTO in seconds.
fn offset(rule: &ICalendarComponent) -> Option<i64> {
    let entry = rule.property(&ICalendarProperty::Tzoffsetto)?;
    match entry.values.first()? {
        ICalendarValue::PartialDateTime(at) => offset_of(at),
        _ => None,
    }
}

fn offset_of(at: &PartialDateTime) -> Option<i64> {
    let secs = i64::from(at.tz_hour?) * 3600 + i64::from(at.tz_minute.unwrap_or(0)) * 60;
    Some(if at.tz_minus { -secs } else { secs })
}

/// When a rule of a zone began to hold last before that time. Rules that are not once a year on a day of
/// the week, as all are that are in use, hold from their first day on.
fn onset(rule: &ICalendarComponent, local: DateTime) -> Option<DateTime> {
    let first = rule.property(&ICalendarProperty::Dtstart)?.values.first()?;
    let first = civil(first.as_partial_date_time()?)?;
    let yearly = rule
        .property(&ICalendarProperty::Rrule)
        .and_then(|e| match e.values.first()? {
            ICalendarValue::RecurrenceRule(rule) => Some(rule),
            _ => None,
        });
    let in_year = |year: i16| {
        let yearly = yearly?;
        let month = i8::try_from(yearly.bymonth.first()?.month()).ok()?;
        let ICalendarDay { ordwk, weekday } = *yearly.byday.first()?;
        let nth = i8::try_from(ordwk?).ok()?;
        let day = Date::new(year, month, 1)
            .ok()?
            .nth_weekday_of_month(nth, day_of(weekday))
            .ok()?;
        Some(day.to_datetime(first.time()))
    };
    let latest = [local.year(), local.year() - 1]
        .into_iter()
        .filter_map(in_year);
    let latest = latest.filter(|at| *at <= local && *at >= first).max();
    latest.or_else(|| (first <= local).then_some(first))
}

const fn day_of(day: ICalendarWeekday) -> Weekday {
    match day {
        ICalendarWeekday::Monday => Weekday::Monday,
        ICalendarWeekday::Tuesday => Weekday::Tuesday,
        ICalendarWeekday::Wednesday => Weekday::Wednesday,
        ICalendarWeekday::Thursday => Weekday::Thursday,
        ICalendarWeekday::Friday => Weekday::Friday,
        ICalendarWeekday::Saturday => Weekday::Saturday,
        ICalendarWeekday::Sunday => Weekday::Sunday,
    }
}

fn civil(at: &PartialDateTime) -> Option<DateTime> {
    let small = |n: Option<u8>| i8::try_from(n.unwrap_or(0)).ok();
    DateTime::new(
        i16::try_from(at.year?).ok()?,
        i8::try_from(at.month?).ok()?,
        i8::try_from(at.day?).ok()?,
        small(at.hour)?,
        small(at.minute)?,
        small(at.second)?.min(59),
        0,
    )
    .ok()
}

fn secs_of(local: DateTime) -> Option<i64> {
    let at = local.to_zoned(TimeZone::UTC).ok()?;
    Some(at.timestamp().as_second())
}

/// The time that an entry holds.
pub(super) fn moment(entry: &ICalendarEntry, zones: &Zones<'_>) -> Option<When> {
    let at = entry.values.first()?.as_partial_date_time()?;
    let local = civil(at)?;
    let mut when = When {
        local,
        is_day: at.hour.is_none(),
        unix_secs: None,
        place: String::new(),
    };
    if when.is_day {
        return Some(when);
    }
    if let Some(offset) = offset_of(at) {
        when.unix_secs = secs_of(local).map(|secs| secs - offset);
        return Some(when);
    }
    let Some(id) = entry.tz_id() else {
        return Some(when);
    };
    match zones.known.resolve(id).filter(|zone| !zone.is_floating()) {
        Some(zone) => {
            when.unix_secs = resolve(at, zone, local);
            when.place = place(&zone.name().unwrap_or_default());
        }
        None => {
            let offset = zones.offset_by_rules(id, local);
            when.unix_secs = offset.and_then(|offset| Some(secs_of(local)? - offset));
            when.place = place(id);
        }
    }
    Some(when)
}

/// The moment of a local time; of one that the clocks skip or repeat, one hour is taken off and put on.
fn resolve(at: &PartialDateTime, zone: Tz, local: DateTime) -> Option<i64> {
    if let Some(found) = at.to_date_time_with_tz(zone) {
        return Some(found.timestamp());
    }
    let earlier = local.checked_sub(SignedDuration::from_hours(2)).ok()?;
    let earlier = PartialDateTime {
        year: u16::try_from(earlier.year()).ok(),
        month: u8::try_from(earlier.month()).ok(),
        day: u8::try_from(earlier.day()).ok(),
        hour: u8::try_from(earlier.hour()).ok(),
        ..at.clone()
    };
    Some(earlier.to_date_time_with_tz(zone)?.timestamp() + 2 * 3600)
}

/// The city of a zone's name; a name that is none stays as it is.
fn place(name: &str) -> String {
    let name = name.trim_matches('"');
    let is_utc = matches!(name, "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT");
    if is_utc {
        return String::new();
    }
    let city = name.rsplit('/').next().unwrap_or(name).replace('_', " ");
    city.chars().take(40).collect()
}

impl When {
    /// A text by which it is known again.
    pub(super) fn key(&self) -> String {
        match self.unix_secs {
            Some(secs) => secs.to_string(),
            None => self.local.to_string(),
        }
    }

    /// So much later.
    pub(super) fn plus(&self, length: &ICalendarDuration) -> Option<Self> {
        let days = i64::from(length.weeks) * 7 + i64::from(length.days);
        let secs = days
            .checked_mul(86_400)?
            .checked_add(i64::from(length.hours) * 3600)?
            .checked_add(i64::from(length.minutes) * 60)?
            .checked_add(i64::from(length.seconds))?;
        if length.neg {
            return None;
        }
        Some(Self {
            local: self
                .local
                .checked_add(SignedDuration::from_secs(secs))
                .ok()?,
            unix_secs: self.unix_secs.map(|at| at.saturating_add(secs)),
            is_day: self.is_day,
            place: self.place.clone(),
        })
    }

    /// As the clock of the reader shows it, where the moment is known.
    fn here(&self, zone: &TimeZone) -> DateTime {
        let at = self
            .unix_secs
            .and_then(|secs| Timestamp::from_second(secs).ok());
        at.map_or(self.local, |at| at.to_zoned(zone.clone()).datetime())
    }

    /// Whether it is over at that moment.
    pub(super) fn is_before(&self, now_secs: i64) -> bool {
        let secs = self.unix_secs.or_else(|| secs_of(self.local));
        secs.is_some_and(|secs| secs < now_secs)
    }
}

/// From when to when, in words: "Thu 10 Apr 14:00–15:00, in your time (08:00 in New York)".
pub(super) fn span(start: &When, end: Option<&When>, zone: &TimeZone, now_secs: i64) -> String {
    let now = Timestamp::from_second(now_secs).ok();
    let this_year = now.map(|at| at.to_zoned(zone.clone()).year());
    let day = |at: DateTime| {
        let form = if Some(at.year()) == this_year {
            "%a %-d %b"
        } else {
            "%a %-d %b %Y"
        };
        at.strftime(form).to_string()
    };
    let time = |at: DateTime| at.strftime("%H:%M").to_string();
    let from = start.here(zone);
    if start.is_day {
        // The end of whole days is the day behind the last one.
        let last = end.and_then(|end| end.local.date().yesterday().ok());
        return match last.filter(|last| *last > from.date()) {
            Some(last) => format!(
                "{} – {}, all day",
                day(from),
                day(last.to_datetime(from.time()))
            ),
            None => format!("{}, all day", day(from)),
        };
    }
    let to = end.map(|end| end.here(zone)).filter(|to| *to > from);
    let mut text = match to {
        Some(to) if to.date() == from.date() => {
            format!("{} {}–{}", day(from), time(from), time(to))
        }
        Some(to) => format!("{} {} – {} {}", day(from), time(from), day(to), time(to)),
        None => format!("{} {}", day(from), time(from)),
    };
    if start.unix_secs.is_none() {
        let place = match start.place.as_str() {
            "" => "no time zone is given".to_owned(),
            place => format!("in the time zone “{place}”, which is not known here"),
        };
        text = format!("{text} ({place})");
    } else if start.local != from && !start.place.is_empty() {
        let there = if start.local.date() == from.date() {
            time(start.local)
        } else {
            format!("{} {}", day(start.local), time(start.local))
        };
        text = format!("{text}, in your time (organizer: {there} {})", start.place);
    }
    text
}

/// A rule of recurrence in words, where it is a simple one.
pub(super) fn recurrence(rule: &ICalendarRecurrenceRule) -> String {
    let every = rule.interval.unwrap_or(1).max(1);
    let unit = match rule.freq {
        ICalendarFrequency::Daily => "day",
        ICalendarFrequency::Weekly => "week",
        ICalendarFrequency::Monthly => "month",
        ICalendarFrequency::Yearly => "year",
        _ => return "repeats; the text may say when".to_owned(),
    };
    let is_odd = !rule.byhour.is_empty()
        || !rule.byminute.is_empty()
        || !rule.byweekno.is_empty()
        || !rule.byyearday.is_empty()
        || rule.bysetpos.len() > 1
        || rule.byday.len() > 7
        || rule.bymonthday.len() > 3;
    if is_odd {
        return "repeats; the text may say when".to_owned();
    }
    let mut text = match every {
        1 => format!("every {unit}"),
        n => format!("every {n} {unit}s"),
    };
    let set = rule.bysetpos.first().copied();
    let days: Vec<String> = rule
        .byday
        .iter()
        .map(|day| {
            let name = weekday(day.weekday);
            let nth = day.ordwk.map(i32::from).or(set);
            nth.map_or_else(
                || name.to_owned(),
                |nth| format!("the {} {name}", ordinal(nth)),
            )
        })
        .collect();
    if !days.is_empty() {
        text = format!("{text} on {}", days.join(", "));
    }
    let dates: Vec<String> = rule.bymonthday.iter().map(ToString::to_string).collect();
    if !dates.is_empty() {
        text = format!("{text} on day {}", dates.join(", "));
    }
    if let Some(count) = rule.count {
        text = format!("{text}, {count} times");
    } else if let Some(until) = rule.until.as_ref().and_then(civil) {
        text = format!("{text}, until {}", until.strftime("%-d %b %Y"));
    }
    text
}

const fn weekday(day: ICalendarWeekday) -> &'static str {
    match day {
        ICalendarWeekday::Monday => "Mon",
        ICalendarWeekday::Tuesday => "Tue",
        ICalendarWeekday::Wednesday => "Wed",
        ICalendarWeekday::Thursday => "Thu",
        ICalendarWeekday::Friday => "Fri",
        ICalendarWeekday::Saturday => "Sat",
        ICalendarWeekday::Sunday => "Sun",
    }
}

fn ordinal(n: i32) -> String {
    match n {
        -1 => "last".to_owned(),
        1 => "1st".to_owned(),
        2 => "2nd".to_owned(),
        3 => "3rd".to_owned(),
        n if n < 0 => format!("{}th last", -n),
        n => format!("{n}th"),
    }
}
