//! Pictures in the reader: when they are asked for, who says so, and what stays where it is.
//!
//! A test here must look at commands and rows, as the engine and the screen see them.

use super::scenes::{self, Scene};
use super::{Input, Pictures, Row, Settings};
use crate::bus::{Command, Event, RequestId};
use crate::model::{Fit, Line, PartId, Picture, PictureSource, Pixels, Reading, Safe, Span};
use std::sync::Arc;

const BLOCKS: Pictures = Pictures::Blocks { is_true: true };

fn picture(source: PictureSource, size: Option<(u32, u32)>) -> Picture {
    Picture {
        source,
        alt: Safe::fixed("Chart"),
        width_px: size.map(|s| s.0),
        height_px: size.map(|s| s.1),
    }
}

fn remote(n: u8) -> PictureSource {
    PictureSource::Remote(format!("https://img.example.org/{n}.png"))
}

fn place(number: usize) -> Line {
    Line {
        spans: vec![Span {
            text: Safe::fixed("[image: Chart]"),
            picture: Some(number),
            ..Span::default()
        }],
        ..Line::default()
    }
}

/// A message with a picture of its own, two remote ones, and one attached.
pub(crate) fn pictured(cols: u16, rows: u16, pictures: Pictures) -> Scene {
    let settings = Settings {
        pictures,
        ..Settings::default()
    };
    let accounts = vec![scenes::account(1, "work")];
    let mut scene = Scene::with(cols, rows, settings, accounts, scenes::mail());
    let mut body = vec![scenes::line("Before."), place(0), scenes::line("Between.")];
    body.extend([place(1), place(2), scenes::line("After.")]);
    let mut attachments = scenes::reading().attachments;
    attachments[0].mime_type = Safe::fixed("image/png");
    attachments[0].name = Safe::fixed("photo.png");
    scene.reading = Reading {
        body,
        attachments,
        pictures: vec![
            picture(PictureSource::Part(PartId(vec![1, 2])), Some((160, 64))),
            picture(remote(1), Some((160, 64))),
            picture(remote(2), None),
        ],
        sender: Safe::fixed("news@example.org"),
        ..scenes::reading()
    };
    scene.app.reader.tried = None;
    scene.input(Input::Resize { cols, rows });
    scene
}

fn loads(commands: &[Command]) -> Vec<(RequestId, PictureSource, Fit)> {
    let loads = commands.iter().filter_map(|c| match c {
        Command::LoadPicture {
            request,
            source,
            fit,
            ..
        } => Some((*request, source.clone(), *fit)),
        _ => None,
    });
    loads.collect()
}

fn fetches(commands: &[Command]) -> Vec<(RequestId, Vec<String>)> {
    let fetches = commands.iter().filter_map(|c| match c {
        Command::FetchPictures { request, urls } => Some((*request, urls.clone())),
        _ => None,
    });
    fetches.collect()
}

/// Red above blue, as many cells as a picture of 160 by 64 takes.
pub(crate) fn pixels(fit: Fit) -> Arc<Pixels> {
    let cells = fit.cells(160, 64);
    let dots = usize::from(cells.0) * usize::from(fit.dots.0) * usize::from(cells.1);
    let half = dots * usize::from(fit.dots.1) / 2;
    let rgb = [[255, 0, 0]].repeat(half).into_iter();
    let rgb = rgb.chain([[0, 0, 255]].repeat(half)).flatten().collect();
    Arc::new(Pixels::new(fit, cells, rgb).unwrap())
}

/// Gives every picture that is asked for, as long as there are such.
pub(crate) fn give_all(scene: &mut Scene) {
    loop {
        let asked = loads(&scene.commands());
        if asked.is_empty() {
            return;
        }
        for (request, source, fit) in asked {
            let is_here = !matches!(source, PictureSource::Remote(_));
            scene.input(Input::Engine(Event::Picture {
                request,
                pixels: is_here.then(|| pixels(fit)),
                why: Safe::default(),
            }));
        }
    }
}

fn picture_rows(scene: &Scene, number: usize) -> usize {
    let rows = scene.app.reader.rows().iter();
    rows.filter(|row| matches!(row, Row::Picture { picture, .. } if *picture == number))
        .count()
}

#[test]
fn nothing_is_fetched_from_the_web_by_itself() {
    let mut scene = pictured(120, 40, BLOCKS);
    scene.press("enter space j k G");
    let commands = scene.commands();
    assert_eq!(fetches(&commands), []);
    let asked = loads(&commands);
    assert!(!asked.is_empty());
    let is_remote = |s: &PictureSource| matches!(s, PictureSource::Remote(_));
    assert!(asked.iter().all(|(_, source, _)| !is_remote(source)));
}

