//! What a picture leaves on the screen: glyphs of ours in colours, and places for the terminal.
//!
//! A test here must look at cells, as a terminal gets them.

use super::frames_tests::frame;
use super::{Theme, draw_to, spots};
use crate::app::gallery_tests::{give_all, pictured};
use crate::app::scenes::Scene;
use crate::app::{Colours, Input, Pictures};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

const BLOCKS: Pictures = Pictures::Blocks { is_true: true };

fn read(cols: u16, rows: u16, pictures: Pictures) -> Scene {
    let mut scene = pictured(cols, rows, pictures);
    scene.press("enter");
    give_all(&mut scene);
    scene
}

fn cells(scene: &Scene) -> Buffer {
    let app = &scene.app;
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.cols, app.rows));
    draw_to(app, &Theme::of(app), &mut buffer);
    buffer
}

#[test]
fn a_message_with_pictures_as_blocks() {
    for (cols, rows) in [(80, 24), (120, 40)] {
        let scene = read(cols, rows, BLOCKS);
        insta::assert_snapshot!(format!("pictures__{cols}x{rows}"), frame(&scene));
    }
}

#[test]
fn blocks_have_the_colours_of_the_dots() {
    let scene = read(120, 40, BLOCKS);
    let buffer = cells(&scene);
    let blocks: Vec<_> = buffer
        .content
        .iter()
        .filter(|c| c.symbol() == "▀")
        .collect();
    let (red, blue) = (Color::Rgb(255, 0, 0), Color::Rgb(0, 0, 255));
    let count = |fg, bg| blocks.iter().filter(|c| (c.fg, c.bg) == (fg, bg)).count();
    let whole = count(red, red) + count(blue, blue) + count(red, blue);
    assert!(count(red, red) > 0 && count(blue, blue) > 0);
    assert_eq!(whole, blocks.len());
}

#[test]
fn without_colours_or_beyond_ascii_there_are_no_blocks() {
    for change in [
        |scene: &mut Scene| scene.app.settings.colours = Colours::None,
        |scene: &mut Scene| scene.app.settings.is_ascii = true,
    ] {
        let mut scene = read(120, 40, BLOCKS);
        change(&mut scene);
        scene.input(Input::Resize {
            cols: 120,
            rows: 40,
        });
        assert!(cells(&scene).content.iter().all(|c| c.symbol() != "▀"));
        assert!(frame(&scene).contains("[image: Chart]"));
    }
}

#[test]
fn a_spot_is_exactly_the_blanks_that_are_kept_for_it_whatever_is_scrolled() {
    for pictures in [Pictures::Sixel, Pictures::Iterm2, Pictures::KittyPlaced] {
        let mut scene = read(80, 24, pictures);
        for _ in 0..12 {
            let buffer = cells(&scene);
            let mut kept = buffer.clone();
            for spot in spots(&scene.app) {
                for y in spot.y..spot.y + spot.rows {
                    for x in spot.x..spot.x + spot.pixels.cols() {
                        let cell = &mut kept[(x, y)];
                        assert_eq!(cell.symbol(), " ");
                        assert!(cell.modifier.contains(Modifier::HIDDEN), "{x} {y}");
                        cell.modifier.remove(Modifier::HIDDEN);
                    }
                }
                assert!(spot.first + spot.rows <= spot.pixels.rows());
            }
            let is_left = kept
                .content
                .iter()
                .any(|c| c.modifier.contains(Modifier::HIDDEN));
            assert!(!is_left, "{pictures:?}: a blank without a picture");
            scene.press("down");
        }
    }
}

#[test]
fn nothing_shines_through_what_lies_over_a_picture() {
    let mut scene = read(120, 40, Pictures::Sixel);
    assert!(!spots(&scene.app).is_empty());
    scene.press("?");
    assert!(spots(&scene.app).is_empty());
    let has_place = |s: &Scene| {
        cells(s)
            .content
            .iter()
            .any(|c| c.modifier.contains(Modifier::HIDDEN))
    };
    assert!(!has_place(&scene));
    scene.press("esc");
    assert!(!spots(&scene.app).is_empty() && has_place(&scene));
    scene.press("esc c");
    assert!(spots(&scene.app).is_empty());
}

#[test]
fn a_cell_of_kittys_says_which_picture_row_and_column_it_is() {
    let scene = read(120, 40, Pictures::Kitty);
    let buffer = cells(&scene);
    let spot = &spots(&scene.app)[0];
    let cell = &buffer[(spot.x, spot.y)];
    assert_eq!(cell.symbol(), "\u{10eeee}\u{305}\u{305}");
    let [_, r, g, b] = spot.id.to_be_bytes();
    assert_eq!(cell.fg, Color::Rgb(r, g, b));
    let cell = &buffer[(spot.x + 2, spot.y + 1)];
    assert_eq!(cell.symbol(), "\u{10eeee}\u{30d}\u{30e}");
}
