//! Tests of the store as the engine and a user meet it: through files, writers and readers.

mod damage;
mod drafts;
mod eras;
mod first_words;
mod journal;
mod lives;
mod local;
mod messages;
mod outbox;
mod people;
mod plans;
mod search;
mod threads;
mod views;

use super::{Cursor, Reader, ServerStatus, Store, TreeEntry, Writer};
use crate::model::{
    AccountKey, Address, Envelope, Fetched, FetchedMessage, FlagSet, Folding, ListRow, Mailbox,
    MailboxKey, ModSeq, Moment, Placed, Role, Scope, Sort, Uid, UidValidity, ViewSpec,
};

/// A data directory with one account and its mailboxes, removed at the end.
pub(super) struct Home {
    dir: tempfile::TempDir,
    store: Store,
    writer: Writer,
    reader: Reader,
    account: AccountKey,
    inbox: MailboxKey,
    sent: MailboxKey,
}

const ERA: UidValidity = UidValidity::new(7).unwrap();

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut writer = store.writer().unwrap();
        let reader = store.reader().unwrap();
        let account = writer.account("work").unwrap();
        writer
            .put_tree(
                account,
                &[
                    entry("INBOX", Some(Role::Inbox)),
                    entry("Sent", Some(Role::Sent)),
                ],
            )
            .unwrap();
        let mut home = Self {
            dir,
            store,
            writer,
            reader,
            account,
            inbox: MailboxKey(0),
            sent: MailboxKey(0),
        };
        home.inbox = home.mailbox("INBOX").key;
        home.sent = home.mailbox("Sent").key;
        home.writer.begin_era(home.inbox, ERA).unwrap();
        home.writer.begin_era(home.sent, ERA).unwrap();
        home
    }

    /// Ends the process, so to say, and starts it again.
    fn reopen(&mut self) {
        self.store = Store::open(self.dir.path()).unwrap();
        self.writer = self.store.writer().unwrap();
        self.reader = self.store.reader().unwrap();
    }

    fn mailbox(&self, name: &str) -> Mailbox {
        let all = self.reader.mailboxes(self.account).unwrap();
        all.into_iter().find(|m| m.name == name).unwrap()
    }

    fn put(&mut self, messages: &[FetchedMessage]) {
        self.writer.put_messages(self.inbox, ERA, messages).unwrap();
    }

    /// The rows of a view.
    fn rows(&self, spec: &ViewSpec) -> Vec<ListRow> {
        let view = self.reader.view(spec).unwrap();
        self.reader.rows(&view, 0, view.len()).unwrap()
    }

    /// The rows of the inbox, the newest first.
    fn list(&self) -> Vec<ListRow> {
        self.rows(&view_of(self.inbox))
    }

    fn placed(&self, subject: &str) -> Placed {
        let row = self
            .list()
            .into_iter()
            .find(|r| r.subject.as_str() == subject)
            .unwrap();
        Placed {
            message: row.message,
            mailbox: row.mailbox,
        }
    }

    fn flags(&self, subject: &str) -> String {
        let row = self
            .list()
            .into_iter()
            .find(|r| r.subject.as_str() == subject)
            .unwrap();
        row.flags.to_string()
    }
}

fn entry(name: &str, role: Option<Role>) -> TreeEntry {
    TreeEntry {
        name: name.to_owned(),
        delimiter: Some('/'),
        role,
        is_subscribed: true,
        is_selectable: true,
        status: ServerStatus::default(),
        namespace: crate::model::Namespace::Personal,
        rights: None,
    }
}

/// What a claim is to do to flags.
fn flags_of_claim(claim: &super::Claim) -> crate::model::FlagChange {
    match &claim.work {
        super::Work::Flags(change) => change.clone(),
        other => panic!("not of flags: {other:?}"),
    }
}

fn uid(n: u32) -> Uid {
    Uid::new(n).unwrap()
}

fn view_of(mailbox: MailboxKey) -> ViewSpec {
    ViewSpec {
        scope: Scope::Mailbox(mailbox),
        filter: None,
        sort: Sort::Newest,
        threads: None,
    }
}

fn threads_of(mailbox: MailboxKey) -> ViewSpec {
    ViewSpec {
        threads: Some(Folding::default()),
        ..view_of(mailbox)
    }
}

/// A message as a fetch brings it: uid, subject, and flags in wire form.
fn message(n: u32, subject: &str, flags: &[&str]) -> FetchedMessage {
    let person = |name: &str| Address {
        name: name.to_owned(),
        address: format!("{}@example.org", name.to_lowercase()),
    };
    FetchedMessage {
        uid: uid(n),
        fetched: Fetched {
            flags: Some(FlagSet::from_wire(flags.iter().copied())),
            arrived: Some(Moment {
                unix_secs: 1_700_000_000 + i64::from(n) * 60,
                offset_mins: 60,
            }),
            size_bytes: Some(1000 + u64::from(n)),
            mod_seq: Some(ModSeq(u64::from(n))),
            envelope: Some(Envelope {
                subject: subject.to_owned(),
                from: vec![person("Ann")],
                to: vec![person("Bob")],
                message_id: format!("{n}@example.org"),
                ..Envelope::default()
            }),
            ..Fetched::default()
        },
    }
}

fn flags_of(n: u32, flags: &[&str]) -> FetchedMessage {
    FetchedMessage {
        uid: uid(n),
        fetched: Fetched {
            flags: Some(FlagSet::from_wire(flags.iter().copied())),
            ..Fetched::default()
        },
    }
}

fn complete(uid_next: u32) -> Cursor {
    Cursor {
        uid_validity: Some(ERA),
        uid_next: Uid::new(uid_next),
        mod_seq: ModSeq(0),
        is_complete: true,
    }
}

fn subjects(rows: &[ListRow]) -> Vec<&str> {
    rows.iter().map(|r| r.subject.as_str()).collect()
}
