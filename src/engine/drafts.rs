//! Begins drafts and takes them up: from nothing, a link, a message, a template, or what was kept.
//!
//! Called by `writing`, one task a request. A draft must be on disk before the front sees it, and no
//! message may choose who writes.

use super::account::Account;
use super::changes::Changes;
use super::clock;
use super::contents;
use super::crypto::Gpg;
use super::dispatch::Tree;
use super::originals::Resumed;
use super::store_thread::Db;
use super::texts::{Texts, Why};
use super::writers::Writers;
use crate::bus::{Event, KeptDraft, Problem, RequestId, WritingEvent};
use crate::mime::{self, Answer, Selves};
use crate::model::{
    AccountKey, Address, Caret, Draft, DraftField, DraftKey, DraftKind, DraftStart, Identity,
    Moment, Placed, Safe,
};
use crate::store::{self, AdoptedCopy, DraftRow, Opening};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use tokio::sync::mpsc;

/// What a request about drafts works with.
#[derive(Debug, Clone)]
pub(crate) struct Drafts {
    pub(crate) db: Db,
    pub(crate) accounts: Vec<Arc<Account>>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) tree: Tree,
    pub(crate) writers: Arc<Writers>,
    pub(crate) templates: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) gpg: Gpg,
    pub(crate) changes: Arc<Changes>,
}

/// A draft to begin, and what is to be said of it.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) draft: Draft,
    pub(super) notes: Vec<Safe>,
    /// The message of the Drafts mailbox that it is taken up from, and replaces.
    pub(super) copy_of: Option<AdoptedCopy>,
}

/// Why no draft can be begun.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error(transparent)]
    Text(#[from] Why),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("{0}")]
    Said(String),
}

impl Drafts {
    /// Serves [`crate::bus::WritingCommand::Open`].
    pub(crate) async fn open(self, request: RequestId, start: DraftStart) {
        let not = match &start {
            DraftStart::Kept(_) | DraftStart::Resume(_) => "not opened",
            _ => "not begun",
        };
        match self.try_open(request, start).await {
            Ok(event) => {
                let wanted = match &event {
                    WritingEvent::Opened { draft, .. } => contents::messages(draft),
                    _ => Vec::new(),
                };
                let _gone = self.events.send(Event::Writing(event)).await;
                // What is passed on is fetched while the user writes, so that it is here when the
                // network is gone.
                for message in wanted {
                    if let Err(why) = self.have(message).await {
                        tracing::info!(%why, "a message to pass on is not here yet");
                    }
                }
            }
            Err(why) => {
                let event = failed(request, &format!("{not}: {why}"));
                let _gone = self.events.send(event).await;
            }
        }
    }

    async fn try_open(
        &self,
        request: RequestId,
        start: DraftStart,
    ) -> Result<WritingEvent, Refused> {
        let begun = match start {
            DraftStart::Kept(key) => return self.take_up(request, key).await,
            DraftStart::Blank(account) => plain(self.blank(account)?),
            DraftStart::WithPart(placed, attached) => {
                let mut draft = self.blank(self.account_key(placed))?;
                draft.subject.clone_from(&attached.name);
                draft.attachments.push(*attached);
                plain(draft)
            }
            DraftStart::Mailto(url) => self.mailto(&url)?,
            DraftStart::Template(name) => self.template(&name).await?,
            DraftStart::Resume(placed) => match self.resume(placed).await? {
                Resumed::Kept(key) => return self.take_up(request, key).await,
                Resumed::Begun(begun) => *begun,
            },
            DraftStart::Reply(placed) => self.answer(placed, Answer::Sender).await?,
            DraftStart::ReplyAll(placed) => self.answer(placed, Answer::All).await?,
            DraftStart::ReplyList(placed) => self.answer(placed, Answer::List).await?,
            DraftStart::Unsubscribe(placed) => self.unsubscribe(placed).await?,
            DraftStart::Forward(placed) => self.forward(placed).await?,
            DraftStart::ForwardAttached(list) => self.forward_attached(list).await?,
            DraftStart::Bounce(placed) => self.bounce(placed).await?,
            DraftStart::EditAsNew(placed) => self.edit(placed, true).await?,
        };
        self.begin(request, begun).await
    }

