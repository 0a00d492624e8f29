//! A message to what a person reads: headers, wrapped lines, links, attachments.
//!
//! Called by `engine` and `cli`; `files` lists what can be saved. Every text that leaves is [`Safe`]; nothing is fetched, nothing
//! panics, and an empty or broken message still gives a reading.

use super::choose::{Chosen, Form, choose, own_parts, says_something};
use super::files::listed;
use super::headers::{Headers, parse_headers, parse_until};
use super::inner::winmail_parts;
use super::links::Links;
use super::params::Field;
use super::picture::{by_content_id, content_id};
use super::text::{self, Flow, LINES_MAX, note};
use super::tree::{Node, message_start, node_of, scan};
use super::{charset, elsewhere, html, people, tnef, transfer, uu};
use crate::model::{
    BodyStructure, HiddenText, Holds, Line, LineKind, Part, PartId, Picture, PictureSource,
    Reading, Safe, Span,
};
use std::borrow::Cow;
use std::collections::HashMap;

/// Lines longer than this tire the eye, however wide the screen is.
const MEASURE_MAX: usize = 100;

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
    Message::open(source).reading(width, form)
}

/// A message, whichever way its bytes came.
pub(super) struct Message<'a> {
    pub(super) headers: Headers<'a>,
    pub(super) structure: Cow<'a, BodyStructure>,
    bytes: Bytes<'a>,
}

#[derive(Clone)]
enum Bytes<'a> {
    Whole(&'a [u8], Vec<Node>),
    /// By their numbers.
    Parts(HashMap<&'a [u16], &'a [u8]>),
}

/// The text of one part.
pub(super) struct PartText {
    /// Without the files that were written into it.
    pub(super) text: String,
    pub(super) flow: Flow,
    /// Where in the text each of those files stood, and what is said of it.
    files: Vec<(usize, String)>,
}

