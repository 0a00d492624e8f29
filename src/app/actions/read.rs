//! Actions on the message that is read: links, attachments, headers, quotes, copying.
//!
//! Called through the table. A link must never be opened before the user has seen where it leads.

use super::{Availability, Count};
use crate::app::conversation;
use crate::app::overlay::Confirmed;
use crate::app::picker::Choice;
use crate::app::settle::turn_to;
use crate::app::{
    App, Confirm, Context, Effect, Headers, Item, Job, Overlay, PickerKind, list::placed,
};
use crate::bus::{Command, Form};
use crate::model::{Link, PartId, Placed, Reading, Rest, Safe};

/// The message that keys mean: in the list only the one under the cursor, and that where it was read.
/// Without a preview the reader still holds what was read before.
pub(super) fn at_hand(app: &App) -> Result<&Reading, Availability> {
    let row = app.list.current().map(placed);
    if app.focus == Context::List && app.reader.placed != row {
        return Err(Availability::No("{open} reads the message first"));
    }
    let reading = app.reader.reading();
    reading.ok_or(Availability::No("no message is open"))
}

pub(super) fn has(app: &App, is_there: fn(&Reading) -> bool, why: &'static str) -> Availability {
    match at_hand(app) {
        Ok(reading) if is_there(reading) => Availability::Yes,
        Ok(_) => Availability::No(why),
        Err(why) => why,
    }
}

pub(super) fn has_text(app: &App) -> Availability {
    has(app, |_| true, "")
}

pub(super) fn has_links(app: &App) -> Availability {
    has(
        app,
        |r| !r.links.is_empty(),
        "there is no link in this message",
    )
}

pub(super) fn has_link(app: &App) -> Availability {
    match app.reader.link {
        Some(_) => Availability::Yes,
        None if app.thread_view().is_some() => Availability::Yes,
        None => Availability::No("no link is at hand; ) goes to the next one"),
    }
}

pub(super) fn has_attachments(app: &App) -> Availability {
    has(app, |r| !r.attachments.is_empty(), "there is no attachment")
}

pub(super) fn has_other_form(app: &App) -> Availability {
    has(app, |r| r.has_other_form, "this message has one form only")
}

pub(super) fn has_quotes(app: &App) -> Availability {
    let is_quoted = |r: &Reading| r.body.iter().any(|line| line.quote > 0);
    has(app, is_quoted, "nothing is quoted in this message")
}

/// Whether of a message at hand only the header is here.
pub(super) fn has_rest(app: &App) -> Availability {
    let rests = app.known_rows(None).into_iter().map(|row| row.rest);
    match rests.filter(|rest| *rest != Rest::Here).max() {
        Some(Rest::Lost) => Availability::No("the rest is no longer on the server"),
        Some(Rest::Here | Rest::OnServer | Rest::Asked) => Availability::Yes,
        None => Availability::No("the whole message is here"),
    }
}

/// Asks for all of the messages of which only the header was fetched.
pub(super) fn fetch_whole(app: &mut App, count: Count) -> Vec<Effect> {
    let rows = app.known_rows(count).into_iter();
    let wanted: Vec<(Placed, u64)> = rows
        .filter(|row| row.rest != Rest::Here)
        .map(|row| (placed(row), row.size_bytes))
        .collect();
    let size = crate::app::size_text(wanted.iter().map(|w| w.1).sum());
    let what = match wanted.len() {
        1 => format!("the whole message ({size})"),
        n => format!("{n} whole messages ({size})"),
    };
    let text = if app.is_offline {
        let online = app.keymap.first("toggle-offline", app.focus);
        format!("Fetches {what} when you are online again ({online})")
    } else {
        format!("Fetching {what}")
    };
    let mut effects = app.say(Safe::line(&text));
    let all = wanted.into_iter().map(|w| w.0).collect();
    effects.push(Effect::Engine(Command::FetchWhole(all)));
    effects
}

