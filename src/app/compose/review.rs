//! The last look before a message goes out: who gets it, what it is, and what is wrong with it.
//!
//! Called by the composer's keys and `events`. A message with a fault that forbids sending must
//! never be handed to the outbox, nor one that is not on disk as it is shown.

use super::keeping::{changed, keep_now, when_kept};
use super::{After, Composer, writing};
use crate::app::overlay::Confirmed;
use crate::app::{App, Area, Code, Confirm, Effect, Key, Overlay, Prompt, PromptKind};
use crate::bus::{RequestId, Review, WritingCommand};
use crate::model::{DraftField, DraftKey, DraftKind, Safe, SendWhen};

/// The review as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReviewState {
    asked: Option<RequestId>,
    pub(super) sending: Option<RequestId>,
    /// Whether it is to be sent at once.
    pub(super) is_for_now: bool,
    pub(super) found: Option<Box<Review>>,
    /// Sending was asked for before all was known.
    wanted: Option<SendWhen>,
    /// Whether misspelt words were asked for: once.
    is_spelt: bool,
    pub(super) misspelt: Vec<(Safe, Vec<Safe>)>,
    top: usize,
}

impl ReviewState {
    /// The first line that is shown.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.top
    }

    /// Whether that word is perhaps misspelt.
    #[must_use]
    pub fn is_misspelt(&self, word: &str) -> bool {
        self.misspelt.iter().any(|(bad, _)| bad.as_str() == word)
    }

    /// Whether it is being handed to the outbox.
    #[must_use]
    pub const fn is_sending(&self) -> bool {
        self.sending.is_some()
    }

    fn fault(&self) -> Option<&Safe> {
        let notes = self.found.iter().flat_map(|r| &r.notes);
        notes.into_iter().find(|n| n.is_fatal).map(|n| &n.text)
    }
}

impl Composer {
    /// Scrolls the review, which is shown in that area.
    pub(super) fn scroll_review(&mut self, rows: i64, area: Area) {
        let height = usize::from(area.h);
        let last = self.review_rows(area.w).len().saturating_sub(height);
        if let Some(review) = &mut self.review {
            let by = usize::try_from(rows.unsigned_abs()).unwrap_or(usize::MAX);
            let to = if rows < 0 {
                review.top.saturating_sub(by)
            } else {
                review.top.saturating_add(by)
            };
            review.top = to.min(last);
        }
    }
}

/// Shows the review.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    if let Some(composer) = &mut app.writing.composer {
        let focus = composer.focus;
        composer.check(focus);
        composer.completing = None;
        composer.complete_serial = 0;
        composer.review = Some(ReviewState::default());
    }
    when_kept(app, After::Review)
}

/// The draft is on disk as it is: does what waited for that.
pub(super) fn go_on(app: &mut App) -> Vec<Effect> {
    let request = app.request();
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    let key = composer.key;
    match (composer.after.take(), &mut composer.review) {
        (Some(After::Review), Some(review)) => {
            review.asked = Some(request);
            let is_first = !std::mem::replace(&mut review.is_spelt, true);
            let mut effects = vec![writing(WritingCommand::Review { request, key })];
            if is_first {
                effects.extend(ask_spelling(app));
            }
            effects
        }
        (Some(After::Send(when)), Some(review)) => {
            review.sending = Some(request);
            review.is_for_now = when == SendWhen::Now;
            vec![writing(WritingCommand::Send { request, key, when })]
        }
        (Some(After::Tell), _) => {
            composer.is_new = false;
            app.say(Safe::fixed("The draft is kept"))
        }
        (Some(After::Review | After::Send(_)), None) | (None, _) => Vec::new(),
    }
}

/// Asks for misspelt words, once for each time that the review is opened.
fn ask_spelling(app: &mut App) -> Option<Effect> {
    let request = app.request();
    let composer = app.composer()?;
    let text = composer.body.text();
    let is_ours = composer.kind() != DraftKind::Bounce && !text.trim().is_empty();
    app.writing.spelling = is_ours.then_some(request);
    is_ours.then(|| writing(WritingCommand::Spell { request, text }))
}

/// Takes the misspelt words.
pub(super) fn misspelt(app: &mut App, request: RequestId, words: Vec<(Safe, Vec<Safe>)>) {
    let is_ours = app.writing.spelling == Some(request);
    let composer = app.writing.composer.as_mut().filter(|_| is_ours);
    let Some(composer) = composer else {
        return;
    };
    // The names of those that it is from and to are right as they are.
    let identity = &composer.base.identity.address.name;
    let lists = [DraftField::To, DraftField::Cc, DraftField::Bcc].map(|f| composer.text_of(f));
    let is_name = |word: &Safe| {
        let names = lists.iter().chain([identity]);
        names.into_iter().any(|names| names.contains(word.as_str()))
    };
    let words = words
        .into_iter()
        .filter(|(word, _)| !is_name(word))
        .collect();
    if let Some(review) = &mut composer.review {
        review.misspelt = words;
    }
}

/// Takes what was found out.
pub(super) fn receive(app: &mut App, request: RequestId, found: Box<Review>) -> Vec<Effect> {
    let review = app
        .writing
        .composer
        .as_mut()
        .and_then(|c| c.review.as_mut());
    let Some(review) = review.filter(|r| r.asked == Some(request)) else {
        return Vec::new();
    };
    review.asked = None;
    let has_notes = !found.notes.is_empty();
    review.found = Some(found);
    let Some(when) = review.wanted.take() else {
        return Vec::new();
    };
    if has_notes {
        return app.say(Safe::fixed(
            "Not sent yet: look at what is said above first",
        ));
    }
    send(app, when)
}

