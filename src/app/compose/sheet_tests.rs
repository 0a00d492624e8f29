//! The text under edit: what keys do to it, that it can be taken back, and what is shown.

use super::*;
use proptest::prelude::*;

fn sheet(text: &str) -> Sheet {
    let mut sheet = Sheet::new(text);
    sheet.settle(10, 4);
    sheet
}

fn shown(sheet: &Sheet) -> Vec<String> {
    sheet.rows().iter().map(|r| r.text.to_string()).collect()
}

#[test]
fn typing_goes_in_at_the_cursor_and_lines_break_and_join() {
    let mut s = sheet("one\ntwo");
    s.move_to(Move::RowEnd);
    for c in [" ", "m", "o", "r", "e", "\n"] {
        assert!(s.insert(c));
    }
    assert_eq!(s.text(), "one more\n\ntwo");
    assert!(s.delete(Move::Left) && s.delete(Move::WordLeft));
    assert_eq!(s.text(), "one \ntwo");
    assert!(s.delete(Move::Right));
    assert_eq!(s.text(), "one two");
    assert!(s.kill() && !s.kill());
    assert_eq!(s.text(), "one ");
}

#[test]
fn undo_takes_back_word_by_word_and_redo_makes_it_again() {
    let mut s = sheet("");
    for c in "one two".chars() {
        s.insert(&c.to_string());
    }
    assert!(s.undo());
    assert_eq!(s.text(), "one");
    assert!(s.undo() && !s.undo());
    assert_eq!(s.text(), "");
    assert!(s.redo() && s.redo() && !s.redo());
    assert_eq!(s.text(), "one two");
    s.insert("x\ny\nz");
    s.undo();
    assert_eq!(s.text(), "one two");
}

#[test]
fn what_is_pasted_is_clean() {
    let mut s = sheet("");
    s.insert("a\x1b[2J\r\n\tb\u{202e}\u{7}");
    assert_eq!(s.text(), "a[2J\n\tb");
    assert_eq!(shown(&s), ["a[2J", "    b"]);
}

#[test]
fn long_lines_are_shown_in_rows_and_the_cursor_moves_among_them() {
    let mut s = sheet("one two three four\nfive");
    assert_eq!(shown(&s), ["one two", "three four", "five"]);
    s.move_to(Move::RowEnd);
    assert_eq!(s.cell(), Some((7, 0)));
    s.move_rows(1);
    assert_eq!(s.cell(), Some((7, 1)));
    s.move_rows(1);
    assert_eq!(s.cell(), Some((4, 2)));
    s.move_rows(-1);
    assert_eq!(s.cell(), Some((7, 1)), "the column is kept");
    s.click(1, 0);
    assert_eq!(s.caret(), (0, 1));
}

#[test]
fn the_cursor_is_always_in_sight() {
    let text: String = (0..50).map(|n| format!("{n}\n")).collect();
    let mut s = sheet(&text);
    s.move_to(Move::End);
    assert_eq!(shown(&s), ["47", "48", "49", ""]);
    s.move_rows(-10);
    assert_eq!(s.cell(), Some((0, 0)));
    s.move_to(Move::Start);
    assert_eq!(shown(&s).first().map(String::as_str), Some("0"));
}

#[test]
fn text_is_found_forwards_and_backwards_and_from_the_other_end() {
    let mut s = sheet("Plan\nthe plan\nÜber PLAN");
    assert!(s.find("plan", true, true));
    assert_eq!(s.caret(), (0, 0));
    assert!(s.find("plan", true, false));
    assert_eq!(s.caret(), (1, 4));
    assert!(s.find("über", true, false));
    assert_eq!(s.caret(), (2, 0));
    assert!(s.find("plan", false, false));
    assert_eq!(s.caret(), (1, 4));
    assert!(!s.find("nowhere", true, true));
    assert_eq!(s.caret(), (1, 4));
}

#[test]
fn a_quote_is_known_by_its_marks() {
    let depth: Vec<u8> = sheet("> a\n>> b\n> > c\nd")
        .rows()
        .iter()
        .map(|r| r.quote)
        .collect();
    assert_eq!(depth, [1, 2, 2, 0]);
}

#[test]
fn a_signature_gives_way_to_another_one_and_text_below_it_does_not() {
    let mut s = sheet("Hi\n\n-- \nAnn\n");
    assert!(s.replace_tail("-- ", "Ann", "A. E.\nWork"));
    assert_eq!(s.text(), "Hi\n\n-- \nA. E.\nWork\n");
    assert!(s.replace_tail("-- ", "A. E.\nWork", ""));
    assert_eq!(s.text(), "Hi\n\n");
    let mut s = sheet("Hi\n-- \nAnn\nP.S. dear");
    s.replace_tail("-- ", "Ann", "Work");
    assert!(
        s.text().starts_with("Hi\n-- \nAnn\nP.S. dear"),
        "{}",
        s.text()
    );
}

fn key() -> impl Strategy<Value = (u8, String)> {
    (0u8..16, "[a ü\n>\t日]{0,4}")
}

fn press(s: &mut Sheet, (what, text): &(u8, String)) {
    const MOVES: [Move; 8] = [
        Move::Left,
        Move::Right,
        Move::WordLeft,
        Move::WordRight,
        Move::RowStart,
        Move::RowEnd,
        Move::Start,
        Move::End,
    ];
    match what {
        n @ 0..8 => s.move_to(MOVES[usize::from(*n)]),
        8 => drop(s.delete(Move::Left)),
        9 => drop(s.delete(Move::WordRight)),
        10 => drop(s.kill()),
        11 => s.move_rows(3),
        12 => s.move_rows(-2),
        13 => drop(s.delete(Move::Right)),
        _ => drop(s.insert(text)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_done_is_taken_back_and_the_cursor_never_leaves_the_screen(
        text in "[a ü\n>\t日]{0,60}", keys in proptest::collection::vec(key(), 0..40),
        cols in 2usize..20, height in 1usize..6,
    ) {
        let mut s = Sheet::new(&text);
        s.settle(cols, height);
        let before = s.text();
        for key in &keys {
            press(&mut s, key);
            let (x, y) = s.cell().unwrap();
            prop_assert!(x < cols && y < height);
            prop_assert!(s.rows().len() <= height);
        }
        let after = s.text();
        while s.undo() {}
        prop_assert_eq!(s.text(), before);
        while s.redo() {}
        prop_assert_eq!(s.text(), after);
    }
}
