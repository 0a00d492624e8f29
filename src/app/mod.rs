//! The pure front: state, actions, update. Must never see the network, the store or the terminal.
//!
//! Called by `run`, read by `ui`. How `run` drives it:
//!
//! 1. `let mut app = App::new(settings)`, then carry out `app.start()` (it asks for the tree).
//! 2. Feed `Input::Tick` and `Input::Resize` once before the first draw.
//! 3. Loop: wait for a key, mouse, paste or resize of the terminal, an event of the engine, a timer
//!    of `Effect::After`, or for [`App::tick_ms`] to pass. Give `update` an `Input::Tick` first if
//!    more than a second has passed since the last one, then the input itself; take all that is
//!    already waiting the same way, then draw once: `ui::draw(&app, &Theme::of(&app), frame)`.
//! 4. Carry out every [`Effect`] in order. `Engine(command)`: `try_send`; when the channel is full,
//!    come back with `Input::Refused(command)`. `After`: come back with `Input::Timer(token)`.
//!    `Suspend`: leave the terminal, stop, and come back with `Input::Resumed` (then `Resize`).
//!    `Redraw`: clear the terminal before the next draw. `Quit`: leave the loop, hand over
//!    [`App::last_words`] and [`App::send_off`], then send `Command::Quit`.
//! 5. Mouse: only the left button and the wheel. Keys: presses and repeats, not releases.

mod actions;
mod activity;
mod compose;
mod conversation;
mod dispatch;
mod edit;
mod effect;
mod events;
mod files;
mod finding;
mod gallery;
mod gather;
mod header_lines;
mod help;
mod hints;
mod input;
mod keymap;
mod keys;
mod layout;
mod list;
mod mouse;
mod notice;
mod outbox;
mod output;
mod overlay;
mod picker;
mod presets;
mod prompt;
mod reader;
mod reader_rows;
mod settings;
mod settle;
mod sidebar;
mod stops;
mod taking;
mod targets;
mod update;

#[cfg(test)]
pub(crate) mod activity_tests;
#[cfg(test)]
mod app_tests;
#[cfg(test)]
pub(crate) use compose::compose_tests;
#[cfg(test)]
pub(crate) mod conversation_tests;
#[cfg(test)]
mod filing_tests;
#[cfg(test)]
mod finding_tests;
#[cfg(test)]
pub(crate) mod gallery_tests;
#[cfg(test)]
mod inside_tests;
#[cfg(test)]
mod keymap_tests;
#[cfg(test)]
mod list_tests;
#[cfg(test)]
mod outbox_tests;
#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod reader_tests;
#[cfg(test)]
pub(crate) mod rest_tests;
#[cfg(test)]
pub(crate) mod scenes;
#[cfg(test)]
mod start_tests;
#[cfg(test)]
pub(crate) mod taking_tests;
#[cfg(test)]
mod tree_tests;

pub use crate::bus::{AccountView, Link};
pub use actions::{Action, Availability, Context, Count, Group, actions, find};
pub use activity::{Activity, ActivityLine, ActivityMark, ActivityRow};
pub use compose::{
    Completing, ComposeAreas, Composer, DRAFT_KEYS, Field, REVIEW_KEYS, REVIEW_LABEL_COLS,
    ReviewLine, ReviewRow, ReviewState, Sheet, SheetRow, ToldKey, Weight, shown_completion,
};
pub use conversation::{Conversation, Message, ThreadRow};
pub use edit::Edit;
pub use effect::{Effect, Token};
pub use finding::{Finding, Mark, Spot};
pub use gallery::{Gallery, PictureState, Shown};
pub use header_lines::HeaderLine;
pub use help::{Help, HelpLine};
pub use hints::{Hint, hints};
pub use input::{Input, Mouse, MouseKind};
pub use keymap::{KeyProblem, Keymap, Lookup};
pub use keys::{Chord, Code, Key};
pub use layout::{Area, LayoutMode, Panes, Shape, Split};
pub use list::List;
pub use notice::{Notice, NoticeKind};
pub use outbox::{Outbox, OutboxLine, OutboxMark, OutboxRow};
pub use output::Output;
pub(crate) use overlay::ANSWERS_GAP;
pub use overlay::{Confirm, Overlay};
pub use picker::{Item, Picker, PickerKind};
pub use prompt::{Prompt, PromptKind};
pub use reader::{Body, CardRow, Headers, Reader, Row};
pub use reader_rows::wrap;
pub use settings::{
    Colours, DateStyle, KeyOverride, ParseQuery, Pictures, Preset, Settings, every_word,
};
pub use sidebar::{SideRow, Sidebar, Target, link_word, mailbox_label, role_name};
pub use update::update;

