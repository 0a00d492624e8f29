//! Maildrops on servers that err: in their sizes, their dots, in what they refuse and how they end.
//!
//! By the program, as a user runs it. Whatever a server does, what is gone there is here, each message
//! is here once, and the user is told what could not be done.

use crate::support::desk::Desk;
use crate::support::maildrop::{
    Fetching, LEAVE, LiveDrop, TAKE, ids, letter, letters, setup, twin, want_wholes,
};
use crate::support::{Output, Program};
use pillarbox::bus::Link;
use pillarbox::config::LeaveOnServer;
use pillarbox::demo::pop3::{Options, Sizes, Uids};
use pillarbox::demo::{Act, Times, When};
use std::time::Duration;

/// The only sentence of what was said on standard error: the account, and all of these words.
fn assert_told(output: Output, words: &[&str]) {
    let output = output.expect(1);
    assert_eq!(output.stderr.lines().count(), 1, "{output:?}");
    assert!(output.stderr.starts_with("pillarbox: old: "), "{output:?}");
    for word in words {
        assert!(output.stderr.contains(word), "{word:?}: {output:?}");
    }
    assert!(!output.stderr.contains("secret"), "{output:?}");
}

#[test]
fn what_is_lost_at_quit_is_neither_fetched_twice_nor_left() {
    let all = letters(20);
    for (act, is_done) in [
        (Act::DropBefore, false),
        (Act::DropAfter, true),
        (Act::CutAfter(2), true),
        (Act::No("Some deleted messages not removed".into()), false),
        (Act::Bad("what?".into()), false),
    ] {
        let fetching = Fetching::new(Options::default(), TAKE, &all);
        fetching.server.peer.faults().once("QUIT", act.clone());
        assert_told(fetching.sync(), &[]);
        fetching.assert_once(&all);
        let left = fetching.server.there().len();
        assert_eq!(left, if is_done { 0 } else { 20 }, "{act:?}");
        fetching.settle(&all).unwrap();
        assert_eq!(fetching.server.there().len(), 0, "{act:?}");
    }
}

#[test]
fn a_fetch_that_is_cut_again_and_again_goes_on_where_it_was() {
    let all = letters(40);
    // After some of the messages.
    let offset = 2_000;
    for options in [
        Options::default(),
        Options::default().without(&["PIPELINING"]),
    ] {
        let fetching = Fetching::new(options, TAKE, &all);
        let faults = fetching.server.peer.faults();
        let mut before = 0;
        for _ in 0..all.len() {
            faults.add(When::Connect, Act::CutAfter(offset), Times::Once);
            let is_done = fetching.sync().code == Some(0);
            let now = fetching.kept().len();
            if is_done {
                break;
            }
            assert!(now == all.len() || now > before, "{before}, then {now}");
            if now == all.len() {
                break;
            }
            before = now;
        }
        assert!(before > 0, "it was never cut in the middle");
        faults.clear();
        fetching.settle(&all).unwrap();
        assert_eq!(fetching.server.there().len(), 0);
    }
}

/// Texts that are hard to bring over as they are.
fn dots() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 16] = [
        b"",
        b".",
        b"..",
        b".\r\n",
        b"..\r\n",
        b"...\r\n..\r\n.\r\n",
        b"a\r\n.\r\nb\r\n",
        b"a\n.\nb\r\n",
        b"a\n.\r\nb\n",
        b"a\r.\r\n",
        b"a\rb\r\r\n",
        b"no end",
        b"\r\n",
        b"\n",
        b"8 bit \xe4\xff\x00\r\n.\x80\r\n",
        b".a\r\n..b\r\n...\r\n+OK\r\n-ERR\r\n.",
    ];
    let bodies = texts.map(|text| [b"Subject: dots\r\n\r\n", text].concat());
    let bare = texts.map(<[u8]>::to_vec);
    bodies.into_iter().chain(bare).collect()
}

