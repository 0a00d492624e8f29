//! What can be done with a message that was checked or decrypted: its pictures, files, page, and answers.
//!
//! All of it must be there as in a message that was not sealed, and nothing of what was encrypted may
//! reach the disk that was not asked for.

use super::{Scene, is_told, replaced, text, text_holds};
use crate::support::keys::Home;
use crate::support::smime::Authority;
use base64::Engine as _;
use pillarbox::model::{DraftStart, PartId, PictureSource, Placed, Reading};
use std::fs;

const ANN: &str = "ann@here.test";
const BOB: &str = "bob@there.test";
const SECRET: &str = "The-goat-is-behind-the-chapel";

/// A picture in the text, a file, and an attached message with a file and a remote picture of its own.
fn entity() -> String {
    let mut picture = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(40, 40)
        .write_to(&mut picture, image::ImageFormat::Png)
        .unwrap();
    let picture = base64::engine::general_purpose::STANDARD.encode(picture.into_inner());
    format!(
        "Content-Type: multipart/mixed; boundary=m\r\n\r\n\
         --m\r\nContent-Type: multipart/related; boundary=r\r\n\r\n\
         --r\r\nContent-Type: text/html\r\n\r\n<p>{SECRET}</p><img src=\"cid:p@x\"><p><img src=\"https://evil.example/x.png\" width=300 height=200 alt=Map></p>\r\n\
         --r\r\nContent-Type: image/png\r\nContent-ID: <p@x>\r\nContent-Transfer-Encoding: base64\r\n\r\n{picture}\r\n--r--\r\n\
         --m\r\nContent-Type: text/csv; name=plan.csv\r\nContent-Disposition: attachment\r\n\r\nplan of {SECRET}\r\n\
         --m\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n\
         --i\r\nContent-Type: text/html\r\n\r\nInner {SECRET}<p><img src=\"https://evil.example/y.png\" width=300 height=200 alt=Map></p>\r\n\
         --i\r\nContent-Type: text/csv; name=deep.csv\r\nContent-Disposition: attachment\r\n\r\ndeep {SECRET}\r\n--i--\r\n\
         --m--\r\n"
    )
}

/// A message of Ann's with that beside a file that somebody put there on the way.
fn mixed(sealed: &str) -> String {
    format!(
        "From: <{ANN}>\r\nSubject: Sealed\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=out\r\n\r\n\
         --out\r\n{sealed}\r\n--out\r\nContent-Type: text/html\r\n\r\n<p>Outer words</p>\r\n\
         --out\r\nContent-Type: text/csv; name=added.csv\r\nContent-Disposition: attachment\r\n\r\nadded\r\n--out--\r\n"
    )
}

fn sealers() -> Option<(Authority, Home)> {
    let authority = Authority::new("Here CA")?;
    authority.certify(ANN, "Ann");
    authority.certify(BOB, "Bob");
    let home = Home::new();
    authority.introduce(&home, true);
    authority.give(&home, BOB, "");
    Some((authority, home))
}

fn files(reading: &Reading) -> Vec<(String, &'static str)> {
    let name = |a: &pillarbox::model::Attachment| (a.name.to_string(), a.outside);
    reading.attachments.iter().map(name).collect()
}

fn part(reading: &Reading, name: &str) -> PartId {
    let found = reading.attachments.iter().find(|a| a.name.as_str() == name);
    found.unwrap().part.clone()
}

fn remote(reading: &Reading) -> usize {
    let is_remote = |p: &&pillarbox::model::Picture| matches!(p.source, PictureSource::Remote(_));
    reading.pictures.iter().filter(is_remote).count()
}

/// What was saved, by name.
fn saved(scene: &mut Scene, placed: Placed, parts: Vec<PartId>) -> Vec<(String, String)> {
    let files = scene.desk.save_parts(placed, parts);
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        (name, text)
    };
    files.iter().map(read).collect()
}

