//! The pictures in the README: real screens of the sample mail, written as SVG from the real cells.
//!
//! `UPDATE=1 cargo test generated` writes them. They must never show what the program does not.

use super::{Theme, draw_to};
use crate::app::Settings;
use crate::app::scenes::{NOW, Scene};
use crate::bus::{AccountView, Link, SyncMode};
use crate::demo::{SampleMailbox, sample};
use crate::mime::{Form, Source, reading};
use crate::model::{
    AccountKey, Flag, ListRow, Mailbox, MailboxKey, MessageKey, Reading, Role, Safe, ThreadKey,
};
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr;

/// The sample mail's inboxes as rows, newest first, with the bytes of each message.
struct Mail {
    accounts: Vec<AccountView>,
    rows: Vec<ListRow>,
    raw: BTreeMap<i64, Vec<u8>>,
}

fn mail() -> Mail {
    let mut mail = Mail {
        accounts: Vec::new(),
        rows: Vec::new(),
        raw: BTreeMap::new(),
    };
    let mut threads: BTreeMap<(i64, String), i64> = BTreeMap::new();
    for (account, n) in sample(NOW).iter().zip(1..) {
        let mut mailboxes: Vec<Mailbox> = Vec::new();
        for (mailbox, key) in account.mailboxes.iter().zip(n * 100..) {
            if let Some((parent, _)) = mailbox.name.rsplit_once('/')
                && mailboxes.iter().all(|m| m.name != parent)
            {
                mailboxes.push(tree_row(n, key + 50, parent, None, 0));
            }
            let unread = mailbox.messages.iter();
            let unread = unread.filter(|m| !m.flags.has(Flag::Seen)).count();
            mailboxes.push(tree_row(n, key, &mailbox.name, mailbox.role, unread));
            if mailbox.role == Some(Role::Inbox) {
                mail.add(mailbox, n, key, &mut threads);
            }
        }
        mailboxes.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
        mail.accounts.push(AccountView {
            key: AccountKey(n),
            name: Safe::line(&account.name),
            address: Safe::line(&account.address),
            mode: SyncMode::Push,
            link: Link::InStep { is_watched: true },
            pending: 0,
            quota: None,
            is_maildrop: false,
            mailboxes,
        });
    }
    mail.rows.sort_by_key(|row| -row.arrived_secs);
    mail
}

fn tree_row(account: i64, key: i64, name: &str, role: Option<Role>, unread: usize) -> Mailbox {
    Mailbox {
        key: MailboxKey(key),
        account: AccountKey(account),
        name: name.to_owned(),
        delimiter: Some('/'),
        role,
        is_subscribed: true,
        namespace: crate::model::Namespace::Personal,
        rights: crate::model::Rights::ALL,
        is_pending: false,
        is_selectable: true,
        total: 0,
        unread: u32::try_from(unread).unwrap(),
    }
}

impl Mail {
    fn add(
        &mut self,
        mailbox: &SampleMailbox,
        account: i64,
        key: i64,
        threads: &mut BTreeMap<(i64, String), i64>,
    ) {
        for message in &mailbox.messages {
            let number = 1 + i64::try_from(self.raw.len()).unwrap();
            let seen = reading(Source::Whole(&message.raw), 100, Form::Auto);
            let subject = header(&seen, "Subject");
            let topic = subject
                .rsplit_once(": ")
                .map_or(&*subject, |(_, rest)| rest);
            let thread = *threads.entry((account, topic.to_owned())).or_insert(number);
            let from = header(&seen, "From");
            let who = from.split_once(" <").map_or(&*from, |(name, _)| name);
            let body = seen.body.iter().flat_map(|l| &l.spans);
            let preview: Vec<&str> = body.map(|s| s.text.as_str()).take(8).collect();
            let is_unread = !message.flags.has(Flag::Seen);
            let tags = message.flags.keywords();
            let tags = tags.filter(|k| !k.as_str().starts_with('$'));
            self.rows.push(ListRow {
                message: MessageKey(number),
                mailbox: MailboxKey(key),
                account: AccountKey(account),
                thread: ThreadKey(thread),
                count: 1,
                unread: u32::from(is_unread),
                depth: u8::from(thread != number),
                who: Safe::line(who),
                subject: Safe::line(&subject),
                preview: Safe::line(&preview.join(" ")),
                arrived_secs: message.arrived.unix_secs,
                flags: message.flags.clone(),
                tags: tags.map(|k| Safe::line(k.as_str())).collect(),
                has_attachment: !seen.attachments.is_empty(),
                size_bytes: u64::try_from(message.raw.len()).unwrap(),
                is_pending: false,
                is_here: true,
                rest: crate::model::Rest::Here,
            });
            self.raw.insert(number, message.raw.clone());
        }
    }

