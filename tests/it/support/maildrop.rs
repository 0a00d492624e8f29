//! A POP3 server on loopback that errs where a test wants, and a program that fetches its mail.
//!
//! Used by the tests of POP3. What the program has must be read from its store, and what the server has
//! from the server: neither is ever asked about the other.

use super::desk::account_at;
use super::held::{Shown, waiting};
use super::{Output, Program, wait_until};
use pillarbox::config::LeaveOnServer;
use pillarbox::demo::pop3::{Options, Peer, Uids, serve};
use pillarbox::engine::{AccountSetup, Maildrop};
use pillarbox::net::Security;
use pillarbox::store::Store;
use std::collections::BTreeMap;
use std::path::Path;
use tokio::runtime::Runtime;

/// All mail goes once it is here.
pub(crate) const TAKE: &str = "leave_on_server = false";
/// All mail stays.
pub(crate) const LEAVE: &str = "leave_on_server = true";

/// The name of the account.
pub(crate) const ACCOUNT: &str = "old";

/// A running server for one account.
pub(crate) struct LiveDrop {
    pub(crate) peer: Peer,
    pub(crate) port: u16,
    /// Its sessions end with it.
    _runtime: Runtime,
}

impl LiveDrop {
    /// Starts one with these messages.
    pub(crate) fn start(options: Options, messages: &[Vec<u8>]) -> Self {
        let peer = Peer::new(options);
        for message in messages {
            peer.maildrop().deliver(message.clone());
        }
        Self::serve(peer)
    }

    /// The same mail on a server that behaves otherwise.
    pub(crate) fn again(&self, options: Options) -> Self {
        let maildrop = self.peer.maildrop().clone();
        Self::serve(Peer::with_maildrop(options, maildrop))
    }

    fn serve(peer: Peer) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0)));
        let listener = listener.unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(serve(listener, peer.clone()));
        Self {
            peer,
            port,
            _runtime: runtime,
        }
    }

    /// The table of its account; `more` are further keys of the server.
    pub(crate) fn account(&self, more: &str) -> String {
        let Options { user, password, .. } = self.peer.options();
        format!(
            "[accounts.{ACCOUNT}]\naddress = \"{user}@example.org\"\n[accounts.{ACCOUNT}.pop3]\n\
             host = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"{user}\"\n\
             password = \"{password}\"\n{more}\n",
            self.port
        )
    }

    /// The bytes of all that lies there.
    pub(crate) fn there(&self) -> Vec<Vec<u8>> {
        let mails = self.peer.maildrop().messages();
        mails.into_iter().map(|mail| mail.raw.to_vec()).collect()
    }

    /// Waits until the server has seen that nobody is there any more.
    pub(crate) fn wait_left(&self) {
        wait_until("the session with the maildrop to end", || {
            !self.peer.maildrop().is_held()
        });
    }

    /// How often a client said a command that begins so.
    pub(crate) fn said(&self, command: &str) -> usize {
        let log = self.peer.log();
        log.iter().filter(|line| line.starts_with(command)).count()
    }
}

/// The account of such a server for the engine, at that port. Its password is `pass`.
pub(crate) fn setup(server: &LiveDrop, port: u16, leave: LeaveOnServer) -> AccountSetup {
    let user = &server.peer.options().user;
    AccountSetup {
        name: ACCOUNT.to_owned(),
        maildrop: Some(Maildrop {
            leave,
            max_size: None,
        }),
        ..account_at(port, Security::Plain, None, user)
    }
}

/// So many small messages, no two alike.
pub(crate) fn letters(count: u32) -> Vec<Vec<u8>> {
    (1..=count).map(letter).collect()
}

/// The small message of that number.
pub(crate) fn letter(number: u32) -> Vec<u8> {
    format!("Subject: n{number}\r\nMessage-ID: <{number}@x>\r\n\r\n.{number}\r\n").into_bytes()
}

/// A message of a given size that is like others of that size in all but one letter.
pub(crate) fn twin(letter: char) -> Vec<u8> {
    format!("Subject: twin {letter}\r\n\r\nhello\r\n").into_bytes()
}

/// A server that gives such ids.
pub(crate) fn ids(uids: Uids) -> Options {
    Options {
        uids,
        ..Options::default()
    }
}

/// What has to arrive of a message: its last line gets an end on the way, if it has none.
pub(crate) fn as_fetched(raw: &[u8]) -> Vec<u8> {
    let mut raw = raw.to_vec();
    if !raw.is_empty() && !raw.ends_with(b"\r\n") {
        raw.extend(b"\r\n");
    }
    raw
}

/// The bytes of all that a store keeps in the inbox.
pub(crate) fn kept(data_dir: &Path) -> Vec<Vec<u8>> {
    let reader = Store::open(data_dir).unwrap().reader().unwrap();
    let Some(inbox) = reader.local_mailbox(ACCOUNT, "INBOX").unwrap() else {
        return Vec::new();
    };
    let uids = reader.local_uids(inbox.key, None).unwrap();
    let items = reader.local_items(inbox.key, &uids).unwrap();
    let raws = items.iter().map(|item| reader.local_raw(item.local.key));
    raws.map(|raw| raw.unwrap().expect("a message without bytes"))
        .collect()
}

