//! What the terminal says of itself: asked before the keyboard is read.
//!
//! Called by `run`. An answer must never count as keys, and what is typed meanwhile must not be lost. So first
//! only what a late answer cannot hurt is asked (DA1); whoever answered that in time is asked the rest.

use super::early;
use super::terminal::Screen;
use crate::app::{Colours, Input, Pictures, Settings};
use std::time::Duration;

/// How long the terminal may take to say that it is there.
#[cfg(unix)]
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// How much longer, where it has begun to.
#[cfg(unix)]
const CUT_WAIT: Duration = Duration::from_millis(300);
/// How long it may take for the rest, once it is known to answer.
#[cfg(unix)]
const REST_WAIT: Duration = Duration::from_millis(1000);
/// No terminal has more to say.
#[cfg(unix)]
const SAID_MAX: usize = 4096;
/// DA1. Every terminal answers, in the order of the questions, so that its answer is the end of all answers.
#[cfg(unix)]
const WHAT: &[u8] = b"\x1b[c";
/// XTVERSION, the colour of the ground, and DA1 again.
#[cfg(unix)]
const WHO: &[u8] = b"\x1b[>q\x1b]11;?\x1b\\\x1b[c";
/// The kitty that first knew of placeholders.
const WITH_PLACEHOLDERS: (u32, u32) = (0, 28);

/// How pictures are to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureWish {
    /// So.
    Fixed(Pictures),
    /// By kitty's protocol, in the way that the terminal knows.
    Kittys,
    /// As the terminal can best; so, where it does not say more.
    Best(Pictures),
}

/// What the terminal said.
#[derive(Debug, Default)]
pub(super) struct Answers {
    attributes: Vec<u16>,
    /// Its name and version: `XTerm(379)`, `Konsole 22.12.3`.
    name: Option<String>,
    /// Whether its ground is light.
    is_light: Option<bool>,
    /// What the user typed meanwhile.
    pub(super) typed: Vec<Input>,
    /// What is still to come of an answer that was cut.
    pub(super) rest: early::Rest,
}

impl Answers {
    /// Asks the terminal what decides on pictures and colours, and sets them.
    pub(super) fn ask(
        screen: &mut Screen,
        wish: PictureWish,
        asks_ground: bool,
        settings: &mut Settings,
    ) -> Self {
        let is_asked = asks_ground || !matches!(wish, PictureWish::Fixed(_));
        let answers = if is_asked {
            Self::hear(screen)
        } else {
            Self::default()
        };
        settings.pictures = match wish {
            PictureWish::Fixed(pictures) => pictures,
            PictureWish::Kittys => answers.kittys(),
            PictureWish::Best(guess) => answers.pictures(guess),
        };
        settings.colours = match answers.is_light.filter(|_| asks_ground) {
            Some(true) => Colours::Light,
            Some(false) => Colours::Dark,
            None => settings.colours,
        };
        answers
    }

    /// One that does not answer in time is not waited for.
    #[cfg(unix)]
    fn hear(screen: &mut Screen) -> Self {
        let mut said = Vec::new();
        let mut has_answered = |question: &[u8], wait, count| {
            screen.write(question).is_ok() && listen(&mut said, wait, count).is_some()
        };
        let is_late = has_answered(WHAT, FIRST_WAIT, 1) && !has_answered(WHO, REST_WAIT, 2);
        if is_late {
            tracing::warn!("the terminal did not say what it is");
        }
        Self {
            rest: early::Rest::after(&said, is_late),
            ..Self::of(&said)
        }
    }

    #[cfg(not(unix))]
    fn hear(_screen: &mut Screen) -> Self {
        Self::default()
    }

    /// Sorts what was said into answers and keys.
    fn of(said: &[u8]) -> Self {
        let mut answers = Self::default();
        let mut typed = Vec::new();
        let mut rest = said;
        while let Some((piece, after)) = piece(rest) {
            rest = after;
            match piece {
                Piece::Attributes(numbers) => answers.attributes = numbers,
                Piece::Name(name) => answers.name = Some(name),
                Piece::Ground(is_light) => answers.is_light = Some(is_light),
                Piece::Typed(bytes) => typed.extend_from_slice(bytes),
                Piece::Unknown => {}
            }
        }
        answers.typed = early::inputs(&typed);
        answers
    }

