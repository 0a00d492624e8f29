//! Writing a message: the draft under edit, its review, and what is asked of the engine meanwhile.
//!
//! Called by `dispatch`, `update` and `events`; drawn by `ui::compose`. What was typed must never
//! be only here for longer than two seconds, and a draft must never be sent that is not on disk.

mod attach;
mod clean;
mod complete;
mod ending;
mod events;
mod facts;
mod finding;
mod keeping;
mod keys;
mod place;
mod review;
mod sheet;
mod told;
mod undo;
mod wrapping;

#[cfg(test)]
pub(crate) mod compose_tests;

use attach::attach_prompt;
pub(super) use attach::{list_paths, paste, path_text, take_path};
pub(super) use complete::ask as ask_completions;
pub(super) use events::{event, failed, refused};
pub(super) use keeping::{again, on_timer as keep_on_timer};
pub(super) use keys::{click, edited, find, key, wheel, write_as};
pub(super) use review::{discard, send as send_at};

pub use complete::{Completing, shown as shown_completion};
pub use facts::{REVIEW_LABEL_COLS, ReviewLine, ReviewRow, Weight};
pub use place::ComposeAreas;
pub use review::ReviewState;
pub use sheet::{Sheet, SheetRow};
pub use told::{DRAFT_KEYS, REVIEW_KEYS, ToldKey};

use super::{App, Edit, Effect, NoticeKind};
use crate::bus::{Command, RequestId, WritingCommand};
use crate::model::{
    AccountKey, Attached, Caret, Draft, DraftField, DraftKey, DraftKind, DraftStart, Identity,
    OutboxKey, Recipients, Safe, SendWhen, Standing,
};
use keeping::Keeping;
use std::collections::{BTreeMap, VecDeque};

/// The mark above a signature (RFC 3676 section 4.3).
const SIGNATURE_MARK: &str = "-- ";

/// What is written, and what is known of what waits to be sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writing {
    /// The draft on the screen.
    pub(crate) composer: Option<Composer>,
    /// The draft that was asked for.
    opening: Option<RequestId>,
    /// The same, where it comes out of the outbox.
    taking_back: Option<RequestId>,
    /// The same, where it is begun anew.
    beginning: Option<RequestId>,
    /// The draft that is thrown away because nothing was written.
    dropping: Option<RequestId>,
    /// Drafts that were left and are not known to be on disk as they were left.
    closing: BTreeMap<DraftKey, Closing>,
    /// Commands that found the engine's channel full and must not be lost.
    again: VecDeque<WritingCommand>,
    /// What `u` takes back, as long as nothing else was done since.
    pub(super) undo: Option<WritingUndo>,
    /// How many messages wait to be sent.
    pub(crate) waiting: u32,
    /// How many need the user.
    pub(crate) stuck: u32,
    /// The request for the misspelt words of the draft.
    spelling: Option<RequestId>,
    /// Messages to be sent at once that nothing was heard of since, and whose they are.
    pub(super) departing: BTreeMap<OutboxKey, AccountKey>,
    /// Whether it was told that drafts were recovered.
    is_recovery_told: bool,
}

/// What can be taken back of writing and sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WritingUndo {
    /// A message comes out of the outbox.
    TakeBack(OutboxKey),
    /// A draft that was thrown away comes back.
    Reopen(DraftKey),
}

/// A draft that was left before it was known to be on disk.
#[derive(Debug, Clone)]
struct Closing {
    draft: Box<Draft>,
    caret: Caret,
    revision: u64,
}

/// A line of the head.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// What was typed.
    pub edit: Edit,
    /// What is wrong with it, since it was left.
    pub problem: Option<Safe>,
    /// How many addresses it holds, since it was left.
    pub count: usize,
}

/// What is done as soon as the draft is on disk as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// It is looked at for the review.
    Review,
    /// It goes into the outbox.
    Send(SendWhen),
    /// That it is kept is told.
    Tell,
}

/// A draft under edit.
#[derive(Debug, Clone)]
pub struct Composer {
    key: DraftKey,
    /// The draft but for what stands in `fields` and `body`.
    base: Draft,
    fields: BTreeMap<DraftField, Field>,
    body: Sheet,
    identities: Vec<Identity>,
    focus: DraftField,
    has_reply_to: bool,
    /// The attachment at hand.
    file: usize,
    keeping: Keeping,
    /// Whether it was begun here, and not taken up.
    is_new: bool,
    after: Option<After>,
    review: Option<ReviewState>,
    completing: Option<Completing>,
    complete_serial: u64,
    /// Files that were asked for, and the text to put in where there is no such file.
    attaching: BTreeMap<RequestId, Option<String>>,
    /// A text that was pasted and became an attachment.
    pasted: Option<String>,
    /// What was looked for last.
    wanted: String,
}

