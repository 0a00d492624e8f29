//! Whether everybody can read it: contrast, plain ASCII, and a grid that no writing can break.
//!
//! Contrast is that of WCAG 2 (1.4.3), with the colours of xterm. A test here must look at cells.

use super::{Paint, Theme, draw_to};
use crate::app::scenes::{self, Scene};
use crate::app::{Colours, Settings};
use crate::model::Safe;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use unicode_width::UnicodeWidthStr as _;

/// What xterm shows for the sixteen colours.
const SIXTEEN: [[u8; 3]; 16] = [
    [0, 0, 0],
    [205, 0, 0],
    [0, 205, 0],
    [205, 205, 0],
    [0, 0, 238],
    [205, 0, 205],
    [0, 205, 205],
    [229, 229, 229],
    [127, 127, 127],
    [255, 0, 0],
    [0, 255, 0],
    [255, 255, 0],
    [92, 92, 255],
    [255, 0, 255],
    [0, 255, 255],
    [255, 255, 255],
];
const TEXT: [Paint; 19] = [
    Paint::Plain,
    Paint::Dim,
    Paint::Strong,
    Paint::Unread,
    Paint::Title,
    Paint::Mark,
    Paint::Selected,
    Paint::Star,
    Paint::Tag,
    Paint::Link,
    Paint::LinkAtHand,
    Paint::QuoteOdd,
    Paint::QuoteEven,
    Paint::Note,
    Paint::Key,
    Paint::Border,
    Paint::Good,
    Paint::Warning,
    Paint::Error,
];
/// What stands on the row of the cursor as well.
const ON_BAR: [Paint; 6] = [
    Paint::Plain,
    Paint::Dim,
    Paint::Unread,
    Paint::Tag,
    Paint::Key,
    Paint::Title,
];

fn rgb(colour: Color) -> [u8; 3] {
    let indexed = |n: u8| match n {
        0..=15 => SIXTEEN[usize::from(n)],
        16..=231 => {
            let step = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            [(n - 16) / 36, (n - 16) / 6 % 6, (n - 16) % 6].map(step)
        }
        232.. => [8 + 10 * (n - 232); 3],
    };
    match colour {
        Color::Indexed(n) => indexed(n),
        Color::Black => indexed(0),
        Color::Red => indexed(1),
        Color::Blue => indexed(4),
        Color::Magenta => indexed(5),
        Color::LightRed => indexed(9),
        Color::LightGreen => indexed(10),
        Color::LightYellow => indexed(11),
        Color::LightBlue => indexed(12),
        Color::LightMagenta => indexed(13),
        Color::LightCyan => indexed(14),
        Color::White => indexed(15),
        other => panic!("{other:?} has no known shade"),
    }
}

fn luminance(colour: [u8; 3]) -> f64 {
    let [r, g, b] = colour.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn contrast(one: Color, other: Color) -> f64 {
    let (one, other) = (luminance(rgb(one)), luminance(rgb(other)));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_text_can_be_read_on_its_background() {
    for (colours, ink, paper) in [
        (Colours::Dark, Color::White, Color::Black),
        (Colours::Light, Color::Black, Color::White),
    ] {
        let theme = Theme::new(colours, false);
        for paint in TEXT {
            let style = theme.style(paint);
            let (fg, bg) = (style.fg.unwrap_or(ink), style.bg.unwrap_or(paper));
            let found = contrast(fg, bg);
            assert!(found >= 4.5, "{} {paint:?}: {found:.2}", colours.name());
        }
        for bar in [Paint::Cursor, Paint::CursorElsewhere] {
            let bar_style = theme.style(bar);
            let bg = bar_style.bg.unwrap();
            for paint in ON_BAR {
                let fg = theme.style(paint).fg.or(bar_style.fg).unwrap_or(ink);
                let found = contrast(fg, bg);
                let name = colours.name();
                assert!(found >= 4.5, "{name} {paint:?} on {bar:?}: {found:.2}");
            }
        }
    }
}

/// Keys that lead to every kind of screen, from the list.
const SCREENS: [&str; 17] = [
    "",
    "enter",
    "enter H",
    "enter zq",
    "shift-tab",
    "?",
    "ctrl-k",
    "g j",
    "g o",
    "g",
    "F",
    "o",
    "A",
    "D",
    "g f",
    "c",
    "v j x",
];

fn drawn(scene: &Scene) -> Buffer {
    let app = &scene.app;
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.cols, app.rows));
    draw_to(app, &Theme::of(app), &mut buffer);
    buffer
}