use crate::bus::{Command, RequestId, Taken};
use crate::model::{
    AccountKey, ListRow, Mailbox, MailboxId, MailboxKey, OpKind, Placed, Query, Quota, Role, Safe,
    Scope,
};
pub use crate::model::{grouped, quota_text, size_text};
use compose::Writing;
use edit::History;
use gather::Gather;
use notice::Notices;
use std::collections::{BTreeMap, BTreeSet};
use targets::Left;

/// Something that runs and can be stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What it is, as shown.
    pub label: Safe,
    /// Bytes done and bytes in all.
    pub progress: Option<(u64, u64)>,
}

/// What the mouse is dragging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drag {
    /// The line beside the sidebar.
    Sidebar,
    /// The line between list and preview.
    Split,
}

/// The whole state of the front.
#[derive(Debug, Clone)]
pub struct App {
    pub(crate) settings: Settings,
    pub(crate) keymap: Keymap,
    pub(crate) cols: u16,
    pub(crate) rows: u16,
    pub(crate) now_secs: i64,
    pub(crate) monotonic_ms: u64,
    pub(crate) focus: Context,
    pub(crate) accounts: Vec<AccountView>,
    /// When the accounts last said how they stand.
    pub(crate) accounts_at_ms: u64,
    pub(crate) is_tree_loaded: bool,
    /// Whether the folder that is shown at the start was opened.
    pub(crate) is_home_opened: bool,
    is_tree_asked: bool,
    is_tree_stale: bool,
    pub(crate) sidebar: Sidebar,
    pub(crate) list: List,
    pub(crate) reader: Reader,
    /// The thread of what is read, where it is shown as one.
    conversation: Option<Box<Conversation>>,
    /// What the list shows, as the sidebar names it.
    pub(crate) here: Option<Target>,
    /// The query that the user filters by, beside what the place itself demands.
    pub(crate) user_filter: Option<Query>,
    /// What was typed to filter the list, for the title.
    pub(crate) filter_text: Safe,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) pending: Vec<Key>,
    pub(crate) count: Count,
    pub(crate) has_which_key: bool,
    pub(crate) notices: Notices,
    pub(crate) jobs: BTreeMap<RequestId, Job>,
    /// What is on its way out of messages.
    takings: BTreeMap<RequestId, taking::Taking>,
    /// What a program is to read that is being asked for.
    piping: Option<(Placed, Taken)>,
    /// The files that were saved last.
    saved: Vec<std::path::PathBuf>,
    /// Whether the user agreed that pages go to the browser.
    pub(crate) opens_pages: bool,
    pub(crate) has_preview: bool,
    pub(crate) has_sidebar: bool,
    pub(crate) split: Option<u16>,
    pub(crate) sidebar_cols: Option<u16>,
    pub(crate) is_offline: bool,
    /// Whether the first keys are being explained.
    pub(crate) has_tour: bool,
    /// Whether nothing was pressed yet.
    pub(crate) is_untouched: bool,
    /// Whether the wait for the list has become long enough to be worth a word.
    pub(crate) is_list_slow: bool,
    list_serial: Option<u64>,
    drag: Option<Drag>,
    gather: Option<Gather>,
    histories: BTreeMap<PromptKind, History>,
    /// What is written, and what waits to be sent.
    pub(crate) writing: Writing,
    /// The list of templates that was asked for.
    templates_asked: Option<RequestId>,
    /// The last change of messages, and whether it was of folded threads as a whole.
    last_change: Option<(OpKind, bool)>,
    /// The folders that messages went to, the latest first.
    recent: Vec<MailboxKey>,
    left: Option<Left>,
    /// The undo that was asked for last.
    undo: Option<RequestId>,
    /// A folder to show as soon as there is one of that name.
    reveal: Option<MailboxId>,
    tags: BTreeSet<String>,
    /// Changes whose confirmation is not worth a word: messages marked as read by being read.
    quiet: BTreeSet<RequestId>,
    next_request: u64,
    serial: u64,
    preview_serial: Option<u64>,
    read_serial: Option<u64>,
    which_serial: u64,
    filter_serial: u64,
    slow_serial: u64,
}

