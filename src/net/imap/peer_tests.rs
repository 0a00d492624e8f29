//! A scripted peer and a script of calls, both read from one file of `tests/transcripts`.
//!
//! Used by `transcript_tests` and `hostile_tests`. Lines: `C:` what the client must send, `S:` what
//! the server says, `C>` and `S>` the same with escapes and without a line end, `S!` it hangs up,
//! `> call` what the engine asks for, `= outcome` what it gets, `@login CAPABILITIES` the usual
//! beginning, `#` a remark, `# with: …` a setting.

use super::{IdleEnd, Items, Known, Listed, Notice, Selected, Session, Start, Status};
use crate::model::{
    FetchedMessage, Flag, FlagChange, Keyword, ModSeq, Namespace, PartId, Uid, UidSet, UidValidity,
};
use crate::net::{Error, Login, Options, Secret, Security, Server};
use std::fmt::Write as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

/// One step of the peer.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Expect(Vec<u8>),
    Say(Vec<u8>),
    HangUp,
}

/// One call and its outcome.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    pub(super) words: String,
    pub(super) outcome: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) name: String,
    pub(super) steps: Vec<Step>,
    pub(super) calls: Vec<Call>,
    settings: Vec<String>,
}

pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match (byte, byte == b'\\') {
            (_, false) => bytes.push(byte),
            _ => match rest.next().unwrap() {
                b'r' => bytes.push(b'\r'),
                b'n' => bytes.push(b'\n'),
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    bytes.push(
                        u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap(),
                    );
                }
                other => bytes.push(other),
            },
        }
    }
    bytes
}

impl Script {
    /// All transcripts there are.
    pub(super) fn all() -> Vec<Self> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|f| f.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "txt"))
            .collect();
        files.sort();
        assert!(files.len() > 20, "transcripts are missing");
        let read = |p: &std::path::PathBuf| {
            Self::parse(
                &p.file_stem().unwrap().to_string_lossy(),
                &std::fs::read_to_string(p).unwrap(),
            )
        };
        files.iter().map(read).collect()
    }

    /// Reads one.
    pub(super) fn parse(name: &str, text: &str) -> Self {
        let mut script = Self {
            name: name.to_owned(),
            steps: Vec::new(),
            calls: Vec::new(),
            settings: Vec::new(),
        };
        for line in text.lines() {
            let (mark, rest) = line.split_at(line.len().min(2));
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            match mark {
                "C:" => script
                    .steps
                    .push(Step::Expect(format!("{rest}\r\n").into_bytes())),
                "C>" => script.steps.push(Step::Expect(unescape(rest))),
                "S:" => script
                    .steps
                    .push(Step::Say(format!("{rest}\r\n").into_bytes())),
                "S>" => script.steps.push(Step::Say(unescape(rest))),
                "S!" => script.steps.push(Step::HangUp),
                "> " => script.calls.push(Call {
                    words: rest.to_owned(),
                    ..Call::default()
                }),
                "= " => script
                    .calls
                    .last_mut()
                    .unwrap()
                    .outcome
                    .push(rest.to_owned()),
                "@l" => script.login(rest.strip_prefix("ogin ").unwrap()),
                "# " => script
                    .settings
                    .extend(rest.strip_prefix("with: ").map(str::to_owned)),
                "" | "#" => {}
                _ => panic!("{name}: {line}"),
            }
        }
        script
    }

    fn login(&mut self, capabilities: &str) {
        let said = |text: String| Step::Say(text.into_bytes());
        self.steps.extend([
            said("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello\r\n".into()),
            Step::Expect(b"P1 AUTHENTICATE PLAIN AGpvAHNlY3JldA==\r\n".into()),
            said(format!("P1 OK [CAPABILITY {capabilities}] in\r\n")),
        ]);
        self.calls.push(Call {
            words: "open".into(),
            outcome: vec!["ok".into()],
        });
    }

    /// What the server says in all.
    pub(super) fn said(&self) -> usize {
        let count = |step: &Step| match step {
            Step::Say(bytes) => bytes.len(),
            _ => 0,
        };
        self.steps.iter().map(count).sum()
    }

    fn has(&self, setting: &str) -> bool {
        self.settings.iter().any(|s| s == setting)
    }

    fn server(&self) -> Server {
        Server {
            host: "mail.test".into(),
            port: 993,
            security: match () {
                () if self.has("starttls") => Security::StartTls,
                () if self.has("plain") => Security::Plain,
                () => Security::Implicit,
            },
            ca_file: None,
        }
    }

    fn login_of(&self) -> Login {
        let password = self
            .settings
            .iter()
            .find_map(|s| s.strip_prefix("password "));
        if self.has("token") {
            return Login::Token {
                user: "jo".into(),
                token: Secret::new("tok".into()),
            };
        }
        Login::Password {
            user: "jo".into(),
            password: Secret::new(password.unwrap_or("secret").into()),
        }
    }

    /// Plays the script, the server's part as `steps`; what every call gave, up to the first error
    /// of the connection.
    pub(super) async fn play(&self, steps: Vec<Step>) -> (Vec<Vec<String>>, Option<String>) {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let peer = tokio::spawn(play_server(far, steps));
        let options = Options {
            compress: Some(self.has("compress")),
            ..Options::default()
        };
        let (server, login) = (self.server(), self.login_of());
        let opening = Session::over(Box::new(near), &server, &login, &options);
        let mut calls = self.calls.iter();
        assert_eq!(calls.next().unwrap().words, "open");
        let mut outcomes = Vec::new();
        match opening.await {
            Ok(mut session) => {
                outcomes.push(vec!["ok".to_owned()]);
                for call in calls {
                    outcomes.push(
                        perform(&mut session, &call.words)
                            .await
                            .unwrap_or_else(|e| vec![failed(&e)]),
                    );
                }
            }
            Err(error) => outcomes.push(vec![failed(&error)]),
        }
        let complaint = peer.await.unwrap();
        (outcomes, complaint)
    }
}

