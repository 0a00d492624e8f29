//! A private Dovecot on loopback, started once for each kind and shared by all tests of the run.
//!
//! Any user exists, with the password `pass`; each test takes a fresh one. It must never touch the
//! system's own Dovecot, and it ends with the test process, however that ends: a shell waits on a
//! pipe that only this process holds.

use super::dovecot_config::{Installed, Plan};
use super::{OtherClient, wait_until};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Another password that every user has: one that is found where it does not belong.
pub(crate) const TELLING: &str = "Vd7-krummhorn-9Qx";

/// What the server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All that Dovecot has: QRESYNC, MOVE, SPECIAL-USE, NOTIFY and so on; `/` between levels.
    Full,
    /// CONDSTORE but no QRESYNC, no MOVE, no LIST extensions.
    Condstore,
    /// What RFC 3501 asks for, and nothing else: not even IDLE.
    Plain,
    /// `INBOX.` before every name, and `.` between levels.
    Prefixed,
    /// All that Dovecot has, with rights: `Shared/USER/` is what other users let in, `Public/team`
    /// may be read, and everything done in `Public/drop`. A user has room for 1 MiB.
    Shared,
    /// All that `Full` has, and no folder but INBOX.
    Bare,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Condstore => "condstore",
            Self::Plain => "plain",
            Self::Prefixed => "prefixed",
            Self::Shared => "shared",
            Self::Bare => "bare",
        }
    }

    /// The capabilities that are announced in place of all.
    pub(super) const fn capability(self) -> Option<&'static str> {
        match self {
            Self::Full | Self::Prefixed | Self::Shared | Self::Bare => None,
            Self::Condstore => Some(
                "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ NAMESPACE UIDPLUS CONDSTORE",
            ),
            Self::Plain => Some("IMAP4rev1"),
        }
    }

    pub(super) const fn namespace(self) -> (&'static str, &'static str) {
        match self {
            Self::Prefixed => ("INBOX.", "."),
            _ => ("", "/"),
        }
    }

    /// The folders that every user has from the start, each named after what it is for.
    pub(super) const fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Bare => &[],
            _ => &["Drafts", "Sent", "Trash", "Junk", "Archive"],
        }
    }
}

/// A running server.
pub(crate) struct Dovecot {
    /// Port for IMAP in clear and STARTTLS.
    pub(crate) imap: u16,
    /// Port for IMAP over TLS.
    pub(crate) imaps: u16,
    #[allow(dead_code, reason = "not for the benches")]
    /// Port for POP3 in clear and STLS.
    pub(crate) pop3: u16,
    #[allow(dead_code, reason = "not for the benches")]
    /// Port for POP3 over TLS.
    pub(crate) pop3s: u16,
    /// The root to trust (PEM); the certificate is for `localhost` and `127.0.0.1`.
    pub(crate) ca_file: PathBuf,
    folder: PathBuf,
    users: AtomicU32,
    /// Its standard input is the pipe that keeps the server up.
    _keeper: Child,
}

