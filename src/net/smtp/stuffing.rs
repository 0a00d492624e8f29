//! The bytes of a message on their way into DATA (RFC 5321 §4.5.2): dots doubled, and nothing let
//! through that a server could read as the end or change on the way.
//!
//! Called by `submit`. Must never let a bare CR or LF pass: what some servers take for the end of a
//! line, and others do not, is how mail is smuggled.

use super::submission::Unfit;

/// The longest line without its end (RFC 5321 §4.5.3.1.6).
const LINE_MAX: usize = 998;

/// Where in the text we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    LineStart,
    Line,
    AfterCr,
}

/// Doubles dots at the start of lines across pieces of any size, and checks what passes.
#[derive(Debug)]
pub(super) struct Stuffing {
    at: At,
    line: usize,
    left: u64,
    has_8bit: bool,
}

impl Stuffing {
    /// For a message of that size, with or without bytes above 127.
    pub(super) fn new(size: u64, has_8bit: bool) -> Self {
        Self {
            at: At::LineStart,
            line: 0,
            left: size,
            has_8bit,
        }
    }

    /// Takes a piece of the message and writes what goes over the wire for it.
    pub(super) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
        let count = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(count).ok_or(Unfit::Broken(
            "it is longer than it was when it was checked",
        ))?;
        out.reserve(piece.len() + 64);
        for &byte in piece {
            match (self.at, byte) {
                (At::AfterCr, b'\n') => {
                    self.at = At::LineStart;
                    self.line = 0;
                }
                (At::AfterCr, _) | (_, b'\n') => {
                    return Err(Unfit::Broken("a line does not end in CR LF"));
                }
                (_, b'\r') => self.at = At::AfterCr,
                (_, 0) => return Err(Unfit::Broken("there is a NUL in it")),
                (_, 128..) if !self.has_8bit => {
                    return Err(Unfit::Broken("it is not the 7-bit text that was announced"));
                }
                (at, _) => {
                    if at == At::LineStart && byte == b'.' {
                        out.push(b'.');
                    }
                    self.at = At::Line;
                    self.line += 1;
                    if self.line > LINE_MAX {
                        return Err(Unfit::Broken("a line has more than 998 bytes"));
                    }
                }
            }
            out.push(byte);
        }
        Ok(())
    }

    /// The end: what closes the message. A last line without an end gets one, for there is no other
    /// way over this wire.
    pub(super) fn finish(self) -> Result<&'static [u8], Unfit> {
        if self.left > 0 {
            return Err(Unfit::Broken(
                "it is shorter than it was when it was checked",
            ));
        }
        match self.at {
            At::LineStart => Ok(b".\r\n"),
            At::Line => Ok(b"\r\n.\r\n"),
            At::AfterCr => Err(Unfit::Broken("a line does not end in CR LF")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

    fn stuff(pieces: &[&[u8]], has_8bit: bool) -> Result<Vec<u8>, Unfit> {
        let size = pieces.iter().map(|piece| piece.len() as u64).sum();
        let mut stuffing = Stuffing::new(size, has_8bit);
        let mut out = Vec::new();
        for piece in pieces {
            stuffing.push(piece, &mut out)?;
        }
        out.extend(stuffing.finish()?);
        Ok(out)
    }

    /// What a server makes of it (RFC 5321 §4.5.2), read line by line.
    fn unstuff(wire: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        let mut rest = wire;
        loop {
            let end = memchr::memmem::find(rest, b"\r\n").unwrap() + 2;
            let (line, after) = rest.split_at(end);
            rest = after;
            if line == b".\r\n" {
                assert!(rest.is_empty(), "the message ended early");
                return message;
            }
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
    }

    #[test]
    fn dots_at_the_start_of_lines_are_doubled_and_no_others() {
        let wire = stuff(&[b".\r", b"\n..a.\r\n", b".", b"\r\n\r\nb.c\r\n"], false).unwrap();
        assert_eq!(wire, b"..\r\n...a.\r\n..\r\n\r\nb.c\r\n.\r\n");
        assert_eq!(stuff(&[b"no end"], false).unwrap(), b"no end\r\n.\r\n");
        assert_eq!(stuff(&[], false).unwrap(), b".\r\n");
    }

    #[test]
    fn what_a_server_could_change_or_take_for_the_end_does_not_pass() {
        for bad in [
            &b"a\n.\r\nb\r\n"[..],
            b"a\r.\r\n",
            b"a\r\r\n",
            b"a\r\n\n",
            b"\n",
            b"a\0\r\n",
            b"a\r",
        ] {
            assert!(stuff(&[bad], true).is_err(), "{bad:?}");
            for cut in 0..bad.len() {
                let (head, tail) = bad.split_at(cut);
                assert!(stuff(&[head, tail], true).is_err(), "{bad:?} at {cut}");
            }
        }
        assert!(stuff(&["ä\r\n".as_bytes()], false).is_err());
        assert!(stuff(&["ä\r\n".as_bytes()], true).is_ok());
        let fits = [vec![b'x'; 998], b"\r\n".to_vec()].concat();
        assert!(stuff(&[&fits, &fits], false).is_ok());
        let long = [vec![b'x'; 999], b"\r\n".to_vec()].concat();
        assert!(stuff(&[&long], false).is_err());
    }

    #[test]
    fn a_message_that_changed_its_size_gets_no_end() {
        let mut stuffing = Stuffing::new(5, false);
        let mut out = Vec::new();
        stuffing.push(b"a\r\n", &mut out).unwrap();
        assert!(stuffing.push(b"bc\r\n", &mut out).is_err());
        let mut stuffing = Stuffing::new(5, false);
        stuffing.push(b"a\r\n", &mut out).unwrap();
        assert!(stuffing.finish().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn a_server_gets_back_every_byte_however_it_is_cut(
            lines in proptest::collection::vec(prop_oneof![
                Just(b".".to_vec()),
                Just(b"..".to_vec()),
                Just(Vec::new()),
                "\\.{0,3}[a-c.]{0,6}".prop_map(String::into_bytes),
                proptest::collection::vec(any::<u8>().prop_filter("no line end", |b| !b"\r\n\0".contains(b)), 0..40),
            ], 0..12),
            cuts in proptest::collection::vec(0_usize..80, 0..6),
        ) {
            let message: Vec<u8> = lines.iter().flat_map(|l| [&l[..], b"\r\n"].concat()).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(message.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([message.len()]) {
                pieces.push(&message[from..cut]);
                from = cut;
            }
            assert_eq!(unstuff(&stuff(&pieces, true).unwrap()), message);
        }
    }
}
