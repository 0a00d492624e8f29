//! Checks signatures and decrypts by calling `gpg` and `gpgsm` (RFC 3156, RFC 8551).
//!
//! Called by `cards` when a key was pressed, on a thread for what blocks. What was encrypted must never
//! reach a disk in clear, and nothing may be given back of which the program did not say that it is whole.

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
        // A signature within what was encrypted, as some programs make it.
        let inner = opened
            .entity
            .as_deref()
            .filter(|_| seal.kind.is_encrypted());
        if let Some(inner) = inner.and_then(mime::seal)
            && inner.at.0.is_empty()
            && !inner.kind.is_encrypted()
        {
            let signed = self.open(&inner, &from, folder, stop)?;
            opened.lines.extend(signed.lines);
            if signed.entity.is_some() {
                opened.entity = signed.entity;
            }
        } else if opened.is_decrypted && opened.lines.len() == 1 {
            let text = "It is not signed: anybody can have encrypted it";
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
            let text = format!("The signature could not be checked: {}", status.said());
            opened.lines = vec![CardLine::new(Tone::Warning, &text)];
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
            return Err(not_decrypted(status));
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
                let owners = if verdict.is_good() {
                    self.owners(kind, &verdict.key, stop)
                } else {
                    Owners::new()
                };
                verdict.lines(from, &owners)
            })
            .collect()
    }

    /// The addresses of a key.
    fn owners(&self, kind: SealKind, key: &str, stop: &Stop) -> Owners {
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_hexdigit());
        if !is_key {
            return Owners::new();
        }
        let mut command = self.tool(kind);
        if kind.is_smime() {
            command.arg("--with-validation");
        }
        command.args(["--with-colons", "--list-keys", "--", key]);
        let ended = run(&mut command, Vec::new(), 1024 * 1024, LOOK_LIMIT, stop);
        let mut found = ended.map(|e| owners(&e.output)).unwrap_or_default();
        if kind.is_smime() {
            // That the chain leads to a trusted root was part of the check of the signature.
            found.iter_mut().for_each(|owner| owner.1 = true);
        }
        found
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
fn not_decrypted(status: &Status) -> CryptoError {
    let codes: Vec<Code> = status.codes(&["ERROR", "FAILURE"]).collect();
    if codes.contains(&Code::Locked) {
        return CryptoError::Locked;
    }
    if status.has("NO_SECKEY")
        || codes.contains(&Code::NoSecretKey)
        || status.said().ends_with("No secret key")
    {
        return CryptoError::Failed("it was encrypted for a key that is not here".to_owned());
    }
    // A sum that does not fit, or what is not OpenPGP at all: `gpg` tells it to people alone.
    let damage = ["CRC error", "armor", "packet", "quoted printable"];
    if status.has("BADMDC") || damage.iter().any(|words| status.said().contains(words)) {
        return CryptoError::Failed("it was changed or damaged on the way".to_owned());
    }
    CryptoError::Failed(status.said().to_owned())
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
