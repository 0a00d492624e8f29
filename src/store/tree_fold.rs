//! The tree as it is shown = the tree that the server has, with every change that waits on it. Pure.
//!
//! Called by `tree_ops` after every change of either. Must never depend on anything but its
//! arguments, since it is repeated after every crash.

/// A mailbox before the changes that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) key: i64,
    pub(super) name: String,
    pub(super) delimiter: Option<char>,
    pub(super) is_subscribed: bool,
}

/// A change that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Made, and subscribed to or not.
    Create(String, bool),
    Rename(String, String),
    Delete(String),
    Subscribe(String, bool),
}

/// What a mailbox is: one that the server has, or one that a change makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Server(i64),
    MadeBy(i64),
}

/// A mailbox as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) origin: Origin,
    pub(super) name: String,
    pub(super) delimiter: Option<char>,
    pub(super) is_subscribed: bool,
    pub(super) is_gone: bool,
    pub(super) is_pending: bool,
}

/// Whether `name` is `top` or lies below it.
pub(super) fn is_within(name: &str, top: &str, delimiter: Option<char>) -> bool {
    name.strip_prefix(top)
        .is_some_and(|rest| rest.is_empty() || delimiter.is_some_and(|d| rest.starts_with(d)))
}

/// The name after `from` was renamed to `to`, where it lies within.
pub(super) fn renamed(name: &str, from: &str, to: &str, delimiter: Option<char>) -> Option<String> {
    is_within(name, from, delimiter)
        .then(|| format!("{to}{}", name.strip_prefix(from).unwrap_or_default()))
}

/// What is shown. `changes` come in their order, each with its key; `delimiter` is that of what
/// they make.
pub(super) fn fold(
    base: &[Base],
    changes: &[(i64, Change)],
    delimiter: Option<char>,
) -> Vec<Shown> {
    let mut shown: Vec<Shown> = base
        .iter()
        .map(|b| Shown {
            origin: Origin::Server(b.key),
            name: b.name.clone(),
            delimiter: b.delimiter,
            is_subscribed: b.is_subscribed,
            is_gone: false,
            is_pending: false,
        })
        .collect();
    for (key, change) in changes {
        let there = |s: &&mut Shown| !s.is_gone;
        match change {
            Change::Create(name, is_subscribed) => {
                if !shown.iter().any(|s| !s.is_gone && s.name == *name) {
                    shown.push(Shown {
                        origin: Origin::MadeBy(*key),
                        name: name.clone(),
                        delimiter,
                        is_subscribed: *is_subscribed,
                        is_gone: false,
                        is_pending: true,
                    });
                }
            }
            Change::Rename(from, to) => {
                for one in shown.iter_mut().filter(there) {
                    if let Some(name) = renamed(&one.name, from, to, one.delimiter) {
                        one.name = name;
                        one.is_pending = true;
                    }
                }
            }
            Change::Delete(name) => {
                for one in shown.iter_mut().filter(there).filter(|s| s.name == *name) {
                    one.is_gone = true;
                    one.is_pending = true;
                }
            }
            Change::Subscribe(name, is_on) => {
                for one in shown.iter_mut().filter(there).filter(|s| s.name == *name) {
                    one.is_subscribed = *is_on;
                    one.is_pending = true;
                }
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(names: &[&str]) -> Vec<Base> {
        (1..)
            .zip(names)
            .map(|(key, name)| Base {
                key,
                name: (*name).to_owned(),
                delimiter: Some('/'),
                is_subscribed: false,
            })
            .collect()
    }

    fn names(shown: &[Shown]) -> Vec<&str> {
        let mut names: Vec<&str> = shown
            .iter()
            .filter(|s| !s.is_gone)
            .map(|s| s.name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_rename_takes_what_lies_below_along_and_nothing_else() {
        let rename = [(1, Change::Rename("A".to_owned(), "B/C".to_owned()))];
        let shown = fold(&base(&["A", "A/x", "Ab", "INBOX"]), &rename, Some('/'));
        assert_eq!(names(&shown), ["Ab", "B/C", "B/C/x", "INBOX"]);
    }

    #[test]
    fn changes_build_on_one_another_and_keep_who_is_who() {
        let changes = [
            (1, Change::Create("New".to_owned(), true)),
            (2, Change::Rename("New".to_owned(), "Old".to_owned())),
            (3, Change::Delete("A".to_owned())),
            (4, Change::Create("A".to_owned(), true)),
            (5, Change::Subscribe("A".to_owned(), false)),
        ];
        let shown = fold(&base(&["A"]), &changes, Some('/'));
        assert_eq!(names(&shown), ["A", "Old"]);
        let of = |name: &str| shown.iter().find(|s| !s.is_gone && s.name == name).unwrap();
        assert_eq!(of("Old").origin, Origin::MadeBy(1));
        assert_eq!(of("A").origin, Origin::MadeBy(4));
        assert!(!of("A").is_subscribed && of("Old").is_subscribed);
        assert!(
            shown
                .iter()
                .any(|s| s.is_gone && s.origin == Origin::Server(1))
        );
    }

    #[test]
    fn what_is_there_already_is_not_made_twice() {
        let shown = fold(
            &base(&["A"]),
            &[(1, Change::Create("A".to_owned(), true))],
            None,
        );
        assert_eq!(shown.len(), 1);
        assert!(!shown[0].is_pending);
    }
}
