//! A thread as one conversation: all its messages below one another, the read ones folded to a line.
//!
//! Opened by `gc`, drawn by `ui` in the place of the one message. The message at hand is always the
//! one in `App::reader`, so that every action means it; no more than [`OPEN_MAX`] texts may be held.

use super::list::placed;
use super::reader::{Asked, Reader, Row};
use super::{App, Body, Context, Effect, Spot};
use crate::bus::{Command, Form, RequestId};
use crate::model::{
    Flag, ListRow, PartId, Placed, Reading, Role, Safe, Scope, Sort, ThreadKey, ViewSpec,
};
use std::collections::BTreeSet;

/// More messages of a thread are not shown.
const MESSAGES_MAX: u32 = 200;
/// More texts are not held at a time.
const OPEN_MAX: usize = 20;
/// More texts are not asked for at a time.
const ASKED_MAX: usize = 3;

/// One row of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadRow {
    /// The line that a message begins with.
    Head(usize),
    /// A row of a message's text.
    Text(usize, Row),
    /// What is said where a text is not here.
    Wait(usize),
    /// An empty line.
    Gap,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What the list says of it.
    pub row: ListRow,
    /// Whether it stays unfolded when it is not at hand.
    is_open: bool,
    /// Its text; that of the one at hand is in [`App::reader`].
    reader: Option<Box<Reader>>,
}

/// The conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    thread: ThreadKey,
    asked: Option<RequestId>,
    is_stale: bool,
    /// Whether a key asked for it; then it is said where there is but one message.
    is_by_key: bool,
    /// The messages, the oldest first; empty until they are told.
    messages: Vec<Message>,
    at: usize,
    /// Whether the one at hand is folded, too.
    is_at_folded: bool,
    scroll: usize,
    rows: Vec<ThreadRow>,
    /// What was followed last: a link or a place that was found.
    followed: (Option<usize>, Option<Spot>),
}

impl Conversation {
    const fn new(thread: ThreadKey, is_by_key: bool) -> Self {
        Self {
            thread,
            asked: None,
            is_stale: true,
            is_by_key,
            messages: Vec::new(),
            at: 0,
            is_at_folded: false,
            scroll: 0,
            rows: Vec::new(),
            followed: (None, None),
        }
    }

    /// Whether there is anything to show yet.
    #[must_use]
    pub const fn is_here(&self) -> bool {
        !self.messages.is_empty()
    }

