//! When a draft is put on disk: a second after its first change that is not there yet.
//!
//! Called by the composer's keys, timers and events. What was typed must never wait for a pause in
//! the typing, and a draft that the engine did not take must be handed over again.

use super::{After, Composer, writing};
use crate::app::{App, Effect, Token};
use crate::bus::{Command, WritingCommand};
use crate::model::DraftKey;

/// How long a change may be here only.
const KEEP_MS: u64 = 1_000;
/// How long the engine may take to say that it is on disk.
const ANSWER_MS: u64 = 4_000;
/// After how long a command is tried again that found no room.
const AGAIN_MS: u64 = 200;

/// What is on disk of a draft.
#[derive(Debug, Clone, Default)]
pub(super) struct Keeping {
    /// Counts the changes.
    revision: u64,
    /// The latest that is known to be on disk.
    kept: u64,
    /// The latest that was handed over.
    sent: u64,
    /// The timer that runs, and whether a change waits for it.
    timer: Option<(u64, bool)>,
}

impl Keeping {
    pub(super) const fn is_kept(&self) -> bool {
        self.kept >= self.revision
    }

    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }
}

impl Composer {
    /// The command that puts it on disk.
    pub(super) fn keep(&self) -> WritingCommand {
        WritingCommand::Keep {
            key: self.key,
            draft: Box::new(self.draft()),
            caret: self.caret(),
            revision: self.keeping.revision,
        }
    }

    /// Takes a draft for changed that was opened as it was left in this session.
    pub(super) const fn set_changed(&mut self, revision: u64) {
        self.keeping.revision = revision;
    }
}

/// The draft was changed.
pub(super) fn changed(app: &mut App) -> Vec<Effect> {
    let serial = app.next_serial();
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    let keeping = &mut composer.keeping;
    keeping.revision += 1;
    if matches!(keeping.timer, Some((_, true))) {
        return Vec::new();
    }
    keeping.timer = Some((serial, true));
    vec![Effect::After {
        ms: KEEP_MS,
        token: Token::Keep(serial),
    }]
}

/// Hands the draft over, where it is not on disk; and again where no answer comes.
pub(super) fn keep_now(app: &mut App) -> Vec<Effect> {
    let serial = app.next_serial();
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    if composer.keeping.is_kept() {
        return Vec::new();
    }
    composer.keeping.sent = composer.keeping.revision;
    composer.keeping.timer = Some((serial, false));
    let token = Token::Keep(serial);
    vec![
        writing(composer.keep()),
        Effect::After {
            ms: ANSWER_MS,
            token,
        },
    ]
}

/// Does that as soon as the draft is on disk as it is now.
pub(super) fn when_kept(app: &mut App, after: After) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    composer.after = Some(after);
    if composer.keeping.is_kept() {
        return super::review::go_on(app);
    }
    if composer.keeping.sent == composer.keeping.revision {
        return Vec::new();
    }
    keep_now(app)
}

/// A timer of ours ran out.
pub(in crate::app) fn on_timer(app: &mut App, serial: u64) -> Vec<Effect> {
    let composer = app.writing.composer.as_mut();
    let timer = composer.map(|c| &mut c.keeping.timer);
    match timer.and_then(|t| t.take_if(|t| t.0 == serial)) {
        Some(_) => keep_now(app),
        None => Vec::new(),
    }
}

/// A draft is on disk as it was at that revision.
pub(super) fn kept(app: &mut App, key: DraftKey, revision: u64) -> Vec<Effect> {
    let closing = &mut app.writing.closing;
    if closing.get(&key).is_some_and(|c| c.revision <= revision) {
        closing.remove(&key);
        return vec![writing(WritingCommand::Leave { key })];
    }
    let Some(composer) = app.writing.composer.as_mut().filter(|c| c.key == key) else {
        return Vec::new();
    };
    let keeping = &mut composer.keeping;
    keeping.kept = keeping.kept.max(revision);
    if !keeping.is_kept() {
        return Vec::new();
    }
    keeping.timer = None;
    super::review::go_on(app)
}

/// The engine had no room for a command that must not be lost.
pub(super) fn later(app: &mut App, command: WritingCommand) -> Vec<Effect> {
    // A later state of a draft takes the place of an earlier one.
    if let WritingCommand::Keep { key, .. } = &command {
        let is_open = app.writing.composer.as_ref().is_some_and(|c| c.key == *key);
        if is_open {
            return keep_again(app);
        }
    }
    app.writing.again.push_back(command);
    vec![Effect::After {
        ms: AGAIN_MS,
        token: Token::Again,
    }]
}

fn keep_again(app: &mut App) -> Vec<Effect> {
    let serial = app.next_serial();
    if let Some(composer) = &mut app.writing.composer {
        composer.keeping.sent = 0;
        composer.keeping.timer = Some((serial, true));
    }
    vec![Effect::After {
        ms: AGAIN_MS,
        token: Token::Keep(serial),
    }]
}

/// Hands over again what found no room.
pub(in crate::app) fn again(app: &mut App) -> Vec<Effect> {
    let waiting = std::mem::take(&mut app.writing.again);
    waiting
        .into_iter()
        .map(|command| Effect::Engine(Command::Writing(command)))
        .collect()
}
