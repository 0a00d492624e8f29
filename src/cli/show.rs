//! `pillarbox show`: a message for reading, its bytes, its HTML, its headers, or its files.
//!
//! Called by `mod.rs`. Attachments must never be written over a file, through a link, or under a
//! name that leads elsewhere.

use super::args::ShowArgs;
use super::change::unknown_message;
use super::exit::{Exit, Failure};
use super::listing::MessageRow;
use super::network::network;
use super::output::Output;
use super::place::{Place, Tree};
use super::{terminal, text};
use crate::engine::write_new;
use crate::model::{Line, LineKind, Mailbox, Part, Reading, Rest};
use crate::store::{Reader, Summary};
use serde::Serialize;
use std::path::Path;

/// `show --json`. The names are part of the contract with scripts.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    row: MessageRow<'a>,
    text: String,
    html: bool,
    headers: Vec<(String, String)>,
    parts: Vec<ShownPart<'a>>,
}

#[derive(Debug, Serialize)]
struct ShownPart<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    mime_type: &'a str,
    size: u64,
}

/// Shows a message.
pub(super) fn show(place: &Place, args: &ShowArgs, output: &mut Output) -> Result<Exit, Failure> {
    let reader = place.store()?.reader()?;
    let tree = Tree::read(place, &reader)?;
    let found = reader.summary(crate::model::MessageKey(args.id), None)?;
    let summary = found.ok_or_else(|| unknown_message(args.id))?;
    let mailbox = tree
        .mailboxes
        .iter()
        .find(|m| m.key == summary.placed.mailbox);
    let mailbox = mailbox.ok_or_else(|| unknown_message(args.id))?;
    // What needs no more than the header is shown without asking the network for the rest.
    let is_partly = !args.raw && !args.html && args.save_attachments.is_none();
    let rest = reader.rest(summary.placed.message)?;
    if is_partly && rest != Rest::Here {
        return show_header(&reader, &tree, mailbox, &summary, args, rest, output);
    }
    let raw = raw(place, &reader, &tree, &summary)?;
    if let Some(folder) = &args.save_attachments {
        return save(&raw, folder, output);
    }
    if args.raw {
        output.bytes(&raw)?;
    } else if args.html {
        let html = text::html(&raw).ok_or_else(|| {
            Failure::failed(format!(
                "message {} has no HTML part; leave out --html",
                args.id
            ))
        })?;
        output.bytes(html.as_bytes())?;
    } else if args.headers {
        for (name, value) in text::headers(&raw) {
            output.line(&format!("{name}: {value}"))?;
        }
    } else if args.json.json {
        print_json(&tree, mailbox, &summary, &raw, output)?;
    } else {
        let viewer = viewer(place, tree.account_name(summary.account));
        print_text(&raw, &viewer, output)?;
    }
    Ok(Exit::Done)
}

/// A message of which only the header is here, and how to get the rest.
fn show_header(
    reader: &Reader,
    tree: &Tree,
    mailbox: &Mailbox,
    summary: &Summary,
    args: &ShowArgs,
    rest: Rest,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let header = match reader.header_only(summary.placed.message)? {
        Some(local) => reader.local_raw(local)?.unwrap_or_default(),
        None => Vec::new(),
    };
    if args.headers {
        for (name, value) in text::headers(&header) {
            output.line(&format!("{name}: {value}"))?;
        }
        return Ok(Exit::Done);
    }
    if args.json.json {
        print_json(tree, mailbox, summary, &header, output)?;
        return Ok(Exit::Done);
    }
    for (name, value) in &text::reading(&header, 80, &text::Viewer::default()).headers {
        output.line(&format!("{name}: {value}"))?;
    }
    output.line("")?;
    let size = crate::app::size_text(summary.size_bytes);
    let id = args.id;
    output.line(&match rest {
        Rest::Lost => {
            format!("[{size}; only the header was fetched, and the rest is no longer on the server]")
        }
        Rest::Here | Rest::OnServer | Rest::Asked => format!(
            "[{size}; only the header was fetched. `pillarbox show {id} --raw` or --save-attachments DIR fetches the whole message]"
        ),
    })?;
    Ok(Exit::Done)
}

