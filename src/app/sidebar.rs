//! The folder tree: unified folders, accounts, special folders, and what the user folded.
//!
//! Rebuilt from the engine's `Tree` whenever that or the folding changes; drawn by `ui`. A row must
//! never lose its place because counts change.

use crate::bus::{AccountView, Link};
use crate::model::{AccountKey, Flag, Mailbox, MailboxKey, Query, Role, Safe, Scope, Term};
use std::collections::BTreeSet;

/// What a row of the sidebar stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The heading of the folders that span accounts.
    Unified,
    /// All starred messages.
    Starred,
    /// Every mailbox of that role.
    Role(Role),
    /// An account.
    Account(AccountKey),
    /// A mailbox.
    Mailbox(MailboxKey),
}

/// One row of the sidebar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideRow {
    /// What it stands for.
    pub target: Target,
    /// Its name.
    pub label: Safe,
    /// How far it is set in.
    pub depth: u16,
    /// How many are unread.
    pub unread: u32,
    /// Whether it can be unfolded, and whether it is.
    pub fold: Option<bool>,
    /// Whether it can be opened.
    pub is_selectable: bool,
    /// What it is for.
    pub role: Option<Role>,
    /// Whether a change of it waits for the server.
    pub is_pending: bool,
}

/// The sidebar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sidebar {
    rows: Vec<SideRow>,
    folded: BTreeSet<FoldKey>,
    cursor: usize,
    top: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum FoldKey {
    Unified,
    Account(AccountKey),
    Mailbox(MailboxKey),
}

/// What a role is called on the screen.
#[must_use]
pub const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Inbox => "Inbox",
        Role::Drafts => "Drafts",
        Role::Sent => "Sent",
        Role::Archive => "Archive",
        Role::Junk => "Junk",
        Role::Trash => "Trash",
    }
}

/// The scope and filter that show what the target stands for.
#[must_use]
pub(super) fn scope_of(target: &Target) -> Option<(Scope, Option<Query>)> {
    match target {
        Target::Unified => None,
        Target::Starred => Some((Scope::Everywhere(None), Some(starred()))),
        Target::Role(role) => Some((Scope::Role(*role), None)),
        Target::Account(account) => Some((Scope::Everywhere(Some(*account)), None)),
        Target::Mailbox(mailbox) => Some((Scope::Mailbox(*mailbox), None)),
    }
}

/// The query for starred messages.
#[must_use]
pub(super) const fn starred() -> Query {
    Query::Term(Term::Is(Flag::Flagged, true))
}

/// A mailbox's name for the screen: special folders by what they are, others by their last level.
#[must_use]
pub fn mailbox_label(mailbox: &Mailbox) -> Safe {
    mailbox.role.map_or_else(
        || Safe::line(mailbox.leaf()),
        |role| Safe::fixed(role_name(role)),
    )
}

impl Sidebar {
    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[SideRow] {
        &self.rows
    }

    /// The row of the cursor.
    #[must_use]
    pub const fn cursor(&self) -> usize {
        self.cursor
    }

