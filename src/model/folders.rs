//! What a change of the folder tree comes to: which names may be, and what deleting a folder means.
//!
//! Asked by `app` and `cli` before they record a [`FolderChange`](super::FolderChange), each time
//! with the mailboxes of one account. A deletion that loses a message must never be planned as one
//! that needs no asking.

use super::{Invalid, Mailbox, Namespace, Right, Role};

/// The longest name that is taken, in bytes.
const NAME_MAX: usize = 500;

/// What deleting a folder comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletePlan {
    /// It goes below Trash under this name, with all that is in it: a rename, which can be undone.
    ToTrash(String),
    /// There is nothing in it that could be lost.
    AtOnce,
    /// What is in it is lost for good: to be asked first.
    ForGood {
        /// Messages in it and below it.
        messages: u32,
        /// Folders below it.
        folders: u32,
    },
    /// It cannot be deleted, and why: the rest of a sentence.
    No(&'static str),
}

/// What deleting the folder of that name comes to; `mailboxes` are those of its account.
#[must_use]
pub fn plan_delete(mailboxes: &[Mailbox], name: &str) -> DeletePlan {
    let Some(mailbox) = mailboxes.iter().find(|m| m.name == name) else {
        return DeletePlan::No("there is no such folder");
    };
    if let Err(why) = may_rename(mailbox) {
        return DeletePlan::No(why);
    }
    let below = || mailboxes.iter().filter(|m| m.is_below(name));
    if below().any(|m| m.role == Some(Role::Trash)) {
        return DeletePlan::No("Trash lies in it");
    }
    let folders = u32::try_from(below().count()).unwrap_or(u32::MAX);
    let messages = below()
        .map(|m| m.total)
        .fold(mailbox.total, u32::saturating_add);
    if folders == 0 && messages == 0 {
        return DeletePlan::AtOnce;
    }
    match name_in_trash(mailboxes, mailbox) {
        Some(to) => DeletePlan::ToTrash(to),
        None => DeletePlan::ForGood { messages, folders },
    }
}

/// A free name for the folder below Trash; `None` where it cannot go there.
fn name_in_trash(mailboxes: &[Mailbox], mailbox: &Mailbox) -> Option<String> {
    let trash = mailboxes.iter().find(|m| m.role == Some(Role::Trash))?;
    let delimiter = trash.delimiter?;
    let is_ours = |m: &Mailbox| m.namespace == Namespace::Personal;
    let is_there = mailbox.name == trash.name || mailbox.is_below(&trash.name);
    if is_there || !is_ours(mailbox) || !is_ours(trash) || !trash.rights.has(Right::Create) {
        return None;
    }
    // In a name without levels, or with others, what separates levels in Trash means nothing.
    let leaf = mailbox.leaf().replace(delimiter, "-");
    let first = format!("{}{delimiter}{leaf}", trash.name);
    // Some servers take `news` and `News` for one.
    let is_free = |name: &String| {
        let lower = name.to_lowercase();
        mailboxes.iter().all(|m| m.name.to_lowercase() != lower)
    };
    let others = (2..1000).map(|n| format!("{first} {n}"));
    std::iter::once(first.clone()).chain(others).find(is_free)
}

/// Whether a folder may get another name, or go.
///
/// # Errors
/// Why not, as the rest of a sentence.
pub fn may_rename(mailbox: &Mailbox) -> Result<(), &'static str> {
    if is_inbox(&mailbox.name) || mailbox.role == Some(Role::Inbox) {
        return Err("the inbox stays as it is");
    }
    if !mailbox.rights.has(Right::DeleteMailbox) {
        return Err("the server does not let you change this folder");
    }
    Ok(())
}

