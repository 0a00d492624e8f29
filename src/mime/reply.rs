//! Drafts that begin with a message: answers, messages passed on, messages taken up again.
//!
//! Called by `engine` and `cli`. The message is a stranger's: it may choose who is proposed as
//! recipient and what is quoted, and must never choose who writes, add a field or attach a file.

use super::choose::own_parts;
use super::field::is_id;
use super::headers::{Headers, parse_ids};
use super::mailto::mailto;
use super::names::file_name;
use super::quote::{FORWARD_MARK, Words, attribution, with_signature};
use super::render::{Message, Source};
use super::subject::{forward_subject, reply_subject};
use super::transfer::decoded_size;
use crate::model::{
    Address, Attached, Content, Draft, DraftKind, Identity, MessageKey, Part, PartStat, Recipients,
    is_same_mailbox, wire_address,
};

/// More attachments are not taken over.
const ATTACHED_MAX: usize = 1000;
/// More recipients are not proposed.
const PEOPLE_MAX: usize = 2000;

/// The line above a quote where no other is asked for.
pub const ATTRIBUTION: &str = "On {date}, {name} wrote:";

/// A message that a draft begins with.
#[derive(Debug, Clone, Copy)]
pub struct Original<'a> {
    /// Its key, by which its parts are attached and its flags set.
    pub key: MessageKey,
    /// Its bytes.
    pub source: Source<'a>,
}

/// Who writes: one's own addresses, which are never proposed as recipients.
#[derive(Debug, Clone, Copy)]
pub struct Selves<'a> {
    /// The one to write from where the message does not tell.
    pub default: &'a Identity,
    /// All of them, the more likely ones first.
    pub all: &'a [Identity],
}

/// Whom an answer goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The one who wrote.
    Sender,
    /// Everybody.
    All,
    /// The list that it came from.
    List,
}

/// The line above a quote.
#[derive(Debug, Clone, Copy)]
pub struct Attribution<'a> {
    /// With `{date}`, `{name}` and `{address}`; see [`ATTRIBUTION`].
    pub pattern: &'a str,
    /// The date of the message in the reader's own words.
    pub date: &'a str,
}

/// An answer to a message; `None` where the answer should go to a list, and the message came from none.
#[must_use]
pub fn reply(
    original: Original<'_>,
    answer: Answer,
    selves: Selves<'_>,
    above: Attribution<'_>,
) -> Option<Draft> {
    let message = Message::open(original.source);
    let headers = &message.headers;
    let identity = choose_identity(headers, selves);
    let mut draft = Draft::new(DraftKind::Reply, identity.clone());
    let (to, cc) = match answer {
        Answer::Sender => (sender(headers, selves), Vec::new()),
        Answer::All => everybody(headers, selves),
        Answer::List => (list(headers, identity)?, Vec::new()),
    };
    draft.to = Recipients::of(&to);
    draft.cc = Recipients::of(&cc);
    draft.subject = reply_subject(&headers.text("Subject"));
    (draft.in_reply_to, draft.references) = thread(headers);
    draft.original = Some(original.key);
    let quote = Words::of(&message, false).without_signature().quoted();
    let body = if quote.is_empty() {
        String::new()
    } else {
        let from = headers.addresses("From").into_iter().next();
        let from = from.unwrap_or_default();
        let name = if from.name.is_empty() {
            &from.address
        } else {
            &from.name
        };
        let line = attribution(above.pattern, above.date, name, &from.address);
        format!("{line}\n{quote}\n")
    };
    draft.body = with_signature(&body, &identity.signature);
    Some(draft)
}

