//! A private Dovecot on loopback, started once for each kind and shared by all tests of the run.
//!
//! Any user exists, with the password `pass`; each test takes a fresh one. It must never touch the
//! system's own Dovecot, and it ends with the test process, however that ends: a shell waits on a
//! pipe that only this process holds.

use super::{OtherClient, wait_until};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

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
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Condstore => "condstore",
            Self::Plain => "plain",
            Self::Prefixed => "prefixed",
        }
    }

    /// The capabilities that are announced in place of all.
    const fn capability(self) -> Option<&'static str> {
        match self {
            Self::Full | Self::Prefixed => None,
            Self::Condstore => Some(
                "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ NAMESPACE UIDPLUS CONDSTORE",
            ),
            Self::Plain => Some("IMAP4rev1"),
        }
    }

    const fn namespace(self) -> (&'static str, &'static str) {
        match self {
            Self::Prefixed => ("INBOX.", "."),
            _ => ("", "/"),
        }
    }
}

/// A running server.
pub(crate) struct Dovecot {
    /// Port for IMAP in clear and STARTTLS.
    pub(crate) imap: u16,
    /// Port for IMAP over TLS.
    pub(crate) imaps: u16,
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
        let cell = match kind {
            Kind::Full => &FULL,
            Kind::Condstore => &CONDSTORE,
            Kind::Plain => &PLAIN,
            Kind::Prefixed => &PREFIXED,
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

    /// The tables of an account without TLS, for measuring.
    pub(crate) fn plain_account(&self, name: &str, user: &str) -> String {
        format!(
            "[accounts.{name}]\naddress = \"{user}@example.org\"\n[accounts.{name}.imap]\n\
             host = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"{user}\"\n\
             password = \"pass\"\n[accounts.{name}.sync]\nkeep = \"headers\"\n",
            self.imap
        )
    }

    /// Where the messages of a user's INBOX lie.
    pub(crate) fn maildir(&self, user: &str) -> PathBuf {
        self.folder.join("mail").join(user)
    }

    /// Gives what was put into the maildir to the user that the mail processes run as.
    pub(crate) fn own_files(&self, user: &str) {
        let owner = Owner::choose();
        for entry in fs::read_dir(self.maildir(user).join("cur")).unwrap() {
            owner.take(&entry.unwrap().path());
        }
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
        make_certificate(&folder);
        let [imap, imaps] = free_ports();
        let config = folder.join("dovecot.conf");
        fs::write(&config, configuration(kind, &folder, &owner, imap, imaps)).unwrap();
        let log = fs::File::create(folder.join("start.log")).unwrap();
        let keeper = Command::new("sh")
            .args(["-c", KEEP, "sh", binary()])
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

/// Runs the server until the pipe closes, then stops it and takes its files away.
const KEEP: &str = r#"
"$1" -F -c "$2" &
server=$!
read -r _
kill "$server"
wait "$server"
rm -rf "$3"
"#;

fn binary() -> &'static str {
    let found = [
        "dovecot",
        "/usr/sbin/dovecot",
        "/usr/local/sbin/dovecot",
        "/opt/homebrew/sbin/dovecot",
    ]
    .into_iter()
    .find(|path| Command::new(path).arg("--version").output().is_ok());
    found.expect("Dovecot is not installed; `.ci/test` installs it, or see the README")
}

/// Two ports that nobody listens on. Both are held until both are known.
fn free_ports() -> [u16; 2] {
    let held = [0, 1].map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// Whom the mail processes run as: a system user where the tests run as root, else oneself.
struct Owner {
    user: String,
    group: String,
    /// Numbers of the system user, where files must be given to them.
    other: Option<(u32, u32)>,
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
fn make_certificate(folder: &Path) {
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

fn configuration(kind: Kind, folder: &Path, owner: &Owner, imap: u16, imaps: u16) -> String {
    let Owner { user, group, other } = owner;
    let folder = folder.display();
    let (prefix, separator) = kind.namespace();
    let capability = kind
        .capability()
        .map_or(String::new(), |c| format!("imap_capability = {c}"));
    // An ordinary user can neither change to another one nor to another root.
    let unprivileged = match other {
        Some(_) => String::new(),
        None => format!(
            "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n\
             service anvil {{\n  chroot =\n}}\nservice imap-login {{\n  chroot =\n}}\n"
        ),
    };
    let special: String = ["Drafts", "Sent", "Trash", "Junk", "Archive"]
        .map(|name| {
            format!("  mailbox {name} {{\n    auto = subscribe\n    special_use = \\{name}\n  }}\n")
        })
        .concat();
    format!(
        "base_dir = {folder}/run\nstate_dir = {folder}/run\ninstance_name = pillarbox-{kind}-{imap}\n\
         log_path = {folder}/dovecot.log\nprotocols = imap\nlisten = 127.0.0.1\n{unprivileged}\
         mail_uid = {user}\nmail_gid = {group}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n\
         mail_home = {folder}/home/%u\nmail_location = maildir:{folder}/mail/%u\nmail_fsync = never\n\
         mailbox_list_index = yes\nmailbox_idle_check_interval = 1 secs\n\
         mail_max_userip_connections = 200\nauth_mechanisms = plain login\nauth_failure_delay = 0\n\
         disable_plaintext_auth = no\nssl = yes\nssl_cert = <{folder}/server.pem\n\
         ssl_key = <{folder}/server.key\nimap_id_send = \"name\" *\n{capability}\n\
         passdb {{\n  driver = static\n  args = password=pass\n}}\n\
         userdb {{\n  driver = static\n  args = uid={user} gid={group} home={folder}/home/%u allow_all_users=yes\n}}\n\
         namespace inbox {{\n  inbox = yes\n  prefix = {prefix}\n  separator = {separator}\n{special}}}\n\
         service imap-login {{\n  service_count = 0\n  process_min_avail = 1\n\
         \x20 inet_listener imap {{\n    port = {imap}\n  }}\n\
         \x20 inet_listener imaps {{\n    port = {imaps}\n    ssl = yes\n  }}\n}}\n\
         service imap {{\n  process_limit = 200\n}}\n\
         service anvil {{\n  client_limit = 2000\n}}\nservice auth {{\n  client_limit = 2000\n}}\n",
        kind = kind.name(),
    )
}
