//! The pictures of the message that is read: which there are, which are here, and the rows they take.
//!
//! Used by `reader`, `settle` and `events`. Nothing here may ask for a remote picture by itself; a row's place
//! on the screen must not move because a picture above it arrived.

use super::reader::Row;
use super::{App, Colours, Context, Effect, Headers, Pictures, Reader};
use crate::bus::{Command, Event, RequestId};
use crate::model::{Attachment, Fit, Line, Picture, PictureSource, Pixels, Reading, Role, Safe};
use std::sync::Arc;

/// So many are asked for at the same time.
const ASKED_MAX: usize = 4;
/// The rows that a picture takes at most.
const ROWS_MAX: usize = 20;
/// Larger attachments are not shown.
const BYTES_MAX: u64 = 10 * 1024 * 1024;
/// The widest picture: as many columns as a text has at most.
const COLS_MAX: u16 = 100;

/// How a picture stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PictureState {
    /// Nobody asked for it yet.
    #[default]
    Unasked,
    /// It was asked for.
    Asked(RequestId),
    /// It is not here.
    Missing,
    /// It is here, and known to the terminal by this number.
    Here(Arc<Pixels>, u32),
    /// It is here and cannot be shown, and why.
    Broken(Safe),
}

/// A picture of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Where it is and how large it wants to be.
    pub picture: Picture,
    /// How it stands.
    pub state: PictureState,
}

/// All pictures: those in the text, then the attached ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gallery {
    /// What they are made to fit; `None`: none are shown.
    fit: Option<Fit>,
    pictures: Vec<Shown>,
    /// How many of them have a place in the text.
    in_text: usize,
    /// Whether the remote ones were asked for.
    is_wanted: bool,
    /// Whether they are being fetched.
    job: Option<RequestId>,
    /// Whether something was asked for while the mail server could not be.
    is_timid: bool,
}

impl Gallery {
    /// Takes the pictures of a text. What is known of them is kept.
    pub(super) fn take(&mut self, reading: &Reading) {
        let in_text = reading.pictures.iter().cloned();
        let attached = reading.attachments.iter().filter(|a| is_picture(a));
        let attached = attached.filter_map(|a| {
            let source = PictureSource::Part(a.part.clone());
            let is_in_text = reading.pictures.iter().any(|p| p.source == source);
            (!is_in_text).then(|| Picture {
                source,
                alt: a.name.clone(),
                width_px: None,
                height_px: None,
            })
        });
        let before = std::mem::take(&mut self.pictures);
        self.in_text = reading.pictures.len();
        self.pictures = in_text
            .chain(attached)
            .map(|picture| {
                let known = before.iter().find(|s| s.picture == picture);
                let state = known.map(|s| s.state.clone()).unwrap_or_default();
                Shown { picture, state }
            })
            .collect();
    }

    /// The picture of that number.
    #[must_use]
    pub fn get(&self, picture: usize) -> Option<&Shown> {
        self.pictures.get(picture)
    }

    /// Whether the remote ones were asked for.
    #[must_use]
    pub const fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Whether they are being fetched.
    #[must_use]
    pub const fn is_fetching(&self) -> bool {
        self.job.is_some()
    }

    /// The addresses of the remote ones.
    #[must_use]
    pub fn remote(&self) -> Vec<&str> {
        let sources = self.pictures.iter().map(|s| &s.picture.source);
        let mut urls: Vec<&str> = sources.filter_map(PictureSource::remote).collect();
        urls.sort_unstable();
        urls.dedup();
        urls
    }

    /// The rows that a picture takes where it is, or is about to be, shown.
    pub(super) fn rows(&self, picture: usize) -> Option<u16> {
        let fit = self.fit?;
        let shown = self.get(picture)?;
        match &shown.state {
            PictureState::Here(pixels, _) => Some(pixels.rows()),
            PictureState::Unasked | PictureState::Asked(_) if self.will_come(shown) => {
                let size = (shown.picture.width_px?, shown.picture.height_px?);
                Some(fit.cells(size.0, size.1).1)
            }
            _ => None,
        }
    }

    fn will_come(&self, shown: &Shown) -> bool {
        match shown.picture.source {
            PictureSource::Remote(_) => self.is_wanted,
            PictureSource::Part(_) | PictureSource::Inline(_) => true,
        }
    }

