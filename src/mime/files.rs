//! What is listed as files: attachments, and what lies inside of parts that a reader never sees.
//!
//! Called by `render`, `engine` and `cli`. The list, its order and its names are the same for all of
//! them: what is shown under a name must be saved under it.

use super::choose::Form;
use super::choose::own_parts;
use super::inner::{InnerFile, uu_file, winmail_file};
use super::names::file_name;
use super::render::{self, Message, Source};
use super::transfer::decoded_size;
use super::tree::DecodedPart;
use super::{people, tnef, uu};
use crate::model::{Attachment, Holds, Part, PartId, PictureSource, Reading, Safe};

/// More files are not listed.
const FILES_MAX: usize = 1000;

/// One file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it lies.
    pub part: PartId,
    /// The name under which it is shown and saved; fit for a folder.
    pub name: String,
    /// `type/subtype`.
    pub mime_type: String,
    /// Its size in bytes, decoded where known, else as transferred.
    pub size_bytes: u64,
}

/// The files of a message, as a reader lists them.
#[must_use]
pub fn files(source: Source<'_>) -> Vec<File> {
    Message::open(source).files()
}

/// A part that was opened as a message of its own, made readable: an attached message, or what Outlook
/// wrapped. `None` where it is neither. Its files are numbered on from `id`.
#[must_use]
pub fn reading_inside(part: &DecodedPart, id: &PartId, width: u16, form: Form) -> Option<Reading> {
    let mut reading = match Holds::of(&part.mime_type, &part.name)? {
        Holds::Message => render::reading(Source::Whole(&part.bytes), width, form),
        Holds::Winmail => winmail(&part.bytes, width, form)?,
    };
    let within = |part: &mut PartId| {
        let inner = std::mem::take(&mut part.0);
        part.0 = [id.0.as_slice(), &inner].concat();
    };
    for file in &mut reading.attachments {
        within(&mut file.part);
    }
    for picture in &mut reading.pictures {
        if let PictureSource::Part(part) = &mut picture.source {
            within(part);
        }
    }
    Some(reading)
}

/// A `winmail.dat` as a message. Who wrote it and about what it says itself: the message around it
/// knows better.
fn winmail(raw: &[u8], width: u16, form: Form) -> Option<Reading> {
    let tnef = tnef::parse(raw)?;
    let said = [("From", &tnef.sender), ("Subject", &tnef.subject)];
    let headers: Vec<(Safe, Safe)> = said
        .into_iter()
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(name, value)| {
            (
                Safe::fixed(name),
                Safe::line(&people::shorten(value.trim())),
            )
        })
        .collect();
    let files = inside(&PartId::default(), tnef.files.iter().map(winmail_file));
    let mut reading = Reading {
        all_headers: headers.clone(),
        headers,
        attachments: listed(named(files)),
        width,
        ..Reading::default()
    };
    render::write_winmail(&mut reading, &tnef, form);
    Some(reading)
}

/// Files inside of a part, numbered on from it.
fn inside(id: &PartId, files: impl Iterator<Item = InnerFile>) -> Vec<(PartId, InnerFile)> {
    let number = |(n, file): (u16, InnerFile)| {
        let id = PartId([id.0.as_slice(), &[n]].concat());
        (id, file)
    };
    (1..u16::MAX).zip(files).map(number).collect()
}

/// What stands in a text where a file was.
pub(super) fn said_of(file: &uu::File) -> String {
    let found = uu_file(file);
    let name = file_name(&found.name, &found.mime_type, 0);
    let bytes = match file.size_bytes {
        1 => "1 byte".to_owned(),
        n => format!("{n} bytes"),
    };
    let cut = if file.is_cut { ", broken off" } else { "" };
    format!("[The file {name}, {bytes}{cut}, is among the attachments.]")
}

/// Gives each file its name: one without is called by its place.
fn named(found: Vec<(PartId, InnerFile)>) -> Vec<File> {
    let name = |(index, (part, file)): (usize, (PartId, InnerFile))| File {
        part,
        name: file_name(&file.name, &file.mime_type, index),
        mime_type: file.mime_type,
        size_bytes: file.size_bytes,
    };
    found
        .into_iter()
        .take(FILES_MAX)
        .enumerate()
        .map(name)
        .collect()
}

/// The files as the reader shows them.
pub(super) fn listed(files: Vec<File>) -> Vec<Attachment> {
    let list = |file: File| Attachment {
        part: file.part,
        name: Safe::line(&file.name),
        mime_type: Safe::line(&file.mime_type),
        size_bytes: file.size_bytes,
        outside: "",
    };
    files.into_iter().map(list).collect()
}

impl Message<'_> {
    /// Files, and behind them the pictures that HTML would show in the text: a terminal may not show
    /// them, and they could not be saved otherwise.
    pub(super) fn files(&self) -> Vec<File> {
        let own = own_parts(&self.structure);
        let mut found = Vec::new();
        let mut pictures = Vec::new();
        for part in own {
            if part.is_attachment() {
                self.add(part, &mut found);
            } else if part.mime_type == "text/plain" {
                let bytes = self.bytes(part).unwrap_or_default();
                let files = uu::find(&bytes);
                found.extend(inside(&part.id, files.iter().map(uu_file)));
            } else if part.mime_type.starts_with("image/") {
                pictures.push((part.id.clone(), itself(part)));
            }
            if found.len() >= FILES_MAX {
                break;
            }
        }
        found.extend(pictures);
        named(found)
    }

    /// The files in a `winmail.dat` in its stead, where it is here and has any; else the part.
    fn add(&self, part: &Part, found: &mut Vec<(PartId, InnerFile)>) {
        if Holds::of(&part.mime_type, &part.name) == Some(Holds::Winmail)
            && let Some(bytes) = self.bytes(part)
            && let Some(tnef) = tnef::parse(&bytes)
            && !tnef.files.is_empty()
        {
            found.extend(inside(&part.id, tnef.files.iter().map(winmail_file)));
        } else {
            found.push((part.id.clone(), itself(part)));
        }
    }
}

/// A part that is a file.
fn itself(part: &Part) -> InnerFile {
    InnerFile {
        name: part.name.clone(),
        mime_type: part.mime_type.clone(),
        size_bytes: decoded_size(&part.encoding, part.size_bytes),
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
