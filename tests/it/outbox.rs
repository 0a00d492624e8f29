//! Every stage of sending with everything that can go wrong there, by the real program.
//!
//! What the server took is what was delivered. Whatever happens, nobody gets a message twice without
//! the user's word, none is lost, and none is called sent that was not.

use crate::support::post::Sending;
use crate::support::{closed_port, peak, wait_until};
use pillarbox::demo::smtp::Options as Offer;
use pillarbox::demo::{Act, Times, When};
use std::fs;

const LETTER: &str =
    "From: Ann <ann@example.org>\nTo: bo@there.test\nSubject: Greetings\n\nHello Bo.\n";
/// So large that its end is not sent before its beginning is answered.
const LARGE: usize = 12 * 1024 * 1024;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    DropBefore,
    DropAfter,
    NotNow,
    Never,
    Closing,
    Garbage,
    Silence,
    KillBefore,
    KillAfter,
}

const FAULTS: [Fault; 9] = [
    Fault::DropBefore,
    Fault::DropAfter,
    Fault::NotNow,
    Fault::Never,
    Fault::Closing,
    Fault::Garbage,
    Fault::Silence,
    Fault::KillBefore,
    Fault::KillAfter,
];

impl Fault {
    fn act(self) -> Act {
        match self {
            Self::DropBefore => Act::DropBefore,
            Self::DropAfter => Act::DropAfter,
            Self::NotNow => Act::No("451 4.3.0 Later".into()),
            Self::Never => Act::No("554 5.7.1 Never".into()),
            Self::Closing => Act::Bye("Closing".into()),
            Self::Garbage => Act::Say("boo\r\n".into()),
            Self::Silence | Self::KillBefore => Act::Stall,
            Self::KillAfter => Act::Hold,
        }
    }

    const fn is_kill(self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter)
    }
}

/// How a message stands after a fault: in the outbox, and with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    state: &'static str,
    code: i32,
    taken: usize,
}

const QUEUED: End = End {
    state: "queued",
    code: 75,
    taken: 0,
};
const FAILED: End = End {
    state: "failed",
    code: 1,
    taken: 0,
};
const LOST: End = End {
    state: "unconfirmed",
    code: 75,
    taken: 0,
};
const UNTOLD: End = End { taken: 1, ..LOST };
const SENT: End = End {
    state: "none",
    code: 0,
    taken: 1,
};

/// What must come of a fault at a stage.
fn expected(stage: &str, fault: Fault) -> End {
    match (stage, fault) {
        ("QUIT", _) => SENT,
        (".", Fault::NotNow | Fault::Closing) => QUEUED,
        ("MAIL" | "RCPT" | "DATA" | "BODY" | ".", Fault::Never) => FAILED,
        (".", Fault::DropAfter | Fault::Garbage | Fault::KillAfter) => UNTOLD,
        // A server that reads and says nothing gets the end, too.
        (".", _) | ("BODY", Fault::Silence) => LOST,
        _ => QUEUED,
    }
}

/// One case from its beginning to its end.
fn run(stage: &'static str, fault: Fault) {
    let case = format!("{stage} {fault:?}");
    let sending = Sending::new(Offer::default());
    let file = sending.program.folder().join("letter.eml");
    let mut letter = LETTER.to_owned();
    if stage == "BODY" {
        let line = "A line of text. ".repeat(60) + "\n";
        letter.push_str(&line.repeat(LARGE / line.len()));
    }
    fs::write(&file, letter).unwrap();
    let args = ["send", "letter.eml"];
    let faults = sending.post.peer.faults();
    match stage {
        "greeting" => faults.add(When::Connect, fault.act(), Times::Once),
        stage => faults.once(stage, fault.act()),
    }
    let end = expected(stage, fault);
    if fault.is_kill() {
        let mut child = sending.program.spawn(&args);
        wait_until(&case, || {
            faults.is_done() && sending.post.taken().len() == end.taken
        });
        child.kill().unwrap();
        child.wait().unwrap();
        faults.release();
    } else {
        let said = sending.program.run(&args);
        assert_eq!(said.code, Some(end.code), "{case}: {said:#?}");
        assert!(faults.is_done(), "{case}");
        let is_told = !said.stderr.is_empty();
        assert_eq!(is_told, end.code != 0, "{case}: {said:#?}");
    }
    faults.clear();
    // After a kill nothing was wrong with the server; and who syncs asks to be let in again.
    let is_refused = (stage, fault) == ("AUTH", Fault::Never);
    let is_queued_anew = (fault.is_kill() || is_refused) && end == QUEUED;
    if is_queued_anew && stage == "BODY" && sending.state() == LOST.state {
        // It had sent its end before the blow came.
        return judge(&sending, LOST, &case);
    }
    if is_queued_anew {
        // It is due at once.
        assert_eq!(sending.state(), "queued", "{case}");
        sending.program.run(&["sync"]).expect(0);
        return judge(&sending, SENT, &case);
    }
    judge(&sending, end, &case);
}

