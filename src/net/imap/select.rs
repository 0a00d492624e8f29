//! SELECT (RFC 9051 §6.3.2), with CONDSTORE and QRESYNC (RFC 7162) where they can be had.
//!
//! Called through `Session::select`, `start` and `visit`. What was said of the mailbox before must
//! never be taken for the new one.

use super::command::Command;
use super::response::{Condition, Response, Said};
use super::session::{Pace, Session, Tag, refusal};
use super::state::Mailbox;
use super::types::{Known, Notice, Selected, Status};
use crate::model::{ModSeq, Uid, UidSet, UidValidity};
use crate::net::error::{Error, Result};

/// How many changes are taken with a SELECT.
const CHANGES_MAX: usize = 1_000_000;

/// What a SELECT has brought so far.
#[derive(Debug, Default)]
pub(super) struct Selecting {
    exists: Option<u32>,
    uid_validity: Option<UidValidity>,
    uid_next: Option<Uid>,
    mod_seq: Option<ModSeq>,
    can_make_keywords: Option<bool>,
    notices: Vec<Notice>,
    is_overfull: bool,
}

impl Selecting {
    /// Takes what belongs to the mailbox; gives the rest back.
    pub(super) fn take(&mut self, response: Response) -> Option<Response> {
        match response {
            Response::Exists(count) => self.exists = Some(count),
            Response::Flags | Response::Recent => {}
            Response::Vanished { uids, .. } => self.gone(uids),
            Response::Fetch(_, data) => {
                if let (Some(uid), Some(flags)) = (data.uid, data.fetched.flags) {
                    self.push(Notice::Flags {
                        uid,
                        flags,
                        mod_seq: data.fetched.mod_seq,
                    });
                }
            }
            Response::Said(said) => {
                self.said(&said);
                return Some(Response::Said(said));
            }
            other => return Some(other),
        }
        None
    }

    fn said(&mut self, said: &Said) {
        let Some(code) = &said.code else { return };
        let small = || u32::try_from(code.number()?).ok();
        match code.name.as_str() {
            // All before belonged to the mailbox that was open (RFC 7162 §3.2.11).
            "CLOSED" => *self = Self::default(),
            "UIDVALIDITY" => self.uid_validity = small().and_then(UidValidity::new),
            "UIDNEXT" => self.uid_next = small().and_then(Uid::new),
            "HIGHESTMODSEQ" => self.mod_seq = code.number().filter(|n| *n > 0).map(ModSeq),
            "NOMODSEQ" => self.mod_seq = None,
            "PERMANENTFLAGS" => self.can_make_keywords = Some(code.words().any(|w| w == "\\*")),
            _ => {}
        }
    }

    fn gone(&mut self, uids: UidSet) {
        if !uids.is_empty() {
            self.push(Notice::Gone(uids));
        }
    }

    fn push(&mut self, notice: Notice) {
        if self.notices.len() < CHANGES_MAX {
            self.notices.push(notice);
        } else {
            self.is_overfull = true;
        }
    }

    /// The mailbox as it was opened.
    fn selected(
        mut self,
        said: &Said,
        known: Option<Known>,
        used_qresync: bool,
    ) -> Result<Selected> {
        let exists = self.exists.ok_or_else(|| {
            Error::protocol("The server opened a folder without saying how many messages it holds.")
        })?;
        let is_era_said = self.uid_validity.is_some();
        let uid_validity = self.uid_validity.unwrap_or_else(fresh_era);
        let is_same = known.is_some_and(|k| {
            is_era_said && k.uid_validity == uid_validity && self.mod_seq >= Some(k.mod_seq)
        });
        if self.is_overfull {
            self.notices.clear();
            self.notices
                .extend([Notice::FlagsUnknown, Notice::GoneUnknown]);
        }
        Ok(Selected {
            status: Status {
                messages: Some(exists),
                unseen: None,
                uid_next: self.uid_next,
                uid_validity: Some(uid_validity),
                mod_seq: self.mod_seq,
            },
            uid_validity,
            is_read_only: said.is("READ-ONLY"),
            // Without the code all flags can be changed (RFC 9051 §6.3.2).
            can_make_keywords: self.can_make_keywords.unwrap_or(true),
            is_resynced: is_same && used_qresync && !self.is_overfull,
            notices: self.notices,
        })
    }
}

