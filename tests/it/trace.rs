//! What the whole program asks of the system while it reads real mail: under `strace`.
//!
//! Runs where `PILLARBOX_CORPUS` names a folder of mail and strace may trace; elsewhere it says that it
//! was skipped. Whatever a mail holds, it must never make the program speak to another host than the
//! configured one, start a program, or write outside of its own folders.

use crate::corpus::{deliver, folder, messages};
use crate::support::{Dovecot, Kind, Program};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is traced: who is spoken to, what is started, and what is changed on the disk.
const CALLS: &str = "trace=connect,sendto,sendmsg,sendmmsg,execve,execveat,open,openat,openat2,creat,\
    rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,truncate,\
    chmod,fchmodat,chown,fchownat";

fn may_trace() -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null", "true"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => true,
        Ok(_) => {
            println!("skipped: strace may not trace here");
            false
        }
        Err(_) => {
            println!("skipped: there is no strace");
            false
        }
    }
}

/// What a traced program may do.
struct Bounds {
    port: u16,
    /// Where it may write.
    own: PathBuf,
}

impl Bounds {
    /// Why a line of the trace is against the rules; `None` where it is not.
    fn fault(&self, line: &str) -> Option<&'static str> {
        let (name, args) = line.split_once('(')?;
        match name {
            "connect" => (!self.may_connect(args)).then_some("speaks to somebody else"),
            // An address here is that of a datagram; what is connected needs none.
            "sendto" | "sendmsg" | "sendmmsg" => args
                .contains("sa_family=AF_INET")
                .then_some("sends a datagram"),
            "execve" | "execveat" => {
                let is_ours = args.starts_with(&format!("\"{}\"", env!("CARGO_BIN_EXE_pillarbox")));
                (!is_ours).then_some("starts a program")
            }
            "open" | "openat" | "openat2" | "creat" => {
                let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"];
                let is_written = name == "creat" || writes.iter().any(|flag| args.contains(flag));
                (is_written && !self.may_write(args)).then_some("writes elsewhere")
            }
            _ => (!self.may_write(args)).then_some("changes what is elsewhere"),
        }
    }

    fn may_connect(&self, args: &str) -> bool {
        let port = format!("port=htons({})", self.port);
        let is_server = args.contains(&port)
            && (args.contains("inet_addr(\"127.0.0.1\")") || args.contains("\"::1\""));
        // Another process of ours, and the system's cache of names; both on this computer.
        let is_local = args.contains("sa_family=AF_UNIX")
            && (self
                .names(args)
                .iter()
                .all(|path| path.starts_with(&self.own))
                || args.contains("/nscd/socket"));
        is_server || is_local
    }

    fn may_write(&self, args: &str) -> bool {
        let names = self.names(args);
        !names.is_empty()
            && names.iter().all(|path| {
                let text = path.to_string_lossy();
                path.starts_with(&self.own)
                    || text.starts_with("/dev/pts/")
                    || ["/dev/null", "/dev/tty"].contains(&&*text)
            })
    }

    /// The paths among the arguments, what is relative made whole by what strace tells of descriptors.
    fn names(&self, args: &str) -> Vec<PathBuf> {
        let mut base = self.own.clone();
        let mut names = Vec::new();
        for (n, piece) in args.split('"').enumerate() {
            if n % 2 == 0 {
                let at = piece
                    .rsplit_once('<')
                    .and_then(|(_, rest)| rest.split_once('>'));
                base = at.map_or(base, |(path, _)| path.into());
            } else {
                names.push(base.join(piece));
            }
        }
        names
    }
}

/// Holds every line of the traces against the bounds; how many there were.
fn check(traces: &Path, bounds: &Bounds) -> usize {
    let files = fs::read_dir(traces).unwrap();
    let text: String = files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    let faults: Vec<String> = text
        .lines()
        .filter_map(|line| Some(format!("{}: {line}", bounds.fault(line)?)))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    text.lines().count()
}

