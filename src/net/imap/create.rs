//! CREATE (RFC 9051 §6.3.4), with a special use where that is offered (RFC 6154 §3).
//!
//! Called by the replay in `engine`. A use that the server does not want must never cost the mailbox.

use super::command::Command;
use super::response::Condition;
use super::session::{Pace, Session, accept};
use crate::model::Role;
use crate::net::error::Result;

const DOING: &str = "make this folder";

impl Session {
    /// Makes a mailbox, for `role` where the server can note that.
    ///
    /// # Errors
    /// With the server's code (`ALREADYEXISTS`, `NOPERM`, `OVERQUOTA`) when it refuses, or when the
    /// connection ends.
    pub async fn create(&mut self, name: &str, role: Option<Role>) -> Result<()> {
        self.begin(Pace::Small).await?;
        let wire = self.state.wire_name(name);
        let plain = Command::new("CREATE").string(&wire, &self.state.capabilities)?;
        let for_use = role
            .filter(|_| self.state.capabilities.has("CREATE-SPECIAL-USE"))
            .and_then(attribute);
        if let Some(attribute) = for_use {
            let command = plain.clone().raw(&format!(" (USE ({attribute}))"));
            let said = self.exec(&command, Some).await?;
            let is_about_use = said.condition == Condition::Bad || said.is("USEATTR");
            if said.condition == Condition::Ok || !is_about_use {
                return accept(said, DOING).map(drop);
            }
        }
        let said = self.exec(&plain, Some).await?;
        accept(said, DOING).map(drop)
    }
}

/// The attribute of a role (RFC 6154 §2); INBOX has none.
const fn attribute(role: Role) -> Option<&'static str> {
    match role {
        Role::Inbox => None,
        Role::Drafts => Some("\\Drafts"),
        Role::Sent => Some("\\Sent"),
        Role::Archive => Some("\\Archive"),
        Role::Junk => Some("\\Junk"),
        Role::Trash => Some("\\Trash"),
    }
}
