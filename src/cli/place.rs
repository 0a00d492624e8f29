//! Where a command works: configuration, data folder, store, and the accounts that it is about.
//!
//! Opened by `mod.rs`. A name that the user gave must never be taken for another one silently.

use super::args::Args;
use super::exit::Failure;
use super::{keys, log};
use crate::config::{self, Loaded};
use crate::model::{AccountKey, Mailbox, Role};
use crate::store::{Reader, Store, make_private_folder};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Configuration and folders of one run.
#[derive(Debug)]
pub(super) struct Place {
    /// The configuration.
    pub(super) loaded: Loaded,
    /// The folder for mail and logs; it exists.
    pub(super) data_dir: PathBuf,
    /// The account that the user named; it is in the configuration.
    pub(super) account: Option<String>,
}

/// The file that holds the configuration for these arguments.
pub(super) fn config_file(args: &Args) -> Result<PathBuf, config::Error> {
    args.config.clone().map_or_else(config::config_file, Ok)
}

/// Reads the configuration for these arguments, its keys included.
pub(super) fn configuration(args: &Args) -> Result<Loaded, config::Error> {
    let loaded = config::load(&config_file(args)?)?;
    keys::check(&loaded)?;
    Ok(loaded)
}

/// The data folder for these arguments; made, for its user only, where it is not there.
pub(super) fn data_dir(args: &Args) -> Result<PathBuf, Failure> {
    let folder = args.data_dir.clone().map_or_else(config::data_dir, Ok)?;
    make_private_folder(&folder).map_err(|error| {
        Failure::failed(format!(
            "the data folder {} cannot be made: {error}; name another one with --data-dir",
            folder.display()
        ))
    })?;
    Ok(folder)
}

/// Refuses the name of an account that is not in the configuration.
pub(super) fn known_account(loaded: &Loaded, wanted: Option<&str>) -> Result<(), Failure> {
    let Some(name) = wanted.filter(|name| loaded.config.account(name).is_none()) else {
        return Ok(());
    };
    let known: Vec<&str> = loaded
        .config
        .accounts
        .iter()
        .map(|(n, _)| n.as_str())
        .collect();
    Err(Failure::usage(format!(
        "there is no account {name:?} in {}; there is: {}",
        loaded.file.display(),
        known.join(", ")
    )))
}

impl Place {
    /// Reads the configuration, makes the data folder, begins the log.
    pub(super) fn open(args: &Args) -> Result<Self, Failure> {
        let loaded = configuration(args)?;
        known_account(&loaded, args.account.as_deref())?;
        let data_dir = data_dir(args)?;
        log::begin(&data_dir);
        Ok(Self {
            loaded,
            data_dir,
            account: args.account.clone(),
        })
    }

    /// Opens the store.
    pub(super) fn store(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.data_dir)?)
    }

    /// The names of the accounts that the command is about, in the order of the configuration.
    pub(super) fn account_names(&self) -> Vec<&str> {
        let all = self
            .loaded
            .config
            .accounts
            .iter()
            .map(|(name, _)| name.as_str());
        all.filter(|name| self.account.as_deref().is_none_or(|only| only == *name))
            .collect()
    }
}

/// What the store holds of the configured accounts.
#[derive(Debug)]
pub(super) struct Tree {
    /// The names of all accounts that the store knows.
    names: BTreeMap<AccountKey, String>,
    /// The mailboxes of the accounts that the command is about, in order.
    pub(super) mailboxes: Vec<Mailbox>,
}

impl Tree {
    /// Reads it.
    pub(super) fn read(place: &Place, reader: &Reader) -> Result<Self, Failure> {
        let rows = reader.accounts()?;
        let mut mailboxes = Vec::new();
        for name in place.account_names() {
            if let Some(row) = rows.iter().find(|row| row.name == name) {
                mailboxes.extend(reader.mailboxes(row.key)?);
            }
        }
        let names = rows.into_iter().map(|row| (row.key, row.name)).collect();
        Ok(Self { names, mailboxes })
    }

    /// The name of an account.
    pub(super) fn account_name(&self, key: AccountKey) -> &str {
        self.names.get(&key).map_or("", String::as_str)
    }

    /// The mailboxes of one of these accounts, in order.
    pub(super) fn of(&self, account: AccountKey) -> Vec<Mailbox> {
        let all = self.mailboxes.iter();
        all.filter(|m| m.account == account).cloned().collect()
    }

    /// The key of an account that the store knows.
    pub(super) fn account_key(&self, name: &str) -> Option<AccountKey> {
        let mut known = self.names.iter();
        known.find(|(_, known)| *known == name).map(|(key, _)| *key)
    }

    /// The mailbox that the user means: by full name, by what it is for, or by ACCOUNT/NAME.
    pub(super) fn find(&self, wanted: &str) -> Result<&Mailbox, Failure> {
        let remedy = "`pillarbox mailboxes` lists them";
        self.find_or(wanted, remedy)
    }

    /// The same for where something is to go: it can be made where it is not there.
    pub(super) fn find_target(&self, wanted: &str) -> Result<&Mailbox, Failure> {
        let remedy = "`pillarbox mailboxes` lists them, `pillarbox mailbox create` makes one";
        self.find_or(wanted, remedy)
    }

