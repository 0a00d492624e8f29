//! Drafts that begin with a message of ours: answers, what is passed on, what is taken up again.
//!
//! Called by `drafts`. What one reads of the message is fetched first where it is not here; without
//! it nothing may be begun, since an answer without its quote looks as if there had been none.

use super::drafts::{Begun, Drafts, Refused, plain, selves};
use super::texts::{Held, Why};
use crate::mime::{self, Answer, Attribution, Original};
use crate::model::{Draft, DraftKey, Placed, Safe};
use crate::store::AdoptedCopy;

/// More messages are not passed on at once.
const FORWARD_MAX: usize = 200;

/// What became of taking up a message of the Drafts mailbox.
pub(super) enum Resumed {
    /// It is the copy of a draft that is kept here.
    Kept(DraftKey),
    /// It is another client's.
    Begun(Box<Begun>),
}

impl Drafts {
    /// What one reads of a message, fetched where it is missing.
    async fn text(&self, placed: Placed) -> Result<Held, Why> {
        self.texts(placed).text(placed).await
    }

    pub(super) async fn answer(&self, placed: Placed, answer: Answer) -> Result<Begun, Refused> {
        let held = self.text(placed).await?;
        let identities = self.identities(self.account_key(placed));
        let selves = selves(&identities)?;
        let date = date_of(&held);
        let above = Attribution {
            pattern: mime::ATTRIBUTION,
            date: &date,
        };
        let draft = mime::reply(original(placed, &held), answer, selves, above);
        let draft = draft.ok_or_else(|| {
            Refused::Said("this message came from no list that can be answered".to_owned())
        })?;
        Ok(noted(draft, &held))
    }

    /// The message that a list asks for of who wants to leave it.
    pub(super) async fn unsubscribe(&self, placed: Placed) -> Result<Begun, Refused> {
        let held = self.text(placed).await?;
        let identities = self.identities(self.account_key(placed));
        let found = mime::unsubscribe(original(placed, &held), selves(&identities)?);
        let found = found.ok_or_else(|| {
            Refused::Said("this message names no address to leave the list by".to_owned())
        })?;
        Ok(plain(found))
    }

    pub(super) async fn forward(&self, placed: Placed) -> Result<Begun, Refused> {
        let held = self.text(placed).await?;
        let identities = self.identities(self.account_key(placed));
        let date = date_of(&held);
        let original = original(placed, &held);
        let draft = mime::forward_inline(original, selves(&identities)?, &date);
        Ok(noted(draft, &held))
    }

    pub(super) async fn forward_attached(&self, list: Vec<Placed>) -> Result<Begun, Refused> {
        if list.len() > FORWARD_MAX {
            let said = format!("{FORWARD_MAX} messages at most can be passed on at once");
            return Err(Refused::Said(said));
        }
        let mut held = Vec::new();
        for placed in &list {
            held.push(self.text(*placed).await?);
        }
        let first = list.first().and_then(|placed| self.account_key(*placed));
        let identities = self.identities(first);
        let originals: Vec<Original<'_>> = list
            .iter()
            .zip(&held)
            .map(|(placed, held)| original(*placed, held))
            .collect();
        let draft = mime::forward_attached(&originals, selves(&identities)?);
        let nothing = || Refused::Said("there is no message to pass on".to_owned());
        Ok(plain(draft.ok_or_else(nothing)?))
    }

    pub(super) async fn bounce(&self, placed: Placed) -> Result<Begun, Refused> {
        let held = self.text(placed).await?;
        let identities = self.identities(self.account_key(placed));
        Ok(plain(mime::bounce(
            original(placed, &held),
            selves(&identities)?,
        )))
    }

    pub(super) async fn edit(&self, placed: Placed, is_new: bool) -> Result<Begun, Refused> {
        Ok(plain(self.edited(placed, is_new).await?))
    }

    async fn edited(&self, placed: Placed, is_new: bool) -> Result<Draft, Refused> {
        let held = self.text(placed).await?;
        let identities = self.identities(self.account_key(placed));
        let original = original(placed, &held);
        Ok(mime::edit(original, selves(&identities)?, is_new))
    }

    /// A message of the Drafts mailbox: the draft that it is the copy of, else itself, which is
    /// replaced there when the draft is copied.
    pub(super) async fn resume(&self, placed: Placed) -> Result<Resumed, Refused> {
        let Placed { message, mailbox } = placed;
        let found = self
            .db
            .read(move |r| {
                let Some(summary) = r.summary(message, Some(mailbox))? else {
                    return Ok(None);
                };
                let mailboxes = r.server_mailboxes(summary.account)?;
                let at = r.uid(placed)?;
                let lies_in = at.map_or(mailbox, |(mailbox, ..)| mailbox);
                let name = mailboxes.into_iter().find(|m| m.key == lies_in);
                let copy = AdoptedCopy {
                    account: summary.account,
                    mailbox: name.map(|m| m.name).unwrap_or_default(),
                    message_id: summary.envelope.message_id,
                    at: at.map(|(_, era, uid)| (era, uid)),
                };
                let kept = r.draft_of_copy(&copy)?;
                Ok(Some((copy, kept)))
            })
            .await?;
        let Some((copy, kept)) = found else {
            return Err(Why::Gone.into());
        };
        if let Some(key) = kept {
            return Ok(Resumed::Kept(key));
        }
        let draft = self.edited(placed, false).await?;
        Ok(Resumed::Begun(Box::new(Begun {
            copy_of: copy.at.is_some().then_some(copy),
            ..plain(draft)
        })))
    }
}

/// A draft that quotes a message, with a word where it does not.
fn noted(draft: Draft, held: &Held) -> Begun {
    let mut begun = plain(draft);
    if mime::is_encrypted(held.source()) {
        let note = "What was encrypted is not quoted: a draft would hold it in clear";
        begun.notes.push(Safe::fixed(note));
    }
    begun
}

fn original(placed: Placed, held: &Held) -> Original<'_> {
    Original {
        key: placed.message,
        source: held.source(),
    }
}

/// The date of a message as the reader's clock shows it.
fn date_of(held: &Held) -> String {
    let header = match held {
        Held::Whole(raw) => raw,
        Held::Parts { header, .. } => header,
    };
    let headers = mime::parse_headers(header);
    let date = headers.get("Date").and_then(mime::parse_date);
    let stamp = date.and_then(|date| jiff::Timestamp::from_second(date.unix_secs).ok());
    stamp.map_or_else(
        || "an unknown day".to_owned(),
        |stamp| {
            let here = stamp.to_zoned(jiff::tz::TimeZone::system());
            here.strftime("%a, %-d %b %Y at %H:%M").to_string()
        },
    )
}