/// A message passed on within the text, its attachments with it.
#[must_use]
pub fn forward_inline(original: Original<'_>, selves: Selves<'_>, date: &str) -> Draft {
    let message = Message::open(original.source);
    let headers = &message.headers;
    let identity = choose_identity(headers, selves);
    let mut draft = Draft::new(DraftKind::Forward, identity.clone());
    draft.subject = forward_subject(&headers.text("Subject"));
    draft.attachments = attachments(&message, original.key);
    draft.original = Some(original.key);
    let mut above = vec![FORWARD_MARK.to_owned()];
    let people = |name: &str| {
        let list = headers.addresses(name);
        Recipients::of(list.get(..PEOPLE_MAX).unwrap_or(&list))
            .typed()
            .to_owned()
    };
    for (name, value) in [
        ("From", people("From")),
        ("Date", super::field::one_line(date)),
        ("Subject", super::field::one_line(&headers.text("Subject"))),
        ("To", people("To")),
        ("Cc", people("Cc")),
    ] {
        if !value.is_empty() {
            above.push(format!("{name}: {value}"));
        }
    }
    let text = Words::of(&message, true)
        .with_plain_signature()
        .into_lines();
    let body = format!("\n\n{}\n\n{text}", above.join("\n"));
    draft.body = with_signature(&body, &identity.signature);
    draft
}

/// Messages passed on whole, each as an attachment. `None` where there is none.
#[must_use]
pub fn forward_attached(originals: &[Original<'_>], selves: Selves<'_>) -> Option<Draft> {
    let first = originals.first()?;
    let message = Message::open(first.source);
    let identity = choose_identity(&message.headers, selves);
    let mut draft = Draft::new(DraftKind::Forward, identity.clone());
    draft.subject = forward_subject(&message.headers.text("Subject"));
    draft.original = Some(first.key);
    draft.body = with_signature("", &identity.signature);
    for (index, original) in originals.iter().take(ATTACHED_MAX).enumerate() {
        let subject = Message::open(original.source).headers.text("Subject");
        draft.attachments.push(Attached {
            content: Content::Message(original.key),
            name: file_name(&subject, "message/rfc822", index),
            mime_type: "message/rfc822".to_owned(),
            charset: String::new(),
            size_bytes: match original.source {
                Source::Whole(raw) => u64::try_from(raw.len()).ok(),
                Source::Parts { .. } => None,
            },
        });
    }
    Some(draft)
}

/// A message to be passed on as it is. It has no text; recipients are all there is to fill in.
#[must_use]
pub fn bounce(original: Original<'_>, selves: Selves<'_>) -> Draft {
    let message = Message::open(original.source);
    let identity = choose_identity(&message.headers, selves);
    let mut draft = Draft::new(DraftKind::Bounce, identity.clone());
    draft.subject = super::field::one_line(&message.headers.text("Subject"));
    draft.original = Some(original.key);
    draft
}

/// A message taken up again: a draft of any client's, which keeps its place in its thread, or with
/// `is_new` a sent message that is to be sent anew.
#[must_use]
pub fn edit(original: Original<'_>, selves: Selves<'_>, is_new: bool) -> Draft {
    let message = Message::open(original.source);
    let headers = &message.headers;
    let from = headers.addresses("From");
    let own = |one: &&Identity| {
        let is_it = |from: &Address| is_same_mailbox(&from.address, &one.address.address);
        from.iter().any(is_it)
    };
    let identity = selves.all.iter().find(own);
    let identity = identity.unwrap_or_else(|| choose_identity(headers, selves));
    let mut draft = Draft::new(DraftKind::EditAsNew, identity.clone());
    let people = |name| Recipients::of(&headers.addresses(name));
    draft.to = people("To");
    draft.cc = people("Cc");
    draft.bcc = people("Bcc");
    draft.reply_to = people("Reply-To");
    draft.subject = super::field::one_line(&headers.text("Subject"));
    draft.body = Words::of(&message, false).into_lines();
    draft.attachments = attachments(&message, original.key);
    draft.original = Some(original.key);
    if !is_new {
        draft.in_reply_to = headers.ids("In-Reply-To");
        draft.references = headers.ids("References");
    }
    draft
}

/// The identity that a message was sent to: by its whole address, else without its `+tag`.
fn choose_identity<'a>(headers: &Headers<'_>, selves: Selves<'a>) -> &'a Identity {
    const FIELDS: [&str; 7] = [
        "To",
        "Cc",
        "Bcc",
        "Delivered-To",
        "X-Original-To",
        "Envelope-To",
        "From",
    ];
    let mut by_tag = None;
    for field in FIELDS {
        for address in headers.addresses(field) {
            let own = |one: &&Identity| is_same_mailbox(&one.address.address, &address.address);
            if let Some(identity) = selves.all.iter().find(own) {
                return identity;
            }
            let tagged = |one: &&Identity| is_tagged(&address.address, &one.address.address);
            by_tag = by_tag.or_else(|| selves.all.iter().find(tagged));
        }
    }
    by_tag.unwrap_or(selves.default)
}

/// Whether `address` is `own` with a `+tag`.
fn is_tagged(address: &str, own: &str) -> bool {
    let without_tag = address.rsplit_once('@').and_then(|(local, host)| {
        let (local, _) = local.split_once('+')?;
        Some(format!("{local}@{host}"))
    });
    without_tag.is_some_and(|address| is_same_mailbox(&address, own))
}

impl Selves<'_> {
    fn has(self, address: &str) -> bool {
        let mut all = self.all.iter().chain([self.default]);
        all.any(|one| {
            let own = &one.address.address;
            is_same_mailbox(own, address) || is_tagged(address, own)
        })
    }
}