    /// The screen, after some keys, with the cursor on the message that holds these words.
    fn scene(self, cols: u16, rows: u16, before: &str, words: &str, keys: &str) -> Scene {
        let is_it = |row: &&ListRow| {
            let raw = String::from_utf8_lossy(&self.raw[&row.message.0]);
            raw.contains(words)
        };
        let wanted = self.rows.iter().find(is_it).unwrap().message;
        let raw = &self.raw[&wanted.0];
        let mut rows_shown = self.rows;
        // A folded thread stands at its root's place.
        for row in rows_shown.iter_mut().filter(|_| before.is_empty()) {
            row.depth = 0;
        }
        let mut scene = Scene::with(cols, rows, Settings::default(), self.accounts, rows_shown);
        scene.press(before);
        for _ in 0..60 {
            let is_there = |r: &ListRow| r.message == wanted;
            if scene.app.list.current().is_some_and(is_there) {
                break;
            }
            scene.press("j");
        }
        // Laid out for the width that the message will have.
        for _ in 0..2 {
            let width = scene.app.panes().text_cols();
            scene.reading = reading(Source::Whole(raw), width, Form::Auto);
            scene.press("k j");
        }
        for key in keys.split_whitespace() {
            let mut shown = scene.app.clone();
            shown.focus = crate::app::Context::Reader;
            let width = shown.panes().text_cols();
            scene.reading = reading(Source::Whole(raw), width, Form::Auto);
            scene.press(key);
        }
        scene
    }
}

fn header(reading: &Reading, name: &str) -> String {
    let found = reading.headers.iter().find(|h| h.0.as_str() == name);
    found.map(|h| h.1.to_string()).unwrap_or_default()
}

/// The columns and rows of a cell in the picture's own units.
const CELL: (f32, f32) = (8.4, 18.0);
const PAPER: &str = "#17191f";
const INK: &str = "#d5d7dc";

fn hex(color: Color) -> Option<String> {
    let named = match color {
        Color::LightCyan => "#56d4e4",
        Color::LightBlue => "#7aa8ff",
        Color::LightYellow => "#f2d06b",
        Color::LightMagenta => "#d693e6",
        Color::LightGreen => "#8fd47c",
        Color::LightRed => "#ff7b72",
        Color::Indexed(n @ 232..=255) => {
            let grey = 8 + 10 * (n - 232);
            return Some(format!("#{grey:02x}{grey:02x}{grey:02x}"));
        }
        Color::Indexed(n @ 16..=231) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = n - 16;
            let (r, g, b) = (level(n / 36), level(n / 6 % 6), level(n % 6));
            return Some(format!("#{r:02x}{g:02x}{b:02x}"));
        }
        _ => return None,
    };
    Some(named.to_owned())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What text looks like, as attributes.
fn look(cell: &Cell) -> String {
    let has = |modifier| cell.modifier.contains(modifier);
    let mut ink = hex(cell.fg).unwrap_or_else(|| INK.to_owned());
    if has(Modifier::REVERSED) {
        PAPER.clone_into(&mut ink);
    }
    let mut text = format!(" fill=\"{ink}\"");
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::DIM, " opacity=\"0.7\""),
    ] {
        if has(modifier) {
            text.push_str(attribute);
        }
    }
    text
}

fn paper(cell: &Cell) -> Option<String> {
    if cell.modifier.contains(Modifier::REVERSED) {
        return Some(hex(cell.fg).unwrap_or_else(|| INK.to_owned()));
    }
    hex(cell.bg)
}

