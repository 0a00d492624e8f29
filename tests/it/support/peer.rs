//! The demo's server on loopback, which does wrong what a test wants.
//!
//! Used where a real server cannot be made to refuse. It ends when it is dropped.

use super::Program;
use pillarbox::demo::imap::{Options, Peer};
use pillarbox::model::{FlagSet, Moment};
use tokio::runtime::Runtime;

/// A running server with one user.
pub(crate) struct LivePeer {
    pub(crate) peer: Peer,
    pub(crate) port: u16,
    /// Its sessions end with it.
    _runtime: Runtime,
}

impl LivePeer {
    /// Starts one.
    pub(crate) fn start(options: Options) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let peer = Peer::new(options);
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0)));
        let listener = listener.unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(pillarbox::demo::serve(listener, peer.clone()));
        Self {
            peer,
            port,
            _runtime: runtime,
        }
    }

    /// Puts a message into a mailbox.
    pub(crate) fn put(&self, mailbox: &str, message: &str) {
        let bytes = message.replace('\n', "\r\n");
        let store = self.peer.store();
        store.append(mailbox, bytes.as_bytes(), FlagSet::new(), Moment::default());
    }

    /// The tables of its account.
    pub(crate) fn account(&self, name: &str) -> String {
        let Options { user, password, .. } = self.peer.options();
        format!(
            "[accounts.{name}]\naddress = \"{user}@example.org\"\n[accounts.{name}.imap]\n\
             host = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nuser = \"{user}\"\n\
             password = \"{password}\"\n[accounts.{name}.sync]\nkeep = \"headers\"\n",
            self.port
        )
    }

    /// A program that knows what is there.
    pub(crate) fn program(&self) -> Program {
        let program = Program::new(&self.account("work"));
        program.run(&["sync"]).expect(0);
        program
    }

    /// How many messages are in a mailbox.
    pub(crate) fn count(&self, mailbox: &str) -> Option<usize> {
        self.peer.store().mailbox(mailbox).map(|m| m.messages.len())
    }

    /// How often a client said a command that begins so.
    pub(crate) fn said(&self, command: &str) -> usize {
        let log = self.peer.log();
        log.iter()
            .filter(|l| l.command.starts_with(command))
            .count()
    }
}
