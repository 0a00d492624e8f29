//! A submission server on loopback that errs where a test wants, and what it took.
//!
//! Used by the tests of sending with the real program. What it took must never be asked of the client.

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

    /// How often somebody was given a message with that text in it.
    pub(crate) fn given(&self, to: &str, text: &str) -> usize {
        let taken = self.taken();
        let is_it = |m: &&Received| {
            m.to.iter().any(|r| r.address == to) && String::from_utf8_lossy(&m.raw).contains(text)
        };
        taken.iter().filter(is_it).count()
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
