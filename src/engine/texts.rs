//! Opens messages for the reader: from the store at once, else by a fetch.
//!
//! Called by `dispatch`, one task a request. An open message must never wait longer than
//! [`FETCH_PATIENCE`], and what is here is shown before what is missing is asked for.

use super::account::Account;
use super::board::{Fetch, Want};
use super::crypto::Gpg;
use super::lane::FETCH_PATIENCE;
use super::opened::OpenedTexts;
use super::store_thread::Db;
use crate::bus::{Event, Form, RequestId};
use crate::mime;
use crate::model::{
    Attachment, BodyStructure, MailboxKey, MessageKey, PartId, Placed, Reading, Rest, Safe,
};
use crate::net;
use crate::store::{self, Reader, Summary};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The longest source that is shown; beyond it a note says how to see the rest.
const SOURCE_MAX: usize = 2 * 1024 * 1024;

/// How long a part may take in all, whose pieces keep arriving.
const PART_PATIENCE: Duration = Duration::from_secs(12 * 3600);

/// What a request for a text works with.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    pub(crate) db: Db,
    pub(crate) account: Option<Arc<Account>>,
    pub(crate) events: mpsc::Sender<Event>,
    /// How the web is asked.
    pub(crate) web: net::http::Limits,
    /// What was checked or decrypted.
    pub(crate) opened: OpenedTexts,
    /// Checks and decrypts, with temporary files in that folder.
    pub(crate) gpg: (Gpg, PathBuf),
}

/// What is here of a message: all of it, or what one reads.
#[derive(Debug)]
pub(crate) enum Held {
    /// Its bytes.
    Whole(Vec<u8>),
    /// Its header and texts.
    Parts {
        header: Vec<u8>,
        structure: BodyStructure,
        parts: Vec<(PartId, Vec<u8>)>,
    },
}

impl Held {
    /// How many bytes are here.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Whole(raw) => raw.len(),
            Self::Parts { header, parts, .. } => {
                header.len() + parts.iter().map(|(_, part)| part.len()).sum::<usize>()
            }
        }
    }

    pub(crate) fn source(&self) -> mime::Source<'_> {
        match self {
            Self::Whole(raw) => mime::Source::Whole(raw),
            Self::Parts {
                header,
                structure,
                parts,
            } => mime::Source::Parts {
                header,
                structure,
                parts,
            },
        }
    }
}

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Why {
    #[error("this message is gone")]
    Gone,
    #[error("not downloaded yet, and {0}")]
    NotHere(String),
    #[error("only its header is here; fetch the whole message first")]
    HeaderOnly,
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("{0}")]
    File(String),
}

impl Why {
    /// A task of ours ended in a panic.
    pub(super) fn lost() -> Self {
        Self::File("the work on it was lost".to_owned())
    }
}

impl From<net::Error> for Why {
    fn from(error: net::Error) -> Self {
        Self::NotHere(error.summary)
    }
}

impl Texts {
    /// Serves [`crate::bus::Command::OpenMessage`].
    pub(crate) async fn open(self, request: RequestId, placed: Placed, width: u16, form: Form) {
        if let Err(why) = self.try_open(request, placed, width, form).await {
            let why = Safe::line(&why.to_string());
            let _gone = self.events.send(Event::Unavailable { request, why }).await;
        }
    }

    async fn try_open(
        &self,
        request: RequestId,
        placed: Placed,
        width: u16,
        form: Form,
    ) -> Result<(), Why> {
        if let Some(reading) = self.reading(placed, width, form).await? {
            self.show(request, placed, reading, None).await;
            return Ok(());
        }
        if let Some(reading) = self.header_only(placed, width).await? {
            self.show(request, placed, reading, None).await;
            return Ok(());
        }
        let summary = self.summary(placed).await?;
        let progress = Some((0, summary.size_bytes));
        self.show(request, placed, headers_only(&summary, width), progress)
            .await;
        self.fetch(placed, Want::Text).await?;
        match self.reading(placed, width, form).await? {
            Some(reading) => {
                self.show(request, placed, reading, None).await;
                Ok(())
            }
            None => Err(Why::Gone),
        }
    }

    pub(super) async fn show(
        &self,
        request: RequestId,
        placed: Placed,
        reading: Reading,
        progress: Option<(u64, u64)>,
    ) {
        let reading = Box::new(reading);
        let _gone = self
            .events
            .send(Event::Message {
                request,
                placed,
                reading,
                progress,
            })
            .await;
    }

