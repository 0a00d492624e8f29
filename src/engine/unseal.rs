//! Checks signatures and decrypts by calling `gpg` and `gpgsm` (RFC 3156, RFC 8551).
//!
//! Called by `cards` when a key was pressed, on a thread for what blocks. What was encrypted must never
//! reach a disk in clear, and nothing may be given back of which the program did not say that it is whole.

use super::certificate::{self, Certificate};
use super::crypto::{Code, CryptoError, Gpg, Status, run_within};
use super::program::{Ended, Limits, Stop, Streams};
use super::verdict::{Owners, Verdict, owners, verdicts};
use crate::mime::{self, Opened, Seal, SealKind};
use crate::model::{CardLine, Tone};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long one call may take: a card may wait for a touch.
const LIMIT: Duration = Duration::from_secs(120);
const LOOK_LIMIT: Duration = Duration::from_secs(10);
/// No more is opened that lies one within the other.
const LAYERS_MAX: usize = 4;
/// More is not decrypted into memory.
const CLEAR_BYTES_MAX: u64 = 64 * 1024 * 1024;

impl Gpg {
    /// Checks or decrypts the outermost sealed part of a message. `folder` takes a temporary file with
    /// a signature, for this user alone.
    ///
    /// # Errors
    /// When the program is missing or fails; what it says of a signature is no error.
    pub(crate) fn unseal(
        &self,
        raw: &[u8],
        folder: &Path,
        stop: &Stop,
    ) -> Result<Option<Opened>, CryptoError> {
        let Some(seal) = mime::seal(raw) else {
            return Ok(None);
        };
        let from = mime::parse_headers(raw).addresses("From");
        let from = from.first().map(|a| a.address.clone()).unwrap_or_default();
        let mut opened = self.open(&seal, &from, folder, stop)?;
        let mut is_signed = !seal.kind.is_encrypted() || opened.lines.len() > 1;
        // One within the other, as many programs make it.
        for _ in 1..LAYERS_MAX {
            let inner = opened.entity.as_deref().and_then(mime::seal);
            let Some(inner) = inner.filter(|inner| inner.is_whole) else {
                break;
            };
            let layer = match self.open(&inner, &from, folder, stop) {
                Err(why) if !opened.is_decrypted => {
                    let text = format!("What was signed is encrypted, and not decrypted: {why}");
                    opened.lines.push(CardLine::new(Tone::Warning, &text));
                    break;
                }
                layer => layer?,
            };
            is_signed |= !inner.kind.is_encrypted() || layer.lines.len() > 1;
            opened.is_decrypted |= layer.is_decrypted;
            opened.lines.extend(layer.lines);
            if layer.entity.is_none() {
                break;
            }
            opened.entity = layer.entity;
        }
        if opened.is_decrypted && opened.entity.is_some() && !is_signed {
            let text = if seal.kind.is_smime() {
                "It is not signed: anybody can have encrypted it, or changed it on the way"
            } else {
                "It is not signed: anybody can have encrypted it"
            };
            opened.lines.push(CardLine::new(Tone::Dim, text));
        }
        Ok(Some(opened))
    }

    fn open(
        &self,
        seal: &Seal,
        from: &str,
        folder: &Path,
        stop: &Stop,
    ) -> Result<Opened, CryptoError> {
        let ended = match seal.kind {
            SealKind::PgpSigned | SealKind::SmimeSigned => self.verify(seal, folder, stop)?,
            kind => {
                let mut command = self.tool(kind);
                match kind {
                    SealKind::SmimeOpaque => command.args(["--output", "-", "--verify"]),
                    _ => command.arg("--decrypt"),
                };
                run(
                    &mut command,
                    seal.content.clone(),
                    CLEAR_BYTES_MAX,
                    LIMIT,
                    stop,
                )?
            }
        };
        let status = Status::read(&ended.errors);
        if seal.kind.is_encrypted() {
            return self.decrypted(seal, from, ended, &status, stop);
        }
        let verdicts = verdicts(&status);
        let mut opened = Opened {
            at: seal.at.clone(),
            outside: seal.outside.clone(),
            lines: self.lines(seal.kind, from, &verdicts, stop),
            ..Opened::default()
        };
        if verdicts.is_empty() {
            tracing::warn!(said = status.said(), "a signature could not be checked");
            let text = "The signature could not be checked: it is damaged, or none. Ask the sender to send the message again";
            opened.lines = vec![CardLine::new(Tone::Warning, text)];
        } else if verdicts.iter().all(Verdict::fits) {
            let content = match seal.kind {
                SealKind::PgpSigned | SealKind::SmimeSigned => seal.content.clone(),
                _ => ended.output,
            };
            opened.entity = Some(seal.entity(content));
        }
        Ok(opened)
    }

    /// What came out of something encrypted, if the program says that it is whole.
    fn decrypted(
        &self,
        seal: &Seal,
        from: &str,
        ended: Ended,
        status: &Status,
        stop: &Stop,
    ) -> Result<Opened, CryptoError> {
        let is_failed = status.has("DECRYPTION_FAILED")
            || status.has("BADMDC")
            || !status.has("DECRYPTION_OKAY");
        // Without a check of what was altered on the way (RFC 9580 section 5.13) nothing is shown.
        let is_guarded = seal.kind.is_smime() || status.has("GOODMDC") || is_aead(status);
        let count = status
            .lines()
            .filter(|l| l.first().is_some_and(|w| w == "PLAINTEXT"))
            .count();
        if is_failed || ended.output.len() as u64 >= CLEAR_BYTES_MAX {
            return Err(not_decrypted(seal.kind, status));
        }
        let mut opened = Opened {
            at: seal.at.clone(),
            outside: seal.outside.clone(),
            is_decrypted: true,
            ..Opened::default()
        };
        if !is_guarded || count > 1 {
            let text = "Not shown: it is not protected against changes on the way. Ask the sender to encrypt it anew";
            opened.lines = vec![CardLine::new(Tone::Warning, text)];
            return Ok(opened);
        }
        opened.lines = vec![CardLine::new(Tone::Good, "Decrypted; kept in memory only")];
        let verdicts = verdicts(status);
        opened
            .lines
            .extend(self.lines(seal.kind, from, &verdicts, stop));
        opened.entity = Some(seal.entity(ended.output));
        Ok(opened)
    }