    /// The messages.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The place of the one at hand.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> &[ThreadRow] {
        &self.rows
    }

    /// The first visible row.
    #[must_use]
    pub const fn scroll(&self) -> usize {
        self.scroll
    }

    /// Whether the text of a message is shown.
    #[must_use]
    pub fn is_unfolded(&self, n: usize) -> bool {
        if n == self.at {
            return !self.is_at_folded;
        }
        self.messages.get(n).is_some_and(|m| m.is_open)
    }

    /// The row of the message at hand in lists.
    pub(super) fn row(&self) -> Option<&ListRow> {
        self.messages.get(self.at).map(|m| &m.row)
    }

    /// The text of a message.
    #[must_use]
    pub fn reader<'a>(&'a self, n: usize, at_hand: &'a Reader) -> Option<&'a Reader> {
        if n == self.at {
            return Some(at_hand);
        }
        self.messages.get(n).and_then(|m| m.reader.as_deref())
    }

    fn find(&self, wanted: Placed) -> Option<usize> {
        self.messages.iter().position(|m| placed(&m.row) == wanted)
    }

    /// The rows that a message takes, head and gap included.
    fn range(&self, n: usize) -> std::ops::Range<usize> {
        let of = |row: &ThreadRow| matches!(row, ThreadRow::Head(m) if *m == n);
        let start = self.rows.iter().position(of).unwrap_or(0);
        let rest = self.rows.iter().skip(start + 1);
        let len = rest
            .take_while(|r| !matches!(r, ThreadRow::Head(_)))
            .count();
        start..start + 1 + len
    }

    /// Lays the rows out anew; the message at hand stays where it is on the screen.
    fn lay_out(&mut self, at_hand: &Reader, height: usize) {
        let before = self.range(self.at).start;
        let above = i64::try_from(before).unwrap_or(0) - i64::try_from(self.scroll).unwrap_or(0);
        // There may be some hundred thousand: their place is taken again.
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        for n in 0..self.messages.len() {
            rows.push(ThreadRow::Head(n));
            if !self.is_unfolded(n) {
                continue;
            }
            match self.reader(n, at_hand) {
                Some(reader) if reader.reading().is_some() => {
                    let shown = reader.rows().iter().filter_map(|r| reader.under_head(*r));
                    rows.extend(shown.map(|row| ThreadRow::Text(n, row)));
                }
                _ => rows.push(ThreadRow::Wait(n)),
            }
            rows.push(ThreadRow::Gap);
        }
        self.rows = rows;
        let start = i64::try_from(self.range(self.at).start).unwrap_or(0);
        self.scroll_to(usize::try_from(start - above).unwrap_or(0), height);
    }

    fn scroll_to(&mut self, row: usize, height: usize) {
        self.scroll = row.min(self.rows.len().saturating_sub(height.max(1)));
    }

    /// Makes the message at hand visible: all of it where it fits, else from its head on.
    fn show(&mut self, height: usize) {
        let range = self.range(self.at);
        let is_seen = range.start >= self.scroll && range.end <= self.scroll + height;
        if !is_seen {
            self.scroll_to(range.start, height);
        }
    }

    /// Makes the row of the link at hand or of the place that was found visible.
    fn follow(&mut self, at_hand: &Reader, height: usize) {
        let spot = at_hand.finding.as_ref().and_then(super::Finding::spot);
        let followed = (at_hand.link, spot);
        if followed == self.followed {
            return;
        }
        self.followed = followed;
        let wanted = at_hand.wanted_row();
        let at = self.at;
        let is_it = |row: &ThreadRow| match (row, wanted) {
            (ThreadRow::Text(n, row), Some(wanted)) => *n == at && *row == wanted,
            _ => false,
        };
        if let Some(row) = self.rows.iter().position(is_it)
            && !(self.scroll..self.scroll + height).contains(&row)
        {
            self.scroll_to(row.saturating_sub(height / 3), height);
        }
    }
}

impl App {
    /// The conversation, where one is shown.
    #[must_use]
    pub fn thread_view(&self) -> Option<&Conversation> {
        let is_reading = self.focus == Context::Reader;
        self.conversation
            .as_deref()
            .filter(|c| is_reading && c.is_here())
    }
}

/// Shows the thread of the message at hand as a conversation, or the one message again.
pub(super) fn toggle(app: &mut App) -> Vec<Effect> {
    if app.conversation.take().is_some() {
        return app.say(Safe::fixed("Only this message is shown"));
    }
    let Some((to, thread)) = app.subject_row().map(|row| (placed(row), row.thread)) else {
        return Vec::new();
    };
    begin(app, to, thread, true);
    Vec::new()
}

/// Begins with that message; the others come when they are told.
pub(super) fn begin(app: &mut App, to: Placed, thread: ThreadKey, is_by_key: bool) {
    app.focus = Context::Reader;
    super::settle::turn_to(app, Some(to));
    app.conversation = Some(Box::new(Conversation::new(thread, is_by_key)));
}

