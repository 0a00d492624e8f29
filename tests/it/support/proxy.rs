//! A bad network in front of a server: slow, cut, refusing or silent, as a test wants it.
//!
//! Used by the tests of faults. It counts what a client waits for. Must never change a byte: what
//! arrives is what was sent, or nothing.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Nothing is cut after a number of bytes.
const NEVER: u64 = u64::MAX;
/// How many pieces may be under way.
const PIECES_MAX: usize = 4096;
/// How often a stalled link looks whether it goes on.
const GLANCE: Duration = Duration::from_millis(5);

/// A running proxy. It takes no more connections when it is dropped.
pub(crate) struct Proxy {
    /// Where clients connect.
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    delay: Mutex<Duration>,
    /// Bytes from the server in a second on each connection; 0: as fast as it goes.
    speed: AtomicU64,
    is_refusing: AtomicBool,
    is_stalled: AtomicBool,
    is_over: AtomicBool,
    /// Bytes from the client that are let through before everything is cut.
    up_left: AtomicU64,
    down_left: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    turns: AtomicU64,
    connections: AtomicU64,
    links: Mutex<Vec<TcpStream>>,
    /// Cut when a piece with this went to the server; not where empty.
    last_word: Mutex<String>,
    /// How many connections are granted at once, where not all are.
    granted: Mutex<Option<usize>>,
    standing: AtomicUsize,
    /// What clients sent, for assertions about commands.
    said: Mutex<Vec<Word>>,
}

/// A piece that a client sent.
struct Word {
    /// The number of its connection, from 1 on.
    connection: u64,
    /// Whether the server had spoken before it.
    is_turn: bool,
    at: Instant,
    bytes: Vec<u8>,
}

/// What a client said in one breath, after the server had spoken.
#[allow(dead_code, reason = "for the benches")]
pub(crate) struct Turn {
    /// The number of the connection, from 1 on.
    pub(crate) connection: u64,
    /// When it began.
    pub(crate) at: Instant,
    /// The commands.
    pub(crate) said: String,
}

