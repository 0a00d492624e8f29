//! The outbox: what a crash leaves, who is due, what the user decides, and the files.

use super::*;
use crate::model::{
    DraftKey, Flag, MessageKey, OutboxKey, OutboxState, RecipientState, TargetState,
};
use crate::store::{Attempted, NewOutboxItem, Withdrawn};
use std::io::Write;

const NOW: i64 = 1_800_000_000;

fn new(home: &Home, to: &[&str]) -> NewOutboxItem {
    NewOutboxItem {
        account: home.account,
        draft: None,
        state: OutboxState::Queued,
        not_before: None,
        subject: "Greetings".to_owned(),
        message_id: "one@here.test".to_owned(),
        sender: "ann@here.test".to_owned(),
        recipients: to.iter().map(|a| (*a).to_owned()).collect(),
        has_8bit: false,
        has_utf8_header: false,
        wants_report: false,
        mark: None,
    }
}

impl Home {
    /// Sends a draft at that time.
    pub(super) fn send_at(&mut self, draft: DraftKey, at: i64, now: i64) -> OutboxKey {
        let new = NewOutboxItem {
            draft: Some(draft),
            state: OutboxState::Scheduled,
            not_before: Some(at),
            ..new(self, &["bo@there.test"])
        };
        let mut spool = self.store.spool().unwrap();
        spool.write_all(b"To: bo\r\n\r\n").unwrap();
        let sealed = spool.seal().unwrap();
        let item = self.writer.send_draft(draft, &new, &sealed, now).unwrap();
        item.unwrap()
    }

    fn put_out(&mut self, new: &NewOutboxItem) -> OutboxKey {
        let mut spool = self.store.spool().unwrap();
        spool.write_all(b"To: bo\r\n\r\n").unwrap();
        let sealed = spool.seal().unwrap();
        self.writer.put_in_outbox(new, &sealed, NOW).unwrap()
    }

    fn state(&self, item: OutboxKey) -> OutboxState {
        self.reader.outbox_item(item).unwrap().unwrap().state
    }

    fn recipients(&self, item: OutboxKey) -> Vec<RecipientState> {
        let item = self.reader.outbox_item(item).unwrap().unwrap();
        item.recipients.iter().map(|r| r.state).collect()
    }

    fn claim_next(&mut self, now: i64) -> Option<OutboxKey> {
        let claim = self.writer.claim_outbox(self.account, now).unwrap();
        claim.map(|claim| claim.key)
    }

    fn note(&mut self, item: OutboxKey, states: &[(&str, RecipientState)]) -> OutboxState {
        let attempted = Attempted {
            recipients: states
                .iter()
                .map(|(who, state)| ((*who).to_owned(), *state, String::new()))
                .collect(),
            error: String::new(),
            next_try: Some(NOW + 60),
            wants_copy: true,
        };
        self.writer.note_attempt(item, &attempted, NOW).unwrap()
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("outbox"))
            .unwrap()
            .count()
    }
}

#[test]
fn what_a_crash_left_is_due_again_or_unconfirmed() {
    let mut home = Home::new();
    let (before, after) = (new(&home, &["bo@x"]), new(&home, &["cy@x"]));
    let before = home.put_out(&before);
    assert_eq!(home.claim_next(NOW), Some(before));
    home.writer.note_outbox_ending(before).unwrap();
    let after = home.put_out(&after);
    assert_eq!(home.claim_next(NOW), Some(after));
    home.reopen();
    assert_eq!(
        home.state(before),
        OutboxState::Sending,
        "nobody knows yet who lives"
    );
    assert_eq!(home.writer.recover_outbox(None, NOW).unwrap(), 2);
    assert_eq!(home.state(before), OutboxState::Unconfirmed);
    assert_eq!(home.recipients(before), [RecipientState::Unknown]);
    assert_eq!(home.state(after), OutboxState::Queued);
    assert_eq!(home.claim_next(NOW), Some(after));
    assert_eq!(
        home.claim_next(NOW),
        None,
        "the other one is the user's to decide"
    );
}