#[test]
fn pictures_files_and_attached_messages_of_what_was_decrypted_are_at_hand() {
    let Some((authority, home)) = sealers() else {
        return;
    };
    let mut scene = Scene::reading(home.gpg());
    let placed = scene.receive(mixed(&authority.encrypted(BOB, &entity())).as_bytes());
    let shown = scene.check(placed);
    assert!(shown.is_decrypted && text_holds(&shown, SECRET));
    let inline = shown
        .pictures
        .iter()
        .find(|p| matches!(p.source, PictureSource::Part(_)));
    let source = inline.unwrap().source.clone();
    assert!(scene.desk.has_picture(placed, source));
    assert_eq!(remote(&shown), 0);
    let listed = [
        ("plan.csv", ""),
        ("inner.eml", ""),
        ("attachment-3.png", ""),
        ("added.csv", "not encrypted"),
    ];
    assert_eq!(
        files(&shown),
        listed.map(|(name, what)| (name.to_owned(), what))
    );
    let inner = scene
        .desk
        .open_inside(placed, part(&shown, "inner.eml"))
        .unwrap();
    assert!(
        text_holds(&inner, &format!("Inner {SECRET}")),
        "{}",
        text(&inner)
    );
    assert_eq!(remote(&inner), 0);
    let names = |saved: &[(String, String)]| -> Vec<String> {
        saved.iter().map(|(name, _)| name.clone()).collect()
    };
    let all = saved(&mut scene, placed, Vec::new());
    assert_eq!(names(&all), listed.map(|(name, _)| name.to_owned()));
    assert_eq!(all[0].1.trim(), format!("plan of {SECRET}"));
    assert_eq!(all[3].1.trim(), "added");
    let deep = saved(&mut scene, placed, vec![part(&inner, "deep.csv")]);
    assert_eq!(deep[0].1.trim(), format!("deep {SECRET}"));
    // What was saved is where the user wanted it, and nowhere else.
    scene.ends_without(SECRET);
}

#[test]
fn what_was_decrypted_goes_to_programs_and_the_browser_without_a_stop_on_the_disk() {
    let Some((authority, home)) = sealers() else {
        return;
    };
    let mut scene = Scene::reading(home.gpg());
    let placed = scene.receive(mixed(&authority.encrypted(BOB, &entity())).as_bytes());
    let shown = scene.check(placed);
    let data = scene.folder.path().join("data");
    let script = format!("cat; echo on disk:; grep -rl {SECRET} '{}'", data.display());
    for part in [None, Some(part(&shown, "plan.csv"))] {
        let said = scene.desk.piped(placed, part, &script);
        let (given, on_disk) = said.split_once("on disk:").unwrap();
        assert!(given.contains(SECRET), "{said}");
        assert_eq!(on_disk.trim(), "");
    }
    let page = scene.desk.page(placed).unwrap();
    assert!(
        page.contains(SECRET) && page.contains("data:image/png;base64,"),
        "{page}"
    );
    assert!(
        !page.contains("Outer words") && !page.contains("evil.example"),
        "{page}"
    );
    for start in [DraftStart::Reply(placed), DraftStart::Forward(placed)] {
        let opened = scene.desk.compose(start).unwrap();
        assert!(!opened.draft.body.contains(SECRET), "{}", opened.draft.body);
        let is_told = |note: &String| note.contains("encrypted is not quoted");
        assert!(
            opened
                .notes
                .iter()
                .map(ToString::to_string)
                .any(|note| is_told(&note))
        );
    }
    scene.ends_without(SECRET);
}

#[test]
fn files_beside_what_was_signed_are_at_hand_and_marked_whether_it_fits_or_not() {
    let Some((authority, home)) = sealers() else {
        return;
    };
    let mut scene = Scene::reading(home.gpg());
    let message = mixed(&authority.signed(ANN, &entity(), ""));
    let placed = scene.receive(message.as_bytes());
    let shown = scene.check(placed);
    is_told(&shown, 0, super::Tone::Good, "Good signature of Ann");
    assert!(!shown.is_decrypted);
    let listed = files(&shown);
    assert_eq!(listed.len(), 4);
    assert_eq!(listed[3], ("added.csv".to_owned(), "not signed"));
    // Whose pictures these are is known, so they can be had.
    assert_eq!((remote(&shown), shown.sender.as_str()), (1, ANN));
    assert_eq!(saved(&mut scene, placed, Vec::new()).len(), 4);
    let changed = scene.receive(&replaced(&message, "plan of", "plot of"));
    let shown = scene.check(changed);
    is_told(&shown, 0, super::Tone::Warning, "BAD signature");
    let all = saved(&mut scene, changed, Vec::new());
    assert_eq!(all.len(), shown.attachments.len());
    assert!(
        all.iter().any(|(_, text)| text.starts_with("plot of")),
        "{all:?}"
    );
}
