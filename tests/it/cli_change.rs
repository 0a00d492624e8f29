//! Changes by the command line against a real Dovecot: flag, tag, undo, journal; and beside a screen.
//!
//! Another client looks at what arrived. A change must never be lost, and never be called sent
//! before the server has it.

use crate::support::{Dovecot, Kind, Program, Screen, closed_port, wait_until};
use serde_json::{Value, json};

fn message(n: u32) -> String {
    format!(
        "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Letter {n}\n\
         Message-ID: <l{n}@example.org>\nDate: Mon, 06 Apr 2026 10:{n:02}:00 +0200\n\nText {n}.\n"
    )
}

struct Mail {
    dovecot: &'static Dovecot,
    user: String,
    program: Program,
}

impl Mail {
    fn synced() -> Self {
        let dovecot = Dovecot::shared(Kind::Full);
        let user = dovecot.fresh_user();
        for n in 1..=3 {
            dovecot.deliver(&user, "INBOX", &message(n));
        }
        let program = Program::new(&dovecot.account("work", &user));
        program.run(&["sync"]).expect(0);
        Self {
            dovecot,
            user,
            program,
        }
    }

    fn id(&self, uid: u32) -> String {
        let rows = self
            .program
            .run(&["list", "INBOX", "--json"])
            .expect(0)
            .json();
        rows.iter().find(|row| row["uid"] == uid).unwrap()["id"].to_string()
    }

    /// Flags and tags of a message as we show them.
    fn shown(&self, uid: u32) -> Value {
        let rows = self
            .program
            .run(&["list", "INBOX", "--json"])
            .expect(0)
            .json();
        let row = rows.into_iter().find(|row| row["uid"] == uid).unwrap();
        json!([row["flags"], row["tags"]])
    }

    fn on_server(&self, uid: u32) -> Vec<String> {
        self.dovecot.client(&self.user).flags("INBOX", uid)
    }

    fn journal(&self) -> Vec<Value> {
        self.program.run(&["journal", "--json"]).expect(0).json()
    }

    fn config(&self, port: u16) -> String {
        let account = self.dovecot.account("work", &self.user);
        account.replace(
            &format!("port = {}", self.dovecot.imaps),
            &format!("port = {port}"),
        )
    }

    fn cut_off(&self) {
        self.program.write_config(&self.config(closed_port()));
    }

    fn reconnect(&self) {
        self.program.write_config(&self.config(self.dovecot.imaps));
    }
}

#[test]
fn flags_and_tags_arrive_on_the_server_before_the_command_ends() {
    let mail = Mail::synced();
    let (one, two) = (mail.id(1), mail.id(2));
    let output = mail
        .program
        .run(&["flag", &one, &two, "--add", "seen", "--add", "flagged"])
        .expect(0);
    assert_eq!(output.stderr, "");
    assert_eq!(output.stdout.lines().count(), 1, "{output:?}");
    assert_eq!(mail.on_server(1), ["\\Flagged", "\\Seen"]);
    assert_eq!(mail.on_server(2), ["\\Flagged", "\\Seen"]);
    assert_eq!(mail.on_server(3), [""; 0]);
    mail.program
        .run(&["flag", &one, "--remove", "seen", "--add", "answered"])
        .expect(0);
    assert_eq!(mail.on_server(1), ["\\Answered", "\\Flagged"]);
    mail.program
        .run(&["tag", &one, "--add", "Later", "--add", "work"])
        .expect(0);
    mail.program
        .run(&["tag", &one, "--remove", "later"])
        .expect(0);
    assert_eq!(mail.on_server(1), ["\\Answered", "\\Flagged", "work"]);
    assert_eq!(mail.shown(1), json!([["answered", "flagged"], ["work"]]));
    assert!(mail.journal().is_empty());
    let again = mail
        .program
        .run(&["flag", &one, "--add", "answered"])
        .expect(0);
    assert!(
        again.stdout.contains("Nothing was to be changed"),
        "{again:?}"
    );
    let unknown = mail
        .program
        .run(&["flag", &one, "999999", "--add", "deleted"])
        .expect(1);
    assert!(unknown.stderr.contains("no message 999999"), "{unknown:?}");
    assert_eq!(
        mail.on_server(1),
        ["\\Answered", "\\Flagged", "work"],
        "half a change is none"
    );
}

