//! Actions on pictures: loading the remote ones of a message, and of a sender.
//!
//! Called through the table. Nothing may be fetched from the web but by the user's word.

use super::read::at_hand;
use super::{Availability, Count};
use crate::app::picker::Choice;
use crate::app::{App, Effect, Item, PickerKind, Pictures, gallery};
use crate::bus::Command;
use crate::model::Safe;

/// Whether there are remote pictures, and somewhere to show them.
pub(super) fn can_load(app: &App) -> Availability {
    if let Err(why) = at_hand(app) {
        return why;
    }
    match app.shown_pictures() {
        _ if app.reader.gallery.remote().is_empty() => {
            Availability::No("there is no remote picture in this message")
        }
        Pictures::Off => Availability::No("pictures are not shown in this terminal"),
        _ if app.is_offline => {
            Availability::No("Pillarbox is offline; {toggle-offline} goes online")
        }
        _ => Availability::Yes,
    }
}

/// Whether the sender is known, and has remote pictures.
pub(super) fn has_sender(app: &App) -> Availability {
    match app.reader.reading() {
        None => Availability::No("no message is open"),
        Some(_) if app.reader.gallery.remote().is_empty() => {
            Availability::No("there is no remote picture in this message")
        }
        Some(reading) if reading.sender.is_empty() => {
            Availability::No("this message does not have one sender")
        }
        Some(_) => Availability::Yes,
    }
}

/// The first time the pictures are fetched; then there is a choice.
pub(super) fn load(app: &mut App, _: Count) -> Vec<Effect> {
    if !app.reader.gallery.is_wanted() {
        let (label, command) = gallery::fetch(app);
        let key = app.keymap.first("load-pictures", app.focus);
        let more = Safe::line(&format!("; {key} again for more"));
        let mut effects = app.say(Safe::join(&[label, more], ""));
        effects.push(command);
        return effects;
    }
    let mut items = Vec::new();
    if has_sender(app) == Availability::Yes {
        let sender = app.reader.reading().map(|r| r.sender.clone());
        let label = reading_title(app).unwrap_or_default();
        let index = super::find("sender-pictures").map(|(index, _)| index);
        items.extend(index.map(|index| {
            Item::menu("a", label, Choice::Action(index)).with_detail(sender.unwrap_or_default())
        }));
    }
    let index = super::find("hide-pictures").map(|(index, _)| index);
    items.extend(index.map(|index| Item::menu("h", "Hide them", Choice::Action(index))));
    app.open_picker("Remote pictures", PickerKind::Menu, items)
}

/// What the key for the sender's pictures would do now.
pub(super) fn sender_title(app: &App) -> Option<Safe> {
    reading_title(app).map(Safe::fixed)
}

fn reading_title(app: &App) -> Option<&'static str> {
    let reading = app.reader.reading().filter(|r| !r.sender.is_empty())?;
    Some(if reading.is_sender_allowed {
        "No longer load this sender's pictures"
    } else {
        "Always load this sender's pictures"
    })
}

/// From now on the sender's pictures are loaded, or are not.
pub(super) fn sender(app: &mut App, _: Count) -> Vec<Effect> {
    let Some(reading) = app.reader.reading() else {
        return Vec::new();
    };
    let (address, is_allowed) = (reading.sender.clone(), !reading.is_sender_allowed);
    app.reader.allow_sender(is_allowed);
    let text = if is_allowed {
        "From now on pictures are loaded when you open mail from"
    } else {
        "Pictures are no longer loaded by themselves in mail from"
    };
    let mut effects = app.say(Safe::join(&[Safe::fixed(text), address.clone()], " "));
    effects.push(Effect::Engine(Command::AllowPictures {
        address: address.as_str().to_owned(),
        is_allowed,
    }));
    effects
}

/// Whether remote pictures are shown.
pub(super) fn can_hide(app: &App) -> Availability {
    if app.reader.gallery.is_wanted() {
        Availability::Yes
    } else {
        Availability::No("no remote picture is shown")
    }
}

/// Shows the remote pictures of this message no longer.
pub(super) fn hide(app: &mut App, _: Count) -> Vec<Effect> {
    gallery::hide(app);
    Vec::new()
}
