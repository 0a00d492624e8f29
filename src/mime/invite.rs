//! Invitations (RFC 5545, RFC 5546, RFC 6047): what stands in one, and the answer to it.
//!
//! Called by `card` and `engine::invites`. The parser is a stranger's and the text a stranger's too:
//! it runs within bounds, and a panic in it costs the card and not the message.

use super::html::guarded;
use super::render::Message;
use super::when::{When, Zones, moment};
use crate::model::{Address, PartStat, Person};
use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarMethod,
    ICalendarParameter, ICalendarParameterName, ICalendarParameterValue,
    ICalendarParticipationStatus, ICalendarProperty, ICalendarRecurrenceRule, ICalendarStatus,
    ICalendarValue,
};
use calcard::{Entry, Parser};

/// A larger calendar is not read.
const BYTES_MAX: usize = 512 * 1024;
/// More of those invited are not looked at.
const PEOPLE_MAX: usize = 2000;
/// An id is cut here where it is kept.
pub(super) const UID_MAX: usize = 400;

/// One invitation, taken apart.
pub(super) struct Invite {
    calendar: ICalendar,
    /// The event in it that counts.
    event: usize,
    pub(super) method: Option<ICalendarMethod>,
    pub(super) uid: String,
    /// Of a recurring event the one that is meant, as text to know it again by; else empty.
    pub(super) recurrence: String,
    pub(super) sequence: i64,
    pub(super) summary: String,
    pub(super) location: String,
    pub(super) start: Option<When>,
    pub(super) end: Option<When>,
    pub(super) rule: Option<ICalendarRecurrenceRule>,
    pub(super) is_cancelled: bool,
    pub(super) organizer: Option<Person>,
    pub(super) people: Vec<Person>,
    /// Further events in the same calendar.
    pub(super) more: usize,
}

/// The first calendar of a message.
pub(super) fn find(message: &Message<'_>) -> Option<Invite> {
    let own = super::choose::own_parts(&message.structure);
    let parts = own.iter().filter(|p| p.mime_type == "text/calendar");
    parts
        .take(3)
        .find_map(|part| read(&message.text(part)?.text))
}

/// Reads a calendar.
fn read(text: &str) -> Option<Invite> {
    if text.len() > BYTES_MAX {
        return None;
    }
    guarded(|| take_apart(text)).flatten()
}

fn take_apart(text: &str) -> Option<Invite> {
    let Entry::ICalendar(calendar) = Parser::new(text).entry() else {
        return None;
    };
    let is_event = |c: &&ICalendarComponent| c.component_type == ICalendarComponentType::VEvent;
    let events = calendar.components.iter().filter(is_event).count();
    let event = calendar
        .components
        .iter()
        .position(|c| c.component_type == ICalendarComponentType::VEvent)?;
    let found = calendar.components.get(event)?;
    let root = calendar.components.first()?;
    let method = root.property(&ICalendarProperty::Method);
    let method = method.and_then(|entry| match entry.values.first()? {
        ICalendarValue::Method(method) => Some(method.clone()),
        _ => None,
    });
    let text_of = |name: ICalendarProperty| {
        let entry = found.property(&name);
        let value = entry
            .and_then(|e| e.values.first())
            .and_then(ICalendarValue::as_text);
        value.unwrap_or_default().to_owned()
    };
    let zones = Zones::of(&calendar);
    let time_of = |name: ICalendarProperty| {
        let entry = found.property(&name)?;
        moment(entry, &zones)
    };
    let start = time_of(ICalendarProperty::Dtstart);
    let end = time_of(ICalendarProperty::Dtend).or_else(|| {
        let entry = found.property(&ICalendarProperty::Duration)?;
        match entry.values.first()? {
            ICalendarValue::Duration(length) => start.as_ref()?.plus(length),
            _ => None,
        }
    });
    let rule = found.property(&ICalendarProperty::Rrule);
    let rule = rule.and_then(|entry| match entry.values.first()? {
        ICalendarValue::RecurrenceRule(rule) => Some((**rule).clone()),
        _ => None,
    });
    let organizer = found.property(&ICalendarProperty::Organizer).map(person);
    let sequence = found.property(&ICalendarProperty::Sequence);
    let sequence = sequence
        .and_then(|e| e.values.first())
        .and_then(ICalendarValue::as_integer);
    let recurrence = time_of(ICalendarProperty::RecurrenceId);
    let people = found.properties(&ICalendarProperty::Attendee).map(person);
    let mut invite = Invite {
        event,
        method,
        uid: text_of(ICalendarProperty::Uid),
        recurrence: recurrence.map(|when| when.key()).unwrap_or_default(),
        sequence: sequence.unwrap_or(0),
        summary: text_of(ICalendarProperty::Summary),
        location: text_of(ICalendarProperty::Location),
        start,
        end,
        rule,
        is_cancelled: found.status() == Some(&ICalendarStatus::Cancelled),
        organizer,
        people: people.take(PEOPLE_MAX).collect(),
        more: events.saturating_sub(1),
        calendar: ICalendar {
            components: Vec::new(),
        },
    };
    invite.calendar = calendar;
    Some(invite)
}