/// A request of the review came to nothing. Whether it was one.
pub(super) fn failed(app: &mut App, request: RequestId) -> bool {
    let review = app
        .writing
        .composer
        .as_mut()
        .and_then(|c| c.review.as_mut());
    let Some(review) = review else {
        return false;
    };
    let is_ours = [review.asked, review.sending].contains(&Some(request));
    if is_ours {
        (review.asked, review.sending, review.wanted) = (None, None, None);
    }
    is_ours
}

/// Sends the draft, at once or at a time that was typed.
pub(in crate::app) fn send(app: &mut App, when: SendWhen) -> Vec<Effect> {
    let review = app
        .writing
        .composer
        .as_mut()
        .and_then(|c| c.review.as_mut());
    let Some(review) = review else {
        return Vec::new();
    };
    if review.sending.is_some() {
        return Vec::new();
    }
    if let Some(fault) = review.fault().cloned() {
        return app.complain(fault, Safe::fixed("e goes back to the text"));
    }
    if review.found.is_none() {
        review.wanted = Some(when);
        if review.asked.is_some() {
            return app.say(Safe::fixed("It is sent as soon as it is checked"));
        }
        return when_kept(app, After::Review);
    }
    when_kept(app, After::Send(when))
}

/// Throws the draft away.
pub(in crate::app) fn discard(app: &mut App, key: DraftKey) -> Vec<Effect> {
    app.writing.composer = app.writing.composer.take().filter(|c| c.key != key);
    app.writing.closing.remove(&key);
    let request = app.request();
    vec![writing(WritingCommand::Discard { request, key })]
}

/// Asks whether the draft is to be thrown away.
pub(super) fn ask_discard(app: &mut App) -> Vec<Effect> {
    let Some(key) = app.writing.composer.as_ref().map(|c| c.key) else {
        return Vec::new();
    };
    let lines = vec![app.with_keys("{undo} brings it back until Pillarbox ends.")];
    app.overlay = Some(Overlay::Confirm(Confirm {
        lines,
        ..Confirm::grave("Throw this draft away?", "discard", Confirmed::Discard(key))
    }));
    Vec::new()
}

/// Takes a key.
pub(super) fn key(app: &mut App, key: Key) -> Vec<Effect> {
    let area = app.compose_areas().body;
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    if composer
        .review
        .as_ref()
        .is_some_and(ReviewState::is_sending)
    {
        return app.say(Safe::fixed("It is being put into the outbox"));
    }
    let page = i64::from(area.h);
    match key.code() {
        _ if key.is_ctrl('x') => return send(app, SendWhen::Now),
        _ if key.is_ctrl('c') || key.is_ctrl('g') => composer.review = None,
        Code::F(1) => return super::told::all_keys(app),
        Code::Char('y') => return send(app, SendWhen::Now),
        Code::Char('l') => {
            app.overlay = Some(Overlay::Prompt(Prompt::new(app, PromptKind::Later)));
        }
        Code::Char('a') => return super::attach_prompt(app),
        Code::Char('p') => {
            composer.is_new = false;
            return app.leave_draft();
        }
        Code::Char('q') => return ask_discard(app),
        Code::Char('s' | 'x' | 'm' | 'r') => return toggle(app, key),
        Code::Char('e') | Code::Esc => composer.review = None,
        Code::Char('j') | Code::Down => composer.scroll_review(1, area),
        Code::Char('k') | Code::Up => composer.scroll_review(-1, area),
        Code::PageDown | Code::Char(' ') => composer.scroll_review(page, area),
        Code::PageUp => composer.scroll_review(-page, area),
        _ => {
            let text = format!("{key} does nothing here; the last line shows the keys that do");
            return app.say_no(Safe::line(&text));
        }
    }
    Vec::new()
}

fn toggle(app: &mut App, key: Key) -> Vec<Effect> {
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    let found = composer.review.as_ref().and_then(|r| r.found.as_ref());
    let no_crypto = found.and_then(|f| f.crypto.as_ref().err()).cloned();
    let is_crypto = matches!(key.code(), Code::Char('s' | 'x'));
    if let Some(why) = no_crypto.filter(|_| is_crypto) {
        return app.say(Safe::join(&[Safe::fixed("Not here:"), why], " "));
    }
    let sending = &mut composer.base.sending;
    let (flag, what) = match key.code() {
        Code::Char('s') => (&mut sending.is_signed, "signed"),
        Code::Char('x') => (&mut sending.is_encrypted, "encrypted"),
        Code::Char('m') => (
            &mut sending.is_markdown,
            "sent as HTML too, made of Markdown",
        ),
        _ => (
            &mut sending.wants_report,
            "sent with a wish for a report of delivery",
        ),
    };
    *flag = !*flag;
    let not = if *flag { "" } else { "not " };
    let mut effects = app.say(Safe::line(&format!("It will {not}be {what}")));
    effects.extend(recheck(app));
    effects
}

/// The draft was changed while it was looked at.
pub(super) fn recheck(app: &mut App) -> Vec<Effect> {
    let mut effects = changed(app);
    let is_shown = app.composer().is_some_and(|c| c.review.is_some());
    if is_shown {
        effects.extend(when_kept(app, After::Review));
    } else {
        effects.extend(keep_now(app));
    }
    effects
}