    /// The first visible row.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.top
    }

    /// The row under the cursor.
    #[must_use]
    pub fn current(&self) -> Option<&SideRow> {
        self.rows.get(self.cursor)
    }

    /// Builds the rows from the accounts; the cursor stays on what it was on.
    pub fn rebuild(&mut self, accounts: &[AccountView]) {
        let on = self.current().map(|row| row.target.clone());
        let mut rows = Vec::new();
        if accounts.len() > 1 {
            self.push_unified(accounts, &mut rows);
        }
        for account in accounts {
            self.push_account(account, &mut rows);
        }
        self.rows = rows;
        if let Some(on) = on {
            self.go_to(&on);
        }
        self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
    }

    fn push_unified(&self, accounts: &[AccountView], rows: &mut Vec<SideRow>) {
        let is_open = !self.folded.contains(&FoldKey::Unified);
        let heading = |target, label, unread| SideRow {
            target,
            label: Safe::fixed(label),
            depth: 0,
            unread,
            fold: None,
            is_selectable: true,
            role: None,
            is_pending: false,
        };
        rows.push(SideRow {
            fold: Some(is_open),
            is_selectable: false,
            ..heading(Target::Unified, "All accounts", 0)
        });
        if !is_open {
            return;
        }
        for role in Role::ALL {
            let of_role = || {
                let all = accounts.iter().flat_map(|a| &a.mailboxes);
                all.filter(move |m| m.role == Some(role))
            };
            if of_role().count() > 1 {
                let unread = of_role().map(|m| m.unread).sum();
                rows.push(SideRow {
                    role: Some(role),
                    ..heading(Target::Role(role), role_name(role), unread)
                });
            }
            if role == Role::Inbox {
                rows.push(heading(Target::Starred, "Starred", 0));
            }
        }
    }

    fn push_account(&self, account: &AccountView, rows: &mut Vec<SideRow>) {
        let is_open = !self.folded.contains(&FoldKey::Account(account.key));
        let unread = account.mailboxes.iter();
        let unread = unread.filter(|m| m.role == Some(Role::Inbox));
        rows.push(SideRow {
            target: Target::Account(account.key),
            label: account.name.clone(),
            depth: 0,
            unread: if is_open {
                0
            } else {
                unread.map(|m| m.unread).sum()
            },
            fold: Some(is_open),
            is_selectable: false,
            role: None,
            is_pending: false,
        });
        if !is_open {
            return;
        }
        let (special, mut plain): (Vec<&Mailbox>, Vec<&Mailbox>) =
            account.mailboxes.iter().partition(|m| m.role.is_some());
        for mailbox in special {
            // What lies below the inbox is the user's own tree on many servers, and stands there.
            let has_tree = mailbox.role != Some(Role::Inbox);
            let (below, rest) = plain
                .into_iter()
                .partition(|m| has_tree && lies_in(m, mailbox));
            plain = rest;
            self.push_special(mailbox, &below, rows);
        }
        self.push_tree(&plain, None, rows);
    }

    /// A special folder, and what lies below it: what was archived by year, or thrown away.
    fn push_special(&self, mailbox: &Mailbox, below: &[&Mailbox], rows: &mut Vec<SideRow>) {
        let is_open = !self.folded.contains(&FoldKey::Mailbox(mailbox.key));
        rows.push(SideRow {
            target: Target::Mailbox(mailbox.key),
            label: mailbox_label(mailbox),
            depth: 0,
            unread: mailbox.unread,
            fold: (!below.is_empty()).then_some(is_open),
            is_selectable: mailbox.is_selectable,
            role: mailbox.role,
            is_pending: mailbox.is_pending,
        });
        if is_open {
            self.push_tree(below, Some(mailbox), rows);
        }
    }

    /// Folders without a role, all of them below `root` if there is one. They are in the order of the
    /// tree, so the open ancestors of a folder are a stack.
    fn push_tree(&self, plain: &[&Mailbox], root: Option<&Mailbox>, rows: &mut Vec<SideRow>) {
        let mut above: Vec<(&Mailbox, bool)> = root.map(|m| (m, true)).into_iter().collect();
        for (at, mailbox) in plain.iter().enumerate() {
            while above.last().is_some_and(|(up, _)| !lies_in(mailbox, up)) {
                above.pop();
            }
            let has_children = plain.get(at + 1).is_some_and(|next| lies_in(next, mailbox));
            // A name that only holds special folders (`[Gmail]`) has nothing to show.
            if !mailbox.is_selectable && !has_children {
                continue;
            }
            let is_open = !self.folded.contains(&FoldKey::Mailbox(mailbox.key));
            if above.iter().all(|(_, is_open)| *is_open) {
                rows.push(SideRow {
                    target: Target::Mailbox(mailbox.key),
                    label: tree_label(mailbox, above.last().map(|a| a.0)),
                    depth: u16::try_from(above.len()).unwrap_or(u16::MAX),
                    unread: mailbox.unread,
                    fold: has_children.then_some(is_open),
                    is_selectable: mailbox.is_selectable,
                    role: None,
                    is_pending: mailbox.is_pending,
                });
            }
            above.push((mailbox, is_open));
        }
    }

    /// Folds or unfolds what the row stands for. `false` where there is nothing to fold.
    pub fn toggle_fold(&mut self, accounts: &[AccountView]) -> bool {
        let Some(row) = self.current().filter(|row| row.fold.is_some()) else {
            return false;
        };
        let key = match &row.target {
            Target::Unified => FoldKey::Unified,
            Target::Account(key) => FoldKey::Account(*key),
            Target::Mailbox(key) => FoldKey::Mailbox(*key),
            Target::Starred | Target::Role(_) => return false,
        };
        if !self.folded.remove(&key) {
            self.folded.insert(key);
        }
        self.rebuild(accounts);
        true
    }

    /// Folds every folder that has children, or unfolds all.
    pub fn fold_all(&mut self, accounts: &[AccountView], is_folded: bool) {
        self.folded.clear();
        if is_folded {
            let all = accounts.iter().flat_map(|a| &a.mailboxes);
            self.folded = all.map(|m| FoldKey::Mailbox(m.key)).collect();
        }
        self.rebuild(accounts);
    }

    /// Unfolds what hides that mailbox, and moves the cursor to it.
    pub fn reveal(&mut self, accounts: &[AccountView], key: MailboxKey) {
        let Some((account, shown)) = accounts.iter().find_map(|a| {
            let found = a.mailboxes.iter().find(|m| m.key == key)?;
            Some((a, found))
        }) else {
            return;
        };
        self.folded.remove(&FoldKey::Account(account.key));
        for above in account.mailboxes.iter().filter(|m| lies_in(shown, m)) {
            self.folded.remove(&FoldKey::Mailbox(above.key));
        }
        self.rebuild(accounts);
        self.go_to(&Target::Mailbox(key));
    }

    /// Moves the cursor off its row and what lies below it: to the next row, or else the one before.
    pub fn step_off(&mut self) {
        let Some(depth) = self.current().map(|row| row.depth) else {
            return;
        };
        let mut after = self.rows.iter().enumerate().skip(self.cursor + 1);
        let next = after
            .find(|(_, row)| row.depth <= depth)
            .map(|found| found.0);
        self.cursor = next.unwrap_or_else(|| self.cursor.saturating_sub(1));
    }

    /// Moves the cursor by so many rows.
    pub fn move_by(&mut self, rows: i64) {
        let by = usize::try_from(rows.unsigned_abs()).unwrap_or(usize::MAX);
        let to = if rows < 0 {
            self.cursor.saturating_sub(by)
        } else {
            self.cursor.saturating_add(by)
        };
        self.move_to(to);
    }

    /// Moves the cursor to a row.
    pub fn move_to(&mut self, row: usize) {
        self.cursor = row.min(self.rows.len().saturating_sub(1));
    }

    /// Moves the cursor to the row of that target, if there is one.
    pub fn go_to(&mut self, target: &Target) {
        if let Some(at) = self.rows.iter().position(|row| row.target == *target) {
            self.cursor = at;
        }
    }

    /// The next row after `from` (or before it) that can be opened and is a folder.
    #[must_use]
    pub fn neighbour(&self, from: &Target, is_forward: bool) -> Option<Target> {
        let is_folder = |row: &&SideRow| {
            row.is_selectable && !matches!(row.target, Target::Account(_) | Target::Unified)
        };
        let at = self.rows.iter().position(|row| row.target == *from);
        let found = match (at, is_forward) {
            (Some(at), true) => self.rows.iter().skip(at + 1).find(is_folder),
            (Some(at), false) => self.rows.iter().take(at).rev().find(is_folder),
            (None, _) => self.rows.iter().find(is_folder),
        };
        found.map(|row| row.target.clone())
    }

    /// Makes the cursor visible.
    pub fn settle(&mut self, height: usize) {
        let low = (self.cursor + 1).saturating_sub(height);
        let top_max = self.rows.len().saturating_sub(height);
        self.top = self.top.clamp(low, self.cursor.max(low)).min(top_max);
    }

    /// Scrolls; the cursor is taken along at the edges.
    pub fn scroll_by(&mut self, rows: i64, height: usize) {
        let by = usize::try_from(rows.unsigned_abs()).unwrap_or(usize::MAX);
        let top_max = self.rows.len().saturating_sub(height);
        self.top = if rows < 0 {
            self.top.saturating_sub(by)
        } else {
            self.top.saturating_add(by).min(top_max)
        };
        let last = (self.top + height).saturating_sub(1);
        self.move_to(self.cursor.clamp(self.top, last.max(self.top)));
    }
}

