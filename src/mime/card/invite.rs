//! An invitation, in words: what, when in one's own time, where, who, and how one stands to it.
//!
//! Called by `cards`. Everything in it is a claim of the sender's; what may be answered, and to whom, is
//! named before anything is sent.

use super::super::invite::{Invite, UID_MAX, find};
use super::super::render::Message;
use super::super::when::{recurrence, span};
use super::{Viewer, short};
use crate::model::{Card, CardKind, CardLine, InviteCard, PartStat, Person, Safe, Tone};
use calcard::icalendar::ICalendarMethod as Method;

const NAME_MAX: usize = 80;
const TEXT_MAX: usize = 160;

/// The card of an invitation, where there is one.
pub(super) fn card(message: &Message<'_>, viewer: &Viewer) -> Option<Card> {
    let invite = find(message)?;
    let own = invite.own(viewer.own.iter().map(String::as_str));
    let own_person = own.and_then(|own| invite.people.get(own));
    let mut lines = vec![heading(&invite)];
    let mut say = |tone, text: &str| lines.push(CardLine::new(tone, text));
    if let Some(start) = &invite.start {
        let mut text = span(start, invite.end.as_ref(), &viewer.zone, viewer.now_secs);
        if let Some(rule) = &invite.rule {
            text = format!("{text}; {}", recurrence(rule));
        } else if invite
            .end
            .as_ref()
            .unwrap_or(start)
            .is_before(viewer.now_secs)
        {
            text = format!("{text} (over)");
        }
        say(Tone::Plain, &text);
    }
    if !invite.location.trim().is_empty() {
        say(
            Tone::Plain,
            &format!("At {}", short(&invite.location, TEXT_MAX)),
        );
    }
    if invite.more > 0 {
        let many = if invite.more == 1 {
            "one more date"
        } else {
            "more dates"
        };
        say(Tone::Dim, &format!("And {many}; the file has all of them"));
    }
    let who = who(&invite);
    if !who.is_empty() {
        say(Tone::Dim, &who);
    }
    let is_open = invite.asks() && !invite.is_cancelled;
    let organizer = invite.organizer.as_ref().map(|o| &o.address);
    let can_answer = is_open && own.is_some() && organizer.is_some_and(|o| o.address.contains('@'));
    let state = own_person.map_or(PartStat::NeedsAction, |p| p.state);
    if is_open {
        lines.push(match own {
            Some(_) if can_answer => own_line(state, ""),
            Some(_) => CardLine::new(Tone::Dim, "Nobody is named who takes an answer"),
            None => CardLine::new(Tone::Dim, "None of your addresses is among those invited"),
        });
    }
    let card = InviteCard {
        uid: invite.uid.chars().take(UID_MAX).collect(),
        recurrence: invite.recurrence.clone(),
        organizer: organizer
            .map(|o| Safe::line(&o.to_string()))
            .unwrap_or_default(),
        can_answer,
    };
    Some(Card {
        kind: CardKind::Invite(Box::new(card)),
        lines,
    })
}

/// How one stands to it.
fn own_line(state: PartStat, when: &str) -> CardLine {
    let (tone, text) = match state {
        PartStat::Accepted => (Tone::Good, "You accepted"),
        PartStat::Tentative => (Tone::Plain, "You accepted tentatively"),
        PartStat::Declined => (Tone::Plain, "You declined"),
        PartStat::Delegated => (Tone::Plain, "You passed it on to somebody else"),
        PartStat::NeedsAction => (Tone::Strong, "You have not answered; to answer:"),
    };
    let text = match (state, when) {
        (PartStat::NeedsAction, _) => text.to_owned(),
        (_, "") => format!("{text}; to change that:"),
        (_, when) => format!("{text} {when}; to change that:"),
    };
    CardLine::new(tone, &text).with("answer-invite")
}

/// Says on the card what was answered from here, and when, in words.
pub fn answered(card: &mut Card, state: PartStat, when: &str) {
    let line = card
        .lines
        .iter_mut()
        .find(|line| line.action == "answer-invite");
    if let Some(line) = line {
        *line = own_line(state, when);
    }
}

fn heading(invite: &Invite) -> CardLine {
    let what = short(&invite.summary, TEXT_MAX);
    let what = if what.is_empty() {
        "(without a name)"
    } else {
        what.as_str()
    };
    let said = invite.people.first();
    let name = said.map_or_else(|| "Somebody".to_owned(), called);
    let (tone, text) = match invite.method {
        Some(Method::Cancel) => (Tone::Warning, format!("Cancelled: {what}")),
        _ if invite.is_cancelled => (Tone::Warning, format!("Cancelled: {what}")),
        Some(Method::Request) if invite.sequence > 0 => {
            (Tone::Strong, format!("Changed invitation: {what}"))
        }
        Some(Method::Request) => (Tone::Strong, format!("Invitation: {what}")),
        Some(Method::Add) => (Tone::Strong, format!("One more date of: {what}")),
        Some(Method::Reply) => {
            let (tone, verb) = match said.map(|p| p.state) {
                Some(PartStat::Accepted) => (Tone::Good, "accepted"),
                Some(PartStat::Tentative) => (Tone::Plain, "accepted tentatively"),
                Some(PartStat::Declined) => (Tone::Warning, "declined"),
                Some(PartStat::Delegated) => (Tone::Plain, "passed on to somebody else"),
                _ => (Tone::Plain, "has not decided on"),
            };
            (tone, format!("{name} {verb}: {what}"))
        }
        Some(Method::Counter) => (
            Tone::Warning,
            format!("{name} proposes another time for: {what}"),
        ),
        Some(Method::Declinecounter) => {
            (Tone::Plain, format!("Your proposal was declined: {what}"))
        }
        Some(Method::Refresh) => (
            Tone::Plain,
            format!("{name} asks how it stands with: {what}"),
        ),
        Some(Method::Publish) | None => (Tone::Strong, format!("Event: {what}")),
    };
    CardLine::new(tone, &text)
}

/// What somebody is called: by name and address, where the name does not pass for an address.
fn called(person: &Person) -> String {
    let Person { address, .. } = person;
    if address.name.trim().is_empty() || address.is_name_doubtful() {
        short(&address.address, NAME_MAX)
    } else {
        format!(
            "{} <{}>",
            short(&address.name, NAME_MAX),
            short(&address.address, NAME_MAX)
        )
    }
}

/// Who invites, and how many are invited.
fn who(invite: &Invite) -> String {
    let is_answer = matches!(
        invite.method,
        Some(Method::Reply | Method::Counter | Method::Refresh)
    );
    let mut text = invite
        .organizer
        .as_ref()
        .map(|o| format!("By {}", called(o)))
        .unwrap_or_default();
    if is_answer || invite.people.is_empty() {
        return text;
    }
    let count = |state| invite.people.iter().filter(|p| p.state == state).count();
    let states = [
        (count(PartStat::Accepted), "accepted"),
        (count(PartStat::Tentative), "tentative"),
        (count(PartStat::Declined), "declined"),
    ];
    let states: Vec<String> = states
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    let invited = format!("{} invited", invite.people.len());
    let invited = if states.is_empty() {
        invited
    } else {
        format!("{invited}: {}", states.join(", "))
    };
    text = if text.is_empty() {
        invited
    } else {
        format!("{text}; {invited}")
    };
    text
}
