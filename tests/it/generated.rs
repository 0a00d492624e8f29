//! Files and tables that are made from the code: `UPDATE=1 cargo test generated` writes them, every
//! other run only looks whether they are up to date.
//!
//! `config.example.toml` comes from the comments and the `Default`s of `src/config/mod.rs`. A key
//! must never be missing in it.

use crate::support::repository;
use pillarbox::app::{self, Group};
use pillarbox::config::{Account, Config, Directory, Ldap, LeaveOnServer, Server};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

/// Whether to write what is not up to date.
fn is_update() -> bool {
    std::env::var_os("UPDATE").is_some_and(|value| !value.is_empty())
}

/// Holds a file against what it should be.
fn hold(path: &str, wanted: &str) {
    let path = repository(path);
    if is_update() {
        fs::write(&path, wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{} is not up to date; run UPDATE=1 cargo test generated",
        path.display()
    );
}

/// Puts a text between the markers of that name in the README.
fn hold_in_readme(name: &str, wanted: &str) {
    // Several tests write into the same file.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let readme = fs::read_to_string(repository("README.md")).unwrap();
    let (begin, end) = (
        format!("<!-- begin {name} -->\n"),
        format!("<!-- end {name} -->"),
    );
    let (before, rest) = readme
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("no {end}"));
    hold("README.md", &format!("{before}{begin}{wanted}{end}{after}"));
}

/// The keys of a draft and of its review.
fn writing() -> String {
    let mut table = vec![
        "| key | does | where |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    for (place, keys) in [("draft", app::DRAFT_KEYS), ("review", app::REVIEW_KEYS)] {
        table.extend(
            keys.iter()
                .map(|(key, title, _)| format!("| `{key}` | {title} | {place} |")),
        );
    }
    table.join("\n") + "\n"
}

/// The commands as the table of the README shows them.
fn commands() -> String {
    fn rows(prefix: &str, command: &clap::Command, table: &mut Vec<String>) {
        for command in command.get_subcommands() {
            let name = format!("{prefix}{}", command.get_name());
            // What can stand alone is a command of its own beside those below it.
            if command.has_subcommands() && command.get_arguments().next().is_none() {
                rows(&format!("{name} "), command, table);
                continue;
            }
            let arguments: String = command
                .get_arguments()
                .filter(|arg| !arg.is_global_set())
                .map(|arg| format!(" {}", argument(arg)))
                .collect();
            let about = command
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default();
            // A bar would end the cell.
            table.push(format!(
                "| `{name}{}` | {about} |",
                arguments.replace('|', "\\|")
            ));
            rows(&format!("{name} "), command, table);
        }
    }
    let mut table = vec!["| command | does |".to_owned(), "|---|---|".to_owned()];
    rows("", &pillarbox::cli::command(), &mut table);
    let everywhere: Vec<String> = pillarbox::cli::command()
        .get_arguments()
        .filter(|arg| arg.is_global_set())
        .map(|arg| format!("`{}`", argument(arg).trim_matches(['[', ']'])))
        .collect();
    let everywhere = format!("\nWith every command: {}.", everywhere.join(", "));
    table.push(everywhere);
    table.join("\n") + "\n"
}