/// Holds a case against what must come of it, and lets the user decide about the rest.
fn judge(sending: &Sending, end: End, case: &str) {
    let taken = || sending.post.taken().len();
    let state = sending.state();
    // One that was killed after it was sent is still to be filed.
    let is_filing = end == SENT && state == "sending";
    assert!(state == end.state || is_filing, "{case}: {state}");
    assert_eq!(taken(), end.taken, "{case}");
    // What only waits for its next try is tried by a sync; what the user has to decide is not touched.
    sending.program.run(&["sync"]).expect(0);
    let is_waiting = end.state == "queued";
    let after = if is_waiting { 1 } else { end.taken };
    assert_eq!(taken(), after, "{case}: after a sync");
    match end.state {
        "none" => {}
        "queued" => assert_eq!(sending.copies(), 1, "{case}: one copy"),
        "unconfirmed" if end.taken == 1 => {
            assert_eq!(sending.state(), "unconfirmed", "{case}");
            sending.program.run(&["outbox", "cancel", "1"]).expect(0);
        }
        _ => {
            sending.program.run(&["outbox", "retry", "1"]).expect(0);
            assert_eq!(sending.copies(), 1, "{case}: one copy");
        }
    }
    assert_eq!(sending.state(), "none", "{case}");
    assert_eq!(taken(), 1, "{case}: once");
    sending.program.run(&["sync"]).expect(0);
    assert_eq!(taken(), 1, "{case}: once, later too");
    assert!(sending.copies() <= 1, "{case}");
}

/// All faults of a stage; says how many there were.
fn all(stage: &'static str, wanted: impl Fn(Fault) -> bool) {
    let faults: Vec<Fault> = FAULTS.into_iter().filter(|fault| wanted(*fault)).collect();
    for fault in &faults {
        run(stage, *fault);
    }
    println!("outbox, {stage}: {} cases", faults.len());
}

#[test]
fn nothing_is_lost_or_doubled_by_what_goes_wrong_at_the_greeting() {
    all("greeting", |fault| fault != Fault::KillAfter);
}

#[test]
fn nothing_is_lost_or_doubled_by_what_goes_wrong_at_ehlo() {
    all("EHLO", |_| true);
}

#[test]
fn nothing_is_lost_or_doubled_by_what_goes_wrong_at_auth() {
    all("AUTH", |_| true);
}

#[test]
fn nothing_is_lost_or_doubled_by_what_goes_wrong_at_mail() {
    all("MAIL", |_| true);
}

#[test]
fn nothing_is_lost_or_doubled_by_what_goes_wrong_at_rcpt() {
    all("RCPT", |_| true);
}

#[test]
fn nothing_is_lost_or_doubled_by_what_goes_wrong_at_data() {
    all("DATA", |_| true);
}

#[test]
fn nothing_is_lost_or_doubled_by_what_goes_wrong_inside_of_the_message() {
    all("BODY", |fault| fault != Fault::KillAfter);
}

#[test]
fn nothing_is_lost_or_doubled_by_what_goes_wrong_at_the_end_of_the_message() {
    all(".", |_| true);
}

#[test]
fn nothing_is_lost_or_doubled_by_what_goes_wrong_at_the_farewell() {
    all("QUIT", |_| true);
}

#[test]
fn nothing_is_sent_where_there_is_no_server() {
    let sending = Sending::new(Offer::default());
    let config = sending.config();
    let port = format!("port = {}\n", sending.post.port);
    sending
        .program
        .write_config(&config.replace(&port, &format!("port = {}\n", closed_port())));
    sending.send(LETTER).expect(75);
    sending.program.write_config(&config);
    judge(&sending, QUEUED, "no server");
}

