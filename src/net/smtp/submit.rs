//! One message to one server: MAIL, RCPT for each, DATA, the bytes, the dot (RFC 5321 §3.3).
//!
//! Called by the outbox over [`Submitter::submit`]. The dot must never go out unless every byte did,
//! and nothing but the server's reply to it is ever taken for a delivery.

use super::Submitter;
use super::address::Path;
use super::gate::Early;
use super::reply::Reply;
use super::stuffing::Stuffing;
use super::submission::{Dsn, Phase, RefusedRecipient, Stage, Submission, Submitted, Unfit};
use crate::net::error::Error;
use std::collections::HashSet;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of a message that are read and sent at once.
const PIECE: usize = 64 * 1024;
/// Recipients in one flight. A server need not keep more commands than fit into its window.
const FLIGHT: usize = 50;
/// The longest name of an envelope (RFC 3461 §4.4).
const ENVELOPE_ID_MAX: usize = 100;

/// Who was taken, and who not.
#[derive(Debug, Default)]
struct Asked {
    accepted: Vec<Path>,
    refused: Vec<RefusedRecipient>,
}

/// Why it went no further.
enum Stop {
    No(Stage, Reply),
    Unfit(Unfit),
    Lost(Error),
}

/// The reply that asks for the message.
const DATA_WANTED: u16 = 354;

impl Submitter {
    /// Hands a message to the server. The outcome says for each recipient whether it is known to be
    /// delivered, known not to be, or unknown.
    ///
    /// Not cancel-safe: the connection is over when the call is dropped, and
    /// [`phase`](Self::phase) says how far it had come. All waits have the limits of
    /// [`Patience`](super::Patience).
    pub async fn submit<M>(&mut self, submission: &Submission, message: M) -> Submitted
    where
        M: AsyncRead + Unpin + Send,
    {
        self.phase = Phase::BeforeData;
        if let Err(why) = self.check_fit(submission) {
            return Submitted::Unfit(why);
        }
        let mut asked = Asked::default();
        let outcome = self.transact(submission, message, &mut asked).await;
        if let Err(Stop::Lost(_)) = outcome {
            self.dialogue.end();
        }
        let Asked { accepted, refused } = asked;
        match outcome {
            Ok(reply) => Submitted::Delivered {
                accepted,
                refused,
                reply,
            },
            Err(Stop::No(stage, reply)) => Submitted::Refused {
                stage,
                reply,
                refused,
            },
            Err(Stop::Unfit(why)) => Submitted::Unfit(why),
            Err(Stop::Lost(error)) => Submitted::Lost {
                phase: self.phase,
                accepted,
                refused,
                error,
            },
        }
    }

    /// What is known to fail is not tried.
    fn check_fit(&self, submission: &Submission) -> Result<(), Unfit> {
        let offered = &self.extensions;
        let size = submission.size;
        if submission.recipients.is_empty() {
            return Err(Unfit::NoRecipients);
        }
        if let Some(limit) = offered.size_max.filter(|limit| size > *limit) {
            return Err(Unfit::TooLarge { size, limit });
        }
        if !offered.has_smtp_utf8 {
            let foreign = paths(submission).find(|path| path.needs_utf8());
            if foreign.is_some() || submission.has_utf8_header {
                return Err(Unfit::NeedsSmtpUtf8(foreign.cloned()));
            }
        }
        let has_8bit = submission.has_8bit || submission.has_utf8_header;
        if has_8bit && !offered.has_8bit_mime {
            return Err(Unfit::Needs8BitMime);
        }
        Ok(())
    }

    async fn transact<M>(
        &mut self,
        submission: &Submission,
        message: M,
        asked: &mut Asked,
    ) -> Result<Reply, Stop>
    where
        M: AsyncRead + Unpin + Send,
    {
        self.reset().await.map_err(Stop::Lost)?;
        self.envelope(submission, asked).await?;
        let limit = self.patience.data;
        let reply = self.dialogue.ask("DATA", limit).await;
        let reply = reply.map_err(Stop::Lost)?;
        // No other reply than 354 asks for the message (RFC 5321 section 4.3.2): what a server wants
        // that says something else is not known, and it may answer the message line by line.
        if reply.is_positive() || reply.is_intermediate() && reply.code != DATA_WANTED {
            return Err(Stop::Lost(nonsense("DATA", &reply)));
        }
        if !reply.is_intermediate() {
            return Err(Stop::No(Stage::Data, reply));
        }
        let reply = self.body(submission, message).await?;
        self.is_dirty = false;
        if reply.is_positive() {
            return Ok(reply);
        }
        if reply.is_intermediate() {
            return Err(Stop::Lost(nonsense("the end of the message", &reply)));
        }
        Err(Stop::No(Stage::Message, reply))
    }