    /// Keeps a new draft, and shows it.
    pub(super) async fn begin(
        &self,
        request: RequestId,
        begun: Begun,
    ) -> Result<WritingEvent, Refused> {
        let Begun {
            mut draft,
            notes,
            copy_of,
        } = begun;
        if draft.kind == DraftKind::Reply
            && let Some(last) = last_quoted(&draft.body)
        {
            draft.body = with_room_behind(&draft.body, last);
        }
        let caret = caret_of(&draft);
        let (kept, writer, now) = (draft.clone(), self.writers.id(), clock::now_secs());
        let key = self
            .db
            .write(move |w| {
                let key = w.begin_draft(kept, caret, writer, now)?;
                if let Some(copy) = copy_of {
                    w.adopt_copy(key, &copy)?;
                }
                Ok(key)
            })
            .await?;
        Ok(self.opened(request, key, draft, caret, notes))
    }

    fn opened(
        &self,
        request: RequestId,
        key: DraftKey,
        draft: Draft,
        caret: Caret,
        notes: Vec<Safe>,
    ) -> WritingEvent {
        WritingEvent::Opened {
            request,
            key,
            identities: self.identities(Some(draft.identity.account)),
            draft: Box::new(draft),
            caret,
            notes,
        }
    }

    /// The answer for a draft that is in the store and open.
    pub(super) fn opened_row(&self, request: RequestId, row: DraftRow) -> WritingEvent {
        self.opened(request, row.key, row.draft, row.caret, Vec::new())
    }

    /// Takes up a draft that is kept here.
    pub(super) async fn take_up(
        &self,
        request: RequestId,
        key: DraftKey,
    ) -> Result<WritingEvent, Refused> {
        let (writer, living) = (self.writers.id(), self.writers.living());
        let opening = self
            .db
            .write(move |w| w.open_draft(key, writer, living))
            .await?;
        let said = match opening {
            Opening::Opened(row) => {
                if row.is_recovered {
                    self.changes.outbox();
                }
                return Ok(self.opened_row(request, *row));
            }
            Opening::Elsewhere => "another Pillarbox is writing this draft",
            Opening::Sent => "this draft was sent",
            Opening::Gone => "this draft is gone",
        };
        Err(Refused::Said(said.to_owned()))
    }

    /// The drafts that are kept here, the latest first.
    pub(super) async fn kept(&self) -> Vec<KeptDraft> {
        let rows = self.db.read(|r| r.drafts()).await.unwrap_or_default();
        let is_ours = |row: &DraftRow| self.accounts.iter().any(|a| a.key == row.account);
        let rows = rows.into_iter().filter(is_ours);
        rows.map(|row| KeptDraft {
            key: row.key,
            account: row.account,
            to: Safe::line(row.draft.to.typed()),
            subject: Safe::line(&row.draft.subject),
            changed: Moment {
                unix_secs: row.changed_secs,
                offset_mins: 0,
            },
            is_recovered: row.is_recovered,
            is_uploaded: row.is_copied,
        })
        .collect()
    }

    /// An empty draft of an account, with its signature.
    pub(super) fn blank(&self, account: Option<AccountKey>) -> Result<Draft, Refused> {
        let identity = self.usual(account)?;
        let body = mime::with_signature("", &identity.signature);
        let mut draft = Draft::new(DraftKind::New, identity);
        draft.body = body;
        Ok(draft)
    }

    fn mailto(&self, url: &str) -> Result<Begun, Refused> {
        let identity = self.usual(None)?;
        let signature = identity.signature.clone();
        let found = mime::mailto(url, identity).map_err(|e| Refused::Said(e.to_string()))?;
        let mut draft = found.draft;
        draft.body = mime::with_signature(&draft.body, &signature);
        let mut notes = Vec::new();
        if !found.ignored.is_empty() {
            let names: Vec<&str> = found.ignored.iter().map(Safe::as_str).collect();
            let text = format!("The link also asked for {}: left out.", names.join(", "));
            notes.push(Safe::line(&text));
        }
        Ok(Begun {
            notes,
            ..plain(draft)
        })
    }

