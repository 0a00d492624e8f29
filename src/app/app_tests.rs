//! Keystrokes in scenes: what the user presses, what is asked of the engine, what is said.

use super::scenes::{self, Scene, placed};
use super::{
    Body, Context, Effect, Headers, Input, Mouse, MouseKind, Overlay, Settings, Target, Token,
};
use crate::bus::{Command, Event, Form, Link, Problem, RequestId};
use crate::model::{Flag, FlagChange, MailboxKey, OpKind, Role, Safe, Scope};

fn two_accounts() -> Scene {
    let accounts = vec![scenes::account(1, "work"), scenes::account(2, "home")];
    Scene::with(120, 40, Settings::default(), accounts, scenes::mail())
}

fn changes(scene: &mut Scene) -> Vec<(OpKind, usize)> {
    let commands = scene.commands().into_iter();
    commands
        .filter_map(|c| match c {
            Command::Apply { kind, targets, .. } => Some((kind, targets.len())),
            _ => None,
        })
        .collect()
}

fn seen(on: bool) -> OpKind {
    OpKind::Flags(FlagChange::one(Flag::Seen, on))
}

fn click(scene: &mut Scene, x: u16, y: u16) {
    scene.input(Input::Mouse(Mouse {
        kind: MouseKind::Down,
        x,
        y,
    }));
}

fn is_mark_read(token: &Token) -> bool {
    matches!(token, Token::MarkRead(_))
}

#[test]
fn the_start_shows_the_inbox_and_watches_it() {
    let mut scene = Scene::new(120, 40);
    assert_eq!(scene.app.here, Some(Target::Mailbox(MailboxKey(11))));
    let commands = scene.commands();
    assert!(commands.contains(&Command::LookAt(Some(MailboxKey(11)))));
    let scene = two_accounts();
    assert_eq!(scene.app.list.view().scope, Scope::Role(Role::Inbox));
}

#[test]
fn a_message_opened_is_read_at_once_and_one_previewed_after_a_while() {
    let mut scene = Scene::new(120, 40);
    scene.press("j");
    assert_eq!(changes(&mut scene), []);
    // A timer of the message that was left says nothing about this one.
    scene.time_out(is_mark_read);
    let mut scene = Scene::new(120, 40);
    scene.time_out(is_mark_read);
    assert_eq!(changes(&mut scene), [(seen(true), 1)]);
    let mut scene = Scene::new(120, 40);
    scene.press("j enter");
    assert_eq!(changes(&mut scene), [(seen(true), 1)]);
    assert_eq!(scene.notice(), "", "reading is not worth a notice");
    scene.press("U");
    assert_eq!(changes(&mut scene), [(seen(false), 1)]);
    scene.press("esc");
    assert_eq!(changes(&mut scene), [], "it stays unread");
}

#[test]
fn nothing_is_marked_where_the_user_said_never_or_the_text_is_not_here() {
    let settings = Settings {
        mark_read_after: None,
        ..Settings::default()
    };
    let accounts = vec![scenes::account(1, "work")];
    let mut scene = Scene::with(120, 40, settings, accounts, scenes::mail());
    scene.press("enter");
    scene.time_out(is_mark_read);
    assert_eq!(changes(&mut scene), []);
    let mut scene = Scene::new(120, 40);
    scene.is_answering = false;
    scene.press("j enter");
    let request = scene.app.reader.asked.unwrap().request;
    let why = Safe::fixed("not downloaded yet, and the server cannot be reached");
    scene.input(Input::Engine(Event::Unavailable {
        request,
        why: why.clone(),
    }));
    assert_eq!(scene.app.reader.body, Body::Unavailable(why));
    assert_eq!(changes(&mut scene), []);
}

#[test]
fn a_change_is_told_with_its_undo_and_u_asks_for_it() {
    let mut scene = Scene::new(80, 24);
    scene.press("j j s");
    assert_eq!(scene.notice(), "Starred message");
    let starred = OpKind::Flags(FlagChange::one(Flag::Flagged, true));
    assert_eq!(changes(&mut scene), [(starred.clone(), 1)]);
    scene.press("u");
    assert!(
        scene
            .commands()
            .iter()
            .any(|c| matches!(c, Command::Undo { .. }))
    );
    assert_eq!(scene.notice(), "Undone: starred message");
    scene.press("j .");
    assert_eq!(changes(&mut scene), [(starred, 1)]);
}