pub(super) fn failed(error: &Error) -> String {
    let code = error
        .code
        .as_ref()
        .map(|c| format!(" [{c}]"))
        .unwrap_or_default();
    format!("error {:?}{code}: {}", error.class, error.summary)
}

/// The server's part. What the client sends beyond the script is read, so that nothing blocks.
async fn play_server(mut stream: DuplexStream, steps: Vec<Step>) -> Option<String> {
    for step in steps {
        match step {
            Step::Say(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return Some("the client hung up".into());
                }
            }
            Step::Expect(wanted) => {
                let mut got = vec![0; wanted.len()];
                let mut at = 0;
                while at < wanted.len() {
                    let count = match stream.read(&mut got[at..]).await {
                        Ok(0) | Err(_) => {
                            return Some(format!(
                                "wanted {}, and the client hung up",
                                show(&wanted)
                            ));
                        }
                        Ok(count) => count,
                    };
                    at += count;
                    if got[..at] != wanted[..at] {
                        return Some(format!(
                            "wanted {}, got {}",
                            show(&wanted),
                            show(&got[..at])
                        ));
                    }
                }
            }
            Step::HangUp => return None,
        }
    }
    let mut rest = Vec::new();
    // The session is dropped at the end of the play.
    drop(tokio::time::timeout(Duration::from_secs(3600), stream.read_to_end(&mut rest)).await);
    (!rest.is_empty()).then(|| format!("the client went on: {}", show(&rest)))
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_owned()
}

fn uid(text: &str) -> Uid {
    Uid::new(text.parse().unwrap()).unwrap()
}

fn known(words: &[&str]) -> Option<Known> {
    let [era, since] = words else { return None };
    Some(Known {
        uid_validity: UidValidity::new(era.parse().unwrap()).unwrap(),
        mod_seq: ModSeq(since.parse().unwrap()),
    })
}

/// Does what a call says, and writes down what came of it.
async fn perform(session: &mut Session, call: &str) -> Result<Vec<String>, Error> {
    let words: Vec<&str> = call.split(' ').collect();
    let (verb, args) = words.split_first().unwrap();
    match *verb {
        "start" => start(session, args).await,
        "list" => Ok(session.list().await?.iter().map(listed).collect()),
        "select" => Ok(selected(&session.select(args[0], known(&args[1..])).await?)),
        "visit" => visit(session, args).await,
        "first" => {
            let (messages, uids) = session.first_window(args[0].parse().unwrap()).await?;
            let mut lines: Vec<String> = messages.iter().map(message).collect();
            lines.push(format!("uids {uids}"));
            Ok(lines)
        }
        "uids" => Ok(vec![format!("uids {}", session.uids().await?)]),
        "fetch" => fetch(session, args).await,
        "changed" => Ok(notices(
            session
                .changed_since(ModSeq(args[0].parse().unwrap()))
                .await?,
        )),
        "raw" => raw(session, args).await,
        "parts" => {
            let ids: Vec<PartId> = args[1..]
                .iter()
                .map(|p| PartId::parse(p.trim_matches('-')).unwrap())
                .collect();
            let parts = session.fetch_parts(uid(args[0]), &ids).await?;
            Ok(parts
                .iter()
                .map(|(id, b)| format!("part {id}: {:?}", show_all(b)))
                .collect())
        }
        "piece" => {
            let part = PartId::parse(args[1]).unwrap();
            let (offset, bytes) = (args[2].parse().unwrap(), args[3].parse().unwrap());
            let piece = session
                .fetch_piece(uid(args[0]), &part, offset, bytes)
                .await?;
            Ok(vec![format!("{:?}", show_all(&piece))])
        }
        "flags" => Ok(notices(
            session
                .change_flags(&UidSet::parse(args[0]).unwrap(), &change(&args[1..]))
                .await?,
        )),
        _ => perform_alone(session, verb, args).await,
    }
}

