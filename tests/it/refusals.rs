//! A server that says no: in the middle of a change, for want of room or rights, or because others
//! were faster.
//!
//! By the command line. What is refused is taken back here and told in the server's words; what was
//! done stays done; and nothing is tried again and again.

use crate::support::held::{Shown, ShownRow};
use crate::support::peer::LivePeer;
use crate::support::scenes::{message, named};
use crate::support::{Kind, Output, Program, Stage};
use pillarbox::demo::imap::Options;
use pillarbox::demo::{Act, Times, When};
use pillarbox::model::Role;

/// A server with three letters in the inbox, two in Work, and a program that knows them.
fn mail() -> (LivePeer, Program) {
    let live = LivePeer::start(Options::default());
    live.peer.store().create("Work", None);
    live.peer.store().create("Archive", Some(Role::Archive));
    for (mailbox, name) in [
        ("INBOX", "one"),
        ("INBOX", "two"),
        ("INBOX", "three"),
        ("Work", "far"),
        ("Work", "near"),
    ] {
        live.put(mailbox, &message(&named(name), name));
    }
    let program = live.program();
    (live, program)
}

fn shown(program: &Program, mailbox: &str) -> Vec<ShownRow> {
    let mut all = Shown::of(&program.data_dir(), "work").mailboxes;
    all.remove(mailbox).unwrap_or_default()
}

