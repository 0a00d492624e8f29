//! Random keys, clicks, sizes and events: nothing may ever panic, and every state can be drawn.

use super::scenes::{self, Scene, writing::message};
use super::{Code, Input, Key, Mouse, MouseKind, Settings, Token, update};
use crate::bus::{Event, Link, Problem, RequestId, WritingEvent};
use crate::model::{DraftKey, MailboxKey, OutboxKey, OutboxState, Safe};
use crate::ui::{Theme, draw_to};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn code() -> impl Strategy<Value = Code> {
    prop_oneof![
        12 => proptest::sample::select(
            "jkhlgGzaMRTxvV*sUtu.n/N\\:?opPqyAHJK@=`{}[]()0123456789 f!#ti日édDmCFreycbLwo".chars().collect::<Vec<_>>()
        ).prop_map(Code::Char),
        4 => proptest::sample::select(vec![
            Code::Enter, Code::Esc, Code::Tab, Code::Backspace, Code::Up, Code::Down, Code::Left,
            Code::Right, Code::PageUp, Code::PageDown, Code::Home, Code::End, Code::Delete, Code::F(1),
        ]),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let key = (
        code(),
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.05),
    )
        .prop_map(|(code, ctrl, alt)| Input::Key(Key::new(code, ctrl, alt, false)));
    let kind = proptest::sample::select(vec![
        MouseKind::Down,
        MouseKind::Drag,
        MouseKind::Up,
        MouseKind::WheelUp,
        MouseKind::WheelDown,
    ]);
    let mouse =
        (kind, 0u16..220, 0u16..70).prop_map(|(kind, x, y)| Input::Mouse(Mouse { kind, x, y }));
    let size = prop_oneof![(0u16..12, 0u16..8), (20u16..220, 5u16..70)]
        .prop_map(|(cols, rows)| Input::Resize { cols, rows });
    let token = (0u64..60, 0usize..10).prop_map(|(serial, kind)| {
        Input::Timer(match kind {
            0 => Token::WhichKey(serial),
            1 => Token::Refilter(serial),
            2 => Token::Preview(serial),
            3 => Token::MarkRead(serial),
            4 => Token::Notice(serial),
            5 => Token::Keep(serial),
            6 => Token::Again,
            7 => Token::Complete(serial),
            8 => Token::Paths(serial),
            _ => Token::Slow(serial),
        })
    });
    prop_oneof![
        30 => key,
        4 => mouse,
        3 => size,
        4 => token,
        3 => event().prop_map(Input::Engine),
        1 => any::<String>().prop_map(Input::Paste),
        2 => writing_event().prop_map(|event| Input::Engine(Event::Writing(event))),
        1 => any::<String>().prop_map(|text| Input::Edited { key: DraftKey(1), outcome: Ok(text) }),
        1 => (any::<i64>(), 0u64..100_000)
            .prop_map(|(now_secs, monotonic_ms)| Input::Tick { now_secs, monotonic_ms }),
    ]
}