    /// How it shows pictures best, where the environment lets expect `guess`.
    fn pictures(&self, guess: Pictures) -> Pictures {
        let name = self.name.as_deref().unwrap_or_default();
        if let Some(version) = name.strip_prefix("kitty") {
            if is_older(version, WITH_PLACEHOLDERS) {
                return Pictures::KittyPlaced;
            }
            return Pictures::Kitty;
        }
        // Its sixels stay for ever, whatever is written over them.
        if name.starts_with("Konsole") {
            return Pictures::KittyPlaced;
        }
        if name.starts_with("ghostty") {
            return Pictures::Kitty;
        }
        if name.starts_with("WezTerm") || name.starts_with("iTerm2") {
            return Pictures::Iterm2;
        }
        let has_sixels = self.attributes.contains(&4);
        match guess {
            Pictures::Off | Pictures::Blocks { .. } if has_sixels => Pictures::Sixel,
            _ => guess,
        }
    }

    /// By which of kitty's ways it is told of pictures, where the user wants kitty's protocol.
    fn kittys(&self) -> Pictures {
        match self.pictures(Pictures::Kitty) {
            Pictures::KittyPlaced => Pictures::KittyPlaced,
            _ => Pictures::Kitty,
        }
    }
}

/// Whether `(0.26.5)` is older than that.
fn is_older(version: &str, than: (u32, u32)) -> bool {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|n| n.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) < than,
        _ => false,
    }
}

/// A piece of what came from the terminal.
enum Piece<'a> {
    Attributes(Vec<u16>),
    Name(String),
    Ground(bool),
    Typed(&'a [u8]),
    Unknown,
}