/// The action table as the README shows it.
fn actions() -> String {
    let mut lines = vec![
        "| action | keys | where |".to_owned(),
        "|---|---|---|".to_owned(),
    ];
    for group in Group::ALL {
        lines.push(format!("| **{}** | | |", group.title()));
        for action in app::actions().iter().filter(|action| action.group == group) {
            let mut keys: Vec<String> = Vec::new();
            for chord in action
                .contexts()
                .flat_map(|context| action.keys_in(context))
            {
                let key = format!("`{}`", chord.replace('|', "\\|"));
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            let places: Vec<&str> = action.contexts().map(app::Context::name).collect();
            let (keys, places) = (keys.join(" "), places.join(", "));
            lines.push(format!("| {} | {keys} | {places} |", action.title));
        }
    }
    lines.join("\n") + "\n"
}

fn argument(arg: &clap::Arg) -> String {
    let value = arg.get_value_names().and_then(|names| names.first());
    let many = if arg.get_num_args().is_some_and(|n| n.max_values() > 1) {
        "…"
    } else {
        ""
    };
    let takes_value = arg.get_action().takes_values();
    let text = match (arg.get_long(), value.filter(|_| takes_value)) {
        (Some(long), Some(value)) => format!("--{long} {value}"),
        (Some(long), None) => format!("--{long}"),
        (None, value) => format!("{}{many}", value.map_or("", |v| v.as_str())),
    };
    if arg.is_required_set() {
        text
    } else {
        format!("[{text}]")
    }
}

/// A key of a struct of the configuration, as its source has it.
#[derive(Debug, Clone)]
struct Field {
    owner: String,
    name: String,
    docs: Vec<String>,
    example: Option<String>,
}

impl Field {
    fn starts_with(&self, words: &str) -> bool {
        self.docs
            .first()
            .is_some_and(|line| line.starts_with(words))
    }
}

/// The keys of a struct, in order, read from the source.
fn fields(owner: &str) -> Vec<Field> {
    let source = fs::read_to_string(repository("src/config/mod.rs")).unwrap();
    let start = format!("pub struct {owner} {{\n");
    let body = source
        .split(&start)
        .nth(1)
        .unwrap_or_else(|| panic!("no struct {owner}"));
    let mut found = Vec::new();
    let (mut docs, mut example) = (Vec::new(), None);
    for line in body.lines().take_while(|line| *line != "}").map(str::trim) {
        if let Some(text) = line.strip_prefix("/// Example: ") {
            example = Some(text.trim_matches('`').to_owned());
        } else if let Some(text) = line.strip_prefix("/// ") {
            docs.push(text.to_owned());
        } else if let Some(field) = line.strip_prefix("pub ") {
            let name = field.split(':').next().unwrap().to_owned();
            assert!(!docs.is_empty(), "{owner}.{name} has no comment");
            found.push(Field {
                owner: owner.to_owned(),
                name,
                docs: std::mem::take(&mut docs),
                example: example.take(),
            });
        }
    }
    found
}

/// The example under construction.
struct Example {
    lines: Vec<String>,
    shown: BTreeSet<String>,
}

const NO_DEFAULT: &str = "# no default";

impl Example {
    fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }

    /// A line of TOML, commented out, and an empty line.
    fn setting(&mut self, toml: &str) {
        self.lines.extend([format!("#{toml}"), String::new()]);
    }

    fn comment(&mut self, lines: &[String]) {
        self.lines
            .extend(lines.iter().map(|line| format!("# {line}")));
    }

    fn header(&mut self, table: &str) {
        self.setting(&format!("[{table}]"));
    }

    /// The keys of one table. `defaults` are the struct's, `wanted` chooses keys.
    fn table(&mut self, owner: &str, defaults: &toml::Table, wanted: impl Fn(&Field) -> bool) {
        for field in fields(owner).into_iter().filter(wanted) {
            let default = defaults.get(&field.name).filter(|v| v.as_str() != Some(""));
            let line = match (default, &field.example) {
                (Some(toml::Value::Table(_)), _) => continue,
                (None, None) if is_table(&field) => continue,
                (Some(value), None) => format!("{} = {value}", field.name),
                (None, Some(example)) => format!("{} = {example}  {NO_DEFAULT}", field.name),
                other => panic!(
                    "{owner}.{}: a default or an example, not {other:?}",
                    field.name
                ),
            };
            self.comment(&field.docs);
            self.setting(&line);
            self.shown.insert(format!("{}.{}", field.owner, field.name));
        }
    }

    /// The comment of a key that is a table, and its header.
    fn section(&mut self, owner: &str, key: &str, table: &str) {
        let field = fields(owner).into_iter().find(|f| f.name == key).unwrap();
        self.comment(&field.docs);
        self.header(table);
        self.shown.insert(format!("{owner}.{key}"));
    }
}

