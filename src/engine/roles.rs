//! What mailboxes are for: by the configuration, by the server, and where both are silent by name.
//!
//! Called by `tree` for each complete list. A role must never be given to two mailboxes by their
//! names, nor to one that is not the user's own.

use crate::model::{Namespace, Role};
use crate::net::imap::Listed;
use std::collections::BTreeMap;

/// Names that other programs and servers give, in lower case; the first that is there wins.
const NAMES: [(Role, &[&str]); 5] = [
    (
        Role::Sent,
        &[
            "sent",
            "sent items",
            "sent messages",
            "sent mail",
            "sent-mail",
            "gesendet",
            "gesendete objekte",
            "gesendete elemente",
            "envoyés",
            "éléments envoyés",
            "enviados",
            "elementos enviados",
            "posta inviata",
            "inviata",
            "verzonden items",
            "skickat",
            "отправленные",
            "送信済み",
            "已发送",
        ],
    ),
    (
        Role::Drafts,
        &[
            "drafts",
            "draft",
            "entwürfe",
            "brouillons",
            "borradores",
            "bozze",
            "concepten",
            "utkast",
            "черновики",
            "下書き",
            "草稿",
        ],
    ),
    (
        Role::Trash,
        &[
            "trash",
            "deleted items",
            "deleted messages",
            "bin",
            "papierkorb",
            "gelöschte objekte",
            "gelöschte elemente",
            "corbeille",
            "éléments supprimés",
            "papelera",
            "cestino",
            "prullenbak",
            "papperskorgen",
            "корзина",
            "ゴミ箱",
            "已删除",
        ],
    ),
    (
        Role::Junk,
        &[
            "junk",
            "spam",
            "junk e-mail",
            "junk email",
            "junk mail",
            "bulk mail",
            "spamverdacht",
            "courrier indésirable",
            "correo no deseado",
            "posta indesiderata",
            "спам",
        ],
    ),
    (
        Role::Archive,
        &[
            "archive",
            "archives",
            "archiv",
            "archivio",
            "archivo",
            "archief",
            "архив",
        ],
    ),
];

/// The role of each listed mailbox, in the order of the list.
pub(crate) fn roles(list: &[Listed], configured: &BTreeMap<Role, String>) -> Vec<Option<Role>> {
    let mut roles: Vec<Option<Role>> = list
        .iter()
        .map(|listed| {
            let set = configured.iter().find(|(_, name)| **name == listed.name);
            // A role that the configuration gives to another mailbox is not the server's to give.
            set.map(|(role, _)| *role)
                .or(listed.role.filter(|r| !configured.contains_key(r)))
        })
        .collect();
    for (role, names) in NAMES {
        if configured.contains_key(&role) || roles.contains(&Some(role)) {
            continue;
        }
        let place = names.iter().find_map(|name| {
            list.iter()
                .zip(&roles)
                .position(|(l, taken)| taken.is_none() && is_called(l, name))
        });
        if let Some(slot) = place.and_then(|at| roles.get_mut(at)) {
            *slot = Some(role);
        }
    }
    roles
}

/// Whether a mailbox of the user's own, at the top or right below INBOX, has that name.
fn is_called(listed: &Listed, name: &str) -> bool {
    if listed.namespace != Namespace::Personal || !listed.is_selectable {
        return false;
    }
    let below_inbox = listed
        .delimiter
        .and_then(|d| listed.name.strip_prefix(&format!("INBOX{d}")));
    below_inbox.unwrap_or(&listed.name).to_lowercase() == name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::imap::Status;

    fn listed(name: &str, role: Option<Role>) -> Listed {
        Listed {
            name: name.to_owned(),
            delimiter: Some('.'),
            role,
            is_subscribed: true,
            is_selectable: true,
            status: Status::default(),
            namespace: Namespace::Personal,
            rights: None,
        }
    }

    #[test]
    fn what_the_server_does_not_say_is_told_by_the_name() {
        let list = [
            listed("INBOX", Some(Role::Inbox)),
            listed("INBOX.Sent Items", None),
            listed("Papierkorb", None),
            listed("INBOX.Trash", None),
            listed("Work.Spam", None),
        ];
        assert_eq!(
            roles(&list, &BTreeMap::new()),
            [
                Some(Role::Inbox),
                Some(Role::Sent),
                None,
                Some(Role::Trash),
                None
            ]
        );
    }

    #[test]
    fn the_server_is_believed_before_a_name_and_the_configuration_before_both() {
        let list = [
            listed("Trash", None),
            listed("Bin", Some(Role::Trash)),
            listed("Old", None),
        ];
        let by_server = [None, Some(Role::Trash), None];
        assert_eq!(roles(&list, &BTreeMap::new()), by_server);
        let configured = BTreeMap::from([(Role::Trash, "Old".to_owned())]);
        assert_eq!(roles(&list, &configured), [None, None, Some(Role::Trash)]);
        let mut theirs = listed("Trash", None);
        theirs.namespace = Namespace::Shared;
        assert_eq!(roles(&[theirs], &BTreeMap::new()), [None]);
    }
}