/// Gives the reader the keys; a folded thread is unfolded, so that the next message is its next.
pub(super) fn open(app: &mut App, count: Count) -> Vec<Effect> {
    if super::write::is_draft(app) {
        return super::write::edit(app, count);
    }
    let Some(row) = app.list.current() else {
        return Vec::new();
    };
    let (at, thread, is_folded) = (placed(row), row.thread, row.count > 1);
    if app.settings.has_conversation {
        conversation::begin(app, at, thread, false);
        return Vec::new();
    }
    if is_folded {
        app.list.change_view(|view| {
            if let Some(folding) = &mut view.threads
                && !folding.is_unfolded(thread)
                && !folding.except.remove(&thread)
            {
                folding.except.insert(thread);
            }
        });
    }
    app.focus = Context::Reader;
    turn_to(app, Some(at));
    Vec::new()
}

pub(super) fn headers(app: &mut App, _: Count) -> Vec<Effect> {
    app.reader.headers = match app.reader.headers {
        Headers::Short => Headers::Full,
        Headers::Full => Headers::Source,
        Headers::Source => Headers::Short,
    };
    app.reader.lay_out();
    let height = app.reader_height();
    app.reader.scroll_to(0, height);
    let needs_source = app.reader.headers == Headers::Source && app.reader.source.is_empty();
    let Some(placed) = app.reader.placed.filter(|_| needs_source) else {
        return Vec::new();
    };
    let request = app.request();
    app.reader.asked_source = Some(request);
    vec![Effect::Engine(Command::LoadSource {
        request,
        placed,
        inside: app.reader.inside(),
    })]
}

/// The text is asked for in the other form; `settle` sees that it is another.
pub(super) fn other_form(app: &mut App, _: Count) -> Vec<Effect> {
    let is_html = app.reader.reading().is_some_and(|r| r.is_html);
    app.reader.form = if is_html { Form::Plain } else { Form::Html };
    app.reader.link = None;
    let height = app.reader_height();
    app.reader.scroll_to(0, height);
    Vec::new()
}

/// Shows the thread as one conversation, or the one message again.
pub(super) fn conversation(app: &mut App, _: Count) -> Vec<Effect> {
    conversation::toggle(app)
}

/// Folds the message of a conversation; where there is none, the quotes.
pub(super) fn fold_message(app: &mut App, count: Count) -> Vec<Effect> {
    conversation::fold(app).unwrap_or_else(|| fold_quotes(app, count))
}

/// Folds all quotes, then all but the first level, then none.
pub(super) fn fold_quotes(app: &mut App, _: Count) -> Vec<Effect> {
    let (limit, text) = match app.reader.quotes {
        0 => (u8::MAX, "All quoted text is shown"),
        1 => (0, "All quoted text is folded"),
        _ => (1, "Quotes within quotes are folded"),
    };
    app.reader.quotes = limit;
    app.reader.lay_out();
    app.say(Safe::fixed(text))
}

pub(super) fn links(app: &mut App, count: Count) -> Vec<Effect> {
    let Some(reading) = app.reader.reading() else {
        return Vec::new();
    };
    if let Some(number) = count {
        let link = usize::try_from(number).unwrap_or(usize::MAX);
        return ask_to_open(app, link.saturating_sub(1));
    }
    let items = reading.links.iter().enumerate().map(|(n, link)| {
        let key = if n < 9 {
            Safe::line(&(n + 1).to_string())
        } else {
            Safe::default()
        };
        let label = if link.text.is_empty() {
            link.shown.clone()
        } else {
            link.text.clone()
        };
        let detail = if link.host.is_empty() {
            link.shown.clone()
        } else {
            link.host.clone()
        };
        let detail = match link.onward.as_str().split('/').next() {
            Some(onward) if !onward.is_empty() => {
                Safe::join(&[detail, Safe::line(onward)], ", on to ")
            }
            _ => detail,
        };
        Item {
            key,
            ..Item::new(label, Choice::Link(n)).with_detail(detail)
        }
    });
    let items = items.collect();
    app.open_picker("Links", PickerKind::Links, items)
}

/// Shows where a link leads and asks whether to open it.
pub(crate) fn ask_to_open(app: &mut App, link: usize) -> Vec<Effect> {
    let found = app.reader.reading().and_then(|r| r.links.get(link));
    let Some(link) = found else {
        return app.say(Safe::fixed("There is no link with that number"));
    };
    app.overlay = Some(Overlay::Confirm(question(link)));
    Vec::new()
}

