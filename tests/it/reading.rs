//! What a reader does with a message on the screen: finding words in it, saving, piping, printing it.
//!
//! The server is Dovecot, the terminal a pty. A test here must look only at what a user sees, and at
//! the files and programs that the user named.

use crate::support::{Dovecot, Kind, Program, Proxy, Screen, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A program on a mailbox with that one message, which is open on a screen of 100 by 30.
fn open(letter: &str, ui: &str) -> (Program, Screen) {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    dovecot.client(&user).append("INBOX", "", letter);
    let config = dovecot.account("work", &user) + "[ui]\n" + ui;
    let program = Program::new(&config);
    let mut screen = program.screen(&[], 100, 30);
    screen.wait_for("Harbour");
    screen.keys("<Enter>");
    screen.wait_for("Esc back");
    (program, screen)
}

/// Closes what is open over the message, and waits until it is: a key sent at once would be taken
/// for one with Alt.
fn close(screen: &mut Screen) {
    screen.keys("<Esc>");
    screen.wait_for("Esc back");
}

const LETTER: &str = "From: Bo <bo@example.org>\nTo: ann@example.org\nSubject: Harbour dues\n\
    Date: Fri, 10 Apr 2026 10:32:00 +0000\nMessage-ID: <dues@example.org>\n\
    Content-Type: text/plain; charset=utf-8\n\n\
    The caf\u{e9} by the quay is open.\n\n> Is there a Cafe?\n> > one\n> > two\n> > a hidden cafe\n\n\
    We meet in the Cafe.\n";

#[test]
fn a_word_is_found_in_the_message_with_its_folded_quotes_and_in_its_source() {
    let (_program, mut screen) = open(LETTER, "");
    screen.wait_for("3 quoted lines");
    screen.keys("/cafe");
    screen.wait_for("a hidden cafe");
    screen.wait_for("1 of 4");
    screen.keys("<Enter>nn");
    screen.wait_for("3 of 4");
    screen.keys("<Esc>");
    screen.wait_for("3 quoted lines");
    screen.keys("HH");
    screen.wait_for("Message-ID: <dues@example.org>");
    screen.keys("/Dues@<Enter>");
    screen.wait_for("is not in this message");
    screen.keys("<C-u>dues@<Enter>");
    screen.wait_for("Esc end the search");
    assert_eq!(screen.quit(), 0);
}

/// A message with a text that lies on the server, a file, and a script that claims to be a picture.
fn with_files(file: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut letter = "From: Bo <bo@example.org>\nTo: ann@example.org\nSubject: Harbour files\n\
        Date: Fri, 10 Apr 2026 23:32:00 -0500\nMIME-Version: 1.0\n\
        Content-Type: multipart/mixed; boundary=\"b\"\n\n\
        --b\nContent-Type: text/plain\n\nFiles, with a long line that a page of paper has to break at seventy-eight columns.\n\
        --b\nContent-Type: application/pdf; name=\"../plan.pdf\"\n\
        Content-Disposition: attachment\nContent-Transfer-Encoding: base64\n\n"
        .to_owned();
    for line in file.chunks(57) {
        let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, line);
        writeln!(letter, "{encoded}").unwrap();
    }
    letter.push_str(
        "--b\nContent-Type: image/png; name=photo.png\nContent-Disposition: attachment\n\n\
         #!/bin/sh\ntouch /tmp/never\n\n--b--\n",
    );
    letter
}

fn pdf() -> Vec<u8> {
    pdf_of(700_000)
}

fn pdf_of(size: u32) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    bytes.extend((0..size).map(|n| u8::try_from(n * 7 % 251).unwrap()));
    bytes
}

