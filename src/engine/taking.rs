//! What leaves a message: saved into a folder, opened, given to a program, printed.
//!
//! Called by `dispatch`, one task a request. A program gets bytes on its standard input and its
//! arguments from the user alone; no word of a mail may become one. A large part goes through a file,
//! never through memory.

use super::landing;
use super::program::{self, Ended, Fault, Limits, Stop, Streams};
use super::staging::{self, Staging};
use super::texts::{Texts, Why, make};
use crate::bus::{Event, Problem, RequestId, Take, TakeEvent, Taken, Whither};
use crate::mime;
use crate::model::{Part, PartId, Placed, Safe, begins_as_program, why_not_opened};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;

/// Bounds of a program that the user gives something to.
const LIMITS: Limits = Limits {
    time: Duration::from_secs(120),
    output_bytes: 512 * 1024,
};
/// The columns of a printed page.
const PAPER_COLS: u16 = 78;
/// More lines of what a program said are not shown.
const LINES_MAX: usize = 5_000;

/// What a program reads.
enum Input {
    File(NamedTempFile),
    Bytes(Vec<u8>),
}

impl Texts {
    /// Serves [`crate::bus::Command::Take`].
    pub(crate) async fn take(self, order: Take, staging: Arc<Staging>) {
        let request = order.request;
        let event = match self.try_take(order, &staging).await {
            Ok(event) => event,
            Err(why) => self.failed(request, &why.to_string()),
        };
        let _gone = self.events.send(event).await;
    }

    fn failed(&self, request: RequestId, summary: &str) -> Event {
        Event::Failed {
            request,
            problem: Problem {
                account: self.account.as_ref().map(|a| a.key),
                summary: Safe::line(summary),
                hint: Safe::default(),
            },
        }
    }

    async fn try_take(&self, order: Take, staging: &Staging) -> Result<Event, Why> {
        let Take {
            request,
            placed,
            what,
            to,
        } = order;
        let ending = match (&to, &what) {
            (
                Whither::Viewer,
                Taken::Part {
                    name, mime_type, ..
                },
            ) => ending_of(name, mime_type)?,
            _ => "",
        };
        if let Whither::Program(_) | Whither::Printer(_) = &to
            && let Some(bytes) = self.secret(request, placed, &what).await?
        {
            return self.to_programs(request, to, Input::Bytes(bytes)).await;
        }
        let staged = staging.file(ending).map_err(cannot_stage)?;
        let file = self.fill(request, placed, &what, staged).await?;
        match to {
            Whither::Viewer | Whither::Terminal => {
                let is_viewed = to == Whither::Viewer;
                let kept = tokio::task::spawn_blocking(move || settle_staged(file, is_viewed));
                let file = kept.await.unwrap_or_else(|_| Err(Why::lost()))?;
                Ok(Event::Taken(TakeEvent::Staged { request, file }))
            }
            Whither::Program(_) | Whither::Printer(_) => {
                self.to_programs(request, to, Input::File(file)).await
            }
        }
    }

    async fn to_programs(
        &self,
        request: RequestId,
        to: Whither,
        input: Input,
    ) -> Result<Event, Why> {
        match to {
            Whither::Printer(all) => {
                let hint = "; set print_command under [ui]";
                self.ran(request, &all, input, hint).await
            }
            Whither::Program(argv) => self.ran(request, &[argv], input, "").await,
            Whither::Viewer | Whither::Terminal => Err(Why::lost()),
        }
    }

    /// What is wanted, where it was encrypted: it must not reach the disk on its way to a program.
    async fn secret(
        &self,
        request: RequestId,
        placed: Placed,
        what: &Taken,
    ) -> Result<Option<Vec<u8>>, Why> {
        let opened = self.opened.get(placed.message);
        if !opened.is_some_and(|opened| opened.is_decrypted) {
            return Ok(None);
        }
        match what {
            Taken::Text(form) => {
                let reading = self.read_for(placed, PAPER_COLS, *form).await?;
                Ok(Some(reading.in_plain().into_bytes()))
            }
            Taken::Part { part, .. } if part.is_opened() => {
                Ok(Some(self.part(request, placed, part).await?.bytes))
            }
            Taken::Part { .. } | Taken::Message => Ok(None),
        }
    }

    /// Puts what is wanted into the file.
    async fn fill(
        &self,
        request: RequestId,
        placed: Placed,
        what: &Taken,
        mut file: NamedTempFile,
    ) -> Result<NamedTempFile, Why> {
        let bytes = match what {
            Taken::Message => self.raw(placed).await?,
            Taken::Text(form) => {
                let reading = self.read_for(placed, PAPER_COLS, *form).await?;
                reading.in_plain().into_bytes()
            }
            Taken::Part { part, .. } => {
                return self.part_into(request, placed, part, file).await;
            }
        };
        write(&mut file, &bytes)?;
        Ok(file)
    }