/// One connection through the proxy.
#[derive(Clone)]
struct Link {
    number: u64,
    server_spoke: Arc<AtomicBool>,
}

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl Proxy {
    /// In front of a port of this computer.
    pub(crate) fn before(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        shared.up_left.store(NEVER, Ordering::SeqCst);
        shared.down_left.store(NEVER, Ordering::SeqCst);
        let held = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                if held.is_over.load(Ordering::SeqCst) {
                    return;
                }
                if held.is_refusing.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(mut client) = client else { continue };
                let granted = *held.granted.lock().unwrap();
                if granted.is_some_and(|n| held.standing.load(Ordering::SeqCst) >= n) {
                    // The client may be gone.
                    drop(client.write_all(b"* BYE [LIMIT] Too many connections\r\n"));
                    continue;
                }
                if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                    held.join(client, server);
                }
            }
        });
        Self { port: own, shared }
    }

    /// Lets each byte take half of this, each way.
    pub(crate) fn set_round_trip(&self, time: Duration) {
        *self.shared.delay.lock().unwrap() = time / 2;
    }

    /// Lets so many bytes of the server through in a second on each connection; 0: as fast as it goes.
    pub(crate) fn set_speed(&self, bytes: u64) {
        self.shared.speed.store(bytes, Ordering::SeqCst);
    }

    /// Ends all connections now.
    pub(crate) fn cut(&self) {
        self.shared.cut();
    }

    /// Hangs up on new connections, or takes them again.
    pub(crate) fn refuse(&self, is_refusing: bool) {
        self.shared.is_refusing.store(is_refusing, Ordering::SeqCst);
    }

    /// Lets nothing through, with all connections standing; or goes on.
    pub(crate) fn stall(&self, is_stalled: bool) {
        self.shared.is_stalled.store(is_stalled, Ordering::SeqCst);
    }

    /// Cuts all connections when so many more bytes went to the server.
    pub(crate) fn cut_after_sending(&self, bytes: u64) {
        self.shared.up_left.store(bytes, Ordering::SeqCst);
    }

    /// Cuts all connections when a client has said this and before it gets an answer; the server
    /// reads it and acts on it.
    pub(crate) fn cut_after_saying(&self, word: &str) {
        word.clone_into(&mut self.shared.last_word.lock().unwrap());
    }

    /// Grants so many connections at once, as servers do that count them; later ones are refused in
    /// the server's words.
    pub(crate) fn grant(&self, connections: usize) {
        *self.shared.granted.lock().unwrap() = Some(connections);
    }

    /// Cuts all connections when so many more bytes came from the server.
    pub(crate) fn cut_after_receiving(&self, bytes: u64) {
        self.shared.down_left.store(bytes, Ordering::SeqCst);
    }

    /// Bytes to and from the server.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let load = |n: &AtomicU64| n.load(Ordering::SeqCst);
        (load(&self.shared.up), load(&self.shared.down))
    }

    /// How often a client spoke after the server had: what it waited for, counted over all
    /// connections.
    pub(crate) fn turns(&self) -> u64 {
        self.shared.turns.load(Ordering::SeqCst)
    }

    /// Whether no server has a connection open any more: what was sent is acted on.
    pub(crate) fn is_over(&self) -> bool {
        self.shared.standing.load(Ordering::SeqCst) == 0
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// What clients sent since the last call.
    pub(crate) fn take_said(&self) -> String {
        let said = std::mem::take(&mut *self.shared.said.lock().unwrap());
        let bytes: Vec<u8> = said.into_iter().flat_map(|word| word.bytes).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[allow(dead_code, reason = "for the benches")]
    /// The same by turns.
    pub(crate) fn take_turns(&self) -> Vec<Turn> {
        let words = std::mem::take(&mut *self.shared.said.lock().unwrap());
        let mut turns: Vec<Turn> = Vec::new();
        for word in words {
            let said = String::from_utf8_lossy(&word.bytes).into_owned();
            let before = turns
                .iter_mut()
                .rev()
                .find(|t| t.connection == word.connection);
            match before.filter(|_| !word.is_turn) {
                Some(turn) => turn.said.push_str(&said),
                None => turns.push(Turn {
                    connection: word.connection,
                    at: word.at,
                    said,
                }),
            }
        }
        turns
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.shared.cut();
        // Wakes the thread that accepts.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Shared {
    fn cut(&self) {
        for link in self.links.lock().unwrap().drain(..) {
            // It may have ended by itself.
            drop(link.shutdown(Shutdown::Both));
        }
    }

    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let number = self.connections.fetch_add(1, Ordering::SeqCst) + 1;
        self.standing.fetch_add(1, Ordering::SeqCst);
        let server_spoke = Arc::new(AtomicBool::new(false));
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
            self.links.lock().unwrap().push(stream.try_clone().unwrap());
        }
        let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let link = Link {
            number,
            server_spoke,
        };
        self.pump(client, server, Way::Up, link.clone());
        self.pump(server_too, client_too, Way::Down, link);
    }

    /// Two threads: one reads and notes when each piece is due, one writes it then.
    fn pump(self: &Arc<Self>, mut from: TcpStream, to: TcpStream, way: Way, link: Link) {
        let (sender, receiver) = sync_channel::<(Instant, Vec<u8>)>(PIECES_MAX);
        let shared = Arc::clone(self);
        thread::spawn(move || shared.write(&receiver, to, way, &link));
        let shared = Arc::clone(self);
        thread::spawn(move || shared.read(&mut from, &sender));
    }

    fn read(&self, from: &mut TcpStream, sender: &SyncSender<(Instant, Vec<u8>)>) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            let due = now() + *self.delay.lock().unwrap();
            if sender.send((due, buffer[..n].to_vec())).is_err() {
                return;
            }
        }
    }

    fn write(
        &self,
        pieces: &Receiver<(Instant, Vec<u8>)>,
        mut to: TcpStream,
        way: Way,
        link: &Link,
    ) {
        let mut is_heard = true;
        while let Ok((due, mut piece)) = pieces.recv() {
            if !is_heard {
                continue;
            }
            thread::sleep(due.saturating_duration_since(now()));
            while self.is_stalled.load(Ordering::SeqCst) && !self.is_over.load(Ordering::SeqCst) {
                thread::sleep(GLANCE);
            }
            let speed = self.speed.load(Ordering::SeqCst);
            if way == Way::Down && speed > 0 {
                let millis = piece.len() as u64 * 1000 / speed;
                thread::sleep(Duration::from_millis(millis));
            }
            let is_last =
                self.spend(way, &mut piece) || (way == Way::Up && self.is_last_word(&piece));
            match way {
                Way::Up => {
                    let is_turn = link.server_spoke.swap(false, Ordering::SeqCst);
                    self.turns.fetch_add(u64::from(is_turn), Ordering::SeqCst);
                    self.up.fetch_add(piece.len() as u64, Ordering::SeqCst);
                    self.said.lock().unwrap().push(Word {
                        connection: link.number,
                        is_turn,
                        at: now(),
                        bytes: piece.clone(),
                    });
                }
                Way::Down => {
                    link.server_spoke.store(true, Ordering::SeqCst);
                    self.down.fetch_add(piece.len() as u64, Ordering::SeqCst);
                }
            }
            is_heard = to.write_all(&piece).is_ok() && !is_last;
            if is_last {
                // What was let through is to be acted on, with nobody there for the answer.
                self.hang_up_on_clients();
            }
            if !is_heard && way == Way::Up {
                break;
            }
        }
        match way {
            // The server reads to the end what it was sent, and may go on speaking.
            Way::Up => drop(to.shutdown(Shutdown::Write)),
            Way::Down => {
                self.standing.fetch_sub(1, Ordering::SeqCst);
                drop(to.shutdown(Shutdown::Both));
            }
        }
    }

    fn is_last_word(&self, piece: &[u8]) -> bool {
        let mut word = self.last_word.lock().unwrap();
        let is_last = !word.is_empty() && String::from_utf8_lossy(piece).contains(&*word);
        if is_last {
            word.clear();
        }
        is_last
    }

    /// Takes bytes off what may still pass; whether the limit was reached.
    fn spend(&self, way: Way, piece: &mut Vec<u8>) -> bool {
        let left = match way {
            Way::Up => &self.up_left,
            Way::Down => &self.down_left,
        };
        let before = left.load(Ordering::SeqCst);
        if before == NEVER {
            return false;
        }
        let size = piece.len() as u64;
        if size < before {
            left.store(before - size, Ordering::SeqCst);
            return false;
        }
        piece.truncate(usize::try_from(before).unwrap());
        left.store(NEVER, Ordering::SeqCst);
        true
    }

    /// Ends the client's side of all connections; the server reads what it was sent to the end.
    fn hang_up_on_clients(&self) {
        for (i, link) in self.links.lock().unwrap().drain(..).enumerate() {
            let how = if i % 2 == 0 {
                Shutdown::Both
            } else {
                Shutdown::Write
            };
            drop(link.shutdown(how));
        }
    }
}

fn now() -> Instant {
    pillarbox::engine::clock::monotonic()
}