    /// Takes back what an earlier message left behind.
    async fn reset(&mut self) -> Result<(), Error> {
        if self.dialogue.is_over() || !self.is_dirty {
            return Ok(());
        }
        let reply = self.dialogue.ask("RSET", self.patience.command).await?;
        if reply.is_positive() {
            self.is_dirty = false;
            return Ok(());
        }
        Err(if reply.is_closing() {
            Error::transient(format!("The server ended the connection: {reply}"))
        } else {
            nonsense("RSET", &reply)
        })
    }

    /// MAIL and RCPT, in as few flights as the server allows. Goes on only if somebody was accepted.
    async fn envelope(&mut self, submission: &Submission, asked: &mut Asked) -> Result<(), Stop> {
        let mut seen = HashSet::new();
        let recipients: Vec<&Path> = submission
            .recipients
            .iter()
            .filter(|path| seen.insert(*path))
            .collect();
        let mut mail = Some(self.mail(submission));
        let mut flight = FLIGHT;
        self.is_dirty = true;
        if !self.extensions.can_pipeline
            && let Some(mail) = mail.take()
        {
            flight = 1;
            let reply = self.dialogue.ask(&mail, self.patience.command).await;
            check_mail(&reply.map_err(Stop::Lost)?)?;
        }
        for group in recipients.chunks(flight) {
            let is_first = mail.is_some();
            let mut commands: Vec<String> = mail.take().into_iter().collect();
            commands.extend(group.iter().map(|path| self.rcpt(path, submission)));
            let answers = self
                .dialogue
                .ask_all(&commands, self.patience.command)
                .await;
            let mut replies = answers.replies.into_iter();
            if is_first && let Some(reply) = replies.next() {
                check_mail(&reply)?;
            }
            for (path, reply) in group.iter().zip(replies) {
                asked.take(path, reply)?;
            }
            if let Some(error) = answers.error {
                return Err(Stop::Lost(error));
            }
        }
        asked.check_somebody()
    }

    fn mail(&self, submission: &Submission) -> String {
        let offered = &self.extensions;
        let path = submission.reverse_path.as_ref().map(Path::wire);
        let mut words = vec![format!("MAIL FROM:<{}>", path.unwrap_or_default())];
        let utf8 = submission.has_utf8_header || paths(submission).any(Path::needs_utf8);
        if offered.has_size {
            words.push(format!("SIZE={}", submission.size));
        }
        // SMTPUTF8 is allowed without BODY (RFC 6531 §3.4); a header in UTF-8 is 8-bit, however.
        if submission.has_8bit || submission.has_utf8_header {
            words.push("BODY=8BITMIME".to_owned());
        }
        if utf8 {
            words.push("SMTPUTF8".to_owned());
        }
        if let Some(dsn) = submission.dsn.as_ref().filter(|_| offered.has_dsn) {
            let returned = if dsn.returns_all { "FULL" } else { "HDRS" };
            words.push(format!("RET={returned}"));
            let id = dsn.envelope_id.as_deref().and_then(envelope_id);
            words.extend(id.map(|id| format!("ENVID={id}")));
        }
        words.join(" ")
    }

    fn rcpt(&self, path: &Path, submission: &Submission) -> String {
        let line = format!("RCPT TO:<{}>", path.wire());
        match submission.dsn.as_ref().filter(|_| self.extensions.has_dsn) {
            Some(dsn) => format!("{line} NOTIFY={}", notify(dsn)),
            None => line,
        }
    }

