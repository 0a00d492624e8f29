//! `pillarbox search` across folders and accounts, with and without the servers.
//!
//! The servers are real Dovecots. What a search finds must be what another client put there.

use crate::support::{Dovecot, Kind, Program, closed_port, wait_until};
use pillarbox::store::Store;
use serde_json::Value;

/// A letter whose last word stands far behind what the store keeps of a text.
fn long_letter(id: &str, last: &str) -> String {
    let filler = "nothing of interest is said in this line of many\n".repeat(400);
    format!(
        "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Report {id}\n\
         Message-ID: <{id}@example.org>\nDate: Mon, 06 Apr 2026 10:32:00 +0200\n\n{filler}{last}\n"
    )
}

/// Two accounts on one server, synchronised without texts.
struct Two {
    dovecot: &'static Dovecot,
    users: [String; 2],
    program: Program,
}

impl Two {
    fn new() -> Self {
        let dovecot = Dovecot::shared(Kind::Full);
        let users = [dovecot.fresh_user(), dovecot.fresh_user()];
        let mut client = dovecot.client(&users[0]);
        client.append("INBOX", "", &long_letter("one", "needle"));
        client.append("Archive", "\\Flagged", &long_letter("two", "haystack"));
        let mut client = dovecot.client(&users[1]);
        client.append("INBOX", "\\Flagged", &long_letter("three", "Nähnadel"));
        let two = Self {
            program: Program::new(""),
            dovecot,
            users,
        };
        two.program.write_config(&two.config(dovecot.imaps));
        two.program.run(&["sync"]).expect(0);
        two
    }

    fn config(&self, port_of_work: u16) -> String {
        let headers = |name: &str| format!("[accounts.{name}.sync]\nkeep = \"headers\"\n");
        let [work, home] = ["work", "home"];
        let account = self.dovecot.account(work, &self.users[0]);
        let account = account.replace(
            &format!("port = {}", self.dovecot.imaps),
            &format!("port = {port_of_work}"),
        );
        [
            account,
            headers(work),
            self.dovecot.account(home, &self.users[1]),
            headers(home),
        ]
        .concat()
    }

    fn found(&self, args: &[&str], code: i32) -> Vec<String> {
        let all = [&["search", "--json"], args].concat();
        let rows = self.program.run(&all).expect(code).json();
        rows.iter().map(place).collect()
    }
}

fn place(row: &Value) -> String {
    let text = |key: &str| row[key].as_str().unwrap().to_owned();
    format!(
        "{}/{} {}",
        text("account"),
        text("mailbox"),
        text("message_id")
    )
}

#[test]
fn a_search_goes_through_all_folders_and_accounts_with_the_rows_of_list() {
    let two = Two::new();
    let mut flagged = two.found(&["is:flagged subject:report"], 0);
    flagged.sort();
    assert_eq!(
        flagged,
        [
            "home/INBOX three@example.org",
            "work/Archive two@example.org"
        ]
    );
    assert_eq!(
        two.found(&["is:flagged", "--account", "work"], 0),
        ["work/Archive two@example.org"]
    );
    assert_eq!(
        two.found(&["-is:flagged"], 0),
        ["work/INBOX one@example.org"]
    );
    assert_eq!(two.found(&["report", "--limit", "2"], 0).len(), 2);
    assert_eq!(two.found(&["report", "--offset", "2"], 0).len(), 1);
    let listed = two
        .program
        .run(&["list", "work/INBOX", "--json"])
        .expect(0)
        .stdout;
    let found = two
        .program
        .run(&["search", "in:inbox account:work", "--json"])
        .expect(0)
        .stdout;
    assert_eq!(found, listed);
    let said = two.program.run(&["search", "is:red"]).expect(2);
    assert!(said.stderr.contains("is:red"), "{}", said.stderr);
}

#[test]
fn the_servers_find_what_is_not_here() {
    let two = Two::new();
    assert_eq!(two.found(&["needle"], 0), [""; 0]);
    assert_eq!(
        two.found(&["needle", "--server"], 0),
        ["work/INBOX one@example.org"]
    );
    assert_eq!(
        two.found(&["--server", "body:Nähnadel OR (haystack in:archive)"], 0)
            .len(),
        2
    );
    assert_eq!(two.found(&["--server", "haystack -in:archive"], 0), [""; 0]);
    assert_eq!(
        two.found(&["--server", "body:\"x\\\" OR ALL\""], 0),
        [""; 0],
        "words stay words"
    );
    two.program
        .run(&["search", "--server", "is:attachment"])
        .expect(2);
}

#[test]
fn a_text_that_is_here_is_found_to_its_last_word_without_a_server() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let mut client = dovecot.client(&user);
    client.append("INBOX", "", &long_letter("one", "needlework"));
    client.append("Archive", "", &long_letter("two", "haystack"));
    let program = Program::new(&dovecot.account("work", &user));
    program.run(&["sync"]).expect(0);
    let found = |args: &[&str]| {
        let rows = program.run(args).expect(0).json();
        rows.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(
        found(&["search", "--json", "needle"]),
        ["work/INBOX one@example.org"]
    );
    assert_eq!(
        found(&["list", "Archive", "--json", "--query", "body:haystack"]),
        ["work/Archive two@example.org"]
    );
    program.run(&["cache", "clear"]).expect(0);
    assert_eq!(found(&["search", "--json", "needle"]), [""; 0]);
    program.run(&["sync"]).expect(0);
    // A screen takes in what is new by itself.
    let mut screen = program.screen(&[], 100, 30);
    screen.wait_for("Report one");
    let reader = Store::open(&program.data_dir()).unwrap().reader().unwrap();
    wait_until("the index", || reader.unindexed(1).unwrap().is_empty());
    screen.keys("/needle\r");
    screen.wait_for("1 of 1");
    assert_eq!(screen.quit(), 0);
}

#[test]
fn where_one_server_fails_the_rest_is_found_and_the_exit_code_is_3() {
    let two = Two::new();
    two.program.write_config(&two.config(closed_port()));
    let args = [
        "search",
        "--json",
        "--server",
        "body:Nähnadel OR subject:one",
    ];
    let said = two.program.run(&args).expect(3);
    let found: Vec<String> = said.json().iter().map(place).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        said.stderr
            .starts_with("pillarbox: work: only what is here was searched: "),
        "{}",
        said.stderr
    );
}

#[test]
fn a_message_without_an_id_has_none_in_json() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let letter = "From: ann@example.org\nSubject: nameless\n\nx\n";
    dovecot.client(&user).append("INBOX", "", letter);
    let program = Program::new(&dovecot.account("work", &user));
    program.run(&["sync"]).expect(0);
    let rows = program.run(&["search", "nameless", "--json"]).expect(0);
    assert_eq!(rows.json()[0]["message_id"], Value::Null);
}