fn is_table(field: &Field) -> bool {
    matches!(
        (field.owner.as_str(), field.name.as_str()),
        ("Account", "imap" | "pop3" | "smtp") | ("Directory", "ldap")
    )
}

fn example() -> Example {
    let head = [
        "# The configuration of Pillarbox. Every key is here, as a comment with its default, or with an",
        "# example where it has none. Take away the # of what you want to set.",
        "# `pillarbox config check` finds mistakes.",
        "",
    ]
    .map(str::to_owned);
    let mut example = Example {
        lines: head.into(),
        shown: BTreeSet::new(),
    };
    let mut server = defaults(&Server::default());
    example.section("Config", "accounts", "accounts.work");
    example.table("Account", &defaults(&Account::default()), |_| true);
    example.section("Account", "imap", "accounts.work.imap");
    example.table("Server", &server, |f| !f.starts_with("POP3 only:"));
    example.section("Account", "smtp", "accounts.work.smtp");
    example.table("Server", &server, |f| f.name == "host");
    example.section("Account", "sync", "accounts.work.sync");
    example.table("Sync", &defaults(&Account::default().sync), |_| true);
    example.section("Account", "folders", "accounts.work.folders");
    example.table("Folders", &defaults(&Account::default().folders), |_| true);
    example.section("Account", "send", "accounts.work.send");
    example.table("Send", &defaults(&Account::default().send), |_| true);
    example
        .lines
        .push("# Another account, with POP3.".to_owned());
    example.header("accounts.old");
    example.setting(&format!("address = \"ann@example.net\"  {NO_DEFAULT}"));
    example.section("Account", "pop3", "accounts.old.pop3");
    example.setting(&format!(
        "password_command = \"pass show old\"  {NO_DEFAULT}"
    ));
    // It is not written out where it is the default, because IMAP servers have no such key.
    let leave = toml::Value::try_from(LeaveOnServer::default()).unwrap();
    server.insert("leave_on_server".to_owned(), leave);
    let is_pop3 = |f: &Field| f.name == "host" || f.starts_with("POP3 only:");
    example.table("Server", &server, is_pop3);
    example.section("Config", "directory", "directory");
    let directory = defaults(&Directory::default());
    example.table("Directory", &directory, |f| f.name != "ldap");
    example.section("Directory", "ldap", "directory.ldap");
    example.table("Ldap", &defaults(&Ldap::default()), |_| true);
    example.section("Config", "ui", "ui");
    example.table("Ui", &defaults(&Config::default().ui), |_| true);
    example.section("Config", "keys", "keys.list");
    example.setting(&format!("archive = [\"a\", \"e\"]  {NO_DEFAULT}"));
    example
}

fn defaults<T: serde::Serialize>(value: &T) -> toml::Table {
    toml::Table::try_from(value).unwrap()
}