/// Whether that window was asked for here; then it is taken.
pub(super) fn window(app: &mut App, request: RequestId, rows: &[ListRow]) -> Option<Vec<Effect>> {
    let mut talk = app.conversation.take_if(|c| c.asked == Some(request))?;
    talk.asked = None;
    let outside = |row: &ListRow| {
        let role = app.mailbox(row.mailbox).and_then(|m| m.role);
        let is_read = app.reader.placed == Some(placed(row));
        !is_read && (row.flags.has(Flag::Draft) || matches!(role, Some(Role::Trash | Role::Junk)))
    };
    let is_first = talk.messages.is_empty();
    let mut old = std::mem::take(&mut talk.messages);
    for row in rows.iter().filter(|row| !outside(row)) {
        let row = as_in_list(app, row);
        let known = old.iter().position(|m| m.row.message == row.message);
        let message = match known {
            Some(n) => Message {
                row,
                ..old.swap_remove(n)
            },
            None => Message {
                is_open: is_first && !row.flags.has(Flag::Seen),
                row,
                reader: None,
            },
        };
        talk.messages.push(message);
    }
    talk.messages.sort_by_key(|m| m.row.arrived_secs);
    let at = app.reader.placed.and_then(|p| talk.find(p));
    let Some(at) = at.filter(|_| talk.messages.len() > 1) else {
        let is_said = is_first && talk.is_by_key;
        return Some(if is_said {
            app.say(Safe::fixed("This message is alone in its thread"))
        } else {
            Vec::new()
        });
    };
    talk.at = at;
    let height = app.reader_height();
    talk.lay_out(&app.reader, height);
    if is_first {
        talk.scroll_to(talk.range(at).start, height);
    }
    app.conversation = Some(talk);
    Some(Vec::new())
}

/// The row with the mailbox that the list has it in: what is done to it is done there.
fn as_in_list(app: &App, row: &ListRow) -> ListRow {
    let read = app.reader.placed.filter(|p| p.message == row.message);
    let mut listed = app.list.loaded().map(|(_, row)| placed(row));
    let found = read.or_else(|| listed.find(|p| p.message == row.message));
    ListRow {
        mailbox: found.map_or(row.mailbox, |p| p.mailbox),
        count: 1,
        ..row.clone()
    }
}

/// Has another message of the conversation at hand.
fn go_to(app: &mut App, talk: &mut Conversation, to: usize) {
    if to == talk.at || to >= talk.messages.len() {
        return;
    }
    let width = app.panes().text_cols();
    let next = talk.messages.get_mut(to);
    let Some(next) = next else { return };
    let mut reader = next.reader.take().unwrap_or_default();
    reader.turn_to(Some(placed(&next.row)));
    // A text of another width is asked for anew.
    if reader.reading().is_some_and(|r| r.width != width) {
        reader.tried = None;
    }
    let left = std::mem::replace(&mut app.reader, *reader);
    if let Some(before) = talk.messages.get_mut(talk.at) {
        before.reader = Some(Box::new(left));
    }
    talk.at = to;
    talk.followed = (None, None);
    app.read_serial = None;
    app.slow_serial = app.next_serial();
}

/// Goes by so many messages. `None`: no conversation is shown.
pub(super) fn step(app: &mut App, by: i64) -> Option<Vec<Effect>> {
    app.thread_view()?;
    let mut talk = app.conversation.take()?;
    let last = talk.messages.len().saturating_sub(1);
    let at = i64::try_from(talk.at).unwrap_or(0);
    let to = at
        .saturating_add(by)
        .clamp(0, i64::try_from(last).unwrap_or(0));
    let effects = if to == at {
        let text = if by > 0 {
            "This is the last message of the conversation"
        } else {
            "This is the first message of the conversation"
        };
        app.say(Safe::fixed(text))
    } else {
        go_to(app, &mut talk, usize::try_from(to).unwrap_or(0));
        talk.is_at_folded = false;
        let height = app.reader_height();
        talk.lay_out(&app.reader, height);
        talk.show(height);
        Vec::new()
    };
    app.conversation = Some(talk);
    Some(effects)
}

/// Folds or unfolds the message at hand. `None`: no conversation is shown.
pub(super) fn fold(app: &mut App) -> Option<Vec<Effect>> {
    app.thread_view()?;
    let mut talk = app.conversation.take()?;
    talk.is_at_folded = !talk.is_at_folded;
    let is_open = !talk.is_at_folded;
    let at = talk.at;
    if let Some(message) = talk.messages.get_mut(at) {
        message.is_open = is_open;
    }
    let height = app.reader_height();
    talk.lay_out(&app.reader, height);
    app.conversation = Some(talk);
    Some(Vec::new())
}

