//! A life of mail at random: changes by the user, by other clients, cuts, kills; the same for the
//! same number.
//!
//! Used by the test of convergence. After each step of a life without other clients the store must
//! show what ought to be; after every life the server must hold it.

mod elsewhere;
mod wishes;

use super::held::{Held, ShownRow, refused, waiting};
use super::ought::Ought;
use super::scenes;
use super::shim::{self, Blow};
use super::sweep::run_under;
use super::{Kind, Proxy, Stage, desk, wait_until};
use pillarbox::engine::clock::now_secs;
use pillarbox::engine::{AccountSetup, Wanted, run_once};
use pillarbox::model::{AccountKey, Flag, FolderChange, OpKind, Placed};
use pillarbox::net::Security;
use pillarbox::store::{Recorded, Store};
use std::collections::{BTreeMap, BTreeSet};
use wishes::Wish;

/// Steps of one life.
const STEPS: std::ops::Range<usize> = 4..14;
/// Rounds until nothing may wait any more.
const ROUNDS_MAX: usize = 8;
/// Names that folders are given.
const NAMES: [&str; 6] = [
    "Work",
    "Plans",
    "Plans/2026",
    "Later",
    "Work/Old",
    "Plans/2026/May",
];
/// Flags that are set, as commands and as servers name them.
const FLAGS: [(Flag, &str); 4] = [
    (Flag::Seen, "\\seen"),
    (Flag::Flagged, "\\flagged"),
    (Flag::Answered, "\\answered"),
    (Flag::Forwarded, "$forwarded"),
];

/// The mail that a life begins with.
pub(crate) fn cradle(stage: &Stage) {
    scenes::put(
        stage,
        &[
            ("INBOX", "", "a", "A"),
            ("INBOX", "\\Seen", "b", "B"),
            ("INBOX", "\\Flagged work", "c", "C"),
            ("INBOX", "\\Answered \\Seen", "d", "D"),
            ("Work", "", "e", "E"),
            ("Plans/2026", "later", "f", "F"),
            ("Plans", "\\Seen", "g", "G"),
        ],
    );
    stage.run(&["sync"]);
}

/// What somebody did to a message, over its whole life.
#[derive(Debug, Default, Clone)]
struct Past {
    copies: usize,
    may_be_gone: bool,
    is_moved: bool,
    is_flagged: bool,
}

/// One life.
pub(crate) struct Life<'a> {
    dice: fastrand::Rng,
    kind: Kind,
    stage: Stage,
    setup: AccountSetup,
    runtime: &'a tokio::runtime::Runtime,
    account: AccountKey,
    /// Whether nobody else changes anything.
    is_alone: bool,
    /// Whether more than flags can be changed.
    has_all_kinds: bool,
    birth: Held,
    ought: Ought,
    /// What was before each change that can be undone, and what kind it was.
    undo: Vec<(Ought, bool)>,
    redo: Vec<Ought>,
    past: BTreeMap<String, Past>,
    letters: usize,
    /// What happened, for people.
    told: Vec<String>,
}

