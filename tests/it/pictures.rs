//! Pictures on a real terminal: every byte that is written for them is ours.
//!
//! The picture and its message hold sequences that would steer the terminal; none may come through.

use crate::support::{Dovecot, Kind, Program, Screen, sequences, wait_until};
use base64::Engine as _;
use std::collections::BTreeSet;

/// What is written anyway.
const OURS: [&str; 8] = [
    "C0 07", "CSI ?h", "CSI ?l", "CSI H", "CSI c", "CSI m", "CSI t", "OSC 0",
];
/// What Konsole answers to what it is asked.
const KONSOLE: &str =
    "\x1b[?62;1;4c\x1bP>|Konsole 22.12.3\x1b\\\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62;1;4c";
const EVIL: &str = "\x1b]0;owned\x07\x1b_Gi=1;x\x1b\\\x1bPq\x1b\\\x1b[31m";

/// A picture whose file says more than it shows.
fn file() -> Vec<u8> {
    let picture = image::RgbImage::from_fn(320, 160, |x, y| {
        let part = |n: u32| u8::try_from(n % 256).unwrap();
        image::Rgb([part(x), part(y), part(x + y)])
    });
    let mut file = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut file, image::ImageFormat::Png)
        .unwrap();
    let mut bytes = file.into_inner();
    bytes.extend(EVIL.as_bytes());
    bytes
}

fn letter() -> String {
    let picture = base64::engine::general_purpose::STANDARD.encode(file());
    let lines: Vec<&str> = picture
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let name = EVIL.replace(['"', '\\'], "");
    format!(
        "From: ann@example.org\nSubject: With a picture\nMIME-Version: 1.0\n\
         Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n\
         <p>Above.</p><p><img src=\"cid:p@x\" alt=\"{name}\"></p><p>Below.</p>{}\n\
         --b\nContent-Type: image/png; name=\"{name}\"\nContent-ID: <p@x>\n\
         Content-Transfer-Encoding: base64\n\n{}\n--b--\n",
        "<p>More.</p>".repeat(30),
        lines.join("\n")
    )
}

fn open(dovecot: &Dovecot, pictures: &str) -> (Program, Screen) {
    open_on(dovecot, pictures, "")
}

/// On a terminal that has answered already.
fn open_on(dovecot: &Dovecot, pictures: &str, answers: &str) -> (Program, Screen) {
    let user = dovecot.fresh_user();
    let mut client = dovecot.client(&user);
    client.append("INBOX", "", &letter());
    client.append(
        "INBOX",
        "",
        "From: bob@example.org\nSubject: Plain\n\nNo picture.\n",
    );
    let ui = format!("[ui]\npictures = \"{pictures}\"\n");
    let program = Program::new(&(dovecot.account("work", &user) + &ui));
    program.run(&["sync"]).expect(0);
    let mut screen = program.screen(&[], 78, 30);
    screen.keys(answers);
    screen.wait_for(" 1 of 2 ");
    screen.keys("j<Enter>");
    screen.wait_for("Below.");
    (program, screen)
}

fn has(screen: &Screen, bytes: &[u8]) -> bool {
    screen.raw().windows(bytes.len()).any(|w| w == bytes)
}

/// Quits, and holds the kinds of sequences against what may be among them.
fn assert_ours(screen: &mut Screen, more: &[&str]) {
    assert_eq!(screen.quit(), 0, "{}", screen.text());
    let raw = screen.raw();
    let found = sequences(&raw);
    let is_ours = |kind: &&String| !OURS.contains(&kind.as_str()) && !more.contains(&kind.as_str());
    let foreign: Vec<&String> = found.iter().filter(is_ours).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
    assert!(!has(screen, b"\x1b]0;owned") && !has(screen, b"\x1b_Gi=1"));
}

/// What stands between each beginning and the end behind it.
fn payloads(raw: &[u8], begin: &str, end: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(raw).into_owned();
    let pieces = text.split(begin).skip(1);
    pieces
        .map(|piece| piece.split_once(end).unwrap().0.to_owned())
        .collect()
}

#[test]
fn kitty_gets_base64_and_is_told_to_drop_the_picture_when_its_message_is_left() {
    let dovecot = Dovecot::shared(Kind::Full);
    let (_program, mut screen) = open(dovecot, "kitty");
    wait_until("the picture", || has(&screen, b"\x1b_Ga=T,U=1,"));
    wait_until("its cells", || screen.text().contains('\u{10eeee}'));
    screen.keys("k");
    screen.wait_for("No picture.");
    wait_until("its end", || has(&screen, b"\x1b_Ga=d,d=I,i="));
    assert!(!screen.text().contains('\u{10eeee}'));
    for command in payloads(&screen.raw(), "\x1b_G", "\x1b\\") {
        assert!(command.contains("q=2"), "an answer would count as keys");
        let payload = command.split_once(';').map_or("", |(_, payload)| payload);
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        assert!(payload.chars().all(is_base64));
    }
    assert_ours(&mut screen, &["APC", "ESC \\"]);
}

