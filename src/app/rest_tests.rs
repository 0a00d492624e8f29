//! Messages of which only the header is here: how the rest is asked for, and when it shows.

use super::scenes::{self, Scene};
use super::{Effect, Input};
use crate::bus::{AccountView, Command, Event, Link};
use crate::model::{ListRow, MailboxKey, Reading, Rest, Safe, SyncMode};

/// An account with a maildrop, whose first message is a header alone.
pub(crate) fn maildrop(cols: u16, rows: u16, rest: Rest, link: Link) -> Scene {
    let mut mail = scenes::mail();
    mail[0] = ListRow {
        size_bytes: 5_200_000,
        rest,
        has_attachment: false,
        ..mail[0].clone()
    };
    let account = AccountView {
        link,
        is_maildrop: true,
        ..scenes::account(1, "old")
    };
    let settings = super::Settings::default();
    let mut scene = Scene::with(cols, rows, settings, vec![account], mail);
    let header = |name, value| (Safe::fixed(name), Safe::fixed(value));
    scene.reading = Reading {
        headers: vec![
            header("From", "Museum <archive@museum.example>"),
            header("To", "ann@old.example"),
            header("Subject", "The photograph, full size"),
        ],
        rest,
        rest_bytes: 5_200_000,
        ..Reading::default()
    };
    // What the preview shows already is asked for anew.
    scene.app.reader.tried = None;
    scene.input(Input::Resize { cols, rows });
    scene
}

/// Ten minutes before now, the maildrop was looked into.
pub(crate) fn checked() -> Link {
    Link::Checked {
        secs: scenes::NOW - 600,
    }
}

fn said(scene: &Scene) -> String {
    let reading = scene.app.reader.reading().unwrap();
    let lines = scene.app.rest_lines(reading, 200);
    lines.iter().map(ToString::to_string).collect()
}

#[test]
fn the_modes_of_a_maildrop_promise_no_news_at_once() {
    let shown = |scene: &mut Scene| {
        scene.press("g m");
        match &scene.app.overlay {
            Some(super::Overlay::Picker(picker)) => picker
                .all()
                .iter()
                .map(|i| i.label.to_string())
                .collect::<String>(),
            other => panic!("{other:?}"),
        }
    };
    let mut scene = maildrop(120, 40, Rest::OnServer, checked());
    let modes = shown(&mut scene);
    assert!(
        !modes.contains("at once") && modes.contains("Every few minutes"),
        "{modes}"
    );
    let mut scene = Scene::new(120, 40);
    assert!(shown(&mut scene).contains("at once"));
}

#[test]
fn the_key_asks_for_the_whole_message_in_list_and_reader() {
    for before in ["", "enter"] {
        let mut scene = maildrop(120, 40, Rest::OnServer, checked());
        scene.press(before).commands();
        scene.press("g w");
        let wanted = Command::FetchWhole(vec![scenes::placed(1)]);
        assert!(scene.commands().contains(&wanted), "{before}");
        assert_eq!(scene.notice(), "Fetching the whole message (5.2 M)");
    }
}

#[test]
fn where_all_is_here_or_the_rest_is_lost_nothing_is_asked_for() {
    for (rest, why) in [
        (Rest::Here, "the whole message is here"),
        (Rest::Lost, "the rest is no longer on the server"),
    ] {
        let mut scene = maildrop(120, 40, rest, checked());
        scene.press("g w");
        let is_asking = |c: &Command| matches!(c, Command::FetchWhole(_));
        assert!(!scene.commands().iter().any(is_asking));
        assert!(scene.notice().contains(why), "{}", scene.notice());
    }
}

#[test]
fn offline_it_is_told_when_the_message_will_come() {
    let mut scene = maildrop(120, 40, Rest::OnServer, Link::Idle);
    scene.press("g O enter");
    assert!(said(&scene).contains("when you are online again"));
    scene.press("g w");
    assert_eq!(
        scene.notice(),
        "Fetches the whole message (5.2 M) when you are online again (gO)"
    );
}

#[test]
fn the_open_reader_shows_the_rest_when_it_has_come() {
    let mut scene = maildrop(120, 40, Rest::OnServer, checked());
    scene.press("enter");
    assert!(said(&scene).contains("5.2 M; only the header was fetched. Press gw"));
    scene.reading = scenes::reading();
    scene.input(Input::Engine(Event::Changed(vec![MailboxKey(99)])));
    assert!(scene.app.reader.reading().unwrap().body.is_empty());
    scene.input(Input::Engine(Event::Changed(vec![MailboxKey(11)])));
    assert!(!scene.app.reader.reading().unwrap().body.is_empty());
    // What is here is not asked for again at each change.
    scene.commands();
    scene.input(Input::Engine(Event::Changed(vec![MailboxKey(11)])));
    let is_open = |e: &Effect| matches!(e, Effect::Engine(Command::OpenMessage { .. }));
    assert!(!scene.effects.iter().any(is_open));
}

#[test]
fn an_account_says_what_its_maildrop_does() {
    let text = |link: Link, mode: SyncMode| {
        let scene = Scene::new(120, 40);
        let account = AccountView {
            link,
            mode,
            ..scenes::account(1, "old")
        };
        scene.app.link_text(&account).to_string()
    };
    let put_off = Link::Waiting {
        secs: 9,
        is_put_off: true,
        why: Safe::fixed("another program fetches"),
    };
    let fetching = Link::Syncing {
        mailbox: Safe::default(),
        done: 3,
        total: 12,
    };
    for (link, expected) in [
        (fetching, "fetching 3 of 12"),
        (put_off, "another program fetches, again in 9 s"),
    ] {
        assert_eq!(text(link, SyncMode::Push), expected);
    }
    assert!(text(checked(), SyncMode::Push).starts_with("checked "));
    let old = Link::Checked {
        secs: scenes::NOW - 26 * 3600,
    };
    assert_eq!(text(old, SyncMode::Push), "checked 26 h ago");
    let by_hand = text(Link::Idle, SyncMode::Manual);
    assert!(by_hand.starts_with("by hand, "), "{by_hand}");
}