#[test]
fn every_dot_and_line_end_arrives_as_it_was_whatever_sizes_the_server_tells() {
    for sizes in [
        Sizes::True,
        Sizes::LineFeeds,
        Sizes::Fixed(0),
        Sizes::Fixed(7),
        Sizes::Fixed(100_000),
    ] {
        for pipelining in [true, false] {
            let mut options = Options {
                sizes,
                ..Options::default()
            };
            if !pipelining {
                options = options.without(&["PIPELINING"]);
            }
            for keys in [LEAVE, TAKE] {
                let fetching = Fetching::new(options.clone(), keys, &dots());
                fetching
                    .settle(&dots())
                    .unwrap_or_else(|e| panic!("{sizes:?}, {keys}: {e}"));
                let left = if keys == TAKE { 0 } else { dots().len() };
                assert_eq!(fetching.server.there().len(), left, "{sizes:?}");
            }
        }
    }
}

#[test]
fn a_server_that_does_not_mark_dots_is_told_and_loses_nothing() {
    let hostile = b"x\r\n.\r\n+OK\r\nforged\r\n.\r\n".to_vec();
    let two = b"x\r\n.\r\n+OK\r\nforged\r\n.\r\n+OK\r\nagain\r\n.\r\n".to_vec();
    let dotted: [(Vec<u8>, bool); 6] = [
        (b"Subject: x\r\n\r\n.a\r\n".to_vec(), true),
        (b"Subject: x\r\n\r\na\r\n.b\r\n.c".to_vec(), true),
        (b"Subject: x\r\n\r\nhalf\r\n.\r\nof it\r\n".to_vec(), false),
        (b"Subject: x\r\n\r\nall\r\n.\r\n".to_vec(), false),
        (hostile, false),
        (two, false),
    ];
    for (message, arrives) in dotted {
        for pipelining in [true, false] {
            let all = [
                letters(2),
                vec![message.clone()],
                vec![twin('a'), letter(9)],
            ]
            .concat();
            let all: Vec<Vec<u8>> = all
                .into_iter()
                .map(|raw| if raw == message { raw } else { undotted(&raw) })
                .collect();
            let mut options = Options {
                is_stuffing: false,
                ..Options::default()
            };
            if !pipelining {
                options = options.without(&["PIPELINING"]);
            }
            let fetching = Fetching::new(options, TAKE, &all);
            let case = message.escape_ascii().to_string();
            let told = fetching.sync();
            assert_eq!(told.code, Some(1), "{case}: {told:?}");
            for _ in 0..3 {
                fetching.assert_nothing_lost(&all);
                let there = fetching.server.there();
                assert!(there.contains(&message), "{case} was deleted");
                fetching.sync();
            }
            if arrives {
                fetching.assert_once(&all);
                assert_eq!(
                    fetching.server.there(),
                    std::slice::from_ref(&message),
                    "{case}"
                );
            }
        }
    }
}

/// The same without dots at the start of a line.
fn undotted(raw: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(raw.to_vec()).unwrap();
    text.replace("\r\n.", "\r\n").into_bytes()
}

#[test]
fn what_the_server_does_not_delete_is_told_and_stays_fetched() {
    let all = letters(5);
    let fetching = Fetching::new(Options::default(), TAKE, &all);
    let faults = fetching.server.peer.faults();
    faults.add(
        When::Command("DELE".into()),
        Act::No("Not yours".into()),
        Times::Count(2),
    );
    assert_told(fetching.sync(), &["delete message 1", "Not yours", "again"]);
    fetching.assert_once(&all);
    assert_eq!(fetching.server.there().len(), 2);
    fetching.settle(&all).unwrap();
    assert_eq!(fetching.server.there().len(), 0);
}

#[test]
fn a_message_that_the_server_does_not_give_is_told_and_keeps_back_no_other() {
    for (keys, left) in [(TAKE, 1), (LEAVE, 5)] {
        for options in [
            Options::default(),
            Options::default().without(&["PIPELINING"]),
        ] {
            let all = letters(5);
            let fetching = Fetching::new(options, keys, &all);
            let faults = fetching.server.peer.faults();
            faults.once("RETR", Act::No("Message is gone".into()));
            assert_told(fetching.sync(), &["message 1", "Message is gone", "again"]);
            fetching.assert_once(&all[1..]);
            assert_eq!(fetching.server.there().len(), left);
            fetching.settle(&all).unwrap();
        }
    }
}