/// The text of one part as far as it was read.
pub(super) struct Beginning {
    pub(super) text: String,
    pub(super) flow: Flow,
    pub(super) is_cut: bool,
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
                bytes: Bytes::Parts(by_number(parts)),
            },
        }
    }

    pub(super) fn reading(&self, width: u16, form: Form) -> Reading {
        let date = self.headers.get("Date").and_then(super::parse_date);
        let mut reading = Reading {
            headers: people::shown_headers(&self.headers),
            date_secs: date.map(|moment| moment.unix_secs),
            all_headers: people::all_headers(&self.headers),
            attachments: listed(self.files()),
            width,
            ..Reading::default()
        };
        let measure = usize::from(width).clamp(1, MEASURE_MAX);
        self.write_body(&mut reading, measure, form);
        reading
    }

    /// Where the parts of a whole message lie.
    pub(super) fn nodes(&self) -> &[Node] {
        match &self.bytes {
            Bytes::Whole(_, nodes) => nodes,
            Bytes::Parts(_) => &[],
        }
    }

    /// The same message with those parts alone.
    pub(super) fn only(&self, is_in: impl Fn(&PartId) -> bool) -> Self {
        let parts = self.structure.parts.iter();
        let parts = parts.filter(|p| p.is_multipart() || is_in(&p.id));
        Self {
            headers: self.headers.clone(),
            structure: Cow::Owned(BodyStructure {
                parts: parts.cloned().collect(),
            }),
            bytes: self.bytes.clone(),
        }
    }

    /// The decoded bytes of a part; `None` when they are not here.
    pub(super) fn bytes(&self, part: &Part) -> Option<Vec<u8>> {
        let (header, body) = self.entity(part)?;
        Some(transfer::decode(&self.encoding(&header, part), body))
    }

    /// The Content-Type of a part, as far as its header is here.
    pub(super) fn content(&self, part: &Part) -> Option<Field> {
        let header = self.entity(part).map(|(header, _)| header);
        let content = self.field(&header.unwrap_or_default(), "Content-Type");
        content.map(Field::parse)
    }

    /// The header of a part and its encoded body.
    fn entity(&self, part: &Part) -> Option<(Headers<'a>, &'a [u8])> {
        match &self.bytes {
            Bytes::Whole(raw, nodes) => {
                let node = node_of(nodes, &part.id.0)?;
                let header = raw.get(node.header.clone()).unwrap_or_default();
                Some((parse_headers(header), node.encoded(raw)))
            }
            Bytes::Parts(parts) => {
                let raw = *parts.get(part.id.0.as_slice())?;
                let header = parse_headers(raw);
                let body = raw.get(header.body_at..).unwrap_or_default();
                Some((header, body))
            }
        }
    }

    /// A field of a part. Of a message that is one part, some servers give no MIME header.
    fn field(&self, header: &Headers<'a>, name: &str) -> Option<&'a [u8]> {
        let is_single = self.structure.parts.len() == 1;
        let own = header.get(name);
        own.or_else(|| self.headers.get(name).filter(|_| is_single))
    }

    fn encoding(&self, header: &Headers<'a>, part: &Part) -> String {
        let field = self.field(header, "Content-Transfer-Encoding");
        field.map_or_else(|| part.encoding.clone(), |raw| Field::parse(raw).value)
    }

    /// How the text of a part is written: the charset that it names, if any, and whether it flows.
    fn written(&self, header: &Headers<'a>, part: &Part) -> (String, Flow) {
        let content = self.field(header, "Content-Type").map(Field::parse);
        let charset = content.as_ref().and_then(|c| c.text("charset"));
        let charset = charset.unwrap_or_else(|| part.charset.clone());
        let is = |name: &str, value: &str| {
            let param = content.as_ref().and_then(|c| c.text(name));
            param.is_some_and(|v| v.trim().eq_ignore_ascii_case(value))
        };
        let flow = Flow {
            is_flowed: is("format", "flowed"),
            deletes_blank: is("delsp", "yes"),
        };
        (charset, flow)
    }

    /// The beginning of a part's text, of so many bytes at most as they were sent; `None` when they are
    /// not here.
    pub(super) fn beginning(&self, part: &Part, bytes_max: usize) -> Option<Beginning> {
        let (header, body) = self.entity(part)?;
        let is_cut = body.len() > bytes_max;
        let mut body = body.get(..bytes_max).unwrap_or(body);
        if is_cut {
            // A character that is cut in two would be taken for another charset.
            let end = body.iter().rposition(|b| *b == b'\n');
            body = end.and_then(|end| body.get(..end)).unwrap_or(body);
        }
        let bytes = transfer::decode(&self.encoding(&header, part), body);
        let (charset, flow) = self.written(&header, part);
        let label = html::label(&part.mime_type, charset, &bytes);
        let end = match is_cut.then(|| bytes.iter().rposition(u8::is_ascii_whitespace)) {
            Some(Some(end)) => end,
            _ => bytes.len(),
        };
        Some(Beginning {
            text: charset::decode(label.as_bytes(), bytes.get(..end).unwrap_or(&bytes)),
            flow,
            is_cut,
        })
    }

    /// The text of a part; `None` when its bytes are not here.
    pub(super) fn text(&self, part: &Part) -> Option<PartText> {
        let (header, body) = self.entity(part)?;
        let bytes = transfer::decode(&self.encoding(&header, part), body);
        let (charset, flow) = self.written(&header, part);
        let label = html::label(&part.mime_type, charset, &bytes);
        let found = match part.mime_type.as_str() {
            "text/plain" => uu::find(&bytes),
            _ => Vec::new(),
        };
        let mut text = String::new();
        let mut files = Vec::new();
        let mut at = 0;
        for file in &found {
            let before = bytes.get(at..file.range.start).unwrap_or_default();
            text.push_str(&charset::decode(label.as_bytes(), before));
            files.push((text.len(), super::files::said_of(file)));
            at = file.range.end;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        text.push_str(&charset::decode(label.as_bytes(), rest));
        Some(PartText { text, flow, files })
    }

    /// The texts in HTML that are shown in that form.
    pub(super) fn pages(&self, form: Form) -> Vec<String> {
        let chosen = choose(&self.structure, form, |_, _| false);
        let pages = chosen.parts.iter().filter(|p| p.mime_type == "text/html");
        pages.filter_map(|p| Some(self.text(p)?.text)).collect()
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
            let Some(text) = self.text(part) else {
                is_missing = true;
                continue;
            };
            let lines = if part.mime_type == "text/html" {
                // A rule comes between the texts of a message.
                let above = reading.body.len() + usize::from(!reading.body.is_empty());
                let parts = &self.structure.parts;
                page_lines(parts, &text.text, measure, above, reading, &mut links)
            } else {
                text.lines(measure, &mut links)
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
        if reading.body.iter().all(is_blank) {
            self.write_wrapped(reading, measure, form, &mut links);
        }
        elsewhere::write(self, &mut reading.body);
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
        fit_notes(reading, measure);
    }

    /// What Outlook wrapped, where there is no other text.
    fn write_wrapped(&self, reading: &mut Reading, measure: usize, form: Form, links: &mut Links) {
        let is_wrapped = |p: &&Part| Holds::of(&p.mime_type, &p.name) == Some(Holds::Winmail);
        for part in own_parts(&self.structure).into_iter().filter(is_wrapped) {
            let bytes = self.bytes(part).unwrap_or_default();
            if let Some(tnef) = tnef::parse(&bytes) {
                // Its own pictures come first.
                let mut parts = winmail_parts(&part.id, &tnef);
                parts.extend(self.structure.parts.iter().cloned());
                write_tnef(&parts, reading, &tnef, measure, form, links);
            }
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
            "This message is encrypted. The line above tells how to read it."
        } else if self.structure.parts.iter().any(holds_message) {
            "This message has no text of its own; read the messages that are attached."
        } else {
            "This message has no text."
        }
    }
}

/// Parts by their numbers: of several with one number the first.
fn by_number(parts: &[(PartId, Vec<u8>)]) -> HashMap<&[u16], &[u8]> {
    let parts = parts.iter().rev();
    parts
        .map(|(id, raw)| (id.0.as_slice(), raw.as_slice()))
        .collect()
}

impl PartText {
    /// Its lines, with a line of ours where a file was.
    fn lines(&self, measure: usize, links: &mut Links) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut at = 0;
        for (to, said) in &self.files {
            let before = self.text.get(at..*to).unwrap_or_default();
            lines.extend(text::lines(before, self.flow, measure, links));
            lines.push(text::own_note(Safe::line(said)));
            at = *to;
        }
        let rest = self.text.get(at..).unwrap_or_default();
        lines.extend(text::lines(rest, self.flow, measure, links));
        lines
    }
}

/// The lines of a page that comes to stand below so many others.
fn page_lines(
    parts: &[Part],
    page: &str,
    measure: usize,
    above: usize,
    reading: &mut Reading,
    links: &mut Links,
) -> Vec<Line> {
    let done = html::lines(page, measure, links);
    reading.is_html = true;
    reading.trackers = reading.trackers.saturating_add(done.trackers);
    reading.hidden_texts = reading.hidden_texts.saturating_add(done.hidden_texts);
    let hidden = done.hidden.iter().cloned().map(|hidden| HiddenText {
        at: hidden.at + above,
        ..hidden
    });
    reading.hidden.extend(hidden);
    take_pictures(parts, reading, done)
}

/// Gives the pictures of a page their places in the reading, and returns its lines.
fn take_pictures(parts: &[Part], reading: &mut Reading, page: html::Html) -> Vec<Line> {
    let mut numbers = Vec::with_capacity(page.pictures.len());
    let by_id = by_content_id(parts.iter());
    for image in page.pictures {
        let source = picture_source(&by_id, &image.source);
        numbers.push(source.as_ref().map(|_| reading.pictures.len()));
        reading.pictures.extend(source.map(|source| Picture {
            source,
            alt: Safe::line(&image.alt),
            width_px: image.width_px,
            height_px: image.height_px,
        }));
    }
    let mut lines = page.lines;
    for span in lines.iter_mut().flat_map(|l| &mut l.spans) {
        span.picture = span.picture.and_then(|n| *numbers.get(n)?);
    }
    lines
}

/// Where a picture is; `None` where nobody could find it.
fn picture_source(by_id: &HashMap<&[u8], &Part>, source: &str) -> Option<PictureSource> {
    let scheme = source.split(':').next().unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => Some(PictureSource::Remote(source.to_owned())),
        "data" => Some(PictureSource::Inline(source.to_owned())),
        "cid" => {
            let found = by_id.get(content_id(source)?.as_slice())?;
            Some(PictureSource::Part(found.id.clone()))
        }
        _ if source.starts_with("//") => Some(PictureSource::Remote(format!("https:{source}"))),
        _ => None,
    }
}