/// The program with that configuration, each of its threads traced into a file of its own in that folder.
fn traced(config: &str, traces: &Path) -> Program {
    let trace = traces.join("trace");
    let trace = trace.to_str().unwrap();
    let words = [
        "strace",
        "-ff",
        "--seccomp-bpf",
        "-y",
        "-A",
        "-qq",
        "-s",
        "4096",
        "-e",
        "signal=none",
        "-e",
        CALLS,
        "-o",
        trace,
    ];
    Program::new(config).under(&words)
}

#[test]
fn reading_real_mail_speaks_to_nobody_else_starts_nothing_and_writes_nothing_elsewhere() {
    let Some(root) = folder().filter(|_| may_trace()) else {
        return;
    };
    let dovecot = Dovecot::shared(Kind::Full);
    let user = dovecot.fresh_user();
    let names = deliver(&mut dovecot.client(&user), &messages(&root));
    let traces = tempfile::tempdir().unwrap();
    let config = "[ui]\nthreads = false\nmark_read_after = \"never\"\n".to_owned()
        + &dovecot.account("work", &user);
    let program = traced(&config, traces.path());
    let bounds = Bounds {
        port: dovecot.imaps,
        own: program.folder().to_owned(),
    };
    program.run(&["sync"]).expect(0);
    let rows = program.run(&["list", "INBOX", "--json"]).expect(0).json();
    assert_eq!(rows.len(), names.len());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    program.run(&["show", &row["id"].to_string()]).expect(0);
                }
            });
        }
    });
    let mut screen = program.screen(&[], 78, 60);
    screen.wait_for(" 1 of ");
    screen.keys("<Enter>");
    for n in 1..=names.len() {
        let place = format!(" {n} of ");
        screen.wait("the next message", |shown| {
            shown.contains(&place) && shown.contains(&"─".repeat(40))
        });
        // The other form too, where there is one.
        screen.keys("=");
        if n < names.len() {
            screen.keys("j");
        }
    }
    assert_eq!(screen.quit(), 0, "{}", screen.text());
    let lines = check(traces.path(), &bounds);
    assert!(lines > names.len(), "only {lines} calls were traced");
}

#[test]
fn what_is_against_the_rules_is_seen_in_a_trace() {
    let bounds = Bounds {
        port: 993,
        own: "/tmp/own".into(),
    };
    for line in [
        "connect(5<socket:[1]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 0",
        "connect(5<socket:[1]>, {sa_family=AF_INET, sin_port=htons(993), sin_addr=inet_addr(\"8.8.8.8\")}, 16) = 0",
        "connect(5<socket:[1]>, {sa_family=AF_UNIX, sun_path=\"/run/dbus\"}, 16) = 0",
        "sendto(5<socket:[1]>, \"x\", 1, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr(\"1.1.1.1\")}, 16) = 1",
        "execve(\"/bin/sh\", [\"sh\"], 0x1 /* 3 vars */) = 0",
        "openat(AT_FDCWD</tmp/own>, \"/etc/x\", O_RDWR|O_CLOEXEC) = 3",
        "openat(AT_FDCWD</tmp/other>, \"x\", O_WRONLY|O_CREAT, 0666 <unfinished ...>",
        "rename(\"/tmp/own/a\", \"/tmp/b\") = 0",
        "unlinkat(AT_FDCWD</tmp/other>, \"x\", 0) = 0",
    ] {
        assert!(bounds.fault(line).is_some(), "{line}");
    }
    for line in [
        "connect(5<socket:[1]>, {sa_family=AF_INET, sin_port=htons(993), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 0",
        "connect(5<socket:[1]>, {sa_family=AF_UNIX, sun_path=\"/tmp/own/bell\"}, 16) = 0",
        "openat(AT_FDCWD</tmp/own>, \"/etc/x\", O_RDONLY|O_CLOEXEC) = 3",
        "openat(AT_FDCWD</tmp/own>, \"data/x\", O_RDWR|O_CREAT, 0600) = 3",
        "+++ exited with 0 +++",
    ] {
        assert_eq!(bounds.fault(line), None, "{line}");
    }
}