impl Dovecot {
    /// The server of that kind, started on first use.
    pub(crate) fn shared(kind: Kind) -> &'static Self {
        static FULL: OnceLock<Dovecot> = OnceLock::new();
        static CONDSTORE: OnceLock<Dovecot> = OnceLock::new();
        static PLAIN: OnceLock<Dovecot> = OnceLock::new();
        static PREFIXED: OnceLock<Dovecot> = OnceLock::new();
        static SHARED: OnceLock<Dovecot> = OnceLock::new();
        static BARE: OnceLock<Dovecot> = OnceLock::new();
        let cell = match kind {
            Kind::Full => &FULL,
            Kind::Condstore => &CONDSTORE,
            Kind::Plain => &PLAIN,
            Kind::Prefixed => &PREFIXED,
            Kind::Shared => &SHARED,
            Kind::Bare => &BARE,
        };
        cell.get_or_init(|| Self::start(kind))
    }

    /// A user whom nobody used before, with an empty INBOX.
    pub(crate) fn fresh_user(&self) -> String {
        format!("user{}", self.users.fetch_add(1, Ordering::Relaxed))
    }

    /// Another client of that user, logged in.
    pub(crate) fn client(&self, user: &str) -> OtherClient {
        let mut client = OtherClient::connect(self.imap);
        client.login(user);
        client
    }

    /// Puts a message into a mailbox (which is made if need be), as another client would.
    pub(crate) fn deliver(&self, user: &str, mailbox: &str, message: &str) {
        self.client(user).append(mailbox, "", message);
    }

    /// The tables of an account for the configuration: IMAP over TLS.
    pub(crate) fn account(&self, name: &str, user: &str) -> String {
        format!(
            "[accounts.{name}]\naddress = \"{user}@example.org\"\n[accounts.{name}.imap]\n\
             host = \"localhost\"\nport = {}\nuser = \"{user}\"\npassword = \"pass\"\nca_file = \"{}\"\n",
            self.imaps,
            self.ca_file.display()
        )
    }

    /// The tables of an account without TLS at that port of this computer.
    pub(crate) fn account_at(port: u16, name: &str, user: &str) -> String {
        format!(
            "[accounts.{name}]\naddress = \"{user}@example.org\"\n[accounts.{name}.imap]\n\
             host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"{user}\"\n\
             password = \"pass\"\n[accounts.{name}.sync]\nkeep = \"headers\"\n"
        )
    }

    /// Where the messages of a user's INBOX lie.
    pub(crate) fn maildir(&self, user: &str) -> PathBuf {
        self.folder.join("mail").join(user)
    }

    /// Gives a fresh user all that another one has, down to UIDs and change counters.
    pub(crate) fn copy_user(&self, user: &str) -> String {
        let copy = self.fresh_user();
        copy_folder(&self.maildir(user), &self.maildir(&copy));
        copy
    }

    /// Takes the mail of a user away, who is not to be used again.
    pub(crate) fn forget_user(&self, user: &str) {
        // A mail process that ends late may put a file there.
        drop(fs::remove_dir_all(self.maildir(user)));
    }

    /// Gives what was put into the maildir to the user that the mail processes run as.
    pub(crate) fn own_files(&self, user: &str) {
        let owner = Owner::choose();
        for entry in fs::read_dir(self.maildir(user).join("cur")).unwrap() {
            owner.take(&entry.unwrap().path());
        }
    }

    #[allow(dead_code, reason = "not for the benches")]
    /// Takes all rights to a folder of the maildir away from the mail processes.
    pub(crate) fn forbid(&self, folder: &Path) {
        assert!(folder.starts_with(&self.folder));
        fs::set_permissions(folder, fs::Permissions::from_mode(0o000)).unwrap();
    }

    /// What the server logged, for messages of failed tests.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("dovecot.log")).unwrap_or_default()
    }

    fn start(kind: Kind) -> Self {
        // Short and below /tmp: paths of Unix sockets are limited, and the mail processes are
        // another user where the tests run as root.
        let folder = tempfile::Builder::new()
            .prefix("pbx-")
            .tempdir_in("/tmp")
            .unwrap()
            .keep();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let owner = Owner::choose();
        for sub in ["mail", "home", "run"] {
            fs::create_dir(folder.join(sub)).unwrap();
            owner.take(&folder.join(sub));
        }
        if kind == Kind::Shared {
            make_public(&folder, &owner);
        }
        make_certificate(&folder);
        let [imap, imaps, pop3, pop3s] = free_ports();
        let config = folder.join("dovecot.conf");
        let installed = Installed::find();
        let plan = Plan {
            kind,
            folder: &folder,
            owner: &owner,
            imap,
            imaps,
            pop3,
            pop3s,
        };
        fs::write(&config, plan.configuration(&installed)).unwrap();
        let log = fs::File::create(folder.join("start.log")).unwrap();
        let keeper = Command::new("sh")
            .args(["-c", KEEP, "sh", installed.program])
            .args([config.as_path(), folder.as_path()])
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        let dovecot = Self {
            imap,
            imaps,
            pop3,
            pop3s,
            ca_file: folder.join("ca.pem"),
            folder,
            users: AtomicU32::new(1),
            _keeper: keeper,
        };
        dovecot.wait_for_greeting();
        dovecot
    }

    fn wait_for_greeting(&self) {
        let said = || fs::read_to_string(self.folder.join("start.log")).unwrap_or_default();
        let mut last = String::new();
        wait_until("Dovecot to start", || {
            let now = said();
            assert!(
                !now.contains("Fatal"),
                "Dovecot did not start: {now}\n{}",
                self.log()
            );
            last = now;
            TcpStream::connect(("127.0.0.1", self.imap)).is_ok()
                && TcpStream::connect(("127.0.0.1", self.imaps)).is_ok()
        });
        OtherClient::connect(self.imap);
    }
}

