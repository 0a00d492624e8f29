//! Reports of delivery (RFC 3464, RFC 6533) and of reading (RFC 8098) as one sentence a recipient.
//!
//! Called by `cards`. Anybody can write a report: each sentence must name whose word it is.

use super::super::choose::own_parts;
use super::super::headers::{Headers, parse_headers};
use super::super::render::Message;
use super::super::tree::is_message;
use super::short;
use crate::model::{Card, CardKind, CardLine, PartId, Tone};

/// So many recipients are named; the others are counted.
const PEOPLE_MAX: usize = 5;
/// More groups of fields are not read.
const GROUPS_MAX: usize = 500;
/// A reason is cut here.
const REASON_MAX: usize = 240;
const NAME_MAX: usize = 120;

/// The card of a report, where the message is one.
pub(super) fn card(message: &Message<'_>) -> Option<Card> {
    let own = own_parts(&message.structure);
    let find = |types: &[&str]| {
        let is_it = |part: &&&crate::model::Part| types.contains(&part.mime_type.as_str());
        own.iter().find(is_it).copied()
    };
    let delivery = find(&["message/delivery-status", "message/global-delivery-status"]);
    let reading = find(&[
        "message/disposition-notification",
        "message/global-disposition-notification",
    ]);
    let mut lines = match (delivery, reading) {
        (Some(part), _) => deliveries(&message.bytes(part)?),
        (None, Some(part)) => vec![disposition(&message.bytes(part)?)?],
        (None, None) => return None,
    };
    if lines.is_empty() {
        return None;
    }
    let original = own
        .iter()
        .find(|p| is_message(&p.mime_type) || p.mime_type == "text/rfc822-headers");
    if let Some(part) = original {
        let subject = message
            .bytes(part)
            .map(|raw| parse_headers(&raw).text("Subject"));
        let subject = subject.filter(|s| !s.trim().is_empty());
        lines.push(match subject {
            Some(subject) => {
                let text = format!("About the message “{}”", short(&subject, NAME_MAX));
                CardLine::new(Tone::Dim, &text).with("attachments")
            }
            None => {
                CardLine::new(Tone::Dim, "The message it is about is attached").with("attachments")
            }
        });
    }
    let original: Option<PartId> = original.map(|p| p.id.clone());
    Some(Card {
        kind: CardKind::Report(original),
        lines,
    })
}

/// The groups of fields, each behind an empty line.
fn groups(raw: &[u8]) -> Vec<Headers<'_>> {
    let mut all = Vec::new();
    let mut rest = raw;
    while !rest.is_empty() && all.len() < GROUPS_MAX {
        let group = parse_headers(rest);
        let next = rest.get(group.body_at..).unwrap_or_default();
        // What is no field ends a group; it is passed over so that the next one is found.
        rest = if group.body_at == 0 {
            let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            rest.get(line..).unwrap_or_default()
        } else {
            next
        };
        if !group.fields.is_empty() {
            all.push(group);
        }
    }
    all
}

/// What stands behind the type of a field such as `dns; mx.example.org`.
fn typed(group: &Headers<'_>, name: &str) -> String {
    let text = group.text(name);
    let value = text
        .split_once(';')
        .map_or(text.as_str(), |(_, value)| value);
    value.trim().to_owned()
}

fn first_of(group: &Headers<'_>, names: &[&str]) -> String {
    let found = names.iter().map(|name| typed(group, name));
    found
        .into_iter()
        .find(|v| !v.is_empty())
        .unwrap_or_default()
}