#[test]
fn in_ascii_no_cell_holds_anything_else() {
    for (is_linear, cols, rows) in [(false, 80, 24), (false, 160, 50), (true, 80, 24)] {
        for keys in SCREENS {
            let settings = Settings {
                is_ascii: true,
                is_linear,
                ..Settings::default()
            };
            let mut account = scenes::account(1, "work");
            account.mailboxes.retain(|m| m.name.is_ascii());
            let mut scene = Scene::with(cols, rows, settings, vec![account], scenes::mail());
            scene.press(keys);
            scene.time_out(|token| matches!(token, crate::app::Token::WhichKey(_)));
            let buffer = drawn(&scene);
            let symbols = buffer.content.iter().map(ratatui::buffer::Cell::symbol);
            let foreign: Vec<&str> = symbols.filter(|s| !s.is_ascii()).collect();
            assert!(foreign.is_empty(), "{cols}x{rows} {keys:?}: {foreign:?}");
        }
    }
}

/// Writing that has more characters than columns, or more columns than characters.
fn cluster() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(vec![
        "a",
        " ",
        "é",
        "e\u{301}",
        "日",
        "한",
        "\u{1112}\u{1161}\u{11ab}",
        "👍🏽",
        "👩\u{200d}👩\u{200d}👧",
        "🏳\u{fe0f}\u{200d}🌈",
        "❤\u{fe0f}",
        "🇩🇪",
        "🇩",
        "क्षि",
        "क\u{94d}",
        "กำ",
        "ที่",
        "\u{e33}",
        "م",
        "ﷺ",
        "\u{200d}",
        "\u{fe0f}",
        "\u{301}",
        "\t",
        "①",
        "☺",
        "…",
        "\u{1f3fb}",
        "ａ",
    ]);
    let flood = (1usize..40).prop_map(|n| format!("x{}", "\u{336}".repeat(n)));
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from), 1 => flood]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_writing_moves_what_stands_beside_it(
        who in proptest::collection::vec(cluster(), 0..20),
        subject in proptest::collection::vec(cluster(), 0..80),
        size in 0usize..4,
    ) {
        let (cols, rows) = [(80, 24), (120, 40), (200, 50), (60, 20)][size];
        let scene = |who: &str, subject: &str| {
            let mut mail = scenes::mail();
            mail[3].who = Safe::line(who);
            mail[3].subject = Safe::line(subject);
            mail[3].preview = Safe::line(subject);
            let accounts = vec![scenes::account(1, "work")];
            Scene::with(cols, rows, Settings::default(), accounts, mail)
        };
        let plain = drawn(&scene("Bob Smith", "Weekly notes"));
        let odd = drawn(&scene(&who.concat(), &subject.concat()));
        let list = scene("", "").app.panes().list;
        for y in list.y..list.y + list.h {
            let mut x = 0;
            let mut used = 0;
            while x < cols {
                let width = odd[(x, y)].symbol().width().max(1);
                prop_assert!(width <= 2 || x + u16::try_from(width).unwrap() <= cols, "{:?}", odd[(x, y)]);
                used += width;
                x += u16::try_from(width).unwrap();
            }
            prop_assert_eq!(used, usize::from(cols), "row {}", y);
            // The date at the right end, and all left of the list.
            for x in (0..list.x).chain(list.x + list.w - 6..list.x + list.w) {
                prop_assert_eq!(odd[(x, y)].symbol(), plain[(x, y)].symbol(), "{} {}", x, y);
            }
        }
        for cell in &odd.content {
            let marks = cell.symbol().chars().filter(|c| *c == '\u{336}').count();
            prop_assert!(marks <= 8, "{marks} marks on one base");
        }
    }
}
