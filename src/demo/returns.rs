//! What becomes of mail that is sent in the demo: it comes back.
//!
//! Run by `live` behind its submission servers. A message to an address of the demo arrives there; who
//! else is written to answers after some seconds. Nothing must ever leave this computer.

use super::dates::rfc5322;
use super::served::Served;
use super::smtp::Received;
use crate::mime::{Headers, parse_headers};
use crate::model::{Address, Moment};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How many messages may wait to be handed on.
pub(super) const MAIL_MAX: usize = 64;
/// How long somebody takes to answer.
const ANSWER_AFTER: Duration = Duration::from_secs(6);
/// How much later the next one answers.
const ANSWER_STEP: Duration = Duration::from_secs(4);
/// How many of the recipients answer.
const ANSWERS_MAX: usize = 3;
/// How many lines of the message an answer quotes.
const QUOTED_MAX: usize = 12;

/// What people write back.
const ANSWERS: [&str; 4] = [
    "Thank you, this reached me. I will look at it tonight and write to you tomorrow.",
    "Good to hear from you! Yes, let us do it that way.",
    "Got it, thanks. Could you call me about it some time this week?",
    "That was quick. I have nothing to add, so go ahead.",
];

/// An account of the demo: its address, and its server.
pub(super) type Place = (String, Served);

/// Delivers what is sent until the demo ends.
pub(super) async fn deliver(
    mut mail: mpsc::Receiver<Received>,
    places: Vec<Place>,
    start_secs: i64,
) {
    let started = Instant::now();
    let mut answers = JoinSet::new();
    while let Some(message) = mail.recv().await {
        while answers.try_join_next().is_some() {}
        let now = || {
            let passed = i64::try_from(started.elapsed().as_secs()).unwrap_or_default();
            start_secs + passed
        };
        let (ours, others): (Vec<_>, Vec<_>) = message
            .to
            .iter()
            .map(|recipient| recipient.address.clone())
            .partition(|address| place(&places, address).is_some());
        for address in ours {
            arrive(&places, &address, &message.raw, now());
        }
        for (number, who) in (0..).zip(others.into_iter().take(ANSWERS_MAX)) {
            let at = now();
            let (places, message) = (places.clone(), message.clone());
            let wait = ANSWER_AFTER + ANSWER_STEP * number;
            answers.spawn(async move {
                tokio::time::sleep(wait).await;
                let secs = at + i64::try_from(wait.as_secs()).unwrap_or_default();
                if let Some(answer) = answer(&message, &who, secs) {
                    arrive(&places, &message.from, &answer, secs);
                }
            });
        }
    }
}

fn place<'a>(places: &'a [Place], address: &str) -> Option<&'a Served> {
    let is_it = |(own, _): &&Place| own.eq_ignore_ascii_case(address);
    places.iter().find(is_it).map(|(_, served)| served)
}

fn arrive(places: &[Place], address: &str, raw: &[u8], unix_secs: i64) {
    if let Some(served) = place(places, address) {
        let arrived = Moment {
            unix_secs,
            offset_mins: 0,
        };
        served.deliver(raw, arrived);
    }
}

/// A friendly answer; `None` to what answers itself, so that no two of them go on for ever.
fn answer(message: &Received, who: &str, unix_secs: i64) -> Option<Vec<u8>> {
    let fields = parse_headers(&message.raw);
    if fields.get("Auto-Submitted").is_some() || message.from.is_empty() {
        return None;
    }
    let at = Moment {
        unix_secs,
        offset_mins: 0,
    };
    let subject = raw_field(&fields, "Subject");
    let is_answer = fields
        .text("Subject")
        .to_ascii_lowercase()
        .starts_with("re:");
    let prefix = if is_answer { "" } else { "Re: " };
    let id = fields.ids("Message-ID").into_iter().next();
    let id = id.unwrap_or_default();
    let mut references = fields.ids("References");
    references.push(id.clone());
    let references: Vec<String> = references.iter().map(|id| format!("<{id}>")).collect();
    let number = super::letter::checksum(&format!("{who} {id}"));
    let text = ANSWERS
        .get(usize::try_from(number).unwrap_or(0) % ANSWERS.len())
        .copied()
        .unwrap_or_default();
    let mut lines = vec![
        format!("From: {}", from(&fields, who)),
        format!("To: {}", message.from),
        format!("Subject: {prefix}{subject}"),
        format!("Date: {}", rfc5322(at)),
        format!("Message-ID: <{number:08x}.{unix_secs}@demo.test>"),
        format!("In-Reply-To: <{id}>"),
        format!("References: {}", references.join("\r\n ")),
        "Auto-Submitted: auto-replied".to_owned(),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
        "Content-Transfer-Encoding: 8bit".to_owned(),
        String::new(),
        text.to_owned(),
        String::new(),
    ];
    lines.extend(quoted(&message.raw));
    lines.push(String::new());
    Some(lines.join("\r\n").into_bytes())
}

