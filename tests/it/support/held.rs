//! What a server holds, what the store shows, and where the two differ.
//!
//! Used by the tests that break things: at the end both must be the same, and the server must hold
//! what it held before the change or what it holds after it. The server is read by the other client.

use super::{Dovecot, OtherClient};
use pillarbox::model::{AccountKey, Placed, Scope, Sort, ViewSpec};
use pillarbox::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// One message in one mailbox, without its UID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Letter {
    /// Message-ID, as the header has it.
    pub(crate) message_id: String,
    /// Flags and keywords, sorted, without `\Recent`, in lower case.
    pub(crate) flags: Vec<String>,
    /// When it arrived, as the server says it.
    pub(crate) arrived: String,
    /// Of all its bytes.
    pub(crate) hash: u64,
}

/// The mail of one user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Held {
    /// UIDs and messages of each mailbox.
    pub(crate) mailboxes: BTreeMap<String, BTreeMap<u32, Letter>>,
    /// Names that cannot be selected.
    pub(crate) hollow: BTreeSet<String>,
    /// What is subscribed.
    pub(crate) subscribed: BTreeSet<String>,
}

/// The same without UIDs: what a user sees.
pub(crate) type Sight = (BTreeMap<String, Vec<Letter>>, BTreeSet<String>);

impl Held {
    /// By a client of its own.
    pub(crate) fn of(dovecot: &Dovecot, user: &str) -> Self {
        let mut client = dovecot.client(user);
        let held = Self::seen_by(&mut client);
        client.leave();
        held
    }

    /// By that client. Selects each mailbox, for reading only.
    pub(crate) fn seen_by(client: &mut OtherClient) -> Self {
        let mut held = Self::default();
        for (attributes, name) in list(client, "LIST") {
            if attributes.contains("\\Noselect") || attributes.contains("\\NonExistent") {
                held.hollow.insert(name);
            } else {
                match letters(client, &name) {
                    Some(letters) => drop(held.mailboxes.insert(name, letters)),
                    // Dovecot may list what was deleted above others as if it could be selected.
                    None => drop(held.hollow.insert(name)),
                }
            }
        }
        held.subscribed = list(client, "LSUB")
            .into_iter()
            .map(|(_, name)| name)
            .collect();
        held
    }

    /// Without UIDs.
    pub(crate) fn sight(&self) -> Sight {
        let mailboxes = self.mailboxes.iter().map(|(name, letters)| {
            let mut letters: Vec<Letter> = letters.values().cloned().collect();
            letters.sort();
            (name.clone(), letters)
        });
        (mailboxes.collect(), self.subscribed.clone())
    }

    /// How the store differs from the server; empty where it does not.
    pub(crate) fn differs_from(&self, shown: &Shown) -> String {
        let mut told = String::new();
        let here: BTreeSet<&String> = shown.mailboxes.keys().collect();
        let there: BTreeSet<&String> = self.mailboxes.keys().collect();
        let apart = here.symmetric_difference(&there);
        for name in apart.filter(|name| !self.hollow.contains(**name)) {
            let side = if here.contains(name) { "here" } else { "there" };
            writeln!(told, "folder {name}: only {side}").unwrap();
        }
        for name in here.intersection(&there) {
            let letters = &self.mailboxes[*name];
            let rows = &shown.mailboxes[*name];
            let uids = |u: &BTreeSet<u32>| format!("{u:?}");
            let theirs: BTreeSet<u32> = letters.keys().copied().collect();
            let ours: BTreeSet<u32> = rows.iter().map(|row| row.uid).collect();
            if ours != theirs || rows.len() != letters.len() {
                let (ours, theirs) = (uids(&ours), uids(&theirs));
                writeln!(
                    told,
                    "{name}: UIDs here {ours} ({}), there {theirs}",
                    rows.len()
                )
                .unwrap();
                continue;
            }
            for row in rows {
                let letter = &letters[&row.uid];
                if row.message_id != letter.message_id || row.flags != letter.flags {
                    writeln!(told, "{name} {}: here {row:?}, there {letter:?}", row.uid).unwrap();
                }
            }
            let unread = letters.values().filter(|l| !l.is_seen()).count();
            if shown.counts[*name] != (letters.len(), unread) {
                let counts = shown.counts[*name];
                writeln!(
                    told,
                    "{name}: counts here {counts:?}, there {unread} unread"
                )
                .unwrap();
            }
            if shown.subscribed.contains(*name) != self.subscribed.contains(*name) {
                writeln!(told, "{name}: subscribed on one side only").unwrap();
            }
        }
        told
    }
}