    pub(crate) async fn summary(&self, placed: Placed) -> Result<Summary, Why> {
        let Placed { message, mailbox } = placed;
        self.db
            .read(move |r| r.summary(message, Some(mailbox)))
            .await?
            .ok_or(Why::Gone)
    }

    /// A message made readable for that width, its text fetched where it is missing.
    pub(super) async fn read_for(
        &self,
        placed: Placed,
        width: u16,
        form: Form,
    ) -> Result<Reading, Why> {
        if let Some(reading) = self.reading(placed, width, form).await? {
            return Ok(reading);
        }
        self.fetch(placed, Want::Text).await?;
        let reading = self.reading(placed, width, form).await?;
        reading.ok_or(Why::Gone)
    }

    /// What is in the store of a message, made readable; `None` where its text is missing.
    async fn reading(
        &self,
        placed: Placed,
        width: u16,
        form: Form,
    ) -> Result<Option<Reading>, Why> {
        let Some(held) = self.held(placed).await? else {
            return Ok(None);
        };
        let viewer = self.viewer();
        let form = form_of(form);
        let opened = self.opened.get(placed.message);
        let reading = make(move || {
            if let (Some(opened), Held::Whole(raw)) = (opened, &held) {
                let mut reading = mime::opened_reading(raw, &opened, width, form, &viewer);
                reading.has_files = true;
                return reading;
            }
            let mut reading = mime::reading(held.source(), width, form);
            reading.has_files = matches!(held, Held::Whole(_));
            reading.cards = mime::cards(held.source(), &viewer);
            reading
        });
        let mut reading = reading.await?;
        self.add_answers(&mut reading.cards).await;
        if !reading.pictures.is_empty() {
            self.add_sender(placed, &mut reading).await?;
        }
        Ok(Some(reading))
    }

    /// Who reads.
    fn viewer(&self) -> mime::Viewer {
        let setup = self.account.as_ref().map(|a| &a.setup);
        let senders = setup.iter().flat_map(|s| &s.writing.senders);
        let own = senders.map(|s| s.address.address.clone());
        mime::Viewer {
            own: own.chain(setup.map(|s| s.address.clone())).collect(),
            zone: jiff::tz::TimeZone::system(),
            now_secs: super::clock::now_secs(),
            trusted: setup
                .map(|s| s.trusted_authserv.clone())
                .unwrap_or_default(),
        }
    }

    /// What is in the store of a message, if that is enough to read it.
    pub(crate) async fn held(&self, placed: Placed) -> Result<Option<Held>, Why> {
        let Placed { message, mailbox } = placed;
        let held = self
            .db
            .read(move |r| held(r, message, Some(mailbox)))
            .await?;
        if held.is_none() {
            // One that is gone has no text to be waited for.
            self.summary(placed).await?;
        }
        Ok(held)
    }

    /// The same, fetched where it is missing.
    pub(crate) async fn text(&self, placed: Placed) -> Result<Held, Why> {
        if let Some(held) = self.held(placed).await? {
            return Ok(held);
        }
        self.fetch(placed, Want::Text).await?;
        self.held(placed).await?.ok_or(Why::Gone)
    }

