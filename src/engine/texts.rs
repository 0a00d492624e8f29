//! Opens messages for the reader and saves attachments: from the store at once, else by a fetch.
//!
//! Called by `dispatch`, one task a request. An open message must never wait longer than
//! [`FETCH_PATIENCE`], and what is here is shown before what is missing is asked for.

use super::account::Account;
use super::board::{Fetch, Want};
use super::lane::FETCH_PATIENCE;
use super::store_thread::Db;
use crate::bus::{Event, Form, Problem, RequestId};
use crate::mime;
use crate::model::{Attachment, BodyStructure, PartId, Placed, Reading, Rest, Safe};
use crate::net;
use crate::store::{self, Summary};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// The longest source that is shown; beyond it a note says how to see the rest.
const SOURCE_MAX: usize = 2 * 1024 * 1024;

/// What a request for a text works with.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    pub(crate) db: Db,
    pub(crate) account: Option<Arc<Account>>,
    pub(crate) events: mpsc::Sender<Event>,
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

    async fn show(
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

    /// What is in the store of a message, made readable; `None` where its text is missing.
    async fn reading(
        &self,
        placed: Placed,
        width: u16,
        form: Form,
    ) -> Result<Option<Reading>, Why> {
        let form = match form {
            Form::Auto => mime::Form::Auto,
            Form::Plain => mime::Form::Plain,
            Form::Html => mime::Form::Html,
        };
        let Some(held) = self.held(placed).await? else {
            return Ok(None);
        };
        let reading = make(move || mime::reading(held.source(), width, form)).await?;
        Ok(Some(reading))
    }

    /// What is in the store of a message, if that is enough to read it.
    pub(crate) async fn held(&self, placed: Placed) -> Result<Option<Held>, Why> {
        let message = placed.message;
        if let Some(raw) = self.db.read(move |r| r.raw(message)).await? {
            return Ok(Some(Held::Whole(raw)));
        }
        let summary = self.summary(placed).await?;
        let Some(structure) = summary.structure else {
            return Ok(None);
        };
        let ids: Vec<PartId> = structure.texts().map(|p| p.id.clone()).collect();
        let found = self
            .db
            .read(move |r| {
                let header = r.part(message, &PartId::default())?;
                let mut parts = Vec::new();
                for id in ids {
                    if let Some(bytes) = r.part(message, &id)? {
                        parts.push((id, bytes));
                    }
                }
                Ok(header.map(|header| (header, parts)))
            })
            .await?;
        Ok(found.map(|(header, parts)| Held::Parts {
            header,
            structure,
            parts,
        }))
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
        let (done, wait) = oneshot::channel();
        account.board.post(|w| {
            w.fetches.push_back(Fetch {
                placed,
                want,
                failures: 0,
                done,
            });
        });
        match tokio::time::timeout(FETCH_PATIENCE, wait).await {
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
    pub(crate) async fn source(self, request: RequestId, placed: Placed) {
        let header = self.header(placed).await.ok().flatten();
        let found = match header {
            Some(header) => Ok(header),
            None => self.raw(placed).await,
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

    /// Serves [`crate::bus::Command::Save`].
    pub(crate) async fn save(
        self,
        request: RequestId,
        placed: Placed,
        parts: Vec<PartId>,
        folder: PathBuf,
    ) {
        let event = match self.try_save(request, placed, parts, folder).await {
            Ok(files) => Event::Saved { request, files },
            Err(why) => Event::Failed {
                request,
                problem: Problem {
                    account: self.account.as_ref().map(|a| a.key),
                    summary: Safe::line(&format!("not saved: {why}")),
                    hint: Safe::default(),
                },
            },
        };
        let _gone = self.events.send(event).await;
    }

    async fn try_save(
        &self,
        request: RequestId,
        placed: Placed,
        parts: Vec<PartId>,
        folder: PathBuf,
    ) -> Result<Vec<PathBuf>, Why> {
        let summary = self.summary(placed).await?;
        let message = placed.message;
        let raw = self.db.read(move |r| r.raw(message)).await?;
        let structure = match (&raw, summary.structure) {
            (_, Some(structure)) => structure,
            (Some(raw), None) => mime::structure(raw),
            (None, None) => mime::structure(&self.raw(placed).await?),
        };
        let wanted: Vec<_> = structure
            .parts
            .iter()
            .filter(|p| {
                if parts.is_empty() {
                    p.is_attachment()
                } else {
                    parts.contains(&p.id)
                }
            })
            .cloned()
            .collect();
        let mut files = Vec::new();
        for part in &wanted {
            // A part without a name is named by its place in the list, as on the screen.
            let index = structure
                .attachments()
                .position(|p| p.id == part.id)
                .unwrap_or(0);
            let bytes = match raw.as_ref().and_then(|raw| mime::part_body(raw, &part.id)) {
                Some(bytes) => bytes,
                None => self.part(request, placed, part).await?,
            };
            let name = mime::file_name(&part.name, &part.mime_type, index);
            let folder = folder.clone();
            let file = tokio::task::spawn_blocking(move || write_new(&folder, &name, &bytes))
                .await
                .unwrap_or_else(|_| Err("the file could not be written".to_owned()))
                .map_err(Why::File)?;
            files.push(file);
        }
        Ok(files)
    }

    /// Fetches one part in pieces, telling how far it is.
    pub(crate) async fn part(
        &self,
        request: RequestId,
        placed: Placed,
        part: &crate::model::Part,
    ) -> Result<Vec<u8>, Why> {
        let (sink, mut pieces) = mpsc::channel::<Vec<u8>>(2);
        let total = part.size_bytes;
        let gathering = async {
            let mut bytes = Vec::new();
            while let Some(piece) = pieces.recv().await {
                bytes.extend_from_slice(&piece);
                let done = bytes.len() as u64;
                let _gone = self
                    .events
                    .send(Event::Progress {
                        request,
                        done,
                        total,
                    })
                    .await;
            }
            bytes
        };
        let want = Want::Part(part.id.clone(), sink);
        let (fetched, encoded) = tokio::join!(self.fetch(placed, want), gathering);
        fetched?;
        let head = format!(
            "Content-Type: {}\r\nContent-Transfer-Encoding: {}\r\n\r\n",
            part.mime_type, part.encoding
        );
        Ok(mime::decode_part(&[head.as_bytes(), &encoded].concat()).bytes)
    }
}

async fn make(job: impl FnOnce() -> Reading + Send + 'static) -> Result<Reading, Why> {
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

/// Writes a file that was not there before, readable by its owner only; `name (2)` and so on where taken.
pub fn write_new(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, String> {
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let path = Path::new(name);
    let stem = path
        .file_stem()
        .and_then(|s| s.to_str())
        .unwrap_or("attachment");
    let ending = path
        .extension()
        .and_then(|s| s.to_str())
        .map(|e| format!(".{e}"))
        .unwrap_or_default();
    for n in 1..1_000 {
        let candidate = if n == 1 {
            name.to_owned()
        } else {
            format!("{stem} ({n}){ending}")
        };
        let target = folder.join(candidate);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&target) {
            Ok(mut file) => {
                return file
                    .write_all(bytes)
                    .and_then(|()| file.sync_all())
                    .map(|()| target.clone())
                    .map_err(|e| format!("{}: {e}", target.display()));
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(format!("{}: {e}", target.display())),
        }
    }
    Err(format!("{}: too many files of that name", folder.display()))
}