/// Replies and news of writing, awaited or not.
fn writing_event() -> impl Strategy<Value = WritingEvent> {
    let request = || (0u64..80).prop_map(RequestId);
    let states = proptest::sample::select(vec![
        OutboxState::Held,
        OutboxState::Scheduled,
        OutboxState::Sending,
        OutboxState::Unconfirmed,
        OutboxState::Failed,
    ]);
    prop_oneof![
        (0u64..9).prop_map(|revision| WritingEvent::Kept {
            key: DraftKey(1),
            revision
        }),
        request().prop_map(|request| WritingEvent::Discarded {
            request,
            key: DraftKey(1)
        }),
        (request(), any::<String>()).prop_map(|(request, label)| WritingEvent::Queued {
            request,
            item: OutboxKey(7),
            label: Safe::line(&label),
        }),
        (request(), states).prop_map(|(request, state)| WritingEvent::Outbox {
            request,
            items: vec![message(7, "日本 Plan", state)],
            drafts: Vec::new(),
        }),
        (0u32..3, 0u32..3).prop_map(|(waiting, stuck)| WritingEvent::OutboxChanged {
            waiting,
            stuck,
            recovered: stuck,
        }),
        request().prop_map(|request| WritingEvent::Completions {
            request,
            items: Vec::new(),
            is_final: true,
        }),
        request().prop_map(|request| WritingEvent::Paths {
            request,
            items: Vec::new()
        }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let request = || (0u64..80).prop_map(RequestId);
    prop_oneof![
        Just(Event::Changed(vec![MailboxKey(11)])),
        request().prop_map(|request| Event::Window {
            request,
            offset: u32::MAX,
            rows: scenes::difficult_mail(),
            total: 3,
            around: Some(u32::MAX),
            is_complete: false,
        }),
        request().prop_map(|request| Event::Unavailable {
            request,
            why: Safe::fixed("gone")
        }),
        request().prop_map(|request| Event::Failed {
            request,
            problem: Problem {
                account: None,
                summary: Safe::fixed("It failed"),
                hint: Safe::fixed("try again"),
            },
        }),
        request().prop_map(|request| Event::Progress {
            request,
            done: 5,
            total: 0
        }),
        Just(Event::Tree(Vec::new())),
        Just(Event::Tree(vec![
            scenes::account(1, "work"),
            scenes::account(2, "home")
        ])),
        Just(Event::Tree(vec![crate::bus::AccountView {
            link: Link::Stopped {
                can_retry: true,
                why: Safe::fixed("wrong password")
            },
            ..scenes::account(1, "日本支社")
        }])),
        Just(Event::Stopped),
    ]
}

fn draw(scene: &Scene) {
    let theme = Theme::new(scene.app.colours(), scene.app.cols.is_multiple_of(2));
    let mut buffer = Buffer::empty(Rect::new(0, 0, scene.app.cols, scene.app.rows));
    draw_to(&scene.app, &theme, &mut buffer);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_happens_panics_and_every_state_is_drawn(
        inputs in proptest::collection::vec(input(), 1..80),
        cols in 0u16..210,
        rows in 0u16..60,
        is_answering in prop::bool::weighted(0.8),
        has_threads: bool,
        is_writing: bool,
    ) {
        let settings = Settings { has_threads, ..Settings::default() };
        let accounts = vec![scenes::account(1, "work")];
        let mut scene = Scene::with(cols, rows, settings, accounts, scenes::mail());
        if is_writing {
            scene.press("r");
        }
        scene.is_answering = is_answering;
        for input in inputs {
            scene.input(input);
            draw(&scene);
        }
    }
}

#[test]
fn every_size_can_be_drawn() {
    for (cols, rows) in [
        (0, 0),
        (1, 1),
        (2, 3),
        (5, 6),
        (40, 12),
        (79, 19),
        (80, 20),
        (500, 200),
    ] {
        for keys in [
            "",
            "enter",
            "?",
            "ctrl-k",
            "/ x",
            "shift-tab",
            "enter gx",
            "v G",
            "m",
            "3 D",
            "Fn p",
            "shift-tab n",
            "gj j enter",
            "c",
            "r",
            "r ctrl-x",
            "r ctrl-a",
            "b",
            "go",
        ] {
            let mut scene = Scene::new(cols, rows);
            scene.press(keys);
            draw(&scene);
        }
    }
}

#[test]
fn a_buffer_smaller_than_the_app_believes_is_drawn_all_the_same() {
    let mut scene = Scene::new(200, 50);
    scene.press("ctrl-k");
    let mut buffer = Buffer::empty(Rect::new(0, 0, 60, 10));
    draw_to(&scene.app, &Theme::of(&scene.app), &mut buffer);
    update(&mut scene.app, Input::Resize { cols: 60, rows: 10 });
    draw_to(&scene.app, &Theme::of(&scene.app), &mut buffer);
}
