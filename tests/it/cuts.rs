//! The connection cut after every byte that the program sends and after every byte that it gets.
//!
//! Where a command went out whole, the server acts on it and its answer is lost: so these are the
//! lost replies too. A few points of each script are tried here; `PILLARBOX_FULL=1 cargo test cuts --
//! --nocapture` tries all of them (a greater number: every so manieth).

use crate::support::scripts::{self, Effect, Script};
use crate::support::sweep::{Rehearsed, stride};
use crate::support::{Proxy, Stage, wait_until};

/// Where the connection is cut: after so many bytes.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// From the program.
    Sent(u64),
    /// From the server.
    Received(u64),
}

/// What went over the wire when nothing was cut.
struct Session {
    said: String,
    received: u64,
    /// Bytes received before the program said the first thing that is about a mailbox.
    received_before: u64,
}

/// How many of the bytes received are tried where not all are.
const FEW: u64 = 4;

fn cut_anywhere(script: Script) {
    let Some(rehearsed) = Rehearsed::new(script) else {
        return;
    };
    let points = points(&listen(&rehearsed));
    rehearsed.sweep(&points, |cut| {
        let stage = rehearsed.stage.copy();
        let (output, said) = run_cut(&rehearsed, &stage, Some(*cut));
        // A change that was recorded was also told, whatever became of it then.
        let is_told = !output.stdout.is_empty() && rehearsed.script.effect == Effect::Change;
        let last = said.lines().last().unwrap_or_default();
        rehearsed
            .judge(&stage, is_told, rehearsed.was_recorded(&stage))
            .map_err(|why| format!("last said {last:?} ({:?}): {why}", output.code))
    });
}

/// Runs the command behind a proxy; what the program printed, and what it said to the server.
fn run_cut(
    rehearsed: &Rehearsed,
    stage: &Stage,
    cut: Option<Cut>,
) -> (crate::support::Output, String) {
    let proxy = Proxy::before(stage.port);
    match cut {
        Some(Cut::Sent(bytes)) => proxy.cut_after_sending(bytes),
        Some(Cut::Received(bytes)) => proxy.cut_after_receiving(bytes),
        None => {}
    }
    stage.connect_to(proxy.port);
    let args: Vec<&str> = rehearsed.args.iter().map(String::as_str).collect();
    let output = stage.program.run(&args);
    // Two sessions of one program on one mailbox would be another test.
    wait_until("the server to act on what it was sent", || proxy.is_over());
    stage.connect_to(stage.port);
    (output, proxy.take_said())
}

/// Runs the command undisturbed and listens.
fn listen(rehearsed: &Rehearsed) -> Session {
    let stage = rehearsed.stage.copy();
    let (_, said) = run_cut(rehearsed, &stage, None);
    let received = |cut| {
        let stage = rehearsed.stage.copy();
        let proxy = Proxy::before(stage.port);
        proxy.cut_after_sending(cut);
        stage.connect_to(proxy.port);
        let args: Vec<&str> = rehearsed.args.iter().map(String::as_str).collect();
        stage.program.run(&args);
        proxy.bytes().1
    };
    let begin = first_word(&said);
    Session {
        received: received(u64::MAX - 1),
        received_before: received(begin),
        said,
    }
}

/// How much is said before the first command that is about a mailbox.
fn first_word(said: &str) -> u64 {
    const LOGIN: [&str; 7] = [
        "LOGIN",
        "AUTHENTICATE",
        "CAPABILITY",
        "ID ",
        "ENABLE",
        "COMPRESS",
        "NAMESPACE",
    ];
    let mut at = 0;
    for line in said.split_inclusive('\n') {
        let command = line.split_once(' ').map_or("", |(_, command)| command);
        let is_login = LOGIN.iter().any(|word| command.starts_with(word));
        if !is_login && !command.is_empty() {
            break;
        }
        at += line.len() as u64;
    }
    at
}

