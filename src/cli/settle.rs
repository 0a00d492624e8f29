//! After a change is recorded: telling the servers, and what became of it, as an exit code.
//!
//! Called by every command that changes something. The journal alone decides on the exit code: a
//! change must never be called done before every server that it concerns has confirmed it.

use super::exit::{Exit, Failure};
use super::network::{SyncReport, network};
use super::output::Output;
use super::place::Place;
use crate::model::{AccountKey, Destination, OpKind, TargetState};
use crate::store::{OpenOp, Reader, Recorded, Store};
use std::collections::BTreeMap;

/// How often the servers are asked. A message that goes to another account is put there, then taken
/// away here; and undo waits for what is under way.
const ROUNDS_MAX: u32 = 4;

/// Seconds since 1970, now.
pub(super) fn now_secs() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Says what was recorded, tells the servers unless that is left for later, and says what they said.
pub(super) fn settle(
    place: &Place,
    store: &Store,
    recorded: &Recorded,
    is_offline: bool,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if recorded.op.is_none() && recorded.accounts.is_empty() {
        output.line("Nothing was to be changed.")?;
        return Ok(Exit::Done);
    }
    output.line(&format!("{}.", recorded.label))?;
    if is_offline || recorded.accounts.is_empty() {
        return Ok(Exit::Done);
    }
    let reader = store.reader()?;
    let names = reader.accounts()?;
    let names = names.into_iter().map(|row| (row.key, row.name)).collect();
    let reports = tell(place, &reader, recorded, &names)?;
    let end = End {
        rows: rows_of(&reader, recorded)?,
        names: &names,
        reports: &reports,
    };
    end.outcome(recorded)
}

/// What the journal still holds of the change: one row for each account.
fn rows_of(reader: &Reader, recorded: &Recorded) -> Result<Vec<OpenOp>, Failure> {
    let all = reader.open_ops()?.into_iter();
    Ok(all.filter(|row| Some(row.op) == recorded.op).collect())
}

/// Tells the servers. Where a change concerns several, what one of them confirms can make another's
/// part due: then they are told again.
fn tell(
    place: &Place,
    reader: &Reader,
    recorded: &Recorded,
    names: &BTreeMap<AccountKey, String>,
) -> Result<Vec<SyncReport>, Failure> {
    let mut concerned = recorded.accounts.clone();
    let mut reports = Vec::new();
    let mut idle = 0;
    for _ in 0..ROUNDS_MAX {
        let is_meant = |name: &str| {
            let of_name = |key| names.get(key).is_some_and(|known| known == name);
            concerned.iter().any(of_name)
        };
        // `--account` narrows what is listed, not where a change belongs.
        let configured = place.loaded.config.accounts.iter();
        let configured = configured.map(|(name, _)| name.as_str());
        let asked: Vec<&str> = configured.filter(|name| is_meant(name)).collect();
        if asked.is_empty() {
            return Err(Failure::kept(
                "not sent: the account is not in the configuration any more; the change is kept",
            ));
        }
        reports = network(place).replay(&asked);
        // A round may only fetch what the next one sends.
        idle += u32::from(reports.iter().all(|report| report.sent == 0));
        let is_stuck = reports.iter().any(|report| !report.error.is_empty()) || idle > 1;
        let rows = rows_of(reader, recorded)?;
        let waiting = rows.iter().filter(|row| row.state != TargetState::Rejected);
        for account in waiting.clone().map(|row| row.account) {
            if !concerned.contains(&account) {
                concerned.push(account);
            }
        }
        if is_stuck || waiting.count() == 0 || concerned.len() < 2 {
            break;
        }
    }
    Ok(reports)
}

/// What is known when all was tried.
struct End<'a> {
    rows: Vec<OpenOp>,
    names: &'a BTreeMap<AccountKey, String>,
    reports: &'a [SyncReport],
}

impl End<'_> {
    /// What became of a change. Another process may have sent it, and a round that went well may
    /// have left it for later: so the journal is asked, not the reports.
    fn outcome(&self, recorded: &Recorded) -> Result<Exit, Failure> {
        let (refused, waiting): (Vec<&OpenOp>, Vec<&OpenOp>) = self
            .rows
            .iter()
            .partition(|row| row.state == TargetState::Rejected);
        let is_rest_done = refused.len() < recorded.accounts.len() && waiting.is_empty();
        if let Some(first) = refused.first() {
            let who = self.who(recorded, first);
            let sentence = format!(
                "{who} refused: {}; it was taken back here: {}",
                recorded.label, first.error
            );
            return Err(if is_rest_done && is_for_each(&first.kind) {
                Failure::some_failed(sentence)
            } else {
                Failure::failed(sentence)
            });
        }
        let Some(first) = waiting.first() else {
            return Ok(Exit::Done);
        };
        let why = self.why(first);
        Err(Failure::kept(format!(
            "not sent to the server yet{why}; it is kept, and the next sync sends it"
        )))
    }

    fn name(&self, row: &OpenOp) -> &str {
        self.names.get(&row.account).map_or("", String::as_str)
    }

    fn who(&self, recorded: &Recorded, row: &OpenOp) -> String {
        match recorded.accounts.len() {
            0 | 1 => "the server".to_owned(),
            _ => format!("the server of {}", self.name(row)),
        }
    }

    /// Why a change waits: what hindered its own account, else another one that it concerns, else
    /// what the server said.
    fn why(&self, row: &OpenOp) -> String {
        let failed = || self.reports.iter().filter(|r| !r.error.is_empty());
        let own = failed().find(|report| report.account == self.name(row));
        match own.or_else(|| failed().next()) {
            Some(report) => format!(": {}: {}", report.account, report.error),
            None if row.error.is_empty() => String::new(),
            None => format!(": {}", row.error),
        }
    }
}