/// Each address once, one's own left out.
#[derive(Default)]
struct People {
    found: Vec<Address>,
    seen: std::collections::HashSet<String>,
}

impl People {
    fn add(&mut self, addresses: Vec<Address>, selves: Selves<'_>) {
        for address in addresses {
            let is_other = !address.address.is_empty() && !selves.has(&address.address);
            if is_other
                && self.found.len() < PEOPLE_MAX
                && self
                    .seen
                    .insert(wire_address(&address.address).to_lowercase())
            {
                self.found.push(address);
            }
        }
    }

    fn take(&mut self) -> Vec<Address> {
        std::mem::take(&mut self.found)
    }
}

/// Whom an answer to the writer goes to. An answer to what one wrote oneself goes to those who got
/// it.
fn sender(headers: &Headers<'_>, selves: Selves<'_>) -> Vec<Address> {
    let from = headers.addresses("From");
    let to = headers.addresses("To");
    let is_own = !from.is_empty() && from.iter().all(|a| selves.has(&a.address));
    let has_others = to.iter().any(|a| !selves.has(&a.address));
    if is_own && has_others {
        return to;
    }
    let reply_to = headers.addresses("Reply-To");
    let mut found = if reply_to.iter().any(|a| !a.address.is_empty()) {
        reply_to
    } else {
        from
    };
    found.truncate(PEOPLE_MAX);
    found
}

/// Whom an answer to all goes to: To and Cc.
fn everybody(headers: &Headers<'_>, selves: Selves<'_>) -> (Vec<Address>, Vec<Address>) {
    let mut people = People::default();
    let followup = headers.addresses("Mail-Followup-To");
    if !followup.is_empty() {
        people.add(followup, selves);
        let to = people.take();
        if !to.is_empty() {
            return (to, Vec::new());
        }
    }
    let author = sender(headers, selves);
    people.add(author.clone(), selves);
    let mut to = people.take();
    people.add(headers.addresses("To"), selves);
    people.add(headers.addresses("Cc"), selves);
    let mut cc = people.take();
    if to.is_empty() {
        // Only one's own addresses: then at least one of those, or those who got a copy.
        to = if cc.is_empty() {
            author
        } else {
            std::mem::take(&mut cc)
        };
    }
    (to, cc)
}

/// The address of the list (RFC 2369 section 3.4).
fn list(headers: &Headers<'_>, identity: &Identity) -> Option<Vec<Address>> {
    let post = headers.text("List-Post");
    let urls = post
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split('>').next());
    for url in urls {
        if let Ok(found) = mailto(url.trim(), identity.clone()) {
            let to: Vec<Address> = found.draft.to.valid().cloned().collect();
            if !to.is_empty() {
                return Some(to);
            }
        }
    }
    None
}

/// The message that a list asks for of who wants to leave it (RFC 2369 section 3.2), from the identity
/// that gets its mail; `None` where it asks for none.
#[must_use]
pub fn unsubscribe(original: Original<'_>, selves: Selves<'_>) -> Option<Draft> {
    let message = Message::open(original.source);
    let url = super::card::mail_to_leave(&message.headers)?;
    let identity = choose_identity(&message.headers, selves);
    let mut draft = mailto(&url, identity.clone()).ok()?.draft;
    // Programs of lists take words of a signature for commands.
    if draft.subject.is_empty() {
        "unsubscribe".clone_into(&mut draft.subject);
    }
    draft.cc = Recipients::default();
    (!draft.to.is_empty()).then_some(draft)
}

