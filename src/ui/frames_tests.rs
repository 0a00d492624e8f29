//! Whole screens as text: what a person sees in each scene at each size.
//!
//! Snapshots are named screen, state, size. The clock, the theme and the mail are fixed.

use super::{Theme, draw_to};
use crate::app::activity_tests::busy;
use crate::app::rest_tests::{checked, maildrop};
use crate::app::scenes::{self, Scene};
use crate::app::{Colours, Input, LayoutMode, Settings, Token};
use crate::bus::{AccountView, Event, Link};
use crate::model::{Rest, Role, Safe};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The screen as lines of text. The cell after a wide character is not a character of its own.
pub(super) fn frame(scene: &Scene) -> String {
    let app = &scene.app;
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.cols, app.rows));
    draw_to(app, &Theme::of(app), &mut buffer);
    text_of(&buffer)
}

/// The runs of cells that are underlined.
pub(super) fn underlined(scene: &Scene) -> Vec<String> {
    let app = &scene.app;
    let mut buffer = Buffer::empty(Rect::new(0, 0, app.cols, app.rows));
    draw_to(app, &Theme::of(app), &mut buffer);
    let is_it = |cell: &&ratatui::buffer::Cell| {
        let style = cell.style().add_modifier;
        style.contains(ratatui::style::Modifier::UNDERLINED)
    };
    let cells: Vec<_> = buffer.content.iter().collect();
    cells
        .chunk_by(|a, b| is_it(a) == is_it(b))
        .filter(|run| run.first().is_some_and(is_it))
        .map(|run| run.iter().map(|cell| cell.symbol()).collect())
        .collect()
}

fn text_of(buffer: &Buffer) -> String {
    use unicode_width::UnicodeWidthStr;
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = symbol.width().saturating_sub(1);
            line.push_str(symbol);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (200, 50), (50, 15)];

/// Draws the scene that is made at each size.
fn at_each_size(name: &str, make: impl Fn(u16, u16) -> Scene) {
    for (cols, rows) in SIZES {
        let scene = make(cols, rows);
        insta::assert_snapshot!(format!("{name}__{cols}x{rows}"), frame(&scene));
    }
}

#[test]
fn list_and_sidebar() {
    at_each_size("list__start", Scene::new);
}

#[test]
fn tour() {
    at_each_size("tour", |cols, rows| {
        let settings = Settings {
            has_tour: true,
            ..Settings::default()
        };
        let accounts = vec![scenes::account(1, "work")];
        Scene::with(cols, rows, settings, accounts, scenes::mail())
    });
}

#[test]
fn list_of_two_accounts() {
    at_each_size("list__two_accounts", |cols, rows| {
        let accounts = vec![scenes::account(1, "work"), scenes::account(2, "home")];
        Scene::with(cols, rows, Settings::default(), accounts, scenes::mail())
    });
}

#[test]
fn threads_unfolded_and_rows_selected() {
    at_each_size("list__unfolded_selected", |cols, rows| {
        let mut scene = Scene::new(cols, rows);
        scene.press("za x x j v j");
        scene
    });
}

#[test]
fn reader() {
    at_each_size("reader__links_quotes_files", |cols, rows| {
        let mut scene = Scene::new(cols, rows);
        scene.press("enter )");
        scene
    });
}

#[test]
fn reader_with_all_headers() {
    at_each_size("reader__full_headers", |cols, rows| {
        let mut scene = Scene::new(cols, rows);
        scene.press("enter H zq");
        scene
    });
}

#[test]
fn words_found_in_a_message() {
    at_each_size("reader__find", |cols, rows| {
        let mut scene = Scene::new(cols, rows);
        scene.press("enter /").type_text("the");
        scene
    });
    let mut scene = Scene::new(80, 24);
    scene.press("enter /").type_text("the");
    scene.press("enter n");
    insta::assert_snapshot!("reader__found__80x24", frame(&scene));
}

#[test]
fn attachments_and_the_copy_menu() {
    at_each_size("panel__files", |cols, rows| {
        let mut scene = Scene::new(cols, rows);
        scene.press("enter A");
        scene
    });
    let mut scene = Scene::new(80, 24);
    scene.press("enter y");
    insta::assert_snapshot!("menu__copy__80x24", frame(&scene));
    scene.press("l");
    insta::assert_snapshot!("menu__copy_link__80x24", frame(&scene));
    scene.press("esc |");
    insta::assert_snapshot!("prompt__pipe__80x24", frame(&scene));
    scene.type_text("wc -l").press("enter");
    crate::app::taking_tests::answer(&mut scene, &["12", "of \x1b[31mthem"], "it ended with 1");
    insta::assert_snapshot!("output__80x24", frame(&scene));
}