/// Whether each account's part of a change stands for itself. What goes to one folder is one thing
/// to whoever asked for it, though two servers take part.
const fn is_for_each(kind: &OpKind) -> bool {
    match kind {
        OpKind::Move(to) | OpKind::Copy(to) => matches!(to, Destination::Role(_)),
        OpKind::Flags(_)
        | OpKind::Delete
        | OpKind::Empty(_)
        | OpKind::ReadAll(_)
        | OpKind::Folder(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FlagChange, MailboxId, OpKey, Role};

    fn row(account: i64, kind: &OpKind, state: TargetState, error: &str) -> OpenOp {
        OpenOp {
            left: 1,
            next_try_secs: 0,
            op: OpKey(7),
            account: AccountKey(account),
            kind: kind.clone(),
            label: String::new(),
            state,
            attempts: 1,
            error: error.to_owned(),
        }
    }

    fn report(account: &str, error: &str) -> SyncReport {
        SyncReport {
            account: account.to_owned(),
            is_ok: error.is_empty(),
            added: 0,
            changed: 0,
            removed: 0,
            sent: 0,
            pending: 0,
            error: error.to_owned(),
            seconds: 0.0,
            by_other: None,
        }
    }

    /// The exit and the sentence of a change of two accounts, `work` and `home`.
    fn end(rows: Vec<OpenOp>, reports: &[SyncReport]) -> (String, String) {
        let names = [(1, "work"), (2, "home")].map(|(key, name)| (AccountKey(key), name.into()));
        let recorded = Recorded {
            op: Some(OpKey(7)),
            label: "Archived 2 messages".to_owned(),
            undo: String::new(),
            changed: Vec::new(),
            accounts: vec![AccountKey(1), AccountKey(2)],
        };
        let end = End {
            rows,
            names: &names.into(),
            reports,
        };
        match end.outcome(&recorded) {
            Ok(exit) => (format!("{exit:?}"), String::new()),
            Err(failure) => {
                let sentence = failure.sentence().to_owned();
                (format!("{:?}", failure.report()), sentence)
            }
        }
    }

    fn archive() -> OpKind {
        OpKind::Move(Destination::Role(Role::Archive))
    }

    #[test]
    fn a_change_is_done_when_the_journal_holds_nothing_of_it_whatever_was_reported() {
        let reports = [report("work", "the line was cut"), report("home", "")];
        assert_eq!(end(Vec::new(), &reports).0, "Done");
    }

    #[test]
    fn what_one_of_two_servers_refused_is_some_failed_and_names_its_account() {
        let refused = row(2, &archive(), TargetState::Rejected, "no room");
        let (exit, said) = end(vec![refused], &[]);
        assert_eq!(exit, "SomeFailed");
        assert!(said.starts_with("the server of home refused"), "{said}");
        assert!(said.contains("taken back here: no room"), "{said}");
        let both = [1, 2].map(|key| row(key, &archive(), TargetState::Rejected, "no room"));
        assert_eq!(end(both.into(), &[]).0, "Failed");
    }

    #[test]
    fn a_move_to_another_account_is_one_thing() {
        let to = MailboxId {
            account: AccountKey(2),
            name: "INBOX".to_owned(),
        };
        let kind = OpKind::Move(Destination::Mailbox(to));
        let refused = row(1, &kind, TargetState::Rejected, "no room");
        assert_eq!(end(vec![refused], &[]).0, "Failed");
    }

    #[test]
    fn what_waits_is_kept_and_says_why_of_its_own_account_first() {
        let flags = OpKind::Flags(FlagChange::default());
        let reports = [report("work", "no route"), report("home", "wrong password")];
        let of = |account, error| row(account, &flags, TargetState::Queued, error);
        let (exit, said) = end(vec![of(2, "")], &reports);
        assert_eq!(exit, "Kept");
        assert!(said.contains("yet: home: wrong password;"), "{said}");
        let said = end(vec![of(2, "")], &reports[..1]).1;
        assert!(said.contains("yet: work: no route;"), "{said}");
        assert!(end(vec![of(1, "busy")], &[]).1.contains("yet: busy;"));
        assert!(end(vec![of(1, "")], &[]).1.contains("yet; it is kept"));
        let refused = row(1, &flags, TargetState::Rejected, "no");
        assert_eq!(end(vec![refused, of(2, "")], &[]).0, "Failed");
    }
}
