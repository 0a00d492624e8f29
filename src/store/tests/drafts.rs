//! Drafts in the store: what is kept stays, and what ended does not come back by itself.

use super::Home;
use crate::model::{
    Address, Attached, Caret, Content, Draft, DraftKey, DraftKind, Identity, Recipients, Uid,
};
use crate::store::{CopyState, DraftState, Left, Opening, Withdrawn};

/// The session that writes.
const WRITER: i64 = 5;

impl Home {
    fn draft(&self, subject: &str) -> Draft {
        let identity = Identity {
            account: self.account,
            address: Address {
                name: String::new(),
                address: "ann@example.org".to_owned(),
            },
            signature: String::new(),
        };
        let mut draft = Draft::new(DraftKind::New, identity);
        draft.subject = subject.to_owned();
        draft
    }

    /// Begins an empty draft and writes that subject.
    fn written(&mut self, subject: &str) -> DraftKey {
        let (blank, draft) = (self.draft(""), self.draft(subject));
        let key = self
            .writer
            .begin_draft(blank, Caret::default(), WRITER, 100)
            .unwrap();
        assert!(self.keep(key, draft));
        key
    }

    fn keep(&mut self, key: DraftKey, draft: Draft) -> bool {
        self.writer
            .keep_draft(key, draft, Caret::default(), 200)
            .unwrap()
    }

    /// Copies the draft as it is, under that id.
    fn copied(&mut self, key: DraftKey, uid: u32) -> i64 {
        let row = self.reader.draft(key).unwrap().unwrap();
        let copy = self.writer.begin_copy(&row, "Drafts", "x@y", 300).unwrap();
        let at = Some((super::ERA, Uid::new(uid).unwrap()));
        self.writer.copy_arrived(copy, at).unwrap();
        copy
    }

    fn leaving(&self) -> Vec<i64> {
        let open = self.reader.open_copies(self.account, 1_000).unwrap();
        let leaving = open.iter().filter(|c| c.state == CopyState::Leaving);
        leaving.map(|c| c.key).collect()
    }

    fn due(&self) -> Vec<DraftKey> {
        let due = self
            .reader
            .drafts_to_copy(self.account, 250, 1_000)
            .unwrap();
        due.into_iter().map(|d| d.draft).collect()
    }
}

fn nobody(_: i64) -> bool {
    false
}

#[test]
fn bytes_are_put_aside_once_and_come_back_and_go() {
    let mut home = Home::new();
    let key = home.written("Picture");
    let mut draft = home.draft("Picture");
    draft.attachments.push(Attached {
        content: Content::Bytes(vec![0, 1, 255]),
        name: "p.png".to_owned(),
        mime_type: "image/png".to_owned(),
        charset: String::new(),
        size_bytes: Some(3),
    });
    home.keep(key, draft.clone());
    let count = |home: &Home| -> i64 {
        let sql = "SELECT count(*) FROM own.draft_bytes WHERE rowid > 0";
        home.writer
            .conn
            .query_row(sql, (), |row| row.get(0))
            .unwrap()
    };
    let rowid = |home: &Home| -> i64 {
        let sql = "SELECT rowid FROM own.draft_bytes";
        home.writer
            .conn
            .query_row(sql, (), |row| row.get(0))
            .unwrap()
    };
    let first = rowid(&home);
    draft.body = "More words".to_owned();
    home.keep(key, draft.clone());
    assert_eq!((rowid(&home), count(&home)), (first, 1));
    assert_eq!(home.reader.draft(key).unwrap().unwrap().draft, draft);
    draft.attachments.clear();
    home.keep(key, draft);
    assert_eq!(count(&home), 0);
}

#[test]
fn what_ended_is_not_brought_back_by_a_late_keep() {
    let mut home = Home::new();
    let key = home.written("One");
    assert!(home.writer.discard_draft(key, 300).unwrap());
    let late = home.draft("Late");
    assert!(!home.keep(key, late));
    let row = home.reader.draft(key).unwrap().unwrap();
    assert_eq!(row.state, DraftState::Discarded);
    assert_eq!(row.draft.subject, "One");
    assert!(home.reader.drafts().unwrap().is_empty());
    assert!(!home.writer.discard_draft(key, 300).unwrap());
}

#[test]
fn a_draft_is_recovered_when_its_writer_is_gone_and_only_then() {
    let mut home = Home::new();
    let key = home.written("One");
    assert_eq!(home.writer.recover_drafts(|id| id == WRITER).unwrap(), 0);
    let taken = home.writer.open_draft(key, 6, |id| id == WRITER).unwrap();
    assert_eq!(taken, Opening::Elsewhere);
    assert_eq!(home.writer.recover_drafts(nobody).unwrap(), 1);
    let Opening::Opened(row) = home.writer.open_draft(key, 6, nobody).unwrap() else {
        panic!("it is not opened");
    };
    assert!(row.is_recovered);
    assert_eq!(home.reader.recovered_drafts().unwrap(), 0);
    let left = home.writer.leave_draft(key, 300).unwrap();
    assert_eq!(left, Left::Kept(home.account));
    assert_eq!(home.writer.recover_drafts(nobody).unwrap(), 0);
}

