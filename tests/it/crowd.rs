//! Many clients on one mailbox at once, two programs on one store, two stores on one account.
//!
//! At each checkpoint all pause, and the store must come to show exactly what the server holds: ids,
//! flags, keywords. `PILLARBOX_MINUTES=10 cargo test crowd -- --nocapture` keeps it up for longer.

use crate::support::desk::{Desk, account_at, placed};
use crate::support::held::{Held, Shown};
use crate::support::scenes::{message, named};
use crate::support::{Dovecot, Kind, OtherClient, Program, Stage, wait_until};
use pillarbox::bus::Command;
use pillarbox::engine::AccountSetup;
use pillarbox::engine::clock::monotonic;
use pillarbox::model::{
    Destination, Flag, FlagChange, Keyword, ListRow, MailboxId, MailboxKey, OpKind,
};
use pillarbox::net::Security;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

/// Other clients that change things at the same time.
const CLIENTS: usize = 16;
/// Messages at the start, in the inbox.
const LETTERS: u64 = 60;
/// How long everything goes on before all pause.
const STRETCH: Duration = Duration::from_secs(20);
/// A stretch where not much time is given.
const SHORT: Duration = Duration::from_secs(5);
/// The longest that the store may take to come to rest.
const REST: Duration = Duration::from_secs(60);
const MAILBOXES: [&str; 2] = ["INBOX", "Work"];

/// What was done to a message by anybody.
#[derive(Debug, Default, Clone)]
struct Past {
    copies: usize,
    /// By others: two of them at once may leave two behind.
    moves: usize,
    may_be_gone: bool,
}

/// The mailbox that all work on.
struct Place {
    dovecot: &'static Dovecot,
    user: String,
    past: Mutex<BTreeMap<String, Past>>,
    letters: AtomicU64,
    changes: AtomicUsize,
    /// Held for reading while one thing is done, for writing while all pause.
    turn: RwLock<()>,
    is_over: AtomicBool,
}

fn minutes() -> Option<u64> {
    std::env::var_os("PILLARBOX_MINUTES")?
        .into_string()
        .ok()?
        .parse()
        .ok()
}

fn setup(dovecot: &Dovecot, user: &str) -> AccountSetup {
    AccountSetup {
        name: "work".to_owned(),
        ..account_at(dovecot.imap, Security::Plain, None, user)
    }
}

impl Place {
    fn new(kind: Kind) -> Self {
        let dovecot = Dovecot::shared(kind);
        let place = Self {
            dovecot,
            user: dovecot.fresh_user(),
            past: Mutex::default(),
            letters: AtomicU64::new(0),
            changes: AtomicUsize::new(0),
            turn: RwLock::default(),
            is_over: AtomicBool::new(false),
        };
        let mut client = place.client();
        client.run("CREATE Work");
        for _ in 0..LETTERS {
            place.write(&mut client, "INBOX");
        }
        client.leave();
        place
    }

    fn client(&self) -> OtherClient {
        self.dovecot.client(&self.user)
    }

    /// Puts a new message into a mailbox.
    fn write(&self, client: &mut OtherClient, mailbox: &str) {
        let n = self.letters.fetch_add(1, Ordering::SeqCst);
        let message_id = named(&format!("c{n}"));
        self.past
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(message_id.clone(), Past::default());
        client.append(mailbox, "", &message(&message_id, &format!("Number {n}")));
    }

    fn remember(&self, message_id: &str, what: impl FnOnce(&mut Past)) {
        self.changes.fetch_add(1, Ordering::Relaxed);
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let past = past.get_mut(message_id);
        what(past.unwrap_or_else(|| panic!("nobody wrote {message_id}")));
    }

    /// Another client, until it is over.
    fn busy(&self) {
        let mut client = self.client();
        while !self.is_over.load(Ordering::SeqCst) {
            {
                // Another one may have failed: that is told there.
                let _turn = self.turn.read().unwrap_or_else(PoisonError::into_inner);
                self.change_something(&mut client);
            }
            thread::sleep(Duration::from_millis(fastrand::u64(5..60)));
        }
        client.leave();
    }