/// A run of cells that look the same; a wide character is a run of its own, so that it stands where
/// a terminal puts it, whatever the font says.
struct Run {
    x: u16,
    cols: u16,
    text: String,
    look: String,
    /// Whether more may follow in it.
    is_open: bool,
}

fn runs(buffer: &Buffer, y: u16) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    let mut x = 0;
    while x < buffer.area.width {
        let cell = &buffer[(x, y)];
        let cols = u16::try_from(cell.symbol().width().max(1)).unwrap();
        let look = look(cell);
        match found.last_mut() {
            Some(last) if cols == 1 && last.is_open && last.look == look => {
                last.text.push_str(cell.symbol());
                last.cols += 1;
            }
            _ => found.push(Run {
                x,
                cols,
                text: cell.symbol().to_owned(),
                look,
                is_open: cols == 1,
            }),
        }
        x += cols;
    }
    found
}

fn svg(scene: &Scene, title: &str) -> String {
    let app = &scene.app;
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.cols, app.rows));
    draw_to(app, &Theme::of(app), &mut buffer);
    let (cell_w, cell_h) = CELL;
    let margin = 12.0;
    let at = |x: u16| f32::from(x) * cell_w + margin;
    let (w, h) = (
        f32::from(app.cols) * cell_w + 2.0 * margin,
        f32::from(app.rows) * cell_h + 2.0 * margin,
    );
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w:.0} {h:.0}\" role=\"img\">\n\
         <title>{title}</title>\n\
         <rect width=\"{w:.0}\" height=\"{h:.0}\" rx=\"8\" fill=\"{PAPER}\"/>\n\
         <g font-family=\"'DejaVu Sans Mono','Cascadia Mono',Menlo,Consolas,monospace\" \
         font-size=\"14\" xml:space=\"preserve\">\n"
    );
    for y in 0..app.rows {
        let top = f32::from(y) * cell_h + margin;
        let mut x = 0;
        while x < app.cols {
            let Some(fill) = paper(&buffer[(x, y)]) else {
                x += 1;
                continue;
            };
            let is_same = |n: &u16| paper(&buffer[(*n, y)]).as_ref() == Some(&fill);
            let end = (x..app.cols).take_while(is_same).count();
            let end = x + u16::try_from(end).unwrap();
            let wide = f32::from(end - x) * cell_w;
            let x_at = at(x);
            writeln!(out, "<rect x=\"{x_at:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{cell_h:.1}\" fill=\"{fill}\"/>").unwrap();
            x = end;
        }
        let mut line = String::new();
        for run in runs(&buffer, y) {
            let blank = run.text.len() - run.text.trim_start().len();
            let text = run.text.trim();
            if text.is_empty() {
                continue;
            }
            let skipped = u16::try_from(blank).unwrap();
            let trailing = u16::try_from(run.text.trim_start().len() - text.len()).unwrap();
            let long = f32::from(run.cols - skipped - trailing) * cell_w;
            let x_at = at(run.x + skipped);
            let (look, text) = (&run.look, escaped(text));
            write!(line, "<tspan x=\"{x_at:.1}\" textLength=\"{long:.1}\" lengthAdjust=\"spacingAndGlyphs\"{look}>{text}</tspan>").unwrap();
        }
        if !line.is_empty() {
            let base = top + 13.5;
            writeln!(out, "<text y=\"{base:.1}\">{line}</text>").unwrap();
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn hold(name: &str, picture: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("assets")
        .join(name);
    if std::env::var_os("UPDATE").is_some_and(|value| !value.is_empty()) {
        std::fs::write(&path, picture).unwrap();
    }
    let is_same = std::fs::read_to_string(&path).is_ok_and(|found| found == picture);
    assert!(
        is_same,
        "assets/{name} is not up to date; run UPDATE=1 cargo test generated"
    );
}

#[test]
fn generated_pictures_show_the_screen_as_it_is() {
    let scene = mail().scene(120, 36, "", "The insurers would like the page", "");
    hold(
        "screen.svg",
        &svg(
            &scene,
            "Pillarbox: folders, messages, and the one under the cursor",
        ),
    );
    let scene = mail().scene(100, 30, "z R", "> One of the two bolts is gone", "enter");
    hold(
        "reader.svg",
        &svg(&scene, "Pillarbox: a message with quotes and links"),
    );
}