/// The settings of an example, no longer comments.
fn uncommented(text: &str, wanted: impl Fn(&str) -> bool) -> String {
    let settings = text.lines().filter_map(|line| line.strip_prefix('#'));
    settings
        .filter(|line| !line.starts_with(' ') && wanted(line))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_commands_in_the_readme_are_up_to_date() {
    hold_in_readme("commands", &commands());
}

#[test]
fn the_actions_in_the_readme_are_up_to_date() {
    hold_in_readme("actions", &actions());
}

#[test]
fn the_keys_of_writing_in_the_readme_are_up_to_date() {
    hold_in_readme("writing", &writing());
}

#[test]
fn the_example_of_the_configuration_is_up_to_date() {
    hold("config.example.toml", &example().text());
}

#[test]
fn the_example_shows_every_key_there_is() {
    let shown = example().shown;
    for owner in ["Account", "Server", "Sync", "Folders", "Send", "Ldap", "Ui"] {
        for field in fields(owner) {
            let key = format!("{owner}.{}", field.name);
            assert!(shown.contains(&key), "{key} is missing");
        }
    }
    // The other direction: serde names what it knows, and the source reader found no less.
    for (owner, document) in [
        ("Config", "zzz = 1"),
        ("Account", "[accounts.a]\nzzz = 1"),
        ("Server", "[accounts.a.imap]\nzzz = 1"),
        ("Sync", "[accounts.a.sync]\nzzz = 1"),
        ("Folders", "[accounts.a.folders]\nzzz = 1"),
        ("Send", "[accounts.a.send]\nzzz = 1"),
        ("Directory", "[directory]\nzzz = 1"),
        ("Ldap", "[directory.ldap]\nzzz = 1"),
        ("Ui", "[ui]\nzzz = 1"),
    ] {
        let error = toml::from_str::<Config>(document).unwrap_err();
        let known: Vec<String> = error
            .message()
            .split('`')
            .skip(3)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        let read: Vec<String> = fields(owner).into_iter().map(|f| f.name).collect();
        assert_eq!(known, read, "{owner}");
    }
}

#[test]
fn the_example_uncommented_is_a_right_configuration() {
    // One way to sign in, not all of them at once.
    let ways = ["password =", "token_command =", "oauth2 ="];
    let text = uncommented(&example().text(), |line| {
        !ways.iter().any(|w| line.starts_with(w))
    });
    let loaded = pillarbox::config::parse(&text, Path::new("config.example.toml")).unwrap();
    assert_eq!(loaded.config.accounts.len(), 2);
    for way in ways {
        let text = uncommented(&example().text(), |line| {
            line.starts_with(way)
                || !line.starts_with("password_command")
                    && !ways.iter().any(|w| line.starts_with(w))
        });
        let text = text.replace(
            "[accounts.old.pop3]",
            "[accounts.old.pop3]\npassword = \"x\"",
        );
        // A directory knows passwords alone.
        let text = if way.starts_with("password") {
            text
        } else {
            text.replace("[directory.ldap]", "[directory.ldap]\npassword = \"x\"")
        };
        pillarbox::config::parse(&text, Path::new("config.example.toml")).unwrap();
    }
}

#[test]
fn the_defaults_that_the_example_shows_are_the_defaults() {
    let text = uncommented(&example().text(), |line| !line.contains(NO_DEFAULT));
    let config: Config = toml::from_str(&text).unwrap();
    let work = config.account("work").unwrap();
    let expected = Account {
        imap: Some(Server::default()),
        smtp: Some(Server::default()),
        ..Account::default()
    };
    assert_eq!(*work, expected);
    let old = config.account("old").unwrap();
    assert_eq!(old.pop3, Some(Server::default()));
    assert_eq!(config.ui, Config::default().ui);
    assert_eq!(config.directory.ldap, Some(Ldap::default()));
}

/// The names of all tests in the repository's own code.
fn tests_of(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_of(&path, names);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let after = text
                .split("test]\n")
                .chain(text.split("test(start_paused = true)]\n"));
            let names_there = after.skip(1).filter_map(|rest| {
                let line = rest.lines().find(|l| !l.trim_start().starts_with('#'))?;
                let (_, name) = line.split_once("fn ")?;
                Some(name.split('(').next()?.to_owned())
            });
            names.extend(names_there);
        }
    }
}

#[test]
fn each_test_that_the_table_of_faults_names_exists() {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests"] {
        tests_of(&repository(folder), &mut names);
    }
    let faults = fs::read_to_string(repository("docs/faults.md")).unwrap();
    let words = faults.split('`').skip(1).step_by(2);
    let named: BTreeSet<&str> = words
        .filter(|word| {
            word.contains('_')
                && word
                    .chars()
                    .all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
        })
        .collect();
    assert!(named.len() > 70, "{} names", named.len());
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !names.contains(**name))
        .collect();
    assert!(missing.is_empty(), "docs/faults.md names {missing:#?}");
}