    fn change_something(&self, client: &mut OtherClient) {
        let at = fastrand::usize(0..MAILBOXES.len());
        let (mailbox, other) = (MAILBOXES[at], MAILBOXES[1 - at]);
        let uids = client.search(mailbox, "ALL");
        let roll = fastrand::u32(0..100);
        let Some(uid) = fastrand::choice(&uids) else {
            return self.write(client, mailbox);
        };
        if uids.len() < 25 || roll < 8 {
            return self.write(client, mailbox);
        }
        let fetched = client.run(&format!(
            "UID FETCH {uid} (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
        ));
        let text = fetched.concat();
        let Some(message_id) = text
            .split(['<', '>'])
            .nth(1)
            .filter(|id| id.starts_with('c'))
        else {
            // Somebody was faster.
            return;
        };
        // Somebody may still be faster: what is refused or without effect changed nothing.
        match roll {
            8..50 => {
                let word = ["\\Seen", "\\Flagged", "\\Answered", "later", "work"];
                let word = fastrand::choice(&word).unwrap();
                let sign = if fastrand::bool() { '+' } else { '-' };
                self.remember(message_id, |_| {});
                client.ask(&format!("UID STORE {uid} {sign}FLAGS ({word})"));
            }
            50..70 => {
                self.remember(message_id, |past| past.moves += 1);
                client.ask(&format!("UID MOVE {uid} \"{other}\""));
            }
            70..78 => {
                self.remember(message_id, |past| past.copies += 1);
                client.ask(&format!("UID COPY {uid} \"{other}\""));
            }
            _ if uids.len() > 50 => {
                self.remember(message_id, |past| past.may_be_gone = true);
                client.ask(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"));
                client.ask(&format!("UID EXPUNGE {uid}"));
            }
            _ => {
                client.ask("NOOP");
            }
        }
    }

    /// Something that the user of the engine does.
    fn use_desk(&self, desk: &mut Desk, keys: &[MailboxKey], can_move: bool) {
        let _turn = self.turn.read().unwrap();
        let at = fastrand::usize(0..keys.len());
        let rows = desk.rows(keys[at]);
        let count = fastrand::usize(1..=3);
        let rows = (0..count).filter_map(|_| fastrand::choice(&rows));
        // Dovecot makes up what it can no longer read of a message that another one has just removed.
        let is_letter = |row: &&ListRow| row.subject.as_str().starts_with("Number ");
        let rows: Vec<&ListRow> = rows.filter(is_letter).collect();
        if rows.is_empty() {
            return;
        }
        let account = desk.tree[0].key;
        let to = MailboxId {
            account,
            name: MAILBOXES[1 - at].to_owned(),
        };
        let kind = match fastrand::u32(0..100) {
            20..50 if can_move => OpKind::Move(Destination::Mailbox(to)),
            50..60 if can_move => OpKind::Copy(Destination::Mailbox(to)),
            60..66 if can_move => OpKind::Delete,
            roll if roll % 2 == 0 => {
                OpKind::Flags(FlagChange::one(Flag::Flagged, fastrand::bool()))
            }
            _ => {
                let word = Keyword::new("ours").unwrap();
                OpKind::Flags(FlagChange::keyword(word, fastrand::bool()))
            }
        };
        for row in &rows {
            let number = row.subject.as_str().rsplit(' ').next().unwrap();
            self.remember(&named(&format!("c{number}")), |past| match &kind {
                OpKind::Copy(_) => past.copies += 1,
                OpKind::Delete => past.may_be_gone = true,
                _ => {}
            });
        }
        desk.apply(kind, rows.into_iter().map(placed).collect());
    }

    /// Waits until the store shows what the server holds, while nobody changes anything.
    fn checkpoint(&self, desk: &mut Desk, data_dir: &Path) {
        let _pause = self.turn.write().unwrap();
        rest(self.dovecot, &self.user, &mut [(desk, data_dir)]);
    }

    /// Nothing is lost that nobody deleted; nothing is there more often than anybody made it.
    fn account_for_all(&self) {
        let held = Held::of(self.dovecot, &self.user);
        let mut count: BTreeMap<&str, usize> = BTreeMap::new();
        let letters = held.mailboxes.values().flat_map(BTreeMap::values);
        let mut marked: BTreeMap<&str, usize> = BTreeMap::new();
        for letter in letters {
            // Without UIDPLUS a move beside what others marked ends with the original marked, too.
            let is_marked = letter.flags.iter().any(|flag| flag == "\\deleted");
            let all = if is_marked { &mut marked } else { &mut count };
            *all.entry(letter.message_id.as_str()).or_default() += 1;
        }
        for (message_id, past) in self.past.lock().unwrap().iter() {
            let there = count.get(message_id.as_str()).copied().unwrap_or_default();
            assert!(
                there > 0 || past.may_be_gone || marked.contains_key(message_id.as_str()),
                "{message_id} is lost: {past:?}"
            );
            let most = 1 + past.copies + past.moves;
            assert!(
                there <= most,
                "{message_id} is there {there} times: {past:?}"
            );
        }
    }
}

/// Waits until each store shows what the server holds and has nothing left to send.
fn rest(dovecot: &Dovecot, user: &str, stores: &mut [(&mut Desk, &Path)]) {
    let begun = monotonic();
    loop {
        // A notice or two, so that the engine never waits for a front that does not listen.
        for (desk, _) in stores.iter_mut() {
            desk.listen(Duration::from_millis(100));
        }
        let held = Held::of(dovecot, user);
        let differs = |data_dir: &Path| {
            let waits = crate::support::held::waiting(data_dir);
            held.differs_from(&Shown::of(data_dir, "work")) + &waits.join(", ")
        };
        let told: String = stores
            .iter()
            .map(|(_, data_dir)| differs(data_dir))
            .collect();
        if told.is_empty() {
            return;
        }
        assert!(begun.elapsed() < REST, "no rest: {told}");
    }
}

/// Whether the program can move messages yet.
fn can_move() -> bool {
    Program::new("").run(&["move", "--help"]).code == Some(0)
}

fn sixteen_clients(kind: Kind) {
    let place = Place::new(kind);
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::start(folder.path(), vec![setup(place.dovecot, &place.user)]);
    let keys = MAILBOXES.map(|name| desk.mailbox(name).key);
    desk.send(Command::LookAt(Some(keys[0])));
    let (stretch, until) = minutes().map_or((SHORT, SHORT), |minutes| {
        (STRETCH, Duration::from_secs(minutes * 60))
    });
    let begun = monotonic();
    let can_move = can_move();
    let mut checkpoints = 0;
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| place.busy());
        }
        // A failure must end the others too.
        let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            while begun.elapsed() < until {
                let stretch_begun = monotonic();
                while stretch_begun.elapsed() < stretch {
                    place.use_desk(&mut desk, &keys, can_move);
                    desk.listen(Duration::from_millis(50));
                }
                place.checkpoint(&mut desk, folder.path());
                checkpoints += 1;
            }
        }));
        place.is_over.store(true, Ordering::SeqCst);
        lived.unwrap_or_else(|why| std::panic::resume_unwind(why));
    });
    place.account_for_all();
    println!(
        "{kind:?}: {CLIENTS} clients and ours, {} changes, {checkpoints} checkpoints",
        place.changes.load(Ordering::Relaxed)
    );
}

