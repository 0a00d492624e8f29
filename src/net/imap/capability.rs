//! What a server can do, asked by purpose.
//!
//! Kept by the session's state, read by every verb and by callers. No command may be sent without
//! the capability it needs.

/// What IMAP4rev2 holds without saying so (RFC 9051 appendix E).
const IN_REV2: &[&str] = &[
    "NAMESPACE",
    "UNSELECT",
    "UIDPLUS",
    "ESEARCH",
    "SEARCHRES",
    "ENABLE",
    "IDLE",
    "SASL-IR",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "MOVE",
    "LITERAL-",
    "SPECIAL-USE",
    "STATUS=SIZE",
];

/// What the server can do, asked by purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    names: Vec<String>,
    is_qresync_on: bool,
    has_no_idle: bool,
}

impl Capabilities {
    /// Those of something that is no server, but offers its verbs.
    pub(crate) fn of(names: &[&str]) -> Self {
        Self {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Self::default()
        }
    }

    /// Whether the server announced `name` (any case).
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let said = |name: &str| self.names.iter().any(|n| n.eq_ignore_ascii_case(name));
        let implied = |name: &str| IN_REV2.iter().any(|n| n.eq_ignore_ascii_case(name));
        said(name) || (implied(name) && said("IMAP4REV2"))
    }

    /// Whether CONDSTORE is usable.
    #[must_use]
    pub fn can_condstore(&self) -> bool {
        self.has("CONDSTORE") || self.has("QRESYNC")
    }

    /// Whether QRESYNC is enabled.
    #[must_use]
    pub const fn can_qresync(&self) -> bool {
        self.is_qresync_on
    }

    /// Whether IDLE is offered.
    #[must_use]
    pub fn can_idle(&self) -> bool {
        !self.has_no_idle && self.has("IDLE")
    }

    /// Whether messages can be moved by one command (MOVE, RFC 6851).
    #[must_use]
    pub fn can_move(&self) -> bool {
        self.has("MOVE")
    }

    /// Whether single messages can be expunged, and copies are told (UIDPLUS, RFC 4315).
    #[must_use]
    pub fn can_uidplus(&self) -> bool {
        self.has("UIDPLUS")
    }

    /// Whether the room on the server can be asked for (QUOTA, RFC 9208; RFC 2087).
    #[must_use]
    pub fn can_quota(&self) -> bool {
        self.has("QUOTA")
    }

    /// Whether rights can be asked for (ACL, RFC 4314).
    #[must_use]
    pub fn can_acl(&self) -> bool {
        self.has("ACL")
    }

    /// The largest message that can be put into any mailbox, in bytes (APPENDLIMIT, RFC 7889);
    /// `None` where the server does not say.
    #[must_use]
    pub fn append_limit(&self) -> Option<u64> {
        let limits = self.names.iter().filter_map(|name| {
            let (word, limit) = name.split_once('=')?;
            word.eq_ignore_ascii_case("APPENDLIMIT")
                .then(|| limit.parse().ok())?
        });
        limits.min()
    }

    /// Whether messages have ids of their own (RFC 8474).
    pub(super) fn can_object_id(&self) -> bool {
        self.has("OBJECTID")
    }

    /// Whether names travel in UTF-8: servers that know IMAP4rev2 alone have no other form.
    pub(super) fn takes_utf8(&self) -> bool {
        self.has("IMAP4rev2") && !self.has("IMAP4rev1")
    }

    /// All names, in order, for `doctor`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether nothing is known yet.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Takes over a new announcement; what was enabled stays enabled.
    pub(super) fn learn(&mut self, names: Vec<String>) {
        self.names = names;
    }

    /// Forgets everything: after it was learnt in clear, or when logging in changes it.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Notes what ENABLE brought.
    pub(super) fn enabled(&mut self, names: &[String]) {
        self.is_qresync_on |= names.iter().any(|n| n.eq_ignore_ascii_case("QRESYNC"));
    }

    /// Notes that IDLE is announced but refused.
    pub(super) const fn lose_idle(&mut self) {
        self.has_no_idle = true;
    }
}