    /// Puts the decoded bytes of a part into the file: from the store, or fetched piece by piece.
    async fn part_into(
        &self,
        request: RequestId,
        placed: Placed,
        id: &PartId,
        mut file: NamedTempFile,
    ) -> Result<NamedTempFile, Why> {
        let bytes = if id.is_opened() {
            self.part(request, placed, id).await?.bytes
        } else {
            let summary = self.summary(placed).await?;
            let structure = summary.structure.filter(|_| !summary.has_raw);
            match structure.and_then(|s| s.part(id).cloned()) {
                None => self.part(request, placed, id).await?.bytes,
                Some(part) => match self.kept(placed, &part).await? {
                    Some(kept) => kept.bytes,
                    None => return self.fetch_into(request, placed, &part, file).await,
                },
            }
        };
        write(&mut file, &bytes)?;
        Ok(file)
    }

    /// Fetches one part in pieces, decoding on the way and telling how far it is.
    async fn fetch_into(
        &self,
        request: RequestId,
        placed: Placed,
        part: &Part,
        file: NamedTempFile,
    ) -> Result<NamedTempFile, Why> {
        let mut out = tokio::fs::File::from_std(file.reopen().map_err(cannot_stage)?);
        let mut decoder = mime::Decoder::new(&part.encoding);
        let decode = |piece: Vec<u8>| decoder.add(&piece);
        self.pieces(request, placed, part, decode, &mut out).await?;
        out.write_all(&decoder.end()).await.map_err(cannot_stage)?;
        out.flush().await.map_err(cannot_stage)?;
        Ok(file)
    }

    async fn save_message(&self, placed: Placed, folder: &Path) -> Result<PathBuf, Why> {
        let raw = self.raw(placed).await?;
        let folder = folder.to_owned();
        let saved = tokio::task::spawn_blocking(move || {
            let envelope = mime::envelope(&raw);
            let day = envelope.date.map(day_of).unwrap_or_default();
            let subject = match envelope.subject.trim() {
                "" => "message",
                subject => subject,
            };
            let name = mime::file_name(&format!("{day}{subject}"), "message/rfc822", 0);
            landing::write_new(&folder, &name, &raw).map_err(Why::File)
        });
        saved.await.unwrap_or_else(|_| Err(Why::lost()))
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
            Err(why) => self.failed(request, &format!("Not saved: {why}")),
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
        let listed = self.listed(placed).await?;
        let wanted = match parts.is_empty() {
            true => listed.iter().map(|f| f.0.clone()).collect(),
            false => parts,
        };
        let mut files = Vec::new();
        for id in wanted {
            if id.0.is_empty() {
                files.push(self.save_message(placed, &folder).await?);
                continue;
            }
            let mut file = landing::begin(&folder).map_err(Why::File)?;
            // Under the name that the list shows; what lies inside of others is named by its own.
            let name = match listed.iter().find(|f| f.0 == id) {
                Some((_, name)) => {
                    file = self.part_into(request, placed, &id, file).await?;
                    name.clone()
                }
                None => {
                    let part = self.part(request, placed, &id).await?;
                    write(&mut file, &part.bytes)?;
                    let place = id.0.last().map_or(0, |n| usize::from(n.saturating_sub(1)));
                    mime::file_name(&part.name, &part.mime_type, place)
                }
            };
            files.push(landed(file, folder.clone(), name).await?);
        }
        Ok(files)
    }

    /// The files of a message with their names, those in what was decrypted or checked before the others.
    async fn listed(&self, placed: Placed) -> Result<Vec<(PartId, String)>, Why> {
        if let Some(opened) = self.opened.get(placed.message) {
            let raw = self.raw(placed).await?;
            return make(move || mime::opened_files(&raw, &opened)).await;
        }
        let held = self.text(placed).await?;
        make(move || {
            let files = mime::files(held.source()).into_iter();
            files.map(|f| (f.part, f.name)).collect()
        })
        .await
    }

