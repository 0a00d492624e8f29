//! A submission server on loopback that errs where a test wants, and what it took.
//!
//! Used by the tests of sending with the real program. What it took must never be asked of the client.

use super::peer::LivePeer;
use super::{Output, Program};
use pillarbox::demo::imap::Options;
use pillarbox::demo::smtp::{Options as Offer, Peer, Received, serve};
use std::sync::{Arc, Mutex};
use tokio::runtime::Runtime;

/// A running submission server.
pub(crate) struct Post {
    pub(crate) peer: Peer,
    pub(crate) port: u16,
    taken: Arc<Mutex<Vec<Received>>>,
    /// Its sessions end with it.
    _runtime: Runtime,
}

impl Post {
    /// Starts one.
    pub(crate) fn start(offer: Offer) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let taken = Arc::<Mutex<Vec<Received>>>::default();
        let sink = Arc::clone(&taken);
        let peer = Peer::new(offer, move |message| sink.lock().unwrap().push(message));
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0)));
        let listener = listener.unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn(serve(listener, peer.clone()));
        Self {
            peer,
            port,
            taken,
            _runtime: runtime,
        }
    }

    /// All it took so far.
    pub(crate) fn taken(&self) -> Vec<Received> {
        self.taken.lock().unwrap().clone()
    }

    /// Who was given how many messages, in order.
    pub(crate) fn given(&self) -> Vec<(String, usize)> {
        let mut given = std::collections::BTreeMap::new();
        for message in self.taken() {
            for recipient in message.to {
                *given.entry(recipient.address).or_insert(0) += 1;
            }
        }
        given.into_iter().collect()
    }

    /// The table of the outgoing server of an account.
    pub(crate) fn table(&self, account: &str) -> String {
        let Offer { user, password, .. } = self.peer.options();
        format!(
            "[accounts.{account}.smtp]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
             user = \"{user}\"\npassword = \"{password}\"\n",
            self.port
        )
    }
}

/// A program with an incoming and an outgoing server of the demo.
pub(crate) struct Sending {
    pub(crate) peer: LivePeer,
    pub(crate) post: Post,
    pub(crate) program: Program,
}

impl Sending {
    pub(crate) fn new(offer: Offer) -> Self {
        Self::with(Options::default(), offer)
    }

    pub(crate) fn with(options: Options, offer: Offer) -> Self {
        let peer = LivePeer::start(options);
        let post = Post::start(offer);
        let config = format!("{}{}", peer.account("work"), post.table("work"));
        let program = Program::new(&config).with("PILLARBOX_PATIENCE", "1");
        Self {
            peer,
            post,
            program,
        }
    }

    /// The configuration, to be changed.
    pub(crate) fn config(&self) -> String {
        std::fs::read_to_string(self.program.config_file()).unwrap()
    }

    /// Sends what is given on standard input.
    pub(crate) fn send(&self, letter: &str) -> Output {
        self.program.run_with(&["send"], letter)
    }

    /// The rows of `outbox --json`.
    pub(crate) fn outbox(&self) -> Vec<serde_json::Value> {
        self.program.run(&["outbox", "--json"]).expect(0).json()
    }

    /// The state of the only message in the outbox; `none` where it is empty.
    pub(crate) fn state(&self) -> String {
        match self.outbox().as_slice() {
            [] => "none".to_owned(),
            [row] => row["state"].as_str().unwrap().to_owned(),
            rows => panic!("{rows:?}"),
        }
    }

    /// How many copies there are in Sent.
    pub(crate) fn copies(&self) -> usize {
        self.peer.count("Sent").unwrap_or(0)
    }
}
