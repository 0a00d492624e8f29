//! The panel of attachments: what each is, where it is, and what can be done with it.
//!
//! Opened by `A`, its keys fed by `overlay`. Nothing is opened that could be a program; that is
//! decided before anything is fetched, and by the engine again from the bytes.

use super::picker::{Choice, PartAct};
use super::{App, Effect, Item, Overlay, PickerKind, size_text};
use crate::bus::Taken;
use crate::model::{Attached, Attachment, Content, DraftStart, Placed, Safe, why_not_opened};

/// Opens the panel on the message that is read.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    let Some(placed) = app.reader.placed.filter(|_| app.reader.reading().is_some()) else {
        return Vec::new();
    };
    let items = items(app, placed);
    app.open_picker("Attachments", PickerKind::Attachments(placed), items)
}

fn items(app: &App, placed: Placed) -> Vec<Item> {
    let reading = app.reader.reading();
    let is_here = reading.is_some_and(|r| r.has_files);
    let files = reading
        .map(|r| r.attachments.as_slice())
        .unwrap_or_default();
    let item = |(n, file): (usize, &Attachment)| {
        let key = if n < 9 {
            Safe::line(&(n + 1).to_string())
        } else {
            Safe::default()
        };
        let item = Item::new(file.name.clone(), Choice::OpenFile(placed, n));
        Item {
            key,
            ..item.with_detail(state(app, placed, file, is_here))
        }
    };
    files.iter().enumerate().map(item).collect()
}

/// What is said of a file: its kind, its size, and where it is or how far.
fn state(app: &App, placed: Placed, file: &Attachment, is_here: bool) -> Safe {
    let job = app.taking_of(placed, &file.part);
    let job = job.and_then(|request| app.jobs.get(&request));
    if let Some(job) = job {
        let text = match job.progress {
            Some((done, total)) => format!("{} of {}   x stops", size_text(done), size_text(total)),
            None => "fetching   x stops".to_owned(),
        };
        return Safe::line(&text);
    }
    let place = if is_here { "here" } else { "on the server" };
    let kind = kind_words(file.mime_type.as_str(), file.name.as_str());
    let size = size_text(file.size_bytes);
    let outside = match file.outside {
        "" => String::new(),
        what => format!("   {what}"),
    };
    Safe::line(&format!("{kind}   {size:>6}   {place}{outside}"))
}

/// The kind of a file in a word or two; the type as it was given where there are none.
fn kind_words<'a>(mime_type: &'a str, name: &str) -> &'a str {
    if why_not_opened(name, "").is_some_and(|why| why.contains("program")) {
        return "program";
    }
    let (group, sub) = mime_type.split_once('/').unwrap_or((mime_type, ""));
    match (group, sub) {
        ("image", _) => "picture",
        ("audio", _) => "sound",
        ("video", _) => "film",
        ("message", "rfc822" | "global" | "news") => "message",
        ("message", "delivery-status" | "global-delivery-status") => "delivery report",
        ("message", "disposition-notification") => "read receipt",
        ("text", "rfc822-headers") | ("message", "global-headers") => "headers",
        ("text", "plain") => "text",
        ("text", "html") => "page",
        ("text", "calendar") => "invitation",
        ("text", "csv") => "table",
        ("text", "vcard" | "x-vcard" | "directory") => "contact",
        ("text", "x-patch" | "x-diff") => "patch",
        (_, "pdf" | "x-pdf") => "PDF",
        (_, "zip" | "gzip" | "x-tar" | "x-7z-compressed" | "x-gzip" | "x-zip-compressed") => {
            "archive"
        }
        (_, "pgp-signature") => "signature",
        (_, "octet-stream") => "file",
        (_, sub) if sub.contains("spreadsheet") || sub.contains("excel") => "spreadsheet",
        (_, sub) if sub.contains("presentation") || sub.contains("powerpoint") => "presentation",
        (_, sub) if sub.contains("word") || sub.contains("opendocument.text") => "document",
        _ => mime_type,
    }
}

/// Brings the open panel up to date: a download goes on, another text arrived.
pub(super) fn refresh(app: &mut App) {
    let placed = match &app.overlay {
        Some(Overlay::Picker(picker)) => match picker.kind {
            PickerKind::Attachments(placed) => placed,
            _ => return,
        },
        _ => return,
    };
    if app.reader.placed != Some(placed) || app.reader.reading().is_none() {
        return;
    }
    let items = items(app, placed);
    if let Some(Overlay::Picker(picker)) = &mut app.overlay {
        picker.renew(items);
    }
}

fn file_at(app: &App, placed: Placed, at: usize) -> Option<Attachment> {
    let reading = app.reader.reading();
    let reading = reading.filter(|_| app.reader.placed == Some(placed));
    reading.and_then(|r| r.attachments.get(at)).cloned()
}

fn taken(file: &Attachment) -> Taken {
    Taken::Part {
        part: file.part.clone(),
        name: file.name.as_str().to_owned(),
        mime_type: file.mime_type.as_str().to_owned(),
    }
}

/// Opens a file with the program that is set for it, if it cannot be one itself.
pub(super) fn view(app: &mut App, placed: Placed, at: usize) -> Vec<Effect> {
    let Some(file) = file_at(app, placed, at) else {
        return app.say(Safe::fixed("This attachment is gone"));
    };
    if file.is_readable() {
        app.overlay = None;
        return super::actions::enter(app, file.part);
    }
    if let Some(why) = why_not_opened(file.name.as_str(), file.mime_type.as_str()) {
        let text = format!("{} is not opened, since {why}", file.name);
        let hint = Safe::fixed("s saves it");
        return app.complain(Safe::line(&text), hint);
    }
    app.open_part(placed, taken(&file), &file.name)
}

/// Does something with a file of the panel.
pub(super) fn act(app: &mut App, placed: Placed, at: usize, what: PartAct) -> Vec<Effect> {
    let Some(file) = file_at(app, placed, at) else {
        return app.say(Safe::fixed("This attachment is gone"));
    };
    match what {
        PartAct::Save => app.save(placed, vec![file.part]),
        PartAct::Pipe => app.ask_to_pipe(placed, taken(&file)),
        PartAct::CopyName => app.copy_text("the name", file.name.as_str().to_owned()),
        PartAct::Forward if file.part.is_opened() => app.complain(
            Safe::line(&format!(
                "{} was sealed and is not passed on by itself",
                file.name
            )),
            Safe::fixed("s saves it; attach that file"),
        ),
        PartAct::Forward => {
            let attached = Attached {
                content: Content::Part {
                    message: placed.message,
                    part: file.part,
                },
                name: file.name.as_str().to_owned(),
                mime_type: file.mime_type.as_str().to_owned(),
                charset: String::new(),
                size_bytes: Some(file.size_bytes),
            };
            app.write(DraftStart::WithPart(placed, Box::new(attached)))
        }
        PartAct::Stop => match app.taking_of(placed, &file.part) {
            Some(request) => app.stop_taking(request),
            None => app.say(Safe::fixed("Nothing runs on this one")),
        },
    }
}

/// Whether something runs on that file of the panel.
pub(super) fn is_running(app: &App, placed: Placed, at: usize) -> bool {
    let file = file_at(app, placed, at);
    file.is_some_and(|file| app.taking_of(placed, &file.part).is_some())
}