#[test]
fn iterm2_gets_a_picture_made_anew_in_its_place() {
    let dovecot = Dovecot::shared(Kind::Full);
    let (_program, mut screen) = open(dovecot, "iterm2");
    wait_until("the picture", || has(&screen, b"\x1b8"));
    let sent = payloads(&screen.raw(), "\x1b]1337;File=", "\x07");
    let (_, payload) = sent[0].split_once(':').unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(payload)
        .unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
    assert!(!bytes.windows(5).any(|w| w == b"owned"));
    assert_ours(&mut screen, &["OSC 1337", "ESC 7", "ESC 8"]);
}

#[test]
fn sixels_are_nothing_but_sixels_and_follow_the_text() {
    let dovecot = Dovecot::shared(Kind::Full);
    let (_program, mut screen) = open(dovecot, "sixel");
    wait_until("the picture", || has(&screen, b"\x1b8"));
    let before = screen.raw().len();
    screen.keys("<Down>");
    wait_until("the picture in its new place", || {
        screen.raw()[before..].windows(2).any(|w| w == b"\x1b8")
    });
    for picture in payloads(&screen.raw(), "\x1bP", "\x1b\\") {
        assert!(picture.bytes().all(|b| (0x20..0x7f).contains(&b)));
    }
    assert_ours(&mut screen, &["DCS", "ESC \\", "ESC 7", "ESC 8"]);
}

#[test]
fn blocks_are_cells_like_any_other() {
    let dovecot = Dovecot::shared(Kind::Full);
    let (_program, mut screen) = open(dovecot, "blocks");
    screen.wait_for("▀▀▀▀▀▀▀▀▀▀");
    screen.keys("k");
    screen.wait_for("No picture.");
    screen.wait_gone("▀");
    assert_ours(&mut screen, &[]);
}

#[test]
fn a_terminal_is_asked_once_what_it_is_and_need_not_answer() {
    let dovecot = Dovecot::shared(Kind::Full);
    let (_program, mut screen) = open(dovecot, "auto");
    screen.wait_for("▀▀▀▀▀▀▀▀▀▀");
    let raw = screen.raw();
    assert_eq!(raw.windows(3).filter(|w| *w == b"\x1b[c").count(), 1);
    assert_ours(&mut screen, &[]);
}

#[test]
fn konsole_shows_a_picture_where_it_is_told_to_and_takes_it_down_for_what_lies_over_it() {
    let dovecot = Dovecot::shared(Kind::Full);
    let (_program, mut screen) = open_on(dovecot, "auto", KONSOLE);
    wait_until("the picture", || has(&screen, b"\x1b_Ga=t,f=100"));
    wait_until("its place", || has(&screen, b"\x1b_Ga=p,i="));
    let before = screen.raw().len();
    let said = |screen: &Screen| String::from_utf8_lossy(&screen.raw()[before..]).into_owned();
    screen.keys("<Down>");
    wait_until("its new place", || said(&screen).contains("\x1b_Ga=p,i="));
    assert!(!said(&screen).contains("a=t,"), "it has the picture");
    screen.keys("?");
    wait_until("the picture to go", || {
        said(&screen).contains("\x1b_Ga=d,d=i,i=")
    });
    screen.keys("<Esc>");
    screen.wait_for("Below.");
    for command in payloads(&screen.raw(), "\x1b_G", "\x1b\\") {
        assert!(command.contains("q=2"), "an answer would count as keys");
    }
    assert_ours(
        &mut screen,
        &["APC", "CSI >q", "ESC 7", "ESC 8", "ESC \\", "OSC 11"],
    );
    let raw = String::from_utf8_lossy(&screen.raw()).into_owned();
    assert!(raw.contains("\x1b_Ga=d,d=I,i="), "left in the terminal");
}

#[test]
fn a_light_terminal_gets_the_light_colours_and_what_was_typed_while_it_was_asked_counts() {
    let user = Dovecot::shared(Kind::Full).fresh_user();
    let program = Program::new(&Dovecot::shared(Kind::Full).account("work", &user));
    let colours = |ground: &str| {
        let mut screen = program.screen(&[], 80, 24);
        screen.keys(
            &KONSOLE
                .replace("ffff/ffff/ffff", ground)
                .replace("62;1;4c", "62c"),
        );
        screen.keys("?");
        screen.wait_for("Keys in the list");
        screen.keys("<Esc>");
        screen.wait_gone("Keys in the list");
        assert_eq!(screen.quit(), 0, "{}", screen.text());
        let raw = screen.raw();
        BTreeSet::from_iter(payloads(&raw, "\x1b[38;", "m"))
    };
    let (light, dark) = (colours("ffff/ffff/ffff"), colours("0000/0000/0000"));
    assert!(light.is_disjoint(&dark), "{light:?} {dark:?}");
}
