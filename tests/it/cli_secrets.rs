//! No password leaves the configuration but to its server: not into files, logs, output or a core.
//!
//! Everything the program writes is searched for the password as it is and in every form that goes
//! over the wire. A new place that the program writes to must be below its folder to be found here.

use crate::support::post::Post;
use crate::support::{Dovecot, Kind, Program, TELLING, closed_port};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use pillarbox::demo::smtp::Options as Offer;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The password itself, and what is the same of its base64 wherever in a text it begins.
fn forms(user: &str) -> Vec<String> {
    let mut forms = vec![TELLING.to_owned(), TELLING.to_uppercase()];
    for text in [format!("\0{user}\0{TELLING}"), TELLING.to_owned()] {
        forms.push(STANDARD_NO_PAD.encode(text));
    }
    for before in 0..3_usize {
        let encoded = STANDARD_NO_PAD.encode(format!("{}{TELLING}", "x".repeat(before)));
        // The first characters hold bits of what stands before, the last of what comes after.
        let own = (before * 8).div_ceil(6)..encoded.len() - 2;
        forms.push(encoded.get(own).unwrap().to_owned());
    }
    forms.push(TELLING.bytes().map(|b| format!("{b:02x}")).collect());
    // How a list of bytes is shown by `{:?}`.
    let bytes = format!("{:?}", TELLING.as_bytes());
    forms.push(bytes.trim_matches(['[', ']']).to_owned());
    forms
}

fn holds(bytes: &[u8], form: &str) -> bool {
    bytes
        .windows(form.len())
        .any(|window| window == form.as_bytes())
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), found);
        } else if entry.file_type().unwrap().is_file() {
            found.push(entry.path());
        }
    }
}

#[test]
fn the_search_finds_each_form_where_there_is_one() {
    let forms = forms("ann");
    assert!(
        forms
            .iter()
            .all(|form| form.len() >= 20 || form.len() >= TELLING.len())
    );
    let sasl = base64::engine::general_purpose::STANDARD.encode(format!("\0ann\0{TELLING}"));
    let line = format!("C: A1 AUTHENTICATE PLAIN {sasl}\r\n");
    assert!(
        forms
            .iter()
            .filter(|form| holds(line.as_bytes(), form))
            .count()
            >= 2
    );
    let debug = format!("{:?}", format!("LOGIN ann {TELLING}").as_bytes());
    assert!(forms.iter().any(|form| holds(debug.as_bytes(), form)));
    assert!(!forms.iter().any(|form| holds(b"LOGIN ann (hidden)", form)));
}

/// Everything said by commands and a screen, with good and bad servers.
fn run_everything(program: &Program, configs: &[String]) -> Vec<(String, Vec<u8>)> {
    let mut said = Vec::new();
    let listing = ["list", "INBOX", "--json"];
    for (n, config) in configs.iter().enumerate() {
        program.write_config(config);
        let id = program.run(&listing).stdout.lines().next().map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            row["id"].to_string()
        });
        let id = id.unwrap_or_else(|| "1".to_owned());
        let commands: [&[&str]; 21] = [
            &["sync", "--json"],
            &["sync"],
            &["mailboxes", "--json"],
            &listing,
            &["show", &id],
            &["show", &id, "--json"],
            &["show", &id, "--raw"],
            &["flag", &id, "--add", "flagged"],
            &["tag", &id, "--add", "t"],
            &["mailbox", "create", "New"],
            &["copy", &id, "Sent"],
            &["archive", &id],
            &["undo"],
            &["send", "letter.eml"],
            &["send", "letter.eml", "--offline"],
            &["outbox", "--json"],
            &["journal", "--json"],
            &["config", "check"],
            &["config", "show"],
            &["doctor", "--json"],
            &["doctor"],
        ];
        for args in commands {
            let (_, stdout, stderr) = program.run_bytes(args, "");
            said.push((format!("config {n}, {args:?}: stdout"), stdout));
            said.push((format!("config {n}, {args:?}: stderr"), stderr));
        }
        let mut screen = program.screen(&[], 120, 30);
        screen.wait_for("Secret letter");
        screen.keys("<Enter>");
        // The list, which shows these words too, is away then.
        screen.wait_for("Esc back");
        screen.wait_for("nothing to see");
        screen.keys("HH");
        screen.wait_for("Subject: Secret letter");
        assert_eq!(screen.quit(), 0, "{}", screen.text());
        said.push((format!("config {n}: screen"), screen.raw()));
    }
    said
}

