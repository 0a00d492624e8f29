//! The outbox: what waits to be sent, what is known of what went wrong, and the drafts kept here.
//!
//! Opened by `go`, fed by `overlay`, drawn by `ui`. It must never say that a message was delivered,
//! or was not, where that is not known; and never send one again without telling that.

use super::overlay::Confirmed;
use super::stops::{self, Stops, Told};
use super::{App, Code, Confirm, Effect, Key, Overlay, size_text, wrap};
use crate::bus::{Command, KeptDraft, RequestId, WritingCommand};
use crate::model::{
    DraftKey, DraftStart, Moment, OutboxItem, OutboxKey, OutboxRecipient, OutboxState,
    RecipientState, Safe,
};

/// The columns that the list takes at most.
pub(super) const COLS_MAX: u16 = 100;
/// The lines that a text takes at most.
const TEXT_LINES_MAX: usize = 6;
/// The recipients that are named in a line.
const NAMED_MAX: usize = 3;

/// What a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboxRow {
    /// A message that waits.
    Item(OutboxKey),
    /// A draft.
    Draft(DraftKey),
}

/// The mark before a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboxMark {
    /// None.
    None,
    /// Waits.
    Waiting,
    /// Is under way.
    Running,
    /// Needs the user.
    Stuck,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxLine {
    /// What it stands for; `None`: nothing that the cursor can be on.
    pub row: Option<OutboxRow>,
    /// Its mark.
    pub mark: OutboxMark,
    /// What it is.
    pub text: Safe,
    /// How it stands, shown on the right.
    pub state: Safe,
    /// The time that belongs to it, shown behind the state.
    pub at: Option<Moment>,
    /// Whether it is a heading.
    pub is_heading: bool,
}

/// The list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outbox {
    items: Vec<OutboxItem>,
    drafts: Vec<KeptDraft>,
    stops: Stops<OutboxRow>,
}

impl Told for Outbox {
    type Row = OutboxRow;

    fn shown(overlay: &mut Overlay) -> Option<&mut Self> {
        match overlay {
            Overlay::Outbox(list) => Some(list),
            _ => None,
        }
    }

    fn seen(overlay: &Overlay) -> Option<&Self> {
        match overlay {
            Overlay::Outbox(list) => Some(list),
            _ => None,
        }
    }

    fn stops(&mut self) -> &mut Stops<OutboxRow> {
        &mut self.stops
    }

    fn rows(&self, app: &App) -> Vec<Option<OutboxRow>> {
        self.lines(app).into_iter().map(|line| line.row).collect()
    }

    fn ask(request: RequestId) -> Effect {
        tell(WritingCommand::LoadOutbox { request })
    }
}