/// Copies a folder with owners and times.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(status.unwrap().success(), "{}", from.display());
}

/// Runs the server until the pipe closes, then stops it and takes its files away.
const KEEP: &str = r#"
"$1" -F -c "$2" &
server=$!
read -r _
kill "$server"
wait "$server"
rm -rf "$3"
"#;

/// The public folders, each with a file that says what everybody may do in it.
fn make_public(folder: &Path, owner: &Owner) {
    let root = folder.join("public");
    fs::create_dir(&root).unwrap();
    for (name, rights) in [("team", "lr"), ("drop", "lrwstipekxa")] {
        let maildir = root.join(format!(".{name}"));
        fs::create_dir(&maildir).unwrap();
        for sub in ["cur", "new", "tmp"] {
            fs::create_dir(maildir.join(sub)).unwrap();
            owner.take(&maildir.join(sub));
        }
        let file = maildir.join("dovecot-acl");
        fs::write(&file, format!("authenticated {rights}\n")).unwrap();
        owner.take(&file);
        owner.take(&maildir);
    }
    owner.take(&root);
}

/// Ports that nobody listens on. All are held until all are known.
fn free_ports<const N: usize>() -> [u16; N] {
    let held = [0; N].map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// Whom the mail processes run as: a system user where the tests run as root, else oneself.
pub(super) struct Owner {
    pub(super) user: String,
    pub(super) group: String,
    /// Numbers of the system user, where files must be given to them.
    pub(super) other: Option<(u32, u32)>,
}

impl Owner {
    fn choose() -> Self {
        let id = |args: &[&str]| {
            let out = Command::new("id").args(args).output().unwrap();
            String::from_utf8(out.stdout).unwrap().trim().to_owned()
        };
        if id(&["-u"]) != "0" {
            return Self {
                user: id(&["-un"]),
                group: id(&["-gn"]),
                other: None,
            };
        }
        let user = if id(&["-u", "mail"]).is_empty() {
            "nobody"
        } else {
            "mail"
        };
        let number = |flag| id(&[flag, user]).parse().unwrap();
        Self {
            user: user.to_owned(),
            group: id(&["-gn", user]),
            other: Some((number("-u"), number("-g"))),
        }
    }

    fn take(&self, folder: &Path) {
        if let Some((user, group)) = self.other {
            chown(folder, Some(user), Some(group)).unwrap();
        }
    }
}

/// A root, and a certificate of it for this computer.
pub(crate) fn make_certificate(folder: &Path) {
    let openssl = |args: &str| {
        let out = Command::new("openssl")
            .args(args.split(' '))
            .current_dir(folder)
            .output();
        let out = out.expect("openssl is not installed; `.ci/test` installs it");
        assert!(
            out.status.success(),
            "openssl {args}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!(
        "req -x509 {key} -days 30 -subj /CN=Test-Root -keyout ca.key -out ca.pem \
         -addext keyUsage=critical,keyCertSign,cRLSign"
    ));
    openssl(&format!(
        "req {key} -subj /CN=localhost -keyout server.key -out server.csr"
    ));
    fs::write(
        folder.join("server.ext"),
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n\
         keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n",
    )
    .unwrap();
    openssl(
        "x509 -req -days 30 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
         -extfile server.ext -out server.pem",
    );
}
