//! The tree of folders as another client sees it: names, subscriptions, counts, and all bytes in them.
//!
//! Used by the tests of folders and of moves. Names on the wire are written here by hand, so that the
//! program's own coding of names is not what proves it right.

use super::{Kind, OtherClient};

/// Letters of other scripts in the tests' names, and their modified UTF-7 (RFC 3501 section 5.1.3).
const CODED: [(&str, &str); 3] = [
    ("&", "&-"),
    ("Entwürfe", "Entw&APw-rfe"),
    ("日本", "&ZeVnLA-"),
];

/// How one kind of server writes the names that the tests write with `/`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Levels(pub(crate) Kind);

impl Levels {
    /// The full name as we show it.
    pub(crate) fn name(self, path: &str) -> String {
        if path == "INBOX" {
            return path.to_owned();
        }
        let (prefix, separator) = self.0.namespace();
        format!("{prefix}{}", path.replace('/', separator))
    }

    /// The full name as the server does.
    pub(crate) fn wire(self, path: &str) -> String {
        let name = self.name(path);
        CODED
            .iter()
            .fold(name, |name, (text, coded)| name.replace(text, coded))
    }
}

/// What goes between quotes for that name.
fn quoted(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"")
}

impl OtherClient {
    /// All names on the wire that are there, sorted; those that only hold others in brackets.
    pub(crate) fn tree(&mut self) -> Vec<String> {
        let mut names: Vec<String> = self
            .run("LIST \"\" \"*\"")
            .iter()
            .filter_map(|line| line.strip_prefix("* LIST "))
            .map(|line| {
                let (flags, name) = parts(line);
                let is_folder = !["\\noselect", "\\nonexistent"]
                    .iter()
                    .any(|flag| flags.to_lowercase().contains(flag));
                if is_folder { name } else { format!("[{name}]") }
            })
            .collect();
        names.sort();
        names
    }

    /// All names on the wire that are subscribed, sorted.
    pub(crate) fn subscribed(&mut self) -> Vec<String> {
        let mut names: Vec<String> = self
            .run("LSUB \"\" \"*\"")
            .iter()
            .filter_map(|line| line.strip_prefix("* LSUB "))
            .map(|line| parts(line).1)
            .collect();
        names.sort();
        names
    }

    /// How many messages are in a mailbox, and how many of them are unread, by STATUS.
    pub(crate) fn counts(&mut self, mailbox: &str) -> [u32; 2] {
        let command = format!("STATUS \"{}\" (MESSAGES UNSEEN)", quoted(mailbox));
        let said = self.run(&command).join(" ");
        ["MESSAGES ", "UNSEEN "].map(|item| {
            let rest = said.split(item).nth(1).unwrap();
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
            digits.unwrap().parse().unwrap()
        })
    }

    /// Every message of a mailbox, sorted: date of arrival, flags without `\Recent`, exact bytes.
    pub(crate) fn messages(&mut self, mailbox: &str) -> Vec<(String, Vec<String>, String)> {
        let mailbox = quoted(mailbox);
        let mut found: Vec<_> = self
            .search(&mailbox, "ALL")
            .into_iter()
            .map(|uid| {
                let date = self.internal_date(uid);
                let flags = self.flags(&mailbox, uid);
                let body = self.body(&mailbox, uid);
                (date, flags, String::from_utf8_lossy(&body).into_owned())
            })
            .collect();
        found.sort();
        found
    }

    /// When a message of the selected mailbox arrived.
    fn internal_date(&mut self, uid: u32) -> String {
        let said = self
            .run(&format!("UID FETCH {uid} (INTERNALDATE)"))
            .join(" ");
        let date = said.split("INTERNALDATE \"").nth(1).unwrap();
        date.split('"').next().unwrap().to_owned()
    }

    /// The mailboxes that hold a message with that text in its subject, each as often as it does.
    pub(crate) fn places(&mut self, subject: &str) -> Vec<String> {
        let names = self.tree().into_iter();
        let mut places = Vec::new();
        for name in names.filter(|name| !name.starts_with('[')) {
            let found = self.search(&quoted(&name), &format!("SUBJECT \"{subject}\""));
            places.extend(found.iter().map(|_| name.clone()));
        }
        places
    }
}

/// Attributes and name of a LIST or LSUB response. The name is an atom, quoted, or a literal.
fn parts(line: &str) -> (&str, String) {
    let (flags, rest) = line.split_once(") ").unwrap();
    let (_delimiter, name) = rest.split_once(' ').unwrap();
    let name = match (name.strip_prefix('"'), name.split_once("}\r\n")) {
        (Some(quoted), _) => unescaped(quoted.strip_suffix('"').unwrap()),
        (None, Some((_, literal))) => literal.to_owned(),
        (None, None) => name.to_owned(),
    };
    (flags, name)
}

fn unescaped(quoted: &str) -> String {
    let mut name = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        name.extend(if letter == '\\' {
            letters.next()
        } else {
            Some(letter)
        });
    }
    name
}