#[test]
fn nothing_is_sent_where_the_connection_does_not_become_safe() {
    let mut cases = 0;
    for fault in FAULTS.into_iter().filter(|fault| !fault.is_kill()) {
        let mut offer = Offer::default();
        offer.capabilities.push("STARTTLS".to_owned());
        let sending = Sending::new(offer);
        let config = sending.config();
        let (head, outgoing) = config.split_once("[accounts.work.smtp]").unwrap();
        let safe = outgoing.replace("\"none\"", "\"starttls\"");
        sending
            .program
            .write_config(&format!("{head}[accounts.work.smtp]{safe}"));
        sending.post.peer.faults().once("STARTTLS", fault.act());
        let case = format!("STARTTLS {fault:?}");
        let said = sending.send(LETTER);
        assert_eq!(said.code, Some(75), "{case}: {said:#?}");
        let log = sending.post.peer.log();
        let is_secret = |line: &String| line.starts_with("AUTH") || line.starts_with("MAIL");
        assert!(!log.iter().any(is_secret), "{case}: {log:?}");
        sending.post.peer.faults().clear();
        sending.program.write_config(&config);
        judge(&sending, QUEUED, &case);
        cases += 1;
    }
    println!("outbox, STARTTLS: {cases} cases");
}

/// A message to two, of whom the server treats one otherwise.
fn to_two(refusal: &str) -> Sending {
    Sending::new(Offer {
        refusals: vec![("cy@there.test".to_owned(), refusal.to_owned())],
        ..Offer::default()
    })
}

const TO_TWO: &str =
    "From: ann@example.org\nTo: bo@there.test, cy@there.test\nSubject: Both\n\nHello.\n";

#[test]
fn who_is_refused_is_named_and_who_has_it_never_gets_it_again() {
    let sending = to_two("550 5.1.1 No such user");
    let said = sending.send(TO_TWO).expect(1);
    assert!(
        said.stderr
            .contains("cy@there.test (550 5.1.1 No such user)"),
        "{said:#?}"
    );
    let row = &sending.outbox()[0];
    assert_eq!(
        (row["state"].as_str(), &row["to"]),
        (Some("failed"), &serde_json::json!(["cy@there.test"]))
    );
    assert_eq!(sending.post.given(), [("bo@there.test".to_owned(), 1)]);
    assert_eq!(sending.copies(), 1, "the copy is filed all the same");
    sending.program.run(&["outbox", "retry", "1"]).expect(1);
    assert_eq!(sending.post.given(), [("bo@there.test".to_owned(), 1)]);
    sending.program.run(&["outbox", "cancel", "1"]).expect(0);
    sending.program.run(&["sync"]).expect(0);
    assert_eq!(sending.state(), "none");
    assert_eq!(sending.copies(), 1);
}

#[test]
fn who_is_put_off_gets_it_later_and_the_others_do_not_get_it_again() {
    let sending = to_two("452 4.2.2 Full for now");
    let said = sending.send(TO_TWO).expect(75);
    assert!(said.stderr.contains("cy@there.test"), "{said:#?}");
    let row = &sending.outbox()[0];
    assert_eq!(
        (row["state"].as_str(), &row["to"]),
        (Some("queued"), &serde_json::json!(["cy@there.test"]))
    );
    sending.program.run(&["outbox", "retry", "1"]).expect(75);
    assert_eq!(sending.post.given(), [("bo@there.test".to_owned(), 1)]);
    assert_eq!(sending.copies(), 1);
}

#[test]
fn several_messages_go_over_one_connection_and_a_refused_one_holds_up_none() {
    let sending = to_two("550 5.1.1 No such user");
    let offline = ["send", "--offline"];
    for letter in [
        LETTER,
        &LETTER.replace("bo@", "cy@"),
        &LETTER.replace("bo@", "di@"),
    ] {
        sending.program.run_with(&offline, letter).expect(0);
    }
    let synced = sending.program.run(&["sync", "--json"]);
    assert_eq!(synced.json()[0]["sent"], 2, "{synced:#?}");
    assert_eq!(sending.post.peer.sessions_opened(), 1);
    assert_eq!(sending.outbox().len(), 1);
    assert_eq!(sending.copies(), 2);
}

#[test]
fn a_limit_of_the_provider_keeps_everything_back_and_is_told() {
    let sending = Sending::new(Offer::default());
    let offline = ["send", "--offline"];
    for to in ["bo@", "cy@"] {
        let letter = LETTER.replace("bo@", to);
        sending.program.run_with(&offline, &letter).expect(0);
    }
    let limit = Act::No("450 4.7.0 Too many messages, slow down".into());
    sending.post.peer.faults().always("MAIL", limit);
    sending.program.run(&["sync"]).expect(1);
    let mails = || {
        let log = sending.post.peer.log();
        log.iter().filter(|line| line.starts_with("MAIL")).count()
    };
    assert_eq!(mails(), 1, "the second one was not tried");
    let rows = sending.outbox();
    for row in &rows {
        assert_eq!(row["state"], "queued");
        let error = row["error"].as_str().unwrap();
        assert!(error.contains("limits how much"), "{error}");
    }
    sending.program.run(&["sync"]).expect(0);
    assert_eq!(mails(), 1, "it is waited out");
}