fn person(entry: &ICalendarEntry) -> Person {
    let address = entry.calendar_address().unwrap_or_default();
    let name = entry.parameter(&ICalendarParameterName::Cn);
    let name = name
        .and_then(ICalendarParameterValue::as_text)
        .unwrap_or_default();
    let state = match entry.parameter(&ICalendarParameterName::Partstat) {
        Some(ICalendarParameterValue::Partstat(state)) => match state {
            ICalendarParticipationStatus::Accepted => PartStat::Accepted,
            ICalendarParticipationStatus::Tentative => PartStat::Tentative,
            ICalendarParticipationStatus::Declined => PartStat::Declined,
            ICalendarParticipationStatus::Delegated => PartStat::Delegated,
            _ => PartStat::NeedsAction,
        },
        _ => PartStat::NeedsAction,
    };
    Person {
        address: Address {
            name: name.trim_matches('"').to_owned(),
            address: address.to_owned(),
        },
        state,
    }
}

impl Invite {
    /// The one of these addresses that is invited: its place among those invited.
    pub(super) fn own<'a>(&self, own: impl IntoIterator<Item = &'a str>) -> Option<usize> {
        own.into_iter().find_map(|own| {
            self.people
                .iter()
                .position(|p| crate::model::is_same_mailbox(&p.address.address, own))
        })
    }

    /// Whether it asks for an answer.
    pub(super) const fn asks(&self) -> bool {
        matches!(
            self.method,
            Some(ICalendarMethod::Request | ICalendarMethod::Add)
        )
    }

    /// The text of an answer (RFC 5546 section 3.2.3): same event, the sender alone, their state.
    pub(super) fn answer(&self, own: usize, state: PartStat, now_secs: i64) -> Option<String> {
        guarded(|| self.write_answer(own, state, now_secs)).flatten()
    }

    fn write_answer(&self, own: usize, state: PartStat, now_secs: i64) -> Option<String> {
        const KEPT: [ICalendarProperty; 8] = [
            ICalendarProperty::Uid,
            ICalendarProperty::RecurrenceId,
            ICalendarProperty::Sequence,
            ICalendarProperty::Organizer,
            ICalendarProperty::Summary,
            ICalendarProperty::Location,
            ICalendarProperty::Dtstart,
            ICalendarProperty::Dtend,
        ];
        let asked = self.calendar.components.get(self.event)?;
        let mut event = ICalendarComponent::new(ICalendarComponentType::VEvent);
        for name in KEPT {
            event.entries.extend(asked.property(&name).cloned());
        }
        if !event.has_property(&ICalendarProperty::Sequence) {
            event.add_sequence(0);
        }
        event.add_dtstamp(utc(now_secs)?);
        let mut attendees = asked.properties(&ICalendarProperty::Attendee);
        let mut entry = attendees.nth(own)?.clone();
        entry
            .params
            .retain(|p| p.name == ICalendarParameterName::Cn);
        let state = match state {
            PartStat::Accepted => ICalendarParticipationStatus::Accepted,
            PartStat::Tentative => ICalendarParticipationStatus::Tentative,
            PartStat::Declined => ICalendarParticipationStatus::Declined,
            PartStat::NeedsAction | PartStat::Delegated => return None,
        };
        entry.add_param(ICalendarParameter::partstat(state));
        event.entries.push(entry);
        let mut root = ICalendarComponent::new(ICalendarComponentType::VCalendar);
        root.add_property(ICalendarProperty::Prodid, "-//Pillarbox//Mail//EN");
        root.add_property(ICalendarProperty::Version, "2.0");
        root.add_property(ICalendarProperty::Method, ICalendarMethod::Reply);
        root.component_ids = vec![1];
        let mut calendar = ICalendar {
            components: vec![root, event],
        };
        let has_zone = |e: &ICalendarEntry| e.has_parameter(&ICalendarParameterName::Tzid);
        if calendar
            .components
            .iter()
            .flat_map(|c| &c.entries)
            .any(has_zone)
        {
            add_zones(&mut calendar, &self.calendar);
        }
        let mut text = String::new();
        calendar.write_to(&mut text).ok()?;
        Some(text)
    }
}

/// The time zones of a calendar, in front of the event.
fn add_zones(to: &mut ICalendar, from: &ICalendar) {
    const ZONES_MAX: usize = 5;
    let mut zones = Vec::new();
    for zone in from.timezones().take(ZONES_MAX) {
        let mut copy = ICalendarComponent::new(ICalendarComponentType::VTimezone);
        copy.entries.clone_from(&zone.entries);
        for id in &zone.component_ids {
            if let Some(rule) = from.component_by_id(*id) {
                copy.component_ids
                    .extend(u32::try_from(to.components.len()));
                to.components.push(ICalendarComponent {
                    component_ids: Vec::new(),
                    ..rule.clone()
                });
            }
        }
        zones.extend(u32::try_from(to.components.len()));
        to.components.push(copy);
    }
    if let Some(root) = to.components.first_mut() {
        root.component_ids.splice(0..0, zones);
    }
}

/// A moment in UTC as calendars write it.
fn utc(secs: i64) -> Option<PartialDateTime> {
    let at = jiff::Timestamp::from_second(secs).ok()?;
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    let small = |n: i8| u8::try_from(n).ok();
    Some(PartialDateTime {
        year: u16::try_from(at.year()).ok(),
        month: small(at.month()),
        day: small(at.day()),
        hour: small(at.hour()),
        minute: small(at.minute()),
        second: small(at.second()),
        tz_hour: Some(0),
        tz_minute: Some(0),
        tz_minus: false,
    })
}

#[cfg(test)]
#[path = "invite_tests.rs"]
mod tests;
