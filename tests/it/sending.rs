//! The running engine and its outbox: when it sends, what it tells, and what the user can still do.
//!
//! Against a real Dovecot and the demo's submission server. What the server took is what was sent.

use crate::support::desk::{self, Desk};
use crate::support::post::Post;
use crate::support::{Dovecot, Kind, wait_until};
use pillarbox::bus::{Command, Event, SyncMode, WritingCommand, WritingEvent};
use pillarbox::demo::Act;
use pillarbox::demo::smtp::Options as Offer;
use pillarbox::engine::clock::now_secs;
use pillarbox::engine::{AccountSetup, Outgoing, SaveSent};
use pillarbox::model::{Flag, MessageKey, OutboxKey, OutboxState, Secret};
use pillarbox::net::smtp::Manner;
use pillarbox::net::{Login, Options, Security, Server};
use pillarbox::store::{NewOutboxItem, Store};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// Beyond any test.
const FAR_SECS: i64 = 1_000_000;

/// An account with an outgoing server, and where it keeps its mail.
struct Place {
    dovecot: &'static Dovecot,
    user: String,
    post: Post,
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dovecot = Dovecot::shared(Kind::Full);
        Self {
            dovecot,
            user: dovecot.fresh_user(),
            post: Post::start(Offer::default()),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn setup(&self, mode: SyncMode) -> AccountSetup {
        let outgoing = Outgoing {
            server: Server {
                host: "127.0.0.1".to_owned(),
                port: self.post.port,
                security: Security::Plain,
                ca_file: None,
            },
            login: Arc::new(|| {
                Ok(Login::Password {
                    user: "ann".to_owned(),
                    password: Secret::new("secret".to_owned()),
                })
            }),
            options: Options::default(),
            manner: Manner::default(),
            save_sent: SaveSent::Auto,
            undo: Duration::ZERO,
        };
        AccountSetup {
            mode,
            outgoing: Some(outgoing),
            ..desk::account(self.dovecot, &self.user)
        }
    }

    fn start(&self, mode: SyncMode) -> Desk {
        Desk::start(self.dir.path(), vec![self.setup(mode)])
    }

    /// Puts a message into the outbox, as another process does.
    fn put(&self, state: OutboxState, not_before: Option<i64>) -> OutboxKey {
        self.put_with(state, not_before, None)
    }

    fn put_with(
        &self,
        state: OutboxState,
        not_before: Option<i64>,
        mark: Option<(MessageKey, Flag)>,
    ) -> OutboxKey {
        let store = Store::open(self.dir.path()).unwrap();
        let mut spool = store.spool().unwrap();
        spool
            .write_all(b"From: a@x\r\nMessage-ID: <out@x>\r\n\r\nHello.\r\n")
            .unwrap();
        let sealed = spool.seal().unwrap();
        let mut writer = store.writer().unwrap();
        let new = NewOutboxItem {
            account: writer.account(&self.user).unwrap(),
            draft: None,
            state,
            not_before,
            subject: "Hello".to_owned(),
            message_id: "out@x".to_owned(),
            sender: "ann@here.test".to_owned(),
            recipients: vec!["bo@there.test".to_owned(), "cy@there.test".to_owned()],
            has_8bit: false,
            has_utf8_header: false,
            wants_report: false,
            mark,
        };
        writer.put_in_outbox(&new, &sealed, now_secs()).unwrap()
    }

    fn taken(&self) -> usize {
        self.post.taken().len()
    }

    fn copies(&self) -> usize {
        let mut client = self.dovecot.client(&self.user);
        let found = client.search("Sent", "HEADER Message-ID out@x");
        client.leave();
        found.len()
    }

    fn sync(desk: &mut Desk) {
        desk.send(Command::SyncNow(None));
    }
}

fn far() -> Option<i64> {
    Some(now_secs() + FAR_SECS)
}

#[test]
fn what_waits_is_sent_told_filed_and_shown() {
    let place = Place::new();
    place.put(OutboxState::Queued, None);
    let mut desk = place.start(SyncMode::Push);
    desk.wait_news("the word that it was sent", |event| {
        let Event::Writing(WritingEvent::Sent { label, .. }) = event else {
            return false;
        };
        label.as_str() == "Sent to bo@there.test and 1 other"
    });
    assert_eq!(place.taken(), 1);
    desk.wait_news("an empty outbox", |event| {
        let Event::Writing(WritingEvent::OutboxChanged { waiting, stuck, .. }) = event else {
            return false;
        };
        (*waiting, *stuck) == (0, 0)
    });
    assert!(desk.outbox().is_empty());
    let sent = desk.mailbox("Sent").key;
    desk.wait_rows("the copy", sent, |rows| rows.len() == 1);
    assert_eq!(place.copies(), 1);
    desk.stop();
}

#[test]
fn in_manual_mode_nothing_is_sent_before_it_is_asked_for() {
    let place = Place::new();
    place.put(OutboxState::Queued, None);
    let mut desk = place.start(SyncMode::Manual);
    assert_eq!(desk.outbox()[0].state, OutboxState::Queued);
    desk.listen(Duration::from_millis(300));
    assert_eq!(place.post.peer.sessions_opened(), 0);
    Place::sync(&mut desk);
    wait_until("it to be sent", || place.taken() == 1);
    wait_until("the copy", || place.copies() == 1);
    desk.stop();
}

#[test]
fn offline_nothing_is_sent_and_online_again_it_is() {
    let place = Place::new();
    let setup = place.setup(SyncMode::Push);
    place.put(OutboxState::Queued, None);
    let mut desk = Desk::start_offline(place.dir.path(), vec![setup], true);
    assert_eq!(desk.outbox().len(), 1);
    desk.listen(Duration::from_millis(300));
    assert_eq!(place.post.peer.sessions_opened(), 0);
    desk.send(Command::SetOffline(false));
    wait_until("it to be sent", || place.taken() == 1);
    desk.stop();
}

#[test]
fn what_is_held_or_scheduled_can_be_taken_back_without_a_trace() {
    let place = Place::new();
    let held = place.put(OutboxState::Held, far());
    let scheduled = place.put(OutboxState::Scheduled, far());
    let mut desk = place.start(SyncMode::Push);
    Place::sync(&mut desk);
    desk.wait_in_step();
    let states: Vec<OutboxState> = desk.outbox().iter().map(|item| item.state).collect();
    assert_eq!(states, [OutboxState::Held, OutboxState::Scheduled]);
    let answer = desk.write(|request| WritingCommand::Cancel {
        request,
        item: held,
    });
    assert!(
        matches!(answer, Ok(WritingEvent::Cancelled { .. })),
        "{answer:?}"
    );
    let retry = WritingCommand::Retry {
        request: pillarbox::bus::RequestId(0),
        item: scheduled,
    };
    desk.send(Command::Writing(retry));
    wait_until("the other one to be sent", || place.taken() == 1);
    let again = desk.write(|request| WritingCommand::Cancel {
        request,
        item: held,
    });
    assert!(again.is_err(), "{again:?}");
    desk.stop();
    assert_eq!(place.taken(), 1);
}

#[test]
fn what_is_on_its_way_cannot_be_taken_back() {
    let place = Place::new();
    place.post.peer.faults().once(".", Act::Hold);
    let item = place.put(OutboxState::Queued, None);
    let mut desk = place.start(SyncMode::Push);
    wait_until("it to be taken", || place.taken() == 1);
    let items = desk.outbox();
    assert_eq!(items[0].state, OutboxState::Sending);
    assert_eq!(items[0].sent_bytes, items[0].size_bytes);
    let answer = desk.write(|request| WritingCommand::Cancel { request, item });
    assert!(answer.unwrap_err().contains("too late"));
    place.post.peer.faults().release();
    wait_until("the copy", || place.copies() == 1);
    desk.stop();
    assert_eq!(place.taken(), 1);
}

#[test]
fn what_the_user_knows_to_be_sent_is_filed_and_not_sent_again() {
    let place = Place::new();
    place.post.peer.faults().once(".", Act::DropAfter);
    let item = place.put(OutboxState::Queued, None);
    let mut desk = place.start(SyncMode::Push);
    desk.wait_news(
        "a question",
        |event| matches!(event, Event::Problem(p) if p.summary.as_str().contains("nobody knows")),
    );
    assert_eq!(desk.outbox()[0].state, OutboxState::Unconfirmed);
    let sent = WritingCommand::WasSent {
        request: pillarbox::bus::RequestId(0),
        item,
    };
    desk.send(Command::Writing(sent));
    wait_until("the copy", || place.copies() == 1);
    desk.stop();
    assert_eq!(place.taken(), 1);
}

#[test]
fn what_was_answered_is_marked_on_the_server() {
    let place = Place::new();
    place
        .dovecot
        .deliver(&place.user, "INBOX", "Subject: Question\n\nWell?\n");
    let mut desk = place.start(SyncMode::Push);
    let inbox = desk.mailbox("INBOX").key;
    let rows = desk.wait_rows("the question", inbox, |rows| rows.len() == 1);
    let question = desk::placed(&rows[0]).message;
    let mark = Some((question, Flag::Answered));
    let held = place.put_with(OutboxState::Held, far(), mark);
    let retry = WritingCommand::Retry {
        request: pillarbox::bus::RequestId(0),
        item: held,
    };
    desk.send(Command::Writing(retry));
    wait_until("the mark", || {
        let mut client = place.dovecot.client(&place.user);
        let flags = client.flags("INBOX", 1);
        client.leave();
        flags.iter().any(|flag| flag == "\\Answered")
    });
    assert_eq!(place.taken(), 1);
    desk.stop();
}
