//! `pillarbox doctor` against servers that are well and servers that are not.
//!
//! Every fault must be found at its own step, in plain words, with what to do in the names that the
//! configuration uses.

use crate::support::slapd::{BASE, Slapd};
use crate::support::{Dovecot, Kind, Program, closed_port, wait_until};
use pillarbox::demo::{pop3, smtp};
use serde_json::Value;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn account(host: &str, port: u16, more: &str) -> String {
    format!(
        "[accounts.work]\naddress = \"ann@example.org\"\n[accounts.work.imap]\nhost = \"{host}\"\n\
         port = {port}\nuser = \"ann\"\n{more}\n"
    )
}

fn ca(path: &Path) -> String {
    format!("password = \"pass\"\nca_file = \"{}\"", path.display())
}

fn doctor(config: &str, code: i32) -> Vec<Value> {
    let program = Program::new(config);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(program.config_file(), mode).unwrap();
    let output = program.run(&["doctor", "--json"]).expect(code);
    assert_eq!(output.stderr, "");
    let rows = output.json();
    for row in &rows {
        let keys: Vec<&str> = row
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, ["check", "detail", "ok", "remedy"]);
        assert!(row["ok"].is_boolean() && row["check"].is_string());
        let is_answered = row["ok"] == true || !row["remedy"].as_str().unwrap().is_empty();
        assert!(is_answered, "a fault has a remedy: {row}");
    }
    let text = program.run(&["doctor"]).expect(code).stdout;
    for row in rows.iter().filter(|row| row["ok"] == false) {
        assert!(
            text.contains(&format!("BAD {}", row["check"].as_str().unwrap())),
            "{text}"
        );
    }
    rows
}

/// The one fault that is found, as `check`, `detail`, `remedy`.
fn fault(config: &str) -> [String; 3] {
    let rows = doctor(config, 1);
    let bad: Vec<&Value> = rows.iter().filter(|row| row["ok"] == false).collect();
    assert_eq!(bad.len(), 1, "{rows:#?}");
    ["check", "detail", "remedy"].map(|key| bad[0][key].as_str().unwrap().to_owned())
}

fn assert_words(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} in {text:?}");
    }
}

#[test]
fn a_good_server_is_found_well_step_by_step() {
    let dovecot = Dovecot::shared(Kind::Full);
    let rows = doctor(
        &account("localhost", dovecot.imaps, &ca(&dovecot.ca_file)),
        0,
    );
    let checks: Vec<&str> = rows
        .iter()
        .map(|row| row["check"].as_str().unwrap())
        .collect();
    let all = [
        "configuration",
        "store",
        "terminal",
        "locale",
        "gpg",
        "spelling",
        "editor",
        "work imap: name",
        "work imap: connection",
        "work imap: certificate",
        "work imap: sign-in",
        "work imap: capabilities",
    ];
    assert_eq!(checks, all);
    assert!(rows.iter().all(|row| row["ok"] == true));
    assert_words(rows[11]["detail"].as_str().unwrap(), &["IDLE", "CONDSTORE"]);
    assert_words(
        rows[9]["detail"].as_str().unwrap(),
        &["valid for localhost"],
    );
}

#[test]
fn a_server_over_starttls_is_found_well() {
    let dovecot = Dovecot::shared(Kind::Full);
    let more = ca(&dovecot.ca_file) + "\ntls = \"starttls\"";
    doctor(&account("localhost", dovecot.imap, &more), 0);
}

#[test]
fn what_a_plain_server_lacks_is_said_with_what_is_done_instead() {
    let dovecot = Dovecot::shared(Kind::Plain);
    let rows = doctor(
        &account("localhost", dovecot.imaps, &ca(&dovecot.ca_file)),
        0,
    );
    let told = rows.last().unwrap()["detail"].as_str().unwrap();
    assert_words(told, &["not offered: IDLE (", "MOVE (", "CONDSTORE ("]);
}

#[test]
fn a_wrong_password_is_found_at_the_sign_in() {
    let dovecot = Dovecot::shared(Kind::Full);
    let more = ca(&dovecot.ca_file).replace("\"pass\"", "\"not-the-password\"");
    let config = account("localhost", dovecot.imaps, &more);
    let [check, detail, remedy] = fault(&config);
    assert_eq!(check, "work imap: sign-in");
    assert_words(&detail, &["localhost", "refused the login"]);
    assert_words(&remedy, &["password"]);
    assert!(!(detail + &remedy).contains("not-the-password"));
    let rows = doctor(&config, 1);
    let certificate = rows
        .iter()
        .find(|row| row["check"] == "work imap: certificate")
        .unwrap();
    assert_eq!(certificate["ok"], true, "the connection was good");
}

