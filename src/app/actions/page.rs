//! Actions on how a page of HTML is shown: what the sender hides, and the page itself in the browser.
//!
//! Called through the table and by the answer to the question. The browser must never get a page that
//! was not cleaned, nor any before the user has said yes once.

use super::read::has;
use super::{Availability, Count};
use crate::app::overlay::Confirmed;
use crate::app::{App, Body, Confirm, Effect, Job, Overlay};
use crate::bus::{Command, Event};
use crate::model::{PartId, Placed, Safe};

pub(super) fn has_hidden(app: &App) -> Availability {
    has(
        app,
        |r| !r.hidden.is_empty(),
        "the sender hides no text in this message",
    )
}

pub(super) fn has_page(app: &App) -> Availability {
    has(
        app,
        |r| r.is_html || r.has_other_form,
        "this message has no HTML",
    )
}

/// Shows what the sender hides, or hides it again.
pub(super) fn hidden(app: &mut App, _: Count) -> Vec<Effect> {
    let is_shown = !app.reader.shows_hidden;
    app.reader.shows_hidden = is_shown;
    if let Body::Here(reading) = &mut app.reader.body {
        reading.show_hidden(is_shown);
    }
    app.reader.lay_out();
    let height = app.reader_height();
    app.reader.scroll_by(0, height);
    app.say(Safe::fixed(if is_shown {
        "Text that the sender hides is shown"
    } else {
        "Text that the sender hides is left out"
    }))
}

/// Asks, the first time, and has the page made for the browser.
pub(super) fn browser(app: &mut App, _: Count) -> Vec<Effect> {
    let Some(placed) = app.reader.placed else {
        return Vec::new();
    };
    let is_decrypted = app.reader.reading().is_some_and(|r| r.is_decrypted);
    if app.opens_pages && !is_decrypted {
        let inside = app.reader.inside();
        return make(app, placed, inside);
    }
    let warning = "What was decrypted lies in clear in a file until Pillarbox ends";
    let lines = [
        "Your browser gets a cleaned copy of the page: without scripts, forms",
        "and remote pictures, and it is not allowed to load anything.",
        "Links in it work, and lead where they lead.",
    ];
    app.overlay = Some(Overlay::Confirm(Confirm {
        lines: lines.into_iter().map(Safe::fixed).collect(),
        warning: is_decrypted.then_some(Safe::fixed(warning)),
        ..Confirm::new(
            "Open this message in the browser?",
            "open",
            Confirmed::Page(placed, app.reader.inside()),
        )
    }));
    Vec::new()
}

/// The user said yes: has the page made.
pub(in crate::app) fn make(app: &mut App, placed: Placed, inside: PartId) -> Vec<Effect> {
    app.opens_pages = true;
    let request = app.request();
    let label = Safe::fixed("Making the page for the browser");
    let job = Job {
        label: label.clone(),
        progress: None,
    };
    app.jobs.insert(request, job);
    let mut effects = app.say(label);
    effects.push(Effect::Engine(Command::MakePage {
        request,
        placed,
        inside,
    }));
    effects
}

/// The page is made.
pub(in crate::app) fn made(app: &mut App, event: Event) -> Vec<Effect> {
    let Event::Page {
        request,
        page,
        left_out,
    } = event
    else {
        return Vec::new();
    };
    if app.jobs.remove(&request).is_none() {
        return Vec::new();
    }
    let text = match left_out {
        0 => "Opened in the browser".to_owned(),
        1 => "Opened in the browser, without 1 remote picture".to_owned(),
        n => format!("Opened in the browser, without {n} remote pictures"),
    };
    let mut effects = app.say(Safe::line(&text));
    effects.push(Effect::OpenPage(page));
    effects
}
