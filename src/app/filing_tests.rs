//! Keystrokes that take messages elsewhere: what goes, where to, and where one stands after it.

use super::list::placed;
use super::scenes::{self, Scene, row, unread};
use super::{Context, Input, Mouse, MouseKind, NoticeKind, Overlay, Settings, Token};
use crate::bus::{AccountView, Command, Event, Problem};
use crate::model::{
    AccountKey, Destination, Flag, FlagChange, ListRow, Mailbox, MailboxId, MailboxKey, OpKind,
    Rights, Role, Safe, ThreadKey,
};

fn many(count: i64) -> Vec<ListRow> {
    (1..=count)
        .map(|n| row(n, "Who", &format!("Subject {n}"), n))
        .collect()
}

fn with(accounts: Vec<AccountView>, rows: Vec<ListRow>) -> Scene {
    Scene::with(120, 40, Settings::default(), accounts, rows)
}

fn scene(rows: Vec<ListRow>) -> Scene {
    with(vec![scenes::account(1, "work")], rows)
}

/// What was asked to be changed, and which messages, by number.
fn changes(scene: &mut Scene) -> Vec<(OpKind, Vec<i64>)> {
    let commands = scene.commands().into_iter();
    let applied = commands.filter_map(|c| match c {
        Command::Apply {
            kind,
            targets,
            is_automatic: false,
            ..
        } => Some((kind, targets.iter().map(|t| t.message.0).collect())),
        _ => None,
    });
    applied.collect()
}

fn to(role: Role) -> OpKind {
    OpKind::Move(Destination::Role(role))
}

fn folder(account: i64, name: &str) -> Destination {
    Destination::Mailbox(MailboxId {
        account: AccountKey(account),
        name: name.to_owned(),
    })
}

fn current(scene: &Scene) -> i64 {
    scene.app.list.current().unwrap().message.0
}

/// The work account with one mailbox changed.
fn account_with(key: i64, change: impl FnOnce(&mut Mailbox)) -> AccountView {
    let mut account = scenes::account(1, "work");
    let all = &mut account.mailboxes;
    change(all.iter_mut().find(|m| m.key == MailboxKey(key)).unwrap());
    account
}

#[test]
fn one_key_files_a_message_and_the_next_one_is_at_hand() {
    let mut scene = scene(many(50));
    for (key, kind) in [
        ("a", to(Role::Archive)),
        ("d", to(Role::Trash)),
        ("!", to(Role::Junk)),
    ] {
        let on = current(&scene);
        scene.press(key);
        assert_eq!(changes(&mut scene), [(kind, vec![on])]);
        assert_eq!(current(&scene), on + 1);
    }
    assert_eq!(scene.notice(), "Moved message to Junk");
    let notice = scene.app.notices.shown().unwrap();
    assert_eq!(notice.hint.as_str(), "moves it back to INBOX");
    scene.press("k u");
    assert_eq!(current(&scene), 3, "undo brings the cursor back");
    let notice = scene.app.notices.shown().unwrap();
    assert_eq!(notice.kind, NoticeKind::Redoable);
}

#[test]
fn keys_that_come_faster_than_the_engine_each_meet_another_message() {
    let mut scene = scene(many(50));
    scene.is_answering = false;
    scene.press("2 j d d a");
    let all: Vec<i64> = changes(&mut scene).into_iter().flat_map(|c| c.1).collect();
    assert_eq!(all, [3, 4, 5]);
    assert_eq!((current(&scene), scene.app.list.total()), (6, 47));
}

#[test]
fn at_the_end_the_one_before_is_at_hand_and_then_none() {
    let mut scene = scene(many(2));
    scene.press("G d");
    assert_eq!(current(&scene), 1);
    scene.press("d d");
    assert_eq!(scene.app.list.total(), 0);
    assert_eq!(scene.notice(), "Not now: there is no message here");
}

#[test]
fn a_count_a_selection_and_a_range_go_together() {
    let mut scene = scene(many(50));
    scene.press("j 3 d");
    assert_eq!(changes(&mut scene), [(to(Role::Trash), vec![2, 3, 4])]);
    assert_eq!(current(&scene), 5);
    scene.press("x j x a");
    assert_eq!(changes(&mut scene), [(to(Role::Archive), vec![5, 7])]);
    assert_eq!(current(&scene), 8);
    scene.press("v 2 j s");
    let star = OpKind::Flags(FlagChange::one(Flag::Flagged, true));
    assert_eq!(changes(&mut scene), [(star, vec![8, 9, 10])]);
    scene.press("x v j d");
    let trashed = changes(&mut scene);
    assert_eq!(trashed, [(to(Role::Trash), vec![10, 11, 12])]);
    scene.press("9 9 d");
    assert_eq!(changes(&mut scene)[0].1.len(), 38, "as many as there are");
}