#[test]
fn a_thread_as_one_conversation() {
    at_each_size("reader__conversation", |cols, rows| {
        let mut scene = crate::app::conversation_tests::scene(cols, rows);
        scene.press("g c k");
        scene
    });
}

#[test]
fn help() {
    at_each_size("help__list", |cols, rows| {
        let mut scene = Scene::new(cols, rows);
        scene.press("?");
        scene
    });
}

#[test]
fn palette() {
    at_each_size("palette__unread", |cols, rows| {
        let mut scene = Scene::new(cols, rows);
        scene.press("ctrl-k").type_text("unread");
        scene
    });
}

#[test]
fn which_key() {
    at_each_size("which_key__g", |cols, rows| {
        let mut scene = Scene::new(cols, rows);
        scene.press("g");
        scene.time_out(|t| matches!(t, Token::WhichKey(_)));
        scene
    });
}

#[test]
fn empty_folder() {
    at_each_size("list__empty", |cols, rows| {
        Scene::with(
            cols,
            rows,
            Settings::default(),
            vec![scenes::account(1, "work")],
            Vec::new(),
        )
    });
}

#[test]
fn a_maildrop_with_a_message_of_which_only_the_header_is_here() {
    at_each_size("list__header_only", |cols, rows| {
        maildrop(cols, rows, Rest::OnServer, checked())
    });
    at_each_size("reader__header_only", |cols, rows| {
        let mut scene = maildrop(cols, rows, Rest::Lost, checked());
        scene.press("enter");
        scene
    });
    at_each_size("reader__header_only_waits", |cols, rows| {
        let busy = Link::Waiting {
            secs: 9,
            is_put_off: true,
            why: Safe::fixed("another program fetches"),
        };
        let mut scene = maildrop(cols, rows, Rest::Asked, busy);
        scene.press("enter");
        scene
    });
}

#[test]
fn offline_with_an_error() {
    at_each_size("list__offline_error", |cols, rows| {
        let mut account = scenes::account(1, "work");
        account.pending = 3;
        account.link = Link::Waiting {
            is_put_off: false,
            secs: 12,
            why: Safe::fixed("imap.work.example does not answer"),
        };
        let mut scene = Scene::with(
            cols,
            rows,
            Settings::default(),
            vec![account],
            scenes::mail(),
        );
        scene.input(Input::Engine(Event::Problem(crate::bus::Problem {
            account: None,
            summary: Safe::fixed("Could not move 2 messages to Archive on imap.work.example"),
            hint: Safe::fixed("they are back where they were"),
        })));
        scene
    });
}

#[test]
fn difficult_characters_keep_the_grid() {
    at_each_size("list__difficult", |cols, rows| {
        let accounts = vec![scenes::account(1, "日本支社")];
        Scene::with(
            cols,
            rows,
            Settings::default(),
            accounts,
            scenes::difficult_mail(),
        )
    });
}

#[test]
fn notice_with_undo_and_a_menu() {
    let mut scene = Scene::new(80, 24);
    scene.press("j s");
    insta::assert_snapshot!("list__starred__80x24", frame(&scene));
    scene.press("o");
    insta::assert_snapshot!("menu__sort__80x24", frame(&scene));
    scene.press("esc enter gx");
    insta::assert_snapshot!("menu__links__80x24", frame(&scene));
    scene.press("2");
    insta::assert_snapshot!("confirm__deceptive_link__80x24", frame(&scene));
}

#[test]
fn prompts() {
    let mut scene = Scene::new(80, 24);
    scene.press("t");
    insta::assert_snapshot!("prompt__tags__80x24", frame(&scene));
    scene.press("esc : g o -");
    insta::assert_snapshot!("prompt__command__80x24", frame(&scene));
    scene.press("esc / b o b");
    scene.time_out(|t| matches!(t, Token::Refilter(_)));
    insta::assert_snapshot!("prompt__search__80x24", frame(&scene));
    scene.press("ctrl-u x x x enter");
    insta::assert_snapshot!("list__nothing_matches__80x24", frame(&scene));
}

#[test]
fn ascii_only() {
    let settings = Settings {
        is_ascii: true,
        colours: Colours::None,
        layout: LayoutMode::Below,
        ..Settings::default()
    };
    let accounts = vec![scenes::account(1, "work")];
    let mut scene = Scene::with(80, 24, settings, accounts, scenes::mail());
    scene.press("za x j ctrl-k");
    let drawn = frame(&scene);
    insta::assert_snapshot!("palette__ascii__80x24", drawn);
    let foreign = drawn.replace("日本", "");
    assert!(foreign.is_ascii(), "{drawn}");
}