/// A configuration with the outgoing server, whose password is wrong where the other one is.
fn with_outgoing(post: &Post, config: &str) -> String {
    let is_plain = config.contains("accounts.plain");
    let table = post.table(if is_plain { "plain" } else { "work" });
    if config.contains("-not") {
        let table = table.replace(TELLING, &format!("{TELLING}-not"));
        return format!("{config}{table}");
    }
    format!("{config}{table}")
}

#[test]
fn a_password_goes_to_its_server_and_nowhere_else() {
    let dovecot = Dovecot::shared(Kind::Full);
    // On two servers: no other test may have that name on either.
    let user = "keeper".to_owned();
    let letter = "From: a@example.org\nSubject: Secret letter\n\nnothing to see\n";
    dovecot.deliver(&user, "INBOX", letter);
    let program = Program::new("").with("PILLARBOX_LOG", "trace");
    let secret = program.folder().join("secret");
    fs::write(&secret, format!("{TELLING}\n")).unwrap();
    let tls = dovecot
        .account("work", &user)
        .replace("\"pass\"", &format!("\"{TELLING}\""));
    let port = format!("port = {}", dovecot.imaps);
    let command = format!("password_command = \"cat {}\"", secret.display());
    let configs = [
        tls.clone(),
        tls.replace(
            &port,
            &format!("port = {}\ntls = \"starttls\"", dovecot.imap),
        ),
        tls.replace(&port, &format!("port = {}\ntls = \"none\"", dovecot.imap)),
        tls.replace(&format!("password = \"{TELLING}\""), &command),
        // Refused: the server's words and ours are about a login that failed.
        tls.replace(TELLING, &format!("{TELLING}-not")),
        // A plain server: LOGIN instead of AUTHENTICATE.
        tls.replace("accounts.work", "accounts.plain")
            .replace(
                &port,
                &format!("port = {}", Dovecot::shared(Kind::Plain).imaps),
            )
            .replace(
                &dovecot.ca_file.display().to_string(),
                &Dovecot::shared(Kind::Plain).ca_file.display().to_string(),
            ),
        tls.replace(&port, &format!("port = {}", closed_port())),
    ];
    Dovecot::shared(Kind::Plain).deliver(&user, "INBOX", letter);
    let post = Post::start(Offer {
        user: user.clone(),
        password: TELLING.to_owned(),
        ..Offer::default()
    });
    let configs = configs.map(|config| with_outgoing(&post, &config));
    let outgoing = letter.replace("Subject", "To: b@example.org\nSubject");
    fs::write(program.folder().join("letter.eml"), outgoing).unwrap();
    let said = run_everything(&program, &configs);
    assert!(!post.taken().is_empty(), "nothing was sent");
    fs::remove_file(&secret).unwrap();
    let mut written = Vec::new();
    files(program.folder(), &mut written);
    let own = program.config_file();
    let kept: Vec<&PathBuf> = written.iter().filter(|path| **path != own).collect();
    let names: Vec<&str> = kept
        .iter()
        .filter_map(|path| path.file_name()?.to_str())
        .collect();
    for name in ["own.db", "mirror.db", "content.db", "pillarbox.log"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let log = fs::read_to_string(program.data_dir().join("pillarbox.log")).unwrap();
    assert!(
        log.contains("TRACE") || log.contains("DEBUG"),
        "the log is at its finest"
    );
    let files = kept
        .iter()
        .map(|path| (path.display().to_string(), fs::read(path).unwrap()));
    let all: Vec<(String, Vec<u8>)> = files.chain(said).collect();
    for form in forms(&user) {
        for (place, bytes) in &all {
            assert!(!holds(bytes, &form), "{form:?} is in {place}");
        }
    }
}

#[test]
fn a_crash_leaves_no_memory_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let [config, limit] = ["config.toml", "limit"].map(|name| folder.path().join(name));
    // What the program runs inherits its limit.
    let account = format!(
        "[accounts.work]\naddress = \"a@example.org\"\n[accounts.work.imap]\nhost = \"localhost\"\n\
         port = {}\npassword_command = \"ulimit -S -c > {}; exit 1\"\n",
        closed_port(),
        limit.display()
    );
    fs::write(&config, account).unwrap();
    let raised = "ulimit -S -c $(ulimit -H -c); exec \"$0\" \"$@\"";
    let status = Command::new("sh")
        .args(["-c", raised, env!("CARGO_BIN_EXE_pillarbox"), "sync"])
        .env("PILLARBOX_CONFIG", &config)
        .env("PILLARBOX_DATA_DIR", folder.path().join("data"))
        .stderr(Stdio::null())
        .status();
    assert_eq!(status.unwrap().code(), Some(1));
    assert_eq!(fs::read_to_string(&limit).unwrap().trim(), "0");
}