/// An era that no mailbox had before, for servers that do not know eras: ids are good for one
/// session only.
fn fresh_era() -> UidValidity {
    UidValidity::new(fastrand::u32(1..)).unwrap_or_else(fresh_era)
}

/// A SELECT under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) tag: Tag,
    known: Option<Known>,
    used_qresync: bool,
    has_params: bool,
}

impl Session {
    /// Selects a mailbox; with `known` and QRESYNC its changes come along.
    pub async fn select(&mut self, name: &str, known: Option<Known>) -> Result<Selected> {
        self.begin(Pace::Bulk).await?;
        let sent = self.send_select(name, known).await?;
        match self.finish_select(sent).await? {
            Ok(selected) => Ok(selected),
            Err(said) if sent.is_misunderstood(&said) => self.select_plainly(name).await,
            Err(said) => Err(refusal(said, "open this folder")),
        }
    }

    /// Sends SELECT with the best parameters there are.
    pub(super) async fn send_select(&mut self, name: &str, known: Option<Known>) -> Result<Sent> {
        let known = known.filter(|k| k.mod_seq > ModSeq(0));
        let wire = self.state.wire_name(name);
        let mut command = Command::new("SELECT").string(&wire, &self.state.capabilities)?;
        let qresync = known.filter(|_| self.may_qresync());
        let has_params = qresync.is_some() || self.state.capabilities.can_condstore();
        if let Some(known) = qresync {
            let (era, since) = (known.uid_validity.get(), known.mod_seq.0);
            command = command.raw(&format!(" (QRESYNC ({era} {since}))"));
        } else if has_params {
            command = command.raw(" (CONDSTORE)");
        }
        self.state.selecting = Some(wire);
        Ok(Sent {
            tag: self.send(&command).await?,
            known,
            used_qresync: qresync.is_some(),
            has_params,
        })
    }

    /// Reads the answer; the inner error is the server's refusal.
    pub(super) async fn finish_select(
        &mut self,
        sent: Sent,
    ) -> Result<std::result::Result<Selected, Said>> {
        let mut selecting = self.leave_mailbox();
        let said = self.finish(sent.tag, |r| selecting.take(r)).await?;
        self.enter_mailbox(sent, selecting, said)
    }

    /// Forgets the mailbox that was open: from here on everything is said of the next one.
    pub(super) fn leave_mailbox(&mut self) -> Selecting {
        self.state.mailbox = None;
        // Nobody asked for these while the mailbox they speak of was open.
        drop(self.state.take_mailbox_notices());
        Selecting::default()
    }

    /// Takes over what a SELECT brought; the inner error is the server's refusal.
    pub(super) fn enter_mailbox(
        &mut self,
        sent: Sent,
        selecting: Selecting,
        said: Said,
    ) -> Result<std::result::Result<Selected, Said>> {
        if said.condition != Condition::Ok {
            return Ok(Err(said));
        }
        let is_on = self.state.capabilities.can_qresync();
        let selected = selecting.selected(&said, sent.known, sent.used_qresync && is_on)?;
        let exists = selected.status.messages.unwrap_or_default();
        self.state.mailbox = Some(Mailbox::new(exists, selected.status.mod_seq.is_some()));
        Ok(Ok(selected))
    }

    /// For servers that announce more than they understand.
    pub(super) async fn select_plainly(&mut self, name: &str) -> Result<Selected> {
        let wire = self.state.wire_name(name);
        let command = Command::new("SELECT").string(&wire, &self.state.capabilities)?;
        let sent = Sent {
            tag: self.send(&command).await?,
            known: None,
            used_qresync: false,
            has_params: false,
        };
        match self.finish_select(sent).await? {
            Ok(selected) => Ok(selected),
            Err(said) => Err(refusal(said, "open this folder")),
        }
    }
}

impl Sent {
    /// Whether the server may have stumbled over the parameters alone.
    pub(super) fn is_misunderstood(&self, said: &Said) -> bool {
        self.has_params && said.condition == Condition::Bad
    }
}