/// The work account with a Trash, a folder below Archive, and one that waits for the server.
fn with_trash() -> Vec<AccountView> {
    let mut account = scenes::account(1, "work");
    let all = &mut account.mailboxes;
    all.insert(5, scenes::mailbox(10, 1, "Trash", Some(Role::Trash), 0));
    all.insert(6, scenes::mailbox(101, 1, "Archive/2025", None, 0));
    let mut fresh = scenes::mailbox(102, 1, "Projects/beta", None, 0);
    fresh.is_pending = true;
    all.insert(10, fresh);
    vec![account, scenes::account(2, "home")]
}

fn changing(cols: u16, rows: u16) -> Scene {
    Scene::with(
        cols,
        rows,
        Settings::default(),
        with_trash(),
        scenes::mail(),
    )
}

const CHANGE_SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 12)];

/// Draws what these keys lead to, then text typed, at each size.
fn after(name: &str, keys: &str, typed: &str) {
    for (cols, rows) in CHANGE_SIZES {
        let mut scene = changing(cols, rows);
        scene.press(keys).type_text(typed);
        insta::assert_snapshot!(format!("{name}__{cols}x{rows}"), frame(&scene));
    }
}

#[test]
fn what_was_filed_is_told_with_what_undo_does() {
    after("list__archived", "3 a", "");
}

#[test]
fn a_folder_to_move_to() {
    after("picker__move", "m", "");
    after("picker__move_filtered", "m", "proj");
}

#[test]
fn deleting_for_good_is_a_question() {
    after("confirm__delete", "j j D", "");
    after(
        "confirm__empty_folder",
        "shift-tab j j j j j j j j j j e",
        "",
    );
}

#[test]
fn the_sidebar_with_its_own_keys() {
    let at = "shift-tab 1 4 j";
    after("sidebar__keys", at, "");
    after("prompt__new_folder", &format!("{at} n"), "b");
}

#[test]
fn a_name_that_cannot_be() {
    after("prompt__folder_error", "shift-tab 1 4 j n enter", "");
}

#[test]
fn which_key_of_folders() {
    for (cols, rows) in CHANGE_SIZES {
        let mut scene = changing(cols, rows);
        scene.press("F");
        scene.time_out(|t| matches!(t, Token::WhichKey(_)));
        insta::assert_snapshot!(format!("which_key__folders__{cols}x{rows}"), frame(&scene));
    }
}

#[test]
fn what_goes_on() {
    for (cols, rows) in CHANGE_SIZES {
        let mut scene = busy(cols, rows);
        scene.press("gj j");
        insta::assert_snapshot!(format!("activity__busy__{cols}x{rows}"), frame(&scene));
        scene.press("enter");
        insta::assert_snapshot!(format!("activity__open__{cols}x{rows}"), frame(&scene));
    }
    let mut scene = Scene::new(80, 24);
    scene.press("gj");
    insta::assert_snapshot!("activity__nothing__80x24", frame(&scene));
}

#[test]
fn the_title_says_what_is_read_while_its_head_is_out_of_sight() {
    let title = |scene: &Scene| frame(scene).lines().next().unwrap_or_default().to_owned();
    let mut scene = Scene::new(60, 12);
    scene.press("enter");
    assert!(
        !title(&scene).contains("Q2 launch plan"),
        "{}",
        title(&scene)
    );
    scene.press("G");
    assert!(
        title(&scene).contains("Re: Q2 launch plan"),
        "{}",
        title(&scene)
    );
    scene.press("g g");
    assert!(title(&scene).contains("1 of 39"), "{}", title(&scene));
    let mut scene = crate::app::conversation_tests::scene(80, 24);
    scene.press("g c");
    assert!(
        title(&scene).contains("Q2 launch plan"),
        "{}",
        title(&scene)
    );
}

#[test]
fn many_files_leave_the_text_in_sight_and_one_alone_needs_one_row_with_its_key() {
    let mut scene = Scene::new(80, 24);
    let file = scene.reading.attachments[0].clone();
    let name = |n| Safe::line(&format!("report of {n} with annex.pdf"));
    let files = (1980..2020).map(|n| crate::model::Attachment {
        name: name(n),
        ..file.clone()
    });
    scene.reading.attachments = files.collect();
    scene.press("j k enter");
    let seen = frame(&scene);
    assert!(seen.contains("and 37 more A"), "{seen}");
    assert!(seen.contains("Hey, just a short follow-up"), "{seen}");

    let mut scene = Scene::new(80, 24);
    let reading = &mut scene.reading;
    reading.attachments.truncate(1);
    reading.links.clear();
    reading.pictures.clear();
    (reading.is_html, reading.has_other_form) = (false, false);
    scene.press("j k enter");
    let seen = frame(&scene);
    assert!(seen.contains("\n [1] agenda.pdf 120 K   A\n"), "{seen}");
    assert!(!seen.contains("1 file"), "{seen}");
}