#[test]
fn beside_sixteen_busy_clients_the_store_comes_to_show_what_the_server_holds_with_qresync() {
    sixteen_clients(Kind::Full);
}

#[test]
fn beside_sixteen_busy_clients_the_store_comes_to_show_what_the_server_holds_with_condstore() {
    sixteen_clients(Kind::Condstore);
}

#[test]
fn beside_sixteen_busy_clients_the_store_comes_to_show_what_the_server_holds_with_neither() {
    sixteen_clients(Kind::Plain);
}

/// Letters `c0` … in the inbox of a stage that knows them.
fn stage(kind: Kind, letters: usize) -> Stage {
    let stage = Stage::new(kind, 1);
    for n in 0..letters {
        let message_id = named(&format!("c{n}"));
        stage.put("INBOX", "", &message(&message_id, &format!("Number {n}")));
    }
    stage.put("Work", "", &message(&named("w"), "In Work"));
    stage.run(&["sync"]);
    stage
}

fn flags(held: &Held, mailbox: &str, n: usize) -> Vec<String> {
    let message_id = named(&format!("c{n}"));
    let mut found = held.mailboxes[mailbox]
        .values()
        .filter(|l| l.message_id == message_id);
    let flags = found
        .next()
        .unwrap_or_else(|| panic!("{message_id} is not in {mailbox}"))
        .flags
        .clone();
    assert!(found.next().is_none(), "{message_id} is there twice");
    flags
}