    /// What a line of the text is where it stands for one picture alone.
    pub(super) fn alone_in(&self, line: &Line) -> Option<usize> {
        self.fit?;
        let mut spans = line.spans.iter().filter(|s| !is_blank(s.text.as_str()));
        let first = spans.next()?.picture?;
        let is_alone = spans.all(|s| s.picture == Some(first));
        let picture = &self.get(first)?.picture;
        (is_alone && picture.is_worth_showing()).then_some(first)
    }

    /// The rows of the attached pictures, behind the text.
    pub(super) fn push_attached(&self, rows: &mut Vec<Row>) {
        if self.fit.is_none() {
            return;
        }
        for picture in self.in_text..self.pictures.len() {
            rows.push(Row::Gap);
            rows.push(Row::Caption(picture));
            push(rows, picture, self.rows(picture).unwrap_or(0), 0);
        }
    }

    /// Makes them fit something else; what was made for the old size is made anew.
    fn refit(&mut self, fit: Option<Fit>) {
        self.fit = fit;
        for shown in &mut self.pictures {
            shown.state = PictureState::Unasked;
        }
    }

    /// Those that are not here are asked for again.
    fn look_again(&mut self) {
        for shown in &mut self.pictures {
            if shown.state == PictureState::Missing {
                shown.state = PictureState::Unasked;
            }
        }
    }
}

/// Puts the rows of a picture behind the others.
pub(super) fn push(rows: &mut Vec<Row>, picture: usize, count: u16, quote: u8) {
    rows.extend((0..count).map(|row| Row::Picture {
        picture,
        row,
        quote,
    }));
}

fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c == '\u{a0}')
}

/// Whether an attachment is a picture that can be shown.
fn is_picture(file: &Attachment) -> bool {
    let kind = file.mime_type.as_str();
    let is_known = ["png", "jpeg", "jpg", "pjpeg", "gif", "webp"]
        .iter()
        .any(|known| kind.strip_prefix("image/") == Some(*known));
    is_known && file.size_bytes <= BYTES_MAX
}

impl Reader {
    /// Lays the rows out anew, and shows the same row first as before.
    fn lay_out_steadily(&mut self, height: usize) {
        let first = self.rows().get(self.scroll()).copied();
        let before = self.scroll();
        self.lay_out();
        let same = |row: &Row| match (first, row) {
            (
                Some(Row::Picture { picture: one, .. }),
                Row::Picture {
                    picture: other,
                    row,
                    ..
                },
            ) => one == *other && *row == 0,
            (Some(first), row) => first == *row,
            (None, _) => false,
        };
        let to = match self.rows().iter().position(same) {
            // At the top nothing is above that could push it.
            Some(at) if before > 0 => at,
            _ => before,
        };
        self.scroll_to(to, height);
    }

    /// The pictures whose places are in sight, or nearly, and that nobody asked for.
    fn unasked(&self, height: usize) -> Vec<usize> {
        let from = self.scroll().saturating_sub(height);
        let near = self.rows().iter().skip(from).take(3 * height);
        let mut found = Vec::new();
        for row in near {
            let picture = match row {
                Row::Picture { picture, .. } | Row::Caption(picture) => Some(*picture),
                Row::Line(n) => self
                    .reading()
                    .and_then(|r| r.body.get(*n))
                    .and_then(|line| self.gallery.alone_in(line)),
                _ => None,
            };
            let Some(picture) = picture.filter(|p| !found.contains(p)) else {
                continue;
            };
            let shown = self.gallery.get(picture);
            if shown.is_some_and(|s| s.state == PictureState::Unasked && self.gallery.will_come(s))
            {
                found.push(picture);
            }
        }
        found
    }
}

/// What pictures are made to fit now.
fn fit(app: &App) -> Option<Fit> {
    let reading = app.reader.reading()?;
    let is_source = app.reader.headers == Headers::Source;
    let cell_px = app.settings.cell_px;
    let (cell_px, dots) = match app.shown_pictures() {
        Pictures::Off => return None,
        // So coarse that twice the size is needed to see anything.
        Pictures::Blocks { .. } => ((cell_px.0 / 2, cell_px.1 / 2), (1, 2)),
        Pictures::Kitty | Pictures::KittyPlaced | Pictures::Iterm2 | Pictures::Sixel => {
            (cell_px, cell_px)
        }
    };
    let rows = (app.reader_height() * 6 / 10).clamp(3, ROWS_MAX);
    (!is_source).then(|| Fit {
        cols: reading.width.min(COLS_MAX),
        rows: u16::try_from(rows).unwrap_or(u16::MAX),
        cell_px,
        dots,
    })
}