#[test]
fn a_password_command_that_fails_is_named() {
    let dovecot = Dovecot::shared(Kind::Full);
    let more = ca(&dovecot.ca_file).replace("password = \"pass\"", "password_command = \"exit 7\"");
    let [check, detail, _] = fault(&account("localhost", dovecot.imaps, &more));
    assert_eq!(check, "work imap: secret");
    assert_words(&detail, &["password_command", "7"]);
}

#[test]
fn a_closed_port_and_an_unknown_host_are_found_before_anything_is_sent() {
    let port = closed_port();
    let [check, detail, remedy] = fault(&account("localhost", port, "password = \"pass\""));
    assert_eq!(check, "work imap: connection");
    assert_words(&detail, &[&port.to_string(), "localhost"]);
    assert_words(&remedy, &["port", "tls"]);
    let [check, detail, remedy] =
        fault(&account("no-such-host.invalid", 993, "password = \"pass\""));
    assert_eq!(check, "work imap: name");
    assert_words(&detail, &["no-such-host.invalid"]);
    assert_words(&remedy, &["host"]);
}

#[test]
fn an_unknown_authority_is_answered_with_ca_file() {
    let dovecot = Dovecot::shared(Kind::Full);
    let [check, detail, remedy] =
        fault(&account("localhost", dovecot.imaps, "password = \"pass\""));
    assert_eq!(check, "work imap: certificate");
    assert_words(&detail, &["certificate of localhost", "nothing was sent"]);
    assert_words(&remedy, &["`ca_file`"]);
}

#[test]
fn a_ca_file_that_is_not_there_is_named() {
    let dovecot = Dovecot::shared(Kind::Full);
    let [check, detail, remedy] = fault(&account(
        "localhost",
        dovecot.imaps,
        &ca(Path::new("/nonexistent/root.pem")),
    ));
    assert_eq!(check, "work imap: certificate");
    assert_words(&detail, &["/nonexistent/root.pem"]);
    assert_words(&remedy, &["`ca_file`"]);
}

#[test]
fn a_certificate_for_another_name_is_answered_with_host() {
    let dovecot = Dovecot::shared(Kind::Full);
    // Systems take this for 127.0.0.1; the certificate knows no such name.
    let [check, detail, remedy] = fault(&account("127.1", dovecot.imaps, &ca(&dovecot.ca_file)));
    assert_eq!(check, "work imap: certificate");
    assert_words(&detail, &["127.1", "another name"]);
    assert_words(&remedy, &["`host`"]);
}

#[test]
fn tls_and_port_that_do_not_match_are_answered_with_their_keys() {
    let dovecot = Dovecot::shared(Kind::Full);
    let [_, detail, remedy] = fault(&account("localhost", dovecot.imap, &ca(&dovecot.ca_file)));
    assert_words(&detail, &["localhost", "TLS"]);
    assert_words(&remedy, &["`port`", "`tls`", "starttls"]);
}