    pub(super) fn texts(&self, placed: Placed) -> Texts {
        let key = self.account_key(placed);
        Texts {
            db: self.db.clone(),
            account: self
                .accounts
                .iter()
                .find(|a| Some(a.key) == key)
                .map(Arc::clone),
            events: self.events.clone(),
            web: crate::net::http::Limits::default(),
            // An answer quotes a message as it came: nothing decrypted leaves by that way.
            opened: super::opened::OpenedTexts::default(),
            gpg: (self.gpg.clone(), self.data_dir.clone()),
        }
    }

    pub(super) fn account(&self, key: AccountKey) -> Option<&Arc<Account>> {
        self.accounts.iter().find(|a| a.key == key)
    }

    /// The account that a message lies in.
    pub(super) fn account_key(&self, placed: Placed) -> Option<AccountKey> {
        let tree = self.tree.lock().unwrap_or_else(PoisonError::into_inner);
        let has =
            |a: &&crate::bus::AccountView| a.mailboxes.iter().any(|m| m.key == placed.mailbox);
        tree.iter().find(has).map(|a| a.key)
    }

    /// All identities, those of `first` before the others.
    pub(super) fn identities(&self, first: Option<AccountKey>) -> Vec<Identity> {
        let (own, others): (Vec<_>, Vec<_>) =
            self.accounts.iter().partition(|a| Some(a.key) == first);
        let accounts = own.into_iter().chain(others);
        accounts.flat_map(|account| senders(account)).collect()
    }

    /// The identity that an account writes from where nothing else tells.
    pub(super) fn usual(&self, account: Option<AccountKey>) -> Result<Identity, Refused> {
        let first = self.identities(account).into_iter().next();
        first.ok_or_else(|| Refused::Said("there is no account to write from".to_owned()))
    }
}

/// The identities of one account.
fn senders(account: &Account) -> Vec<Identity> {
    let writing = &account.setup.writing;
    let identity = |address: Address, signature: &str| Identity {
        account: account.key,
        address,
        signature: signature.to_owned(),
    };
    if writing.senders.is_empty() {
        let address = Address {
            name: String::new(),
            address: account.setup.address.clone(),
        };
        return vec![identity(address, "")];
    }
    let senders = writing.senders.iter();
    senders
        .map(|s| identity(s.address.clone(), &s.signature))
        .collect()
}

pub(super) const fn plain(draft: Draft) -> Begun {
    Begun {
        draft,
        notes: Vec::new(),
        copy_of: None,
    }
}

/// A request that could not be served, in one sentence.
pub(super) fn failed(request: RequestId, summary: &str) -> Event {
    Event::Failed {
        request,
        problem: Problem {
            account: None,
            summary: Safe::line(summary),
            hint: Safe::default(),
        },
    }
}

pub(super) fn selves(identities: &[Identity]) -> Result<Selves<'_>, Refused> {
    let default = identities
        .first()
        .ok_or_else(|| Refused::Said("there is no account to write from".to_owned()))?;
    Ok(Selves {
        default,
        all: identities,
    })
}

/// The last line of a quote above the signature.
fn last_quoted(body: &str) -> Option<usize> {
    let above = body.lines().take_while(|text| *text != "-- ");
    let quoted = above.enumerate().filter(|(_, text)| text.starts_with('>'));
    quoted.last().map(|(at, _)| at)
}

/// The text with an empty line more behind that one.
fn with_room_behind(body: &str, line: usize) -> String {
    let mut text = String::with_capacity(body.len() + 1);
    for (at, piece) in body.split_inclusive('\n').enumerate() {
        text.push_str(piece);
        if at == line {
            text.push('\n');
        }
    }
    text
}

/// Where the cursor begins: at what is to be filled in first.
fn caret_of(draft: &Draft) -> Caret {
    let field = match draft.kind {
        _ if draft.to.is_empty() && draft.cc.is_empty() && draft.bcc.is_empty() => DraftField::To,
        DraftKind::New if draft.subject.is_empty() => DraftField::Subject,
        _ => DraftField::Body,
    };
    let mut line = 0;
    if field == DraftField::Body && draft.kind == DraftKind::Reply {
        // Below the quote, where an answer is written, with a line between.
        line = last_quoted(&draft.body).map_or(0, |at| at + 2);
    }
    Caret {
        field,
        line: u32::try_from(line).unwrap_or(0),
        column: 0,
    }
}