fn row_of(desk: &mut Desk, mailbox: MailboxKey, n: usize) -> ListRow {
    let subject = format!("Number {n}");
    let rows = desk.wait_rows(&subject, mailbox, |rows| {
        rows.iter().any(|row| row.subject.as_str() == subject)
    });
    rows.into_iter()
        .find(|row| row.subject.as_str() == subject)
        .unwrap()
}

#[test]
fn two_programs_on_one_store_lose_nothing_of_each_other() {
    let stage = stage(Kind::Full, 16);
    let mut desk = Desk::start(
        &stage.data_dir(),
        vec![setup(stage.dovecot, &stage.users[0])],
    );
    let inbox = desk.mailbox("INBOX").key;
    desk.send(Command::LookAt(Some(inbox)));
    desk.wait_in_step();
    thread::scope(|scope| {
        let stage = &stage;
        scope.spawn(move || {
            for n in 0..8 {
                let id = stage.id("INBOX", &named(&format!("c{n}")));
                // 75: kept, because the screen was not done with it in time.
                let output = stage.program.run(&["tag", &id, "--add", "command"]);
                assert!(matches!(output.code, Some(0 | 75)), "{output:?}");
                if can_move() && n % 2 == 0 {
                    let output = stage.program.run(&["move", &id, "Work"]);
                    assert!(matches!(output.code, Some(0 | 75)), "{output:?}");
                }
            }
        });
        for n in 8..16 {
            let row = row_of(&mut desk, inbox, n);
            let star = OpKind::Flags(FlagChange::one(Flag::Flagged, true));
            desk.apply(star, vec![placed(&row)]);
        }
    });
    rest(
        stage.dovecot,
        &stage.users[0],
        &mut [(&mut desk, &stage.data_dir())],
    );
    desk.stop();
    let held = &stage.held()[0];
    for n in 0..8 {
        let is_moved = can_move() && n % 2 == 0;
        let mailbox = if is_moved { "Work" } else { "INBOX" };
        assert_eq!(flags(held, mailbox, n), ["command"], "{n}");
    }
    for n in 8..16 {
        assert_eq!(flags(held, "INBOX", n), ["\\flagged"], "{n}");
    }
}

#[test]
fn two_stores_on_one_account_come_to_show_the_same() {
    let stage = stage(Kind::Full, 12);
    let folder = tempfile::tempdir().unwrap();
    let (dovecot, user) = (stage.dovecot, &stage.users[0]);
    let mut here = Desk::start(&stage.data_dir(), vec![setup(dovecot, user)]);
    let mut there = Desk::start(folder.path(), vec![setup(dovecot, user)]);
    let inboxes = [&mut here, &mut there].map(|desk| {
        let inbox = desk.mailbox("INBOX").key;
        desk.send(Command::LookAt(Some(inbox)));
        desk.wait_in_step();
        desk.wait_rows("all", inbox, |rows| rows.len() == 12);
        inbox
    });
    let can_move = can_move();
    for n in 0..12 {
        for (who, desk) in [&mut here, &mut there].into_iter().enumerate() {
            let row = row_of(desk, inboxes[who], n);
            let word = Keyword::new(["here", "there"][who]).unwrap();
            let tag = OpKind::Flags(FlagChange::keyword(word, true));
            desk.apply(tag, vec![placed(&row)]);
            if can_move && n >= 6 && n % 2 == who {
                let account = desk.tree[0].key;
                let name = ["Work", "Archive"][who].to_owned();
                let to = Destination::Mailbox(MailboxId { account, name });
                desk.apply(OpKind::Move(to), vec![placed(&row)]);
            }
        }
    }
    let data_dir = stage.data_dir();
    rest(
        dovecot,
        user,
        &mut [(&mut here, &data_dir), (&mut there, folder.path())],
    );
    let held = Held::of(dovecot, user);
    let all: usize = held.mailboxes.values().map(BTreeMap::len).sum();
    assert_eq!(all, 13, "nothing is lost and nothing is there twice");
    for n in 0..6 {
        assert_eq!(flags(&held, "INBOX", n), ["here", "there"], "{n}");
    }
    wait_until("both to be in step", || {
        [&stage.data_dir(), folder.path()]
            .into_iter()
            .all(|data_dir: &Path| held.differs_from(&Shown::of(data_dir, "work")).is_empty())
    });
    here.stop();
    there.stop();
}
