//! Serves what concerns the journal: changes, undo, the list of what goes on.
//!
//! Part of `dispatch`. A change must be on disk before the front is told of it.

use super::clock;
use super::dispatch::Dispatch;
use crate::bus::{Command, Event, Link, OpView, Problem, RequestId};
use crate::model::{OpKey, Safe};
use crate::store::{self, Recorded, Result};

impl Dispatch {
    pub(super) async fn serve_change(&self, command: Command) {
        let now = clock::now_secs();
        let db = &self.db;
        let (request, done, nothing) = match command {
            Command::Apply {
                request,
                kind,
                targets,
                is_automatic,
            } => {
                let done = db
                    .write(move |w| {
                        if is_automatic {
                            w.record_automatic(&kind, &targets, now)
                        } else {
                            w.record(&kind, &targets, now)
                        }
                        .map(Some)
                    })
                    .await;
                (request, done, "")
            }
            Command::Undo { request } => (
                request,
                db.write(move |w| w.undo(now)).await,
                "There is nothing to undo",
            ),
            Command::Redo { request } => (
                request,
                db.write(move |w| w.redo(now)).await,
                "There is nothing to redo",
            ),
            Command::CancelOp { request, op } => (
                request,
                db.write(move |w| w.cancel(op)).await,
                "This change is not in the journal any more",
            ),
            Command::RetryOp(op) => return self.retry(op).await,
            Command::LoadActivity { request } => return self.activity(request).await,
            _ => return,
        };
        self.applied(request, done, nothing).await;
    }

    async fn applied(
        &self,
        request: RequestId,
        done: Result<Option<Recorded>>,
        nothing: &'static str,
    ) {
        let event = match done {
            Ok(Some(recorded)) => {
                self.changes.mailboxes(recorded.changed.iter().copied());
                for key in &recorded.accounts {
                    for account in self.chosen(Some(*key)) {
                        account.board.post(|w| w.is_replay_due = true);
                    }
                }
                #[cfg(unix)]
                if self
                    .accounts
                    .iter()
                    .any(|a| matches!(a.link(), Link::Stopped { .. }))
                {
                    super::owner::ring(&self.setup.data_dir);
                }
                Event::Applied {
                    request,
                    op: recorded.op,
                    label: Safe::line(&recorded.label),
                    can_undo: recorded.op.is_some(),
                    undo: Safe::line(&recorded.undo),
                }
            }
            Ok(None) => Event::Applied {
                request,
                op: None,
                label: Safe::fixed(nothing),
                can_undo: false,
                undo: Safe::default(),
            },
            Err(error) => Event::Failed {
                request,
                problem: Problem {
                    account: None,
                    summary: Safe::line(&format!("nothing was changed: {error}")),
                    hint: match error {
                        store::Error::NoMailbox { .. }
                        | store::Error::MailboxExists { .. }
                        | store::Error::MailboxNotEmpty { .. }
                        | store::Error::Inbox => Safe::default(),
                        _ => Safe::fixed("see `pillarbox doctor`"),
                    },
                },
            },
        };
        let _gone = self.events.send(event).await;
    }

    /// Tries what waits of an operation now.
    async fn retry(&self, op: OpKey) {
        if self.db.write(move |w| w.retry(op)).await.is_ok() {
            for account in &self.accounts {
                account.board.post(|w| {
                    w.is_replay_due = true;
                    w.is_refused = false;
                });
            }
        }
    }

    async fn activity(&self, request: RequestId) {
        let now = clock::now_secs();
        let ops = self.db.read(|r| r.open_ops()).await.unwrap_or_default();
        let ops = ops
            .into_iter()
            .filter(|o| self.accounts.iter().any(|a| a.key == o.account))
            .map(|o| OpView {
                op: o.op,
                account: o.account,
                label: Safe::line(&o.label),
                state: o.state,
                left: o.left,
                attempts: o.attempts,
                error: Safe::line(&o.error),
                wait_secs: u32::try_from((o.next_try_secs - now).max(0)).unwrap_or(u32::MAX),
            })
            .collect();
        let _gone = self.events.send(Event::Activity { request, ops }).await;
    }
}
