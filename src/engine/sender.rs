//! Sends what waits in the outbox: one task for each account, one message after the other.
//!
//! Started by `dispatch` in the process that has the network role, and by `once`. Must never send a
//! message before the store knows that it is being sent, nor its end before the store knows that.

use super::account::{Account, Failure};
use super::board::Wishes;
use super::clock;
use super::outcome::{self, Trouble};
use super::setup::{Outgoing, SaveSent};
use super::waiting::until_called_off;
use crate::bus::SyncMode;
use crate::bus::{Event, WritingEvent};
use crate::model::{OutboxKey, OutboxState, Safe};
use crate::net::smtp::{Dsn, Path, Submission, Submitted, Submitter};
use crate::net::{Class, Error};
use crate::store::{Attempted, OutboxClaim};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};

/// The longest sleep: the clock of the timer stands still while the machine sleeps.
const NAP: Duration = Duration::from_secs(30);
/// How often it is tried to write down what became of a message.
const NOTES_MAX: u32 = 5;
/// How long between two such tries.
const NOTE_AGAIN: Duration = Duration::from_millis(500);

/// What a round of sending came to.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// Why it ended before all that was due was tried.
    pub(crate) failure: Option<Error>,
}

/// Settles what a process left behind that is gone. Only for who has the network role now. Whether
/// there is a copy to file, or something to look for.
pub(crate) async fn recover(account: &Account) -> bool {
    let (key, now) = (account.key, clock::now_secs());
    let settled = account
        .db
        .write(move |w| {
            w.prune_outbox(now)?;
            w.recover_outbox(Some(key), now)
        })
        .await;
    if let Err(error) = settled {
        tracing::warn!(%error, "the outbox could not be settled");
    }
    let store = account.db.store().clone();
    let _cleared = tokio::task::spawn_blocking(move || store.clear_left_overs()).await;
    let open = account
        .db
        .read(move |r| Ok(!r.unconfirmed(key)?.is_empty() || r.next_copy_due(key)?.is_some()));
    let is_open = open.await.unwrap_or(false);
    mark_originals(account).await;
    account.changes.outbox();
    is_open
}

/// The user wants to send now: what only waits for its next try becomes due.
pub(crate) async fn hurry(account: &Account) {
    let (key, now) = (account.key, clock::now_secs());
    if let Err(error) = account.db.write(move |w| w.hurry_outbox(key, now)).await {
        tracing::warn!(%error, "the outbox could not be hurried");
    }
    account.board.post(|w| w.is_sending_wanted |= !w.is_offline);
}

/// Sends what is due, whenever it is, until the account stops.
pub(crate) async fn run(account: Arc<Account>) {
    let is_open = recover(&account).await;
    if is_open && account.board.look(Wishes::may_send) {
        account.board.post(|w| w.is_filing_due = true);
    }
    if account.setup.outgoing.is_none() {
        return;
    }
    let mut bell = account.board.listen();
    loop {
        bell.mark_unchanged();
        if account.board.look(|w| w.is_stopping) {
            return;
        }
        let (key, now) = (account.key, clock::now_secs());
        let due = if account.board.look(Wishes::may_send) {
            let due = account.db.read(move |r| r.next_outbox_due(key, now)).await;
            due.unwrap_or_default()
        } else {
            None
        };
        let nap = match due {
            Some(at) if at <= now => {
                work(&account).await;
                continue;
            }
            Some(at) => Duration::from_secs(u64::try_from(at - now).unwrap_or(0)).min(NAP),
            None => Duration::MAX,
        };
        // A round is over when nothing of it is left.
        account.board.note(|w| {
            if matches!(w.mode, SyncMode::Manual | SyncMode::Interval) {
                w.is_sending_wanted = false;
            }
        });
        if nap == Duration::MAX {
            if bell.changed().await.is_err() {
                return;
            }
        } else {
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                rung = bell.changed() => if rung.is_err() { return },
            }
        }
    }
}

/// One round, until it is done or called off.
async fn work(account: &Arc<Account>) {
    let generation = account.board.look(|w| w.generation);
    let done = until_called_off(account, generation, Wishes::is_cut_off, send_due(account)).await;
    let failure = match done {
        Some(Ok(round)) => round.failure,
        Some(Err(Failure::Net(error))) => Some(error),
        Some(Err(Failure::Store(error))) => {
            account.tell(&format!("mail waits: {error}"), "see `pillarbox doctor`");
            // Nothing may be sent that cannot be written down: not before somebody asks.
            account.board.note(|w| w.is_sending_refused = true);
            None
        }
        None => None,
    };
    if let Some(error) = failure
        && error.class == Class::Auth
    {
        account.board.note(|w| w.is_sending_refused = true);
    }
    let (key, now) = (account.key, clock::now_secs());
    // What was called off half-way is nobody's now.
    let left = account
        .db
        .write(move |w| w.recover_outbox(Some(key), now))
        .await;
    if left.is_ok_and(|count| count > 0) {
        account.board.post(|w| w.is_filing_due = true);
    }
    account.changes.outbox();
}