#[test]
fn a_refused_message_leaves_the_account_in_step_and_a_refused_login_does_not() {
    for (command, says, is_in_step) in [
        ("RETR", "Message is gone", true),
        ("AUTH", "[SYS/PERM] POP3 is switched off", false),
        ("LIST", "Not today", false),
    ] {
        let options = Options {
            password: "pass".to_owned(),
            ..Options::default()
        };
        let server = LiveDrop::start(options, &letters(3));
        server.peer.faults().always(command, Act::No(says.into()));
        let data = tempfile::tempdir().unwrap();
        let account = setup(&server, server.port, LeaveOnServer::Never);
        let mut desk = Desk::start(data.path(), vec![account]);
        let ended = desk.wait_tree("the end of the round", |tree| match tree.first()?.link {
            Link::InStep { .. } | Link::Checked { .. } => Some(true),
            Link::Waiting { .. } | Link::Stopped { .. } => Some(false),
            _ => None,
        });
        assert_eq!(ended, is_in_step, "{command}");
        assert_eq!(server.there().len(), 3);
    }
}

#[test]
fn a_maildrop_that_is_in_use_is_told_as_busy_and_fetched_later() {
    let all = letters(3);
    let fetching = Fetching::new(Options::default(), TAKE, &all);
    let maildrop = fetching.server.peer.maildrop();
    maildrop.set_held(true);
    let output = fetching.program.run(&["sync"]);
    assert_told(output, &["127.0.0.1", "IN-USE", "Another program", "later"]);
    assert_eq!(fetching.server.there().len(), 3);
    maildrop.set_held(false);
    fetching.settle(&all).unwrap();
}

#[test]
fn a_server_that_wants_time_between_two_logins_is_told_as_such() {
    let all = letters(3);
    let options = Options {
        login_delay: Some(Duration::from_secs(3600)),
        ..Options::default()
    };
    let mut fetching = Fetching::new(options, TAKE, &all);
    fetching.sync().expect(0);
    fetching.assert_once(&all);
    fetching.server.peer.maildrop().deliver(letter(4));
    assert_told(fetching.sync(), &["LOGIN-DELAY", "more time", "later"]);
    assert_eq!(fetching.server.there(), [letter(4)]);
    fetching.become_other(Options::default());
    fetching.settle(&letters(4)).unwrap();
}

#[test]
fn a_listing_that_makes_no_sense_is_told_and_nothing_is_touched() {
    let all = letters(3);
    for list in [
        "+OK\r\n1 5\r\n1 5\r\n.\r\n",
        "+OK\r\n1 5\r\nboo\r\n.\r\n",
        "+OK\r\n1 5\r\n.\r\n+OK surplus\r\n",
    ] {
        let fetching = Fetching::new(Options::default(), TAKE, &all);
        let faults = fetching.server.peer.faults();
        faults.once("LIST", Act::Bad(list.trim_end().to_owned()));
        assert_told(fetching.sync(), &[]);
        assert_eq!(fetching.server.said("DELE"), 0, "{list:?}");
        fetching.settle(&all).unwrap();
    }
    let fetching = Fetching::new(Options::default(), LEAVE, &all);
    fetching.settle(&all).unwrap();
    // Whoever took that for a server without ids would fetch everything once more.
    let faults = fetching.server.peer.faults();
    faults.once("UIDL", Act::No("[SYS/TEMP] not now".into()));
    assert_told(fetching.sync(), &["not now"]);
    fetching.settle(&all).unwrap();
}