/// Calls that fetch nothing.
async fn perform_alone(
    session: &mut Session,
    verb: &str,
    args: &[&str],
) -> Result<Vec<String>, Error> {
    match verb {
        "idle" => {
            let end = session
                .idle(tokio::time::sleep(Duration::from_secs(
                    args[0].parse().unwrap(),
                )))
                .await?;
            Ok(vec![
                if end == IdleEnd::Told {
                    "told"
                } else {
                    "woken"
                }
                .to_owned(),
            ])
        }
        "abandon-idle" => {
            let idle = session.idle(std::future::pending());
            Ok(vec![format!(
                "{}",
                tokio::time::timeout(Duration::from_secs(5), idle)
                    .await
                    .is_err()
            )])
        }
        "noop" => session.noop().await.map(|()| vec!["ok".into()]),
        "notices" => Ok(notices(session.take_notices())),
        "unknown" => Ok(vec![session.unknown_responses().to_string()]),
        "can" => Ok(args
            .iter()
            .map(|c| format!("{c} {}", session.capabilities().has(c)))
            .collect()),
        "debug" => Ok(vec![format!(
            "secret shown: {}",
            format!("{session:?}").contains("c2VjcmV0")
        )]),
        other => super::verbs_tests::perform(session, other, args).await,
    }
}