#[test]
fn what_the_server_cannot_take_is_refused_before_it_is_sent() {
    let large = Sending::new(Offer {
        size_max: 50,
        ..Offer::default()
    });
    let said = large.send(LETTER).expect(1);
    assert!(said.stderr.contains("takes no more than 50"), "{said:#?}");
    let narrow = Sending::new(Offer::default().without(&["8BITMIME"]));
    let said = narrow.send(&LETTER.replace("Hello", "Grüße")).expect(1);
    assert!(said.stderr.contains("7-bit"), "{said:#?}");
    let plain = Sending::new(Offer::default().without(&["SMTPUTF8"]));
    let said = plain.send(&LETTER.replace("bo@", "bö@")).expect(1);
    assert!(said.stderr.contains("SMTPUTF8"), "{said:#?}");
    for sending in [large, narrow, plain] {
        assert_eq!(sending.state(), "failed");
        let log = sending.post.peer.log();
        assert!(!log.iter().any(|line| line.starts_with("MAIL")), "{log:?}");
    }
}

/// A message whose fate is not known, taken or not.
fn unconfirmed(act: Act) -> (Sending, String) {
    let sending = Sending::new(Offer::default());
    sending.post.peer.faults().once(".", act);
    let letter = format!("Message-ID: <one@example.org>\n{LETTER}");
    sending.send(&letter).expect(75);
    assert_eq!(sending.state(), "unconfirmed");
    (sending, letter)
}

#[test]
fn an_unconfirmed_message_that_turns_up_in_sent_was_sent() {
    let (sending, letter) = unconfirmed(Act::DropAfter);
    let store = sending.peer.peer.store();
    store.create("Sent", Some(pillarbox::model::Role::Sent));
    sending.peer.put("Sent", &letter);
    let synced = sending.program.run(&["sync", "--json"]).expect(0).json();
    assert_eq!(synced[0]["sent"], 1);
    assert_eq!(sending.state(), "none");
    assert_eq!((sending.post.taken().len(), sending.copies()), (1, 1));
}

#[test]
fn an_unconfirmed_message_that_turns_up_in_the_inbox_was_sent_and_is_filed() {
    let (sending, letter) = unconfirmed(Act::DropAfter);
    sending.peer.put("INBOX", &letter);
    sending.program.run(&["sync"]).expect(0);
    assert_eq!(sending.state(), "none");
    assert_eq!((sending.post.taken().len(), sending.copies()), (1, 1));
}

#[test]
fn another_message_with_the_same_id_proves_nothing() {
    let sending = Sending::new(Offer::default());
    let letter = format!("Message-ID: <one@example.org>\n{LETTER}");
    sending.send(&letter).expect(0);
    sending.post.peer.faults().once(".", Act::DropBefore);
    sending.send(&letter).expect(75);
    sending.program.run(&["sync"]).expect(0);
    assert_eq!(
        sending.state(),
        "unconfirmed",
        "the copy in Sent is of the first one"
    );
    sending.program.run(&["outbox", "retry", "2"]).expect(0);
    assert_eq!((sending.post.taken().len(), sending.copies()), (2, 2));
}

#[test]
fn a_copy_whose_answer_was_lost_is_found_and_not_filed_twice() {
    for act in [Act::DropBefore, Act::DropAfter] {
        let sending = Sending::new(Offer::default());
        sending.peer.peer.faults().once("APPEND", act.clone());
        sending.send(LETTER).expect(0);
        assert_eq!(sending.state(), "sending", "{act:?}");
        sending.program.run(&["sync"]).expect(0);
        assert_eq!(sending.state(), "none", "{act:?}");
        assert_eq!(
            (sending.post.taken().len(), sending.copies()),
            (1, 1),
            "{act:?}"
        );
    }
}

#[test]
fn a_message_for_whose_copy_there_is_no_room_was_sent_and_the_copy_is_kept() {
    let sending = Sending::new(Offer::default());
    let full = Act::No("[OVERQUOTA] Full".into());
    sending.peer.peer.faults().once("APPEND", full);
    sending.send(LETTER).expect(0);
    let row = &sending.outbox()[0];
    assert_eq!(row["state"], "sending");
    let error = row["error"].as_str().unwrap();
    assert!(
        error.contains("its copy waits") && error.contains("Full"),
        "{error}"
    );
    sending.program.run(&["outbox", "cancel", "1"]).expect(1);
    sending.program.run(&["outbox", "retry", "1"]).expect(0);
    assert_eq!(sending.state(), "none");
    assert_eq!((sending.post.taken().len(), sending.copies()), (1, 1));
}

