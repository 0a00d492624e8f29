//! The verbs that change mail in the words of transcripts, and what a transcript cannot show.
//!
//! Used by `peer_tests`, which knows the verbs that read.

use super::Session;
use super::peer_tests::{failed, notices, status, unescape};
use super::types::{Append, Appended, IdleEnd, Transferred};
use crate::model::{Flag, FlagChange, FlagSet, Moment, Rights, Role, Uid, UidSet};
use crate::net::{Class, Error, Login, Options, Secret, Security, Server};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// Does what a call says, and writes down what came of it.
pub(super) async fn perform(
    session: &mut Session,
    verb: &str,
    args: &[&str],
) -> Result<Vec<String>, Error> {
    let set = || UidSet::parse(args[0]).unwrap();
    let name = || args[1..].join(" ");
    let done = |()| vec!["ok".to_owned()];
    match verb {
        "move" => Ok(transferred(session.move_messages(&set(), &name()).await?)),
        "copy" => Ok(transferred(session.copy_messages(&set(), &name()).await?)),
        "expunge" => Ok(transferred(session.expunge_messages(&set()).await?)),
        "expunge-marked" => Ok(transferred(session.expunge_marked().await?)),
        "marked" => Ok(vec![format!("uids {}", session.marked_deleted().await?)]),
        "append" => append(session, args).await,
        "append-all" => append_all(session, args).await,
        "create" => {
            let role = args.get(1).and_then(|r| Role::from_name(r));
            session.create(args[0], role).await.map(done)
        }
        "rename" => session.rename(args[0], args[1]).await.map(done),
        "delete" => session.delete_mailbox(&args.join(" ")).await.map(done),
        "subscribe" => session.subscribe(&name(), args[0] == "on").await.map(done),
        "status" => {
            let told = session.status(&args.join(" ")).await?;
            Ok(vec![format!("status{}", status(&told))])
        }
        "rights" => {
            let names: Vec<String> = args.iter().map(|n| (*n).to_owned()).collect();
            let rights = session.my_rights(&names).await?;
            let letters = |r: Option<Rights>| r.map_or("-".into(), Rights::letters);
            Ok(rights.into_iter().map(letters).collect())
        }
        "quota" => {
            let quota = session.quota(&args.join(" ")).await?;
            Ok(vec![quota.map_or("none".into(), |q| {
                format!("{} of {} KiB", q.used_kib, q.limit_kib)
            })])
        }
        other => panic!("unknown call {other}"),
    }
}

/// `append flags,… seconds name text`, with `-` for none.
async fn append(session: &mut Session, args: &[&str]) -> Result<Vec<String>, Error> {
    let flags = FlagSet::from_wire(args[0].split(',').filter(|f| *f != "-"));
    let arrived = args[1].parse().ok().map(|unix_secs| Moment {
        unix_secs,
        offset_mins: 60,
    });
    let bytes = unescape(&args[3..].join(" "));
    Ok(appended(
        session.append(args[2], &flags, arrived, &bytes).await?,
    ))
}

/// `append-all name text | text`, all of them read.
async fn append_all(session: &mut Session, args: &[&str]) -> Result<Vec<String>, Error> {
    let flags = FlagSet::from_wire(["\\Seen"]);
    let texts = args[1..].join(" ");
    let texts: Vec<Vec<u8>> = texts.split(" | ").map(unescape).collect();
    let messages: Vec<Append> = texts
        .iter()
        .map(|bytes| Append {
            flags: &flags,
            arrived: None,
            bytes,
        })
        .collect();
    let mut done = Vec::new();
    session.append_all(args[0], &messages, &mut done).await?;
    Ok(done.into_iter().flat_map(appended).collect())
}

fn appended(Appended { at, refused }: Appended) -> Vec<String> {
    let at = at.map(|(era, uid)| format!("appended {uid} era={}", era.get()));
    let lines = at.into_iter().chain(refused.as_ref().map(refusal));
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        vec!["appended".into()]
    } else {
        lines
    }
}

fn refusal(error: &Error) -> String {
    failed(error).replacen("error", "refused", 1)
}

fn transferred(done: Transferred) -> Vec<String> {
    let mut lines = notices(done.notices);
    if let Some(copied) = done.copied {
        let pairs: Vec<String> = copied
            .pairs
            .iter()
            .map(|(source, target)| format!("{source}>{target}"))
            .collect();
        let era = copied.uid_validity.get();
        lines.push(format!("copied era={era} {}", pairs.join(" ")));
    }
    lines.extend(done.refused.as_ref().map(refusal));
    if lines.is_empty() {
        lines.push("done".into());
    }
    lines
}