/// After every input: asks for what is in sight.
pub(super) fn settle(app: &mut App) -> Vec<Effect> {
    let height = app.reader_height();
    if app.reader.is_linear != app.is_linear() {
        app.reader.is_linear = app.is_linear();
        app.reader.lay_out();
    }
    let fit = fit(app);
    if app.reader.gallery.fit != fit {
        app.reader.gallery.refit(fit);
        app.reader.lay_out_steadily(height);
    }
    let Some(fit) = fit.filter(|_| app.reader.progress.is_none()) else {
        return Vec::new();
    };
    let mut effects = auto_load(app);
    let may_fetch = app.focus == Context::Reader && !app.is_offline;
    if may_fetch && std::mem::take(&mut app.reader.gallery.is_timid) {
        app.reader.gallery.look_again();
    }
    let Some(placed) = app.reader.placed else {
        return effects;
    };
    let is_asked = |s: &&Shown| matches!(s.state, PictureState::Asked(_));
    let asked = app.reader.gallery.pictures.iter().filter(is_asked).count();
    let wanted = app.reader.unasked(height);
    for picture in wanted.into_iter().take(ASKED_MAX.saturating_sub(asked)) {
        let request = app.request();
        let Some(shown) = app.reader.gallery.pictures.get_mut(picture) else {
            continue;
        };
        shown.state = PictureState::Asked(request);
        effects.push(Effect::Engine(Command::LoadPicture {
            request,
            placed,
            source: shown.picture.source.clone(),
            wanted: (shown.picture.width_px, shown.picture.height_px),
            fit,
            may_fetch,
        }));
        app.reader.gallery.is_timid |= !may_fetch;
    }
    effects
}

/// Fetches the remote pictures of a sender whose pictures the user wants to see, where the message was
/// opened and does not lie in Junk.
fn auto_load(app: &mut App) -> Vec<Effect> {
    let gallery = &app.reader.gallery;
    let is_allowed = app.reader.reading().is_some_and(|r| r.is_sender_allowed);
    let mailbox = app.reader.placed.and_then(|p| app.mailbox(p.mailbox));
    let is_junk = mailbox.is_none_or(|m| m.role == Some(Role::Junk));
    let is_due = is_allowed && !is_junk && !gallery.is_wanted && !app.is_offline;
    if !is_due || app.focus != Context::Reader || gallery.remote().is_empty() {
        return Vec::new();
    }
    let (label, command) = fetch(app);
    let mut effects = app.say(label);
    effects.push(command);
    effects
}

impl App {
    /// How pictures are shown now.
    #[must_use]
    pub fn shown_pictures(&self) -> Pictures {
        let has_blocks = !self.is_ascii() && self.colours() != Colours::None;
        match self.settings.pictures {
            Pictures::Blocks { .. } if !has_blocks => Pictures::Off,
            _ if self.is_linear() => Pictures::Off,
            pictures => pictures,
        }
    }

    /// Whether the message that is read has the picture of that number.
    #[must_use]
    pub fn has_picture(&self, id: u32) -> bool {
        let all = self.reader.gallery.pictures.iter();
        all.map(|s| &s.state)
            .any(|state| matches!(state, PictureState::Here(_, one) if *one == id))
    }
}

/// Has the remote pictures fetched: the user wants to see them. Gives what is to be said of it.
pub(super) fn fetch(app: &mut App) -> (Safe, Effect) {
    let urls = app.reader.gallery.remote();
    let urls: Vec<String> = urls.into_iter().map(str::to_owned).collect();
    let request = app.request();
    let label = Safe::line(&format!("Fetching {}", told(&urls)));
    let job = super::Job {
        label: label.clone(),
        progress: None,
    };
    app.jobs.insert(request, job);
    app.reader.gallery.is_wanted = true;
    app.reader.gallery.job = Some(request);
    app.reader.gallery.look_again();
    let height = app.reader_height();
    app.reader.lay_out_steadily(height);
    (
        label,
        Effect::Engine(Command::FetchPictures { request, urls }),
    )
}

