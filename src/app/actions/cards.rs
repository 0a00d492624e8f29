//! Actions of the cards: answering an invitation, leaving a list, checking a signature, decrypting.
//!
//! Called through the table. Nothing may leave this computer before the user has seen where it goes.

use super::read::at_hand;
use super::{Availability, Count};
use crate::app::overlay::Confirmed;
use crate::app::picker::Choice;
use crate::app::{App, Confirm, Effect, Item, Job, Overlay, PickerKind};
use crate::bus::{CardDeed, Command};
use crate::model::{CardKind, DraftStart, InviteCard, Leave, ListCard, PartStat, Placed, Safe};

fn list(app: &App) -> Option<&ListCard> {
    let cards = &app.reader.reading()?.cards;
    cards.iter().find_map(|card| match &card.kind {
        CardKind::List(list) => Some(&**list),
        _ => None,
    })
}

pub(super) fn can_unsubscribe(app: &App) -> Availability {
    match (at_hand(app), list(app)) {
        (Err(why), _) => why,
        (_, Some(list)) if list.way.is_some() => Availability::Yes,
        _ => Availability::No("this message does not say how to leave a list"),
    }
}

/// Shows how the list is left, and asks.
pub(super) fn unsubscribe(app: &mut App, _: Count) -> Vec<Effect> {
    let (Some(placed), Some(list)) = (app.reader.placed, list(app).cloned()) else {
        return Vec::new();
    };
    let Some(way) = list.way else {
        return Vec::new();
    };
    let sentence = |before: &'static str, what: &Safe, after: &'static str| {
        Safe::join(
            &[Safe::fixed(before), what.clone(), Safe::fixed(after)],
            " ",
        )
    };
    let mut lines = Vec::new();
    if !list.name.is_empty() {
        lines.push(list.name.clone());
    }
    let mut warning = None;
    let (yes, then) = match way {
        Leave::OneClick { url, host } => {
            lines.push(sentence(
                "One request to",
                &host,
                "takes you off, without a page:",
            ));
            lines.push(Safe::line(&url));
            if list.is_signed == Some(false) {
                warning = Some(Safe::fixed(
                    "Careful: no signature covers this address, so others may have put it there",
                ));
            }
            let deed = CardDeed::Unsubscribe { url };
            ("unsubscribe", Confirmed::Card(placed, deed))
        }
        Leave::Mail { to, .. } => {
            lines.push(sentence(
                "A message to",
                &to,
                "takes you off. It is shown before it is sent.",
            ));
            (
                "write it",
                Confirmed::Write(DraftStart::Unsubscribe(placed)),
            )
        }
        Leave::Page { url, host } => {
            lines.push(sentence("A page of", &host, "is opened in your browser:"));
            lines.push(Safe::line(&url));
            ("open", Confirmed::OpenUrl(url))
        }
    };
    app.overlay = Some(Overlay::Confirm(Confirm {
        lines,
        warning,
        ..Confirm::new("Leave this list?", yes, then)
    }));
    Vec::new()
}

pub(super) fn can_check(app: &App) -> Availability {
    match at_hand(app) {
        Err(why) => why,
        Ok(reading) if reading.cards.iter().any(|c| c.kind == CardKind::Seal) => Availability::Yes,
        Ok(_) => Availability::No("nothing in this message is signed or encrypted"),
    }
}

/// Has the signature checked, or the text decrypted.
pub(super) fn check(app: &mut App, _: Count) -> Vec<Effect> {
    match app.reader.placed {
        Some(placed) => app.card(placed, CardDeed::Check),
        None => Vec::new(),
    }
}

fn invite(app: &App) -> Option<&InviteCard> {
    let cards = &app.reader.reading()?.cards;
    cards.iter().find_map(|card| match &card.kind {
        CardKind::Invite(invite) => Some(&**invite),
        _ => None,
    })
}

pub(super) fn can_answer_invite(app: &App) -> Availability {
    match (at_hand(app), invite(app)) {
        (Err(why), _) => why,
        (_, Some(invite)) if invite.can_answer => Availability::Yes,
        (_, Some(_)) => Availability::No("this invitation asks you for no answer"),
        _ => Availability::No("this message is no invitation"),
    }
}

/// Shows to whom an answer goes, and asks for it.
pub(super) fn answer_invite(app: &mut App, _: Count) -> Vec<Effect> {
    let (Some(placed), Some(invite)) = (app.reader.placed, invite(app)) else {
        return Vec::new();
    };
    let to = Safe::join(&[Safe::fixed("to"), invite.organizer.clone()], " ");
    let items = [
        ("y", "Accept", PartStat::Accepted),
        ("m", "Accept tentatively", PartStat::Tentative),
        ("n", "Decline", PartStat::Declined),
    ];
    let items = items.map(|(key, label, state)| {
        let choice = Choice::Card(placed, CardDeed::Answer(state));
        Item::menu(key, label, choice).with_detail(to.clone())
    });
    app.open_picker("Answer the invitation", PickerKind::Menu, items.into())
}

impl App {
    /// Has something done that a card offers.
    pub(in crate::app) fn card(&mut self, placed: Placed, deed: CardDeed) -> Vec<Effect> {
        let request = self.request();
        let label = match &deed {
            CardDeed::Unsubscribe { .. } => Safe::fixed("Leaving the list"),
            CardDeed::Check => Safe::fixed("Asking GnuPG"),
            CardDeed::Answer(_) => Safe::fixed("Answering the invitation"),
        };
        let job = Job {
            label: label.clone(),
            progress: None,
        };
        self.jobs.insert(request, job);
        let mut effects = self.say(label);
        let command = Command::Card {
            request,
            placed,
            deed,
        };
        effects.push(Effect::Engine(command));
        effects
    }
}