#[test]
fn who_has_a_message_is_never_due_again() {
    let mut home = Home::new();
    let item = new(&home, &["bo@x", "cy@x", "di@x"]);
    let item = home.put_out(&item);
    home.claim_next(NOW).unwrap();
    let state = home.note(
        item,
        &[
            ("bo@x", RecipientState::Delivered),
            ("cy@x", RecipientState::Due),
            ("di@x", RecipientState::Refused),
        ],
    );
    assert_eq!(state, OutboxState::Queued);
    assert_eq!(home.claim_next(NOW), None, "not before its time");
    let claim = home.writer.claim_outbox(home.account, NOW + 60).unwrap();
    assert_eq!(claim.unwrap().recipients, ["cy@x"]);
    let state = home.note(item, &[("cy@x", RecipientState::Unknown)]);
    assert_eq!(state, OutboxState::Unconfirmed);
    assert!(home.writer.retry_outbox(item, NOW).unwrap());
    let claim = home
        .writer
        .claim_outbox(home.account, NOW)
        .unwrap()
        .unwrap();
    assert_eq!(claim.recipients, ["cy@x", "di@x"]);
}

#[test]
fn a_message_is_held_back_until_its_time_and_no_longer_than_a_clock_can_be_wrong() {
    let mut home = Home::new();
    let mut held = new(&home, &["bo@x"]);
    (held.state, held.not_before) = (OutboxState::Held, Some(NOW + 5));
    let held = home.put_out(&held);
    let mut later = new(&home, &["bo@x"]);
    (later.state, later.not_before) = (OutboxState::Scheduled, Some(NOW + 1_000_000));
    let later = home.put_out(&later);
    let due = |home: &Home, now| home.reader.next_outbox_due(home.account, now).unwrap();
    assert_eq!(home.claim_next(NOW + 4), None);
    assert_eq!(due(&home, NOW), Some(NOW + 5));
    // Ten years back: what is held is due, what has a time of its own waits for that.
    assert_eq!(home.claim_next(NOW - 300_000_000), Some(held));
    home.note(held, &[("bo@x", RecipientState::Due)]);
    assert_eq!(
        home.claim_next(NOW - 300_000_000),
        Some(held),
        "a retry is not years off"
    );
    home.note(held, &[("bo@x", RecipientState::Delivered)]);
    assert_eq!(home.claim_next(NOW + 999_999), None);
    assert_eq!(home.claim_next(NOW + 1_000_000), Some(later));
}

#[test]
fn what_is_on_its_way_cannot_be_taken_back_and_the_draft_comes_with_what_can() {
    let mut home = Home::new();
    let mut item = new(&home, &["bo@x", "cy@x"]);
    item.draft = Some(DraftKey(7));
    let gone = home.put_out(&item);
    let done = home.writer.withdraw(gone, NOW).unwrap();
    assert_eq!(done, Withdrawn::Out(Some(DraftKey(7))));
    assert_eq!(home.claim_next(NOW), None);
    let item = home.put_out(&item);
    home.claim_next(NOW).unwrap();
    assert_eq!(
        home.writer.withdraw(item, NOW).unwrap(),
        Withdrawn::OnItsWay
    );
    home.note(
        item,
        &[
            ("bo@x", RecipientState::Delivered),
            ("cy@x", RecipientState::Refused),
        ],
    );
    assert_eq!(home.state(item), OutboxState::Failed);
    let done = home.writer.withdraw(item, NOW).unwrap();
    assert_eq!(done, Withdrawn::Rest(Some(DraftKey(7))));
    let copies = home.reader.copies_due(home.account, NOW).unwrap();
    assert_eq!(copies.len(), 1, "what somebody has is filed");
    home.writer.copy_filed(item, NOW).unwrap();
    assert!(home.reader.outbox().unwrap().is_empty());
    assert_eq!(home.writer.withdraw(item, NOW).unwrap(), Withdrawn::Gone);
}