impl Outbox {
    /// The first visible line.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.stops.top()
    }

    /// What the cursor is on.
    #[must_use]
    pub const fn on(&self) -> Option<OutboxRow> {
        self.stops.on()
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self, app: &App) -> Vec<OutboxLine> {
        let cols = usize::from(app.cols.min(COLS_MAX)).saturating_sub(8);
        let mut lines = Vec::new();
        if !self.stops.is_loaded() {
            return vec![quiet(Safe::default()), quiet(Safe::fixed("Looking…"))];
        }
        if self.items.is_empty() {
            lines.push(quiet(Safe::fixed("Nothing waits to be sent.")));
        }
        for item in &self.items {
            lines.push(item_line(item));
            let to = Safe::line(&format!("to {}", named(&item.recipients)));
            lines.extend(wrap(&to, cols, 2).into_iter().map(quiet));
            if let Some(text) = known(item) {
                lines.extend(wrap(&text, cols, TEXT_LINES_MAX).into_iter().map(quiet));
            }
        }
        if !self.drafts.is_empty() {
            lines.push(quiet(Safe::default()));
            lines.push(OutboxLine {
                is_heading: true,
                ..quiet(Safe::fixed("Drafts kept here"))
            });
        }
        lines.extend(self.drafts.iter().map(draft_line));
        lines
    }

    /// The keys that do something to what the cursor is on.
    pub(super) fn hints(&self) -> &'static [(&'static str, &'static str)] {
        let item = match self.stops.on() {
            None => return &[("s", "sync"), ("Esc", "close")],
            Some(OutboxRow::Draft(_)) => {
                return &[
                    ("Enter", "write on"),
                    ("d", "discard"),
                    ("s", "sync"),
                    ("Esc", "close"),
                ];
            }
            Some(OutboxRow::Item(key)) => self.item(key),
        };
        match item.map(|i| i.state) {
            Some(OutboxState::Sending | OutboxState::Sent) => &[("s", "sync"), ("Esc", "close")],
            Some(OutboxState::Unconfirmed) => &[
                ("y", "it was sent"),
                ("r", "send again"),
                ("Enter", "edit"),
                ("d", "do not send"),
                ("s", "sync"),
                ("Esc", "close"),
            ],
            _ => &[
                ("Enter", "edit"),
                ("r", "send now"),
                ("d", "do not send"),
                ("s", "sync"),
                ("Esc", "close"),
            ],
        }
    }

    fn item(&self, key: OutboxKey) -> Option<&OutboxItem> {
        self.items.iter().find(|i| i.key == key)
    }
}

fn quiet(text: Safe) -> OutboxLine {
    OutboxLine {
        row: None,
        mark: OutboxMark::None,
        text,
        state: Safe::default(),
        at: None,
        is_heading: false,
    }
}

fn subject(text: &Safe) -> Safe {
    if text.is_empty() {
        Safe::fixed("(no subject)")
    } else {
        text.clone()
    }
}

fn item_line(item: &OutboxItem) -> OutboxLine {
    let (mark, state, at) = match item.state {
        OutboxState::Held => (OutboxMark::Waiting, "about to be sent".to_owned(), None),
        OutboxState::Queued if item.attempts == 0 => {
            (OutboxMark::Waiting, "waits to be sent".to_owned(), None)
        }
        OutboxState::Queued => {
            let tried = tries(item.attempts);
            let word = match item.not_before {
                Some(_) => format!("{tried}, next"),
                None => format!("waits, {tried}"),
            };
            (OutboxMark::Waiting, word, item.not_before)
        }
        OutboxState::Scheduled => (
            OutboxMark::Waiting,
            "to be sent".to_owned(),
            item.not_before,
        ),
        OutboxState::Sending if item.size_bytes > 0 && item.sent_bytes > 0 => {
            let part = size_text(item.sent_bytes.min(item.size_bytes));
            let word = format!("being sent, {part} of {}", size_text(item.size_bytes));
            (OutboxMark::Running, word, None)
        }
        OutboxState::Sending => (OutboxMark::Running, "being sent".to_owned(), None),
        OutboxState::Unconfirmed => (
            OutboxMark::Stuck,
            "perhaps sent".to_owned(),
            Some(item.created),
        ),
        OutboxState::Failed => (OutboxMark::Stuck, "not sent".to_owned(), Some(item.created)),
        OutboxState::Sent if !item.error.is_empty() => {
            (OutboxMark::Waiting, "sent; not filed yet".to_owned(), None)
        }
        OutboxState::Sent => (OutboxMark::Running, "sent, being filed".to_owned(), None),
        OutboxState::Cancelled => (OutboxMark::None, "taken back".to_owned(), None),
    };
    OutboxLine {
        row: Some(OutboxRow::Item(item.key)),
        mark,
        text: subject(&item.subject),
        state: Safe::line(&state),
        at,
        is_heading: false,
    }
}

