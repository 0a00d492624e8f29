//! The first flight after login: everything a client needs to be in step, in one turn.
//!
//! Called by `engine` on each new connection. A mailbox that is refused must not cost the list.

use super::list::Tree;
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
        let mut tree = Tree::default();
        let mut started = Started::default();
        if start.list {
            self.finish_list(&tags, &mut tree).await?;
        }
        if let Some((name, sent)) = selecting {
            let outcome = match self.finish_select(sent).await? {
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
            started.list = Some(self.complete_list(tree, selected).await?);
        }
        Ok(started)
    }
}
