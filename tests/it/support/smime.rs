//! Certificates for S/MIME made for one test: an authority, those it certified, and what they write.
//!
//! The mail is made by `openssl`, so that what is read was written by another program than the one that
//! reads. It must never see the user's own keys.

use super::keys::{Home, is_missing};
use std::fs;
use std::path::Path;
use std::process::Command;

const CONFIG: &str = "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=x\n\
    [ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n\
    [leaf]\nbasicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n\
    extendedKeyUsage=emailProtection\nsubjectAltName=email:${ENV::ADDRESS}\n";

/// Somebody who certifies addresses.
pub(crate) struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    /// A new one; `None`, with a word why, where a program is missing.
    pub(crate) fn new(name: &str) -> Option<Self> {
        if is_missing("gpgsm") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config"), CONFIG).unwrap();
        let authority = Self { folder };
        let subject = format!("/CN={name}");
        authority.openssl(
            "",
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 3000 -config config -extensions ca -subj",
            &[&subject],
        );
        Some(authority)
    }

    /// Certifies an address for that name.
    pub(crate) fn certify(&self, address: &str, name: &str) {
        let request = format!(
            "req -newkey rsa:2048 -nodes -keyout {address}.key -out {address}.csr -config config -subj"
        );
        self.openssl(address, &request, &[&format!("/CN={name}")]);
        let issue = format!(
            "x509 -req -in {address}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2000 \
             -extfile config -extensions leaf -out {address}.pem"
        );
        self.openssl(address, &issue, &[]);
    }

    /// What that address signs: beside the signature, within it, or without its certificates.
    pub(crate) fn signed(&self, address: &str, entity: &str, more: &str) -> String {
        let sign =
            format!("cms -sign -signer {address}.pem -inkey {address}.key -in entity {more}");
        self.made(&sign, entity)
    }

    /// What anybody encrypts for that address.
    pub(crate) fn encrypted(&self, address: &str, entity: &str) -> String {
        self.made(
            &format!("cms -encrypt -aes256 -in entity {address}.pem"),
            entity,
        )
    }

    fn made(&self, command: &str, entity: &str) -> String {
        fs::write(self.folder.path().join("entity"), entity).unwrap();
        let made = String::from_utf8(self.openssl("", command, &[])).unwrap();
        made.replace("\r\n", "\n").replace('\n', "\r\n")
    }

    /// Has somebody know this authority, and trust it or not.
    pub(crate) fn introduce(&self, home: &Home, is_trusted: bool) {
        let pem = self.folder.path().join("ca.pem");
        home.gpgsm(&["--import", pem.to_str().unwrap()], "");
        if is_trusted {
            let print = self.fingerprint();
            fs::write(
                home.path().join("trustlist.txt"),
                format!("{print} S relax\n"),
            )
            .unwrap();
            home.end_agent();
        }
    }

    /// Gives somebody the secret key of that address, behind a passphrase.
    pub(crate) fn give(&self, home: &Home, address: &str, passphrase: &str) {
        let export = format!(
            "pkcs12 -export -in {address}.pem -inkey {address}.key -out {address}.p12 -keypbe PBE-SHA1-3DES \
             -certpbe PBE-SHA1-3DES -macalg sha1 -passout"
        );
        self.openssl("", &export, &[&format!("pass:{passphrase}")]);
        let file = self.folder.path().join(format!("{address}.p12"));
        home.gpgsm(&["--import", file.to_str().unwrap()], passphrase);
        home.end_agent();
    }

    /// The fingerprint of its certificate.
    pub(crate) fn fingerprint(&self) -> String {
        let said = self.openssl("", "x509 -in ca.pem -noout -fingerprint -sha1", &[]);
        let said = String::from_utf8(said).unwrap();
        let hex = said.trim().rsplit('=').next().unwrap();
        hex.replace(':', "")
    }

    fn openssl(&self, address: &str, command: &str, more: &[&str]) -> Vec<u8> {
        done(self.folder.path(), address, command, more)
    }
}

fn done(folder: &Path, address: &str, command: &str, more: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl")
        .args(command.split_whitespace())
        .args(more)
        .env(
            "ADDRESS",
            if address.is_empty() {
                "x@x.test"
            } else {
                address
            },
        )
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {command}: {said}");
    output.stdout
}
