//! Which hosts mail was ever had from or sent to.
//!
//! Called by the review of a draft. A host must never count as known because its name is part of
//! another one's.

use super::sql::Doing;
use super::{Reader, Result};

impl Reader {
    /// Whether any message here is from or to an address of that host, written as one of `names`:
    /// as A-labels, and as people write it. Looks through all messages.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn is_host_known(&self, names: &[String]) -> Result<bool> {
        // Addresses end with a separator or the end of the column.
        const SQL: &str = "SELECT 1 FROM message
            WHERE instr(lower(sender) || char(30), ?1) > 0
               OR instr(lower(recipients) || char(30), ?1) > 0
               OR instr(lower(copies) || char(30), ?1) > 0 LIMIT 1";
        for name in names {
            let wanted = format!("@{}\u{1e}", name.to_lowercase());
            let is_known = self
                .conn
                .prepare_cached(SQL)
                .and_then(|mut s| s.exists([wanted]))
                .doing("looking for a host")?;
            if is_known {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