/// Asks for all of the messages of which only the header is here, as a user does; how many there are.
pub(crate) fn want_wholes(data_dir: &Path) -> usize {
    let store = Store::open(data_dir).unwrap();
    let reader = store.reader().unwrap();
    let inbox = reader.local_mailbox(ACCOUNT, "INBOX").unwrap().unwrap();
    let uids = reader.local_uids(inbox.key, None).unwrap();
    let items = reader.local_items(inbox.key, &uids).unwrap();
    let mut writer = store.writer().unwrap();
    let headers = items.iter().filter(|item| !item.local.is_whole);
    headers
        .map(|item| assert!(writer.want_whole(item.local.key).unwrap()))
        .count()
}

/// How often there are which bytes, as text that can be read.
fn counted(all: &[Vec<u8>]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for raw in all {
        let text = as_fetched(raw).escape_ascii().to_string();
        *counts.entry(text).or_default() += 1;
    }
    counts
}

/// Whether each of these is kept once, and nothing else is.
pub(crate) fn is_once(kept: &[Vec<u8>], all: &[Vec<u8>]) -> Result<(), String> {
    let (kept, all) = (counted(kept), counted(all));
    if kept == all {
        return Ok(());
    }
    Err(format!("kept\n{kept:#?}\ninstead of\n{all:#?}"))
}

/// Whether each of these is kept or still there.
pub(crate) fn is_nothing_lost(
    kept: &[Vec<u8>],
    there: &[Vec<u8>],
    all: &[Vec<u8>],
) -> Result<(), String> {
    let (kept, there) = (counted(kept), counted(there));
    for (text, count) in counted(all) {
        let has = |of: &BTreeMap<String, usize>| of.get(&text).copied().unwrap_or(0);
        if has(&kept) + has(&there) < count {
            return Err(format!("lost: {text}"));
        }
    }
    Ok(())
}

/// A server and a program that knows it.
pub(crate) struct Fetching {
    pub(crate) server: LiveDrop,
    pub(crate) program: Program,
    /// Further keys of the server in the configuration.
    more: String,
}

impl Fetching {
    /// With these messages and these further keys.
    pub(crate) fn new(options: Options, more: &str, messages: &[Vec<u8>]) -> Self {
        let server = LiveDrop::start(options, messages);
        let program = Program::new(&server.account(more)).with("PILLARBOX_PATIENCE", "1");
        let more = more.to_owned();
        Self {
            server,
            program,
            more,
        }
    }

    /// From now on the server behaves otherwise.
    pub(crate) fn become_other(&mut self, options: Options) {
        self.server = self.server.again(options);
        self.program.write_config(&self.server.account(&self.more));
    }

    /// From now on these are the further keys.
    pub(crate) fn configure(&mut self, more: &str) {
        more.clone_into(&mut self.more);
        self.program.write_config(&self.server.account(more));
    }

    /// The configuration is as it was.
    pub(crate) fn configure_again(&self) {
        self.program.write_config(&self.server.account(&self.more));
    }

    /// One round, once nobody else is there.
    pub(crate) fn sync(&self) -> Output {
        self.server.wait_left();
        self.program.run(&["sync"])
    }

    /// What the program has.
    pub(crate) fn kept(&self) -> Vec<Vec<u8>> {
        kept(&self.program.data_dir())
    }

    /// Nothing of these may be neither here nor there.
    pub(crate) fn assert_nothing_lost(&self, all: &[Vec<u8>]) {
        is_nothing_lost(&self.kept(), &self.server.there(), all).unwrap();
    }

    /// Each of these is here, once, and the list shows so many.
    pub(crate) fn assert_once(&self, all: &[Vec<u8>]) {
        is_once(&self.kept(), all).unwrap();
        assert_eq!(listed(&self.program.data_dir()), all.len());
    }

    /// Each of these is here, once, also after two rounds more, and the server has none.
    pub(crate) fn settle(&self, all: &[Vec<u8>]) -> Result<(), String> {
        for _ in 0..2 {
            let output = self.sync();
            if output.code != Some(0) {
                return Err(format!("did not settle: {output:?}"));
            }
        }
        let data = self.program.data_dir();
        is_once(&kept(&data), all)?;
        let (listed, waits) = (listed(&data), waiting(&data));
        if listed == all.len() && waits.is_empty() {
            return Ok(());
        }
        Err(format!("{listed} are listed; waiting: {waits:?}"))
    }
}

/// How many messages lists show in the inbox.
pub(crate) fn listed(data_dir: &Path) -> usize {
    let shown = Shown::of(data_dir, ACCOUNT);
    shown.counts.get("INBOX").map_or(0, |(total, _)| *total)
}