fn show_all(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn change(words: &[&str]) -> FlagChange {
    let mut change = FlagChange::default();
    for word in words {
        let (sign, name) = word.split_at(1);
        let set = if sign == "+" {
            &mut change.add
        } else {
            &mut change.remove
        };
        match Flag::from_name(name) {
            Ok(flag) => set.insert(flag),
            Err(_) => set.insert_keyword(Keyword::new(name).unwrap()),
        }
    }
    change
}

async fn start(session: &mut Session, args: &[&str]) -> Result<Vec<String>, Error> {
    let (list, args) = match args {
        ["list", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let select = args
        .first()
        .map(|name| ((*name).to_owned(), known(&args[1..])));
    let started = session.start(&Start { select, list }).await?;
    let mut lines: Vec<String> = started.list.iter().flatten().map(listed).collect();
    match started.selected {
        Some(Ok(mailbox)) => lines.extend(selected(&mailbox)),
        Some(Err(why)) => lines.push(format!("refused: {why}")),
        None => {}
    }
    Ok(lines)
}

/// `Name` only selects, `Name:7` fetches from 7 on, `Name:7:era:modseq` knows where it was.
async fn visit(session: &mut Session, args: &[&str]) -> Result<Vec<String>, Error> {
    let wanted: Vec<_> = args
        .iter()
        .map(|arg| {
            let words: Vec<&str> = arg.split(':').collect();
            let known = words.get(2..).and_then(known);
            (words[0].to_owned(), known, words.get(1).map(|n| uid(n)))
        })
        .collect();
    let mut lines = Vec::new();
    for visited in session.visit(&wanted).await? {
        match visited {
            Ok((mailbox, messages)) => {
                lines.extend(selected(&mailbox));
                lines.extend(messages.iter().map(message));
            }
            Err(why) => lines.push(format!("refused: {why}")),
        }
    }
    Ok(lines)
}

async fn fetch(session: &mut Session, args: &[&str]) -> Result<Vec<String>, Error> {
    let items = match args[0] {
        "summary" => Items::Summary,
        "flags" => Items::Flags,
        _ => Items::References,
    };
    let windows = args[1..]
        .iter()
        .map(|set| UidSet::parse(set).unwrap())
        .collect();
    let (sink, mut source) = mpsc::channel(100);
    let outcome = session.fetch(windows, items, sink).await;
    let mut lines = Vec::new();
    while let Some(window) = source.recv().await {
        lines.push(format!("window {}", window.asked));
        lines.extend(window.messages.iter().map(message));
    }
    match outcome {
        Ok(()) => Ok(lines),
        Err(error) => {
            lines.push(failed(&error));
            Ok(lines)
        }
    }
}

async fn raw(session: &mut Session, args: &[&str]) -> Result<Vec<String>, Error> {
    let wanted: Vec<(Uid, u64)> = args
        .iter()
        .map(|arg| arg.split_once(':').unwrap())
        .map(|(id, size)| (uid(id), size.parse().unwrap()))
        .collect();
    let (sink, mut source) = mpsc::channel(100);
    session.fetch_raw(&wanted, sink).await?;
    let mut lines = Vec::new();
    while let Some((uid, bytes)) = source.recv().await {
        let text = show_all(&bytes);
        lines.push(if text.len() > 100 {
            format!("{uid}: {} bytes", text.len())
        } else {
            format!("{uid}: {text:?}")
        });
    }
    Ok(lines)
}

pub(super) fn status(status: &Status) -> String {
    let mut text = String::new();
    let mut add = |name: &str, value: Option<u64>| {
        if let Some(value) = value {
            write!(text, " {name}={value}").unwrap();
        }
    };
    add("messages", status.messages.map(u64::from));
    add("unseen", status.unseen.map(u64::from));
    add("next", status.uid_next.map(|u| u.get().into()));
    add("era", status.uid_validity.map(|u| u.get().into()));
    add("modseq", status.mod_seq.map(|m| m.0));
    text
}

fn listed(list: &Listed) -> String {
    let role = list
        .role
        .map(|r| format!(" {}", r.name()))
        .unwrap_or_default();
    let delimiter = list.delimiter.map(|d| format!(" {d}")).unwrap_or_default();
    let marks = [
        (list.is_subscribed, " subscribed"),
        (!list.is_selectable, " closed"),
    ];
    let marks: String = marks.iter().filter(|m| m.0).map(|m| m.1).collect();
    let whose = match list.namespace {
        Namespace::Personal => "",
        Namespace::OtherUsers => " others'",
        Namespace::Shared => " shared",
    };
    let rights = list.rights.map(|r| format!(" rights={}", r.letters()));
    format!(
        "{}{delimiter}{role}{marks}{whose}{}{}",
        list.name,
        rights.unwrap_or_default(),
        status(&list.status)
    )
}

fn selected(mailbox: &Selected) -> Vec<String> {
    let marks = [
        (mailbox.is_read_only, " read-only"),
        (!mailbox.can_make_keywords, " fixed-keywords"),
        (mailbox.is_resynced, " resynced"),
    ];
    let marks: String = marks.iter().filter(|m| m.0).map(|m| m.1).collect();
    let mut lines = vec![format!("selected{marks}{}", status(&mailbox.status))];
    lines.extend(notices(mailbox.notices.clone()));
    lines
}

pub(super) fn notices(notices: Vec<Notice>) -> Vec<String> {
    let line = |notice| match notice {
        Notice::Exists(count) => format!("exists {count}"),
        Notice::Gone(uids) => format!("gone {uids}"),
        Notice::GoneUnknown => "gone ?".into(),
        Notice::Flags {
            uid,
            flags,
            mod_seq,
        } => {
            let mod_seq = mod_seq
                .map(|m| format!(" modseq={}", m.0))
                .unwrap_or_default();
            format!("flags {uid} ({flags}){mod_seq}")
        }
        Notice::FlagsUnknown => "flags ?".into(),
        Notice::Elsewhere(name, s) => format!("elsewhere {name}{}", status(&s)),
        Notice::ListChanged => "list changed".into(),
        Notice::Alert(text) => format!("alert {text}"),
    };
    notices.into_iter().map(line).collect()
}

fn message(message: &FetchedMessage) -> String {
    let known = &message.fetched;
    let mut text = format!("message {}", message.uid);
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            write!(text, " {name}={value}").unwrap();
        }
    };
    add("flags", known.flags.as_ref().map(|f| format!("({f})")));
    add("size", known.size_bytes.map(|s| s.to_string()));
    add("arrived", known.arrived.map(|m| m.unix_secs.to_string()));
    add("modseq", known.mod_seq.map(|m| m.0.to_string()));
    add(
        "subject",
        known.envelope.as_ref().map(|e| format!("{:?}", e.subject)),
    );
    add(
        "from",
        known
            .envelope
            .as_ref()
            .and_then(|e| e.from.first())
            .map(ToString::to_string),
    );
    add(
        "parts",
        known.structure.as_ref().map(|s| {
            let parts: Vec<String> = s
                .parts
                .iter()
                .map(|p| format!("{}:{}", p.id, p.mime_type))
                .collect();
            parts.join(",")
        }),
    );
    add("preview", known.preview.as_ref().map(|p| format!("{p:?}")));
    add("email", known.email_id.clone());
    add("thread", known.thread_id.clone());
    add("references", known.references.as_ref().map(|r| r.join(",")));
    text
}
