//! APPEND (RFC 9051 §6.3.12): a message is put into a mailbox.
//!
//! Called by the replay in `engine`. Bytes of a message must never be taken for commands: they go
//! out only as the literal that was announced, all of them or none.

use super::command::{Command, SMALL_LITERAL};
use super::copied::append_uid;
use super::response::{Condition, Response};
use super::session::{Pace, Session, Tag, refusal};
use super::types::Appended;
use crate::model::{FlagSet, Moment};
use crate::net::error::{Class, Error, Result};
use jiff::Timestamp;
use jiff::tz::Offset;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

pub(super) const DOING: &str = "take this message";
/// The largest message that goes out before the server agreed: a refusal costs no more than this.
pub(super) const AT_ONCE_MAX: usize = 256 * 1024;
/// How long the bytes of a message may not come.
const SOURCE: Duration = Duration::from_secs(60);
/// How many bytes wait to be written at once.
pub(super) const CHUNK: usize = 64 * 1024;
/// How much a system may have taken over for sending that has not left.
const SYSTEM_BUFFER: usize = 4 * 1024 * 1024;
/// The slowest line in bytes a second on which sending a message is not given up.
const SLOWEST: usize = 16 * 1024;

impl Session {
    /// Puts a message into a mailbox, with flags and the time it arrived. The bytes go out as they
    /// are. A refusal is in what is returned; what is known to be in vain is not sent.
    ///
    /// # Errors
    /// When the connection or the protocol breaks: then the message may be there or not.
    pub async fn append(
        &mut self,
        to: &str,
        flags: &FlagSet,
        arrived: Option<Moment>,
        bytes: &[u8],
    ) -> Result<Appended> {
        if let Some(refused) = nul_in(bytes) {
            return Ok(Appended::refused(refused));
        }
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.append_from(to, flags, arrived, size, bytes).await
    }

    /// The same for bytes that come as they are sent: `size` of them, and no NUL among them.
    ///
    /// # Errors
    /// When the connection or the protocol breaks, or the bytes do not come: then the connection is
    /// over, and the message may be there or not.
    pub async fn append_from<M>(
        &mut self,
        to: &str,
        flags: &FlagSet,
        arrived: Option<Moment>,
        size: u64,
        bytes: M,
    ) -> Result<Appended>
    where
        M: AsyncRead + Unpin + Send,
    {
        if let Some(refused) = self.append_in_vain(size) {
            return Ok(Appended::refused(refused));
        }
        self.begin(Pace::Bulk).await?;
        let capabilities = &self.state.capabilities;
        let fits = |limit: usize| usize::try_from(size).is_ok_and(|size| size <= limit);
        let at_once = (capabilities.has("LITERAL+") && fits(AT_ONCE_MAX))
            || (capabilities.has("LITERAL-") && fits(SMALL_LITERAL));
        let command = match self.append_command(to, flags, arrived, size, at_once) {
            Ok(command) => command,
            Err(error) => return Ok(Appended::refused(error)),
        };
        if !at_once {
            self.settle().await?;
        }
        let tag = self.send(&command).await?;
        let is_agreed = self.is_open(tag) && (at_once || self.go_ahead(tag).await?);
        let is_sent = is_agreed && self.send_literal(tag, size, bytes).await?;
        let mut at = None;
        let said = self
            .finish(tag, |response| {
                if let Response::Said(said) = &response {
                    at = at.or(append_uid(said));
                }
                Some(response)
            })
            .await?;
        let is_ok = said.condition == Condition::Ok;
        if is_agreed && !is_sent || is_ok && !is_agreed {
            // What it would make of the rest is not known: the connection is of no more use.
            let early = Error::protocol("The server answered before it had the whole message.");
            let early = self.fail(early);
            return if is_ok {
                Err(early)
            } else {
                Ok(Appended::refused(refusal(said, DOING)))
            };
        }
        Ok(if is_ok {
            let at = at.or(append_uid(&said));
            Appended { at, refused: None }
        } else {
            Appended::refused(refusal(said, DOING))
        })
    }

    /// The command up to its literal; `at_once`: the bytes follow without leave.
    pub(super) fn append_command(
        &self,
        to: &str,
        flags: &FlagSet,
        arrived: Option<Moment>,
        size: u64,
        at_once: bool,
    ) -> Result<Command> {
        let wire = self.state.wire_name(to);
        let command = Command::new("APPEND").string(&wire, &self.state.capabilities)?;
        Ok(command.raw(&literal(flags, arrived, size, at_once)))
    }