/// A program that writes its arguments and what it reads into a folder.
fn witness(folder: &Path) -> PathBuf {
    let path = folder.join("witness");
    let script = format!(
        "#!/bin/sh\nfor a in \"$@\"; do echo \"$a\"; done > {0}/args\ncase \"$1\" in /*) cat \"$1\" > {0}/file; stat -c '%a' \"$1\" \"$(dirname \"$1\")\" > {0}/modes;; *) cat > {0}/input;; esac\necho seen; mv {0}/args {0}/done\n",
        folder.display()
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn files_in(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = all
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn an_attachment_is_opened_as_a_private_copy_that_goes_with_the_program() {
    let seen = tempfile::tempdir().unwrap();
    let ui = format!("open_command = \"{}\"\n", witness(seen.path()).display());
    let (program, mut screen) = open(&with_files(&pdf()), &ui);
    screen.keys("A");
    screen.wait_for("plan.pdf");
    screen.keys("<Enter>");
    wait_until("the viewer to have seen it", || {
        seen.path().join("done").exists()
    });
    assert!(
        fs::read(seen.path().join("file")).unwrap() == pdf(),
        "every byte"
    );
    assert_eq!(
        fs::read_to_string(seen.path().join("modes")).unwrap(),
        "400\n700\n"
    );
    let argument = fs::read_to_string(seen.path().join("done")).unwrap();
    let path = Path::new(argument.trim());
    assert!(
        path.starts_with(program.data_dir()) && path.exists(),
        "{argument}"
    );
    assert!(
        argument.trim().ends_with(".pdf") && !argument.contains("plan"),
        "{argument}"
    );
    // What says that it is a picture is looked into.
    screen.keys("j<Enter>");
    screen.wait_for("it is a program; it can be saved");
    close(&mut screen);
    assert_eq!(screen.quit(), 0);
    assert!(!path.exists(), "the copy is gone");
}

#[test]
fn a_large_file_tells_how_far_it_is_and_stopped_leaves_nothing() {
    /// So many bytes are sent for the file.
    const ENCODED: u64 = 4_100_000;
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let file = pdf_of(3_000_000);
    dovecot
        .client(&user)
        .append("INBOX", "", &with_files(&file));
    let proxy = Proxy::before(dovecot.imap);
    let seen = tempfile::tempdir().unwrap();
    let downloads = tempfile::tempdir().unwrap();
    let config = Dovecot::account_at(proxy.port, "work", &user)
        + &format!(
            "[ui]\nopen_command = \"{}\"\ndownloads = \"{}\"\n",
            witness(seen.path()).display(),
            downloads.path().display()
        );
    let program = Program::new(&config);
    let mut screen = program.screen(&[], 100, 30);
    screen.wait_for("Harbour");
    screen.keys("<Enter>");
    screen.wait_for("Files, with a long line");
    screen.keys("A");
    screen.wait_for("on the server");
    let staged = || {
        let all = files_in(&program.data_dir()).into_iter();
        let folders = all.filter(|name| name.starts_with("open-"));
        folders
            .flat_map(|name| files_in(&program.data_dir().join(name)))
            .count()
    };
    let before = proxy.bytes().1;
    proxy.set_speed(200_000);
    for (key, count) in [
        ("<Enter>", &staged as &dyn Fn() -> usize),
        ("s", &|| files_in(downloads.path()).len()),
    ] {
        screen.keys(key);
        screen.wait("how far it is", |text| {
            text.contains("K of 4.1 M   x stops")
        });
        assert_eq!(count(), 1, "the file that is not whole yet");
        screen.keys("x");
        screen.wait_for("Stopped; nothing of it is left");
        wait_until("nothing to be left", || count() == 0);
        screen.wait_for("on the server");
    }
    proxy.set_speed(0);
    screen.keys("<Enter>");
    wait_until("the viewer to have seen it", || {
        seen.path().join("done").exists()
    });
    assert!(
        fs::read(seen.path().join("file")).unwrap() == file,
        "every byte"
    );
    // What was stopped was not sent to its end: the connection was free for the one that was not.
    let sent = proxy.bytes().1 - before;
    assert!(
        (ENCODED..2 * ENCODED).contains(&sent),
        "{sent} bytes were sent"
    );
    assert_eq!(files_in(downloads.path()), [""; 0]);
    close(&mut screen);
    assert_eq!(screen.quit(), 0);
}

#[test]
fn a_copy_that_a_killed_program_left_is_gone_after_the_next_start() {
    let seen = tempfile::tempdir().unwrap();
    let ui = format!("open_command = \"{}\"\n", witness(seen.path()).display());
    let (program, mut screen) = open(&with_files(&pdf()), &ui);
    screen.keys("A<Enter>");
    wait_until("the viewer to have seen it", || {
        seen.path().join("done").exists()
    });
    screen.kill_at_once();
    let argument = fs::read_to_string(seen.path().join("done")).unwrap();
    assert!(Path::new(argument.trim()).exists());
    let mut screen = program.screen(&[], 100, 30);
    screen.wait_for("Harbour");
    assert!(!Path::new(argument.trim()).exists());
    assert_eq!(screen.quit(), 0);
}

#[test]
fn attachments_and_messages_are_saved_whole_and_never_over_a_file() {
    let downloads = tempfile::tempdir().unwrap();
    fs::write(downloads.path().join("plan.pdf"), "mine").unwrap();
    let ui = format!("downloads = \"{}\"\n", downloads.path().display());
    let (_program, mut screen) = open(&with_files(&pdf()), &ui);
    screen.keys("As");
    screen.wait_for("plan (2).pdf");
    close(&mut screen);
    screen.keys("E");
    screen.wait_for("Harbour files.eml");
    let names = ["2026-04-10 Harbour files.eml", "plan (2).pdf", "plan.pdf"];
    assert_eq!(files_in(downloads.path()), names);
    assert_eq!(
        fs::read(downloads.path().join("plan.pdf")).unwrap(),
        b"mine"
    );
    assert!(fs::read(downloads.path().join("plan (2).pdf")).unwrap() == pdf());
    let eml = downloads.path().join("2026-04-10 Harbour files.eml");
    assert_eq!(
        fs::metadata(&eml).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = fs::read_to_string(eml).unwrap();
    let sent = with_files(&pdf());
    assert!(text.replace("\r\n", "\n").trim_end() == sent.trim_end());
    assert_eq!(screen.quit(), 0);
}

#[test]
fn a_program_reads_the_message_the_file_or_the_page() {
    let seen = tempfile::tempdir().unwrap();
    let path = witness(seen.path());
    let ui = format!("print_command = \"{} -d office\"\n", path.display());
    let (_program, mut screen) = open(&with_files(&pdf()), &ui);
    let input = || fs::read(seen.path().join("input")).unwrap();
    let next = |what: &str| {
        wait_until(what, || seen.path().join("done").exists());
        fs::remove_file(seen.path().join("done")).unwrap();
    };
    screen.keys(&format!("|{} --whole\r", path.display()));
    next("the message");
    screen.wait_for("seen");
    assert!(input().starts_with(b"From: Bo") && input().len() > 900_000);
    close(&mut screen);
    screen.keys("A|sh -c 'head -c 8; echo; exit 3'\r");
    screen.wait_for("%PDF-1.7");
    screen.wait_for("sh failed: it ended with 3");
    close(&mut screen);
    screen.keys(":print\r");
    next("the page");
    let page = String::from_utf8(input()).unwrap();
    assert!(page.contains("Subject: Harbour files\n") && page.contains("Files, with a long line"));
    assert!(page.lines().all(|line| line.len() <= 78), "{page}");
    screen.wait_for("seen");
    close(&mut screen);
    screen.keys("|no-such-program\r");
    screen.wait_for("no-such-program cannot be found on the path");
    // A program that gets the terminal, and gives it back.
    screen.keys("|!sh -c 'read line; echo got: $line > /dev/tty; read key < /dev/tty'\r");
    screen.wait_for("got: From: Bo");
    screen.keys("\r");
    screen.wait_for("Esc back");
    assert_eq!(screen.quit(), 0);
}

#[test]
fn a_thread_is_read_as_one_conversation_with_the_answer_from_sent() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let mut client = dovecot.client(&user);
    let letter = |from: &str, id: &str, after: &str, hour: u8, text: &str| {
        format!(
            "From: {from}\nTo: somebody@example.org\nSubject: Harbour plan\nMessage-ID: <{id}@example.org>\n{after}\
             Date: Fri, 10 Apr 2026 {hour}:00:00 +0000\n\n{text}\n"
        )
    };
    let at = |hour: u8| format!("10-Apr-2026 {hour}:00:05 +0000");
    let answer = "In-Reply-To: <one@example.org>\nReferences: <one@example.org>\n";
    let last = "In-Reply-To: <two@example.org>\nReferences: <one@example.org> <two@example.org>\n";
    client.append_at(
        "INBOX",
        "\\Seen",
        &at(10),
        &letter("bo@example.org", "one", "", 10, "Shall we?"),
    );
    let own = format!("{user}@example.org");
    client.append_at(
        "Sent",
        "\\Seen",
        &at(11),
        &letter(&own, "two", answer, 11, "Gladly, at noon."),
    );
    client.append_at(
        "INBOX",
        "",
        &at(12),
        &letter("bo@example.org", "three", last, 12, "Noon it is."),
    );
    let program = Program::new(&dovecot.account("work", &user));
    program.run(&["sync"]).expect(0);
    let mut screen = program.screen(&[], 100, 30);
    screen.wait_for("Harbour plan");
    screen.keys("gc");
    screen.wait_for("Noon it is.");
    screen.wait_for("message 3 of 3");
    screen.keys("k");
    screen.wait_for("Gladly, at noon.");
    screen.wait_for("message 2 of 3");
    screen.keys("k");
    screen.wait_for("Shall we?");
    // What a key does, it does to the one at hand.
    screen.keys("s");
    screen.wait_for("Starred message");
    screen.keys("jd");
    screen.wait_for("message 2 of 2");
    screen.keys("u");
    screen.wait_for(" of 3");
    assert_eq!(screen.quit(), 0);
}
