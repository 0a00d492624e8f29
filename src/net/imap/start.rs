//! The first flight after login: everything a client needs to be in step, in one turn.
//!
//! Called by `engine` on each new connection. A mailbox that is refused must not cost the list.

use super::list::Tree;
use super::response::Condition;
use super::session::{Pace, Session};
use super::types::{Start, Started};
use crate::net::error::{Result, quoted};

impl Session {
    /// One flight: ID, ENABLE, NAMESPACE, LIST with STATUS of all namespaces, SELECT.
    pub async fn start(&mut self, start: &Start) -> Result<Started> {
        self.begin(Pace::Bulk).await?;
        let tags = if start.list {
            self.send_list(None).await?
        } else {
            Vec::new()
        };
        let selecting = match &start.select {
            Some((name, known)) => Some((name, self.send_select(name, *known).await?)),
            None => None,
        };
        // A server may work on LIST and SELECT at once: what comes is told apart by its kind.
        let mut tree = Tree::default();
        let mut opening = selecting.map(|_| self.leave_mailbox());
        let mut take = |response| {
            let rest = if start.list {
                tree.take(response)
            } else {
                Some(response)
            };
            match &mut opening {
                Some(opening) => rest.and_then(|r| opening.take(r)),
                None => rest,
            }
        };
        let mut is_refused = false;
        for tag in tags {
            let said = self.finish(tag, &mut take).await?;
            is_refused |= said.condition != Condition::Ok;
        }
        let mut opened = None;
        if let Some((_, sent)) = selecting {
            opened = Some(self.finish(sent.tag, &mut take).await?);
        }
        let mut started = Started::default();
        if let (Some((name, sent)), Some(opening), Some(said)) = (selecting, opening, opened) {
            let outcome = match self.enter_mailbox(sent, opening, said)? {
                Ok(selected) => Ok(selected),
                Err(said) if sent.is_misunderstood(&said) => {
                    self.select_plainly(name).await.map_err(|e| e.summary)
                }
                Err(said) => Err(quoted(&said.text)),
            };
            started.selected = Some(outcome);
        }
        if start.list {
            let selected = match (&start.select, &started.selected) {
                (Some((name, _)), Some(Ok(selected))) => Some((name.as_str(), selected.status)),
                _ => None,
            };
            started.list = Some(self.complete_list(tree, is_refused, selected).await?);
        }
        Ok(started)
    }
}