/// A server with a certificate that was good once.
struct Expired {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Expired {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let openssl = |args: &str| {
            let out = Command::new("openssl")
                .args(args.split(' '))
                .current_dir(folder.path())
                .output()
                .unwrap();
            assert!(
                out.status.success(),
                "openssl {args}: {}",
                String::from_utf8_lossy(&out.stderr)
            );
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        openssl(&format!(
            "req -x509 {key} -days 30 -subj /CN=Old-Root -keyout ca.key -out ca.pem \
             -addext keyUsage=critical,keyCertSign,cRLSign"
        ));
        openssl(&format!(
            "req {key} -subj /CN=localhost -keyout old.key -out old.csr"
        ));
        fs::write(
            folder.path().join("old.ext"),
            "subjectAltName=DNS:localhost\n",
        )
        .unwrap();
        fs::write(folder.path().join("index"), "").unwrap();
        fs::write(
            folder.path().join("ca.conf"),
            "[ca]\ndefault_ca = old\n[old]\ndatabase = index\nnew_certs_dir = .\nrand_serial = yes\n\
             default_md = sha256\npolicy = any\n[any]\ncommonName = supplied\n",
        )
        .unwrap();
        openssl(
            "ca -batch -config ca.conf -cert ca.pem -keyfile ca.key -in old.csr -out old.pem -notext \
             -extfile old.ext -startdate 20200101000000Z -enddate 20210101000000Z",
        );
        let port = closed_port();
        let child = Command::new("openssl")
            .args([
                "s_server", "-quiet", "-cert", "old.pem", "-key", "old.key", "-accept",
            ])
            .arg(format!("127.0.0.1:{port}"))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until("openssl s_server", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self {
            child,
            folder,
            port,
        }
    }
}

impl Drop for Expired {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn an_expired_certificate_is_told_as_expired() {
    let server = Expired::start();
    let file = server.folder.path().join("ca.pem");
    let [check, detail, remedy] = fault(&account("localhost", server.port, &ca(&file)));
    assert_eq!(check, "work imap: certificate");
    assert_words(&detail, &["localhost", "has expired", "nothing was sent"]);
    assert_words(&remedy, &["clock"]);
}

#[test]
fn only_the_named_account_is_looked_at_and_others_can_read_no_password() {
    let dovecot = Dovecot::shared(Kind::Full);
    let closed = account("localhost", closed_port(), "password = \"pass\"").replace("work", "away");
    let program =
        Program::new(&(closed + &account("localhost", dovecot.imaps, &ca(&dovecot.ca_file))));
    let mode = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(program.config_file(), mode).unwrap();
    };
    mode(0o600);
    program.run(&["doctor", "--account", "work"]).expect(0);
    program.run(&["doctor"]).expect(1);
    mode(0o644);
    let rows = program
        .run(&["doctor", "--account", "work", "--json"])
        .expect(1)
        .json();
    let row = rows.iter().find(|row| row["ok"] == false).unwrap();
    assert_eq!(row["check"], "configuration: secrets");
    assert_words(row["remedy"].as_str().unwrap(), &["chmod 600"]);
}

/// A server of the demo's on a port of its own, until the test ends.
fn demo_server<F>(
    serve: impl FnOnce(tokio::net::TcpListener) -> F,
) -> (tokio::runtime::Runtime, u16)
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listening = tokio::net::TcpListener::bind(("127.0.0.1", 0));
    let listener = runtime.block_on(listening).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(runtime.spawn(serve(listener)));
    (runtime, port)
}

fn submission_server() -> (tokio::runtime::Runtime, u16) {
    let offer = smtp::Options::default().without(&["DSN", "PIPELINING"]);
    let peer = smtp::Peer::new(offer, |_| ());
    demo_server(|listener| smtp::serve(listener, peer))
}

fn pop3_account(host: &str, port: u16, more: &str) -> String {
    account(host, port, more).replace(".imap]", ".pop3]")
}

/// An account at a POP3 server of the demo's that behaves like this.
fn pop3_server(options: pop3::Options) -> (tokio::runtime::Runtime, pop3::Peer, String) {
    let peer = pop3::Peer::new(options);
    for _ in 0..3 {
        peer.maildrop().deliver("Subject: x\r\n\r\n");
    }
    let server = peer.clone();
    let (runtime, port) = demo_server(|listener| pop3::serve(listener, server));
    let config = pop3_account("127.0.0.1", port, "tls = \"none\"\npassword = \"secret\"");
    (runtime, peer, config)
}

#[test]
fn a_good_pop3_server_is_found_well_step_by_step() {
    let dovecot = Dovecot::shared(Kind::Bare);
    for (port, tls) in [(dovecot.pop3s, "implicit"), (dovecot.pop3, "starttls")] {
        let more = ca(&dovecot.ca_file) + &format!("\ntls = \"{tls}\"");
        let rows = doctor(&pop3_account("localhost", port, &more), 0);
        let steps: Vec<&str> = rows
            .iter()
            .filter_map(|row| row["check"].as_str().unwrap().strip_prefix("work pop3: "))
            .collect();
        let all = [
            "name",
            "connection",
            "certificate",
            "sign-in",
            "mail",
            "ids",
            "capabilities",
        ];
        assert_eq!(steps, all);
        let last = rows.last().unwrap()["detail"].as_str().unwrap();
        assert_words(last, &["UIDL", "PIPELINING", "nothing of use is missing"]);
    }
}

#[test]
fn what_a_pop3_server_lacks_or_wants_is_said_with_what_follows() {
    let options = pop3::Options {
        login_delay: Some(std::time::Duration::from_secs(1)),
        ..pop3::Options::default().without(&["TOP", "PIPELINING", "EXPIRE"])
    };
    let (_runtime, _peer, config) = pop3_server(options.with(&["EXPIRE 30"]));
    // Twice is too often for this server.
    let program = Program::new(&config);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(program.config_file(), mode).unwrap();
    let rows = program.run(&["doctor", "--json"]).expect(0).json();
    let told = |check: &str| {
        let check = format!("work pop3: {check}");
        let row = rows.iter().find(|row| row["check"] == check).unwrap();
        row["detail"].as_str().unwrap().to_owned()
    };
    assert_words(&told("mail"), &["messages on the server: 3"]);
    assert_words(
        &told("capabilities"),
        &["not offered: TOP (", "PIPELINING ("],
    );
    assert_words(&told("interval"), &["1 s between two sign-ins"]);
    assert_words(&told("keeping"), &["after 30 days"]);
}

#[test]
fn a_pop3_server_whose_ids_are_none_is_a_fault_where_mail_stays_there() {
    for options in [
        pop3::Options::default().without(&["UIDL"]),
        pop3::Options {
            uids: pop3::Uids::Doubled,
            ..pop3::Options::default()
        },
    ] {
        let (_runtime, peer, config) = pop3_server(options);
        let [check, detail, remedy] = fault(&config);
        assert_eq!(check, "work pop3: ids");
        assert_words(&detail, &["UIDL", "each time"]);
        assert_words(&remedy, &["leave_on_server = false"]);
        doctor(&(config + "leave_on_server = false\n"), 0);
        assert_eq!(peer.maildrop().messages().len(), 3);
        assert!(!peer.log().iter().any(|line| line.starts_with("RETR")));
    }
}

#[test]
fn a_maildrop_that_is_in_use_is_no_wrong_password() {
    let (_runtime, peer, config) = pop3_server(pop3::Options::default());
    peer.maildrop().set_held(true);
    let [check, detail, remedy] = fault(&config);
    assert_eq!(check, "work pop3: session");
    assert_words(&detail, &["IN-USE"]);
    assert_words(&remedy, &["Another program"]);
    let wrong = config.replace("\"secret\"", "\"guess\"");
    let [check, _, remedy] = fault(&wrong);
    assert_eq!(check, "work pop3: sign-in");
    assert_words(&remedy, &["password"]);
}

#[test]
fn the_way_out_is_looked_at_as_the_way_in_is() {
    let dovecot = Dovecot::shared(Kind::Full);
    let (_runtime, port) = submission_server();
    let config = |password: &str| {
        let incoming = account("localhost", dovecot.imaps, &ca(&dovecot.ca_file));
        format!(
            "{incoming}[accounts.work.smtp]\nhost = \"localhost\"\nport = {port}\ntls = \"none\"\n\
             password = \"{password}\"\n"
        )
    };
    let rows = doctor(&config("secret"), 0);
    let last = rows.last().unwrap();
    assert_eq!(last["check"], "work smtp: capabilities");
    assert_words(
        last["detail"].as_str().unwrap(),
        &["8BITMIME", "not offered: DSN (", "PIPELINING ("],
    );
    let [check, detail, remedy] = fault(&config("wrong"));
    assert_eq!(check, "work smtp: sign-in");
    assert_words(&detail, &["refused the login", "535"]);
    assert_words(&remedy, &["password"]);
}

#[test]
fn each_source_of_addresses_that_does_not_work_is_named() {
    let dovecot = Dovecot::shared(Kind::Full);
    let good = account("localhost", dovecot.imaps, &ca(&dovecot.ca_file));
    let port = closed_port();
    for (tables, check, words) in [
        (
            "[directory]\nvcards = [\"/nonexistent/x.vcf\"]".to_owned(),
            "addresses: contacts",
            "/nonexistent/x.vcf",
        ),
        (
            "[directory]\ncommand = \"no-such-program %s\"".to_owned(),
            "addresses: command",
            "no-such-program",
        ),
        (
            format!(
                "[directory.ldap]\nurl = \"ldap://127.0.0.1:{port}\"\nbase = \"dc=x\"\ntls = \"none\""
            ),
            "addresses: LDAP",
            "127.0.0.1",
        ),
        (
            "[directory.ldap]\nurl = \"ldaps://x\"\nbase = \"dc=x\"\nfilter = \"(cn=%s\""
                .to_owned(),
            "addresses: LDAP",
            "bracket",
        ),
    ] {
        let [found, detail, remedy] = fault(&format!("{good}\n{tables}\n"));
        assert_eq!(found, check);
        assert_words(&detail, &[words]);
        assert!(!remedy.is_empty());
    }
    let Some(slapd) = Slapd::shared() else { return };
    let ldap = |base: &str| {
        let port = slapd.ldap;
        format!(
            "{good}\n[directory.ldap]\nurl = \"ldap://127.0.0.1:{port}\"\nbase = \"{base}\"\ntls = \"none\"\n"
        )
    };
    let rows = doctor(&ldap(BASE), 0);
    assert!(
        rows.iter()
            .any(|row| row["check"] == "addresses: LDAP" && row["ok"] == true)
    );
    let [_, _, remedy] = fault(&ldap("dc=other"));
    assert_words(&remedy, &["base"]);
}