#[test]
fn an_offline_change_shows_at_once_waits_in_the_journal_and_goes_with_the_next_sync() {
    let mail = Mail::synced();
    let one = mail.id(1);
    let output = mail
        .program
        .run(&["flag", &one, "--add", "flagged", "--offline"])
        .expect(0);
    assert_eq!(output.stderr, "");
    mail.program
        .run(&["tag", &one, "--add", "plan", "--offline"])
        .expect(0);
    assert_eq!(mail.shown(1), json!([["flagged"], ["plan"]]));
    assert_eq!(mail.on_server(1), [""; 0]);
    let rows = mail.journal();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        let keys: Vec<&str> = row
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            keys,
            ["account", "attempts", "error", "id", "kind", "state"]
        );
        assert_eq!(row["account"], "work");
        assert_eq!(row["state"], "queued");
        assert_eq!(row["attempts"], 0);
        assert_eq!(row["error"], Value::Null);
        assert!(row["id"].is_i64() && row["kind"].is_string());
    }
    let text = mail.program.run(&["journal"]).expect(0).stdout;
    assert!(
        text.contains("starred") || text.contains("Starred"),
        "{text}"
    );
    let row = &mail.program.run(&["sync", "--json"]).expect(0).json()[0];
    assert_eq!([&row["sent"], &row["pending"]], [2, 0], "{row}");
    assert_eq!(mail.on_server(1), ["\\Flagged", "plan"]);
    assert!(mail.journal().is_empty());
}

#[test]
fn without_a_server_a_change_is_kept_and_the_command_ends_with_75() {
    let mail = Mail::synced();
    let one = mail.id(1);
    mail.cut_off();
    let output = mail
        .program
        .run(&["flag", &one, "--add", "flagged"])
        .expect(75);
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    for word in ["pillarbox: ", "not sent", "work", "it is kept"] {
        assert!(
            output.stderr.contains(word),
            "{word:?} in {}",
            output.stderr
        );
    }
    assert_eq!(mail.shown(1), json!([["flagged"], []]));
    assert_eq!(mail.journal()[0]["state"], "queued");
    let failed = mail.program.run(&["sync", "--json"]).expect(1).json();
    assert_eq!(
        [&failed[0]["pending"], &failed[0]["ok"]],
        [&json!(1), &json!(false)]
    );
    mail.reconnect();
    mail.program.run(&["sync"]).expect(0);
    assert_eq!(mail.on_server(1), ["\\Flagged"]);
    assert!(mail.journal().is_empty());
}

#[test]
fn undo_takes_back_what_was_sent_and_what_was_not() {
    let mail = Mail::synced();
    let one = mail.id(1);
    mail.program
        .run(&["flag", &one, "--add", "flagged"])
        .expect(0);
    assert_eq!(mail.on_server(1), ["\\Flagged"]);
    let output = mail.program.run(&["undo"]).expect(0);
    assert!(output.stdout.contains("Undone"), "{output:?}");
    assert_eq!(mail.on_server(1), [""; 0]);
    assert_eq!(mail.shown(1), json!([[], []]));
    mail.program
        .run(&["tag", &one, "--add", "never", "--offline"])
        .expect(0);
    mail.program.run(&["undo", "--offline"]).expect(0);
    assert_eq!(mail.shown(1), json!([[], []]));
    mail.program.run(&["sync"]).expect(0);
    assert_eq!(mail.on_server(1), [""; 0]);
    assert!(mail.journal().is_empty());
    assert!(
        mail.program
            .run(&["undo"])
            .expect(0)
            .stdout
            .contains("nothing to undo")
    );
}

#[test]
fn undo_without_a_server_is_kept_too() {
    let mail = Mail::synced();
    let one = mail.id(1);
    mail.program.run(&["flag", &one, "--add", "seen"]).expect(0);
    mail.cut_off();
    mail.program.run(&["undo"]).expect(75);
    assert_eq!(mail.shown(1), json!([[], []]));
    assert_eq!(mail.on_server(1), ["\\Seen"]);
    mail.reconnect();
    mail.program.run(&["sync"]).expect(0);
    assert_eq!(mail.on_server(1), [""; 0]);
}

#[test]
fn a_change_of_a_folder_that_is_gone_is_refused_and_taken_back() {
    let mail = Mail::synced();
    mail.dovecot.deliver(&mail.user, "Brief", &message(9));
    mail.program.run(&["sync"]).expect(0);
    let rows = mail
        .program
        .run(&["list", "Brief", "--json"])
        .expect(0)
        .json();
    let id = rows[0]["id"].to_string();
    mail.dovecot.client(&mail.user).run("DELETE Brief");
    let output = mail
        .program
        .run(&["flag", &id, "--add", "flagged"])
        .expect(1);
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    assert!(
        output.stderr.contains("refused") && output.stderr.contains("taken back"),
        "{}",
        output.stderr
    );
    let rows = mail
        .program
        .run(&["list", "Brief", "--json"])
        .expect(0)
        .json();
    assert_eq!(rows[0]["flags"], json!([]));
}

