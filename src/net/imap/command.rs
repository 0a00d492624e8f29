//! Commands as they go over the wire (RFC 9051 §6), and the one way to quote a string.
//!
//! Used by every verb. A string from outside must never become syntax: CR, LF and NUL are refused,
//! everything else is quoted or sent as a literal.

use super::capability::Capabilities;
use crate::model::UidSet;
use crate::net::error::{Class, Error, Result};

/// The longest line of ids that is put into one command (RFC 7162 §4 suggests 8 192 in all).
const SET_MAX: usize = 7_000;
/// The longest literal that a server with LITERAL- takes without being asked (RFC 7888 §5).
pub(super) const SMALL_LITERAL: usize = 4_096;

/// A command without its tag and line end.
#[derive(Clone, Default)]
pub(super) struct Command {
    text: Vec<u8>,
    /// Places where the server has to agree before the rest is sent.
    pauses: Vec<usize>,
}

/// Shows the verb only: arguments may be secrets.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.verb())
    }
}

impl Command {
    /// A command that is given as it is.
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.as_bytes().to_vec(),
            pauses: Vec::new(),
        }
    }

    /// Adds text as it is: our own words, numbers and sets only.
    pub(super) fn raw(mut self, text: &str) -> Self {
        self.text.extend_from_slice(text.as_bytes());
        self
    }

    /// Adds a blank and a string, quoted or as a literal.
    pub(super) fn string(mut self, string: &[u8], capabilities: &Capabilities) -> Result<Self> {
        if string.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return Err(Error::new(
                Class::Rejected,
                "A line break or a NUL cannot be sent to a server.",
            ));
        }
        if string.is_ascii() || (capabilities.takes_utf8() && std::str::from_utf8(string).is_ok()) {
            self.text.extend_from_slice(b" \"");
            for byte in string {
                if matches!(byte, b'"' | b'\\') {
                    self.text.push(b'\\');
                }
                self.text.push(*byte);
            }
            self.text.push(b'"');
            return Ok(self);
        }
        let at_once = capabilities.has("LITERAL+")
            || (capabilities.has("LITERAL-") && string.len() <= SMALL_LITERAL);
        let plus = if at_once { "+" } else { "" };
        self = self.raw(&format!(" {{{}{plus}}}\r\n", string.len()));
        if !at_once {
            self.pauses.push(self.text.len());
        }
        self.text.extend_from_slice(string);
        Ok(self)
    }

    /// Whether the server has to agree in the middle of it.
    pub(super) fn has_pauses(&self) -> bool {
        !self.pauses.is_empty()
    }

    /// Its first words, for messages and logs.
    pub(super) fn verb(&self) -> String {
        let text =
            String::from_utf8_lossy(self.text.get(..40.min(self.text.len())).unwrap_or_default())
                .into_owned();
        let mut words = text.split([' ', '\r']);
        match words.next() {
            Some("UID") => format!("UID {}", words.next().unwrap_or_default()),
            Some(verb) => verb.to_owned(),
            None => String::new(),
        }
    }

    /// What is sent at once and what after each go-ahead, without the line end.
    pub(super) fn pieces(&self) -> Vec<&[u8]> {
        let mut pieces = Vec::new();
        let mut start = 0;
        for end in self.pauses.iter().copied().chain([self.text.len()]) {
            pieces.push(self.text.get(start..end).unwrap_or_default());
            start = end;
        }
        pieces
    }
}

/// A set in pieces that each fit a command.
pub(super) fn in_pieces(set: &UidSet) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for (first, last) in set.ranges() {
        let range = if first == last {
            first.to_string()
        } else {
            format!("{first}:{last}")
        };
        if !piece.is_empty() {
            if piece.len() + range.len() >= SET_MAX {
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece.push(',');
            }
        }
        piece.push_str(&range);
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Uid;
    use proptest::prelude::*;

    fn caps(names: &[&str]) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.learn(names.iter().map(|n| (*n).to_owned()).collect());
        capabilities
    }

    #[test]
    fn eight_bit_text_goes_as_a_literal_that_the_server_takes() {
        let command = |names: &[&str]| {
            Command::new("LOGIN")
                .string("ä".as_bytes(), &caps(names))
                .unwrap()
        };
        assert_eq!(
            command(&["LITERAL+"]).pieces(),
            ["LOGIN {2+}\r\nä".as_bytes()]
        );
        assert_eq!(
            command(&["LITERAL-"]).pieces(),
            ["LOGIN {2+}\r\nä".as_bytes()]
        );
        assert_eq!(
            command(&[]).pieces(),
            [&b"LOGIN {2}\r\n"[..], "ä".as_bytes()]
        );
        assert_eq!(format!("{:?}", command(&[])), "LOGIN");
        assert_eq!(Command::new("UID FETCH 1 (UID)").verb(), "UID FETCH");
    }

    #[test]
    fn a_long_set_is_cut_into_pieces_that_lose_nothing() {
        let set: UidSet = (1..20_000).map(|n| Uid::new(n * 3).unwrap()).collect();
        let pieces = in_pieces(&set);
        assert!(pieces.len() > 5);
        assert!(pieces.iter().all(|p| p.len() <= SET_MAX));
        assert_eq!(UidSet::parse(&pieces.join(",")).unwrap(), set);
        assert!(in_pieces(&UidSet::new()).is_empty());
    }

    proptest! {
        #[test]
        fn no_string_can_add_a_line_or_end_its_quotes(text in any::<String>()) {
            match Command::new("X").string(text.as_bytes(), &caps(&["LITERAL+"])) {
                Err(_) => prop_assert!(text.contains(['\r', '\n', '\0'])),
                Ok(command) if text.is_ascii() => {
                    let frame = bytes::Bytes::from(command.text);
                    let mut tokens = super::super::tokens::Tokens::new(&frame);
                    tokens.next().unwrap();
                    prop_assert_eq!(tokens.string().unwrap().into_owned(), text.into_bytes());
                    prop_assert_eq!(tokens.next(), Ok(super::super::tokens::Token::End));
                }
                Ok(command) => {
                    let head = format!("X {{{}+}}\r\n", text.len());
                    prop_assert_eq!(command.text, [head.as_bytes(), text.as_bytes()].concat());
                }
            }
        }
    }
}
