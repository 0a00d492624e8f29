//! What the review screen shows: who gets a draft, what goes out, and what one might want to ask.
//!
//! Called by `writing`, one task a request. Nothing may be sent or changed by looking.

use super::crypto::Gpg;
use super::drafts::Drafts;
use super::posting::{compose, not_reviewed, stamp};
use crate::bus::{Event, RequestId, Review, ReviewNote, WritingEvent};
use crate::mime::{self, Finding};
use crate::model::{Content, Draft, DraftKey, DraftKind, Safe, size_text};
use crate::net::Security;
use crate::store::{self, DraftRow};
use std::collections::BTreeMap;

impl Drafts {
    /// Serves [`crate::bus::WritingCommand::Review`].
    pub(super) async fn review(self, request: RequestId, key: DraftKey) {
        let event = match self.try_review(key).await {
            Ok(review) => Event::Writing(WritingEvent::Reviewed {
                request,
                review: Box::new(review),
            }),
            Err(why) => not_reviewed(request, &why),
        };
        let _gone = self.events.send(event).await;
    }

    async fn try_review(&self, key: DraftKey) -> Result<Review, String> {
        let row = self.row(key).await?;
        let mut notes = Vec::new();
        let (server, undo) = self.server_of(&row, &mut notes);
        let size_bytes = match self.measure(&row.draft).await {
            Ok(size) => size,
            Err(why) => {
                notes.push(note(&sentence(&why), true));
                0
            }
        };
        let findings = self.findings(&row.draft).await.map_err(|e| e.to_string())?;
        notes.extend(findings.iter().map(|finding| note(&asked(finding), false)));
        notes.extend(missing_files(&row.draft));
        notes.sort_by_key(|note| !note.is_fatal);
        notes.dedup();
        Ok(Review {
            recipients: recipients(&row.draft),
            size_bytes,
            server: Safe::line(&server),
            parts: parts(&row.draft),
            notes,
            crypto: can_seal(&self.gpg, &row.draft).await,
            undo_secs: u32::try_from(undo).unwrap_or(u32::MAX),
        })
    }

    fn server_of(&self, row: &DraftRow, notes: &mut Vec<ReviewNote>) -> (String, u64) {
        let account = self.accounts.iter().find(|a| a.key == row.account);
        let Some(account) = account else {
            let text = "The account that this is written from is not configured any more.";
            notes.push(note(text, true));
            return (String::new(), 0);
        };
        let Some(outgoing) = &account.setup.outgoing else {
            let text = format!(
                "No outgoing server is set up: add [accounts.{}.smtp] to the configuration.",
                account.setup.name
            );
            notes.push(note(&text, true));
            return (String::new(), 0);
        };
        let how = match outgoing.server.security {
            Security::Implicit | Security::StartTls => "encrypted",
            Security::Plain => "not encrypted",
        };
        let server = format!("{}, {how}", outgoing.server.host);
        (server, outgoing.undo.as_secs())
    }

    /// How large the message is: it is composed, and thrown away.
    async fn measure(&self, draft: &Draft) -> Result<u64, String> {
        self.have_all(draft).await?;
        let reader = self.db.another_reader().map_err(|e| e.to_string())?;
        // What is sealed is a little larger; to ask for a passphrase here would be too early.
        let mut draft = draft.clone();
        (draft.sending.is_signed, draft.sending.is_encrypted) = (false, false);
        let (gpg, folder) = (self.gpg.clone(), self.data_dir.clone());
        let composing = move || {
            let out = &mut std::io::sink();
            compose(&draft, stamp(), reader, (&gpg, &folder), out)
        };
        let written = tokio::task::spawn_blocking(composing).await;
        let written = written.map_err(|_| "the message cannot be composed".to_owned())??;
        Ok(written.size_bytes)
    }