fn question(link: &Link) -> Confirm {
    let mut lines = vec![link.shown.clone()];
    if !link.host.is_empty() {
        lines.push(Safe::join(
            &[Safe::fixed("Leads to"), link.host.clone()],
            " ",
        ));
    }
    if !link.onward.is_empty() {
        let leads_on = Safe::fixed("and from there, it says, on to");
        lines.push(Safe::join(&[leads_on, link.onward.clone()], " "));
    }
    // Words that look like another address are how people are deceived.
    let says = link
        .text
        .as_str()
        .trim()
        .trim_end_matches('/')
        .to_lowercase();
    let claims_host = says.contains('.') && !says.contains(' ');
    let is_other = claims_host && !says.contains(&link.host.as_str().to_lowercase());
    let warning = is_other.then(|| {
        let careful = Safe::fixed("Careful: the text says");
        Safe::join(&[careful, link.text.clone()], " ")
    });
    let then = Confirmed::OpenUrl(link.target.clone());
    Confirm {
        lines,
        warning,
        copies: Some(link.target.clone()),
        ..Confirm::new("Open this link?", "open", then)
    }
}

/// Copies where a link leads.
pub(crate) fn copy_link(app: &mut App, link: usize) -> Vec<Effect> {
    let found = app.reader.reading().and_then(|r| r.links.get(link));
    let Some(target) = found.map(|l| l.target.clone()) else {
        return Vec::new();
    };
    app.copy_text("the link", target)
}

fn step_link(app: &mut App, is_forward: bool) -> Vec<Effect> {
    let count = app.reader.reading().map_or(0, |r| r.links.len());
    if count == 0 {
        return Vec::new();
    }
    let next = match (app.reader.link, is_forward) {
        (None, true) => 0,
        (None, false) => count - 1,
        (Some(n), true) => (n + 1) % count,
        (Some(n), false) => (n + count - 1) % count,
    };
    app.reader.link = Some(next);
    let height = app.reader_height();
    app.reader.show_link(height);
    let shown = app.reader.reading().and_then(|r| r.links.get(next));
    match shown.map(|link| link.shown.clone()) {
        Some(shown) => app.say(Safe::join(&[Safe::fixed("Link to"), shown], " ")),
        None => Vec::new(),
    }
}

pub(super) fn next_link(app: &mut App, _: Count) -> Vec<Effect> {
    step_link(app, true)
}

pub(super) fn previous_link(app: &mut App, _: Count) -> Vec<Effect> {
    step_link(app, false)
}

pub(super) fn open_link(app: &mut App, _: Count) -> Vec<Effect> {
    match app.reader.link {
        Some(link) => ask_to_open(app, link),
        None => fold_message(app, None),
    }
}

pub(super) fn attachments(app: &mut App, _: Count) -> Vec<Effect> {
    crate::app::files::open(app)
}

/// Reads an attached message as a message of its own.
pub(crate) fn enter(app: &mut App, part: PartId) -> Vec<Effect> {
    app.reader.enter(part);
    app.slow_serial = app.next_serial();
    app.focus = Context::Reader;
    Vec::new()
}

/// Goes back to the message that the one at hand is attached to; `false` where it is attached to none.
pub(super) fn leave(app: &mut App) -> bool {
    let is_inside = app.reader.leave();
    if is_inside {
        app.slow_serial = app.next_serial();
    }
    is_inside
}

impl App {
    /// Has attachments saved; none named: all.
    pub(in crate::app) fn save(&mut self, placed: Placed, parts: Vec<PartId>) -> Vec<Effect> {
        let request = self.request();
        let is_listed = parts.is_empty() && self.reader.placed == Some(placed);
        let parts = match self.reader.reading() {
            Some(reading) if is_listed => {
                reading.attachments.iter().map(|a| a.part.clone()).collect()
            }
            _ => parts,
        };
        let label = match parts.len() {
            1 => Safe::fixed("Saving 1 attachment"),
            0 => Safe::fixed("Saving all attachments"),
            n => Safe::line(&format!("Saving {n} attachments")),
        };
        self.note_saving(request, placed, &parts);
        let job = Job {
            label: label.clone(),
            progress: None,
        };
        self.jobs.insert(request, job);
        let mut effects = self.say(label);
        effects.push(Effect::Engine(Command::Save {
            request,
            placed,
            parts,
            folder: None,
        }));
        effects
    }
}
