//! Keystrokes that change folders, in the sidebar and elsewhere: what is asked of the engine.

use super::scenes::{self, Scene};
use super::{Context, Input, Overlay, Settings, Target};
use crate::bus::{AccountView, Command, Event};
use crate::model::{
    AccountKey, Flag, FlagChange, FolderChange, Mailbox, MailboxId, MailboxKey, OpKind, Rights,
    Role,
};

fn account(total: u32) -> AccountView {
    let mut account = scenes::account(1, "work");
    let trash = scenes::mailbox(10, 1, "Trash", Some(Role::Trash), 0);
    account.mailboxes.insert(5, trash);
    for mailbox in &mut account.mailboxes {
        mailbox.total = total;
    }
    account
}

fn scene(account: AccountView) -> Scene {
    Scene::with(120, 40, Settings::default(), vec![account], scenes::mail())
}

/// A scene whose sidebar has the keys, with the cursor on that folder.
fn sidebar_at(account: AccountView, key: i64) -> Scene {
    let mut scene = scene(account);
    scene.press("shift-tab");
    scene.app.sidebar.go_to(&Target::Mailbox(MailboxKey(key)));
    scene
}

fn change_of(account: &mut AccountView, key: i64, change: impl FnOnce(&mut Mailbox)) {
    let all = &mut account.mailboxes;
    change(all.iter_mut().find(|m| m.key == MailboxKey(key)).unwrap());
}

fn id(name: &str) -> MailboxId {
    MailboxId {
        account: AccountKey(1),
        name: name.to_owned(),
    }
}

fn changes(scene: &mut Scene) -> Vec<OpKind> {
    let commands = scene.commands().into_iter();
    let kinds = commands.filter_map(|c| match c {
        Command::Apply { kind, targets, .. } => {
            assert!(targets.is_empty() || matches!(kind, OpKind::Flags(_)));
            Some(kind)
        }
        _ => None,
    });
    kinds.collect()
}

fn created(name: &str) -> OpKind {
    OpKind::Folder(FolderChange::Create(id(name)))
}

fn renamed(from: &str, to: &str) -> OpKind {
    OpKind::Folder(FolderChange::Rename {
        from: id(from),
        to: to.to_owned(),
    })
}

fn names(scene: &Scene) -> Vec<String> {
    let rows = scene.app.sidebar.rows().iter();
    rows.map(|r| r.label.to_string()).collect()
}

fn prompt_text(scene: &Scene) -> String {
    match &scene.app.overlay {
        Some(Overlay::Prompt(prompt)) => prompt.edit.text(),
        other => panic!("no prompt: {other:?}"),
    }
}

fn question(scene: &Scene) -> (String, String) {
    match &scene.app.overlay {
        Some(Overlay::Confirm(question)) => {
            let line = question.lines.first().map(ToString::to_string);
            (question.title.to_string(), line.unwrap_or_default())
        }
        other => panic!("no question: {other:?}"),
    }
}

#[test]
fn a_folder_is_made_below_the_one_at_hand_and_shown() {
    let mut scene = sidebar_at(account(3), 17);
    scene.press("n");
    assert_eq!(prompt_text(&scene), "Projects/alpha/");
    scene.press("ctrl-w").type_text("beta");
    scene.press("enter");
    assert_eq!(changes(&mut scene), [created("Projects/beta")]);
    assert_eq!(scene.notice(), "Created folder Projects/beta");
    let row = scene.app.sidebar.current().unwrap();
    assert_eq!((row.label.as_str(), row.is_pending), ("beta", true));
    scene.press("u");
    assert!(!names(&scene).contains(&"beta".to_owned()));
}

#[test]
fn from_the_inbox_a_folder_is_made_at_the_top() {
    let mut scene = scene(account(3));
    scene.press("Fn");
    assert_eq!(prompt_text(&scene), "");
    scene.type_text("Travel").press("enter");
    assert_eq!(changes(&mut scene), [created("Travel")]);
    assert_eq!(scene.app.focus, Context::List);
}

#[test]
fn a_name_that_cannot_be_stays_in_the_line_with_the_reason() {
    let mut scene = sidebar_at(account(3), 16);
    scene.press("n enter");
    let error = |scene: &Scene| match &scene.app.overlay {
        Some(Overlay::Prompt(prompt)) => prompt.error.clone().unwrap().to_string(),
        other => panic!("no prompt: {other:?}"),
    };
    assert!(error(&scene).contains("needs a name"), "{}", error(&scene));
    scene.type_text("alpha").press("enter");
    assert!(error(&scene).contains("exists already"));
    assert_eq!(prompt_text(&scene), "Projects/alpha");
    scene.press("tab");
    assert_eq!(prompt_text(&scene), "Projects/alpha/");
    assert_eq!(changes(&mut scene), []);
}