fn names(program: &Program, mailbox: &str) -> Vec<String> {
    let rows = shown(program, mailbox).into_iter();
    let mut names: Vec<String> = rows
        .map(|row| row.message_id.split('@').next().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn id(program: &Program, mailbox: &str, name: &str) -> String {
    let rows = shown(program, mailbox);
    let row = rows.iter().find(|row| row.message_id == named(name));
    row.unwrap_or_else(|| panic!("no {name} in {mailbox}: {rows:?}"))
        .id
        .to_string()
}

fn no(text: &str) -> Act {
    Act::No(text.to_owned())
}

/// The one sentence that tells of it.
fn told(output: &Output, words: &[&str]) {
    assert_eq!(output.stderr.lines().count(), 1, "{output:#?}");
    for word in words {
        assert!(
            output.stderr.contains(word),
            "{word:?} in {}",
            output.stderr
        );
    }
}

#[test]
fn a_move_that_is_refused_in_its_middle_is_done_for_the_one_part_and_taken_back_for_the_other() {
    let (live, program) = mail();
    let (one, far) = (id(&program, "INBOX", "one"), id(&program, "Work", "far"));
    live.peer
        .faults()
        .once("UID MOVE", no("[SERVERBUG] Not that one"));
    // SERVERBUG may pass, so that part is kept; a plain NO is for good.
    let output = program.run(&["move", &one, &far, "Archive"]).expect(75);
    told(&output, &["kept"]);
    live.peer.faults().clear();
    let there = live.count("Archive").unwrap();
    assert_eq!(there, 1, "the other part is done");

    let (live, program) = mail();
    let (one, far) = (id(&program, "INBOX", "one"), id(&program, "Work", "far"));
    live.peer.faults().once("UID MOVE", no("Not that one"));
    let output = program.run(&["move", &one, &far, "Archive"]).expect(1);
    told(&output, &["refused", "Not that one"]);
    assert_eq!(live.count("Archive"), Some(1), "the other part is done");
    assert_eq!(
        live.count("INBOX").unwrap() + live.count("Work").unwrap(),
        4
    );
    program.run(&["sync"]).expect(0);
    assert_eq!(
        live.said("UID MOVE"),
        2,
        "what was refused is not tried again"
    );
    let everywhere = [
        &names(&program, "INBOX")[..],
        &names(&program, "Work"),
        &names(&program, "Archive"),
    ];
    assert_eq!(everywhere.concat().len(), 5, "each once: {everywhere:?}");
}

#[test]
fn what_one_may_not_change_is_taken_back_and_told_in_the_servers_words() {
    let (live, program) = mail();
    let one = id(&program, "INBOX", "one");
    live.peer
        .faults()
        .always("UID STORE", no("[NOPERM] You may not"));
    let output = program.run(&["flag", &one, "--add", "flagged"]).expect(1);
    told(&output, &["refused", "You may not", "taken back"]);
    assert!(
        shown(&program, "INBOX")
            .iter()
            .all(|row| row.flags.is_empty())
    );
    program.run(&["sync"]).expect(0);
    assert_eq!(live.said("UID STORE"), 1, "not tried again");
}

#[test]
fn a_folder_that_became_read_only_keeps_its_messages_and_says_so() {
    let (live, program) = mail();
    let one = id(&program, "INBOX", "one");
    live.peer
        .faults()
        .always("UID MOVE", no("[READ-ONLY] Look, do not touch"));
    let output = program.run(&["archive", &one]).expect(1);
    told(&output, &["refused", "Look, do not touch"]);
    assert_eq!(names(&program, "INBOX"), ["one", "three", "two"]);
    assert_eq!(live.count("INBOX"), Some(3));
}

#[test]
fn a_message_for_which_there_is_no_room_in_the_other_account_stays_where_it_is() {
    let (live, _) = mail();
    let other = LivePeer::start(Options::default());
    let program = Program::new(&(live.account("work") + &other.account("home")));
    program.run(&["sync"]).expect(0);
    let one = id(&program, "INBOX", "one");
    other
        .peer
        .faults()
        .always("APPEND", no("[OVERQUOTA] No room"));
    let output = program.run(&["move", &one, "home/INBOX"]);
    assert!(matches!(output.code, Some(1 | 3 | 75)), "{output:?}");
    told(&output, &["No room"]);
    for _ in 0..3 {
        program.run(&["sync"]);
    }
    assert_eq!(live.count("INBOX"), Some(3), "nothing is taken away");
    assert!(
        other.said("APPEND") <= 2,
        "{} attempts",
        other.said("APPEND")
    );
    other.peer.faults().clear();
    assert_eq!(other.count("INBOX"), Some(0));
}

#[test]
fn a_role_whose_folder_went_is_made_once_and_the_move_tried_once_more() {
    let (live, program) = mail();
    let one = id(&program, "INBOX", "one");
    assert!(live.peer.store().delete("Archive"));
    let output = program.run(&["archive", &one]);
    for _ in 0..2 {
        program.run(&["sync"]);
    }
    assert!(
        live.said("CREATE") <= 1,
        "{output:?}: {} times",
        live.said("CREATE")
    );
    assert!(
        live.said("UID MOVE") <= 3,
        "{output:?}: {} times",
        live.said("UID MOVE")
    );
    let all = ["INBOX", "Archive"].map(|name| live.count(name).unwrap_or_default());
    assert_eq!(all.iter().sum::<usize>(), 3, "{output:?}: {all:?}");
}

#[test]
fn a_loop_of_trycreate_ends() {
    let (live, program) = mail();
    let one = id(&program, "INBOX", "one");
    live.peer
        .faults()
        .always("UID MOVE", no("[TRYCREATE] Make it first"));
    let output = program.run(&["archive", &one]);
    assert!(matches!(output.code, Some(1 | 75)), "{output:?}");
    for _ in 0..3 {
        program.run(&["sync"]);
    }
    assert!(live.said("CREATE") <= 1, "{} times", live.said("CREATE"));
    assert!(
        live.said("UID MOVE") <= 3,
        "{} times",
        live.said("UID MOVE")
    );
    assert_eq!(live.count("INBOX"), Some(3), "{output:?}");
}

#[test]
fn a_server_that_is_busy_is_asked_again_later_and_the_change_is_kept() {
    let (live, program) = mail();
    let one = id(&program, "INBOX", "one");
    let busy = When::Command("UID STORE".to_owned());
    live.peer
        .faults()
        .add(busy, no("[INUSE] Come back later"), Times::Always);
    let output = program.run(&["flag", &one, "--add", "flagged"]).expect(75);
    told(&output, &["Come back later", "kept"]);
    for _ in 0..3 {
        program.run(&["sync"]);
    }
    assert_eq!(live.said("UID STORE"), 1, "later, not at once");
    let row = &shown(&program, "INBOX")
        .into_iter()
        .find(|r| r.message_id == named("one"));
    assert_eq!(row.as_ref().unwrap().flags, ["\\flagged"], "it still shows");
}

/// A stage with the usual mail, and its first user's letters by name.
fn stage() -> Stage {
    let stage = Stage::new(Kind::Full, 1);
    crate::support::scenes::usual_mail(&stage);
    stage
}

#[test]
fn a_message_that_others_removed_is_told_once_and_nothing_else_is_touched() {
    for change in [&["move"][..], &["copy"], &["delete"]] {
        let stage = stage();
        let [two, three] = ["two", "three"].map(|name| stage.id("INBOX", &named(name)));
        let mut args = change.to_vec();
        args.extend([two.as_str(), &three]);
        if change != ["delete"] {
            args.push("Work");
        }
        args.push("--offline");
        stage.run(&args);
        let mut client = stage.dovecot.client(&stage.users[0]);
        client.store("INBOX", 2, "+\\Deleted");
        client.run("EXPUNGE");
        client.leave();
        let before = stage.held()[0].mailboxes["INBOX"].len();
        let first = stage.program.run(&["sync"]);
        stage.settle().unwrap();
        let again = stage.program.run(&["sync"]).expect(0);
        assert_eq!(again.stderr, "", "told once: {first:?}");
        let held = stage.held();
        assert_eq!(stage.differences(&held), "");
        let there = |mailbox: &str, name: &str| {
            let letters = held[0].mailboxes[mailbox].values();
            letters.filter(|l| l.message_id == named(name)).count()
        };
        // Another letter of that name was in Work before.
        assert_eq!(there("Work", "two"), 1, "{change:?}");
        assert_eq!(there("Work", "three"), usize::from(change != ["delete"]));
        let is_copy = change == ["copy"];
        assert_eq!(there("INBOX", "three"), usize::from(is_copy), "{change:?}");
        let left = held[0].mailboxes["INBOX"].len();
        assert_eq!(left, if is_copy { before } else { before - 1 });
    }
}

#[test]
fn a_move_that_waited_while_its_folder_was_renumbered_reaches_the_right_message() {
    let stage = stage();
    let far = stage.id("Work", &named("far"));
    stage.run(&["move", &far, "Archive", "--offline"]);
    let mut client = stage.dovecot.client(&stage.users[0]);
    for command in [
        "CREATE New",
        "SELECT Work",
        "UID COPY 2 New",
        "UID COPY 1 New",
        "SELECT INBOX",
        "DELETE Work",
        "RENAME New Work",
    ] {
        client.run(command);
    }
    client.leave();
    stage.program.run(&["sync"]);
    stage.settle().unwrap();
    let held = &stage.held()[0];
    let ids = |name: &str| -> Vec<String> {
        let letters = held.mailboxes[name].values();
        letters.map(|l| l.message_id.clone()).collect()
    };
    assert_eq!(ids("Archive"), [named("far")]);
    assert_eq!(ids("Work"), [named("two")]);
}

#[test]
fn a_move_out_of_or_into_a_folder_that_others_deleted_is_told_and_loses_nothing_that_is_left() {
    for is_source in [true, false] {
        let stage = stage();
        let (mailbox, name, to) = match is_source {
            true => ("Work", "far", "Archive"),
            false => ("INBOX", "three", "Work"),
        };
        let id = stage.id(mailbox, &named(name));
        stage.run(&["move", &id, to, "--offline"]);
        let mut client = stage.dovecot.client(&stage.users[0]);
        client.run("DELETE Work");
        client.leave();
        stage.program.run(&["sync"]);
        stage.settle().unwrap();
        let held = stage.held();
        assert_eq!(stage.differences(&held), "", "{is_source}");
        let all = held[0]
            .mailboxes
            .values()
            .flat_map(|letters| letters.values());
        let there = all.filter(|l| l.message_id == named(name)).count();
        assert_eq!(there, usize::from(!is_source), "{is_source}");
        let refused = crate::support::held::refused(&stage.data_dir());
        assert!(is_source || !held[0].mailboxes.contains_key("Work") || refused.is_empty());
        assert_eq!(refused.len(), 1, "{is_source}: {refused:?}");
    }
}

#[test]
fn messages_with_one_id_and_other_content_are_never_taken_for_one_another() {
    for kind in [Kind::Full, Kind::Plain] {
        let stage = Stage::new(kind, 1);
        for (mailbox, subject) in [
            ("INBOX", "First"),
            ("INBOX", "Second"),
            ("Archive", "Third"),
        ] {
            stage.put(mailbox, "", &message(&named("same"), subject));
        }
        stage.run(&["sync"]);
        let rows = stage.shown(0).mailboxes["INBOX"].clone();
        assert_eq!(rows.len(), 2);
        for row in &rows {
            stage.run(&["archive", &row.id.to_string()]);
        }
        stage.settle().unwrap();
        let held = stage.held();
        assert_eq!(stage.differences(&held), "");
        let kept: std::collections::BTreeSet<u64> = held[0].mailboxes["Archive"]
            .values()
            .map(|l| l.hash)
            .collect();
        assert_eq!(kept.len(), 3, "{kind:?}: all three texts");
        assert_eq!(held[0].mailboxes["INBOX"].len(), 0);
    }
}