/// Sends everything of an account that is due now, over as few connections as possible.
pub(crate) async fn send_due(account: &Arc<Account>) -> Result<Round, Failure> {
    let Some(outgoing) = &account.setup.outgoing else {
        return Ok(Round::default());
    };
    let mut line: Option<Submitter> = None;
    let mut round = Round::default();
    while !account.board.look(|w| w.is_offline || w.is_stopping) {
        let (key, now) = (account.key, clock::now_secs());
        let Some(claim) = account.db.write(move |w| w.claim_outbox(key, now)).await? else {
            break;
        };
        account.changes.outbox();
        let mut submitter = match line.take().filter(Submitter::is_open) {
            Some(submitter) => submitter,
            None => match open(outgoing).await {
                Ok(submitter) => submitter,
                Err(error) => {
                    unreached(account, &claim, &error).await?;
                    round.failure = Some(error);
                    break;
                }
            },
        };
        let trouble = send(account, outgoing, &mut submitter, &claim).await?;
        line = Some(submitter);
        if let Some(trouble) = trouble {
            let is_for_all = trouble.is_for_all;
            round.failure = Some(Error {
                class: Class::Transient,
                summary: trouble.error,
                hint: String::new(),
                code: None,
            });
            if is_for_all {
                break;
            }
        }
    }
    if let Some(submitter) = line.filter(Submitter::is_open) {
        submitter.quit().await;
    }
    Ok(round)
}

/// Fetches the credentials and connects.
async fn open(outgoing: &Outgoing) -> Result<Submitter, Error> {
    let source = Arc::clone(&outgoing.login);
    let login = tokio::task::spawn_blocking(move || source())
        .await
        .unwrap_or_else(|_| Err("the password could not be read".to_owned()))
        .map_err(|why| Error {
            class: Class::Auth,
            summary: why,
            hint: "check password or password_command of the account".to_owned(),
            code: None,
        })?;
    let Outgoing {
        server,
        options,
        manner,
        ..
    } = outgoing;
    Submitter::open(server, Some(&login), options, manner).await
}

/// The server could not be reached, or does not want us: nothing of the account can be sent.
async fn unreached(account: &Account, claim: &OutboxClaim, error: &Error) -> Result<(), Failure> {
    let now = clock::now_secs();
    let is_final = error.class == Class::Auth;
    let wait = outcome::wait_secs(claim.attempts);
    let is_over = outcome::is_over(claim, now);
    let what = outcome::sentence(error);
    let attempted = Attempted {
        recipients: Vec::new(),
        error: if is_over {
            outcome::given_up(&what)
        } else {
            what.clone()
        },
        // What a wrong password keeps waiting goes as soon as the user asks.
        next_try: (!is_over).then_some(if is_final { 0 } else { now + wait }),
        wants_copy: false,
    };
    note(account, claim.key, attempted).await?;
    if !is_final {
        let (key, error) = (account.key, what.clone());
        account
            .db
            .write(move |w| w.put_off_outbox(key, &error, now, now + wait))
            .await?;
    }
    if is_final || claim.error != what {
        let hint = if is_final {
            "check the account's smtp settings, then sync it"
        } else {
            "it is kept, and tried again by itself"
        };
        account.tell(&format!("mail was not sent: {}", error.summary), hint);
    }
    Ok(())
}