fn draft_line(draft: &KeptDraft) -> OutboxLine {
    let to = match draft.to.as_str() {
        "" => "to nobody yet".to_owned(),
        to => format!("to {to}"),
    };
    let state = match (draft.is_recovered, draft.is_uploaded) {
        (true, _) => "recovered",
        (false, true) => "also in Drafts",
        (false, false) => "only here",
    };
    let text = Safe::line(&format!("{}  {to}", subject(&draft.subject)));
    OutboxLine {
        row: Some(OutboxRow::Draft(draft.key)),
        mark: OutboxMark::None,
        text,
        state: Safe::fixed(state),
        at: Some(draft.changed),
        is_heading: false,
    }
}

fn tries(attempts: u32) -> String {
    match attempts {
        1 => "1 try".to_owned(),
        n => format!("{n} tries"),
    }
}

fn named(all: &[OutboxRecipient]) -> String {
    let mut names: Vec<String> = all
        .iter()
        .take(NAMED_MAX)
        .map(|r| r.address.to_string())
        .collect();
    let more = all.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

/// What is known beyond the state: of each recipient where they differ, and what went wrong.
fn known(item: &OutboxItem) -> Option<Safe> {
    let of = |state| -> Vec<&OutboxRecipient> {
        item.recipients
            .iter()
            .filter(|r| r.state == state)
            .collect()
    };
    let names = |all: &[&OutboxRecipient]| {
        let all: Vec<OutboxRecipient> = all.iter().map(|r| (*r).clone()).collect();
        named(&all)
    };
    let mut parts = Vec::new();
    if item.state == OutboxState::Unconfirmed && item.error.is_empty() {
        parts.push("The connection was lost before the server said whether it took it".to_owned());
    }
    // What each server said stands below with the address.
    let refused = of(RecipientState::Refused);
    let is_told =
        |r: &&OutboxRecipient| !r.said.is_empty() && item.error.as_str().contains(r.said.as_str());
    if !item.error.is_empty() && !refused.iter().any(is_told) {
        parts.push(item.error.to_string());
    }
    let delivered = of(RecipientState::Delivered);
    if !delivered.is_empty() && item.state != OutboxState::Sent {
        parts.push(format!("has it: {}", names(&delivered)));
    }
    for refused in refused.iter().take(NAMED_MAX) {
        parts.push(format!("refused: {} ({})", refused.address, refused.said));
    }
    (!parts.is_empty()).then(|| Safe::line(&parts.join("; ")))
}

/// Takes what was asked for.
pub(super) fn receive(
    app: &mut App,
    request: RequestId,
    items: Vec<OutboxItem>,
    drafts: Vec<KeptDraft>,
) {
    if let Some(list) = stops::receiver::<Outbox>(app, request) {
        (list.items, list.drafts) = (items, drafts);
    }
}

const fn tell(command: WritingCommand) -> Effect {
    Effect::Engine(Command::Writing(command))
}

/// Opens it.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    // What it said is told here in full.
    app.notices.dismiss_error();
    app.overlay = Some(Overlay::Outbox(Outbox::default()));
    Vec::new()
}

/// Opens it again as it was, behind a question.
pub(super) fn reopen(app: &mut App, mut list: Outbox) {
    // What was asked for may have been told to nobody meanwhile.
    list.stops.renew();
    app.overlay = Some(Overlay::Outbox(list));
}

/// Asks something about the message or draft at hand; afterwards the list is open again.
fn ask(app: &mut App, question: Confirm) {
    let behind = match app.overlay.take() {
        Some(Overlay::Outbox(list)) => Some(Box::new(list)),
        _ => None,
    };
    app.overlay = Some(Overlay::Confirm(Confirm { behind, ..question }));
}

