//! The list of what goes on: what it tells, and what one can do about it.

use super::scenes::{self, Scene};
use super::{ActivityRow, App, Input, Overlay, Settings};
use crate::bus::{Command, Event, OpView, RequestId};
use crate::model::{AccountKey, MailboxKey, OpKey, Quota, Safe, TargetState};

pub(crate) fn op(n: i64, account: i64, label: &str, state: TargetState) -> OpView {
    OpView {
        op: OpKey(n),
        account: AccountKey(account),
        label: Safe::line(label),
        state,
        left: 3,
        attempts: 0,
        error: Safe::default(),
        wait_secs: 0,
    }
}

/// Two accounts, with a change in each state.
pub(crate) fn busy(cols: u16, rows: u16) -> Scene {
    let mut work = scenes::account(1, "work");
    work.quota = Some(Quota {
        used_kib: 5_033_165,
        limit_kib: 5 * 1024 * 1024,
    });
    let accounts = vec![work, scenes::account(2, "home")];
    let mut scene = Scene::with(cols, rows, Settings::default(), accounts, scenes::mail());
    let mut late = op(1, 1, "Moved 3 messages to Archive", TargetState::Queued);
    late.attempts = 2;
    late.wait_secs = 30;
    late.error = Safe::fixed("the server is over its limits and asks to wait");
    let mut refused = op(2, 1, "Created folder Projects/日本", TargetState::Rejected);
    refused.attempts = 1;
    refused.error = Safe::fixed("the server said: no folder can be made there");
    scene.ops = vec![
        late,
        refused,
        op(3, 2, "Starred 2 messages", TargetState::InFlight),
        op(4, 2, "Renamed folder a to b", TargetState::Queued),
    ];
    scene
}

fn lines(app: &App) -> Vec<(String, String)> {
    let Some(Overlay::Activity(list)) = &app.overlay else {
        panic!("the list is not open");
    };
    let all = list.lines(app).into_iter();
    all.map(|l| (l.text.to_string(), l.state.to_string()))
        .collect()
}

fn on(scene: &Scene) -> Option<ActivityRow> {
    match &scene.app.overlay {
        Some(Overlay::Activity(list)) => list.on(),
        _ => None,
    }
}

fn pair(text: &str, state: &str) -> (String, String) {
    (text.to_owned(), state.to_owned())
}

#[test]
fn every_change_is_told_with_its_state_and_the_seconds_run_down() {
    let mut scene = busy(120, 40);
    scene.press("gj");
    assert_eq!(
        lines(&scene.app),
        [
            pair("work  watching", "4.8 of 5 GB used"),
            pair("Moved 3 messages to Archive", "again in 30 s, 2 tries"),
            pair("the server is over its limits and asks to wait", ""),
            pair("Created folder Projects/日本", "refused"),
            pair("the server said: no folder can be made there", ""),
            pair("home  watching", ""),
            pair("Starred 2 messages", "under way"),
            pair("Renamed folder a to b", "waits"),
        ]
    );
    assert_eq!(scene.app.tick_ms(), 1_000);
    scene.input(Input::Tick {
        now_secs: scenes::NOW + 12,
        monotonic_ms: 13_000,
    });
    assert_eq!(lines(&scene.app)[1].1, "again in 18 s, 2 tries");
}

#[test]
fn r_tries_again_x_takes_back_and_the_cursor_keeps_its_place() {
    let mut scene = busy(120, 40);
    scene.press("gj j j");
    scene.commands();
    scene.press("r");
    assert!(scene.commands().contains(&Command::RetryOp(OpKey(2))));
    scene.press("x");
    let commands = scene.commands();
    let is_cancel = |c: &Command| matches!(c, Command::CancelOp { op: OpKey(2), .. });
    assert!(commands.iter().any(is_cancel));
    assert_eq!(scene.notice(), "Taken back");
    assert_eq!(lines(&scene.app).len(), 6, "it is gone from the list");
    assert_eq!(on(&scene), Some(ActivityRow::Account(AccountKey(2))));
    scene.press("r");
    assert!(
        scene
            .commands()
            .contains(&Command::SyncNow(Some(AccountKey(2))))
    );
    scene.press("x");
    assert!(scene.notice().starts_with("Nothing to take back"));
    scene.press("esc");
    assert!(scene.app.overlay.is_none());
}

#[test]
fn it_asks_again_when_anything_changed_and_only_then() {
    let mut scene = busy(120, 40);
    scene.press("gj");
    scene.commands();
    scene.press("j j k");
    assert_eq!(scene.commands(), []);
    scene.ops.truncate(1);
    scene.input(Input::Engine(Event::Changed(vec![MailboxKey(11)])));
    assert_eq!(lines(&scene.app).len(), 4);
    scene.ops.clear();
    let accounts = scene.accounts.clone();
    scene.input(Input::Engine(Event::Tree(accounts)));
    let last = lines(&scene.app).pop().unwrap().0;
    assert_eq!(last, "Nothing waits: every change has reached its server.");
    // An answer to nothing changes nothing.
    scene.input(Input::Engine(Event::Activity {
        request: RequestId(999),
        ops: vec![op(7, 1, "Starred message", TargetState::Queued)],
    }));
    assert_eq!(lines(&scene.app).pop().unwrap().0, last);
}

#[test]
fn enter_tells_a_change_in_full() {
    let mut scene = busy(40, 12);
    scene.press("gj j enter");
    let all = lines(&scene.app);
    let told: Vec<&str> = all[2..].iter().map(|l| l.0.as_str()).collect();
    let told = told.join(" ");
    let full = "Moved 3 messages to Archive 3 changes: not sent yet; kept on disk until it is; \
                2 tries so far the server is over its limits and asks to wait Created";
    assert!(told.starts_with(full), "{told}");
    scene.press("enter");
    assert_eq!(lines(&scene.app).len(), 8);
}

#[test]
fn a_change_of_two_accounts_is_a_line_of_each() {
    let mut scene = busy(120, 40);
    let both = |account| op(9, account, "Archived 6 messages", TargetState::Queued);
    scene.ops = vec![both(1), both(2)];
    scene.press("gj j j j");
    assert_eq!(on(&scene), Some(ActivityRow::Op(OpKey(9), AccountKey(2))));
    scene.press("enter");
    let all: Vec<String> = lines(&scene.app).into_iter().map(|l| l.0).collect();
    let full = "3 changes: not sent yet; kept on disk until it is";
    assert_eq!(all.iter().position(|l| l == full), Some(4));
}

#[test]
fn an_account_that_is_nearly_full_is_told_in_the_status_line() {
    let scene = busy(120, 40);
    let (account, percent) = scene.app.fullest().unwrap();
    assert_eq!((account.key, percent), (AccountKey(1), 96));
    assert!(Scene::new(80, 24).app.fullest().is_none());
}