#[test]
fn renaming_keeps_the_fold_and_the_cursor() {
    let mut scene = sidebar_at(account(3), 17);
    scene.press("za r");
    assert_eq!(prompt_text(&scene), "Projects/alpha");
    scene.press("ctrl-w").type_text("gamma");
    scene.press("enter");
    assert_eq!(
        changes(&mut scene),
        [renamed("Projects/alpha", "Projects/gamma")]
    );
    let row = scene.app.sidebar.current().unwrap();
    assert_eq!((row.label.as_str(), row.fold), ("gamma", Some(false)));
    scene.press("r enter");
    assert_eq!(scene.notice(), "The folder keeps its name");
    assert_eq!(changes(&mut scene), []);
}

#[test]
fn a_folder_is_moved_with_what_cannot_take_it_dim() {
    let mut scene = sidebar_at(account(3), 17);
    scene.press("m");
    let Some(Overlay::Picker(picker)) = &scene.app.overlay else {
        panic!("no picker");
    };
    let dim = |label: &str| {
        let item = picker.all().iter().find(|i| i.label.as_str() == label);
        item.map(|i| i.dim.as_ref().map(ToString::to_string))
    };
    assert_eq!(dim("Top level"), Some(None));
    assert_eq!(dim("Projects"), Some(Some("it is there now".to_owned())));
    assert_eq!(dim("Projects/alpha/old"), None, "not into itself");
    scene.type_text("日本").press("enter");
    let moved = changes(&mut scene);
    assert_eq!(moved, [renamed("Projects/alpha", "日本/alpha")]);
    assert_eq!(scene.app.sidebar.current().unwrap().label.as_str(), "alpha");
}

#[test]
fn where_all_lies_below_the_inbox_that_is_the_top_level() {
    let mut account = scenes::account(1, "work");
    account.mailboxes = ["INBOX", "INBOX.a", "INBOX.a.b"]
        .iter()
        .zip(11..)
        .map(|(name, key)| Mailbox {
            delimiter: Some('.'),
            ..scenes::mailbox(key, 1, name, (key == 11).then_some(Role::Inbox), 0)
        })
        .collect();
    let mut scene = sidebar_at(account, 13);
    scene.press("m").type_text("top");
    scene.press("enter");
    assert_eq!(changes(&mut scene), [renamed("INBOX.a.b", "INBOX.b")]);
}

#[test]
fn a_deleted_folder_goes_to_trash_without_asking_and_the_cursor_stays() {
    let mut scene = sidebar_at(account(3), 16);
    scene.press("d");
    let change = changes(&mut scene);
    assert_eq!(change, [renamed("Projects", "Trash/Projects")]);
    assert!(scene.app.overlay.is_none());
    assert_eq!(scene.app.sidebar.current().unwrap().label.as_str(), "日本");
    let at = names(&scene);
    let trash = at.iter().position(|n| n == "Trash").unwrap();
    assert_eq!(at[trash + 1], "Projects", "it is shown where it went");
}

#[test]
fn an_empty_folder_is_deleted_at_once_and_one_in_trash_asks_with_the_number() {
    let mut scene = sidebar_at(account(0), 19);
    scene.press("d");
    let delete = |name: &str, agreed| {
        OpKind::Folder(FolderChange::Delete {
            mailbox: id(name),
            agreed,
        })
    };
    assert_eq!(changes(&mut scene), [delete("日本", 0)]);
    let mut in_trash = account(3);
    change_of(&mut in_trash, 16, |m| m.name = "Trash/Projects".to_owned());
    change_of(&mut in_trash, 17, |m| {
        m.name = "Trash/Projects/alpha".to_owned();
    });
    let mut scene = sidebar_at(in_trash, 16);
    scene.press("d");
    let (title, line) = question(&scene);
    assert_eq!(title, "Delete the folder Trash/Projects for good?");
    assert_eq!(line, "What is in it goes with it: 6 messages and 1 folder.");
    scene.press("enter");
    assert_eq!(changes(&mut scene), []);
    scene.press("d y");
    assert_eq!(changes(&mut scene), [delete("Trash/Projects", 6)]);
}