    fn find_or(&self, wanted: &str, remedy: &str) -> Result<&Mailbox, Failure> {
        let here = |mailbox: &&Mailbox, rule: Rule, wanted: &str| is_meant(mailbox, rule, wanted);
        for rule in RULES {
            let plain = self.mailboxes.iter().filter(|m| here(m, rule, wanted));
            let with_account = self.mailboxes.iter().filter(|m| {
                wanted
                    .strip_prefix(self.account_name(m.account))
                    .and_then(|rest| rest.strip_prefix('/'))
                    .is_some_and(|rest| here(m, rule, rest))
            });
            let mut found: Vec<&Mailbox> = plain.collect();
            found.extend(with_account);
            match found.as_slice() {
                [] => {}
                [one] => return Ok(one),
                several => {
                    let name =
                        |m: &&Mailbox| format!("{}/{}", self.account_name(m.account), m.name);
                    let names: Vec<String> = several.iter().map(name).collect();
                    return Err(Failure::usage(format!(
                        "{wanted:?} can be several folders; write one of them: {}",
                        names.join(", ")
                    )));
                }
            }
        }
        Err(Failure::failed(self.not_found(wanted, remedy)))
    }

    fn not_found(&self, wanted: &str, remedy: &str) -> String {
        if self.mailboxes.is_empty() {
            return format!(
                "there is no folder {wanted:?}: none is known yet; run `pillarbox sync` first"
            );
        }
        let near = self
            .mailboxes
            .iter()
            .map(|m| {
                (
                    strsim::damerau_levenshtein(wanted, &m.name),
                    m.name.as_str(),
                )
            })
            .min()
            .filter(|(distance, name)| *distance <= 1 + name.len() / 3);
        let near = near.map_or(String::new(), |(_, name)| {
            format!("did you mean {name:?}? ")
        });
        format!("there is no folder {wanted:?}; {near}{remedy}")
    }
}

/// How a name can mean a mailbox; the first rule by which one is found holds.
#[derive(Debug, Clone, Copy)]
enum Rule {
    Exact,
    Purpose,
    AnyCase,
}

const RULES: [Rule; 3] = [Rule::Exact, Rule::Purpose, Rule::AnyCase];

fn is_meant(mailbox: &Mailbox, rule: Rule, wanted: &str) -> bool {
    match rule {
        // RFC 9051 section 5.1: INBOX is INBOX in any case.
        Rule::Exact => {
            let is_inbox = |name: &str| name.eq_ignore_ascii_case("INBOX");
            mailbox.name == wanted || is_inbox(&mailbox.name) && is_inbox(wanted)
        }
        Rule::Purpose => {
            let role = Role::from_name(&wanted.to_ascii_lowercase());
            role.is_some() && mailbox.role == role
        }
        Rule::AnyCase => mailbox.name.to_lowercase() == wanted.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MailboxKey;

    fn mailbox(account: i64, name: &str, role: Option<Role>) -> Mailbox {
        Mailbox {
            key: MailboxKey(account * 100 + i64::try_from(name.len()).unwrap()),
            account: AccountKey(account),
            name: name.to_owned(),
            delimiter: Some('/'),
            role,
            is_subscribed: true,
            namespace: crate::model::Namespace::Personal,
            rights: crate::model::Rights::ALL,
            is_pending: false,
            is_selectable: true,
            total: 0,
            unread: 0,
        }
    }

    fn tree() -> Tree {
        let names = [
            (AccountKey(1), "work".to_owned()),
            (AccountKey(2), "home".to_owned()),
        ];
        Tree {
            names: names.into(),
            mailboxes: vec![
                mailbox(1, "INBOX", Some(Role::Inbox)),
                mailbox(1, "Sent Items", Some(Role::Sent)),
                mailbox(1, "Projects/alpha", None),
                mailbox(1, "sent", None),
                mailbox(2, "INBOX", Some(Role::Inbox)),
                mailbox(2, "Trash", Some(Role::Trash)),
            ],
        }
    }

    #[test]
    fn a_folder_is_found_by_name_by_purpose_and_by_account() {
        let tree = tree();
        for (wanted, account, name) in [
            ("Projects/alpha", 1, "Projects/alpha"),
            ("projects/ALPHA", 1, "Projects/alpha"),
            ("work/inbox", 1, "INBOX"),
            ("home/Inbox", 2, "INBOX"),
            ("trash", 2, "Trash"),
            // A folder of that very name goes before what a folder is for.
            ("sent", 1, "sent"),
            ("Sent Items", 1, "Sent Items"),
        ] {
            let found = tree.find(wanted).unwrap();
            assert_eq!(
                (found.account.0, found.name.as_str()),
                (account, name),
                "{wanted}"
            );
        }
    }

    #[test]
    fn a_name_in_two_accounts_is_asked_back_and_an_unknown_one_suggests() {
        let tree = tree();
        let said = format!("{:?}", tree.find("INBOX").unwrap_err());
        assert!(said.contains("work/INBOX, home/INBOX"), "{said}");
        let said = format!("{:?}", tree.find("Projcts/alpha").unwrap_err());
        assert!(
            said.contains("did you mean") && said.contains("Projects/alpha"),
            "{said}"
        );
    }
}