/// The name that a new folder gets for what was typed: blanks around it and its levels go, `inbox`
/// becomes `INBOX`, and where all folders lie below `INBOX`, as some servers want it, so does it.
///
/// # Errors
/// What is wrong with it: a name that exists, that cannot be, or that lies where none may be made.
pub fn check_new_name(
    mailboxes: &[Mailbox],
    name: &str,
    delimiter: Option<char>,
) -> Result<String, Invalid> {
    let wrong = |why| Err(Invalid::new(name.trim(), why));
    if name.trim().is_empty() {
        return wrong("is not a name");
    }
    if name
        .chars()
        .any(|c| c.is_control() || "\u{2028}\u{2029}\u{feff}".contains(c))
    {
        return wrong("holds a character that no name can have");
    }
    if name.contains(['*', '%']) {
        return wrong("holds * or %, which stand for any name");
    }
    let mut levels: Vec<&str> = match delimiter {
        Some(delimiter) => name.split(delimiter).map(str::trim).collect(),
        None => vec![name.trim()],
    };
    if levels.iter().any(|level| level.is_empty()) {
        let is_begun = levels.split_last().is_some_and(|(last, above)| {
            last.is_empty() && above.iter().all(|level| !level.is_empty())
        });
        return wrong(if is_begun {
            "needs a name at its end"
        } else {
            "lacks a name between two levels"
        });
    }
    if let Some(first) = levels.first_mut().filter(|first| is_inbox(first)) {
        *first = "INBOX";
    } else if has_all_below_inbox(mailboxes) {
        levels.insert(0, "INBOX");
    }
    let between = delimiter.map(String::from).unwrap_or_default();
    let full = levels.join(&between);
    if full.len() > NAME_MAX {
        return wrong("is too long");
    }
    if mailboxes.iter().any(|m| m.name == full) {
        return wrong("exists already");
    }
    let above = mailboxes.iter().filter(|m| {
        let rest = full.strip_prefix(m.name.as_str());
        rest.is_some_and(|rest| delimiter.is_some_and(|d| rest.starts_with(d)))
    });
    let nearest = above.max_by_key(|m| m.name.len());
    if nearest.is_some_and(|m| !m.rights.has(Right::Create)) {
        return wrong("lies in a folder where you may make none");
    }
    Ok(full)
}

/// The new name of a folder for what was typed.
///
/// # Errors
/// As [`check_new_name`], and where it would lie in itself or is not to be changed.
pub fn check_rename(
    mailboxes: &[Mailbox],
    mailbox: &Mailbox,
    name: &str,
) -> Result<String, Invalid> {
    may_rename(mailbox).map_err(|why| Invalid::new(&mailbox.name, why))?;
    let full = check_new_name(mailboxes, name, mailbox.delimiter)?;
    let is_in_itself = full
        .strip_prefix(mailbox.name.as_str())
        .is_some_and(|rest| mailbox.delimiter.is_some_and(|d| rest.starts_with(d)));
    if is_in_itself {
        return Err(Invalid::new(name.trim(), "lies in the folder itself"));
    }
    Ok(full)
}

/// Whether the account's server keeps all of a user's folders below `INBOX`.
#[must_use]
pub fn has_all_below_inbox(mailboxes: &[Mailbox]) -> bool {
    let mut others = mailboxes
        .iter()
        .filter(|m| m.namespace == Namespace::Personal && !is_inbox(&m.name))
        .peekable();
    others.peek().is_some() && others.all(|m| m.is_below("INBOX"))
}

