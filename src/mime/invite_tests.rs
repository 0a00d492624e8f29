//! Invitations as Google, Outlook and Apple write them: what the card says, and what is answered.

use super::super::card::{Viewer, cards};
use super::super::{Original, Selves, Source, answer_invite};
use super::*;
use crate::model::{AccountKey, CardKind, Identity, MessageKey};
use jiff::tz::TimeZone;

/// Wed 1 April 2026, noon in Greenwich.
const NOW: i64 = 1_775_044_800;

fn viewer() -> Viewer {
    Viewer {
        own: vec!["ann@here.example".to_owned()],
        zone: TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(),
        now_secs: NOW,
        trusted: String::new(),
    }
}

fn mail(calendar: &str) -> String {
    let calendar = calendar.replace('\n', "\r\n");
    format!(
        "From: bob@there.example\r\nMessage-ID: <m1@there.example>\r\nSubject: s\r\n\
         Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nwords\r\n\
         --b\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\n{calendar}\r\n--b--\r\n"
    )
}

fn said(calendar: &str) -> Vec<String> {
    let raw = mail(calendar);
    let all = cards(Source::Whole(raw.as_bytes()), &viewer());
    let invites = all.iter().filter(|c| matches!(c.kind, CardKind::Invite(_)));
    invites
        .flat_map(|c| &c.lines)
        .map(|l| l.text.to_string())
        .collect()
}

fn event(method: &str, fields: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nMETHOD:{method}\nBEGIN:VEVENT\nUID:u1\nDTSTAMP:20260401T080000Z\n\
         SUMMARY:Lunch\n{fields}\nEND:VEVENT\nEND:VCALENDAR\n"
    )
}

const GOOGLE: &str = "BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:America/New_York
X-LIC-LOCATION:America/New_York
BEGIN:DAYLIGHT
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
TZNAME:EDT
DTSTART:19700308T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
TZNAME:EST
DTSTART:19701101T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;TZID=America/New_York:20260409T080000
DTEND;TZID=America/New_York:20260409T090000
RRULE:FREQ=WEEKLY;BYDAY=TH
DTSTAMP:20260401T081500Z
ORGANIZER;CN=Bob Ross:mailto:bob@there.example
UID:5g7kq0@google.com
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=TRUE
 ;CN=Bob Ross;X-NUM-GUESTS=0:mailto:bob@there.example
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=
 TRUE;CN=ann@here.example;X-NUM-GUESTS=0:mailto:Ann@here.example
LOCATION:Room 4\\, second floor
SEQUENCE:0
STATUS:CONFIRMED
SUMMARY:Plans & tea
TRANSP:OPAQUE
END:VEVENT
END:VCALENDAR
";

#[test]
fn an_invitation_of_google_is_told_in_ones_own_time() {
    assert_eq!(
        said(&GOOGLE.replace("\\\\", "\\")),
        [
            "Invitation: Plans & tea",
            "Thu 9 Apr 14:00–15:00, in your time (organizer: 08:00 New York); every week on Thu",
            "At Room 4, second floor",
            "By Bob Ross <bob@there.example>; 2 invited: 1 accepted",
            "You have not answered; to answer:",
        ]
    );
}

#[test]
fn an_invitation_of_outlook_has_windows_names_of_zones() {
    let outlook = event(
        "REQUEST",
        "DTSTART;TZID=Eastern Standard Time:20260409T080000\nDTEND;TZID=Eastern Standard Time:20260409T083000\n\
         ORGANIZER;CN=\"Ross, Bob\":MAILTO:bob@there.example\n\
         ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=Ann:MAILTO:ann@here.example\nSEQUENCE:2",
    );
    let lines = said(&outlook);
    assert_eq!(lines[0], "Changed invitation: Lunch");
    assert_eq!(
        lines[1],
        "Thu 9 Apr 14:00–14:30, in your time (organizer: 08:00 New York)"
    );
    assert_eq!(lines[2], "By Ross, Bob <bob@there.example>; 1 invited");
}

