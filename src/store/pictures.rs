//! Whose remote pictures may be loaded without being asked for each time.
//!
//! Called by `engine::pictures`. Nobody may get into the table but by the user's own word.

use super::sql::Doing;
use super::{Reader, Result, Writer};
use crate::model::wire_address;

impl Reader {
    /// Whether the user allowed it for this address.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn allows_pictures(&self, address: &str) -> Result<bool> {
        self.conn
            .prepare_cached("SELECT count(*) > 0 FROM picture_sender WHERE address = ?1")
            .and_then(|mut s| s.query_row([who(address)], |row| row.get(0)))
            .doing("looking whose pictures are loaded")
    }
}

impl Writer {
    /// Allows it for this address, or no longer.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn allow_pictures(&mut self, address: &str, is_allowed: bool) -> Result<()> {
        let statement = if is_allowed {
            "INSERT OR IGNORE INTO picture_sender (address) VALUES (?1)"
        } else {
            "DELETE FROM picture_sender WHERE address = ?1"
        };
        let doing = "keeping whose pictures are loaded";
        self.write_journal(doing, |tx| {
            tx.execute(statement, [who(address)]).doing(doing)?;
            Ok(())
        })
    }
}

/// Who an address is.
fn who(address: &str) -> String {
    wire_address(address).to_lowercase()
}