fn is_inbox(name: &str) -> bool {
    name.eq_ignore_ascii_case("INBOX")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountKey, MailboxKey, Rights};

    fn mailbox(name: &str, total: u32) -> Mailbox {
        Mailbox {
            key: MailboxKey(1),
            account: AccountKey(1),
            name: name.to_owned(),
            delimiter: Some('/'),
            role: match name {
                "INBOX" => Some(Role::Inbox),
                "Trash" => Some(Role::Trash),
                _ => None,
            },
            is_subscribed: true,
            is_selectable: true,
            total,
            unread: 0,
            namespace: Namespace::Personal,
            rights: Rights::ALL,
            is_pending: false,
        }
    }

    fn tree(names: &[(&str, u32)]) -> Vec<Mailbox> {
        let all = names.iter();
        all.map(|(name, total)| mailbox(name, *total)).collect()
    }

    fn read_only(name: &str) -> Mailbox {
        Mailbox {
            rights: Rights::from_letters("lr"),
            ..mailbox(name, 3)
        }
    }

    #[test]
    fn a_folder_with_mail_goes_below_trash_under_a_free_name() {
        let mut all = tree(&[("Trash", 0), ("a/news", 3), ("b/news", 0), ("b/news/c", 1)]);
        let to = |name: &str| DeletePlan::ToTrash(name.to_owned());
        assert_eq!(plan_delete(&all, "a/news"), to("Trash/news"));
        assert_eq!(
            plan_delete(&all, "b/news"),
            to("Trash/news"),
            "mail lies below it"
        );
        all.extend(tree(&[("Trash/News", 0), ("Trash/news 2", 0)]));
        assert_eq!(plan_delete(&all, "a/news"), to("Trash/news 3"));
    }

    #[test]
    fn what_holds_nothing_goes_at_once_and_what_would_be_lost_is_counted() {
        let all = tree(&[
            ("INBOX", 9),
            ("a", 0),
            ("b", 2),
            ("b/c", 3),
            ("b/c/d", 0),
            ("bc", 7),
        ]);
        assert_eq!(plan_delete(&all, "a"), DeletePlan::AtOnce);
        let lost = |messages, folders| DeletePlan::ForGood { messages, folders };
        assert_eq!(plan_delete(&all, "b"), lost(5, 2), "there is no Trash");
        let all = tree(&[("Trash", 4), ("Trash/b", 2), ("Trash/b/c", 0)]);
        assert_eq!(
            plan_delete(&all, "Trash/b"),
            lost(2, 1),
            "it is in Trash already"
        );
        assert_eq!(plan_delete(&all, "Trash"), lost(6, 2));
    }

    #[test]
    fn trash_that_takes_no_folders_is_not_planned_with() {
        let lost = DeletePlan::ForGood {
            messages: 3,
            folders: 0,
        };
        let mut flat = tree(&[("Trash", 0), ("a", 3)]);
        flat[0].delimiter = None;
        assert_eq!(plan_delete(&flat, "a"), lost);
        let mut closed = tree(&[("Trash", 0), ("a", 3)]);
        closed[0].rights = Rights::from_letters("lrswite");
        assert_eq!(plan_delete(&closed, "a"), lost);
        let mut shared = tree(&[("Trash", 0), ("a", 3)]);
        shared[1].namespace = Namespace::Shared;
        assert_eq!(plan_delete(&shared, "a"), lost);
    }

    #[test]
    fn the_inbox_a_folder_around_trash_and_one_without_the_right_stay() {
        let mut all = tree(&[("INBOX", 3), ("Mail", 0), ("Mail/Bin", 0)]);
        all[2].role = Some(Role::Trash);
        all.push(read_only("news"));
        for name in ["INBOX", "Mail", "news", "none"] {
            assert!(
                matches!(plan_delete(&all, name), DeletePlan::No(_)),
                "{name}"
            );
        }
    }

    #[test]
    fn a_new_name_is_taken_as_meant() {
        let all = tree(&[("INBOX", 0), ("Work", 0)]);
        let check = |name| check_new_name(&all, name, Some('/')).unwrap();
        assert_eq!(check("  Work / new one "), "Work/new one");
        assert_eq!(check("inbox/x"), "INBOX/x");
        assert_eq!(check("日本/東京"), "日本/東京");
        assert_eq!(check_new_name(&all, "a/b", None).unwrap(), "a/b");
        let mut below = tree(&[("INBOX", 0), ("INBOX.Sent", 0)]);
        for mailbox in &mut below {
            mailbox.delimiter = Some('.');
        }
        let full = check_new_name(&below, "Work", Some('.')).unwrap();
        assert_eq!(full, "INBOX.Work", "where the server keeps all there");
        assert!(check_new_name(&below, "Sent", Some('.')).is_err());
    }

    #[test]
    fn a_name_that_cannot_be_is_refused_with_its_reason() {
        let mut all = tree(&[("INBOX", 0), ("Work", 0)]);
        all.push(read_only("news"));
        let long = "x".repeat(600);
        for (name, why) in [
            ("", "is not a name"),
            ("Work/", "at its end"),
            ("a//b", "between two levels"),
            ("/", "between two levels"),
            ("a\u{7}b", "no name can have"),
            ("all*", "any name"),
            ("Inbox", "exists already"),
            ("Work", "exists already"),
            ("news/today", "may make none"),
            (long.as_str(), "too long"),
        ] {
            let error = check_new_name(&all, name, Some('/')).unwrap_err();
            assert!(error.why.contains(why), "{name}: {error}");
        }
    }

    #[test]
    fn a_folder_is_not_renamed_into_itself_nor_the_inbox_at_all() {
        let mut all = tree(&[("INBOX", 0), ("a", 0), ("ab", 0)]);
        all.push(read_only("news"));
        assert_eq!(check_rename(&all, &all[1], "ab/a").unwrap(), "ab/a");
        for (at, to) in [(1, "a/b"), (0, "Old"), (3, "olds")] {
            assert!(check_rename(&all, &all[at], to).is_err(), "{to}");
        }
    }
}
