//! Messages that go from one account to another, on another server with other names.
//!
//! A message must never be gone from where it was before it is where it goes, and never be there twice.

use super::{Desk, OFFLINE};

#[test]
fn a_message_moves_to_another_account_with_every_byte_and_flag() {
    for is_offline in OFFLINE {
        let desk = Desk::two();
        let (work, home) = (&desk.work, desk.home());
        let mut before = work.on_server("INBOX");
        let (inbox, target) = (work.address("INBOX"), home.address("Box"));
        let ids = [1, 3].map(|n| desk.id(&inbox, n));
        desk.run(&["move", &ids[0], &ids[1], &target], is_offline);
        assert_eq!(desk.shown(&inbox), [2], "at once");
        assert_eq!(desk.shown(&target), [1, 3]);
        if is_offline {
            assert_eq!(
                [work.count_on_server("INBOX"), home.count_on_server("Box")],
                [3, 0]
            );
            desk.assert_waits("move");
            desk.sync();
        }
        desk.assert_settled();
        for n in [1, 3] {
            assert_eq!(work.places(n), [""; 0], "letter {n}");
            assert_eq!(home.places(n), [home.levels.wire("Box")], "letter {n}");
        }
        assert_eq!(work.places(2), ["INBOX"]);
        before.retain(|(_, _, text)| !text.contains("Letter 2\r\n"));
        assert_eq!(home.on_server("Box"), before, "dates, flags and bytes");
        desk.sync();
        assert_eq!(desk.shown(&inbox), [2], "and so it stays");
        assert_eq!(desk.shown(&target), [1, 3]);
        let row = &desk.rows(&target)[1];
        assert_eq!(
            [&row["account"], &row["subject"]],
            ["home", "Letter 1"],
            "{row}"
        );
        assert_eq!(row["flags"], serde_json::json!(["flagged", "seen"]));
    }
}

#[test]
fn a_message_is_copied_to_another_account() {
    for is_offline in OFFLINE {
        let desk = Desk::two();
        let (work, home) = (&desk.work, desk.home());
        let one = desk.id(&work.address("INBOX"), 1);
        desk.run(&["copy", &one, &home.address("Box")], is_offline);
        if is_offline {
            assert_eq!(home.count_on_server("Box"), 0, "not told yet");
            desk.assert_waits("copy");
            desk.sync();
        }
        desk.sync();
        assert_eq!(work.places(1), ["INBOX"]);
        assert_eq!(home.places(1), [home.levels.wire("Box")]);
        let mut source = work.on_server("INBOX");
        source.retain(|(_, _, text)| text.contains("Letter 1\r\n"));
        assert_eq!(home.on_server("Box"), source);
        assert_eq!(desk.shown(&work.address("INBOX")), [1, 2, 3]);
        assert_eq!(desk.shown(&home.address("Box")), [1]);
    }
}

#[test]
fn a_message_whose_text_is_not_here_moves_to_another_account_whole() {
    for is_offline in OFFLINE {
        let desk = Desk::two_with("[accounts.work.sync]\nkeep = \"headers\"\n");
        let (work, home) = (&desk.work, desk.home());
        let before = work.on_server("INBOX");
        let two = desk.id(&work.address("INBOX"), 2);
        desk.run(&["move", &two, &home.address("Box")], is_offline);
        desk.sync();
        assert_eq!(work.places(2), [""; 0]);
        let arrived = home.on_server("Box");
        assert_eq!(arrived.len(), 1);
        assert!(before.contains(&arrived[0]), "{arrived:?}");
    }
}

#[test]
fn messages_of_several_accounts_go_each_to_its_own_archive() {
    for is_offline in OFFLINE {
        let desk = Desk::two();
        let (work, home) = (&desk.work, desk.home());
        let one = desk.id(&work.address("INBOX"), 1);
        let other = desk.id(&home.address("INBOX"), 61);
        desk.run(&["archive", &one, &other], is_offline);
        if is_offline {
            let rows = desk.journal();
            let mut accounts: Vec<&str> = rows
                .iter()
                .map(|row| row["account"].as_str().unwrap())
                .collect();
            accounts.sort_unstable();
            assert_eq!(accounts, ["home", "work"], "a row for each");
        }
        desk.sync();
        assert_eq!(work.places(1), ["Archive"]);
        assert_eq!(home.places(61), [home.levels.wire("Archive")]);
        assert_eq!(home.places(1), [""; 0]);
    }
}

#[test]
fn where_one_of_two_servers_cannot_be_reached_nothing_is_lost_or_doubled() {
    for is_source in [true, false] {
        let desk = Desk::two();
        let (work, home) = (&desk.work, desk.home());
        let config = if is_source {
            work.config_cut_off() + &home.config()
        } else {
            work.config() + &home.config_cut_off()
        };
        desk.program.write_config(&config);
        let target = home.address("Box");
        let one = desk.id(&work.address("INBOX"), 1);
        let output = desk.program.run(&["move", &one, &target]).expect(75);
        let gone = if is_source { "work" } else { "home" };
        for word in ["not sent", "it is kept", gone] {
            assert!(output.stderr.contains(word), "{word} in {}", output.stderr);
        }
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert_eq!(work.places(1), ["INBOX"], "it stays until it is there");
        assert_eq!(desk.shown(&target), [1]);
        assert!(desk.journal().iter().all(|row| row["kind"] == "move"));
        desk.program.run(&["sync"]).expect(3);
        desk.program.write_config(&(work.config() + &home.config()));
        desk.sync();
        assert_eq!(work.places(1), [""; 0]);
        assert_eq!(home.places(1), [home.levels.wire("Box")]);
        assert_eq!(desk.shown(&target), [1]);
        assert_eq!(desk.shown(&work.address("INBOX")), [2, 3]);
    }
}

#[test]
fn a_move_to_another_account_is_taken_back() {
    for is_offline in OFFLINE {
        let desk = Desk::two();
        let (work, home) = (&desk.work, desk.home());
        let before = work.on_server("INBOX");
        let one = desk.id(&work.address("INBOX"), 1);
        desk.run(&["move", &one, &home.address("Box")], is_offline);
        desk.undo(is_offline);
        desk.sync();
        assert_eq!(work.on_server("INBOX"), before);
        assert_eq!(home.places(1), [""; 0]);
        assert_eq!(desk.shown(&work.address("INBOX")), [1, 2, 3]);
        assert_eq!(desk.shown(&home.address("Box")), [0; 0]);
    }
}