    /// Runs the first of these programs that is there on the file; ends it when this is dropped.
    async fn ran(
        &self,
        request: RequestId,
        all: &[Vec<String>],
        input: Input,
        hint: &str,
    ) -> Result<Event, Why> {
        let stop = Stop::default();
        let _guard = stop.on_drop();
        let all = all.to_vec();
        let job = tokio::task::spawn_blocking(move || run_first(&all, &input, &stop));
        let (program, outcome) = job.await.map_err(|_| Why::lost())?;
        let (lines, fault) = match outcome {
            Some(Ok(ended)) => (lines_of(&ended), fault_of(&ended)),
            Some(Err(why)) => (Vec::new(), why),
            None => {
                let why = format!("{program} cannot be found on the path{hint}");
                return Err(Why::File(why));
            }
        };
        Ok(Event::Taken(TakeEvent::Ran {
            request,
            program: Safe::line(&program),
            lines,
            fault: Safe::line(&fault),
        }))
    }
}

/// `2026-04-10 `, as the sender's clock showed it.
fn day_of(date: crate::model::Moment) -> String {
    let stamp = jiff::Timestamp::from_second(date.unix_secs).ok();
    let offset = jiff::tz::Offset::from_seconds(i32::from(date.offset_mins) * 60).ok();
    match (stamp, offset) {
        (Some(stamp), Some(offset)) => format!("{} ", offset.to_datetime(stamp).date()),
        _ => String::new(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn cannot_stage(error: std::io::Error) -> Why {
    Why::File(format!("the file for it cannot be written: {error}"))
}

fn write(file: &mut NamedTempFile, bytes: &[u8]) -> Result<(), Why> {
    file.write_all(bytes).map_err(cannot_stage)
}

/// The ending under which a file is opened: one that we know, and nothing of the sender's making.
fn ending_of(name: &str, mime_type: &str) -> Result<&'static str, Why> {
    if let Some(why) = why_not_opened(name, mime_type) {
        return Err(Why::File(format!("not opened: {why}; it can be saved")));
    }
    mime::safe_ending(name, mime_type).ok_or_else(|| {
        let why = "not opened: what kind of file it is is not known; it can be saved";
        Why::File(why.to_owned())
    })
}

/// Keeps a filled file for another program. What is to be opened must not be a program.
fn settle_staged(file: NamedTempFile, is_viewed: bool) -> Result<PathBuf, Why> {
    if is_viewed {
        let mut head = Vec::new();
        let begun = file.reopen().map_err(cannot_stage)?;
        begun
            .take(64)
            .read_to_end(&mut head)
            .map_err(cannot_stage)?;
        if begins_as_program(&head) {
            let why = "not opened: it is a program; it can be saved";
            return Err(Why::File(why.to_owned()));
        }
    }
    staging::keep(file).map_err(cannot_stage)
}

async fn landed(file: NamedTempFile, folder: PathBuf, name: String) -> Result<PathBuf, Why> {
    let job = tokio::task::spawn_blocking(move || landing::settle(file, &folder, &name));
    let settled = job.await.map_err(|_| Why::lost())?;
    settled.map_err(Why::File)
}

/// The name of the program that ran, and what came of it; or the names of those that are missing.
fn run_first(
    all: &[Vec<String>],
    input: &Input,
    stop: &Stop,
) -> (String, Option<Result<Ended, String>>) {
    let mut missing = Vec::new();
    for argv in all {
        let Some((program, arguments)) = argv.split_first() else {
            continue;
        };
        let mut command = Command::new(program);
        command.args(arguments);
        let streams = match input {
            Input::Bytes(bytes) => Streams::Kept(bytes.clone()),
            Input::File(file) => match file.reopen() {
                Ok(file) => {
                    command.stdin(file).stdout(Stdio::piped());
                    Streams::Set
                }
                Err(e) => return (program.clone(), Some(Err(e.to_string()))),
            },
        };
        match program::run(&mut command, streams, LIMITS, stop) {
            Ok(ended) => return (program.clone(), Some(Ok(ended))),
            Err(Fault::Missing(_)) => missing.push(program.clone()),
            Err(fault) => return (program.clone(), Some(Err(fault.to_string()))),
        }
    }
    (missing.join(" or "), None)
}

/// What a program said, made clean, cut at a bound.
fn lines_of(ended: &Ended) -> Vec<Safe> {
    let mut lines: Vec<Safe> = [&ended.output, &ended.errors]
        .into_iter()
        .flat_map(|bytes| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            Safe::lines(&text).collect::<Vec<_>>()
        })
        .take(LINES_MAX + 1)
        .collect();
    if lines.len() > LINES_MAX {
        lines.truncate(LINES_MAX);
        lines.push(Safe::fixed("… and more, which is not shown"));
    }
    lines
}

fn fault_of(ended: &Ended) -> String {
    match (ended.is_success, ended.code) {
        (true, _) => String::new(),
        (false, Some(code)) => format!("it ended with {code}"),
        (false, None) => "it was ended by a signal".to_owned(),
    }
}