#[test]
fn selected_messages_change_together_and_then_none_is_selected() {
    let mut scene = Scene::new(80, 24);
    scene.press("3 j x x space");
    assert_eq!(scene.app.list.selected().len(), 3);
    scene.press("s");
    assert_eq!(changes(&mut scene).last().map(|c| c.1), Some(3));
    assert!(scene.app.list.selected().is_empty());
}

#[test]
fn tags_are_typed_completed_and_refused_with_a_reason() {
    let mut scene = Scene::new(80, 24);
    scene.press("4 j t").type_text("ops -later");
    scene.press("enter");
    let all = changes(&mut scene);
    let [(OpKind::Flags(change), 1)] = all.as_slice() else {
        panic!("{all:?}");
    };
    assert_eq!(
        (change.add.words(), change.remove.words()),
        ("ops".into(), "later".into())
    );
    // The tag is known now.
    scene.press("t o tab enter");
    let all = changes(&mut scene);
    assert!(
        matches!(&all[..], [(OpKind::Flags(c), 1)] if c.add.words() == "ops"),
        "{all:?}"
    );
    scene.press("t").type_text("(x)");
    scene.press("enter");
    let Some(Overlay::Prompt(prompt)) = &scene.app.overlay else {
        panic!("the prompt is gone");
    };
    assert!(
        prompt
            .error
            .as_ref()
            .unwrap()
            .as_str()
            .contains("cannot be a tag")
    );
    assert_eq!(prompt.edit.text(), "(x)");
}

#[test]
fn esc_goes_one_step_back_each_time_and_never_quits() {
    let mut scene = Scene::new(80, 24);
    scene.press("/ b o b enter x enter ) g");
    scene.press("esc");
    assert!(scene.app.pending.is_empty() && scene.app.reader.link == Some(0));
    scene.press("esc");
    assert_eq!(scene.app.reader.link, None);
    scene.press("esc");
    assert_eq!(scene.app.focus, Context::List);
    assert_eq!(scene.app.list.selected().len(), 1);
    scene.press("esc");
    assert!(scene.app.list.selected().is_empty() && scene.app.user_filter.is_some());
    scene.press("esc");
    assert!(scene.app.user_filter.is_none());
    scene.effects.clear();
    scene.press("esc esc esc");
    assert!(!scene.effects.contains(&Effect::Quit));
    scene.press("q");
    assert!(scene.effects.contains(&Effect::Quit));
}

#[test]
fn quitting_asks_when_changes_wait_and_says_that_they_are_kept() {
    let mut account = scenes::account(1, "work");
    account.pending = 2;
    let mut scene = Scene::with(80, 24, Settings::default(), vec![account], scenes::mail());
    scene.press("Q");
    let Some(Overlay::Confirm(question)) = &scene.app.overlay else {
        panic!("no question");
    };
    assert_eq!(
        question.lines[0].as_str(),
        "2 changes have not reached the server yet."
    );
    scene.press("esc");
    assert!(!scene.effects.contains(&Effect::Quit));
    scene.press("Q enter");
    assert_eq!(scene.effects.last(), Some(&Effect::Quit));
}

#[test]
fn typing_a_search_filters_when_it_pauses_and_esc_brings_all_back() {
    let mut scene = Scene::new(120, 40);
    let all = scene.app.list.total();
    scene.press("/").type_text("bob");
    assert_eq!(scene.app.list.total(), all, "not while one types");
    scene.time_out(|t| matches!(t, Token::Refilter(_)));
    assert_eq!(scene.app.list.total(), 1);
    scene.press("esc");
    assert_eq!(scene.app.list.total(), all);
    scene.press("/").type_text("patch");
    scene.press("enter n n");
    assert_eq!((scene.app.list.total(), scene.app.list.cursor()), (32, 2));
    // After Esc, `n` brings the last search back.
    scene.press("esc n");
    assert_eq!(scene.app.list.total(), 32);
}

#[test]
fn a_kind_of_message_is_shown_by_two_keys() {
    let mut scene = Scene::new(120, 40);
    scene.press("\\ u");
    assert_eq!(scene.app.list.total(), 2);
    assert_eq!(scene.app.filter_text.as_str(), "unread");
    scene.press("g s");
    assert_eq!(
        scene.app.filter_text.as_str(),
        "",
        "another place, no filter"
    );
    assert_eq!(scene.app.list.total(), 1);
    scene.press("\\ u esc");
    assert_eq!(scene.app.list.total(), 1, "what the place demands stays");
}