/// Whether `below` lies in the folder `up`.
fn lies_in(below: &Mailbox, up: &Mailbox) -> bool {
    let Some(delimiter) = up.delimiter else {
        return false;
    };
    let rest = below.name.strip_prefix(up.name.as_str());
    rest.is_some_and(|rest| rest.starts_with(delimiter))
}

/// The name below the nearest folder that is shown; a leading `INBOX.` says nothing and goes.
fn tree_label(mailbox: &Mailbox, up: Option<&Mailbox>) -> Safe {
    let name = match (up, mailbox.delimiter) {
        (Some(up), Some(delimiter)) => mailbox
            .name
            .strip_prefix(up.name.as_str())
            .map(|rest| rest.trim_start_matches(delimiter)),
        (None, Some(delimiter)) => mailbox
            .name
            .split_once(delimiter)
            .filter(|(first, _)| first.eq_ignore_ascii_case("INBOX"))
            .map(|(_, rest)| rest),
        (_, None) => None,
    };
    Safe::line(name.unwrap_or(&mailbox.name))
}

/// How an account stands, in one word for narrow places.
#[must_use]
pub const fn link_word(link: &Link) -> &'static str {
    match link {
        Link::Idle => "idle",
        Link::Connecting => "connecting",
        Link::InStep { is_watched: true } => "watching",
        Link::InStep { is_watched: false } => "in step",
        Link::Syncing { .. } => "syncing",
        Link::Checked { .. } => "checked",
        Link::Waiting {
            is_put_off: true, ..
        } => "waits",
        Link::Waiting { .. } => "offline",
        Link::Stopped { .. } => "stopped",
    }
}
