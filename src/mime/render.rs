//! A message to what a person reads: headers, wrapped lines, links, attachments.
//!
//! Called by `engine` and `cli`. Every text that leaves is [`Safe`]; nothing is fetched, nothing
//! panics, and an empty or broken message still gives a reading.

use super::choose::{Chosen, Form, choose, own_parts, says_something};
use super::headers::{Headers, parse_headers, parse_until};
use super::links::Links;
use super::names::file_name;
use super::params::{Field, percent};
use super::text::{self, Flow, LINES_MAX, note};
use super::tree::{Node, message_start, scan};
use super::{charset, html, people, transfer};
use crate::model::{
    Attachment, BodyStructure, HiddenText, Line, LineKind, Part, PartId, Picture, PictureSource,
    Reading, Safe, Span,
};
use std::borrow::Cow;

/// Lines longer than this tire the eye, however wide the screen is.
const MEASURE_MAX: usize = 100;
const ATTACHMENTS_MAX: usize = 1000;

/// Where a message is read from.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// The whole message.
    Whole(&'a [u8]),
    /// What was fetched of it.
    Parts {
        /// The header of the message.
        header: &'a [u8],
        /// Its parts, as the server or [`super::structure`] tells.
        structure: &'a BodyStructure,
        /// Some of them, each as its MIME header, an empty line and its encoded body.
        parts: &'a [(PartId, Vec<u8>)],
    },
}

/// Makes a message readable for `width` columns.
#[must_use]
pub fn reading(source: Source<'_>, width: u16, form: Form) -> Reading {
    let message = Message::open(source);
    let mut reading = Reading {
        headers: people::shown_headers(&message.headers),
        date_secs: message
            .headers
            .get("Date")
            .and_then(super::parse_date)
            .map(|moment| moment.unix_secs),
        all_headers: people::all_headers(&message.headers),
        attachments: attachments(&message.structure),
        width,
        ..Reading::default()
    };
    let measure = usize::from(width).clamp(1, MEASURE_MAX);
    message.write_body(&mut reading, measure, form);
    reading
}

/// A message, whichever way its bytes came.
pub(super) struct Message<'a> {
    pub(super) headers: Headers<'a>,
    pub(super) structure: Cow<'a, BodyStructure>,
    bytes: Bytes<'a>,
}