/// The answer to an invitation, and the event that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredInvite {
    /// The message with the answer.
    pub draft: Draft,
    /// The event.
    pub uid: String,
    /// Which one of a recurring event; empty: all.
    pub recurrence: String,
}

/// The answer to the invitation in a message (RFC 5546 section 3.2.3), to its organizer, from the
/// identity that was invited.
///
/// # Errors
/// Why it cannot be answered, as the rest of a sentence.
pub fn answer_invite(
    original: Original<'_>,
    selves: Selves<'_>,
    state: PartStat,
    now_secs: i64,
) -> Result<AnsweredInvite, &'static str> {
    let message = Message::open(original.source);
    let invite = super::invite::find(&message).ok_or("there is no invitation in this message")?;
    if !invite.asks() {
        return Err("this message does not ask for an answer");
    }
    let own = |one: &&Identity| invite.own([one.address.address.as_str()]).is_some();
    let identity = selves.all.iter().find(own);
    let identity = identity.ok_or("none of your addresses is among those invited")?;
    let place = invite.own([identity.address.address.as_str()]).unwrap_or(0);
    let organizer = invite.organizer.as_ref().map(|o| o.address.clone());
    let organizer = organizer.filter(|o| o.address.contains('@'));
    let organizer = organizer.ok_or("the invitation does not say whom to answer")?;
    let word = match state {
        PartStat::Accepted => "Accepted",
        PartStat::Tentative => "Tentative",
        PartStat::Declined => "Declined",
        PartStat::NeedsAction | PartStat::Delegated => return Err("that is no answer"),
    };
    let mut draft = Draft::new(DraftKind::New, identity.clone());
    draft.to = Recipients::of(&[organizer]);
    let summary = super::field::one_line(&invite.summary);
    draft.subject = format!("{word}: {}", summary.chars().take(200).collect::<String>());
    let name = match identity.address.name.as_str() {
        "" => identity.address.address.as_str(),
        name => name,
    };
    draft.body = format!("{name}: {}\n", draft.subject);
    draft.calendar = invite.answer(place, state, now_secs);
    if draft.calendar.is_none() {
        return Err("the answer could not be written");
    }
    (draft.in_reply_to, draft.references) = thread(&message.headers);
    draft.original = Some(original.key);
    Ok(AnsweredInvite {
        draft,
        uid: invite.uid.chars().take(super::invite::UID_MAX).collect(),
        recurrence: invite.recurrence,
    })
}

/// In-Reply-To and References of an answer (RFC 5322 section 3.6.4).
fn thread(headers: &Headers<'_>) -> (Vec<String>, Vec<String>) {
    let own = headers.get("Message-ID").map(parse_ids).unwrap_or_default();
    let own: Vec<String> = own.into_iter().filter(|id| is_id(id)).take(1).collect();
    let mut references = headers.ids("References");
    if references.is_empty() {
        let parents = headers.ids("In-Reply-To");
        if parents.len() == 1 {
            references = parents;
        }
    }
    references.retain(|id| is_id(id) && !own.contains(id));
    references.extend(own.iter().cloned());
    (own, references)
}

/// The files of a message, and the pictures that its HTML shows.
fn attachments(message: &Message<'_>, key: MessageKey) -> Vec<Attached> {
    let is_file = |part: &&Part| part.is_attachment() || part.mime_type.starts_with("image/");
    let own = own_parts(&message.structure);
    let files = own.into_iter().filter(is_file).take(ATTACHED_MAX);
    files
        .enumerate()
        .map(|(index, part)| Attached {
            content: Content::Part {
                message: key,
                part: part.id.clone(),
            },
            name: file_name(&part.name, &part.mime_type, index),
            mime_type: part.mime_type.clone(),
            charset: part.charset.clone(),
            size_bytes: Some(decoded_size(&part.encoding, part.size_bytes)),
        })
        .collect()
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