#[test]
fn files_that_no_message_names_go_and_no_other() {
    let mut home = Home::new();
    drop(home.store.spool().unwrap());
    assert_eq!(home.files(), 0, "given up");
    let item = new(&home, &["bo@x"]);
    let item = home.put_out(&item);
    let mut being_written = home.store.spool().unwrap();
    being_written.write_all(b"half").unwrap();
    let orphan = home.store.outbox_file("0123456789abcdef.eml");
    std::fs::write(&orphan, b"left over").unwrap();
    home.store.clear_left_overs().unwrap();
    assert!(!orphan.exists());
    assert_eq!(home.files(), 2);
    let sealed = being_written.seal().unwrap();
    home.store.clear_left_overs().unwrap();
    assert_eq!(home.files(), 2, "its row may be about to come");
    drop(sealed);
    home.store.clear_left_overs().unwrap();
    assert_eq!(home.files(), 1);
    home.claim_next(NOW).unwrap();
    home.note(item, &[("bo@x", RecipientState::Delivered)]);
    home.writer.copy_filed(item, NOW).unwrap();
    home.store.clear_left_overs().unwrap();
    assert_eq!(home.files(), 0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let folder = home.dir.path().join("outbox");
        let mode = std::fs::metadata(folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}

#[test]
fn what_was_answered_is_marked_once_somebody_has_the_answer() {
    let mut home = Home::new();
    home.put(&[message(1, "question", &[])]);
    let question = home.placed("question").message;
    let mut item = new(&home, &["bo@x"]);
    item.mark = Some((question, Flag::Answered));
    let item = home.put_out(&item);
    assert!(
        home.writer
            .mark_originals(home.account, NOW)
            .unwrap()
            .is_empty()
    );
    home.claim_next(NOW).unwrap();
    home.note(item, &[("bo@x", RecipientState::Delivered)]);
    let recorded = home.writer.mark_originals(home.account, NOW).unwrap();
    assert_eq!(recorded.len(), 1);
    assert_eq!(home.flags("question"), "\\Answered");
    let waiting = home.reader.open_ops().unwrap();
    assert_eq!((waiting.len(), waiting[0].state), (1, TargetState::Queued));
    assert!(
        home.writer
            .mark_originals(home.account, NOW)
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        home.writer.undo(NOW).unwrap(),
        None,
        "nothing that the user did"
    );
    let mut lost = new(&home, &["bo@x"]);
    lost.mark = Some((MessageKey(999), Flag::Forwarded));
    let lost = home.put_out(&lost);
    home.claim_next(NOW).unwrap();
    home.note(lost, &[("bo@x", RecipientState::Delivered)]);
    assert!(
        home.writer
            .mark_originals(home.account, NOW)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_message_survives_the_loss_of_all_that_the_server_can_give_again() {
    let mut home = Home::new();
    let item = new(&home, &["bo@x"]);
    let item = home.put_out(&item);
    for file in ["mirror.db", "content.db"] {
        for end in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(
                home.dir.path().join(format!("{file}{end}")),
            ));
        }
    }
    home.reopen();
    assert_eq!(home.claim_next(NOW), Some(item));
}

#[test]
fn who_asks_has_what_failed_tried_at_once_but_a_limit_is_waited_out() {
    let mut home = Home::new();
    let item = new(&home, &["bo@x"]);
    let item = home.put_out(&item);
    assert_eq!(home.claim_next(NOW), Some(item));
    home.note(item, &[("bo@x", RecipientState::Due)]);
    assert_eq!(home.claim_next(NOW + 1), None, "it waits for its next try");
    home.writer.hurry_outbox(home.account, NOW + 1).unwrap();
    assert_eq!(home.claim_next(NOW + 1), Some(item));
    let limited = Attempted {
        recipients: vec![("bo@x".to_owned(), RecipientState::Due, String::new())],
        error: "too many messages".to_owned(),
        next_try: Some(NOW + 1 + crate::store::LIMIT_SECS),
        wants_copy: true,
    };
    home.writer.note_attempt(item, &limited, NOW + 1).unwrap();
    home.writer.hurry_outbox(home.account, NOW + 2).unwrap();
    assert_eq!(home.claim_next(NOW + 2), None);
}