    async fn findings(&self, draft: &Draft) -> store::Result<Vec<Finding>> {
        let draft = draft.clone();
        self.db
            .read_long(move |r| {
                // Asked before, because the review itself cannot fail.
                let mut known = BTreeMap::new();
                for finding in mime::review(&draft, |_| false) {
                    if let Finding::NewHost { host } = finding {
                        let (shown, _) = idna::domain_to_unicode(&host);
                        let is_known = r.is_host_known(&[host.clone(), shown])?;
                        known.insert(host, is_known);
                    }
                }
                Ok(mime::review(&draft, |host| {
                    known.get(host).copied().unwrap_or(false)
                }))
            })
            .await
    }
}

/// Whether the keys are there that the draft needs, or would need to be signed.
async fn can_seal(gpg: &Gpg, draft: &Draft) -> Result<(), Safe> {
    let (gpg, draft) = (gpg.clone(), draft.clone());
    let looking = tokio::task::spawn_blocking(move || gpg.look(&draft));
    match looking.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => Err(Safe::line(&why.to_string())),
        Err(_) => Err(Safe::fixed("gpg cannot be asked")),
    }
}

fn note(text: &str, is_fatal: bool) -> ReviewNote {
    ReviewNote {
        text: Safe::line(text),
        is_fatal,
    }
}

/// A reason as a sentence.
fn sentence(why: &str) -> String {
    let mut chars = why.chars();
    let first = chars.next().map(char::to_uppercase);
    let text: String = first.into_iter().flatten().chain(chars).collect();
    if text.ends_with(['.', '!', '?']) {
        text
    } else {
        format!("{text}.")
    }
}

fn asked(finding: &Finding) -> String {
    match finding {
        Finding::NoAttachment { word } => {
            format!("The text says \"{word}\", and nothing is attached.")
        }
        Finding::NoSubject => "There is no subject.".to_owned(),
        Finding::ManyRecipients { count } => format!("It goes to {count} people."),
        Finding::NewHost { host } => {
            format!("You never had mail from or to anybody at {host}.")
        }
    }
}

/// Files that are not there any more, by name.
fn missing_files(draft: &Draft) -> Vec<ReviewNote> {
    let gone = draft
        .attachments
        .iter()
        .filter(|attached| matches!(&attached.content, Content::Path(path) if !path.exists()));
    // The first one is among the faults of composing already.
    let more = gone.skip(1);
    more.map(|attached| note(&format!("{} is not there any more.", attached.name), true))
        .collect()
}

/// Everybody who gets it, Bcc last.
fn recipients(draft: &Draft) -> Vec<Safe> {
    let fields = [("", &draft.to), ("", &draft.cc), (" (Bcc)", &draft.bcc)];
    let mut seen = std::collections::BTreeSet::new();
    let mut found = Vec::new();
    for (mark, people) in fields {
        for address in people.valid() {
            let wire = crate::model::wire_address(&address.address);
            if seen.insert(wire.to_lowercase()) {
                found.push(Safe::line(&format!("{wire}{mark}")));
            }
        }
    }
    found
}

/// What its parts are.
fn parts(draft: &Draft) -> Vec<Safe> {
    if draft.kind == DraftKind::Bounce {
        return vec![Safe::fixed("the message as it is")];
    }
    let mut parts = vec![Safe::fixed("text")];
    if draft.sending.is_markdown {
        parts.push(Safe::fixed("HTML made of Markdown"));
    }
    for attached in &draft.attachments {
        let size = match (&attached.content, attached.size_bytes) {
            (Content::Bytes(bytes), _) => u64::try_from(bytes.len()).ok(),
            (Content::Path(path), known) => {
                let found = std::fs::metadata(path).ok();
                found.map(|found| found.len()).or(known)
            }
            (_, known) => known,
        };
        let size = size.map_or_else(String::new, |size| format!(", {}", size_text(size)));
        parts.push(Safe::line(&format!("{}{size}", attached.name)));
    }
    parts
}