/// Scrolls by so many rows; whether a conversation was there to be scrolled. The message at hand
/// goes along: it is never one that cannot be seen.
pub(super) fn scroll_by(app: &mut App, rows: i64) -> bool {
    if app.thread_view().is_none() {
        return false;
    }
    let Some(mut talk) = app.conversation.take() else {
        return false;
    };
    let height = app.reader_height();
    let by = usize::try_from(rows.unsigned_abs()).unwrap_or(usize::MAX);
    let to = if rows < 0 {
        talk.scroll.saturating_sub(by)
    } else {
        talk.scroll.saturating_add(by)
    };
    talk.scroll_to(to, height);
    let seen = talk.scroll..talk.scroll + height;
    let range = talk.range(talk.at);
    if range.end <= seen.start || range.start >= seen.end {
        let top = talk
            .rows
            .iter()
            .skip(talk.scroll)
            .find_map(|row| match row {
                ThreadRow::Head(n) | ThreadRow::Text(n, _) | ThreadRow::Wait(n) => Some(*n),
                ThreadRow::Gap => None,
            });
        if let Some(top) = top {
            let is_open = talk.messages.get(top).is_some_and(|m| m.is_open);
            go_to(app, &mut talk, top);
            talk.is_at_folded = !is_open;
        }
    }
    app.conversation = Some(talk);
    true
}

/// Whether the last row is visible, where a conversation is shown.
pub(super) fn is_at_end(app: &App) -> Option<bool> {
    let height = app.reader_height();
    let talk = app.thread_view()?;
    Some(talk.scroll + height >= talk.rows.len())
}

/// Takes a click on a row of the pane; whether there is a conversation.
pub(super) fn click(app: &mut App, y: usize) -> bool {
    let row = app
        .thread_view()
        .map(|talk| talk.rows.get(talk.scroll + y).copied());
    let Some(row) = row else { return false };
    let hit = match row {
        Some(ThreadRow::Head(n)) => Some((n, true)),
        Some(ThreadRow::Text(n, _) | ThreadRow::Wait(n)) => Some((n, false)),
        Some(ThreadRow::Gap) | None => None,
    };
    let Some((n, is_head)) = hit else { return true };
    let at = app.conversation.as_ref().map(|talk| talk.at);
    if at == Some(n) {
        if is_head {
            let _shown = fold(app);
        }
        return true;
    }
    if let Some(mut talk) = app.conversation.take() {
        go_to(app, &mut talk, n);
        talk.is_at_folded = false;
        app.conversation = Some(talk);
    }
    true
}

/// These messages leave: the next one is at hand. Whether the conversation goes on.
pub(super) fn take_out(app: &mut App, gone: &BTreeSet<Placed>) -> bool {
    if app.thread_view().is_none() {
        return false;
    }
    let Some(mut talk) = app.conversation.take() else {
        return false;
    };
    let is_left = |m: &Message| !gone.contains(&placed(&m.row));
    let after = (talk.at..talk.messages.len()).find(|n| talk.messages.get(*n).is_some_and(is_left));
    let before = (0..talk.at).rfind(|n| talk.messages.get(*n).is_some_and(is_left));
    let Some(to) = after.or(before) else {
        return false;
    };
    go_to(app, &mut talk, to);
    talk.messages.retain(is_left);
    talk.at = app.reader.placed.and_then(|p| talk.find(p)).unwrap_or(0);
    talk.is_at_folded = false;
    app.conversation = Some(talk);
    true
}

/// Whether that text was asked for here; then it is taken.
pub(super) fn message(
    app: &mut App,
    request: RequestId,
    reading: &mut Option<Box<Reading>>,
    progress: Option<(u64, u64)>,
) -> bool {
    let height = app.reader_height();
    let Some(reader) = awaiting(app, request) else {
        return false;
    };
    if progress.is_none() {
        reader.asked = None;
    }
    if let Some(reading) = reading.take() {
        reader.receive(reading, progress, height);
    }
    true
}

