//! Answers to invitations, on their way to a real submission server.
//!
//! An answer may go to the organizer alone, and one that was taken back must not count as given.

use super::Scene;
use crate::support::wait_until;
use pillarbox::bus::CardDeed;
use pillarbox::model::{CardKind, PartStat, Reading};
use std::time::Duration;

/// An invitation to that address.
fn invitation(to: &str) -> String {
    format!(
        "From: Bob <bob@there.test>\r\nTo: {to}\r\nSubject: Lunch\r\nMessage-ID: <lunch@there.test>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\
         Content-Type: text/plain\r\n\r\nLunch?\r\n--b\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\r\n\
         BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:lunch-1\r\nSEQUENCE:3\r\n\
         DTSTAMP:20260401T080000Z\r\nDTSTART:20990409T120000Z\r\nSUMMARY:Lunch in the größe Halle\r\n\
         ORGANIZER;CN=Bob:mailto:bob@there.test\r\nATTENDEE;CN=Ann;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{to}\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n--b--\r\n"
    )
}

fn invite_line(reading: &Reading) -> String {
    let invites = reading
        .cards
        .iter()
        .filter(|c| matches!(c.kind, CardKind::Invite(_)));
    let mut lines = invites.flat_map(|c| &c.lines);
    let line = lines.find(|l| l.action == "answer-invite");
    line.map(|l| l.text.to_string()).unwrap_or_default()
}

#[test]
fn an_answer_reaches_the_organizer_as_a_calendar_and_stays_on_the_card() {
    let (mut scene, post) = Scene::sending(Duration::ZERO);
    let to = format!("{}@example.org", scene.user);
    let placed = scene.receive(invitation(&to).as_bytes());
    assert!(invite_line(&scene.open(placed)).starts_with("You have not answered"));
    scene
        .desk
        .card(placed, CardDeed::Answer(PartStat::Tentative))
        .unwrap();
    assert!(invite_line(&scene.open(placed)).starts_with("You accepted tentatively on "));
    wait_until("the answer", || !post.taken().is_empty());
    let taken = post.taken().remove(0);
    assert_eq!(
        taken
            .to
            .iter()
            .map(|t| t.address.as_str())
            .collect::<Vec<_>>(),
        ["bob@there.test"]
    );
    let raw = &taken.raw;
    let structure = pillarbox::mime::structure(raw);
    let kinds: Vec<&str> = structure
        .parts
        .iter()
        .map(|p| p.mime_type.as_str())
        .collect();
    assert_eq!(
        kinds,
        ["multipart/alternative", "text/plain", "text/calendar"]
    );
    let text = String::from_utf8_lossy(raw).into_owned();
    assert!(
        text.contains("method=\"REPLY\"") || text.contains("method=REPLY"),
        "{text}"
    );
    assert!(text.contains("Tentative:_Lunch_in_the"), "{text}");
    assert!(text.contains("In-Reply-To: <lunch@there.test>"), "{text}");
    let calendar = pillarbox::mime::part_text(raw, &structure.parts[2]).unwrap();
    for line in [
        "METHOD:REPLY",
        "UID:lunch-1",
        "SEQUENCE:3",
        "SUMMARY:Lunch in the größe Halle",
    ] {
        assert!(calendar.lines().any(|l| l == line), "{line} in {calendar}");
    }
    let attendee = calendar.replace("\r\n ", "");
    let attendee = attendee
        .lines()
        .find(|l| l.starts_with("ATTENDEE"))
        .unwrap()
        .to_owned();
    assert!(
        attendee.contains("PARTSTAT=TENTATIVE") && attendee.ends_with(&format!("mailto:{to}")),
        "{attendee}"
    );
    scene.desk.stop();
}

#[test]
fn an_answer_that_is_taken_back_was_not_given() {
    let (mut scene, post) = Scene::sending(Duration::from_secs(600));
    let to = format!("{}@example.org", scene.user);
    let placed = scene.receive(invitation(&to).as_bytes());
    scene
        .desk
        .card(placed, CardDeed::Answer(PartStat::Accepted))
        .unwrap();
    assert!(invite_line(&scene.open(placed)).starts_with("You accepted on "));
    let item = scene.desk.outbox().remove(0).key;
    let (_, draft) = scene.desk.take_back(item).unwrap();
    assert!(draft.calendar.unwrap().contains("PARTSTAT=ACCEPTED"));
    assert!(invite_line(&scene.open(placed)).starts_with("You have not answered"));
    assert!(post.taken().is_empty());
    scene.desk.stop();
}

#[test]
fn an_invitation_to_somebody_else_is_not_answered() {
    let (mut scene, post) = Scene::sending(Duration::ZERO);
    let placed = scene.receive(invitation("eve@other.test").as_bytes());
    assert_eq!(invite_line(&scene.open(placed)), "");
    let why = scene
        .desk
        .card(placed, CardDeed::Answer(PartStat::Accepted))
        .unwrap_err();
    assert!(why.contains("none of your addresses"), "{why}");
    assert!(scene.desk.outbox().is_empty() && post.taken().is_empty());
    scene.desk.stop();
}