#[test]
fn a_folded_thread_goes_as_a_whole_but_not_what_a_filter_hides() {
    let mut rows = many(6);
    for row in &mut rows[1..4] {
        row.thread = ThreadKey(2);
    }
    rows[2] = ListRow {
        thread: ThreadKey(2),
        ..unread(rows[2].clone())
    };
    rows[3] = ListRow {
        thread: ThreadKey(2),
        ..unread(rows[3].clone())
    };
    let mut scene = scene(rows);
    scene.press("\\ u a");
    let archived = changes(&mut scene);
    assert_eq!(archived, [(to(Role::Archive), vec![3, 4])], "2 is read");
    scene.press("u esc v 2 j d");
    let trashed = changes(&mut scene);
    assert_eq!(trashed, [(to(Role::Trash), vec![1, 2, 3, 4, 5])]);
    assert_eq!(current(&scene), 6);
}

#[test]
fn the_reader_goes_on_to_the_next_message_and_at_the_end_back() {
    let mut scene = scene(many(3));
    scene.press("enter a");
    let read = |scene: &Scene| scene.app.reader.placed.map(|p| p.message.0);
    assert_eq!((read(&scene), scene.app.focus), (Some(2), Context::Reader));
    scene.press("j");
    assert_eq!(read(&scene), Some(3), "none is passed over");
    scene.press("d");
    assert_eq!(read(&scene), Some(2));
    scene.press("d");
    assert_eq!((read(&scene), scene.app.focus), (None, Context::List));
}

#[test]
fn in_the_reader_only_what_is_read_goes_even_if_its_row_stands_for_more() {
    let accounts = vec![scenes::account(1, "work")];
    let mut scene = with(accounts, scenes::mail());
    scene.press("tab d");
    assert_eq!(changes(&mut scene), [(to(Role::Trash), vec![1])]);
}

#[test]
fn deleting_for_good_asks_with_the_number_and_only_y_does_it() {
    let mut scene = scene(many(50));
    for no in ["enter", "esc", "n", "D", "space"] {
        scene.press(&format!("3 D {no}"));
        assert_eq!(changes(&mut scene), [], "{no}");
        assert!(scene.app.overlay.is_none(), "{no}");
    }
    scene.press("x x D");
    let Some(Overlay::Confirm(question)) = &scene.app.overlay else {
        panic!("no question");
    };
    assert_eq!(question.title.as_str(), "Delete 2 messages for good?");
    scene.press("y");
    assert_eq!(changes(&mut scene), [(OpKind::Delete, vec![1, 2])]);
    assert_eq!(current(&scene), 3);
}

#[test]
fn a_folder_is_chosen_by_name_other_accounts_too_and_the_latest_come_first() {
    let accounts = vec![scenes::account(1, "work"), scenes::account(2, "home")];
    let mut scene = with(accounts, many(50));
    scene.press("2 m").type_text("home alpha");
    scene.press("enter");
    let alpha = folder(2, "Projects/alpha");
    let moved = changes(&mut scene);
    assert_eq!(moved, [(OpKind::Move(alpha.clone()), vec![1, 2])]);
    scene.press("C").type_text("work sent");
    scene.press("enter");
    let copied = changes(&mut scene);
    assert_eq!(copied, [(OpKind::Copy(folder(1, "Sent")), vec![3])]);
    assert_eq!(current(&scene), 3, "a copy leaves it here");
    scene.press("m");
    let Some(Overlay::Picker(picker)) = &scene.app.overlay else {
        panic!("no picker");
    };
    let first: Vec<&str> = picker
        .all()
        .iter()
        .map(|i| i.label.as_str())
        .take(3)
        .collect();
    assert_eq!(
        first,
        ["work / Sent", "home / Projects/alpha", "work / Inbox"]
    );
    scene.press("down enter M");
    let moved = changes(&mut scene);
    assert_eq!(
        moved,
        [
            (OpKind::Move(alpha.clone()), vec![3]),
            (OpKind::Move(alpha), vec![4])
        ]
    );
    scene.press(".");
    assert_eq!(changes(&mut scene)[0].1, [5]);
    let again = super::find("move-again").unwrap().1.title_now(&scene.app);
    assert_eq!(again.as_str(), "Move to home / Projects/alpha again");
}

#[test]
fn the_last_change_is_repeated_whatever_it_was() {
    let mut scene = scene(many(50));
    scene.press("a . D y . y");
    let all = changes(&mut scene);
    let archive = to(Role::Archive);
    let expected = [
        (archive.clone(), vec![1]),
        (archive, vec![2]),
        (OpKind::Delete, vec![3]),
        (OpKind::Delete, vec![4]),
    ];
    assert_eq!(all, expected);
}

#[test]
fn where_messages_cannot_go_is_dim_and_says_why() {
    let closed = account_with(19, |m| m.rights = Rights::from_letters("lrs"));
    let mut scene = with(vec![closed], many(5));
    scene.press("m").type_text("日本");
    scene.press("enter");
    assert_eq!(
        scene.notice(),
        "Not this one: you may not put messages there"
    );
    assert!(scene.app.overlay.is_some(), "another can be chosen");
    let holder = account_with(19, |m| m.is_selectable = false);
    let mut scene = with(vec![holder], many(5));
    scene.press("m").type_text("日本");
    scene.press("enter");
    assert_eq!(scene.notice(), "Not this one: holds folders only");
    scene.press("ctrl-u").type_text("inbox");
    scene.press("enter");
    assert_eq!(scene.notice(), "Not this one: it is there already");
    assert_eq!(changes(&mut scene), []);
}