/// Takes a key.
pub(super) fn key(app: &mut App, list: Outbox, key: Key) -> Vec<Effect> {
    if stops::is_closing(key) {
        return Vec::new();
    }
    let on = list.on();
    let item = match on {
        Some(OutboxRow::Item(key)) => list.item(key).cloned(),
        Some(OutboxRow::Draft(_)) | None => None,
    };
    app.overlay = Some(Overlay::Outbox(list));
    match key.code() {
        Code::Enter | Code::Char('e' | 'l') => return edit(app, on),
        Code::Char('r') => return retry(app, item.as_ref()),
        Code::Char('y') => return was_sent(app, item.as_ref()),
        Code::Char('d') => return ask_cancel(app, on, item.as_ref()),
        Code::Char('s') => {
            stops::set_stale::<Outbox>(app);
            let mut effects = app.say(Safe::fixed("Sending and receiving"));
            effects.push(Effect::Engine(Command::SyncNow(None)));
            return effects;
        }
        _ => stops::move_with::<Outbox>(app, key),
    }
    Vec::new()
}

fn edit(app: &mut App, on: Option<OutboxRow>) -> Vec<Effect> {
    match on {
        Some(OutboxRow::Item(item)) => app.take_back(item),
        Some(OutboxRow::Draft(key)) => app.write(DraftStart::Kept(key)),
        None => Vec::new(),
    }
}

fn retry(app: &mut App, item: Option<&OutboxItem>) -> Vec<Effect> {
    let Some(item) = item else {
        return app.say(Safe::fixed("Only a message that waits can be tried again"));
    };
    match item.state {
        OutboxState::Sending | OutboxState::Sent => app.say(Safe::fixed("It is under way already")),
        OutboxState::Unconfirmed => {
            let known = known(item).unwrap_or_default();
            let lines = vec![
                Safe::line(&format!("{}  to {}", item.subject, named(&item.recipients))),
                known,
            ];
            let warning = Safe::fixed("Whoever has it already would get it twice.");
            let then = Confirmed::Retry(item.key);
            let question = Confirm {
                lines,
                warning: Some(warning),
                ..Confirm::grave("Send it once more?", "send again", then)
            };
            ask(app, question);
            Vec::new()
        }
        OutboxState::Held
        | OutboxState::Queued
        | OutboxState::Scheduled
        | OutboxState::Failed
        | OutboxState::Cancelled => send_again(app, item.key),
    }
}

/// Has a message tried now.
pub(super) fn send_again(app: &mut App, item: OutboxKey) -> Vec<Effect> {
    let request = app.request();
    stops::set_stale::<Outbox>(app);
    let mut effects = app.say(Safe::fixed("Trying it now"));
    effects.push(tell(WritingCommand::Retry { request, item }));
    effects
}

fn was_sent(app: &mut App, item: Option<&OutboxItem>) -> Vec<Effect> {
    let unconfirmed = item.filter(|i| i.state == OutboxState::Unconfirmed);
    let Some(key) = unconfirmed.map(|i| i.key) else {
        return app.say(Safe::fixed(
            "Only of a message that was perhaps sent can you say that it was",
        ));
    };
    let request = app.request();
    stops::set_stale::<Outbox>(app);
    let mut effects = app.say(Safe::fixed("Taken for sent; it is filed in Sent"));
    effects.push(tell(WritingCommand::WasSent { request, item: key }));
    effects
}

fn ask_cancel(app: &mut App, on: Option<OutboxRow>, item: Option<&OutboxItem>) -> Vec<Effect> {
    let (title, yes, then) = match on {
        Some(OutboxRow::Draft(key)) => {
            ("Throw this draft away?", "discard", Confirmed::Discard(key))
        }
        Some(OutboxRow::Item(key)) => (
            "Take this message out, and not send it?",
            "do not send",
            Confirmed::Cancel(key),
        ),
        None => return Vec::new(),
    };
    let lines = item.map(|i| Safe::line(&format!("{}  to {}", i.subject, named(&i.recipients))));
    let question = Confirm {
        lines: lines.into_iter().collect(),
        ..Confirm::grave(title, yes, then)
    };
    ask(app, question);
    Vec::new()
}

/// Takes a message out of the outbox.
pub(super) fn cancel(app: &mut App, item: OutboxKey) -> Vec<Effect> {
    app.writing.departing.remove(&item);
    let request = app.request();
    vec![tell(WritingCommand::Cancel { request, item })]
}
