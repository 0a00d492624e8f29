//! Proposals for an address while it is typed.
//!
//! Called by the composer's keys and by `events`. Typing must never wait for them, and what was
//! typed must never be replaced by one that was not chosen.

use super::Composer;
use crate::app::{App, Code, Edit, Effect, Key, Token};
use crate::bus::{Command, Completion, RequestId, WritingCommand};
use crate::model::{DraftField, Recipients, Safe, Standing, check_address, is_same_mailbox};

/// How long typing must pause before proposals are asked for.
const PAUSE_MS: u64 = 60;
/// How many are shown.
const SHOWN_MAX: usize = 8;

/// The list under a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completing {
    request: RequestId,
    items: Vec<Completion>,
    /// Whether they are of this request, not of the one before.
    is_answered: bool,
    at: Option<usize>,
}

impl Completing {
    /// The proposals, the best first.
    #[must_use]
    pub fn items(&self) -> &[Completion] {
        &self.items
    }

    /// The one that Enter takes.
    #[must_use]
    pub const fn at(&self) -> Option<usize> {
        self.at
    }
}

/// Whether addresses stand in that field.
pub(super) const fn is_list(field: DraftField) -> bool {
    matches!(
        field,
        DraftField::To | DraftField::Cc | DraftField::Bcc | DraftField::ReplyTo
    )
}

/// Where the entry that is typed begins: behind the last separator outside of quotes.
fn entry_start(before: &str) -> usize {
    let (mut start, mut is_quoted) = (0, false);
    for (at, c) in before.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            ',' | ';' if !is_quoted => start = at + 1,
            _ => {}
        }
    }
    let rest = before.get(start..).unwrap_or_default();
    before.len() - rest.trim_start().len()
}

/// A field was typed into: proposals are asked for when typing pauses.
pub(super) fn typed(app: &mut App) -> Vec<Effect> {
    let serial = app.next_serial();
    let Some(composer) = &mut app.writing.composer else {
        return Vec::new();
    };
    if !is_list(composer.focus) {
        return Vec::new();
    }
    if typed_entry(composer).is_empty() {
        composer.completing = None;
        composer.complete_serial = 0;
        return Vec::new();
    }
    composer.complete_serial = serial;
    vec![Effect::After {
        ms: PAUSE_MS,
        token: Token::Complete(serial),
    }]
}

fn typed_entry(composer: &Composer) -> String {
    let field = composer.fields.get(&composer.focus);
    let before = field
        .map(|f| f.edit.before().to_string())
        .unwrap_or_default();
    let start = entry_start(&before);
    before.get(start..).unwrap_or_default().to_owned()
}

/// Typing has paused.
pub(in crate::app) fn ask(app: &mut App, serial: u64) -> Vec<Effect> {
    let request = app.request();
    let Some(composer) = app.writing.composer.as_mut() else {
        return Vec::new();
    };
    if composer.complete_serial != serial || serial == 0 || composer.review.is_some() {
        return Vec::new();
    }
    composer.complete_serial = 0;
    let typed = typed_entry(composer);
    // What is shown stays until there is something else to show.
    let old = composer.completing.take();
    composer.completing = Some(Completing {
        request,
        items: old.map(|c| c.items).unwrap_or_default(),
        is_answered: false,
        at: None,
    });
    settle(composer);
    let account = composer.base.identity.account;
    vec![Effect::Engine(Command::Writing(WritingCommand::Complete {
        request,
        account,
        typed,
    }))]
}

/// The first is at hand, unless what is typed can be sent to as it is.
fn settle(composer: &mut Composer) {
    let typed = typed_entry(composer);
    let is_whole = check_address(typed.trim()) == Standing::Valid;
    if let Some(list) = &mut composer.completing {
        let is_same = |c: &Completion| is_same_mailbox(&c.address.address, typed.trim());
        let first = list.items.first();
        let is_offered = first.is_some_and(|c| !is_whole || is_same(c));
        list.at = is_offered.then_some(0);
    }
}

/// Takes proposals. Those that came first keep their places: a list must not jump under a finger.
pub(super) fn receive(app: &mut App, request: RequestId, items: Vec<Completion>) {
    let Some(composer) = &mut app.writing.composer else {
        return;
    };
    let typed = typed_entry(composer);
    let Some(list) = composer
        .completing
        .as_mut()
        .filter(|c| c.request == request)
    else {
        return;
    };
    if !std::mem::replace(&mut list.is_answered, true) {
        list.items.clear();
    }
    let was_empty = list.items.is_empty();
    for item in items {
        let is_same = |c: &Completion| is_same_mailbox(&c.address.address, &item.address.address);
        if list.items.len() < SHOWN_MAX && !list.items.iter().any(is_same) {
            list.items.push(item);
        }
    }
    if typed.is_empty() {
        composer.completing = None;
    } else if was_empty {
        settle(composer);
    }
}

/// Takes a key while the list is open. `None`: the key means something else.
pub(super) fn key(composer: &mut Composer, key: Key) -> Option<bool> {
    let list = composer
        .completing
        .as_mut()
        .filter(|c| !c.items.is_empty())?;
    let last = list.items.len() - 1;
    if key.is(Code::Esc) {
        composer.completing = None;
        composer.complete_serial = 0;
        return Some(false);
    }
    if key.is(Code::Down) || key.is_ctrl('n') {
        list.at = Some(list.at.map_or(0, |at| if at >= last { 0 } else { at + 1 }));
        return Some(false);
    }
    if key.is(Code::Up) || key.is_ctrl('p') {
        list.at = Some(
            list.at
                .map_or(last, |at| if at == 0 { last } else { at - 1 }),
        );
        return Some(false);
    }
    if key.is(Code::Enter) || key.is(Code::Tab) {
        let at = list.at?;
        take(composer, at);
        return Some(true);
    }
    None
}

/// Puts that proposal in the place of what was typed.
pub(super) fn take(composer: &mut Composer, at: usize) {
    let Some(list) = composer.completing.take() else {
        return;
    };
    composer.complete_serial = 0;
    let (Some(item), Some(field)) = (list.items.get(at), composer.fields.get_mut(&composer.focus))
    else {
        return;
    };
    let before = field.edit.before().to_string();
    let kept = before.get(..entry_start(&before)).unwrap_or_default();
    let gap = if kept.is_empty() || kept.ends_with(' ') {
        ""
    } else {
        " "
    };
    let written = Recipients::of(std::slice::from_ref(&item.address));
    let text = format!("{kept}{gap}{}, ", super::clean::line(written.typed()));
    let after = field.edit.after().to_string();
    // The rest of a word in which the cursor stood goes with it.
    let rest = after.find([',', ';']).map_or("", |at| {
        after.get(at + 1..).unwrap_or_default().trim_start()
    });
    field.edit = Edit::long(&text, super::Field::CHARS_MAX).followed_by(rest);
}

/// How a proposal is shown: the name and the address.
#[must_use]
pub fn shown(item: &Completion) -> Safe {
    let written = Recipients::of(std::slice::from_ref(&item.address));
    Safe::line(written.typed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_that_is_typed_begins_behind_the_last_separator_outside_of_quotes() {
        let entry = |text: &str| text.split_at(entry_start(text)).1.to_owned();
        assert_eq!(entry("ann@x.org, bo"), "bo");
        assert_eq!(entry("\"Ex, Ample"), "\"Ex, Ample");
        assert_eq!(entry("\"Ex, A\" <a@x>;  c"), "c");
        assert_eq!(entry("ann@x.org, "), "");
    }
}
