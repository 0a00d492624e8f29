//! TLS: version 1.2 or later, the host's name checked, further roots by `ca_file`.
//!
//! Called when a connection is made safe. A certificate that does not verify must never be used,
//! and there is no switch that would.

use super::error::{Class, Error, Result};
use super::stream::{Wire, bare_host};
use std::path::Path;

/// The largest `ca_file` that is read.
const CA_FILE_MAX: u64 = 16 * 1024 * 1024;

/// Makes a stream safe for talking to `host`.
pub(crate) async fn start<W: Wire + 'static>(
    stream: W,
    host: &str,
    ca_file: Option<&Path>,
) -> Result<Box<dyn Wire>> {
    let host = bare_host(host);
    let mut builder = native_tls::TlsConnector::builder();
    builder.min_protocol_version(Some(native_tls::Protocol::Tlsv12));
    if let Some(path) = ca_file {
        for root in roots(path).await? {
            builder.add_root_certificate(root);
        }
    }
    let connector = builder
        .build()
        .map_err(|e| tls(format!("TLS cannot be set up on this machine: {e}.")))?;
    let connector = tokio_native_tls::TlsConnector::from(connector);
    match connector.connect(host, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(e) => Err(explain(host, &e.to_string())),
    }
}

fn tls(summary: String) -> Error {
    Error::new(Class::Tls, summary)
}

async fn roots(path: &Path) -> Result<Vec<native_tls::Certificate>> {
    let shown = path.display();
    let hint = "`ca_file` must name a file with certificates in PEM form.";
    let size = tokio::fs::metadata(path).await.map(|m| m.len());
    if size.is_ok_and(|n| n > CA_FILE_MAX) {
        return Err(tls(format!("The file {shown} is too large.")).hint(hint));
    }
    let pem = tokio::fs::read(path)
        .await
        .map_err(|e| tls(format!("The file {shown} cannot be read: {e}.")).hint(hint))?;
    match native_tls::Certificate::stack_from_pem(&pem) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        Ok(_) => Err(tls(format!("The file {shown} holds no certificate.")).hint(hint)),
        Err(e) => Err(tls(format!("The file {shown} is not readable: {e}.")).hint(hint)),
    }
}

/// Puts the library's words into plain ones. Only the part about the certificate is looked at:
/// nothing is decided by it, the connection is over either way.
fn explain(host: &str, detail: &str) -> Error {
    let lower = detail.to_ascii_lowercase();
    let has = |word: &str| lower.contains(word);
    let (why, hint) = if has("has expired") {
        (
            "has expired",
            "Ask the server's operator to renew it, and check this machine's clock.",
        )
    } else if has("not yet valid") {
        ("is not valid yet", "Check this machine's clock.")
    } else if has("hostname mismatch") || has("ip address mismatch") || has("host name") {
        (
            "was made out to another name",
            "Check `host`: it must be the name in the certificate.",
        )
    } else if has("self signed") || has("self-signed") {
        (
            "is signed by itself or by an unknown authority",
            "If this is your own server, put its certificate into a file and name it as `ca_file`.",
        )
    } else if has("issuer") || has("unable to verify") || has("unknown ca") {
        (
            "is from an authority that this machine does not know",
            "If you trust that authority, put its certificate into a file and name it as `ca_file`.",
        )
    } else if has("verify failed") {
        ("does not verify", "")
    } else if has("wrong version number") || has("unsupported protocol") || has("protocol version")
    {
        return tls(format!(
            "{host} does not speak TLS 1.2 or later on this port."
        ))
        .hint(
            "Check `port` and `tls`: 993, 995 and 465 are \"implicit\", 143, 110 and 587 \"starttls\".",
        );
    } else {
        // The peer hung up or spoke nonsense in the handshake; that may pass.
        return Error::transient(format!("TLS with {host} failed: {detail}."));
    };
    tls(format!(
        "The certificate of {host} {why}; nothing was sent. ({detail})"
    ))
    .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_certificate_is_told_apart_in_plain_words() {
        let told = |verify: &str| {
            explain(
                "h.test",
                &format!("certificate verify failed:../x.c:1: ({verify})"),
            )
            .summary
        };
        assert!(told("certificate has expired").contains("has expired"));
        assert!(told("hostname mismatch").contains("another name"));
        assert!(told("self-signed certificate").contains("signed by itself"));
        assert!(told("unable to get local issuer certificate").contains("does not know"));
        assert_eq!(explain("h", "unexpected EOF").class, Class::Transient);
        assert_eq!(explain("h", "wrong version number").class, Class::Tls);
    }

    #[tokio::test]
    async fn a_ca_file_that_cannot_be_used_is_named() {
        let (near, _far) = tokio::io::duplex(64);
        let error = start(near, "h", Some(Path::new("/nonexistent/ca.pem")))
            .await
            .unwrap_err();
        assert_eq!(error.class, Class::Tls);
        assert!(error.summary.contains("/nonexistent/ca.pem"), "{error}");
    }
}
