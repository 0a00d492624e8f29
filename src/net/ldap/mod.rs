//! Looking up addresses in a directory (LDAP, RFC 4511).
//!
//! Called by `engine::people` while somebody types, and by `doctor`. Every call has one time limit for
//! all it does, and what was typed can never be more than a value in the filter. The client is our own
//! because what there is reads answers by recursion without a bound, and ends the program by that.

mod ber;
mod filter;
mod message;
mod session;
#[cfg(test)]
mod tests;

pub use filter::filter;

use crate::model::{Address, Secret};
use crate::net::error::{Error, Result};
use crate::net::{Options, Server};
use message::{Entry, Scope};
use session::Session;
use std::time::Duration;

/// So many entries are asked for.
const ENTRIES_MAX: u32 = 50;
/// What is asked of an entry.
const ATTRIBUTES: [&str; 3] = ["mail", "displayName", "cn"];

/// A directory, and how to ask there.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Where it is.
    pub server: Server,
    /// Whether it may be asked in clear.
    pub options: Options,
    /// The name to sign in with and its password; `None`: nobody signs in.
    pub login: Option<(String, Secret)>,
    /// Below which entry to look.
    pub base: String,
    /// Which entries fit: `%s` is what was typed.
    pub filter: String,
}

impl Directory {
    /// People who fit what was typed, in the server's order.
    ///
    /// # Errors
    /// When it does not answer in time, or does not let us look.
    pub async fn find(&self, typed: &str, limit: Duration) -> Result<Vec<Address>> {
        let filter = filter(&self.filter, typed)
            .map_err(|why| Error::protocol(format!("The filter for the directory {why}.")))?;
        let asking = async {
            let mut session = Session::open(self).await?;
            let found = session
                .search(&self.base, Scope::Subtree, &filter, &ATTRIBUTES)
                .await?;
            session.close().await;
            Ok(found)
        };
        let entries = self.within(limit, asking).await?;
        Ok(entries.iter().flat_map(people).collect())
    }

    /// Looks whether it can be asked, and whether the base is there.
    ///
    /// # Errors
    /// When it does not answer in time, does not let us sign in, or has no such base.
    pub async fn probe(&self, limit: Duration) -> Result<()> {
        let any = filter("(objectClass=*)", "").unwrap_or_default();
        let asking = async {
            let mut session = Session::open(self).await?;
            session
                .search(&self.base, Scope::Base, &any, &["1.1"])
                .await?;
            session.close().await;
            Ok(())
        };
        self.within(limit, asking).await
    }

    async fn within<T>(
        &self,
        limit: Duration,
        asking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::time::timeout(limit, asking)
            .await
            .unwrap_or_else(|_| {
                Err(Error::transient(format!(
                    "The directory {} did not answer within {} seconds.",
                    self.server.host,
                    limit.as_secs()
                ))
                .hint("Check `url`, and whether you are online."))
            })
    }
}

/// The addresses of an entry, each with the name that people go by.
fn people(entry: &Entry) -> Vec<Address> {
    let first = |wanted: &str| {
        let values = entry.iter().filter(|(name, _)| name == wanted);
        values.flat_map(|(_, values)| values).next()
    };
    let name = first("displayname").or_else(|| first("cn"));
    let name = name.map_or("", |name| name.trim());
    let mails = entry.iter().filter(|(name, _)| name == "mail");
    let mails = mails.flat_map(|(_, values)| values);
    let address = |mail: &String| Address {
        name: name.to_owned(),
        address: mail.trim().to_owned(),
    };
    mails.map(address).collect()
}