/// Hands one message over and writes down what came of it.
async fn send(
    account: &Arc<Account>,
    outgoing: &Outgoing,
    submitter: &mut Submitter,
    claim: &OutboxClaim,
) -> Result<Option<Trouble>, Failure> {
    let paths: Vec<Option<Path>> = claim
        .recipients
        .iter()
        .map(|address| Path::parse(address).ok())
        .collect();
    let submission = Submission {
        reverse_path: Path::parse(&claim.sender).ok(),
        recipients: paths.iter().flatten().cloned().collect(),
        size: claim.size,
        has_8bit: claim.has_8bit,
        has_utf8_header: claim.has_utf8_header,
        dsn: claim.wants_report.then(|| Dsn {
            on_success: true,
            on_failure: true,
            on_delay: true,
            ..Dsn::default()
        }),
    };
    let submitted = match Source::open(account, claim).await {
        Ok(source) => submitter.submit(&submission, source).await,
        Err(error) => Submitted::Unfit(crate::net::smtp::Unfit::Unreadable(error.to_string())),
    };
    *progress(account) = None;
    let wants_copy = outgoing.save_sent != SaveSent::Never;
    let (attempted, trouble) =
        outcome::read(claim, &paths, &submitted, clock::now_secs(), wants_copy);
    let delivered = outcome::delivered(&attempted);
    let state = note(account, claim.key, attempted.clone()).await?;
    if !delivered.is_empty() {
        told_delivered(account, claim.key, &delivered).await;
    }
    let is_for_user = matches!(state, OutboxState::Failed | OutboxState::Unconfirmed);
    if is_for_user {
        account.board.post(|w| w.is_filing_due = true);
        account.tell(&attempted.error, outcome::hint(state));
    } else if !attempted.error.is_empty() && attempted.error != claim.error {
        account.tell(&attempted.error, outcome::hint(state));
    }
    if let Some(trouble) = trouble.as_ref().filter(|t| t.is_for_all) {
        let (key, error, at) = (account.key, trouble.error.clone(), trouble.again_at);
        let now = clock::now_secs();
        account
            .db
            .write(move |w| w.put_off_outbox(key, &error, now, at))
            .await?;
    }
    account.changes.outbox();
    // Whoever asked for the round hears of it too.
    let left = || Trouble {
        error: attempted.error.clone(),
        is_for_all: false,
        again_at: 0,
    };
    Ok(trouble.or_else(|| is_for_user.then(left)))
}

/// Somebody has it: the copy is due, and the mark of what it answers.
async fn told_delivered(account: &Account, item: OutboxKey, delivered: &[String]) {
    account.count_sent(1);
    let label = match delivered {
        [one] => format!("Sent to {one}"),
        [first, rest @ ..] => {
            let others = if rest.len() == 1 { "other" } else { "others" };
            format!("Sent to {first} and {} {others}", rest.len())
        }
        [] => return,
    };
    let label = Safe::line(&label);
    account
        .changes
        .event(Event::Writing(WritingEvent::Sent { item, label }));
    mark_originals(account).await;
    account.board.post(|w| w.is_filing_due = true);
}

/// Marks what was answered or passed on, by way of the journal.
pub(crate) async fn mark_originals(account: &Account) {
    let (key, now) = (account.key, clock::now_secs());
    let marked = account.db.write(move |w| w.mark_originals(key, now)).await;
    for recorded in marked.unwrap_or_default() {
        account.changes.mailboxes(recorded.changed);
        if recorded.op.is_some() {
            account.board.post(|w| w.is_replay_due = true);
            account.ring_peers();
        }
    }
}

/// Writes down what became of a message. The network is not asked again, whatever the disk says.
async fn note(
    account: &Account,
    item: OutboxKey,
    attempted: Attempted,
) -> Result<OutboxState, Failure> {
    let mut tries = 0;
    loop {
        let (attempted, now) = (attempted.clone(), clock::now_secs());
        let done = account
            .db
            .write(move |w| w.note_attempt(item, &attempted, now))
            .await;
        tries += 1;
        match done {
            Ok(state) => return Ok(state),
            Err(error) if tries >= NOTES_MAX => return Err(error.into()),
            Err(_) => tokio::time::sleep(NOTE_AGAIN).await,
        }
    }
}

fn progress(account: &Account) -> std::sync::MutexGuard<'_, Option<(OutboxKey, u64)>> {
    account
        .progress
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// What notes that the end is about to be sent.
type Mark = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// The bytes of a message as they are sent. Its end is given out only when the store knows that it is.
struct Source {
    file: tokio::fs::File,
    account: Arc<Account>,
    item: OutboxKey,
    given: u64,
    mark: Option<Mark>,
}

impl Source {
    async fn open(account: &Arc<Account>, claim: &OutboxClaim) -> io::Result<Self> {
        let path = account.db.store().outbox_file(&claim.file);
        let file = tokio::fs::File::open(path).await?;
        let (db, item) = (account.db.clone(), claim.key);
        let mark = async move {
            let noted = db.write(move |w| w.note_outbox_ending(item)).await;
            noted.map_err(|error| io::Error::other(error.to_string()))
        };
        Ok(Self {
            file,
            account: Arc::clone(account),
            item,
            given: 0,
            mark: Some(Box::pin(mark)),
        })
    }
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.file).poll_read(cx, buf))?;
        let count = buf.filled().len() - before;
        if count > 0 {
            self.given += u64::try_from(count).unwrap_or(u64::MAX);
            *progress(&self.account) = Some((self.item, self.given));
            return Poll::Ready(Ok(()));
        }
        if let Some(mark) = self.mark.as_mut() {
            ready!(mark.as_mut().poll(cx))?;
            self.mark = None;
        }
        Poll::Ready(Ok(()))
    }
}