/// What `tls` is set to, what the server offers besides, what it does, and what is said then.
type Unsafe<'a> = (&'a str, &'a str, Option<(When, Act)>, &'a [&'a str]);

#[test]
fn a_server_that_is_none_or_not_safe_is_told_and_gets_no_password() {
    let all = letters(3);
    let injected = "+OK go on\r\n+OK injected\r\n".to_owned();
    let endless = "x".repeat(1_000_000);
    let commands = |name: &str| When::Command(name.to_owned());
    let cases: [Unsafe<'_>; 8] = [
        (
            "none",
            "",
            Some((When::Connect, Act::Bad("HTTP/1.1 400 Bad Request".into()))),
            &["POP3", "port"],
        ),
        (
            "none",
            "",
            Some((When::Connect, Act::Bad("* OK IMAP4rev1".into()))),
            &["POP3", "port"],
        ),
        (
            "none",
            "",
            Some((When::Connect, Act::Bad(endless.clone()))),
            &["POP3", "port"],
        ),
        (
            "none",
            "",
            Some((When::Connect, Act::Bye("[SYS/TEMP] Full".into()))),
            &["127.0.0.1", "Full"],
        ),
        (
            "none",
            "",
            Some((commands("CAPA"), Act::Say(endless))),
            &["4096 bytes"],
        ),
        ("starttls", "", None, &["STLS", "995"]),
        ("starttls", "STLS", None, &["STLS", "995"]),
        (
            "starttls",
            "STLS",
            Some((commands("STLS"), Act::Say(injected))),
            &["put data into the connection"],
        ),
    ];
    for (tls, offer, fault, words) in cases {
        let options = Options::default().with(&[offer]);
        let fetching = Fetching::new(options, TAKE, &all);
        let config = fetching
            .server
            .account(TAKE)
            .replace("\"none\"", &format!("{tls:?}"));
        fetching.program.write_config(&config);
        if let Some((when, act)) = fault {
            fetching.server.peer.faults().add(when, act, Times::Once);
        }
        assert_told(fetching.sync(), words);
        for secret in ["USER", "PASS", "AUTH"] {
            assert_eq!(fetching.server.said(secret), 0, "{words:?}");
        }
        fetching.configure_again();
        fetching.settle(&all).unwrap();
    }
}

#[test]
fn a_wrong_password_is_told_and_nowhere_to_be_read() {
    let all = letters(3);
    for options in [Options::default(), Options::default().without(&["SASL"])] {
        let fetching = Fetching::new(options, TAKE, &all);
        let wrong = "not-the-s3cr3t";
        let config = fetching
            .server
            .account(TAKE)
            .replace("\"secret\"", &format!("{wrong:?}"));
        fetching.program.write_config(&config);
        let output = fetching.sync();
        assert!(!output.stderr.contains(wrong), "{output:?}");
        assert_told(output, &["127.0.0.1", "refused the login", "password"]);
        let log = fetching.server.peer.log().join("\n");
        assert!(
            !log.contains(wrong) && !log.contains("bm90LXRoZS1zM2NyM3Q"),
            "{log}"
        );
        assert_no_file_holds(&fetching.program, wrong);
        assert_eq!(fetching.server.there().len(), 3);
        fetching.configure_again();
        fetching.settle(&all).unwrap();
    }
}

/// None of the program's own files but the configuration holds this.
fn assert_no_file_holds(program: &Program, word: &str) {
    for entry in walkdir(&program.data_dir()) {
        let bytes = std::fs::read(&entry).unwrap();
        let found = memchr::memmem::find(&bytes, word.as_bytes());
        assert_eq!(found, None, "{}", entry.display());
    }
}

fn walkdir(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walkdir(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[test]
fn of_large_messages_the_header_is_fetched_and_they_stay_until_they_are_here() {
    let large = format!(
        "Subject: large\r\nMessage-ID: <l@x>\r\n\r\n{}",
        "x\r\n".repeat(20_000)
    );
    let header = b"Subject: large\r\nMessage-ID: <l@x>\r\n\r\n".to_vec();
    let keys = |leave: &str| format!("{leave}\nmax_size = \"10KB\"");
    for (leave, left) in [(TAKE, 1), (LEAVE, 4), ("leave_on_server = \"14d\"", 4)] {
        for options in [
            Options::default(),
            ids(Uids::Doubled),
            Options::default().without(&["UIDL"]),
        ] {
            let all = [
                vec![letter(1), large.clone().into_bytes()],
                vec![letter(2), letter(3)],
            ]
            .concat();
            let mut fetching = Fetching::new(options, &keys(leave), &all);
            let seen = [vec![letter(1), header.clone()], vec![letter(2), letter(3)]].concat();
            fetching.settle(&seen).unwrap();
            assert_eq!(fetching.server.there().len(), left);
            fetching.configure(&keys(TAKE));
            fetching.settle(&seen).unwrap();
            assert_eq!(fetching.server.there(), [large.clone().into_bytes()]);
            assert_eq!(want_wholes(&fetching.program.data_dir()), 1);
            fetching.settle(&all).unwrap();
            assert_eq!(fetching.server.there().len(), 0);
        }
    }
    // Where the server gives no beginnings, it is all or nothing.
    let all = vec![large.into_bytes()];
    let options = Options::default().without(&["TOP"]);
    let fetching = Fetching::new(options, &keys(TAKE), &all);
    fetching.settle(&all).unwrap();
    assert_eq!(fetching.server.there().len(), 0);
}
