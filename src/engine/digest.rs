//! The digests by which a message of a maildrop is known again where its unique id is no proof.
//!
//! Called by the POP3 rounds. The digest of a beginning must be the same whether all of the message
//! was fetched or only that: servers send for TOP what they send for RETR, and no more.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// So many lines of the text belong to the beginning of a message.
pub(super) const PROBE_LINES: u32 = 10;

/// The digest of bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a text cannot fail.
        let _done = write!(text, "{byte:02x}");
    }
    text
}

/// The digest of the beginning of a message: its header, and the first lines of its text, however
/// their ends are marked.
pub(super) fn probe(raw: &[u8]) -> String {
    let mut hasher = Sha256::new();
    let mut text_lines = None;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match &mut text_lines {
            None if line.is_empty() => text_lines = Some(0),
            None => {}
            Some(lines) if *lines >= PROBE_LINES => break,
            Some(lines) => *lines += 1,
        }
        hasher.update(line);
        hasher.update(b"\n");
    }
    hex(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_the_same_of_all_and_of_the_first_lines() {
        let lines: String = (0..40).map(|n| format!("line {n}\r\n")).collect();
        let all = format!("Subject: x\r\n\r\n{lines}");
        let ten: String = (0..10).map(|n| format!("line {n}\r\n")).collect();
        let top = format!("Subject: x\r\n\r\n{ten}");
        assert_eq!(probe(all.as_bytes()), probe(top.as_bytes()));
        let other = top.replace("line 9", "line X");
        assert_ne!(probe(all.as_bytes()), probe(other.as_bytes()));
    }

    #[test]
    fn a_digest_is_that_of_the_bytes() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc"), known);
    }
}
