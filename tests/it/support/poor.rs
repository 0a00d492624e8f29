//! Makes a server as poor as it says it is: Dovecot answers COPYUID, and takes UID EXPUNGE and MOVE,
//! whether or not it announces them.
//!
//! Used by the sweeps, so that the ways of doing without are really taken. What it takes away from
//! an answer must be whole response codes, never a byte of a message.

use super::Kind;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread;

/// The port of a server of that kind at `port` that does nothing it does not announce.
pub(crate) fn port(kind: Kind, port: u16) -> u16 {
    static CONDSTORE: OnceLock<u16> = OnceLock::new();
    static PLAIN: OnceLock<u16> = OnceLock::new();
    match kind {
        Kind::Full | Kind::Prefixed | Kind::Shared | Kind::Bare => port,
        Kind::Condstore => *CONDSTORE.get_or_init(|| stand_before(port, &["UID MOVE "], &[])),
        Kind::Plain => {
            let unknown = &["UID MOVE ", "UID EXPUNGE ", "ENABLE ", "IDLE"];
            *PLAIN.get_or_init(|| stand_before(port, unknown, &["COPYUID ", "APPENDUID "]))
        }
    }
}

fn stand_before(port: u16, unknown: &'static [&str], silent: &'static [&str]) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", port))) else {
                continue;
            };
            let (client_too, server_too) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            for stream in [&client, &server] {
                stream.set_nodelay(true).unwrap();
            }
            thread::spawn(move || ask(client, server, unknown));
            thread::spawn(move || answer(server_too, client_too, silent));
        }
    });
    own
}

/// Client to server: a command that the server does not know is refused here.
fn ask(mut client: TcpStream, mut server: TcpStream, unknown: &[&str]) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = client.read(&mut buffer) {
        let piece = buffer[..n].to_vec();
        let is_unknown = |line: &[u8]| {
            let line = String::from_utf8_lossy(line).into_owned();
            let command = line.split_once(' ').map_or("", |(_, command)| command);
            unknown.iter().any(|word| command.starts_with(word))
        };
        for line in piece.split_inclusive(|b| *b == b'\n') {
            let sent = if is_unknown(line) {
                let line = String::from_utf8_lossy(line);
                let tag = line.split(' ').next().unwrap_or_default();
                client.write_all(format!("{tag} BAD Unknown command\r\n").as_bytes())
            } else {
                server.write_all(line)
            };
            if sent.is_err() {
                break;
            }
        }
    }
    // What was said so far is acted on.
    drop(server.shutdown(Shutdown::Write));
}

/// Server to client: response codes that the server would not know are left out.
fn answer(mut server: TcpStream, mut client: TcpStream, silent: &[&str]) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n @ 1..) = server.read(&mut buffer) {
        let mut piece = buffer[..n].to_vec();
        for word in silent {
            let begin = format!(" OK [{word}");
            while let Some(at) = find(&piece, begin.as_bytes()) {
                let at = at + " OK ".len();
                let Some(length) = piece[at..].iter().position(|b| *b == b']') else {
                    break;
                };
                piece.drain(at..=at + length + 1);
            }
        }
        if client.write_all(&piece).is_err() {
            break;
        }
    }
    drop(client.shutdown(Shutdown::Both));
    drop(server.shutdown(Shutdown::Both));
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
