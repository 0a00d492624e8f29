//! GETQUOTAROOT (RFC 9208 §4.2.2): how much room there is for a mailbox.
//!
//! Called by `engine`. A limit that was not told must never be shown as one.

use super::command::Command;
use super::response::{Condition, Response};
use super::session::{Pace, Session};
use crate::model::Quota;
use crate::net::error::Result;

impl Session {
    /// The room there is for what is put into the mailbox: of its quota roots the one that has the
    /// least left. `None` where there is no limit, or the server does not tell.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn quota(&mut self, name: &str) -> Result<Option<Quota>> {
        if !self.state.capabilities.can_quota() {
            return Ok(None);
        }
        self.begin(Pace::Small).await?;
        let wire = self.state.wire_name(name);
        let command = Command::new("GETQUOTAROOT").string(&wire, &self.state.capabilities)?;
        let mut tightest: Option<Quota> = None;
        let left = |q: &Quota| q.limit_kib.saturating_sub(q.used_kib);
        let said = self
            .exec(&command, |response| match response {
                Response::Quota(storage) => {
                    tightest = [tightest, storage].into_iter().flatten().min_by_key(left);
                    None
                }
                other => Some(other),
            })
            .await?;
        Ok(tightest.filter(|_| said.condition == Condition::Ok))
    }
}