fn deliveries(raw: &[u8]) -> Vec<CardLine> {
    let groups = groups(raw);
    let reporter = groups.iter().map(|g| typed(g, "Reporting-MTA"));
    let reporter = reporter
        .into_iter()
        .find(|r| !r.is_empty())
        .unwrap_or_default();
    let people = groups
        .iter()
        .filter(|g| g.get("Final-Recipient").is_some() || g.get("Original-Recipient").is_some());
    let mut lines = Vec::new();
    let mut more = 0usize;
    for person in people {
        if lines.len() < PEOPLE_MAX {
            lines.push(delivery(person, &reporter));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        let text = format!("and {more} more recipients; the text names them");
        lines.push(CardLine::new(Tone::Dim, &text));
    }
    lines
}

fn delivery(person: &Headers<'_>, reporter: &str) -> CardLine {
    let who = first_of(person, &["Original-Recipient", "Final-Recipient"]);
    let who = short(&who, NAME_MAX);
    let action = person.text("Action").to_ascii_lowercase();
    let (tone, what, has_reason) = match action.split_whitespace().next().unwrap_or_default() {
        "failed" => (Tone::Warning, "Not delivered to", true),
        "delayed" => (Tone::Warning, "Delayed on the way to", true),
        "delivered" => (Tone::Good, "Delivered to", false),
        "relayed" => (
            Tone::Plain,
            "Passed on to a server that reports nothing, for",
            false,
        ),
        "expanded" => (Tone::Plain, "Passed on to several people by", false),
        _ => (Tone::Warning, "A report without a result for", true),
    };
    let status = person.text("Status");
    let reason = match typed(person, "Diagnostic-Code") {
        said if !said.is_empty() => said,
        _ => status_words(&status),
    };
    let mut text = format!("{what} {who}");
    if has_reason && !reason.is_empty() {
        text = format!("{text}: {}", short(&reason, REASON_MAX));
    }
    let until = person.text("Will-Retry-Until");
    if action.starts_with("delayed") && !until.is_empty() {
        text = format!("{text}; tried until {}", short(&until, 60));
    }
    let by = match reporter {
        "" => typed(person, "Remote-MTA"),
        reporter => reporter.to_owned(),
    };
    if !by.is_empty() {
        text = format!("{text} (reported by {})", short(&by, NAME_MAX));
    }
    CardLine::new(tone, &text)
}

/// An enhanced status code (RFC 3463) in words, where there is no better reason.
fn status_words(status: &str) -> String {
    let status = status.split_whitespace().next().unwrap_or_default();
    let mut pieces = status.splitn(2, '.');
    let (_, detail) = (pieces.next(), pieces.next().unwrap_or_default());
    let words = match detail {
        "1.1" => "no such address",
        "1.2" | "4.4" => "the server of that domain is not known",
        "1.10" => "that domain takes no mail",
        "2.1" => "the mailbox is not in use",
        "2.2" => "the mailbox is full",
        "3.4" | "2.3" => "the message is too large",
        "4.1" => "the server does not answer",
        "4.2" => "the connection broke off",
        "4.6" => "it went round in a loop",
        "4.7" => "it took too long",
        "7.1" => "not allowed",
        _ if detail.starts_with('7') => "refused by a rule of the server",
        _ => "",
    };
    match (words, status) {
        ("", status) => status.to_owned(),
        (words, status) => format!("{words} ({status})"),
    }
}

fn disposition(raw: &[u8]) -> Option<CardLine> {
    let groups = groups(raw);
    let group = groups.iter().find(|g| g.get("Disposition").is_some())?;
    let who = first_of(group, &["Final-Recipient", "Original-Recipient"]);
    let who = short(&who, NAME_MAX);
    let text = group.text("Disposition").to_ascii_lowercase();
    let (mode, kind) = text.split_once(';').unwrap_or(("", text.as_str()));
    let kind = kind.split(['/', ',']).next().unwrap_or_default().trim();
    let (tone, what) = match kind {
        "displayed" => (Tone::Good, "Read by"),
        "deleted" => (Tone::Plain, "Deleted, perhaps unread, by"),
        "dispatched" => (Tone::Plain, "Passed on by"),
        "processed" => (Tone::Plain, "Dealt with by a program of"),
        "denied" => (Tone::Plain, "No report of reading is given by"),
        "failed" => (Tone::Warning, "The report of reading failed for"),
        _ => (Tone::Plain, "Reported by"),
    };
    let by_itself = if mode.contains("automatic-action") && kind == "displayed" {
        " (their program says so by itself)"
    } else {
        ""
    };
    Some(CardLine::new(tone, &format!("{what} {who}{by_itself}")))
}

#[cfg(test)]
mod tests {
    use super::super::super::Source;
    use super::*;

    fn said(kind: &str, status: &str, rest: &str) -> Vec<String> {
        let raw = format!(
            "Content-Type: multipart/report; report-type=x; boundary=b\r\n\r\n--b\r\n\r\nwords\r\n\
             --b\r\nContent-Type: {kind}\r\n\r\n{status}\r\n{rest}--b--\r\n"
        );
        let message = Message::open(Source::Whole(raw.as_bytes()));
        let card = card(&message);
        let lines = card.map(|c| c.lines).unwrap_or_default();
        lines.iter().map(|l| l.text.as_str().to_owned()).collect()
    }

    const DELIVERY: &str = "message/delivery-status";

    #[test]
    fn a_failed_delivery_says_to_whom_why_and_who_says_so() {
        let status = "Reporting-MTA: dns; mx.example.org\r\n\r\n\
            Original-Recipient: rfc822;bob@example.org\r\nFinal-Recipient: rfc822; rob@inner.example\r\n\
            Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no such\r\n  user\r\n";
        let original = "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nx\r\n";
        assert_eq!(
            said(DELIVERY, status, original),
            [
                "Not delivered to bob@example.org: 550 no such user (reported by mx.example.org)",
                "About the message “Grüße”"
            ]
        );
    }

    #[test]
    fn delays_successes_and_bare_codes_are_told() {
        let group = |fields: &str| {
            format!("Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; b@x\r\n{fields}\r\n")
        };
        for (fields, words) in [
            (
                "Action: delayed\r\nStatus: 4.4.1\r\nWill-Retry-Until: Fri, 1 May 2026 10:00:00 +0000",
                "Delayed on the way to b@x: the server does not answer (4.4.1); tried until Fri, 1 May 2026 10:00:00 +0000 (reported by mx)",
            ),
            (
                "Action: delivered\r\nStatus: 2.0.0",
                "Delivered to b@x (reported by mx)",
            ),
            (
                "Action: FAILED\r\nStatus: 5.2.2",
                "Not delivered to b@x: the mailbox is full (5.2.2) (reported by mx)",
            ),
            (
                "Action: failed\r\nStatus: 5.9.9",
                "Not delivered to b@x: 5.9.9 (reported by mx)",
            ),
            (
                "Action: odd",
                "A report without a result for b@x (reported by mx)",
            ),
        ] {
            assert_eq!(said(DELIVERY, &group(fields), ""), [words]);
        }
    }

    #[test]
    fn a_receipt_says_who_read_it() {
        let kind = "message/disposition-notification";
        let fields = "Reporting-UA: x\r\nFinal-Recipient: rfc822;bob@example.org\r\nDisposition: ";
        for (disposition, words) in [
            (
                "manual-action/MDN-sent-manually; displayed",
                "Read by bob@example.org",
            ),
            (
                "automatic-action/MDN-sent-automatically; displayed",
                "Read by bob@example.org (their program says so by itself)",
            ),
            (
                "manual-action/MDN-sent-manually; deleted/error",
                "Deleted, perhaps unread, by bob@example.org",
            ),
        ] {
            assert_eq!(
                said(kind, &format!("{fields}{disposition}\r\n"), ""),
                [words]
            );
        }
    }

    #[test]
    fn what_a_report_claims_is_bounded_and_clean() {
        let one =
            "Final-Recipient: rfc822; b@x\r\nAction: failed\r\nDiagnostic-Code: smtp; \x1b[2J";
        let one = format!("{one}{}\r\n\r\n", "x ".repeat(50_000));
        let lines = said(DELIVERY, &one.repeat(20), "");
        assert_eq!(lines.len(), PEOPLE_MAX + 1);
        assert!(
            lines[0].len() < 400 && !lines[0].contains('\x1b'),
            "{}",
            lines[0]
        );
        assert_eq!(
            lines[PEOPLE_MAX],
            "and 15 more recipients; the text names them"
        );
    }

    #[test]
    fn a_message_that_is_no_report_has_no_such_card() {
        assert_eq!(
            said("text/plain", "Action: failed\r\n", ""),
            Vec::<String>::new()
        );
        assert_eq!(said(DELIVERY, "nothing here\r\n", ""), Vec::<String>::new());
    }
}
