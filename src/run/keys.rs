//! Turns what the terminal sends into what the front understands.
//!
//! Called by `run`. What has no meaning here is dropped, never guessed at.

use crate::app::{Code, Input, Key, Mouse, MouseKind};
use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

/// The input for a terminal event.
pub(super) fn input(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) => self::key(key).map(Input::Key),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Resize(cols, rows) => Some(Input::Resize { cols, rows }),
        Event::Mouse(mouse) => self::mouse(mouse).map(Input::Mouse),
        Event::FocusGained | Event::FocusLost => None,
    }
}

fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let has = |modifier| event.modifiers.contains(modifier);
    let mut has_shift = has(KeyModifiers::SHIFT);
    let code = match event.code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => {
            has_shift = true;
            Code::Tab
        }
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Insert => Code::Insert,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::F(n) => Code::F(n),
        _ => return None,
    };
    Some(Key::new(
        code,
        has(KeyModifiers::CONTROL),
        has(KeyModifiers::ALT),
        has_shift,
    ))
}

/// The keys behind bytes that came while the terminal was asked: the plain ones, and those that move. What
/// else there is, is dropped.
pub(super) fn typed(bytes: &[u8]) -> Vec<Key> {
    let text = String::from_utf8_lossy(bytes);
    let plain = |code| Key::new(code, false, false, false);
    if text.starts_with('\x1b') {
        let code = match &*text {
            "\x1b" => Code::Esc,
            "\x1b[A" | "\x1bOA" => Code::Up,
            "\x1b[B" | "\x1bOB" => Code::Down,
            "\x1b[C" | "\x1bOC" => Code::Right,
            "\x1b[D" | "\x1bOD" => Code::Left,
            "\x1b[H" | "\x1bOH" => Code::Home,
            "\x1b[F" | "\x1bOF" => Code::End,
            "\x1b[5~" => Code::PageUp,
            "\x1b[6~" => Code::PageDown,
            _ => return Vec::new(),
        };
        return vec![plain(code)];
    }
    let key = |c: char| match c {
        // A line break, where it was typed before the terminal was ours.
        '\r' | '\n' => Some(plain(Code::Enter)),
        '\t' => Some(plain(Code::Tab)),
        '\x7f' | '\x08' => Some(plain(Code::Backspace)),
        '\x01'..='\x1a' => {
            let letter = char::from(u8::try_from(c).ok()? + b'a' - 1);
            Some(Key::new(Code::Char(letter), true, false, false))
        }
        c if c.is_control() || c == char::REPLACEMENT_CHARACTER => None,
        c => Some(plain(Code::Char(c))),
    };
    text.chars().filter_map(key).collect()
}

fn mouse(event: MouseEvent) -> Option<Mouse> {
    let kind = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => MouseKind::Down,
        MouseEventKind::Drag(MouseButton::Left) => MouseKind::Drag,
        MouseEventKind::Up(MouseButton::Left) => MouseKind::Up,
        MouseEventKind::ScrollUp => MouseKind::WheelUp,
        MouseEventKind::ScrollDown => MouseKind::WheelDown,
        _ => return None,
    };
    Some(Mouse {
        kind,
        x: event.column,
        y: event.row,
    })
}