/// The first piece, and what is behind it.
fn piece(bytes: &[u8]) -> Option<(Piece<'_>, &[u8])> {
    let first = *bytes.first()?;
    if first != 0x1b {
        let end = bytes.iter().position(|b| *b == 0x1b);
        let (typed, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        return Some((Piece::Typed(typed), rest));
    }
    let whole = match bytes.get(1) {
        Some(b'[') => csi_len(bytes),
        Some(b'O') => 3,
        Some(b'P' | b']') => string_len(bytes),
        _ => 1,
    };
    let (whole, rest) = bytes.split_at(whole.min(bytes.len()));
    let text = std::str::from_utf8(whole).unwrap_or_default();
    let attributes = text
        .strip_prefix("\x1b[?")
        .and_then(|t| t.strip_suffix('c'));
    let piece = if let Some(numbers) = attributes {
        Piece::Attributes(numbers.split(';').flat_map(str::parse).collect())
    } else if let Some(name) = text.strip_prefix("\x1bP>|") {
        Piece::Name(name.trim_end_matches(['\x1b', '\\']).to_owned())
    } else if let Some(colour) = text.strip_prefix("\x1b]11;") {
        is_light(colour).map_or(Piece::Unknown, Piece::Ground)
    } else if matches!(whole, [0x1b, b'P' | b']', ..]) {
        Piece::Unknown
    } else {
        Piece::Typed(whole)
    };
    Some((piece, rest))
}

/// How many bytes a control sequence has: parameters up to a final byte.
fn csi_len(bytes: &[u8]) -> usize {
    let parameters = bytes.iter().skip(2);
    let end = parameters.take_while(|b| (0x20..0x40).contains(*b)).count();
    end + 3
}

/// How many bytes a control string has, with what ends it.
fn string_len(bytes: &[u8]) -> usize {
    let bell = bytes.iter().position(|b| *b == 0x07).map(|at| at + 1);
    let end = bytes
        .windows(2)
        .position(|w| w == b"\x1b\\")
        .map(|at| at + 2);
    [bell, end]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(bytes.len())
}

/// Whether a colour as X writes it, `rgb:ffff/ffff/dddd`, is a light one.
fn is_light(colour: &str) -> Option<bool> {
    let colour = colour.trim_end_matches(['\x1b', '\\', '\x07']);
    let (_, parts) = colour.split_once(':')?;
    let mut parts = parts.split('/').map(|part| {
        let most = 16_u32.checked_pow(u32::try_from(part.len()).ok()?)? - 1;
        let value = u32::from_str_radix(part, 16).ok()?;
        (most > 0).then(|| value * 1000 / most)
    });
    let (red, green, blue) = (parts.next()??, parts.next()??, parts.next()??);
    // As bright as the eye finds them.
    Some((red * 299 + green * 587 + blue * 114) / 1000 > 500)
}

/// Reads until so many answers to DA1 are there; `None` where they did not come in time.
#[cfg(unix)]
fn listen(said: &mut Vec<u8>, wait: Duration, count: usize) -> Option<()> {
    use crate::engine::clock;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = std::io::stdin();
    let mut end = clock::monotonic() + wait;
    let last_end = end + CUT_WAIT;
    while said.len() < SAID_MAX {
        let left = end.saturating_duration_since(clock::monotonic());
        let wait = Timespec::try_from(left).ok()?;
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        if left.is_zero() || poll(&mut fds, Some(&wait)).ok()? == 0 {
            // One that has begun is worth a longer wait: its rest would look like keys.
            if end < last_end && early::is_cut(said) {
                end = last_end;
                continue;
            }
            return None;
        }
        let mut bytes = [0; 256];
        let read = rustix::io::read(&stdin, &mut bytes).ok()?;
        said.extend(bytes.iter().take(read));
        if answered(said) >= count {
            return Some(());
        }
        if read == 0 {
            return None;
        }
    }
    None
}

/// How many answers to DA1 are in what was said.
fn answered(said: &[u8]) -> usize {
    let mut rest = said;
    let mut count = 0;
    while let Some((piece, after)) = piece(rest) {
        rest = after;
        count += usize::from(matches!(piece, Piece::Attributes(_)));
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Code, Key};

    const BLOCKS: Pictures = Pictures::Blocks { is_true: true };

    /// As the terminals answered that were tried.
    #[test]
    fn each_terminal_gets_the_pictures_that_it_can_show_and_take_away() {
        let xterm = "\x1b[?63;1;2;4;6;9;15;16;22;28c\x1bP>|XTerm(379)\x1b\\\x1b]11;rgb:ffff/ffff/ffff\x1b\\";
        let kitty = "\x1b[?62;c\x1bP>|kitty(0.26.5)\x1b\\\x1b]11;rgb:0000/0000/0000\x1b\\";
        let konsole = "\x1b[?62;1;4c\x1bP>|Konsole 22.12.3\x1b\\\x1b]11;rgb:2323/2626/2727\x1b\\";
        let tmux = "\x1b[?1;2c\x1bP>|tmux 3.3a\x1b\\";
        let newer = "\x1b[?62;52;c\x1bP>|kitty(0.41.1)\x1b\\";
        for (said, guess, pictures, is_light) in [
            (xterm, BLOCKS, Pictures::Sixel, Some(true)),
            (kitty, Pictures::Kitty, Pictures::KittyPlaced, Some(false)),
            (konsole, BLOCKS, Pictures::KittyPlaced, Some(false)),
            (tmux, BLOCKS, BLOCKS, None),
            (newer, BLOCKS, Pictures::Kitty, None),
            ("", Pictures::Kitty, Pictures::Kitty, None),
        ] {
            let answers = Answers::of(said.as_bytes());
            assert!(answers.typed.is_empty(), "{said:?}");
            assert_eq!(answers.is_light, is_light, "{said:?}");
            assert_eq!(answers.pictures(guess), pictures, "{said:?}");
        }
    }

    #[test]
    fn keys_between_answers_are_keys_and_answers_are_none() {
        let said = "j\x1b[Bé\x1b[?62;4c\x1b\r\x1bP>|a j(1)\x1b\\\x1b[5~\x1b]11;rgb:00/00/00\x07\x0b\x1b[?62;4ck";
        let plain = |code| Input::Key(Key::new(code, false, false, false));
        assert_eq!(
            Answers::of(said.as_bytes()).typed,
            [
                plain(Code::Char('j')),
                plain(Code::Down),
                plain(Code::Char('é')),
                plain(Code::Esc),
                plain(Code::Enter),
                plain(Code::PageUp),
                Input::Key(Key::new(Code::Char('k'), true, false, false)),
                plain(Code::Char('k')),
            ]
        );
    }

    #[test]
    fn an_answer_that_is_not_whole_is_waited_for() {
        assert_eq!(answered(b"\x1b[?62;4"), 0);
        assert_eq!(answered(b"x\x1b[?62;4cy"), 1);
        assert_eq!(answered(b"\x1b[?62c\x1bP>|xterm \x1b[?"), 1);
        assert_eq!(answered(b"\x1b[?62c\x1b]11;rgb:1/1/1\x07\x1b[?62c"), 2);
    }

    #[test]
    fn a_ground_is_light_where_the_eye_finds_it_so() {
        for (colour, light) in [
            ("rgb:ffff/ffff/ffff\x1b\\", Some(true)),
            ("rgb:fd/f6/e3", Some(true)),
            ("rgba:0000/0000/ffff/ffff", Some(false)),
            ("rgb:2323/2626/2727\x07", Some(false)),
            ("rgb:/f/f", None),
            ("rgb:fffffffff/0/0", None),
            ("#fff", None),
        ] {
            assert_eq!(is_light(colour), light, "{colour:?}");
        }
    }
}