/// Whether that text was asked for here; then it is said that there is none.
pub(super) fn unavailable(app: &mut App, request: RequestId, why: &Safe) -> bool {
    let Some(reader) = awaiting(app, request) else {
        return false;
    };
    reader.asked = None;
    reader.body = Body::Unavailable(why.clone());
    reader.lay_out();
    true
}

fn awaiting(app: &mut App, request: RequestId) -> Option<&mut Reader> {
    let messages = &mut app.conversation.as_mut()?.messages;
    let mut readers = messages.iter_mut().filter_map(|m| m.reader.as_deref_mut());
    readers.find(|r| r.asked.is_some_and(|a| a.request == request))
}

/// Something changed: what is shown is asked for again.
pub(super) fn set_stale(app: &mut App) {
    if let Some(talk) = &mut app.conversation {
        talk.is_stale = true;
    }
}

/// Brings everything in order after an input.
pub(super) fn settle(app: &mut App) -> Vec<Effect> {
    if app.focus != Context::Reader {
        app.conversation = None;
    }
    let Some(mut talk) = app.conversation.take() else {
        return Vec::new();
    };
    if talk.is_here() && talk.row().map(placed) != app.reader.placed {
        // Another action went to another message.
        let Some(at) = app.reader.placed.and_then(|p| talk.find(p)) else {
            return Vec::new();
        };
        talk.at = at;
    }
    let mut effects = Vec::new();
    if talk.is_stale && talk.asked.is_none() {
        let request = app.request();
        (talk.asked, talk.is_stale) = (Some(request), false);
        effects.push(Effect::Engine(Command::LoadWindow {
            request,
            view: ViewSpec {
                scope: Scope::Thread(talk.thread),
                filter: None,
                sort: Sort::Oldest,
                threads: None,
            },
            offset: 0,
            len: MESSAGES_MAX,
            around: None,
        }));
    }
    effects.extend(ask_texts(app, &mut talk));
    let height = app.reader_height();
    talk.lay_out(&app.reader, height);
    talk.follow(&app.reader, height);
    app.conversation = Some(talk);
    effects
}

/// Asks for the texts of what is unfolded, a few at a time, and lets go of the others.
fn ask_texts(app: &mut App, talk: &mut Conversation) -> Vec<Effect> {
    let width = app.panes().text_cols();
    let at = talk.at;
    let open: Vec<usize> = (0..talk.messages.len())
        .filter(|n| *n != at && talk.messages.get(*n).is_some_and(|m| m.is_open))
        .collect();
    // The latest stay open where there are too many.
    let spare = open.len().saturating_sub(OPEN_MAX - 1);
    for n in open.iter().take(spare) {
        if let Some(message) = talk.messages.get_mut(*n) {
            message.is_open = false;
        }
    }
    let waits = |m: &&mut Message| m.reader.as_ref().is_some_and(|r| r.asked.is_some());
    let mut waiting = talk.messages.iter_mut().filter(waits).count();
    let mut effects = Vec::new();
    for (n, message) in talk.messages.iter_mut().enumerate() {
        if n == at {
            continue;
        }
        if !message.is_open {
            message.reader = None;
            continue;
        }
        let to = placed(&message.row);
        let wanted = (to, width, Form::Auto);
        let reader = message.reader.get_or_insert_default();
        reader.turn_to(Some(to));
        if waiting >= ASKED_MAX || reader.tried == Some(wanted) {
            continue;
        }
        waiting += 1;
        app.next_request += 1;
        let request = RequestId(app.next_request);
        reader.tried = Some(wanted);
        reader.asked = Some(Asked {
            request,
            placed: to,
            width,
            form: Form::Auto,
        });
        effects.push(Effect::Engine(Command::OpenMessage {
            inside: PartId::default(),
            request,
            placed: to,
            width,
            form: Form::Auto,
        }));
    }
    effects
}