/// The keys, and what is wrong with those of the user: the preset's own work then.
fn keymap_of(settings: &Settings) -> (Keymap, Option<Safe>) {
    let keymap = Keymap::new(settings.preset, &settings.key_overrides);
    let problem = keymap.as_ref().err().and_then(|all| all.first());
    let problem = problem.map(|p| Safe::line(&p.to_string()));
    let keymap = keymap
        .or_else(|_| Keymap::new(settings.preset, &[]))
        .unwrap_or_default();
    (keymap, problem)
}

impl App {
    /// The front at its start, knowing nothing of any mail yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let (keymap, problem) = keymap_of(&settings);
        let (has_threads, has_tour) = (settings.has_threads, settings.has_tour);
        let mut app = Self {
            settings,
            keymap,
            cols: 80,
            rows: 24,
            now_secs: 0,
            monotonic_ms: 0,
            focus: Context::List,
            accounts: Vec::new(),
            accounts_at_ms: 0,
            is_tree_loaded: false,
            is_home_opened: false,
            is_tree_asked: false,
            is_tree_stale: false,
            sidebar: Sidebar::default(),
            list: List::new(Scope::Role(Role::Inbox), has_threads),
            reader: Reader::default(),
            conversation: None,
            here: None,
            user_filter: None,
            filter_text: Safe::default(),
            overlay: None,
            pending: Vec::new(),
            count: None,
            has_which_key: false,
            notices: Notices::default(),
            jobs: BTreeMap::new(),
            takings: BTreeMap::new(),
            piping: None,
            saved: Vec::new(),
            opens_pages: false,
            has_preview: true,
            has_sidebar: true,
            split: None,
            sidebar_cols: None,
            is_offline: false,
            has_tour,
            is_untouched: true,
            is_list_slow: false,
            list_serial: None,
            drag: None,
            gather: None,
            histories: BTreeMap::new(),
            writing: Writing::default(),
            templates_asked: None,
            last_change: None,
            recent: Vec::new(),
            left: None,
            undo: None,
            reveal: None,
            tags: BTreeSet::new(),
            quiet: BTreeSet::new(),
            next_request: 0,
            serial: 0,
            preview_serial: None,
            read_serial: None,
            which_serial: 0,
            filter_serial: 0,
            slow_serial: 0,
        };
        if let Some(text) = problem {
            let hint = Safe::fixed("the default keys are used");
            app.notices.show(NoticeKind::Error, text, hint);
        }
        app
    }

    /// What is to be done before the first input.
    pub fn start(&mut self) -> Vec<Effect> {
        self.is_tree_asked = true;
        vec![Effect::Engine(Command::LoadTree)]
    }

    /// After how many milliseconds the screen would say something out of date.
    #[must_use]
    pub fn tick_ms(&self) -> u64 {
        let is_counting = |a: &AccountView| matches!(a.link, Link::Waiting { .. });
        let is_told = matches!(&self.overlay, Some(Overlay::Activity(a)) if a.is_counting());
        // A number that runs down would be read out each time.
        if self.is_linear() {
            60_000
        } else if is_told || self.accounts.iter().any(is_counting) {
            1_000
        } else {
            60_000
        }
    }

    /// The colours that are in use.
    #[must_use]
    pub const fn colours(&self) -> Colours {
        self.settings.colours
    }

    /// Whether only ASCII is drawn.
    #[must_use]
    pub const fn is_ascii(&self) -> bool {
        self.settings.is_ascii
    }

    /// Whether plain lines are drawn, for a screen reader.
    #[must_use]
    pub const fn is_linear(&self) -> bool {
        self.settings.is_linear
    }

    /// Where everything is on the screen.
    #[must_use]
    pub fn panes(&self) -> Panes {
        self.panes_for(self.cols, self.rows)
    }

    /// Where everything would be on a terminal of that size.
    #[must_use]
    pub fn panes_for(&self, cols: u16, rows: u16) -> Panes {
        Panes::new(Shape {
            cols,
            rows,
            mode: self.settings.layout,
            has_preview: self.has_preview,
            has_sidebar: self.has_sidebar,
            focus: self.focus,
            split: self.split,
            sidebar_cols: self.sidebar_cols,
            is_linear: self.is_linear(),
        })
    }

    /// The rows of the list that are visible, or would be.
    pub(crate) fn list_height(&self) -> u32 {
        let panes = self.panes();
        let area = if panes.list.is_empty() {
            panes.main
        } else {
            panes.list
        };
        u32::from(area.h)
    }

    /// The rows of the reader that are visible.
    pub(crate) fn reader_height(&self) -> usize {
        usize::from(self.panes().reader.h)
    }

    /// The account of that key.
    pub(crate) fn account(&self, key: AccountKey) -> Option<&AccountView> {
        self.accounts.iter().find(|a| a.key == key)
    }

    /// The mailbox of that key.
    pub(crate) fn mailbox(&self, key: MailboxKey) -> Option<&Mailbox> {
        let all = self.accounts.iter().flat_map(|a| &a.mailboxes);
        all.into_iter().find(|m| m.key == key)
    }

    /// The account that is looked at; with one account, that one.
    pub(crate) fn current_account(&self) -> Option<&AccountView> {
        let of_view = match &self.list.view().scope {
            Scope::Mailbox(key) => self.mailbox(*key).map(|m| m.account),
            Scope::Everywhere(account) => *account,
            Scope::Role(_) | Scope::Thread(_) => None,
        };
        match of_view {
            Some(key) => self.account(key),
            None if self.accounts.len() == 1 => self.accounts.first(),
            None => None,
        }
    }

    /// What the list shows, in a few words.
    pub(crate) fn place_name(&self) -> Safe {
        match &self.list.view().scope {
            Scope::Mailbox(key) => {
                let Some(mailbox) = self.mailbox(*key) else {
                    return Safe::fixed("Folder");
                };
                let name = mailbox.role.map_or_else(
                    || Safe::line(&mailbox.name),
                    |role| Safe::fixed(role_name(role)),
                );
                match self.account(mailbox.account) {
                    Some(account) if self.accounts.len() > 1 => {
                        Safe::join(&[account.name.clone(), name], " / ")
                    }
                    _ => name,
                }
            }
            Scope::Role(Role::Inbox) if self.accounts.len() > 1 => Safe::fixed("All inboxes"),
            Scope::Role(role) => Safe::fixed(role_name(*role)),
            Scope::Everywhere(_) if self.here == Some(Target::Starred) => Safe::fixed("Starred"),
            Scope::Everywhere(None) => Safe::fixed("All folders"),
            Scope::Everywhere(Some(key)) => self
                .account(*key)
                .map_or_else(Safe::default, |a| a.name.clone()),
            Scope::Thread(_) => Safe::fixed("Thread"),
        }
    }

    /// How many messages of what is shown are unread, where the tree says.
    pub(crate) fn unread_here(&self) -> Option<u32> {
        match self.here.as_ref()? {
            Target::Mailbox(key) => self.mailbox(*key).map(|m| m.unread),
            Target::Role(role) => {
                let all = self.accounts.iter().flat_map(|a| &a.mailboxes);
                Some(
                    all.filter(|m| m.role == Some(*role))
                        .map(|m| m.unread)
                        .sum(),
                )
            }
            Target::Unified | Target::Starred | Target::Account(_) => None,
        }
    }

    /// Whether the view is known to its end.
    pub(crate) const fn has_loaded_all(&self) -> bool {
        self.list.is_complete()
    }

    /// Whether other people's names are recipients here: in Sent and Drafts.
    pub(crate) fn is_outgoing(&self) -> bool {
        let role = match &self.list.view().scope {
            Scope::Mailbox(key) => self.mailbox(*key).and_then(|m| m.role),
            Scope::Role(role) => Some(*role),
            Scope::Everywhere(_) | Scope::Thread(_) => None,
        };
        matches!(role, Some(Role::Sent | Role::Drafts))
    }

    /// Whether a message of a conversation is one that went out: the list names its recipients.
    pub(crate) fn is_own(&self, row: &ListRow) -> bool {
        let role = self.mailbox(row.mailbox).and_then(|m| m.role);
        matches!(role, Some(Role::Sent | Role::Drafts))
    }

    /// Changes that no server has confirmed yet.
    pub(crate) fn pending_changes(&self) -> u32 {
        let pending = self.accounts.iter().map(|a| a.pending);
        pending.fold(0, u32::saturating_add)
    }

    /// The account that is nearly out of room, and how many hundredths of it are used: the one that
    /// is looked at, or else the fullest.
    pub(crate) fn fullest(&self) -> Option<(&AccountView, u64)> {
        const FULL_PERCENT: u64 = 90;
        let percent = |a: &AccountView| a.quota.and_then(Quota::percent);
        let is_full = |a: &&AccountView| percent(a).is_some_and(|n| n > FULL_PERCENT);
        let here = self.current_account().filter(is_full);
        let most = || {
            self.accounts
                .iter()
                .filter(is_full)
                .max_by_key(|a| percent(a))
        };
        let account = here.or_else(most)?;
        Some((account, percent(account)?))
    }

    /// Today in local time, as days since 1970.
    pub(crate) fn today(&self) -> i32 {
        let offset = i64::from((self.settings.utc_offset_mins)(self.now_secs)) * 60;
        i32::try_from((self.now_secs + offset).div_euclid(86_400)).unwrap_or(0)
    }

    /// A time of day in local time; of another day the hours that have passed.
    pub(crate) fn clock(&self, secs: i64) -> String {
        let local = secs + i64::from((self.settings.utc_offset_mins)(secs)) * 60;
        if i64::from(self.today()) == local.div_euclid(86_400) {
            let mins = local.rem_euclid(86_400) / 60;
            return format!("{:02}:{:02}", mins / 60, mins % 60);
        }
        let hours = self.now_secs.saturating_sub(secs).max(0) / 3600;
        format!("{} h ago", hours.max(1))
    }

    fn request(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Says something that is done or so.
    fn say(&mut self, text: Safe) -> Vec<Effect> {
        vec![self.notices.show(NoticeKind::Done, text, Safe::default())]
    }

    /// Says that something is wrong and what to do about it.
    fn complain(&mut self, text: Safe, hint: Safe) -> Vec<Effect> {
        vec![self.notices.show(NoticeKind::Error, text, hint)]
    }

    /// Says why something cannot be done.
    fn refuse(&mut self, why: &'static str) -> Vec<Effect> {
        let why = self.with_keys(why);
        self.say_no(Safe::join(&[Safe::fixed("Not now:"), why], " "))
    }

    /// Says that a key does nothing, until the next one.
    fn say_no(&mut self, text: Safe) -> Vec<Effect> {
        let kind = NoticeKind::Refused;
        vec![self.notices.show(kind, text, Safe::default())]
    }

    /// The text with each `{id}` replaced by the key of the action of that name.
    fn with_keys(&self, text: &'static str) -> Safe {
        let Some((before, rest)) = text.split_once('{') else {
            return Safe::fixed(text);
        };
        let Some((id, after)) = rest.split_once('}') else {
            return Safe::fixed(text);
        };
        let key = self.keymap.first(id, self.focus);
        // Without a key of its own an action is still found by its name.
        let key = if key.is_empty() {
            format!(":{id}")
        } else {
            key.to_string()
        };
        Safe::line(&format!("{before}{key}{after}"))
    }
}