#[test]
fn folders_are_reached_by_key_by_name_and_by_neighbour() {
    let mut scene = two_accounts();
    scene.press("gf").type_text("home alpha");
    scene.press("enter");
    assert_eq!(scene.app.here, Some(Target::Mailbox(MailboxKey(27))));
    assert_eq!(scene.app.focus, Context::List);
    scene.press("gt");
    assert_eq!(scene.app.here, Some(Target::Mailbox(MailboxKey(23))));
    scene.press("J");
    assert_eq!(scene.app.here, Some(Target::Mailbox(MailboxKey(24))));
    assert_eq!(
        scene.app.focus,
        Context::List,
        "the sidebar does not take the keys"
    );
    scene.press("gu");
    assert_eq!(scene.app.here, Some(Target::Role(Role::Inbox)));
    scene.press("@").type_text("work");
    scene.press("enter");
    assert_eq!(scene.app.here, Some(Target::Mailbox(MailboxKey(11))));
    scene.press("g#");
    assert_eq!(scene.notice(), "This account has no folder for Trash");
}

#[test]
fn the_tree_folds_and_opens_by_key() {
    let mut scene = Scene::new(120, 40);
    let names = |scene: &Scene| {
        let rows = scene.app.sidebar.rows().iter();
        rows.map(|r| r.label.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    scene.press("shift-tab");
    assert_eq!(scene.app.focus, Context::Sidebar);
    scene.press("5 j za");
    assert_eq!(
        names(&scene),
        "work Inbox Drafts Sent Archive Junk Projects 日本"
    );
    scene.press("za j enter");
    assert_eq!(scene.app.here, Some(Target::Mailbox(MailboxKey(17))));
    assert_eq!(scene.app.focus, Context::List);
}

#[test]
fn reading_goes_on_from_message_to_message() {
    let mut scene = Scene::new(80, 24);
    scene.press("3 j enter");
    let first = scene.app.reader.placed;
    assert_eq!(first, Some(placed(6)));
    scene.press("j");
    assert_eq!(scene.app.reader.placed, Some(placed(7)));
    assert!(matches!(scene.app.reader.body, Body::Here(_)));
    scene.press("k k k k");
    assert_eq!(scene.app.reader.placed, Some(placed(1)));
    scene.press("k");
    assert_eq!(scene.notice(), "This is the first message");
    scene.press("]");
    assert_eq!(
        scene.notice(),
        "No unread message further down",
        "all were read on the way"
    );
}

#[test]
fn neighbours_that_are_not_here_are_fetched_ahead() {
    let mut mail = scenes::mail();
    mail[4].is_here = false;
    let accounts = vec![scenes::account(1, "work")];
    let mut scene = Scene::with(120, 40, Settings::default(), accounts, mail);
    scene.press("j");
    assert!(
        scene
            .commands()
            .contains(&Command::Prefetch(vec![placed(5)]))
    );
}

#[test]
fn a_preview_that_is_no_longer_wanted_is_cancelled_and_never_shown() {
    let mut scene = Scene::new(120, 40);
    scene.is_answering = false;
    scene.effects.clear();
    scene.press("j");
    let old = scene.app.reader.asked.unwrap().request;
    scene.press("j j j");
    scene.time_out(|t| matches!(t, Token::Preview(_)));
    let commands = scene.commands();
    let opened = commands
        .iter()
        .filter(|c| matches!(c, Command::OpenMessage { .. }))
        .count();
    assert_eq!(
        opened, 2,
        "one for the first step and one for where it ended"
    );
    assert!(commands.contains(&Command::Cancel(old)));
    scene.input(Input::Engine(Event::Message {
        request: old,
        placed: placed(4),
        reading: Box::new(scenes::reading()),
        progress: None,
    }));
    assert_eq!(scene.app.reader.body, Body::Loading);
}

#[test]
fn headers_source_and_the_other_form_are_one_key_each() {
    let mut scene = Scene::new(120, 40);
    scene.press("enter H");
    assert_eq!(scene.app.reader.headers, Headers::Full);
    scene.press("H");
    assert_eq!(scene.app.reader.source.len(), 3);
    scene.press("H =");
    let forms: Vec<Form> = scene
        .commands()
        .into_iter()
        .filter_map(|c| match c {
            Command::OpenMessage { form, .. } => Some(form),
            _ => None,
        })
        .collect();
    assert_eq!(forms.last(), Some(&Form::Plain));
}

#[test]
fn a_link_is_opened_only_after_its_target_was_shown() {
    let mut scene = Scene::new(120, 40);
    scene.press("enter ) enter");
    assert!(
        !scene
            .effects
            .iter()
            .any(|e| matches!(e, Effect::OpenUrl(_)))
    );
    scene.press("enter");
    let url = "https://wiki.example.com/launch/plan?rev=7".to_owned();
    assert!(scene.effects.contains(&Effect::OpenUrl(url.clone())));
    scene.press("gx 2");
    let Some(Overlay::Confirm(question)) = &scene.app.overlay else {
        panic!("no question");
    };
    assert_eq!(
        question.warning.as_ref().unwrap().as_str(),
        "Careful: the text says example.com"
    );
    scene.press("esc gx y");
    assert!(scene.effects.contains(&Effect::Copy(url)));
    scene.press("9 gx");
    assert_eq!(scene.notice(), "There is no link with that number");
}

#[test]
fn attachments_are_saved_one_or_all() {
    let mut scene = Scene::new(120, 40);
    scene.press("enter A j s S");
    let saves: Vec<usize> = scene
        .commands()
        .into_iter()
        .filter_map(|c| match c {
            Command::Save {
                parts,
                folder: None,
                ..
            } => Some(parts.len()),
            _ => None,
        })
        .collect();
    assert_eq!(saves, [1, 2]);
    assert_eq!(scene.app.jobs.len(), 2);
    let request = *scene.app.jobs.keys().next().unwrap();
    let files = vec!["/home/ann/budget 2026.ods".into()];
    scene.input(Input::Engine(Event::Saved { request, files }));
    assert_eq!(scene.notice(), "Saved /home/ann/budget 2026.ods");
    // The other one is stopped.
    scene.press("gj j x");
    assert!(matches!(scene.commands().last(), Some(Command::Cancel(_))));
    assert!(scene.app.jobs.is_empty());
}

#[test]
fn what_one_wants_to_paste_elsewhere_is_two_keys_away() {
    let mut scene = Scene::new(120, 40);
    for (key, text) in [
        ("a", "alice@example.com"),
        ("s", "Re: Q2 launch plan"),
        ("i", "plan-7@example.com"),
    ] {
        scene.press(&format!("y {key}"));
        assert!(
            scene.effects.contains(&Effect::Copy(text.to_owned())),
            "{text}"
        );
    }
}

#[test]
fn a_failed_change_is_told_with_what_to_do() {
    let mut scene = Scene::new(80, 24);
    scene.is_answering = false;
    scene.press("s");
    let commands = scene.commands();
    let request = commands.iter().find_map(|c| match c {
        Command::Apply { request, .. } => Some(*request),
        _ => None,
    });
    scene.input(Input::Engine(Event::Failed {
        request: request.unwrap(),
        problem: Problem {
            account: None,
            summary: Safe::fixed("The disk is full"),
            hint: Safe::fixed("make room and try again"),
        },
    }));
    assert_eq!(scene.notice(), "The disk is full");
    scene.press("esc");
    assert_eq!(scene.notice(), "");
}

#[test]
fn connections_count_down_and_are_told_in_words() {
    let mut account = scenes::account(1, "work");
    account.link = Link::Waiting {
        is_put_off: false,
        secs: 12,
        why: Safe::fixed("no network"),
    };
    let mut scene = Scene::with(80, 24, Settings::default(), vec![account], Vec::new());
    assert_eq!(scene.app.tick_ms(), 1_000);
    scene.input(Input::Tick {
        now_secs: scenes::NOW + 5,
        monotonic_ms: 6_000,
    });
    let text = scene.app.link_text(&scene.app.accounts[0]);
    assert_eq!(text.as_str(), "offline, retry in 7 s (no network)");
    scene.press("gO");
    assert!(scene.commands().contains(&Command::SetOffline(true)));
    scene.press("gm i");
    assert!(
        scene
            .commands()
            .iter()
            .any(|c| matches!(c, Command::SetMode { .. }))
    );
}

#[test]
fn actions_run_by_name_and_by_plain_words() {
    let mut scene = Scene::new(120, 40);
    scene.press(":").type_text("sync-all");
    scene.press("enter");
    assert!(scene.commands().contains(&Command::SyncNow(None)));
    scene.press(":").type_text("12");
    scene.press("enter");
    assert_eq!(scene.app.list.cursor(), 11);
    scene.press(":").type_text("frobnicate");
    scene.press("enter");
    let Some(Overlay::Prompt(prompt)) = &scene.app.overlay else {
        panic!("the line is lost");
    };
    assert!(
        prompt
            .error
            .as_ref()
            .unwrap()
            .as_str()
            .contains("frobnicate")
    );
    scene.press("esc ctrl-k").type_text("star or");
    scene.press("enter");
    assert_eq!(scene.notice(), "Starred message");
}

#[test]
fn the_mouse_opens_folders_and_messages_presses_hints_and_drags() {
    let mut scene = Scene::new(120, 40);
    let panes = scene.app.panes();
    click(&mut scene, panes.list.x + 5, panes.list.y + 3);
    assert_eq!(scene.app.list.cursor(), 3);
    click(&mut scene, panes.list.x + 5, panes.list.y + 3);
    assert_eq!(scene.app.focus, Context::Reader);
    click(&mut scene, 3, panes.sidebar.y + 3);
    assert_eq!(scene.app.here, Some(Target::Mailbox(MailboxKey(13))));
    let hints = super::hints(&scene.app, 120);
    let help = hints.last().unwrap();
    click(&mut scene, help.x, panes.hints.y);
    assert!(matches!(scene.app.overlay, Some(Overlay::Help(_))));
    click(&mut scene, 0, 0);
    assert!(scene.app.overlay.is_none());
    let line = scene.app.panes().split_line;
    click(&mut scene, line.x + 2, line.y);
    scene.input(Input::Mouse(Mouse {
        kind: MouseKind::Drag,
        x: line.x,
        y: line.y + 6,
    }));
    scene.input(Input::Mouse(Mouse {
        kind: MouseKind::Up,
        x: line.x,
        y: line.y + 6,
    }));
    assert_eq!(scene.app.panes().split_line.y, line.y + 6);
    let wheel = MouseKind::WheelDown;
    scene.input(Input::Mouse(Mouse {
        kind: wheel,
        x: panes.list.x,
        y: panes.list.y,
    }));
    assert_eq!(scene.app.list.top(), 3);
}

#[test]
fn the_line_of_keys_always_ends_with_palette_and_help() {
    for cols in [24, 40, 80, 120, 200] {
        let scene = Scene::new(cols, 24);
        let hints = super::hints(&scene.app, cols);
        let last: Vec<&str> = hints.iter().rev().take(2).map(|h| h.key.as_str()).collect();
        assert_eq!(last, ["?", "Ctrl-K"], "{cols}");
        assert!(hints.iter().all(|h| h.x + h.w <= cols));
    }
}

#[test]
fn a_folder_that_vanishes_leads_to_the_inbox() {
    let mut scene = Scene::new(120, 40);
    scene.press("gd");
    let mut account = scenes::account(1, "work");
    account.mailboxes.remove(1);
    scene.input(Input::Engine(Event::Tree(vec![account])));
    assert_eq!(scene.app.here, Some(Target::Mailbox(MailboxKey(11))));
    assert_eq!(scene.notice(), "The folder is gone; here is the inbox");
}

#[test]
fn news_leaves_a_search_through_all_folders_and_what_is_read_in_it_alone() {
    let mut scene = Scene::new(120, 40);
    scene.press("g /").type_text("plan").press("enter enter");
    let read = scene.app.reader.placed;
    assert!(read.is_some());
    scene.input(Input::Engine(Event::Tree(vec![scenes::account(1, "work")])));
    assert_eq!(scene.app.list.view().scope, Scope::Everywhere(None));
    assert_eq!(scene.app.reader.placed, read);
    assert_eq!(scene.app.focus, Context::Reader);
}

#[test]
fn a_busy_engine_gives_a_change_back_with_a_sentence() {
    let mut scene = Scene::new(80, 24);
    let command = Command::Undo {
        request: RequestId(99),
    };
    scene.input(Input::Refused(command));
    assert_eq!(scene.notice(), "The engine is busy; nothing was changed");
}