/// The bytes of the message; fetched where they are not here.
fn raw(place: &Place, reader: &Reader, tree: &Tree, summary: &Summary) -> Result<Vec<u8>, Failure> {
    let message = summary.placed.message;
    if let Some(raw) = reader.raw(message)? {
        return Ok(raw);
    }
    let missing = |why: &str| {
        Failure::failed(format!(
            "the text of message {message} is not here and cannot be fetched: {why}"
        ))
    };
    network(place)
        .fetch(tree.account_name(summary.account), summary.placed)
        .map_err(|error| missing(&error))?;
    reader
        .raw(message)?
        .ok_or_else(|| missing("the server does not have it any more"))
}

fn print_json(
    tree: &Tree,
    mailbox: &Mailbox,
    summary: &Summary,
    raw: &[u8],
    output: &mut Output,
) -> Result<(), Failure> {
    let reading = text::reading(raw, u16::MAX, &text::Viewer::default());
    let structure = text::structure(raw);
    output.json(&Shown {
        row: MessageRow::new(tree, mailbox, summary),
        text: reading.body.iter().map(line).collect::<Vec<_>>().join("\n"),
        html: reading.is_html,
        headers: text::headers(raw),
        parts: structure
            .parts
            .iter()
            .filter(|p| !p.is_multipart())
            .map(shown_part)
            .collect(),
    })?;
    Ok(())
}

fn shown_part(part: &Part) -> ShownPart<'_> {
    ShownPart {
        name: &part.name,
        mime_type: &part.mime_type,
        size: part.size_bytes,
    }
}

/// Who reads mail of that account.
fn viewer(place: &Place, account: &str) -> text::Viewer {
    let account = place.loaded.config.account(account);
    let own = account.map(|a| {
        let others = a.send.identities.iter().map(|i| i.address.clone());
        others.chain([a.address.clone()]).collect()
    });
    text::Viewer {
        own: own.unwrap_or_default(),
        zone: jiff::tz::TimeZone::system(),
        now_secs: crate::engine::clock::now_secs(),
        trusted: account
            .and_then(|a| a.trusted_authserv.clone())
            .unwrap_or_default(),
    }
}

fn print_text(raw: &[u8], viewer: &text::Viewer, output: &mut Output) -> Result<(), Failure> {
    let columns = terminal::columns(output).unwrap_or(80).clamp(20, 100);
    let reading: Reading = text::reading(raw, u16::try_from(columns).unwrap_or(80), viewer);
    for (name, value) in &reading.headers {
        output.line(&format!("{name}: {value}"))?;
    }
    for card in reading.cards.iter().flat_map(|card| &card.lines) {
        output.line(&format!("| {}", card.text))?;
    }
    output.line("")?;
    for body_line in &reading.body {
        output.line(&line(body_line))?;
    }
    if !reading.links.is_empty() {
        output.line("")?;
    }
    for (at, link) in reading.links.iter().enumerate() {
        output.line(&format!("[{}] {}", at + 1, link.shown))?;
    }
    if !reading.attachments.is_empty() {
        output.line("")?;
        output.line("Attachments (--save-attachments DIR saves them):")?;
    }
    for attachment in &reading.attachments {
        let size = attachment.size_bytes.div_ceil(1024);
        output.line(&format!(
            "  {} ({}, {size} KiB)",
            attachment.name, attachment.mime_type
        ))?;
    }
    Ok(())
}

/// A line of the reader as plain text.
fn line(line: &Line) -> String {
    if line.kind == LineKind::Rule {
        return "-".repeat(20);
    }
    let quote = "> ".repeat(usize::from(line.quote));
    let text: String = line.spans.iter().map(|span| span.text.as_str()).collect();
    format!("{quote}{text}")
}

fn save(raw: &[u8], folder: &Path, output: &mut Output) -> Result<Exit, Failure> {
    let mut count = 0;
    for file in text::files(raw) {
        let Some(body) = text::body(raw, &file.part) else {
            continue;
        };
        let path = write_new(folder, &file.name, &body)
            .map_err(|e| Failure::failed(format!("{e}; choose another folder")))?;
        output.line(&path.display().to_string())?;
        count += 1;
    }
    if count == 0 {
        output.line("The message has no attachments.")?;
    }
    Ok(Exit::Done)
}