    /// Asks the account's connections for something of a message and waits for it.
    pub(crate) async fn ask(
        account: &Account,
        placed: Placed,
        want: Want,
    ) -> Result<(), net::Error> {
        let error = |summary: &str, hint: &str| net::Error {
            class: net::Class::Transient,
            summary: summary.to_owned(),
            hint: hint.to_owned(),
            code: None,
        };
        let (is_offline, is_refused) = account
            .board
            .look(|w| (w.is_offline && !w.is_local, w.is_refused && !w.is_local));
        if is_offline {
            return Err(error("Pillarbox is offline", "go online and open it again"));
        }
        if is_refused {
            return Err(error(
                "the account cannot log in",
                "see the account's message",
            ));
        }
        // Whoever takes the pieces of a part minds how long each takes.
        let limit = match want {
            Want::Part(..) => PART_PATIENCE,
            _ => FETCH_PATIENCE,
        };
        let (done, wait) = oneshot::channel();
        account.board.post(|w| {
            w.fetches.push_back(Fetch {
                placed,
                want,
                failures: 0,
                done,
            });
        });
        match tokio::time::timeout(limit, wait).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(error("the connection ended", "open it again")),
            Err(_) => Err(error("the server did not answer in time", "open it again")),
        }
    }

    pub(crate) async fn fetch(&self, placed: Placed, want: Want) -> Result<(), Why> {
        let message = placed.message;
        if self.db.read(move |r| r.rest(message)).await? != Rest::Here {
            return Err(Why::HeaderOnly);
        }
        let Some(account) = &self.account else {
            return Err(Why::NotHere(
                "its account is not configured any more".to_owned(),
            ));
        };
        Ok(Self::ask(account, placed, want).await?)
    }

    /// Serves [`crate::bus::Command::LoadSource`].
    pub(crate) async fn source(self, request: RequestId, placed: Placed, inside: PartId) {
        let header = self.header(placed).await.ok().flatten();
        let found = match header {
            Some(header) => Ok(header),
            None if inside.0.is_empty() => self.raw(placed).await,
            None => self.part(request, placed, &inside).await.map(|p| p.bytes),
        };
        let event = match found {
            Ok(raw) => Event::Source {
                request,
                lines: source_lines(&raw),
            },
            Err(why) => Event::Unavailable {
                request,
                why: Safe::line(&why.to_string()),
            },
        };
        let _gone = self.events.send(event).await;
    }

    /// All bytes of a message, fetched where they are missing.
    pub(crate) async fn raw(&self, placed: Placed) -> Result<Vec<u8>, Why> {
        let message = placed.message;
        if let Some(raw) = self.db.read(move |r| r.raw(message)).await? {
            return Ok(raw);
        }
        self.fetch(placed, Want::Raw).await?;
        self.db
            .read(move |r| r.raw(message))
            .await?
            .ok_or(Why::Gone)
    }
}

/// What is in the store of a message, if that is enough to read it.
pub(super) fn held(
    reader: &Reader,
    message: MessageKey,
    mailbox: Option<MailboxKey>,
) -> store::Result<Option<Held>> {
    if let Some(raw) = reader.raw(message)? {
        return Ok(Some(Held::Whole(raw)));
    }
    let summary = reader.summary(message, mailbox)?;
    let Some(structure) = summary.and_then(|s| s.structure) else {
        return Ok(None);
    };
    let Some(header) = reader.part(message, &PartId::default())? else {
        return Ok(None);
    };
    let mut parts = Vec::new();
    for part in structure.needed() {
        if let Some(bytes) = reader.part(message, &part.id)? {
            parts.push((part.id.clone(), bytes));
        }
    }
    Ok(Some(Held::Parts {
        header,
        structure,
        parts,
    }))
}

pub(super) const fn form_of(form: Form) -> mime::Form {
    match form {
        Form::Auto => mime::Form::Auto,
        Form::Plain => mime::Form::Plain,
        Form::Html => mime::Form::Html,
    }
}

/// Runs what may take a while beside the async tasks.
pub(super) async fn make<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Why> {
    tokio::task::spawn_blocking(job).await.map_err(|_| {
        Why::File("this message could not be made readable; H shows its source".to_owned())
    })
}

/// What is known of a message before its text is here.
fn headers_only(summary: &Summary, width: u16) -> Reading {
    let list = |addresses: &[crate::model::Address]| {
        Safe::line(
            &addresses
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        )
    };
    let envelope = &summary.envelope;
    let mut headers = vec![(Safe::fixed("From"), list(&envelope.from))];
    headers.push((Safe::fixed("To"), list(&envelope.to)));
    if !envelope.cc.is_empty() {
        headers.push((Safe::fixed("Cc"), list(&envelope.cc)));
    }
    headers.push((Safe::fixed("Subject"), Safe::line(&envelope.subject)));
    let attachments = summary
        .structure
        .iter()
        .flat_map(crate::model::BodyStructure::attachments)
        .enumerate()
        .map(|(index, part)| Attachment {
            part: part.id.clone(),
            name: Safe::line(&mime::file_name(&part.name, &part.mime_type, index)),
            mime_type: Safe::line(&part.mime_type),
            size_bytes: part.size_bytes,
            outside: "",
        })
        .collect();
    Reading {
        headers,
        attachments,
        width,
        ..Reading::default()
    }
}

fn source_lines(raw: &[u8]) -> Vec<Safe> {
    let shown = raw.get(..SOURCE_MAX).unwrap_or(raw);
    let mut lines: Vec<Safe> = Safe::lines(&String::from_utf8_lossy(shown)).collect();
    if shown.len() < raw.len() {
        lines.push(Safe::line(&format!(
            "… {} more bytes; `pillarbox show --raw` prints them all",
            raw.len() - shown.len()
        )));
    }
    lines
}