/// Shows them no longer.
pub(super) fn hide(app: &mut App) {
    app.reader.gallery.is_wanted = false;
    for shown in &mut app.reader.gallery.pictures {
        if matches!(shown.picture.source, PictureSource::Remote(_)) {
            shown.state = PictureState::Missing;
        }
    }
    let height = app.reader_height();
    app.reader.lay_out_steadily(height);
}

/// `4 pictures from img.example.org and 2 more hosts`.
fn told(urls: &[String]) -> String {
    let host = |url: &String| {
        let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        host.split(':').next().unwrap_or_default().to_lowercase()
    };
    let mut hosts: Vec<String> = urls.iter().map(host).collect();
    hosts.sort();
    hosts.dedup();
    let count = match urls.len() {
        1 => "1 picture".to_owned(),
        n => format!("{n} pictures"),
    };
    let first = hosts.first().map_or("", String::as_str);
    match hosts.len() {
        0 | 1 => format!("{count} from {first}"),
        2 => format!("{count} from {first} and 1 more host"),
        n => format!("{count} from {first} and {} more hosts", n - 1),
    }
}

/// Takes what the engine says of pictures.
pub(super) fn event(app: &mut App, event: Event) -> Vec<Effect> {
    match event {
        Event::Picture {
            request,
            pixels,
            why,
        } => {
            receive(app, request, pixels, why);
            Vec::new()
        }
        Event::Fetched {
            request,
            done,
            failed,
            why,
        } => fetched(app, request, done, failed, &why),
        _ => Vec::new(),
    }
}

/// A picture came, or did not.
pub(super) fn receive(app: &mut App, request: RequestId, pixels: Option<Arc<Pixels>>, why: Safe) {
    const ID_MAX: u64 = 0xff_ffff;
    let serial = app.next_serial();
    let id = u32::try_from(serial % ID_MAX).unwrap_or(0) + 1;
    let all = &mut app.reader.gallery.pictures;
    let Some(shown) = all
        .iter_mut()
        .find(|s| s.state == PictureState::Asked(request))
    else {
        return;
    };
    shown.state = match pixels {
        Some(pixels) => PictureState::Here(pixels, id),
        None if why.is_empty() => PictureState::Missing,
        None => PictureState::Broken(why),
    };
    let height = app.reader_height();
    app.reader.lay_out_steadily(height);
}

/// Some of the remote pictures are here.
pub(super) fn progress(app: &mut App, request: RequestId, done: u64, total: u64) {
    if let Some(job) = app.jobs.get_mut(&request) {
        job.label = Safe::line(&format!("Fetching pictures: {done} of {total}"));
    }
    app.reader.gallery.look_again();
}

/// Whether a job is about remote pictures.
pub(super) fn is_fetching(app: &App, request: RequestId) -> bool {
    app.reader.gallery.job == Some(request)
}

/// All that could be fetched is here.
pub(super) fn fetched(
    app: &mut App,
    request: RequestId,
    done: usize,
    failed: usize,
    why: &Safe,
) -> Vec<Effect> {
    app.jobs.remove(&request);
    if app
        .reader
        .gallery
        .job
        .take_if(|job| *job == request)
        .is_none()
    {
        return Vec::new();
    }
    app.reader.gallery.look_again();
    if failed == 0 {
        return Vec::new();
    }
    let text = match (done, failed) {
        (0, 1) => "The picture did not come:".to_owned(),
        (0, n) => format!("None of the {n} pictures came:"),
        (done, failed) => format!("{failed} of {} pictures did not come:", done + failed),
    };
    app.say(Safe::join(&[Safe::line(&text), why.clone()], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_for_pictures_is_told() {
        let urls = |all: &[&str]| all.iter().map(|u| (*u).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            told(&urls(&[
                "https://u:p@Img.example.org:8443/a",
                "https://img.example.org/b"
            ])),
            "2 pictures from img.example.org"
        );
        assert_eq!(
            told(&urls(&[
                "http://a.test?x",
                "http://b.test/",
                "http://c.test/"
            ])),
            "3 pictures from a.test and 2 more hosts"
        );
    }
}
