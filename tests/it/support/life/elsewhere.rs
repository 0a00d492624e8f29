//! What other clients do meanwhile, at random.
//!
//! Used by `life.rs`. It does on the server what a person does with another program, and must note
//! whom it did what to.

use super::{FLAGS, Life, NAMES, Past};
use crate::support::held::Held;
use crate::support::scenes::{message, named};
use crate::support::{Kind, OtherClient};

impl Life<'_> {
    /// Something that another client does.
    pub(super) fn remote(&mut self) {
        let held = Held::of(self.stage.dovecot, &self.stage.users[0]);
        let mut client = self.stage.dovecot.client(&self.stage.users[0]);
        let letters: Vec<(String, u32, String)> = held
            .mailboxes
            .iter()
            .flat_map(|(name, letters)| {
                letters
                    .iter()
                    .map(|(uid, l)| (name.clone(), *uid, l.message_id.clone()))
            })
            .collect();
        let names: Vec<String> = held.mailboxes.keys().cloned().collect();
        let to = self.dice.choice(&names).unwrap().clone();
        let roll = self.dice.u32(0..100);
        if roll < 20 || letters.is_empty() {
            self.letters += 1;
            let message_id = named(&format!("n{}", self.letters));
            self.told
                .push(format!("elsewhere: {message_id} arrives in {to}"));
            self.past.insert(
                message_id.clone(),
                Past {
                    is_moved: true,
                    is_flagged: true,
                    ..Past::default()
                },
            );
            client.append(&to, "", &message(&message_id, &message_id));
        } else if roll < 80 {
            let (from, uid, message_id) = self.dice.choice(&letters).unwrap().clone();
            self.told
                .push(format!("elsewhere: {roll} on {message_id} in {from}, {to}"));
            client.run(&format!("SELECT \"{from}\""));
            let past = self.past.entry(message_id).or_default();
            match roll {
                0..40 => {
                    past.is_flagged = true;
                    let sign = if self.dice.bool() { '+' } else { '-' };
                    let flag = self.dice.choice(&FLAGS).unwrap().1;
                    client.run(&format!("UID STORE {uid} {sign}FLAGS.SILENT ({flag})"));
                }
                40..50 => {
                    (past.may_be_gone, past.is_moved) = (true, true);
                    client.run(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"));
                    client.run(&format!("UID EXPUNGE {uid}"));
                }
                50..60 => {
                    (past.copies, past.is_moved) = (past.copies + 1, true);
                    client.run(&format!("UID COPY {uid} \"{to}\""));
                }
                _ => {
                    // Ours may be half done where it takes a copy and a removal: then that copy
                    // stands beside where the other client moved it to.
                    past.copies += usize::from(past.is_moved && self.kind != Kind::Full);
                    past.is_moved = true;
                    client.run(&format!("UID MOVE {uid} \"{to}\""));
                }
            }
        } else {
            self.remote_folder(&mut client, &letters, roll);
        }
        client.leave();
    }

    pub(super) fn remote_folder(
        &mut self,
        client: &mut OtherClient,
        letters: &[(String, u32, String)],
        roll: u32,
    ) {
        let name = *self.dice.choice(&NAMES).unwrap();
        let to = *self.dice.choice(&NAMES).unwrap();
        // Some of these are refused; that is how it goes.
        let (said, inside) = match roll {
            80..87 => (client.ask(&format!("CREATE \"{name}\"")), ""),
            87..94 => (client.ask(&format!("RENAME \"{name}\" \"{to}\"")), name),
            _ => (client.ask(&format!("DELETE \"{name}\"")), name),
        };
        let said = said.last().cloned().unwrap_or_default();
        self.told
            .push(format!("elsewhere: {roll} on folder {name}, {to}: {said}"));
        for (mailbox, _, message_id) in letters {
            if !inside.is_empty()
                && (mailbox == inside || mailbox.starts_with(&format!("{inside}/")))
            {
                let past = self.past.entry(message_id.clone()).or_default();
                past.is_moved = true;
                past.may_be_gone |= roll >= 94;
            }
        }
    }
}