#[test]
fn a_copy_at_which_the_connection_ends_each_time_is_put_off_and_the_account_goes_on() {
    let sending = Sending::new(Offer::default());
    sending.peer.peer.faults().once("APPEND", Act::DropBefore);
    sending.send(LETTER).expect(0);
    sending.peer.peer.faults().once("APPEND", Act::DropBefore);
    sending.program.run(&["sync"]).expect(1);
    let error = sending.outbox()[0]["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains("its copy waits") && error.contains("the connection ends when it is filed"),
        "{error}"
    );
    let tries = sending.peer.said("APPEND");
    sending.program.run(&["sync"]).expect(0);
    assert_eq!(sending.peer.said("APPEND"), tries, "not at once again");
    sending.program.run(&["outbox", "retry", "1"]).expect(0);
    assert_eq!((sending.state().as_str(), sending.copies()), ("none", 1));
}

#[test]
fn where_there_is_no_sent_folder_one_is_made() {
    let sending = Sending::new(Offer::default());
    assert_eq!(sending.peer.count("Sent"), None);
    sending.send(LETTER).expect(0);
    assert_eq!(sending.copies(), 1);
    assert_eq!(sending.state(), "none");
}

#[test]
fn without_a_wish_for_copies_none_is_filed() {
    let sending = Sending::new(Offer::default());
    let config = sending.config() + "[accounts.work.send]\nsave_sent = \"never\"\n";
    sending.program.write_config(&config);
    sending.send(LETTER).expect(0);
    assert_eq!((sending.state().as_str(), sending.copies()), ("none", 0));
    assert_eq!(sending.peer.said("APPEND"), 0);
}

#[test]
fn a_password_that_is_refused_is_tried_once() {
    let sending = Sending::new(Offer {
        password: "other".to_owned(),
        ..Offer::default()
    });
    let config = sending
        .config()
        .replace("password = \"other\"", "password = \"wrong\"");
    sending.program.write_config(&config);
    let offline = ["send", "--offline"];
    sending.program.run_with(&offline, LETTER).expect(0);
    sending.program.run_with(&offline, LETTER).expect(0);
    sending.program.run(&["sync"]).expect(1);
    let log = sending.post.peer.log();
    let tries = log.iter().filter(|line| line.starts_with("AUTH")).count();
    assert_eq!(tries, 1, "{log:?}");
    assert_eq!(sending.outbox().len(), 2);
}

#[test]
fn a_message_of_60_megabytes_is_sent_and_filed_in_little_memory() {
    const MEMORY_MAX: u64 = 64 * 1024 * 1024;
    let sending = Sending::new(Offer {
        size_max: 100_000_000,
        ..Offer::default()
    });
    let line = "A line of text. ".repeat(60) + "\n";
    let letter = LETTER.to_owned() + &line.repeat(60_000_000 / line.len());
    fs::write(sending.program.folder().join("letter.eml"), letter).unwrap();
    sending.peer.peer.faults().once("APPEND", Act::Hold);
    let mut child = sending.program.spawn(&["send", "letter.eml"]);
    wait_until("the copy", || sending.copies() == 1);
    let peak = peak(child.id());
    sending.peer.peer.faults().release();
    assert!(child.wait().unwrap().success());
    assert!(sending.post.taken()[0].raw.len() > 59_000_000);
    assert!(peak.is_none_or(|peak| peak <= MEMORY_MAX), "{peak:?}");
    assert_eq!(sending.state(), "none");
}

#[test]
fn where_the_provider_files_copies_we_file_none_unless_it_does_not() {
    let mut options = pillarbox::demo::imap::Options::default();
    options.capabilities.push("X-GM-EXT-1".to_owned());
    let sending = Sending::with(options, Offer::default());
    let filed = format!("Message-ID: <one@example.org>\n{LETTER}");
    sending.send(&filed).expect(0);
    assert_eq!((sending.state().as_str(), sending.copies()), ("sending", 0));
    sending.peer.put("Sent", &filed);
    sending.program.run(&["outbox", "retry", "1"]).expect(0);
    assert_eq!((sending.state().as_str(), sending.copies()), ("none", 1));
    assert_eq!(sending.peer.said("APPEND"), 0);
    sending.send(LETTER).expect(0);
    for _ in 0..4 {
        assert_eq!(sending.copies(), 1, "it is given time");
        sending.program.run(&["outbox", "retry", "2"]).expect(0);
    }
    assert_eq!((sending.state().as_str(), sending.copies()), ("none", 2));
    assert_eq!(sending.peer.said("APPEND"), 1);
    assert_eq!(sending.post.taken().len(), 2);
}