fn points(session: &Session) -> Vec<Cut> {
    let sent = session.said.len() as u64;
    if let Some(stride) = stride() {
        let all = (1..=sent).map(Cut::Sent);
        let all = all.chain((1..=session.received).map(Cut::Received));
        return all.step_by(stride).collect();
    }
    // After each command from there on, and in the middle of it.
    let mut points = Vec::new();
    let (mut at, begin) = (0, first_word(&session.said));
    for line in session.said.split_inclusive('\n') {
        let size = line.len() as u64;
        // Other lines are those of a message.
        let is_command = line.starts_with('P');
        if at >= begin && is_command {
            points.push(Cut::Sent(at + size / 2));
            points.push(Cut::Sent(at + size));
        }
        at += size;
    }
    let rest = session.received.saturating_sub(session.received_before);
    let part = |n| session.received_before + rest * n / FEW;
    points.extend((0..FEW).map(part).map(Cut::Received));
    points
}

#[test]
fn flags_arrive_once_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::FLAG);
}

#[test]
fn a_move_by_move_is_done_once_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MOVE_MOVE);
}

#[test]
fn a_move_by_copy_and_uid_expunge_is_done_once_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MOVE_UIDPLUS);
}

#[test]
fn a_move_by_copy_alone_is_done_once_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MOVE_NEITHER);
}

#[test]
fn a_move_of_a_message_without_an_id_is_done_once_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MOVE_WITHOUT_AN_ID_NEITHER);
}

#[test]
fn a_copy_is_made_once_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::COPY_UIDPLUS);
}

#[test]
fn a_copy_is_made_once_without_copyuid_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::COPY_NEITHER);
}

#[test]
fn a_move_to_another_account_is_done_once_wherever_a_connection_is_cut() {
    cut_anywhere(scripts::MOVE_ACROSS_UIDPLUS);
}

#[test]
fn a_move_to_another_account_is_done_once_without_appenduid_wherever_a_connection_is_cut() {
    cut_anywhere(scripts::MOVE_ACROSS_NEITHER);
}

#[test]
fn deleting_for_good_takes_only_what_was_meant_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::DELETE_UIDPLUS);
}

#[test]
fn deleting_for_good_without_uidplus_takes_only_what_was_meant_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::DELETE_BESIDE_A_DELETED_ONE);
}

#[test]
fn a_folder_is_made_once_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MAILBOX_CREATE);
}

#[test]
fn a_folder_is_renamed_with_all_in_it_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MAILBOX_RENAME);
}

#[test]
fn an_empty_folder_is_deleted_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MAILBOX_DELETE_EMPTY);
}

#[test]
fn a_folder_with_mail_is_thrown_away_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MAILBOX_DELETE_WITH_MAIL);
}

#[test]
fn undo_of_a_move_is_done_once_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MOVE_UNDONE_MOVE);
}

#[test]
fn what_was_queued_is_sent_once_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MOVE_AND_FLAGS_QUEUED_MOVE);
}

#[test]
fn what_was_queued_is_sent_once_by_copy_alone_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MOVE_AND_FLAGS_QUEUED_NEITHER);
}

#[test]
fn a_fetch_of_what_others_changed_ends_with_what_is_there_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::SYNC);
}

#[test]
fn a_move_of_a_copy_that_was_not_sent_yet_is_done_once_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MOVE_OF_A_COPY_QUEUED_MOVE);
}

#[test]
fn a_move_of_a_copy_that_was_not_sent_yet_is_done_once_by_copy_alone_wherever_the_connection_is_cut()
 {
    cut_anywhere(scripts::MOVE_OF_A_COPY_QUEUED_NEITHER);
}

#[test]
fn a_folder_that_was_made_and_filled_offline_comes_to_be_once_wherever_the_connection_is_cut() {
    cut_anywhere(scripts::MAILBOX_WITH_MAIL_QUEUED);
}
