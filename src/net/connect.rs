//! What all protocols do alike on the way to a connection that is as safe as asked for.
//!
//! Called by the `open` of each adapter. No credential and no mail may go out in clear to another
//! machine unless the user insisted.

use super::error::{Class, Error, Result};
use super::{Options, Security, Server};
use tokio::time::Instant;

/// Gives up a connection that is not made by the deadline.
pub(crate) async fn within<T>(
    deadline: Instant,
    server: &Server,
    options: &Options,
    connecting: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    tokio::time::timeout_at(deadline, connecting)
        .await
        .unwrap_or_else(|_| {
            Err(Error::transient(format!(
                "{} port {} did not answer within {} seconds.",
                server.host,
                server.port,
                options.connect_timeout.as_secs()
            ))
            .hint("Check `host`, `port` and `tls`, and whether you are online."))
        })
}

/// Refuses a connection in clear that leaves this machine.
pub(crate) fn check_plain(server: &Server, options: &Options, is_local: bool) -> Result<()> {
    if server.security != Security::Plain || is_local || options.allow_plaintext {
        return Ok(());
    }
    Err(Error::new(
        Class::Tls,
        format!(
            "The password is not sent to {} without encryption.",
            server.host
        ),
    )
    .hint("Set `tls` to \"implicit\" or \"starttls\"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_clear_stays_at_home() {
        let server = Server {
            host: "mail.test".into(),
            port: 143,
            security: Security::Plain,
            ca_file: None,
        };
        let mut options = Options::default();
        assert_eq!(
            check_plain(&server, &options, false).unwrap_err().class,
            Class::Tls
        );
        assert!(check_plain(&server, &options, true).is_ok());
        options.allow_plaintext = true;
        assert!(check_plain(&server, &options, false).is_ok());
    }
}