impl<'a> Life<'a> {
    /// Begins a life on a copy of one of the cradles.
    pub(crate) fn begin(
        seed: u64,
        cradles: &[(Kind, Stage)],
        runtime: &'a tokio::runtime::Runtime,
    ) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let (kind, stage) = dice.choice(cradles).unwrap();
        let (kind, stage) = (*kind, stage.copy());
        let mut setup = desk::account_at(stage.port, Security::Plain, None, &stage.users[0]);
        "work".clone_into(&mut setup.name);
        let account = super::held::account_key(&stage.data_dir(), "work");
        let birth = Held::of(stage.dovecot, &stage.users[0]);
        let names = birth.mailboxes.values().flat_map(BTreeMap::values);
        let past = names.map(|l| (l.message_id.clone(), Past::default()));
        Self {
            is_alone: dice.bool(),
            has_all_kinds: super::scripts::MOVE_MOVE.is_there(),
            ought: Ought::of_server(&birth),
            past: past.collect(),
            dice,
            kind,
            stage,
            setup,
            runtime,
            account,
            birth,
            undo: Vec::new(),
            redo: Vec::new(),
            letters: 0,
            told: Vec::new(),
        }
    }

    /// Lives; what went wrong, with what happened before.
    pub(crate) fn live(mut self) -> Result<(), String> {
        let told = |life: &Self, why: String| {
            let whose = if life.is_alone {
                "alone"
            } else {
                "with others"
            };
            let refused = refused(&life.stage.data_dir());
            let (kind, told) = (life.kind, life.told.join("\n  "));
            Err(format!(
                "{whose}, {kind:?}:\n  {told}\n{why}\nrefused: {refused:?}"
            ))
        };
        for _ in 0..self.dice.usize(STEPS) {
            if let Err(why) = self.step() {
                return told(&self, why);
            }
        }
        match self.end() {
            Ok(()) => Ok(()),
            Err(why) => told(&self, why),
        }
    }

    fn step(&mut self) -> Result<(), String> {
        match self.dice.u32(0..100) {
            0..50 => self.change()?,
            50..58 => self.undo_or_redo()?,
            58..70 => self.round()?,
            70..76 => self.killed_round(),
            76..80 => self.killed_change()?,
            _ if self.is_alone => self.change()?,
            _ => self.remote(),
        }
        self.look()
    }

    /// Whether the store shows what ought to be.
    fn look(&self) -> Result<(), String> {
        if !self.is_alone {
            return Ok(());
        }
        let shown = Ought::of_store(&self.stage.shown(0));
        let ought = self.ought.clone().sorted();
        if shown == ought {
            return Ok(());
        }
        Err(format!("shown\n{shown:?}\nought to be\n{ought:?}"))
    }

    fn rows(&self) -> Vec<(String, ShownRow)> {
        let shown = self.stage.shown(0);
        let mailboxes = shown.mailboxes.into_iter();
        mailboxes
            .flat_map(|(name, rows)| rows.into_iter().map(move |row| (name.clone(), row)))
            .collect()
    }

    /// A change by the user, recorded.
    fn change(&mut self) -> Result<(), String> {
        let shown = self.stage.shown(0);
        let Some(wish) = self.wish(&shown) else {
            return Ok(());
        };
        let targets: Vec<Placed> = wish.targets.iter().map(|(_, row)| row.placed).collect();
        let places: Vec<String> = wish.targets.iter().map(place).collect();
        self.told
            .push(format!("{:?} {}", wish.kind, places.join(", ")));
        self.note(&wish);
        let recorded = self.writing(|w| w.record(&wish.kind, &targets, now_secs()))?;
        if recorded.op.is_some() {
            self.undo.push((self.ought.clone(), wish.can_undo));
            self.redo.clear();
        }
        self.ought = wish.after;
        Ok(())
    }

    fn writing<T>(
        &self,
        work: impl FnOnce(&mut pillarbox::store::Writer) -> pillarbox::store::Result<T>,
    ) -> Result<T, String> {
        let store = Store::open(&self.stage.data_dir()).unwrap();
        let mut writer = store.writer().unwrap();
        work(&mut writer).map_err(|error| format!("the store: {error}"))
    }

    /// Remembers what a change does to each message.
    fn note(&mut self, wish: &Wish) {
        let kind = wish.kind.clone();
        let targets: Vec<String> = match &kind {
            OpKind::Folder(change) => {
                let name = &change.mailbox().name;
                let inside = self.rows().into_iter().filter(|(mailbox, _)| {
                    mailbox == name || mailbox.starts_with(&format!("{name}/"))
                });
                inside.map(|(_, row)| row.message_id).collect()
            }
            _ => wish
                .targets
                .iter()
                .map(|(_, row)| row.message_id.clone())
                .collect(),
        };
        for message_id in targets {
            let past = self.past.entry(message_id).or_default();
            match &kind {
                OpKind::Flags(_) | OpKind::ReadAll(_) => past.is_flagged = true,
                OpKind::Copy(_) => {
                    past.copies += 1;
                    past.is_moved = true;
                }
                OpKind::Delete | OpKind::Empty(_) | OpKind::Folder(FolderChange::Delete { .. }) => {
                    past.may_be_gone = true;
                    past.is_moved = true;
                }
                OpKind::Move(_) | OpKind::Folder(_) => past.is_moved = true,
            }
        }
    }

    fn undo_or_redo(&mut self) -> Result<(), String> {
        if !self.redo.is_empty() && self.dice.bool() {
            self.told.push("redo".to_owned());
            let done = self.writing(|w| w.redo(now_secs()))?;
            if done.is_some()
                && let Some(after) = self.redo.pop()
            {
                self.undo
                    .push((std::mem::replace(&mut self.ought, after), true));
            }
            self.note_all();
            return Ok(());
        }
        // What is gone for good may come back or not, by how far it has come.
        if self.undo.last().is_none_or(|(_, can_undo)| !can_undo) {
            return Ok(());
        }
        self.told.push("undo".to_owned());
        let undone: Option<Recorded> = self.writing(|w| w.undo(now_secs()))?;
        self.note_all();
        match (undone, self.undo.pop()) {
            (Some(_), Some((before, _))) => {
                self.redo.push(std::mem::replace(&mut self.ought, before));
                Ok(())
            }
            _ if self.is_alone => Err("there was nothing to undo".to_owned()),
            _ => Ok(()),
        }
    }

    /// After an undo nothing is known of what was changed.
    fn note_all(&mut self) {
        for past in self.past.values_mut() {
            if past.copies > 0 || past.is_moved {
                past.copies += usize::from(past.copies > 0);
                past.is_moved = true;
                past.may_be_gone |= past.copies > 0;
            }
        }
    }

    /// Sends and fetches, perhaps over a connection that is cut.
    fn round(&mut self) -> Result<(), String> {
        let wanted = if self.dice.bool() {
            Wanted::Everything
        } else {
            Wanted::Replay
        };
        let proxy = Proxy::before(self.stage.port);
        let cut = self.dice.u32(0..4);
        let bytes = self.dice.u64(1..if cut == 0 { 700 } else { 5_000 });
        match cut {
            0 => proxy.cut_after_sending(bytes),
            1 => proxy.cut_after_receiving(bytes),
            _ => {}
        }
        self.told.push(match cut {
            0 => format!("{wanted:?}, cut after {bytes} bytes sent"),
            1 => format!("{wanted:?}, cut after {bytes} bytes received"),
            _ => format!("{wanted:?}"),
        });
        self.run_at(proxy.port, wanted)?;
        wait_until("the server to act on what it was sent", || proxy.is_over());
        let said = proxy.take_said();
        let verbs = ["SELECT", "UID", "EXPUNGE", "CREATE", "RENAME", "DELETE"];
        let said: Vec<&str> = said
            .lines()
            .filter(|line| verbs.iter().any(|verb| line.contains(verb)))
            .collect();
        self.told.push(format!("  it said {}", said.join("; ")));
        Ok(())
    }

    /// One round at that port: whether it went well, and what it said.
    fn run_at(&mut self, port: u16, wanted: Wanted) -> Result<(bool, String), String> {
        self.setup.server.port = port;
        let store = Store::open(&self.stage.data_dir()).unwrap();
        let report = self.runtime.block_on(run_once(&store, &self.setup, wanted));
        let report = report.map_err(|error| format!("the store: {error}"))?;
        Ok((report.is_ok, report.error))
    }

    /// The program sends and fetches and is killed.
    fn killed_round(&mut self) {
        let Some(shim) = shim::shim() else { return };
        let at = self.dice.u64(1..600);
        self.told.push(format!("sync, killed after {at} writes"));
        self.run_killed(shim, &["sync"], at);
    }

    fn run_killed(&mut self, shim: &std::path::Path, args: &[&str], at: u64) {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let (_, calls) = run_under(shim, &self.stage, &args, Blow::KillAfter(at));
        let said = calls.iter().filter_map(|call| {
            let (_, said) = call.what.split_once(" server ")?;
            Some(said.split_once(' ')?.1)
        });
        let verbs = ["SELECT", "UID", "EXPUNGE", "CREATE", "RENAME", "DELETE"];
        let said: Vec<&str> = said
            .filter(|said| verbs.iter().any(|verb| said.contains(verb)))
            .collect();
        self.told.push(format!("  it said {}", said.join("; ")));
    }

    /// The program is killed while it records and sends a change.
    fn killed_change(&mut self) -> Result<(), String> {
        let Some(shim) = shim::shim() else {
            return Ok(());
        };
        let mut rows = self.rows();
        let ids: Vec<i64> = rows.iter().map(|(_, row)| row.id).collect();
        // An id of a message with several places means one of them, not each.
        rows.retain(|(_, row)| ids.iter().filter(|id| **id == row.id).count() == 1);
        let Some((mailbox, row)) = self.dice.choice(&rows).cloned() else {
            return Ok(());
        };
        let (id, at) = (row.id.to_string(), self.dice.u64(1..350));
        let mut after = self.ought.clone();
        let past = self.past.entry(row.message_id.clone()).or_default();
        let args = if self.has_all_kinds
            && self.dice.bool()
            && !self.ought.has("Archive", &row.message_id)
        {
            after.carry(&mailbox, &row.message_id, "Archive");
            past.is_moved = true;
            vec!["archive", &id]
        } else {
            after.flag(&mailbox, &row.message_id, &["\\flagged".to_owned()], &[]);
            past.is_flagged = true;
            vec!["flag", &id, "--add", "flagged"]
        };
        self.told.push(format!(
            "{} {} in {mailbox}, killed after {at} writes",
            args[0], row.message_id
        ));
        self.run_killed(shim, &args, at);
        let shown = Ought::of_store(&self.stage.shown(0));
        if self.is_alone && shown != self.ought.clone().sorted() {
            self.undo
                .push((std::mem::replace(&mut self.ought, after), true));
            self.redo.clear();
        }
        Ok(())
    }

    /// Lets everything settle, and looks at what became of it all.
    fn end(&mut self) -> Result<(), String> {
        let (mut said, mut is_settled) = (String::new(), false);
        for _ in 0..ROUNDS_MAX {
            let (is_ok, why) = self.run_at(self.stage.port, Wanted::Everything)?;
            said = why;
            is_settled = is_ok && waiting(&self.stage.data_dir()).is_empty();
            if is_settled {
                break;
            }
        }
        if !is_settled {
            let waiting = waiting(&self.stage.data_dir());
            return Err(format!("still waiting: {waiting:?}; last said: {said:?}"));
        }
        self.run_at(self.stage.port, Wanted::Everything)?;
        let refused = refused(&self.stage.data_dir());
        if self.is_alone && !refused.is_empty() {
            return Err(format!("refused: {refused:?}"));
        }
        let held = Held::of(self.stage.dovecot, &self.stage.users[0]);
        let differences = held.differs_from(&self.stage.shown(0));
        if !differences.is_empty() {
            let listed = self
                .stage
                .dovecot
                .client(&self.stage.users[0])
                .run("LIST \"\" *");
            let listed = listed.join("\n");
            return Err(format!(
                "store and server differ:\n{differences}listed:\n{listed}"
            ));
        }
        if self.is_alone {
            let there = Ought::of_server(&held);
            let ought = self.ought.clone().sorted();
            if there != ought {
                return Err(format!("on the server\n{there:?}\nought to be\n{ought:?}"));
            }
        }
        self.account_for_all(&held)
    }

    /// Where each message is that there ever was.
    fn account_for_all(&self, held: &Held) -> Result<(), String> {
        let all = |held: &Held| {
            let mut all: BTreeMap<String, Vec<(String, Vec<String>, u64)>> = BTreeMap::new();
            for (name, letters) in &held.mailboxes {
                for l in letters.values() {
                    let places = all.entry(l.message_id.clone()).or_default();
                    places.push((name.clone(), l.flags.clone(), l.hash));
                }
            }
            all
        };
        let (birth, now) = (all(&self.birth), all(held));
        let unknown: BTreeSet<&String> = now
            .keys()
            .filter(|id| !self.past.contains_key(*id))
            .collect();
        if !unknown.is_empty() {
            return Err(format!("from nowhere: {unknown:?}"));
        }
        for (message_id, past) in &self.past {
            let places = now.get(message_id).map_or(&[][..], Vec::as_slice);
            let told = |why: &str| Err(format!("{message_id} {why}: {places:?}; {past:?}"));
            if places.is_empty() && !past.may_be_gone {
                return told("is lost");
            }
            if places.len() > 1 + past.copies {
                return told("is there too often");
            }
            let Some(begun) = birth.get(message_id) else {
                continue;
            };
            let before = &begun[0];
            if places.iter().any(|place| place.2 != before.2) {
                return told("is not the same any more");
            }
            if !past.is_moved && places.iter().any(|place| place.0 != before.0) {
                return told("was moved by nobody");
            }
            if !past.is_flagged && places.iter().any(|place| place.1 != before.1) {
                return told("got its flags from nobody");
            }
        }
        Ok(())
    }
}

fn place((mailbox, row): &(String, ShownRow)) -> String {
    format!("{} in {mailbox}", row.message_id)
}