impl Composer {
    fn new(key: DraftKey, draft: Draft, caret: Caret, identities: Vec<Identity>) -> Self {
        let mut base = draft;
        let lists = [
            (DraftField::To, std::mem::take(&mut base.to)),
            (DraftField::Cc, std::mem::take(&mut base.cc)),
            (DraftField::Bcc, std::mem::take(&mut base.bcc)),
            (DraftField::ReplyTo, std::mem::take(&mut base.reply_to)),
        ];
        let has_reply_to = lists
            .iter()
            .any(|(f, l)| *f == DraftField::ReplyTo && !l.is_empty());
        let mut fields: BTreeMap<DraftField, Field> = lists
            .into_iter()
            .map(|(field, list)| (field, Field::new(list.typed())))
            .collect();
        let subject = std::mem::take(&mut base.subject);
        fields.insert(DraftField::Subject, Field::new(&subject));
        let body = Sheet::new(&std::mem::take(&mut base.body));
        let mut composer = Self {
            key,
            base,
            fields,
            body,
            identities,
            focus: caret.field,
            has_reply_to,
            file: 0,
            keeping: Keeping::default(),
            is_new: false,
            after: None,
            review: None,
            completing: None,
            complete_serial: 0,
            attaching: BTreeMap::new(),
            pasted: None,
            wanted: String::new(),
        };
        composer.body.set_caret(caret.line, caret.column);
        if !composer.shown_fields().contains(&composer.focus) {
            composer.focus = DraftField::To;
        }
        for field in [
            DraftField::To,
            DraftField::Cc,
            DraftField::Bcc,
            DraftField::ReplyTo,
        ] {
            composer.check(field);
        }
        composer
    }

    /// The draft as it is now. Takes time in proportion to it.
    pub(crate) fn draft(&self) -> Draft {
        let list = |field| Recipients::read(&self.text_of(field));
        Draft {
            to: list(DraftField::To),
            cc: list(DraftField::Cc),
            bcc: list(DraftField::Bcc),
            reply_to: list(DraftField::ReplyTo),
            subject: self.text_of(DraftField::Subject),
            body: self.body.text(),
            ..self.base.clone()
        }
    }

    fn caret(&self) -> Caret {
        let (line, column) = self.body.caret();
        let is_body = self.focus == DraftField::Body;
        Caret {
            field: self.focus,
            line: if is_body { line } else { 0 },
            column: if is_body { column } else { 0 },
        }
    }

    fn text_of(&self, field: DraftField) -> String {
        self.fields
            .get(&field)
            .map(|f| f.edit.text())
            .unwrap_or_default()
    }

    /// What it became of.
    #[must_use]
    pub const fn kind(&self) -> DraftKind {
        self.base.kind
    }

    /// Who writes it.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.base.identity
    }

    /// What goes with it.
    #[must_use]
    pub fn attachments(&self) -> &[Attached] {
        &self.base.attachments
    }

    /// The attachment at hand.
    #[must_use]
    pub const fn file(&self) -> usize {
        self.file
    }

    /// The part that has the keys.
    #[must_use]
    pub const fn focus(&self) -> DraftField {
        self.focus
    }

    /// A line of the head.
    #[must_use]
    pub fn field(&self, field: DraftField) -> Option<&Field> {
        self.fields.get(&field)
    }

    /// The text.
    #[must_use]
    pub const fn body(&self) -> &Sheet {
        &self.body
    }

    /// The review, while it is shown.
    #[must_use]
    pub const fn review(&self) -> Option<&ReviewState> {
        self.review.as_ref()
    }

    /// Proposals for the address that is typed.
    #[must_use]
    pub fn completing(&self) -> Option<&Completing> {
        self.completing.as_ref().filter(|c| !c.items().is_empty())
    }

    /// Whether all of it is on disk.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.keeping.is_kept()
    }

    /// What the screen is called.
    #[must_use]
    pub fn title(&self) -> Safe {
        let subject = self.text_of(DraftField::Subject);
        let what = match self.base.kind {
            DraftKind::New => "New message",
            DraftKind::Reply => "Reply",
            DraftKind::Forward => "Forward",
            DraftKind::Bounce => "Pass on as it is",
            DraftKind::EditAsNew => "Draft",
        };
        // What the subject says already is not said twice.
        let subject = match self.base.kind {
            DraftKind::Reply => without(&subject, "re:"),
            DraftKind::Forward => without(&subject, "fwd:"),
            _ => &subject,
        };
        let head: String = subject.chars().take(200).collect();
        if head.trim().is_empty() {
            return Safe::fixed(what);
        }
        Safe::join(&[Safe::fixed(what), Safe::line(&head)], ": ")
    }

    /// The lines of the head that are shown, the text last.
    pub(super) fn shown_fields(&self) -> Vec<DraftField> {
        let mut all = vec![
            DraftField::From,
            DraftField::To,
            DraftField::Cc,
            DraftField::Bcc,
        ];
        if self.base.kind == DraftKind::Bounce {
            return all;
        }
        if self.has_reply_to {
            all.push(DraftField::ReplyTo);
        }
        all.extend([
            DraftField::Subject,
            DraftField::Attachments,
            DraftField::Body,
        ]);
        all
    }

    /// Reads the addresses of a field that is left.
    fn check(&mut self, field: DraftField) {
        let is_list = !matches!(field, DraftField::Subject);
        if let Some(line) = self.fields.get_mut(&field).filter(|_| is_list) {
            let read = Recipients::read(&line.edit.text());
            line.count = read.entries().len();
            line.problem = read.first_problem().map(|entry| {
                let text: String = entry.text.chars().take(60).collect();
                let why = match entry.standing {
                    Standing::Valid => "",
                    Standing::Unfinished(why) | Standing::Wrong(why) => why,
                };
                Safe::line(&format!("{text} {why}"))
            });
        }
    }

    fn focus_on(&mut self, field: DraftField) {
        let left = self.focus;
        if left != field {
            self.check(left);
            self.completing = None;
            self.complete_serial = 0;
        }
        self.focus = field;
    }

    /// Goes to the part that many further on among those that can be gone to.
    fn step(&mut self, is_forward: bool) {
        let has_files = !self.base.attachments.is_empty();
        let has_choice = self.identities.len() > 1;
        let stops: Vec<DraftField> = self
            .shown_fields()
            .into_iter()
            .filter(|f| match f {
                DraftField::Attachments => has_files,
                DraftField::From => has_choice,
                _ => true,
            })
            .collect();
        let count = stops.len();
        let at = stops.iter().position(|f| *f == self.focus).unwrap_or(0);
        let next = if is_forward { at + 1 } else { at + count - 1 };
        if let Some(field) = stops.get(next % count.max(1)) {
            self.focus_on(*field);
        }
    }

    fn set_identity(&mut self, identity: Identity) {
        let old = std::mem::replace(&mut self.base.identity, identity);
        let new = self.base.identity.signature.clone();
        if old.signature != new && self.base.kind != DraftKind::Bounce {
            self.body.replace_tail(SIGNATURE_MARK, &old.signature, &new);
        }
    }
}

