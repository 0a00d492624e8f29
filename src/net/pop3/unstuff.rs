//! The text of a message as it is sent: lines that begin with a dot have one more, and a dot alone ends
//! it (RFC 1939 §3).
//!
//! Fed by `fetch`. Only CRLF ends a line here: a server that passes single line feeds on does not stuff
//! behind them, and whoever took "LF . CRLF" for an end would let the author of a message write the
//! server's next answers. A line that begins with one dot and is no end cannot come from a server that
//! marks them: its dot stays, and is counted. It must never take a text for whole before its end has come.

use memchr::memmem::Finder;

/// A text that is being read.
#[derive(Debug)]
pub(super) struct Unstuffer {
    kept: Vec<u8>,
    /// Whether the next byte is the first of a line.
    is_at_line: bool,
    is_unmarked: bool,
    finder: Finder<'static>,
}

/// How far a piece brought us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// How many bytes of it are taken. What is left must be shown again with what follows it.
    pub(super) taken: usize,
    /// Whether that was the end.
    pub(super) is_end: bool,
}

impl Unstuffer {
    /// A text that will have about so many bytes.
    pub(super) fn new(expected: usize) -> Self {
        Self {
            kept: Vec::with_capacity(expected),
            is_at_line: true,
            is_unmarked: false,
            finder: Finder::new(b"\r\n."),
        }
    }

    /// How much was kept so far.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether a line began with a dot that was not marked: this server marks none, and what looked like
    /// the end of the text, or like a mark, may belong to the message.
    pub(super) fn is_unmarked(&self) -> bool {
        self.is_unmarked
    }

    /// The text.
    pub(super) fn into_text(self) -> Vec<u8> {
        self.kept
    }

    /// Takes what can be taken of the bytes that came.
    pub(super) fn push(&mut self, input: &[u8]) -> Step {
        let mut taken = 0;
        loop {
            let rest = input.get(taken..).unwrap_or_default();
            if self.is_at_line {
                match rest {
                    [] | [b'.'] | [b'.', b'\r'] => break,
                    [b'.', b'\r', b'\n', ..] => {
                        return Step {
                            taken: taken + 3,
                            is_end: true,
                        };
                    }
                    [b'.', b'.', ..] => taken += 1,
                    [b'.', ..] => self.is_unmarked = true,
                    _ => {}
                }
                self.is_at_line = false;
                continue;
            }
            if let Some(at) = self.finder.find(rest) {
                self.kept
                    .extend_from_slice(rest.get(..at + 2).unwrap_or_default());
                taken += at + 2;
                self.is_at_line = true;
                continue;
            }
            // A CR may be half of a line's end.
            let sure = rest.strip_suffix(b"\r").unwrap_or(rest);
            self.kept.extend_from_slice(sure);
            taken += sure.len();
            self.is_at_line = sure.ends_with(b"\r\n");
            break;
        }
        Step {
            taken,
            is_end: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};

    /// What a server makes of a message.
    fn stuffed(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut is_at_line = true;
        for (at, byte) in text.iter().enumerate() {
            if is_at_line && *byte == b'.' {
                out.push(b'.');
            }
            out.push(*byte);
            is_at_line = *byte == b'\n' && at > 0 && text[at - 1] == b'\r';
        }
        if !text.is_empty() && !text.ends_with(b"\r\n") {
            out.extend(b"\r\n");
        }
        out.extend(b".\r\n");
        out
    }

    /// Reads it in pieces of these sizes; the text, and how many bytes were over.
    fn read(wire: &[u8], sizes: &[usize]) -> Option<(Vec<u8>, usize)> {
        let mut unstuffer = Unstuffer::new(0);
        let mut sizes = sizes.iter().cycle();
        let (mut from, mut to) = (0, 0);
        while to < wire.len() {
            to = (to + sizes.next().unwrap()).min(wire.len());
            let step = unstuffer.push(&wire[from..to]);
            from += step.taken;
            assert!(to - from <= 2 || step.is_end, "next to nothing is left");
            if step.is_end {
                return Some((unstuffer.into_text(), wire.len() - from));
            }
        }
        None
    }

    #[test]
    fn only_a_dot_alone_between_true_line_ends_is_the_end() {
        for (wire, text) in [
            (&b".\r\n"[..], &b""[..]),
            (b"\r\n.\r\n", b"\r\n"),
            (b"..\r\n.\r\n", b".\r\n"),
            (b"...\r\n.\r\n", b"..\r\n"),
            (b"a\r\n..\r\n..b\r\n.\r\n", b"a\r\n.\r\n.b\r\n"),
            (b".a\r\n.\r\n", b".a\r\n"),
            (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n"),
            (b"a\n.\r\n+OK\r\n.\r\n", b"a\n.\r\n+OK\r\n"),
            (b"a\r.\r\n.\r\n", b"a\r.\r\n"),
            (b"a\r\r\n.\r\n", b"a\r\r\n"),
            (b"a\r\n.\rb\r\n.\r\n", b"a\r\n.\rb\r\n"),
            (b"a\r\n..\n.\r\n.\r\n", b"a\r\n.\n.\r\n"),
        ] {
            for size in [1, 2, 3, 100] {
                let (got, over) = read(wire, &[size]).unwrap_or_else(|| panic!("{wire:?}"));
                assert_eq!(
                    (&*got, over),
                    (text, 0),
                    "{:?}",
                    String::from_utf8_lossy(wire)
                );
            }
        }
        for wire in [
            &b""[..],
            b".",
            b".\r",
            b"a\r\n.",
            b"a\r\n.\r",
            b"a\r\n",
            b".\n",
            b"a\n.\n",
        ] {
            assert_eq!(read(wire, &[1]), None, "{wire:?}");
        }
    }

    #[test]
    fn a_dot_that_was_not_marked_stays_and_is_noticed() {
        for (wire, is_unmarked) in [
            (&b"a\r\n.b\r\n.\r\n"[..], true),
            (b".\n\r\n.\r\n", true),
            (b"..\r\n.\r\n", false),
            (b"a\n.b\r\n.\r\n", false),
        ] {
            let mut unstuffer = Unstuffer::new(0);
            assert!(unstuffer.push(wire).is_end, "{wire:?}");
            assert_eq!(unstuffer.is_unmarked(), is_unmarked, "{wire:?}");
        }
    }

    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            proptest::strategy::Just(b"\r\n".to_vec()),
            proptest::strategy::Just(b".".to_vec()),
            proptest::strategy::Just(b"\r".to_vec()),
            proptest::strategy::Just(b"\n".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..6),
        ];
        proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_was_stuffed_comes_out_as_it_was(
            text in texts(),
            sizes in proptest::collection::vec(1_usize..9, 1..9),
        ) {
            let mut whole = text.clone();
            if !text.is_empty() && !text.ends_with(b"\r\n") {
                whole.extend(b"\r\n");
            }
            let wire = stuffed(&text);
            assert_eq!(read(&wire, &sizes), Some((whole, 0)));
            let cut = &wire[..wire.len() - 1];
            assert_eq!(read(cut, &sizes), None);
            let mut unstuffer = Unstuffer::new(0);
            assert!(unstuffer.push(&wire).is_end && !unstuffer.is_unmarked());
        }
    }
}