    fn lines(&self, kind: SealKind, from: &str, all: &[Verdict], stop: &Stop) -> Vec<CardLine> {
        const SHOWN_MAX: usize = 4;
        let shown = all.iter().take(SHOWN_MAX);
        shown
            .flat_map(|verdict| {
                if kind.is_smime() {
                    let (own, root) = self.chain(verdict, stop);
                    return certificate::lines(verdict, from, &own, &root);
                }
                let owners = if verdict.is_good() {
                    owners(&self.listing(kind, &verdict.key, stop))
                } else {
                    Owners::new()
                };
                verdict.lines(from, &owners)
            })
            .collect()
    }

    /// The certificate of a signature, and the last one above it that is here.
    fn chain(&self, verdict: &Verdict, stop: &Stop) -> (Certificate, Certificate) {
        const STEPS_MAX: usize = 8;
        if !verdict.fits() {
            return <(Certificate, Certificate)>::default();
        }
        let read = |key: &str| Certificate::read(&self.listing(SealKind::SmimeSigned, key, stop));
        let own = read(&verdict.key);
        let mut root = own.clone();
        for _ in 0..STEPS_MAX {
            if root.is_root() {
                break;
            }
            root = read(&root.above);
        }
        (own, root)
    }

    /// What is known of a key, as a listing with colons.
    fn listing(&self, kind: SealKind, key: &str, stop: &Stop) -> Vec<u8> {
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_hexdigit());
        if !is_key {
            return Vec::new();
        }
        let mut command = self.tool(kind);
        command.args(["--with-colons", "--list-keys", "--", key]);
        let ended = run(&mut command, Vec::new(), 1024 * 1024, LOOK_LIMIT, stop);
        ended.map(|e| e.output).unwrap_or_default()
    }

    fn verify(&self, seal: &Seal, folder: &Path, stop: &Stop) -> Result<Ended, CryptoError> {
        let mut signature = tempfile::NamedTempFile::new_in(folder)?;
        signature.write_all(&seal.signature)?;
        signature.flush()?;
        let mut command = self.tool(seal.kind);
        command
            .args(["--verify", "--"])
            .arg(signature.path())
            .arg("-");
        run(&mut command, seal.content.clone(), 64 * 1024, LIMIT, stop)
    }

    /// The program for that kind.
    fn tool(&self, kind: SealKind) -> Command {
        let mut command = if kind.is_smime() {
            self.smime_command()
        } else {
            let mut command = self.command();
            command.args(["--disable-dirmngr", "--output", "-"]);
            command
        };
        command.arg("--no-verbose");
        command
    }
}

/// Whether it was encrypted so that a change is found by the cipher itself.
fn is_aead(status: &Status) -> bool {
    let info = status
        .lines()
        .find(|l| l.first().is_some_and(|w| w == "DECRYPTION_INFO"));
    info.is_some_and(|line| line.get(3).is_some_and(|aead| aead != "0"))
}

/// Why it was not decrypted.
fn not_decrypted(kind: SealKind, status: &Status) -> CryptoError {
    tracing::warn!(said = status.said(), "a message could not be decrypted");
    let codes: Vec<Code> = status.codes(&["ERROR", "FAILURE"]).collect();
    // `gpgsm` tells it to people alone.
    let is_locked = ["No pinentry", "Operation cancelled", "No passphrase given"];
    if codes.contains(&Code::Locked) || (kind.is_smime() && status.tells(&is_locked)) {
        return if kind.is_smime() {
            CryptoError::SmimeLocked
        } else {
            CryptoError::Locked
        };
    }
    // A sum that does not fit, or what is of that kind not at all: that, too, is told to people alone.
    let damage: &[&str] = if kind.is_smime() {
        &[
            "Invalid session key",
            "inconsistent padding",
            "Invalid data",
            "End of file",
            "BER error",
        ]
    } else {
        &["CRC error", "armor", "packet", "quoted printable"]
    };
    let is_damaged = status.has("BADMDC") || status.tells(damage);
    let is_not_ours = status.has("NO_SECKEY")
        || codes.contains(&Code::NoSecretKey)
        || status.said().ends_with("No secret key")
        || status.tells(&["failed to find the certificate"]);
    // Of a key that is here and does not fit, `gpgsm` says the same at the end as of one that is not.
    match (is_not_ours, is_damaged, kind.is_smime()) {
        (_, true, true) | (false, true, false) => CryptoError::Damaged,
        (true, ..) => CryptoError::NotForUs,
        (false, false, true) => CryptoError::Unreadable("gpgsm"),
        (false, false, false) => CryptoError::Unreadable("gpg"),
    }
}

fn run(
    command: &mut Command,
    input: Vec<u8>,
    output_bytes: u64,
    time: Duration,
    stop: &Stop,
) -> Result<Ended, CryptoError> {
    let limits = Limits { time, output_bytes };
    run_within(command, Streams::Kept(input), limits, stop)
}
