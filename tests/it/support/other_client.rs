//! Another IMAP client, as plain as can be: what it sees is what the server holds.
//!
//! Used by tests to do what a user does elsewhere, and to look at what ours did. It shares no code
//! with the program, so that the two cannot be wrong in the same way.

use super::PATIENCE;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A session in clear on loopback.
pub(crate) struct OtherClient {
    stream: BufReader<TcpStream>,
    tag: u32,
}

impl OtherClient {
    /// Connects and reads the greeting.
    pub(crate) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = Self {
            stream: BufReader::new(stream),
            tag: 0,
        };
        let greeting = client.response();
        assert!(greeting.starts_with("* OK"), "{greeting}");
        client
    }

    /// Logs in with the password that every user has.
    pub(crate) fn login(&mut self, user: &str) {
        self.run(&format!("LOGIN \"{user}\" pass"));
    }

    /// One response with its literals, without the last line break.
    fn response(&mut self) -> String {
        let mut bytes = Vec::new();
        loop {
            let start = bytes.len();
            let read = self
                .stream
                .read_until(b'\n', &mut bytes)
                .expect("the server is silent");
            assert!(
                read > 0,
                "the server hung up after {:?}",
                String::from_utf8_lossy(&bytes)
            );
            let line = String::from_utf8_lossy(&bytes[start..])
                .trim_end()
                .to_owned();
            let announced = line.strip_suffix('}').and_then(|l| l.rsplit_once('{'));
            let Some(size) = announced.and_then(|(_, n)| n.parse::<usize>().ok()) else {
                return String::from_utf8_lossy(&bytes).trim_end().to_owned();
            };
            let at = bytes.len();
            bytes.resize(at + size, 0);
            self.stream.read_exact(&mut bytes[at..]).unwrap();
        }
    }

    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Runs a command; the untagged responses, then the tagged one without its tag.
    pub(crate) fn ask(&mut self, command: &str) -> Vec<String> {
        self.tag += 1;
        self.send(&format!("t{} {command}\r\n", self.tag));
        self.until_tagged()
    }

    fn until_tagged(&mut self) -> Vec<String> {
        let tag = format!("t{} ", self.tag);
        let mut responses = Vec::new();
        loop {
            let response = self.response();
            if let Some(rest) = response.strip_prefix(&tag) {
                responses.push(rest.to_owned());
                return responses;
            }
            responses.push(response);
        }
    }

    /// Runs a command that the server must accept; the untagged responses.
    pub(crate) fn run(&mut self, command: &str) -> Vec<String> {
        let mut responses = self.ask(command);
        let end = responses.pop().unwrap();
        // Another session that lists the tree just now can note the folder before Dovecot's own
        // CREATE does, which then finds it to be there: it was made all the same.
        let is_made = command.starts_with("CREATE ") && end.starts_with("NO [ALREADYEXISTS]");
        assert!(is_made || end.starts_with("OK"), "{command}: {end}");
        responses
    }

    /// Ends the session and waits until the server has ended it too.
    pub(crate) fn leave(mut self) {
        self.run("LOGOUT");
        // The server may hang up hard.
        drop(self.stream.read_to_end(&mut Vec::new()));
    }

    /// Appends a message; makes the mailbox where there is none. `flags` as on the wire.
    pub(crate) fn append(&mut self, mailbox: &str, flags: &str, message: &str) {
        let message = message.replace("\r\n", "\n").replace('\n', "\r\n");
        let refused = self.append_bytes(mailbox, flags, message.as_bytes());
        assert!(refused.is_none(), "APPEND to {mailbox}: {refused:?}");
    }

    /// The same with the time of its arrival, as on the wire.
    pub(crate) fn append_at(&mut self, mailbox: &str, flags: &str, date: &str, message: &str) {
        let message = message.replace("\r\n", "\n").replace('\n', "\r\n");
        let refused = self.append_with(
            mailbox,
            &format!("({flags}) \"{date}\""),
            message.as_bytes(),
        );
        assert!(refused.is_none(), "APPEND to {mailbox}: {refused:?}");
    }

    /// Appends exactly these bytes, as `append` does; what the server says where it refuses them.
    pub(crate) fn append_bytes(
        &mut self,
        mailbox: &str,
        flags: &str,
        message: &[u8],
    ) -> Option<String> {
        self.append_with(mailbox, &format!("({flags})"), message)
    }

    fn append_with(&mut self, mailbox: &str, facts: &str, message: &[u8]) -> Option<String> {
        for attempt in 0..2 {
            self.tag += 1;
            let size = message.len();
            self.send(&format!(
                "t{} APPEND \"{mailbox}\" {facts} {{{size}}}\r\n",
                self.tag
            ));
            let answer = self.response();
            if answer.starts_with('+') {
                self.stream.get_mut().write_all(message).unwrap();
                self.send("\r\n");
                let end = self.until_tagged().pop().unwrap();
                return (!end.starts_with("OK")).then_some(end);
            }
            if attempt > 0 || !answer.contains("TRYCREATE") {
                return Some(answer);
            }
            self.run(&format!("CREATE \"{mailbox}\""));
        }
        None
    }

    /// The exact bytes of a message. Selects the mailbox, and changes nothing.
    pub(crate) fn body(&mut self, mailbox: &str, uid: u32) -> Vec<u8> {
        let found = self.body_if_there(mailbox, uid);
        found.unwrap_or_else(|| panic!("no message {uid} in {mailbox}"))
    }

    /// The same, where somebody may remove it just now.
    pub(crate) fn body_if_there(&mut self, mailbox: &str, uid: u32) -> Option<Vec<u8>> {
        self.run(&format!("EXAMINE \"{mailbox}\""));
        self.tag += 1;
        self.send(&format!("t{} UID FETCH {uid} (BODY.PEEK[])\r\n", self.tag));
        let mut line = String::new();
        let size = loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let announced = line
                .trim_end()
                .strip_suffix('}')
                .and_then(|l| l.rsplit_once('{'));
            if let Some((before, size)) = announced
                && before.contains("FETCH")
            {
                break size.parse::<usize>().unwrap();
            }
            if line.starts_with('t') {
                return None;
            }
        };
        let mut bytes = vec![0; size];
        self.stream.read_exact(&mut bytes).unwrap();
        self.until_tagged();
        Some(bytes)
    }

    /// The UIDs in a mailbox that match, ascending. Selects the mailbox.
    pub(crate) fn search(&mut self, mailbox: &str, what: &str) -> Vec<u32> {
        self.run(&format!("SELECT \"{mailbox}\""));
        let found = self.run(&format!("UID SEARCH {what}"));
        let line = found
            .iter()
            .find_map(|l| l.strip_prefix("* SEARCH"))
            .unwrap_or_default();
        line.split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect()
    }

    /// The flags and keywords of a message, sorted, without `\Recent`. Selects the mailbox.
    pub(crate) fn flags(&mut self, mailbox: &str, uid: u32) -> Vec<String> {
        self.run(&format!("SELECT \"{mailbox}\""));
        let fetched = self.run(&format!("UID FETCH {uid} (FLAGS)"));
        let line = fetched
            .iter()
            .find(|l| l.contains("FLAGS ("))
            .expect("no such message");
        let inside = line
            .split("FLAGS (")
            .nth(1)
            .unwrap()
            .split(')')
            .next()
            .unwrap();
        let mut flags: Vec<String> = inside
            .split_whitespace()
            .filter(|f| *f != "\\Recent")
            .map(str::to_owned)
            .collect();
        flags.sort();
        flags
    }

    /// Sets (`+`) or clears (`-`) flags, as a user of another client does. Selects the mailbox.
    pub(crate) fn store(&mut self, mailbox: &str, uid: u32, change: &str) {
        self.run(&format!("SELECT \"{mailbox}\""));
        let (sign, flags) = change.split_at(1);
        self.run(&format!("UID STORE {uid} {sign}FLAGS.SILENT ({flags})"));
    }
}