impl Letter {
    fn is_seen(&self) -> bool {
        self.flags.iter().any(|flag| flag == "\\seen")
    }
}

/// The names of LIST or LSUB with their attributes. Only what can be written without quoting
/// anything is understood: tests use such names.
fn list(client: &mut OtherClient, command: &str) -> Vec<(String, String)> {
    let prefix = format!("* {command} (");
    let said = client.run(&format!("{command} \"\" \"*\""));
    let entry = |line: &String| {
        let (attributes, rest) = line.strip_prefix(&prefix)?.split_once(") ")?;
        let name = rest.split_once(' ')?.1.trim_matches('"');
        Some((attributes.to_owned(), name.to_owned()))
    };
    said.iter().filter_map(entry).collect()
}

fn letters(client: &mut OtherClient, mailbox: &str) -> Option<BTreeMap<u32, Letter>> {
    let examined = client.ask(&format!("EXAMINE \"{mailbox}\""));
    if !examined.last()?.starts_with("OK") {
        return None;
    }
    let said = client.run("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])");
    let letters = said
        .iter()
        .filter(|response| response.contains(" FETCH (") && response.contains("BODY[]"))
        // Somebody is removing it just now.
        .filter(|response| !response.contains("BODY[] NIL"))
        .map(|response| letter(response));
    Some(letters.collect())
}

fn letter(response: &str) -> (u32, Letter) {
    let (head, bytes) = response.split_once("\r\n").expect("a literal");
    let after = |word: &str| head.split_once(word).expect("an item").1;
    let uid = after("UID ").split([' ', ')']).next().unwrap();
    let flags = after("FLAGS (").split(')').next().unwrap();
    let mut flags: Vec<String> = flags
        .split_whitespace()
        .filter(|flag| *flag != "\\Recent")
        .map(str::to_ascii_lowercase)
        .collect();
    flags.sort();
    let size = head.rsplit_once('{').unwrap().1.trim_end_matches('}');
    let bytes = bytes.get(..size.parse().unwrap()).unwrap();
    let message_id = bytes
        .lines()
        .find_map(|line| line.strip_prefix("Message-ID: "));
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let letter = Letter {
        message_id: bare(message_id.unwrap_or_default()),
        flags,
        arrived: after("INTERNALDATE \"")
            .split('"')
            .next()
            .unwrap()
            .to_owned(),
        hash: hasher.finish(),
    };
    (uid.parse().unwrap(), letter)
}

/// A Message-ID without what stands around it.
fn bare(message_id: &str) -> String {
    message_id.trim_matches(['<', '>', ' ']).to_owned()
}

/// One row of the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShownRow {
    /// Its id, as `list` prints it.
    pub(crate) id: i64,
    pub(crate) placed: Placed,
    /// 0 while the server has not given one.
    pub(crate) uid: u32,
    pub(crate) message_id: String,
    /// As the server names them, in lower case, sorted.
    pub(crate) flags: Vec<String>,
}

/// One account as the store shows it, what waits included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Shown {
    pub(crate) mailboxes: BTreeMap<String, Vec<ShownRow>>,
    /// How many there are, and how many unread, as the folder says.
    pub(crate) counts: BTreeMap<String, (usize, usize)>,
    pub(crate) subscribed: BTreeSet<String>,
}

