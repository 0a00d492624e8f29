//! Actions that begin a message: a new one, an answer, one passed on, a draft taken up; the outbox.
//!
//! Called through the table. Each only asks for a draft; the composer opens when it is there.

use super::{Availability, Count};
use crate::app::list::placed;
use crate::app::picker::Choice;
use crate::app::{App, Context, Effect, Item, Overlay, Picker, PickerKind, outbox};
use crate::bus::{Command, PathItem, RequestId, WritingCommand};
use crate::model::{DraftStart, Placed, Role, Safe};

/// The message at hand.
fn subject(app: &App) -> Option<Placed> {
    if app.focus == Context::Reader
        && let Some(placed) = app.reader.placed
    {
        return Some(placed);
    }
    app.list.current().map(placed)
}

pub(super) fn can_answer(app: &App) -> Availability {
    // What is answered is a message of the mailbox: here that is another than the one that is read.
    if app.focus == Context::Reader && !app.reader.insides.is_empty() {
        return Availability::No("this message is attached to another; Esc goes back to that one");
    }
    match subject(app) {
        Some(_) => Availability::Yes,
        None => Availability::No("there is no message here"),
    }
}

fn start(app: &mut App, make: fn(Placed) -> DraftStart) -> Vec<Effect> {
    match subject(app) {
        Some(placed) => app.write(make(placed)),
        None => Vec::new(),
    }
}

pub(super) fn compose(app: &mut App, _: Count) -> Vec<Effect> {
    let of_row = || app.subject_row().map(|row| row.account);
    let account = app.current_account().map(|a| a.key).or_else(of_row);
    app.write(DraftStart::Blank(account))
}

pub(super) fn reply(app: &mut App, _: Count) -> Vec<Effect> {
    start(app, DraftStart::Reply)
}

pub(super) fn reply_all(app: &mut App, _: Count) -> Vec<Effect> {
    start(app, DraftStart::ReplyAll)
}

pub(super) fn reply_list(app: &mut App, _: Count) -> Vec<Effect> {
    start(app, DraftStart::ReplyList)
}

pub(super) fn forward(app: &mut App, _: Count) -> Vec<Effect> {
    start(app, DraftStart::Forward)
}

pub(super) fn forward_attached(app: &mut App, count: Count) -> Vec<Effect> {
    let mut all: Vec<Placed> = app.known_rows(count).into_iter().map(placed).collect();
    if all.is_empty() {
        all.extend(subject(app));
    }
    if all.is_empty() {
        return Vec::new();
    }
    app.write(DraftStart::ForwardAttached(all))
}

pub(super) fn bounce(app: &mut App, _: Count) -> Vec<Effect> {
    start(app, DraftStart::Bounce)
}

/// Whether the message at hand lies in Drafts.
pub(super) fn is_draft(app: &App) -> bool {
    super::change::source_role(app) == Some(Role::Drafts)
}

/// A draft is taken up; of anything else a new message is made.
pub(super) fn edit(app: &mut App, _: Count) -> Vec<Effect> {
    if is_draft(app) {
        start(app, DraftStart::Resume)
    } else {
        start(app, DraftStart::EditAsNew)
    }
}

pub(super) fn edit_title(app: &App) -> Option<Safe> {
    is_draft(app).then(|| Safe::fixed("Go on writing the draft"))
}

/// Opening a draft takes it up, too.
pub(super) fn open_title(app: &App) -> Option<Safe> {
    edit_title(app)
}

pub(super) fn outbox(app: &mut App, _: Count) -> Vec<Effect> {
    outbox::open(app)
}

pub(super) fn has_templates(app: &App) -> Availability {
    match app.settings.templates {
        Some(_) => Availability::Yes,
        None => Availability::No("no folder of templates is configured"),
    }
}

/// Asks which templates there are.
pub(super) fn template(app: &mut App, _: Count) -> Vec<Effect> {
    let Some(folder) = app.settings.templates.clone() else {
        return Vec::new();
    };
    let request = app.request();
    app.templates_asked = Some(request);
    let typed = format!("{}/", folder.trim_end_matches('/'));
    let command = WritingCommand::ListPaths { request, typed };
    vec![Effect::Engine(Command::Writing(command))]
}

/// Offers the templates that were found.
pub(in crate::app) fn templates_listed(app: &mut App, request: RequestId, items: &[PathItem]) {
    if app
        .templates_asked
        .take_if(|asked| *asked == request)
        .is_none()
    {
        return;
    }
    let items = items
        .iter()
        .filter(|item| !item.is_folder)
        .filter_map(|item| {
            let name = item.path.file_name()?.to_str()?.to_owned();
            Some(Item::new(item.name.clone(), Choice::Template(name)))
        });
    let items: Vec<Item> = items.collect();
    let mut picker = Picker::new("Begin with a template", PickerKind::Fuzzy, items);
    if picker.all().is_empty() {
        picker.empty = "There is none: put files into `templates` beside the configuration.";
    }
    app.overlay = Some(Overlay::Picker(picker));
}