#[test]
fn the_key_fetches_them_once_and_says_from_where() {
    let mut scene = pictured(120, 40, BLOCKS);
    scene.press("enter").commands();
    scene.press("I");
    let commands = scene.commands();
    let asked = fetches(&commands);
    let [(request, urls)] = asked.as_slice() else {
        panic!("{commands:?}");
    };
    assert_eq!(urls.len(), 2);
    let said = "Fetching 2 pictures from img.example.org; I again for more";
    assert_eq!(scene.notice(), said);
    assert!(scene.app.jobs.contains_key(request));
    scene.press("I");
    assert_eq!(
        fetches(&scene.commands()),
        [],
        "the second time is a choice"
    );
    scene.press("esc");
    scene.input(Input::Engine(Event::Fetched {
        request: *request,
        done: 1,
        failed: 1,
        why: Safe::fixed("img.example.org knows no such page."),
    }));
    assert!(scene.app.jobs.is_empty());
    let said = "1 of 2 pictures did not come: img.example.org knows no such page.";
    assert_eq!(scene.notice(), said);
}

#[test]
fn offline_the_key_refuses() {
    let mut scene = pictured(120, 40, BLOCKS);
    scene.press("enter g O").commands();
    scene.press("I");
    assert_eq!(fetches(&scene.commands()), []);
    assert!(scene.notice().contains("offline"), "{}", scene.notice());
}

#[test]
fn a_sender_is_allowed_and_no_longer_by_the_same_choice() {
    let mut scene = pictured(120, 40, BLOCKS);
    scene.press("enter I I a");
    let allowed = |is_allowed| Command::AllowPictures {
        address: "news@example.org".to_owned(),
        is_allowed,
    };
    assert!(scene.commands().contains(&allowed(true)));
    assert!(scene.notice().contains("news@example.org"));
    scene.press("I a");
    assert!(scene.commands().contains(&allowed(false)));
}

#[test]
fn pictures_of_an_allowed_sender_come_when_the_mail_is_opened_but_not_in_junk() {
    let mut scene = pictured(120, 40, BLOCKS);
    scene.reading.is_sender_allowed = true;
    scene.app.reader.tried = None;
    scene.input(Input::Resize {
        cols: 121,
        rows: 40,
    });
    assert_eq!(
        fetches(&scene.commands()),
        [],
        "the preview fetches nothing"
    );
    scene.press("enter");
    assert_eq!(fetches(&scene.commands()).len(), 1);
    let junk = Some(crate::model::Role::Junk);
    let mut scene = pictured(120, 40, BLOCKS);
    scene.reading.is_sender_allowed = true;
    let mut account = scenes::account(1, "work");
    account.mailboxes[0].role = junk;
    scene.input(Input::Engine(Event::Tree(vec![account])));
    scene.press("enter");
    assert_eq!(fetches(&scene.commands()), []);
}

#[test]
fn a_place_is_held_for_a_picture_whose_size_is_known_and_the_text_does_not_jump() {
    let mut scene = pictured(120, 40, BLOCKS);
    scene.press("enter");
    let held = picture_rows(&scene, 0);
    assert!(held > 1, "{held}");
    assert_eq!(picture_rows(&scene, 1), 0, "a remote one has its line");
    let rows = scene.app.reader.rows().len();
    give_all(&mut scene);
    assert_eq!(picture_rows(&scene, 0), held);
    assert!(
        scene.app.reader.rows().len() > rows,
        "the attached one came below"
    );
}

#[test]
fn what_is_read_stays_where_it_is_when_a_picture_above_arrives() {
    let mut scene = pictured(80, 24, BLOCKS);
    scene.reading.pictures[0] = picture(PictureSource::Part(PartId(vec![1, 2])), None);
    let many = (0..60).map(|n| scenes::line(&format!("Line {n}.")));
    scene.reading.body.extend(many);
    scene.app.reader.tried = None;
    scene.input(Input::Resize { cols: 80, rows: 25 });
    scene.press("enter ctrl-d");
    let first = |scene: &Scene| scene.app.reader.rows()[scene.app.reader.scroll()];
    let before = first(&scene);
    assert_eq!(picture_rows(&scene, 0), 0);
    give_all(&mut scene);
    assert!(picture_rows(&scene, 0) > 0);
    assert_eq!(first(&scene), before);
}

#[test]
fn where_pictures_are_off_all_is_as_without_them() {
    let mut scene = pictured(120, 40, Pictures::Off);
    scene.press("enter I");
    let commands = scene.commands();
    assert_eq!((loads(&commands), fetches(&commands)), (vec![], vec![]));
    assert!(scene.notice().contains("not shown in this terminal"));
    for n in 0..4 {
        assert_eq!(picture_rows(&scene, n), 0);
    }
}

#[test]
fn a_reply_for_a_message_that_was_left_changes_nothing() {
    let mut scene = pictured(120, 40, BLOCKS);
    let asked = loads(&scene.commands());
    let (request, _, fit) = asked[0].clone();
    scene.reading = scenes::reading();
    scene.press("j j j").commands();
    let rows = scene.app.reader.rows().to_vec();
    scene.input(Input::Engine(Event::Picture {
        request,
        pixels: Some(pixels(fit)),
        why: Safe::default(),
    }));
    assert_eq!(scene.app.reader.rows(), rows);
}