    /// Sends the bytes that were announced, piece by piece; false: the command was completed before
    /// they were all on their way.
    async fn send_literal<M>(&mut self, tag: Tag, size: u64, bytes: M) -> Result<bool>
    where
        M: AsyncRead + Unpin + Send,
    {
        let count = usize::try_from(size).unwrap_or(usize::MAX);
        self.allow_for(count);
        let mut bytes = bytes.take(size);
        let mut left = size;
        let mut chunk = vec![0; CHUNK.min(count.max(1))];
        while left > 0 {
            let read = tokio::time::timeout(SOURCE, bytes.read(&mut chunk)).await;
            let read = read.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
            let got = match read {
                Ok(got) if got > 0 => got,
                // What was announced cannot be sent: there is no other way out of a literal.
                short => {
                    let why = short.err().map_or_else(
                        || "it is shorter than it was".to_owned(),
                        |error| error.to_string(),
                    );
                    let error = Error::transient(format!("The message cannot be read: {why}."));
                    return Err(self.fail(error));
                }
            };
            left = left.saturating_sub(u64::try_from(got).unwrap_or(u64::MAX));
            self.gate().push(chunk.get(..got).unwrap_or_default());
            if count > CHUNK {
                self.write_out(tag).await?;
            }
            if !self.is_open(tag) {
                return Ok(false);
            }
        }
        self.hear_later(time_on_its_way(count));
        self.push_line("");
        Ok(true)
    }

    /// Why the server would not take it, where that is known beforehand.
    pub(super) fn append_in_vain(&self, size: u64) -> Option<Error> {
        let limit = self.state.capabilities.append_limit()?;
        (size > limit).then(|| {
            let summary =
                format!("The message has {size} bytes, and the server takes no more than {limit}.");
            Error::new(Class::Rejected, summary).code(Some("TOOBIG".to_owned()))
        })
    }
}

impl Appended {
    pub(super) fn refused(error: Error) -> Self {
        Self {
            at: None,
            refused: Some(error),
        }
    }
}

/// What is said of a message before its bytes (RFC 3502 `append-message`).
pub(super) fn literal(
    flags: &FlagSet,
    arrived: Option<Moment>,
    size: u64,
    at_once: bool,
) -> String {
    let plus = if at_once { "+" } else { "" };
    let date = arrived.and_then(internal_date);
    let date = date.map(|d| format!(" \"{d}\"")).unwrap_or_default();
    let flags = if flags.is_empty() {
        String::new()
    } else {
        format!(" ({flags})")
    };
    format!("{flags}{date} {{{size}{plus}}}")
}

/// Why bytes cannot go out, where it is for a NUL in them (RFC 9051 §9, `CHAR8`).
pub(super) fn nul_in(bytes: &[u8]) -> Option<Error> {
    memchr::memchr(0, bytes).map(|_| {
        Error::new(
            Class::Rejected,
            "A message with a NUL in it cannot be put on a server.",
        )
    })
}

/// How long the server may wait for what the system has taken over of so many bytes.
pub(super) fn time_on_its_way(bytes: usize) -> Duration {
    let seconds = bytes.min(SYSTEM_BUFFER) / SLOWEST;
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// ` 7-Feb-1994 22:43:04 -0800` (RFC 9051 `date-time`); `None` for what that form cannot hold.
fn internal_date(at: Moment) -> Option<String> {
    let minutes = Some(i32::from(at.offset_mins)).filter(|m| m.abs() < 24 * 60);
    let offset = Offset::from_seconds(minutes.unwrap_or(0) * 60).ok()?;
    let time = Timestamp::from_second(at.unix_secs).ok()?;
    let time = time.to_zoned(offset.to_time_zone());
    let has_form = (1..=9999).contains(&time.year());
    has_form.then(|| time.strftime("%e-%b-%Y %H:%M:%S %z").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_form_of_the_standard_or_is_left_out() {
        let date = |unix_secs, offset_mins| {
            internal_date(Moment {
                unix_secs,
                offset_mins,
            })
        };
        assert_eq!(date(0, -90).as_deref(), Some("31-Dec-1969 22:30:00 -0130"));
        assert_eq!(
            date(5, 9_000).as_deref(),
            Some(" 1-Jan-1970 00:00:05 +0000")
        );
        assert_eq!(date(-70_000_000_000, 0), None);
        assert_eq!(date(i64::MAX, 0), None);
    }
}