#[test]
fn an_unknown_zone_is_read_by_its_rules_or_told_to_be_unknown() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Customized Time Zone 1\nBEGIN:STANDARD\nDTSTART:16010101T030000\n\
        TZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nRRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11\nEND:STANDARD\n\
        BEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\n\
        RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE\n";
    let at = |day: &str| {
        event(
            "REQUEST",
            &format!("DTSTART;TZID=Customized Time Zone 1:{day}T080000"),
        )
    };
    for (day, wanted) in [
        (
            "20260409",
            "Thu 9 Apr 14:00, in your time (organizer: 08:00 Customized Time Zone 1)",
        ),
        // The clocks of the two places change on different days.
        (
            "20260310",
            "Tue 10 Mar 13:00, in your time (organizer: 08:00 Customized Time Zone 1) (over)",
        ),
        (
            "20261203",
            "Thu 3 Dec 14:00, in your time (organizer: 08:00 Customized Time Zone 1)",
        ),
    ] {
        let with_zone = at(day).replace("BEGIN:VEVENT", &format!("{zone}BEGIN:VEVENT"));
        assert_eq!(said(&with_zone)[1], wanted);
    }
    assert_eq!(
        said(&at("20260409"))[1],
        "Thu 9 Apr 08:00 (in the time zone “Customized Time Zone 1”, which is not known here)"
    );
    let floating = event("REQUEST", "DTSTART:20260409T080000");
    assert_eq!(
        said(&floating)[1],
        "Thu 9 Apr 08:00 (no time zone is given)"
    );
}

#[test]
fn an_invitation_of_apple_may_be_of_whole_days() {
    let apple = |end: &str| {
        event(
            "REQUEST",
            &format!("DTSTART;VALUE=DATE:20260410\nDTEND;VALUE=DATE:{end}"),
        )
    };
    assert_eq!(said(&apple("20260411"))[1], "Fri 10 Apr, all day");
    assert_eq!(
        said(&apple("20260413"))[1],
        "Fri 10 Apr – Sun 12 Apr, all day"
    );
    let night = event("REQUEST", "DTSTART:20270410T200000Z\nDURATION:PT6H30M");
    assert_eq!(
        said(&night)[1],
        "Sat 10 Apr 2027 22:00 – Sun 11 Apr 2027 04:30"
    );
}

#[test]
fn each_method_is_told_for_what_it_is() {
    let bob = |state: &str| {
        format!(
            "DTSTART:20260409T120000Z\nORGANIZER:mailto:ann@here.example\nATTENDEE;CN=Bob;PARTSTAT={state}:mailto:bob@there.example"
        )
    };
    for (method, fields, words) in [
        (
            "REPLY",
            bob("ACCEPTED"),
            "Bob <bob@there.example> accepted: Lunch",
        ),
        (
            "REPLY",
            bob("DECLINED"),
            "Bob <bob@there.example> declined: Lunch",
        ),
        (
            "COUNTER",
            bob("TENTATIVE"),
            "Bob <bob@there.example> proposes another time for: Lunch",
        ),
        ("CANCEL", bob("NEEDS-ACTION"), "Cancelled: Lunch"),
        ("PUBLISH", bob("NEEDS-ACTION"), "Event: Lunch"),
        (
            "REQUEST",
            format!("{}\nSTATUS:CANCELLED", bob("ACCEPTED")),
            "Cancelled: Lunch",
        ),
        ("ODD", bob("ACCEPTED"), "Event: Lunch"),
    ] {
        let lines = said(&event(method, &fields));
        assert_eq!(lines[0], words, "{method}");
        assert!(!lines.iter().any(|l| l.contains("to answer")), "{lines:?}");
    }
    let lines = said(&event("REQUEST", &bob("NEEDS-ACTION")));
    assert_eq!(
        lines.last().unwrap(),
        "None of your addresses is among those invited"
    );
}

#[test]
fn rules_of_recurrence_are_told_in_words_where_they_are_simple() {
    for (rule, words) in [
        ("FREQ=DAILY;COUNT=10", "every day, 10 times"),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;UNTIL=20260601T000000Z",
            "every 2 weeks on Mon, Wed, until 1 Jun 2026",
        ),
        ("FREQ=MONTHLY;BYDAY=2TU", "every month on the 2nd Tue"),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYSETPOS=-1",
            "every month on the last Fri",
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=15", "every month on day 15"),
        ("FREQ=YEARLY", "every year"),
        ("FREQ=HOURLY", "repeats; the text may say when"),
        ("FREQ=YEARLY;BYWEEKNO=20", "repeats; the text may say when"),
    ] {
        let lines = said(&event(
            "REQUEST",
            &format!("DTSTART:20260409T120000Z\nRRULE:{rule}"),
        ));
        assert_eq!(lines[1], format!("Thu 9 Apr 14:00; {words}"));
    }
}