impl Shown {
    /// Of the account with that name.
    pub(crate) fn of(data_dir: &Path, account: &str) -> Self {
        let store = Store::open(data_dir).unwrap();
        let reader = store.reader().unwrap();
        let accounts = reader.accounts().unwrap();
        let found = accounts.iter().find(|row| row.name == account);
        let mut shown = Self::default();
        let Some(account) = found else { return shown };
        let size = |n: u32| usize::try_from(n).unwrap();
        for mailbox in reader.mailboxes(account.key).unwrap() {
            if mailbox.is_subscribed {
                shown.subscribed.insert(mailbox.name.clone());
            }
            if !mailbox.is_selectable {
                continue;
            }
            let counts = (size(mailbox.total), size(mailbox.unread));
            shown.counts.insert(mailbox.name.clone(), counts);
            let spec = ViewSpec {
                scope: Scope::Mailbox(mailbox.key),
                filter: None,
                sort: Sort::Newest,
                threads: None,
            };
            let view = reader.view(&spec).unwrap();
            let rows = reader.rows(&view, 0, view.len()).unwrap();
            let mut rows: Vec<ShownRow> = rows
                .iter()
                .filter_map(|row| {
                    // A running engine may have removed it meanwhile.
                    let summary = reader.summary(row.message, Some(row.mailbox)).unwrap()?;
                    let flags = summary.flags.flags().map(|f| f.wire().to_owned());
                    let keywords = summary.flags.keywords().map(|k| k.as_str().to_owned());
                    let mut flags: Vec<String> = flags
                        .chain(keywords)
                        .map(|word| word.to_ascii_lowercase())
                        .collect();
                    flags.sort();
                    Some(ShownRow {
                        id: row.message.0,
                        placed: Placed {
                            message: row.message,
                            mailbox: row.mailbox,
                        },
                        uid: summary.uid.map_or(0, pillarbox::model::Uid::get),
                        message_id: bare(&summary.envelope.message_id),
                        flags,
                    })
                })
                .collect();
            rows.sort();
            shown.mailboxes.insert(mailbox.name.clone(), rows);
        }
        shown
    }
}

/// What waits for a server, or may be under way, in a store: the kinds of the operations.
pub(crate) fn waiting(data_dir: &Path) -> Vec<String> {
    use pillarbox::model::TargetState;
    let store = Store::open(data_dir).unwrap();
    let open = store.reader().unwrap().open_ops().unwrap();
    let waits = open.iter().filter(|op| op.state < TargetState::Settled);
    waits.map(|op| op.kind.name().to_owned()).collect()
}

/// The last operation that waits for a server; 0 where none does.
pub(crate) fn last_waiting(data_dir: &Path) -> i64 {
    use pillarbox::model::TargetState;
    let store = Store::open(data_dir).unwrap();
    let open = store.reader().unwrap().open_ops().unwrap();
    let waits = open.iter().filter(|op| op.state < TargetState::Settled);
    waits.map(|op| op.op.0).max().unwrap_or_default()
}

/// What was refused for good, and why.
pub(crate) fn refused(data_dir: &Path) -> Vec<String> {
    use pillarbox::model::TargetState;
    let store = Store::open(data_dir).unwrap();
    let open = store.reader().unwrap().open_ops().unwrap();
    let refused = open.iter().filter(|op| op.state == TargetState::Rejected);
    refused
        .map(|op| format!("{}: {}", op.label, op.error))
        .collect()
}

/// The account of that name in a store.
pub(crate) fn account_key(data_dir: &Path, account: &str) -> AccountKey {
    let reader = Store::open(data_dir).unwrap().reader().unwrap();
    let accounts = reader.accounts().unwrap();
    accounts.iter().find(|row| row.name == account).unwrap().key
}