/// The text of a `winmail.dat`, in the form that is wanted.
fn write_tnef(
    parts: &[Part],
    reading: &mut Reading,
    tnef: &tnef::Tnef<'_>,
    measure: usize,
    form: Form,
    links: &mut Links,
) {
    let (has_text, has_page) = (!tnef.text.trim().is_empty(), !tnef.html.trim().is_empty());
    let is_page = has_page && (!has_text || form == Form::Html);
    let lines = if is_page {
        page_lines(
            parts,
            &tnef.html,
            measure,
            reading.body.len(),
            reading,
            links,
        )
    } else {
        text::lines(&tnef.text, Flow::default(), measure, links)
    };
    reading.has_other_form |= has_text && has_page;
    reading.body.extend(lines);
}

/// The same where it was opened for itself.
pub(super) fn write_winmail(reading: &mut Reading, tnef: &tnef::Tnef<'_>, form: Form) {
    let measure = usize::from(reading.width).clamp(1, MEASURE_MAX);
    let mut links = Links::default();
    let parts = winmail_parts(&PartId::default(), tnef);
    write_tnef(&parts, reading, tnef, measure, form, &mut links);
    reading.links = links.into_vec();
    if reading.body.iter().all(is_blank) {
        reading.body = vec![note(if tnef.has_rtf {
            "Its text is in Microsoft's rich text only, which Pillarbox does not read."
        } else {
            "There is no text in it."
        })];
    }
    fit_notes(reading, measure);
}

fn is_blank(line: &Line) -> bool {
    let is_blank = |s: &Span| s.text.as_str().trim().is_empty();
    line.kind != LineKind::Note && line.spans.iter().all(is_blank)
}

fn holds_message(part: &Part) -> bool {
    Holds::of(&part.mime_type, &part.name) == Some(Holds::Message)
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
fn fit_notes(reading: &mut Reading, measure: usize) {
    let is_wide = |l: &Line| {
        let wide = |s: &Span| s.text.as_str().len() > measure;
        l.kind == LineKind::Note && l.spans.iter().any(wide)
    };
    if !reading.body.iter().any(is_wide) {
        return;
    }
    let mut hidden = reading.hidden.iter_mut().peekable();
    let mut body = Vec::with_capacity(reading.body.len() + 1);
    for (at, line) in std::mem::take(&mut reading.body).into_iter().enumerate() {
        // What is hidden stands before the same line as it did.
        while let Some(hidden) = hidden.next_if(|hidden| hidden.at <= at) {
            hidden.at = body.len();
        }
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
    hidden.for_each(|hidden| hidden.at = body.len());
    reading.body = body;
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