#[test]
fn a_folder_deleted_while_it_is_shown_leads_to_the_inbox_and_can_be_undone() {
    let mut scene = scene(account(0));
    scene.app.sidebar.go_to(&Target::Mailbox(MailboxKey(19)));
    scene.press("gf").type_text("日本");
    scene.press("enter Fd");
    assert_eq!(scene.app.here, Some(Target::Mailbox(MailboxKey(11))));
    assert_eq!(scene.notice(), "Deleted folder 日本");
}

#[test]
fn emptying_asks_with_the_number_and_warns_where_it_is_unusual() {
    let mut scene = sidebar_at(account(1204), 10);
    scene.press("e");
    let (title, line) = question(&scene);
    assert_eq!(
        (title.as_str(), line.as_str()),
        ("Empty Trash?", "1,204 messages will be deleted for good.")
    );
    scene.press("y");
    assert_eq!(changes(&mut scene), [OpKind::Empty(id("Trash"))]);
    let mut scene = sidebar_at(account(3), 14);
    scene.press("e");
    let Some(Overlay::Confirm(question)) = &scene.app.overlay else {
        panic!("no question");
    };
    assert!(
        question.lines[1]
            .as_str()
            .contains("neither Trash nor Junk")
    );
    let mut scene = sidebar_at(account(0), 10);
    scene.press("e");
    assert_eq!(scene.notice(), "Not now: there is no message in it");
}

#[test]
fn a_whole_folder_is_read_at_once_and_of_several_all_in_one_step() {
    let mut scene = sidebar_at(account(3), 11);
    scene.press("a");
    assert_eq!(changes(&mut scene), [OpKind::ReadAll(id("INBOX"))]);
    let accounts = vec![scenes::account(1, "work"), scenes::account(2, "home")];
    let mut scene = Scene::with(120, 40, Settings::default(), accounts, scenes::mail());
    scene.press("Fa");
    let read = OpKind::Flags(FlagChange::one(Flag::Seen, true));
    assert_eq!(changes(&mut scene), [read]);
    assert_eq!(scene.notice(), "Marked read 2 messages");
}

#[test]
fn subscribing_goes_back_and_forth_and_says_which_it_would_be() {
    let mut scene = sidebar_at(account(3), 16);
    let title = |scene: &Scene| {
        let action = super::find("subscribe").unwrap().1;
        action.title_now(&scene.app).to_string()
    };
    assert_eq!(title(&scene), "Unsubscribe from Projects");
    scene.press("s");
    let subscribe = |on| OpKind::Folder(FolderChange::Subscribe(id("Projects"), on));
    assert_eq!(changes(&mut scene), [subscribe(false)]);
    assert_eq!(title(&scene), "Subscribe to Projects");
    scene.press("s");
    assert_eq!(changes(&mut scene), [subscribe(true)]);
}

#[test]
fn what_cannot_be_done_to_a_folder_says_why() {
    let mut scene = sidebar_at(account(3), 11);
    for key in ["r", "m", "d"] {
        scene.press(key);
        assert_eq!(scene.notice(), "Not now: the inbox stays as it is", "{key}");
    }
    let mut shared = account(3);
    change_of(&mut shared, 16, |m| m.rights = Rights::from_letters("lrs"));
    let mut scene = sidebar_at(shared, 16);
    for key in ["r", "m", "d", "e"] {
        scene.press(key);
        assert!(scene.notice().contains("does not let you"), "{key}");
    }
    scene.press("n").type_text("x");
    scene.press("enter");
    assert!(matches!(&scene.app.overlay, Some(Overlay::Prompt(p)) if p.error.is_some()));
    scene.press("esc gg r");
    assert_eq!(scene.notice(), "Not now: this is an account, not a folder");
    assert_eq!(changes(&mut scene), []);
}

#[test]
fn a_folder_renamed_elsewhere_stays_open_under_the_cursor() {
    let mut scene = scene(account(3));
    scene.press("gf").type_text("alpha");
    scene.press("enter");
    let mut other = account(3);
    change_of(&mut other, 17, |m| m.name = "Projects/omega".to_owned());
    scene.input(Input::Engine(Event::Tree(vec![other])));
    assert_eq!(scene.app.here, Some(Target::Mailbox(MailboxKey(17))));
    assert_eq!(scene.app.place_name().as_str(), "Projects/omega");
}