#[test]
fn what_makes_no_sense_here_says_so_with_the_key_that_does() {
    let mut account = scenes::account(1, "work");
    account
        .mailboxes
        .push(scenes::mailbox(10, 1, "Trash", Some(Role::Trash), 0));
    let mut scene = with(vec![account], many(5));
    scene.press("ga a");
    assert_eq!(scene.notice(), "Not now: this is in Archive already");
    scene.press("g# d");
    assert_eq!(
        scene.notice(),
        "Not now: this is in Trash already; D deletes it for good"
    );
    assert_eq!(changes(&mut scene), []);
    scene.press("g! !");
    assert_eq!(
        changes(&mut scene),
        [(to(Role::Inbox), vec![1])],
        "not junk"
    );
}

#[test]
fn in_a_folder_that_may_only_be_read_nothing_is_taken_out_or_marked() {
    let shared = account_with(11, |m| m.rights = Rights::from_letters("lr"));
    let mut scene = with(vec![shared], many(5));
    for key in ["a", "d", "m", "!", "D", "s", "t", "U"] {
        scene.press(key);
        assert!(scene.notice().contains("the server does not"), "{key}");
        assert!(scene.app.overlay.is_none(), "{key}");
    }
    scene.press("C").type_text("archive");
    scene.press("enter");
    assert_eq!(changes(&mut scene).len(), 1, "a copy can be taken");
}

#[test]
fn a_change_that_fails_brings_the_message_back() {
    let mut scene = scene(many(50));
    scene.press("4 j");
    scene.is_answering = false;
    scene.press("d");
    let commands = scene.commands();
    let request = commands.iter().find_map(|c| match c {
        Command::Apply { request, .. } => Some(*request),
        _ => None,
    });
    // The list was asked for anew, and is answered without the message.
    let stale: Vec<Event> = commands
        .iter()
        .filter(|c| matches!(c, Command::LoadWindow { .. }))
        .flat_map(|c| scene.answer(c))
        .collect();
    scene.is_answering = true;
    scene.input(Input::Engine(Event::Failed {
        request: request.unwrap(),
        problem: Problem {
            account: None,
            summary: Safe::fixed("The disk is full"),
            hint: Safe::default(),
        },
    }));
    for event in stale {
        scene.input(Input::Engine(event));
    }
    assert_eq!(scene.app.list.total(), 50);
    assert_eq!(current(&scene), 5, "and the cursor to it");
}

#[test]
fn rows_above_and_below_that_leave_keep_the_cursor_on_its_message() {
    let mut scene = scene(many(100));
    scene.press("x x 3 0 j x 5 j");
    let on = scene.app.list.current().map(placed);
    let from_top = scene.app.list.cursor() - scene.app.list.top();
    scene.press("d");
    assert_eq!(changes(&mut scene)[0].1, [1, 2, 33]);
    assert_eq!(scene.app.list.current().map(placed), on);
    let now = scene.app.list.cursor() - scene.app.list.top();
    assert_eq!(now, from_top - 1, "one row between them closed up");
}

#[test]
fn a_question_is_answered_by_the_mouse_on_the_word_alone() {
    let click = |scene: &mut Scene, dx: u16, from_bottom: u16| {
        let inner = scene.app.overlay_area().inner();
        scene.input(Input::Mouse(Mouse {
            kind: MouseKind::Down,
            x: inner.x + 1 + dx,
            y: inner.y + inner.h - 1 - from_bottom,
        }));
    };
    let mut scene = scene(many(9));
    scene.press("D");
    click(&mut scene, 3, 1);
    click(&mut scene, 30, 0);
    assert!(scene.app.overlay.is_some(), "beside the answers");
    // `y delete   Esc no`
    click(&mut scene, 12, 0);
    assert!(scene.app.overlay.is_none());
    assert_eq!(changes(&mut scene), []);
    scene.press("D");
    click(&mut scene, 3, 0);
    assert_eq!(changes(&mut scene), [(OpKind::Delete, vec![1])]);
}

#[test]
fn news_do_not_push_away_what_undo_would_do() {
    let mut scene = scene(many(9));
    scene.press("a");
    let news = || {
        Input::Engine(Event::Arrived {
            mailbox: MailboxKey(11),
            count: 1,
            who: Safe::fixed("Bo"),
            subject: Safe::fixed("Hello"),
        })
    };
    scene.input(news());
    assert_eq!(scene.notice(), "Archived message");
    scene.time_out(|t| matches!(t, Token::Notice(_)));
    scene.input(news());
    assert_eq!(scene.notice(), "New in Inbox: Bo: Hello");
}