/// A session of a server with these capabilities, and the server's end of the line.
async fn session(capabilities: &str, line: usize) -> (Session, BufReader<DuplexStream>) {
    let (near, far) = tokio::io::duplex(line);
    let mut far = BufReader::new(far);
    let greeting = format!("* PREAUTH [CAPABILITY IMAP4rev1 {capabilities}] in\r\n");
    far.write_all(greeting.as_bytes()).await.unwrap();
    let (server, login) = (
        Server {
            host: "mail.test".into(),
            port: 993,
            security: Security::Implicit,
            ca_file: None,
        },
        Login::Password {
            user: "jo".into(),
            password: Secret::new("secret".into()),
        },
    );
    let options = Options {
        compress: Some(false),
        ..Options::default()
    };
    let session = Session::over(Box::new(near), &server, &login, &options).await;
    (session.unwrap(), far)
}

async fn line(far: &mut BufReader<DuplexStream>) -> String {
    let mut line = String::new();
    far.read_line(&mut line).await.unwrap();
    line.trim_end().to_owned()
}

async fn say(far: &mut BufReader<DuplexStream>, text: &str) {
    far.write_all(text.as_bytes()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_must_be_heard_before_it_reads_on_gets_the_whole_message() {
    let (mut session, mut far) = session("LITERAL+", 1024).await;
    let message = vec![b'm'; 200_000];
    let sent = message.clone();
    let append = tokio::spawn(async move {
        let done = session.append("A", &FlagSet::new(), None, &sent).await;
        (done, session.take_notices())
    });
    assert_eq!(line(&mut far).await, "P1 APPEND \"A\" {200000+}");
    let mut got = vec![0; message.len()];
    far.read_exact(&mut got[..50_000]).await.unwrap();
    // More than the line holds: nobody could go on if each waited for the other to read.
    for n in 1..=1_000 {
        say(&mut far, &format!("* OK [ALERT] number {n}\r\n")).await;
    }
    far.read_exact(&mut got[50_000..]).await.unwrap();
    assert!(got == message);
    assert_eq!(line(&mut far).await, "");
    say(&mut far, "P1 OK [APPENDUID 3 4] done\r\n").await;
    let (done, notices) = append.await.unwrap();
    let (era, uid) = done.unwrap().at.unwrap();
    assert_eq!((era.get(), uid.get(), notices.len()), (3, 4, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_message_refused_in_its_middle_is_sent_no_further_and_the_connection_ends() {
    for (answer, is_ok) in [("NO [OVERQUOTA] full", false), ("OK taken", true)] {
        let (mut session, mut far) = session("LITERAL+", 1024).await;
        let append = tokio::spawn(async move {
            let bytes = vec![b'\n'; 200_000];
            let done = session.append("A", &FlagSet::new(), None, &bytes).await;
            (done, session.noop().await)
        });
        line(&mut far).await;
        far.read_exact(&mut [0; 100]).await.unwrap();
        say(&mut far, &format!("P1 {answer}\r\n")).await;
        let (done, next) = append.await.unwrap();
        match done {
            Ok(done) => assert_eq!(done.refused.unwrap().code.as_deref(), Some("OVERQUOTA")),
            Err(error) => assert!(is_ok && error.class == Class::Protocol, "{error}"),
        }
        assert!(
            next.is_err(),
            "what the server makes of the rest is not known"
        );
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.unwrap();
        assert!(rest.len() < 199_900, "it was not sent in vain");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_line_may_take_its_time_and_a_dead_one_is_noticed() {
    for is_dead in [false, true] {
        let (mut session, mut far) = session("", 1024).await;
        let append = tokio::spawn(async move {
            let bytes = vec![b'x'; 300_000];
            session.append("A", &FlagSet::new(), None, &bytes).await
        });
        assert_eq!(line(&mut far).await, "P1 APPEND \"A\" {300000}");
        say(&mut far, "+ go on\r\n").await;
        // An hour in all, and never a word meanwhile.
        for _ in 0..300 {
            if !is_dead {
                far.read_exact(&mut [0; 1_000]).await.unwrap();
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
        if is_dead {
            let error = append.await.unwrap().unwrap_err();
            assert_eq!(error.class, Class::Transient, "{error}");
            continue;
        }
        line(&mut far).await;
        say(&mut far, "P1 OK done\r\n").await;
        assert!(append.await.unwrap().unwrap().refused.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_too_long_for_one_command_goes_out_in_pieces_of_one_flight() {
    let (mut session, mut far) = session("MOVE UIDPLUS", 1024 * 1024).await;
    let uids: UidSet = (1..=9_000).filter_map(|n| Uid::new(n * 2)).collect();
    let asked = uids.clone();
    let moving = tokio::spawn(async move { session.move_messages(&asked, "A").await });
    let mut lines = Vec::new();
    let mut moved = UidSet::new();
    while moved.len() < uids.len() {
        let line = line(&mut far).await;
        let words: Vec<&str> = line.split(' ').collect();
        let piece = UidSet::parse(words[3]).unwrap();
        piece.ranges().for_each(|(a, b)| moved.insert_range(a, b));
        lines.push((words[0].to_owned(), piece));
    }
    assert!(lines.len() > 4 && moved == uids);
    for (n, (tag, piece)) in lines.iter().enumerate() {
        let answer = if n == 2 {
            format!("{tag} NO [LIMIT] too many\r\n")
        } else {
            format!("* OK [COPYUID 7 {piece} {piece}]\r\n{tag} OK done\r\n")
        };
        say(&mut far, &answer).await;
    }
    let done = moving.await.unwrap().unwrap();
    let refused = done.refused.unwrap();
    assert_eq!(
        (refused.class, refused.code.as_deref()),
        (Class::Transient, Some("LIMIT"))
    );
    let copied: UidSet = done
        .copied
        .unwrap()
        .pairs
        .into_iter()
        .map(|p| p.0)
        .collect();
    assert_eq!(copied, uids.minus(&lines[2].1));
}

#[tokio::test(start_paused = true)]
async fn a_flood_while_idling_is_told_in_few_pieces() {
    let (mut session, mut far) = session("IDLE", 64 * 1024).await;
    let watching = tokio::spawn(async move {
        let mut told = (0, 0);
        while told.1 < 100_000 {
            assert_eq!(
                session.idle(std::future::pending()).await.unwrap(),
                IdleEnd::Told
            );
            told = (told.0 + 1, told.1 + session.take_notices().len());
        }
        told
    });
    assert_eq!(line(&mut far).await, "P1 IDLE");
    say(&mut far, "+ idling\r\n").await;
    for n in 0..100_000 {
        say(&mut far, &format!("* OK [ALERT] number {n}\r\n")).await;
    }
    let (times, notices) = watching.await.unwrap();
    assert_eq!(notices, 100_000);
    assert!(times < 100, "told {times} times");
}

#[tokio::test(start_paused = true)]
async fn done_and_the_next_command_are_one_write_but_where_that_is_known_to_fail() {
    for (program, is_one) in [("Dovecot", true), ("Stalwart IMAP", false)] {
        let (mut session, mut far) = session("ID IDLE", 4096).await;
        let client = tokio::spawn(async move {
            session
                .idle(tokio::time::sleep(Duration::from_secs(9)))
                .await?;
            let seen = FlagChange::one(Flag::Seen, true);
            session
                .change_flags(&UidSet::parse("5").unwrap(), &seen)
                .await
        });
        assert!(line(&mut far).await.starts_with("P1 ID ("));
        say(
            &mut far,
            &format!("* ID (\"name\" \"{program}\")\r\nP1 OK done\r\n"),
        )
        .await;
        assert_eq!(line(&mut far).await, "P2 IDLE");
        say(&mut far, "+ idling\r\n").await;
        assert_eq!(line(&mut far).await, "DONE");
        let waiting = Duration::from_secs(1);
        let more = tokio::time::timeout(waiting, far.fill_buf()).await;
        assert_eq!(more.is_ok(), is_one, "{program}");
        say(&mut far, "P2 OK done\r\n").await;
        assert!(line(&mut far).await.starts_with("P3 UID STORE 5 "));
        say(&mut far, "P3 OK done\r\n").await;
        client.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_may_work_long_on_many_messages_and_not_on_few() {
    for (uids, is_enough) in [("1:1500", true), ("1:15", false)] {
        let (mut session, mut far) = session("MOVE", 4096).await;
        let uids = UidSet::parse(uids).unwrap();
        let moving = tokio::spawn(async move { session.move_messages(&uids, "A").await });
        line(&mut far).await;
        tokio::time::sleep(Duration::from_secs(150)).await;
        let answer = far.write_all(b"P1 OK done\r\n").await;
        assert_eq!(answer.is_ok() && moving.await.unwrap().is_ok(), is_enough);
    }
}