#[test]
fn a_draft_in_which_nothing_was_written_is_not_recovered() {
    let mut home = Home::new();
    let blank = home.draft("");
    let key = home
        .writer
        .begin_draft(blank, Caret::default(), WRITER, 100)
        .unwrap();
    assert_eq!(home.writer.recover_drafts(|id| id == WRITER).unwrap(), 0);
    assert!(
        home.reader.draft(key).unwrap().is_some(),
        "its writer is there"
    );
    assert_eq!(home.writer.recover_drafts(nobody).unwrap(), 0);
    assert!(home.reader.draft(key).unwrap().is_none());
}

#[test]
fn a_draft_that_was_emptied_takes_its_copy_along() {
    let mut home = Home::new();
    let key = home.written("One");
    home.writer.leave_draft(key, 300).unwrap();
    let copy = home.copied(key, 7);
    home.writer.open_draft(key, WRITER, nobody).unwrap();
    let blank = home.draft(" ");
    home.keep(key, blank);
    let left = home.writer.leave_draft(key, 400).unwrap();
    assert_eq!(left, Left::Dropped(home.account));
    assert_eq!(home.leaving(), [copy]);
}

#[test]
fn the_former_copy_leaves_when_the_new_one_is_there_and_not_before() {
    let mut home = Home::new();
    let key = home.written("One");
    assert_eq!(home.due(), [key]);
    let first = home.copied(key, 7);
    assert!(home.due().is_empty() && home.leaving().is_empty());
    let draft = home.draft("Two");
    home.keep(key, draft);
    assert_eq!(home.due(), [key]);
    let row = home.reader.draft(key).unwrap().unwrap();
    let second = home.writer.begin_copy(&row, "Drafts", "z@y", 300).unwrap();
    assert!(home.leaving().is_empty());
    // It was not found: it is looked for on, and sent again.
    home.writer.copy_lost(second, 300).unwrap();
    assert_eq!(home.due(), [key]);
    let third = home.copied(key, 9);
    assert_eq!(home.leaving(), [first]);
    // A slow server put the lost one there after all: one too many.
    let late = Some((super::ERA, Uid::new(8).unwrap()));
    home.writer.copy_arrived(second, late).unwrap();
    assert_eq!(home.leaving(), [first, second]);
    home.writer.copy_gone(first).unwrap();
    home.writer.copy_gone(second).unwrap();
    assert!(home.leaving().is_empty() && home.due().is_empty());
    // The last one is gone from the server, too: it is copied anew.
    home.writer.copy_gone(third).unwrap();
    assert_eq!(home.due(), [key]);
}

#[test]
fn a_copy_that_arrives_after_its_draft_was_discarded_is_removed() {
    let mut home = Home::new();
    let key = home.written("One");
    let row = home.reader.draft(key).unwrap().unwrap();
    let copy = home.writer.begin_copy(&row, "Drafts", "x@y", 300).unwrap();
    home.writer.discard_draft(key, 300).unwrap();
    let at = Some((super::ERA, Uid::new(8).unwrap()));
    home.writer.copy_arrived(copy, at).unwrap();
    assert_eq!(home.leaving(), [copy]);
}

#[test]
fn a_draft_that_is_taken_up_again_keeps_the_copy_it_has() {
    let mut home = Home::new();
    let key = home.written("One");
    home.copied(key, 7);
    home.writer.discard_draft(key, 300).unwrap();
    assert_eq!(home.leaving().len(), 1);
    home.writer.open_draft(key, WRITER, nobody).unwrap();
    assert!(home.leaving().is_empty() && home.due().is_empty());
}

#[test]
fn drafts_that_ended_are_forgotten_after_a_month_and_others_never() {
    let mut home = Home::new();
    let (ended, open) = (home.written("One"), home.written("Two"));
    home.writer.discard_draft(ended, 300).unwrap();
    let month = 31 * 24 * 3600;
    home.writer.prune_drafts(300 + month / 2).unwrap();
    assert!(home.reader.draft(ended).unwrap().is_some());
    home.writer.prune_drafts(300 + month).unwrap();
    assert!(home.reader.draft(ended).unwrap().is_none());
    assert!(home.reader.draft(open).unwrap().is_some());
}

#[test]
fn the_draft_of_a_message_that_waits_for_months_can_still_be_taken_back() {
    let mut home = Home::new();
    let draft = home.written("Next year");
    let year = 365 * 24 * 3600;
    let item = home.send_at(draft, 300 + year, 300);
    home.writer.prune_drafts(300 + year / 2).unwrap();
    let taken = home.writer.take_back(item, WRITER, 300 + year / 2).unwrap();
    assert_eq!(taken, Some(Withdrawn::Out(Some(draft))));
    let row = home.reader.draft(draft).unwrap().unwrap();
    assert_eq!(row.draft.subject, "Next year");
}

#[test]
fn a_host_is_known_by_its_whole_name() {
    let mut home = Home::new();
    let mut people = Draft::new(DraftKind::New, home.draft("").identity);
    people.to = Recipients::read("bo@example.net");
    let envelope = crate::model::Envelope {
        from: people.to.valid().cloned().collect(),
        ..crate::model::Envelope::default()
    };
    let message = crate::model::FetchedMessage {
        uid: Uid::new(1).unwrap(),
        fetched: crate::model::Fetched {
            envelope: Some(envelope),
            ..crate::model::Fetched::default()
        },
    };
    home.writer
        .put_messages(home.inbox, super::ERA, &[message])
        .unwrap();
    let is_known = |name: &str| home.reader.is_host_known(&[name.to_owned()]).unwrap();
    assert!(is_known("example.net") && is_known("Example.NET"));
    assert!(!is_known("ample.net") && !is_known("example.ne") && !is_known("example.org"));
}