    /// The message and its end; what the server says to all of it.
    async fn body<M>(&mut self, submission: &Submission, mut message: M) -> Result<Reply, Stop>
    where
        M: AsyncRead + Unpin + Send,
    {
        let limit = self.patience.piece;
        self.dialogue
            .begin_message(limit)
            .await
            .map_err(Stop::Lost)?;
        self.phase = Phase::InsideData;
        let has_8bit = submission.has_8bit || submission.has_utf8_header;
        let mut stuffing = Stuffing::new(submission.size, has_8bit);
        let mut piece = vec![0; PIECE];
        let mut out = Vec::with_capacity(PIECE + PIECE / 16);
        loop {
            let read = tokio::time::timeout(limit, message.read(&mut piece)).await;
            let count = read
                .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
                .map_err(|error| Stop::Unfit(Unfit::Unreadable(error.to_string())))?;
            if count == 0 {
                break;
            }
            let piece = piece.get(..count).unwrap_or_default();
            stuffing.push(piece, &mut out).map_err(Stop::Unfit)?;
            self.dialogue.send_piece(&out).await.map_err(stopped)?;
            out.clear();
        }
        let dot = stuffing.finish().map_err(Stop::Unfit)?;
        self.dialogue.check_early().await.map_err(stopped)?;
        // From here on nobody knows before the server has said it.
        self.phase = Phase::AfterDot;
        let limit = self.patience.verdict;
        let reply = self.dialogue.end_message(dot, limit).await;
        reply.map_err(Stop::Lost)
    }
}

impl Asked {
    fn take(&mut self, path: &Path, reply: Reply) -> Result<(), Stop> {
        if reply.is_positive() {
            self.accepted.push(path.clone());
            return Ok(());
        }
        if reply.is_intermediate() {
            return Err(Stop::Lost(nonsense("RCPT", &reply)));
        }
        if reply.is_closing() {
            return Err(Stop::No(Stage::Recipients, reply));
        }
        let is_permanent = reply.is_permanent() && !self.is_too_many(&reply);
        self.refused.push(RefusedRecipient {
            path: path.clone(),
            reply,
            is_permanent,
        });
        Ok(())
    }

    /// 552 is an old word for 452, "no more recipients in this one" (RFC 5321 §4.5.3.1.10); unless it
    /// says itself that it means a full mailbox.
    fn is_too_many(&self, reply: &Reply) -> bool {
        let is_about_count = reply
            .enhanced
            .is_none_or(|code| (code.subject, code.detail) == (5, 3));
        reply.code == 552 && is_about_count && !self.accepted.is_empty()
    }

    fn check_somebody(&self) -> Result<(), Stop> {
        if !self.accepted.is_empty() {
            return Ok(());
        }
        let hopeful = self.refused.iter().find(|refused| !refused.is_permanent);
        match hopeful.or(self.refused.first()) {
            Some(refused) => Err(Stop::No(Stage::Recipients, refused.reply.clone())),
            None => Err(Stop::Unfit(Unfit::NoRecipients)),
        }
    }
}

fn paths(submission: &Submission) -> impl Iterator<Item = &Path> {
    let sender = submission.reverse_path.iter();
    sender.chain(&submission.recipients)
}

fn check_mail(reply: &Reply) -> Result<(), Stop> {
    if reply.is_positive() {
        return Ok(());
    }
    if reply.is_intermediate() {
        return Err(Stop::Lost(nonsense("MAIL", reply)));
    }
    Err(Stop::No(Stage::Mail, reply.clone()))
}

/// What the server said, or did, before the end of the message was sent. Only a refusal is believed.
fn stopped(early: Early) -> Stop {
    match early {
        Early::Broke(error) => Stop::Lost(error),
        Early::Said(reply) if reply.is_positive() || reply.is_intermediate() => {
            Stop::Lost(nonsense("half a message", &reply))
        }
        Early::Said(reply) => Stop::No(Stage::Message, reply),
    }
}

fn nonsense(what: &str, reply: &Reply) -> Error {
    Error::protocol(format!(
        "The server's answer to {what} makes no sense: {reply}"
    ))
}

fn notify(dsn: &Dsn) -> String {
    let wishes = [
        (dsn.on_success, "SUCCESS"),
        (dsn.on_failure, "FAILURE"),
        (dsn.on_delay, "DELAY"),
    ];
    let wished: Vec<&str> = wishes.iter().filter(|w| w.0).map(|w| w.1).collect();
    if wished.is_empty() {
        return "NEVER".to_owned();
    }
    wished.join(",")
}

/// As xtext (RFC 3461 §4); `None` for what is too long, or not printable as §4.4 wants it.
fn envelope_id(id: &str) -> Option<String> {
    let is_printable = id.bytes().all(|b| matches!(b, b' '..=b'~'));
    let text: String = id
        .bytes()
        .map(|byte| match byte {
            b' ' | b'+' | b'=' => format!("+{byte:02X}"),
            _ => char::from(byte).to_string(),
        })
        .collect();
    (is_printable && !text.is_empty() && text.len() <= ENVELOPE_ID_MAX).then_some(text)
}