#[test]
fn only_the_named_account_is_listed_and_synchronised() {
    let mail = Mail::synced();
    let other = mail.dovecot.fresh_user();
    mail.dovecot.deliver(&other, "INBOX", &message(7));
    mail.program
        .write_config(&(mail.config(mail.dovecot.imaps) + &mail.dovecot.account("home", &other)));
    let rows = mail
        .program
        .run(&["--account", "home", "sync", "--json"])
        .expect(0)
        .json();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["account"], "home");
    let rows = mail
        .program
        .run(&["list", "INBOX", "--json", "--account", "home"])
        .expect(0)
        .json();
    assert_eq!(rows[0]["subject"], "Letter 7");
    let both = mail.program.run(&["list", "INBOX"]).expect(2);
    assert!(
        both.stderr.contains("work/INBOX, home/INBOX"),
        "{}",
        both.stderr
    );
    let trees = mail
        .program
        .run(&["mailboxes", "--json", "--account", "home"])
        .expect(0)
        .json();
    assert!(trees.iter().all(|row| row["account"] == "home"));
    mail.program
        .run(&["--account", "home", "cache", "clear"])
        .expect(0);
    assert_eq!(
        mail.program
            .run(&["list", "work/INBOX", "--json"])
            .expect(0)
            .json()
            .len(),
        3
    );
}

#[test]
fn beside_a_screen_a_change_shows_there_without_a_key_and_reaches_the_server() {
    let mail = Mail::synced();
    let one = mail.id(1);
    let mut screen: Screen = mail.program.screen(&[], 120, 30);
    screen.wait_for("Letter 3");
    // The screen speaks to the server from now on.
    mail.dovecot.deliver(&mail.user, "INBOX", &message(4));
    screen.wait_for("Letter 4");
    let output = mail
        .program
        .run(&["tag", &one, "--add", "beside"])
        .expect(0);
    assert_eq!(output.stderr, "");
    assert_eq!(
        mail.on_server(1),
        ["beside"],
        "the exit code 0 says that it arrived"
    );
    screen.wait_for("beside");
    mail.program
        .run(&["tag", &one, "--remove", "beside"])
        .expect(0);
    screen.wait_gone("beside");
    mail.program.run(&["undo"]).expect(0);
    screen.wait_for("beside");
    let sync = mail.program.run(&["sync"]).expect(0);
    assert!(
        sync.stdout.contains("another Pillarbox (process "),
        "{}",
        sync.stdout
    );
    let rows = mail.program.run(&["sync", "--json"]).expect(0).json();
    assert_eq!(rows[0]["ok"], true, "{rows:?}");
    assert_eq!(screen.quit(), 0);
    mail.program.run(&["sync"]).expect(0);
}

#[test]
fn beside_a_screen_that_cannot_connect_a_change_is_kept() {
    let mail = Mail::synced();
    let one = mail.id(1);
    mail.cut_off();
    let mut screen = mail.program.screen(&[], 120, 30);
    screen.wait_for("Letter 3");
    let output = mail
        .program
        .run(&["tag", &one, "--add", "beside"])
        .expect(75);
    assert!(
        output.stderr.contains("another Pillarbox (process "),
        "{}",
        output.stderr
    );
    screen.wait_for("beside");
    assert_eq!(screen.quit(), 0);
    assert_eq!(mail.shown(1), json!([[], ["beside"]]));
    assert_eq!(mail.on_server(1), [""; 0]);
    mail.reconnect();
    mail.program.run(&["sync"]).expect(0);
    assert_eq!(mail.on_server(1), ["beside"]);
}

#[test]
fn beside_a_screen_a_message_that_is_not_here_is_fetched() {
    let mail = Mail::synced();
    let headers = format!(
        "{}[accounts.work.sync]\nkeep = \"headers\"\n",
        mail.config(mail.dovecot.imaps)
    );
    mail.program.write_config(&headers);
    mail.program.run(&["cache", "clear"]).expect(0);
    mail.program.run(&["sync"]).expect(0);
    let one = mail.id(1);
    let mut screen = mail.program.screen(&[], 70, 16);
    screen.wait_for("Letter 3");
    let text = mail.program.run(&["show", &one]).expect(0).stdout;
    assert!(text.contains("Text 1."), "{text}");
    wait_until("the store to be free", || {
        mail.program.run(&["list", "INBOX"]).code == Some(0)
    });
    assert_eq!(screen.quit(), 0);
}

#[test]
fn an_account_over_starttls_sends_and_receives() {
    let mail = Mail::synced();
    let port = format!("port = {}", mail.dovecot.imap);
    let starttls = mail.config(mail.dovecot.imap);
    let starttls = starttls.replace(&port, &format!("{port}\ntls = \"starttls\""));
    mail.program.write_config(&starttls);
    mail.dovecot.deliver(&mail.user, "INBOX", &message(5));
    let row = &mail.program.run(&["sync", "--json"]).expect(0).json()[0];
    assert_eq!(row["new"], 1, "{row}");
    let five = mail.id(4);
    mail.program
        .run(&["flag", &five, "--add", "seen"])
        .expect(0);
    assert_eq!(mail.on_server(4), ["\\Seen"]);
}