enum Bytes<'a> {
    Whole(&'a [u8], Vec<Node>),
    Parts(&'a [(PartId, Vec<u8>)]),
}

/// The text of one part.
pub(super) struct PartText {
    pub(super) text: String,
    pub(super) flow: Flow,
}

impl<'a> Message<'a> {
    pub(super) fn open(source: Source<'a>) -> Self {
        match source {
            Source::Whole(raw) => {
                let nodes = scan(raw);
                Self {
                    headers: parse_until(raw, message_start(raw), |_| false),
                    structure: Cow::Owned(BodyStructure {
                        parts: nodes.iter().map(|n| n.part.clone()).collect(),
                    }),
                    bytes: Bytes::Whole(raw, nodes),
                }
            }
            Source::Parts {
                header,
                structure,
                parts,
            } => Self {
                headers: parse_until(header, message_start(header), |_| false),
                structure: Cow::Borrowed(structure),
                bytes: Bytes::Parts(parts),
            },
        }
    }

    /// The text of a part; `None` when its bytes are not here.
    pub(super) fn text(&self, part: &Part) -> Option<PartText> {
        let (bytes, charset, content) = match &self.bytes {
            Bytes::Whole(raw, nodes) => {
                let node = nodes.iter().find(|n| n.part.id == part.id)?;
                let header = parse_headers(raw.get(node.header.clone()).unwrap_or_default());
                let content = header.get("Content-Type").map(Field::parse);
                (node.decoded(raw), part.charset.clone(), content)
            }
            Bytes::Parts(parts) => {
                let (_, raw) = parts.iter().find(|(id, _)| *id == part.id)?;
                let header = parse_headers(raw);
                let body = raw.get(header.body_at..).unwrap_or_default();
                // Of a message that is one part, some servers give no MIME header.
                let field = |name| {
                    let own = header.get(name);
                    own.or_else(|| self.headers.get(name).filter(|_| self.is_single()))
                };
                let content = field("Content-Type").map(Field::parse);
                let encoding =
                    field("Content-Transfer-Encoding").map(|raw| Field::parse(raw).value);
                let encoding = encoding.unwrap_or_else(|| part.encoding.clone());
                let charset = content.as_ref().and_then(|c| c.text("charset"));
                let charset = charset.unwrap_or_else(|| part.charset.clone());
                (transfer::decode(&encoding, body), charset, content)
            }
        };
        let is = |name: &str, value: &str| {
            let param = content.as_ref().and_then(|c| c.text(name));
            param.is_some_and(|v| v.trim().eq_ignore_ascii_case(value))
        };
        let flow = Flow {
            is_flowed: is("format", "flowed"),
            deletes_blank: is("delsp", "yes"),
        };
        let meta = (part.mime_type == "text/html")
            .then(|| html::meta_charset(&bytes))
            .flatten();
        let label = if charset.is_empty() {
            meta.unwrap_or_default()
        } else {
            charset
        };
        Some(PartText {
            text: charset::decode(label.as_bytes(), &bytes),
            flow,
        })
    }

    /// The texts in HTML that are shown in that form.
    pub(super) fn pages(&self, form: Form) -> Vec<String> {
        let chosen = choose(&self.structure, form, |_, _| false);
        let pages = chosen.parts.iter().filter(|p| p.mime_type == "text/html");
        pages.filter_map(|p| Some(self.text(p)?.text)).collect()
    }

    fn is_single(&self) -> bool {
        self.structure.parts.len() == 1
    }

    fn write_body(&self, reading: &mut Reading, measure: usize, form: Form) {
        let says = |plain: &Part, page: &Part| {
            let page_len = usize::try_from(page.size_bytes).unwrap_or(usize::MAX);
            // A part that is not here says nothing; the one that is here is shown.
            self.text(plain)
                .is_some_and(|p| says_something(&p.text, page_len))
        };
        let Chosen {
            parts,
            has_other_form,
            is_cut,
        } = choose(&self.structure, form, says);
        let mut links = Links::default();
        let mut is_missing = false;
        for part in parts {
            let Some(PartText { text, flow }) = self.text(part) else {
                is_missing = true;
                continue;
            };
            let lines = if part.mime_type == "text/html" {
                let done = html::lines(&text, measure, &mut links);
                reading.is_html = true;
                reading.blocked_images = reading.blocked_images.saturating_add(done.blocked_images);
                reading.trackers = reading.trackers.saturating_add(done.trackers);
                self.take_page(reading, done)
            } else {
                text::lines(&text, flow, measure, &mut links)
            };
            if !reading.body.is_empty() && !lines.is_empty() {
                reading.body.push(rule(measure));
            }
            reading.body.extend(lines);
            if reading.body.len() > LINES_MAX {
                reading.body.truncate(LINES_MAX);
                reading.body.push(note(
                    "The rest is too long to be shown. Save the message to read it all.",
                ));
                break;
            }
        }
        reading.has_other_form = has_other_form;
        reading.links = links.into_vec();
        if is_missing {
            reading.body.push(note("Some of the text is not here yet."));
        }
        if is_cut {
            reading
                .body
                .push(note("This message has more texts than can be shown."));
        }
        if reading.body.is_empty() {
            reading.body.push(note(self.why_empty()));
        }
        fit_notes(&mut reading.body, measure);
    }

    /// Gives the pictures and hidden texts of a page their places, and returns its lines.
    fn take_page(&self, reading: &mut Reading, page: html::Html) -> Vec<Line> {
        let mut numbers = Vec::with_capacity(page.pictures.len());
        for image in page.pictures {
            let source = self.picture_source(&image.source);
            numbers.push(source.as_ref().map(|_| reading.pictures.len()));
            reading.pictures.extend(source.map(|source| Picture {
                source,
                alt: Safe::line(&image.alt),
                width_px: image.width_px,
                height_px: image.height_px,
            }));
        }
        // A rule comes between the texts of a message.
        let above = match reading.body.len() {
            0 => 0,
            lines => lines + 1,
        };
        reading.hidden_texts = reading.hidden_texts.saturating_add(page.hidden_texts);
        reading
            .hidden
            .extend(page.hidden.into_iter().map(|hidden| HiddenText {
                at: hidden.at + above,
                ..hidden
            }));
        let mut lines = page.lines;
        for span in lines.iter_mut().flat_map(|l| &mut l.spans) {
            span.picture = span.picture.and_then(|n| *numbers.get(n)?);
        }
        lines
    }

    /// Where a picture is; `None` where nobody could find it.
    fn picture_source(&self, source: &str) -> Option<PictureSource> {
        let scheme = source.split(':').next().unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Some(PictureSource::Remote(source.to_owned())),
            "data" => Some(PictureSource::Inline(source.to_owned())),
            "cid" => {
                let id = source.get("cid:".len()..)?;
                // RFC 2392 section 2: the id, percent-encoded.
                let mut wanted = Vec::with_capacity(id.len());
                percent(id.as_bytes(), &mut wanted);
                let mut parts = self.structure.parts.iter();
                let found = parts.find(|p| p.content_id.as_bytes() == wanted)?;
                Some(PictureSource::Part(found.id.clone()))
            }
            _ if source.starts_with("//") => Some(PictureSource::Remote(format!("https:{source}"))),
            _ => None,
        }
    }

    fn why_empty(&self) -> &'static str {
        let has = |mime_type: &str| {
            self.structure
                .parts
                .iter()
                .any(|p| p.mime_type == mime_type)
        };
        let is_empty = self.headers.fields.is_empty()
            && self.structure.parts.iter().all(|p| p.size_bytes == 0);
        if is_empty {
            "This message is empty."
        } else if has("multipart/encrypted") || has("application/pkcs7-mime") {
            "This message is encrypted. Its text is in the attachment."
        } else {
            "This message has no text."
        }
    }
}