impl Field {
    /// The longest line of a head.
    const CHARS_MAX: usize = 1024 * 1024;

    fn new(text: &str) -> Self {
        Self {
            edit: Edit::long(&clean::line(text), Self::CHARS_MAX),
            ..Self::default()
        }
    }
}

impl App {
    /// The draft on the screen.
    #[must_use]
    pub const fn composer(&self) -> Option<&Composer> {
        self.writing.composer.as_ref()
    }

    /// Asks for a draft to write.
    pub fn write(&mut self, start: DraftStart) -> Vec<Effect> {
        let is_new = !matches!(start, DraftStart::Kept(_) | DraftStart::Resume(_));
        let effects = self.open_draft(|request| WritingCommand::Open { request, start });
        self.writing.beginning = self.writing.opening.filter(|_| is_new);
        effects
    }

    /// Takes a message out of the outbox, to be written on.
    pub(super) fn take_back(&mut self, item: OutboxKey) -> Vec<Effect> {
        let effects = self.open_draft(|request| WritingCommand::TakeBack { request, item });
        self.writing.taking_back = self.writing.opening;
        self.writing.departing.remove(&item);
        effects
    }

    fn open_draft(&mut self, command: impl FnOnce(RequestId) -> WritingCommand) -> Vec<Effect> {
        let request = self.request();
        self.writing.opening = Some(request);
        vec![Effect::Engine(Command::Writing(command(request)))]
    }

    /// Closes the composer; what is in it is kept, if anything was written.
    fn leave_draft(&mut self) -> Vec<Effect> {
        let Some(composer) = self.writing.composer.take() else {
            return Vec::new();
        };
        let key = composer.key;
        if composer.is_new && composer.keeping.revision() == 0 {
            let request = self.request();
            self.writing.dropping = Some(request);
            return vec![writing(WritingCommand::Discard { request, key })];
        }
        let list = self.with_keys("{outbox} or Drafts brings it back");
        let text = Safe::fixed("The draft is kept");
        let mut effects = vec![self.notices.show(NoticeKind::Done, text, list)];
        if composer.is_kept() {
            effects.push(writing(WritingCommand::Leave { key }));
            return effects;
        }
        let revision = composer.keeping.revision();
        let closing = Closing {
            draft: Box::new(composer.draft()),
            caret: composer.caret(),
            revision,
        };
        effects.push(writing(WritingCommand::Keep {
            key,
            draft: closing.draft.clone(),
            caret: closing.caret,
            revision,
        }));
        self.writing.closing.insert(key, closing);
        effects
    }
}

/// The subject without the word at its start that tells what it is.
fn without<'a>(subject: &'a str, word: &str) -> &'a str {
    let head = subject.get(..word.len());
    let rest = subject.get(word.len()..);
    match rest.filter(|_| head.is_some_and(|head| head.eq_ignore_ascii_case(word))) {
        Some(rest) if !rest.trim().is_empty() => rest.trim_start(),
        _ => subject,
    }
}

/// Brings the text under edit in step with the screen.
pub(super) fn settle(app: &mut App) {
    let body = app.compose_areas().body;
    let shown = app.writing.composer.as_mut().filter(|c| c.review.is_none());
    if let Some(composer) = shown {
        composer
            .body
            .settle(usize::from(body.w), usize::from(body.h));
    }
}

const fn writing(command: WritingCommand) -> Effect {
    Effect::Engine(Command::Writing(command))
}
