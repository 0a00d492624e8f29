//! A message in the browser: what the program that opens pages gets to see.
//!
//! The browser here only copies what it is given. A test must look at all of that file, since a browser
//! would.

use crate::support::{Dovecot, Kind, Program, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const MAIL: &str = "From: Fern <fern@example.com>\nSubject: What to <sow>\nMIME-Version: 1.0\n\
Content-Type: multipart/related; boundary=b\n\n\
--b\nContent-Type: text/html; charset=utf-8\n\n\
<html><head><meta http-equiv=refresh content='0;url=http://evil.example/r'><script>evil()</script></head>\n\
<body background='http://evil.example/bg.png' onload='evil()'><p>Garlic, cloves down.</p>\n\
<img src='cid:garlic@example.com' width=320 alt='Garlic'><img src='http://evil.example/open?u=1' width=1 height=1>\n\
<div style='background:url(http://evil.example/x.png)'>deep</div><form action='http://evil.example/f'><input name=q></form>\n\
<a href='https://fern.example.com/guide'>the guide</a></body></html>\n\
--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\nContent-ID: <garlic@example.com>\n\n\
iVBORw0KGgpnYXJsaWM=\n--b--\n";

/// A folder with a program in it that takes what it is to open for itself.
fn fake_browser(folder: &Path) -> std::io::Result<std::path::PathBuf> {
    let bin = folder.join("bin");
    fs::create_dir(&bin)?;
    let opener = bin.join("xdg-open");
    let seen = folder.join("seen.html");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$#\" \"$1\" > '{0}.args'\nls -ld \"$1\" \"${{1%/*}}\" > '{0}.modes'\n\
         cp \"$1\" '{0}.part' && mv '{0}.part' '{0}'\n",
        seen.display()
    );
    fs::write(&opener, script)?;
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755))?;
    Ok(bin)
}

#[test]
fn the_browser_gets_a_page_that_asks_nobody_and_has_the_pictures_of_the_message() {
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    dovecot.client(&user).append("INBOX", "", MAIL);
    let folder = tempfile::tempdir().unwrap();
    let bin = fake_browser(folder.path()).unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    let program = Program::new(&dovecot.account("work", &user)).with("PATH", &path);
    program.run(&["sync"]).expect(0);
    let mut screen = program.screen(&[], 100, 30);
    screen.wait_for("What to <sow>");
    screen.keys("\r");
    screen.wait_for("Garlic, cloves down.");
    screen.wait_for("1 tracker blocked");
    screen.keys("gh");
    screen.wait_for("Open this message in the browser?");
    let seen = folder.path().join("seen.html");
    assert!(!seen.exists(), "nothing is opened before the user agrees");
    screen.keys("\r");
    screen.wait_for("Opened in the browser");
    wait_until("the page to be opened", || seen.exists());
    let page = fs::read_to_string(&seen).unwrap();
    for there in [
        "Garlic, cloves down.",
        "deep",
        "data:image/png;base64,iVBORw0KGgpnYXJsaWM=",
        "href=\"https://fern.example.com/guide\"",
        "default-src 'none'",
        "<title>What to &lt;sow&gt;</title>",
    ] {
        assert!(page.contains(there), "{there}: {page}");
    }
    for gone in [
        "evil", "<script", "<form", "<input", "refresh", "cid:", "onload",
    ] {
        assert!(!page.contains(gone), "{gone}: {page}");
    }
    let args = fs::read_to_string(folder.path().join("seen.html.args")).unwrap();
    let file = args.lines().nth(1).unwrap().to_owned();
    assert_eq!(
        args.lines().next(),
        Some("1"),
        "one argument, and no shell: {args}"
    );
    let modes = fs::read_to_string(folder.path().join("seen.html.modes")).unwrap();
    assert!(
        modes.contains("-rw-------") && modes.contains("drwx------"),
        "{modes}"
    );
    assert!(Path::new(&file).starts_with(program.data_dir()), "{file}");
    // Having agreed once is enough, and the page goes when the program does.
    fs::remove_file(&seen).unwrap();
    screen.keys("gh");
    wait_until("the page to be opened again", || seen.exists());
    assert_eq!(screen.quit(), 0);
    assert!(!Path::new(&file).exists(), "{file}");
}