fn rule(measure: usize) -> Line {
    Line {
        quote: 0,
        kind: LineKind::Rule,
        spans: vec![Span {
            text: Safe::line(&"─".repeat(measure)),
            ..Span::default()
        }],
    }
}

/// Notes are sentences of ours; on a narrow screen they need more than one line too.
fn fit_notes(body: &mut Vec<Line>, measure: usize) {
    let is_wide = |l: &Line| {
        let wide = |s: &Span| s.text.as_str().len() > measure;
        l.kind == LineKind::Note && l.spans.iter().any(wide)
    };
    if !body.iter().any(is_wide) {
        return;
    }
    let lines = std::mem::take(body);
    for line in lines {
        let Some(span) = line.spans.first().filter(|_| is_wide(&line)) else {
            body.push(line);
            continue;
        };
        for range in super::wrap::breaks(span.text.as_str(), measure) {
            let piece = span.text.as_str().get(range).unwrap_or_default();
            body.push(Line {
                quote: 0,
                kind: LineKind::Note,
                spans: vec![Span {
                    text: Safe::line(piece),
                    ..span.clone()
                }],
            });
        }
    }
}

/// Files, and behind them the pictures that HTML would show in the text: a terminal cannot, and they
/// could not be saved otherwise.
fn attachments(structure: &BodyStructure) -> Vec<Attachment> {
    let own = own_parts(structure);
    let (files, others): (Vec<&Part>, Vec<&Part>) =
        own.into_iter().partition(|p| p.is_attachment());
    let pictures = others
        .into_iter()
        .filter(|p| p.mime_type.starts_with("image/"));
    files
        .into_iter()
        .chain(pictures)
        .take(ATTACHMENTS_MAX)
        .enumerate()
        .map(|(index, part)| {
            let name = file_name(&part.name, &part.mime_type, index);
            Attachment {
                part: part.id.clone(),
                name: Safe::line(&name),
                mime_type: Safe::line(&part.mime_type),
                size_bytes: transfer::decoded_size(&part.encoding, part.size_bytes),
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