fn answer(calendar: &str, state: PartStat) -> Result<crate::model::Draft, &'static str> {
    let raw = mail(calendar);
    let identity = |address: &str| Identity {
        account: AccountKey(1),
        address: Address {
            name: "Ann Ångström".to_owned(),
            address: address.to_owned(),
        },
        signature: "Ann".to_owned(),
    };
    let all = [identity("other@here.example"), identity("ann@here.example")];
    let selves = Selves {
        default: &all[0],
        all: &all,
    };
    let original = Original {
        key: MessageKey(3),
        source: Source::Whole(raw.as_bytes()),
    };
    Ok(answer_invite(original, selves, state, NOW)?.draft)
}

#[test]
fn an_answer_names_the_same_event_and_nobody_but_oneself() {
    let draft = answer(&GOOGLE.replace("\\\\", "\\"), PartStat::Accepted).unwrap();
    assert_eq!(draft.identity.address.address, "ann@here.example");
    assert_eq!(draft.to.typed(), "Bob Ross <bob@there.example>");
    assert_eq!(draft.subject, "Accepted: Plans & tea");
    assert_eq!(draft.in_reply_to, ["m1@there.example"]);
    let text = draft.calendar.unwrap().replace("\r\n ", "");
    let lines: Vec<&str> = text.lines().collect();
    for line in [
        "METHOD:REPLY",
        "UID:5g7kq0@google.com",
        "SEQUENCE:0",
        "DTSTAMP:20260401T120000Z",
        "ORGANIZER;CN=\"Bob Ross\":mailto:bob@there.example",
        "DTSTART;TZID=America/New_York:20260409T080000",
        "BEGIN:VTIMEZONE",
        "RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3",
    ] {
        assert!(lines.contains(&line), "{line} in {text}");
    }
    let attendees: Vec<&&str> = lines.iter().filter(|l| l.starts_with("ATTENDEE")).collect();
    assert_eq!(attendees.len(), 1, "{text}");
    assert!(
        attendees[0].contains("PARTSTAT=ACCEPTED")
            && attendees[0].ends_with(":mailto:Ann@here.example"),
        "{text}"
    );
    assert!(!attendees[0].contains("RSVP"), "{text}");
    // It reads as an answer of ours.
    let read = read(&text).unwrap();
    assert!(matches!(read.method, Some(ICalendarMethod::Reply)));
    assert_eq!(read.people[0].state, PartStat::Accepted);
}

#[test]
fn one_of_a_series_is_answered_alone_and_what_asks_for_nothing_gets_no_answer() {
    let of =
        |method: &str, fields: &str| event(method, &format!("DTSTART:20260409T120000Z\n{fields}"));
    let people = "ORGANIZER:mailto:bob@there.example\nATTENDEE:mailto:ann@here.example";
    let one = of(
        "REQUEST",
        &format!("RECURRENCE-ID;TZID=Europe/Berlin:20260409T140000\n{people}"),
    );
    let draft = answer(&one, PartStat::Declined).unwrap();
    let text = draft.calendar.unwrap();
    assert!(
        text.contains("RECURRENCE-ID;TZID=Europe/Berlin:20260409T140000"),
        "{text}"
    );
    for calendar in [
        of("CANCEL", people),
        of("PUBLISH", people),
        of("REQUEST", "ATTENDEE:mailto:ann@here.example"),
        of(
            "REQUEST",
            "ORGANIZER:mailto:bob@there.example\nATTENDEE:mailto:eve@here.example",
        ),
    ] {
        assert!(answer(&calendar, PartStat::Accepted).is_err(), "{calendar}");
    }
}

#[test]
fn absurd_calendars_cost_little_and_nothing_unclean_gets_through() {
    for odd in [
        "",
        "BEGIN:VCALENDAR",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:99999999T999999Z\nEND:VEVENT\nEND:VCALENDAR",
    ] {
        let _any = said(odd);
    }
    let deep = "BEGIN:VEVENT\n".repeat(20_000);
    let _any = said(&format!("BEGIN:VCALENDAR\n{deep}"));
    let long = event(
        "REQUEST",
        &format!(
            "DTSTART:20260409T120000Z\nLOCATION:\u{1b}[2J{}",
            "x ".repeat(100_000)
        ),
    );
    let lines = said(&long);
    assert!(
        lines.iter().all(|l| l.len() < 500 && !l.contains('\u{1b}')),
        "{lines:?}"
    );
    let many = "ATTENDEE:mailto:a@b.example\n".repeat(12_000);
    let crowd = event("REQUEST", &format!("DTSTART:20260409T120000Z\n{many}"));
    assert!(
        said(&crowd).iter().any(|l| l.contains("2000 invited")),
        "{:?}",
        said(&crowd)
    );
}