/// A field as it was written, on one line.
fn raw_field(fields: &Headers<'_>, name: &str) -> String {
    let raw = String::from_utf8_lossy(fields.get(name).unwrap_or_default());
    raw.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Who answers, with the name that was written to.
fn from(fields: &Headers<'_>, who: &str) -> String {
    let mut all = fields.addresses("To");
    all.extend(fields.addresses("Cc"));
    let is_plain = |a: &&Address| {
        a.address.eq_ignore_ascii_case(who)
            && !a.name.is_empty()
            && a.name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == ' ')
    };
    match all.iter().find(is_plain) {
        Some(address) => format!("{} <{who}>", address.name),
        None => who.to_owned(),
    }
}

/// The first lines of the text, quoted.
fn quoted(raw: &[u8]) -> Vec<String> {
    let structure = crate::mime::structure(raw);
    let mut texts = structure.texts();
    let part = texts.find(|part| part.mime_type == "text/plain");
    let text = part.and_then(|part| crate::mime::part_text(raw, part));
    let text = text.unwrap_or_default();
    let lines = text.lines().map(str::trim_end);
    let lines: Vec<String> = lines.take(QUOTED_MAX).map(|l| format!("> {l}")).collect();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::imap::{Options, Peer};
    use crate::demo::smtp::Recipient;

    fn message(to: &[&str], raw: &str) -> Received {
        Received {
            user: None,
            from: "ann@here.test".to_owned(),
            parameters: Vec::new(),
            to: to
                .iter()
                .map(|address| Recipient {
                    address: (*address).to_owned(),
                    parameters: Vec::new(),
                })
                .collect(),
            raw: raw.replace('\n', "\r\n").into_bytes(),
        }
    }

    fn inbox(peer: &Peer) -> Vec<String> {
        let inbox = peer.store().mailbox("INBOX").unwrap();
        let all = inbox.messages.values();
        all.map(|m| String::from_utf8_lossy(&m.raw).into_owned())
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_to_oneself_arrives_and_others_answer_once() {
        let peer = Peer::new(Options::default());
        let places = vec![("ann@here.test".to_owned(), Served::Imap(peer.clone()))];
        let (send, mail) = mpsc::channel(MAIL_MAX);
        let task = tokio::spawn(deliver(mail, places, 1_000_000));
        let raw = "From: ann@here.test\nTo: Bo Example <bo@there.test>\nSubject: Tea\n\
            Message-ID: <1@here.test>\n\nAt five?\n";
        send.send(message(&["ANN@here.test", "bo@there.test"], raw))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(inbox(&peer).len(), 1);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let all = inbox(&peer);
        assert_eq!(all.len(), 2);
        for part in [
            "From: Bo Example <bo@there.test>\r\n",
            "Subject: Re: Tea\r\n",
            "In-Reply-To: <1@here.test>\r\n",
            "> At five?\r\n",
        ] {
            assert!(all[1].contains(part), "{part}: {}", all[1]);
        }
        let back = message(&["bo@there.test"], &all[1].replace("\r\n", "\n"));
        send.send(back).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(inbox(&peer).len(), 2, "no answer to an answer");
        drop(send);
        task.await.unwrap();
    }
}
