//! A submission server in memory, and what it took.
//!
//! Used by the tests of mail submission. What the server took must never be asked of the client.

use pillarbox::demo::smtp::{Options as Offer, Peer, Received};
use pillarbox::model::Secret;
use pillarbox::net::smtp::{Manner, Path, Submission, Submitter};
use pillarbox::net::{Error, Login, Options, Security, Server, Wire};
use std::sync::{Arc, Mutex};

/// A server that keeps all it takes.
pub(crate) struct Outbox {
    pub(crate) peer: Peer,
    taken: Arc<Mutex<Vec<Received>>>,
}

impl Outbox {
    pub(crate) fn new(offer: Offer) -> Self {
        let taken = Arc::<Mutex<Vec<Received>>>::default();
        let sink = Arc::clone(&taken);
        Self {
            peer: Peer::new(offer, move |message| sink.lock().unwrap().push(message)),
            taken,
        }
    }

    /// All it took so far.
    pub(crate) fn taken(&self) -> Vec<Received> {
        self.taken.lock().unwrap().clone()
    }

    /// Lets the server see that a client is gone.
    pub(crate) async fn settle(&self) {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    /// A connection that is logged in.
    pub(crate) async fn open(&self) -> Result<Submitter, Error> {
        self.open_as(Some(&login("secret"))).await
    }

    pub(crate) async fn open_as(&self, login: Option<&Login>) -> Result<Submitter, Error> {
        self.open_over(self.peer.connect(), login).await
    }

    pub(crate) async fn open_over(
        &self,
        wire: impl Wire + 'static,
        login: Option<&Login>,
    ) -> Result<Submitter, Error> {
        let server = Server {
            host: "mail.test".into(),
            port: 465,
            security: Security::Implicit,
            ca_file: None,
        };
        let options = Options::default();
        Submitter::over(Box::new(wire), &server, login, &options, &Manner::default()).await
    }
}

pub(crate) fn login(password: &str) -> Login {
    Login::Password {
        user: "ann".into(),
        password: Secret::new(password.into()),
    }
}

pub(crate) fn path(address: &str) -> Path {
    Path::parse(address).unwrap()
}

/// An envelope for that text.
pub(crate) fn submission(from: &str, to: &[&str], text: &[u8]) -> Submission {
    Submission {
        reverse_path: Some(path(from)),
        recipients: to.iter().map(|address| path(address)).collect(),
        size: text.len() as u64,
        has_8bit: !text.is_ascii(),
        has_utf8_header: false,
        dsn: None,
    }
}
