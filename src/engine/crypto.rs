//! Signing and encrypting a message by calling `gpg` (PGP/MIME, RFC 3156).
//!
//! Called when a draft is sent, on a thread for what blocks. What is to be encrypted must never be
//! written out in clear, whatever fails: nothing is written before `gpg` said that it is done.

use super::program::{self, Ended, Fault, Limits, Stop, Streams};
use crate::mime::{ComposeError, Composer, Contents, How, Purpose, Written};
use crate::model::{Draft, DraftKind, Standing, check_address};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long `gpg` may take: a card may wait for a touch, an attachment may be large.
const LIMIT: Duration = Duration::from_secs(180);
/// How long it may take to look for keys.
const LOOK_LIMIT: Duration = Duration::from_secs(10);
/// A longer signature is none.
const SIGNATURE_BYTES_MAX: u64 = 1024 * 1024;

/// Why a message is not sealed, in words for the user.
#[derive(Debug, thiserror::Error)]
pub enum CryptoError {
    /// There is no `gpg`.
    #[error("gpg is not installed, or not on the path; install GnuPG to sign and encrypt")]
    Missing,
    /// Nothing to sign with.
    #[error("gpg has no secret key for {0}; make one (gpg --quick-gen-key {0}) or send unsigned")]
    NoSecretKey(String),
    /// Nothing to encrypt to.
    #[error("gpg has no public key for {0}; import it, or send without encryption")]
    NoPublicKey(String),
    /// A key that is not known to be theirs.
    #[error("gpg does not trust the key of {0}; check it and sign it (gpg --lsign-key {0})")]
    Untrusted(String),
    /// A key that is over.
    #[error("the key of {0} cannot be used: {1}")]
    Unusable(String, &'static str),
    /// The agent would have to ask, and the screen is ours.
    #[error(
        "gpg needs the passphrase of {0}: unlock it with gpg-agent first \
         (in another terminal: gpg --local-user {0} --clear-sign /dev/null)"
    )]
    Passphrase(String),
    /// The same, where it is not known whose key it is.
    #[error(
        "the secret key is locked: unlock it with gpg-agent first \
         (a key of gpg in another terminal: echo | gpg -e --default-recipient-self | gpg -d)"
    )]
    Locked,
    /// The same of `gpgsm`.
    #[error(
        "the secret key is locked: unlock it with gpg-agent first \
         (in another terminal: echo | gpgsm -e -r YOUR-ADDRESS | gpgsm -d)"
    )]
    SmimeLocked,
    /// There is no `gpgsm`.
    #[error(
        "gpgsm is not installed, or not on the path; install it for S/MIME \
         (Debian, Ubuntu: gpgsm; elsewhere it comes with GnuPG)"
    )]
    SmimeMissing,
    /// Nothing to decrypt with.
    #[error(
        "it was encrypted for a key that is not here; open it where that key is, \
         or ask the sender to encrypt it for yours"
    )]
    NotForUs,
    /// What came is not what was sent.
    #[error("it was changed or damaged on the way; ask the sender to send it again")]
    Damaged,
    /// Why, is not known.
    #[error("{0} cannot open it; ask the sender to send it in another form")]
    Unreadable(&'static str),
    /// It takes too long.
    #[error("{0} did not end within {1} seconds")]
    TooLong(String, u64),
    /// Anything else.
    #[error("gpg failed: {0}")]
    Failed(String),
    /// The message itself cannot be written.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// A temporary file cannot be used.
    #[error("a temporary file for gpg cannot be used: {0}")]
    Disk(#[from] io::Error),
}

/// How `gpg` is called.
#[derive(Debug, Clone)]
pub struct Gpg {
    program: PathBuf,
    home: Option<PathBuf>,
}

impl Default for Gpg {
    fn default() -> Self {
        Self {
            program: PathBuf::from("gpg"),
            home: None,
        }
    }
}

impl Gpg {
    /// The one of that path, with its keys in that folder.
    #[must_use]
    pub fn at(program: impl Into<PathBuf>, home: Option<PathBuf>) -> Self {
        Self {
            program: program.into(),
            home,
        }
    }

    /// Writes the whole message, signed and encrypted as the draft asks for. `folder` takes temporary
    /// files without a name, for this user alone. A draft that is to be kept is encrypted to its
    /// writer alone, and not signed. On an error, what was written so far is no message.
    ///
    /// # Errors
    /// See [`CryptoError`]. What was to be encrypted is then nowhere in `out`.
    pub fn seal(
        &self,
        draft: &Draft,
        how: How,
        contents: &mut dyn Contents,
        folder: &Path,
        out: &mut dyn Write,
    ) -> Result<Written, CryptoError> {
        let composer = Composer::new(draft, how);
        let is_kept = how.purpose == Purpose::Keeping;
        let is_encrypted = draft.sending.is_encrypted;
        let is_signed = draft.sending.is_signed && !is_kept;
        if !is_encrypted && !draft.sending.is_signed {
            return Ok(composer.write(contents, out)?);
        }
        if draft.kind == DraftKind::Bounce {
            // It goes out as it is, so it cannot be what was asked for.
            return Err(ComposeError::InClear.into());
        }
        // What is wrong with the addresses is told before anybody asks for a passphrase.
        composer.header()?;
        if !is_encrypted && is_kept {
            let mut clear = draft.clone();
            clear.sending.is_signed = false;
            return Ok(Composer::new(&clear, how).write(contents, out)?);
        }
        let mut entity = tempfile::tempfile_in(folder)?;
        {
            let mut writer = BufWriter::new(&mut entity);
            composer.entity(contents, &mut writer)?;
            writer.flush()?;
        }
        entity.rewind()?;
        if is_encrypted {
            let mut armoured = self.encrypt(draft, is_signed, is_kept, entity, folder)?;
            Ok(composer.write_encrypted(&mut armoured, out)?)
        } else {
            let (signature, micalg) = self.sign(draft, entity.try_clone()?)?;
            entity.rewind()?;
            let mut entity = BufReader::new(entity);
            Ok(composer.write_signed(&mut entity, &signature, micalg, out)?)
        }
    }

    /// Looks whether the keys are there that the draft needs.
    ///
    /// # Errors
    /// The first that is missing.
    pub fn look(&self, draft: &Draft) -> Result<(), CryptoError> {
        let own = &draft.identity.address.address;
        self.find("--list-secret-keys", own)?
            .then_some(())
            .ok_or_else(|| CryptoError::NoSecretKey(own.clone()))?;
        if draft.sending.is_encrypted {
            for (address, _) in recipients(draft) {
                if !self.find("--list-keys", address)? {
                    return Err(CryptoError::NoPublicKey(address.to_owned()));
                }
            }
        }
        Ok(())
    }

    /// The version of `gpg`, as it says it.
    ///
    /// # Errors
    /// When there is none, or it does not work.
    pub fn version(&self) -> Result<String, CryptoError> {
        let mut command = Command::new(&self.program);
        command.arg("--version");
        let ended = run(&mut command, LOOK_LIMIT, Streams::Kept(Vec::new()))?;
        let said = String::from_utf8_lossy(&ended.output).into_owned();
        let first = said.lines().next().unwrap_or_default();
        if ended.is_success && first.starts_with("gpg ") {
            Ok(first.chars().take(100).collect())
        } else {
            Err(CryptoError::Failed(
                "it does not say its version".to_owned(),
            ))
        }
    }

    fn find(&self, list: &str, address: &str) -> Result<bool, CryptoError> {
        let mut command = self.command();
        command.args(["--with-colons", list, "--"]);
        command.arg(user_id(address)?);
        let ended = run(&mut command, LOOK_LIMIT, Streams::Kept(Vec::new()))?;
        Ok(ended.is_success)
    }

    /// `gpg` with what all calls share: it asks no network, and see [`Self::silent`].
    pub(super) fn command(&self) -> Command {
        let mut command = self.silent(&self.program);
        command.args(["--no-auto-key-locate", "--no-auto-key-retrieve"]);
        command
    }

    /// The same of `gpgsm`, which lies beside it.
    pub(super) fn smime_command(&self) -> Command {
        let mut command = self.silent(&self.program.with_file_name("gpgsm"));
        command.args(["--disable-dirmngr", "--disable-crl-checks"]);
        command
    }

    /// A program of GnuPG's: no terminal, no question, its status on the standard error, beside what it
    /// says to people.
    fn silent(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some(home) = &self.home {
            command.arg("--homedir").arg(home);
        }
        // Not `--quiet`: gpg then leaves out the status line that says why a key did not open.
        command.args(["--batch", "--no-tty", "--status-fd", "2"]);
        // A passphrase is asked for by an agent that has it already, or not at all: a program
        // that asks on our terminal would tear the screen.
        command.args(["--pinentry-mode", "error"]);
        command.env_remove("GPG_TTY").env("LC_ALL", "C");
        command
    }

    /// The signature in ASCII armour, and the hash that was signed.
    fn sign(&self, draft: &Draft, entity: File) -> Result<(Vec<u8>, &'static str), CryptoError> {
        let own = &draft.identity.address.address;
        let mut command = self.command();
        command.arg("--local-user").arg(user_id(own)?);
        command.args(["--armor", "--detach-sign"]);
        command.stdin(entity).stdout(Stdio::piped());
        let ended = run(&mut command, LIMIT, Streams::Set)?;
        let status = Status::read(&ended.errors);
        let micalg = status.micalg();
        match micalg {
            Some(micalg) if ended.is_success && ended.output.starts_with(b"-----BEGIN PGP") => {
                Ok((ended.output, micalg))
            }
            _ => Err(status.fault(own)),
        }
    }

    /// A file with what was encrypted, in ASCII armour.
    fn encrypt(
        &self,
        draft: &Draft,
        is_signed: bool,
        is_kept: bool,
        entity: File,
        folder: &Path,
    ) -> Result<BufReader<File>, CryptoError> {
        let own = &draft.identity.address.address;
        let mut command = self.command();
        command.args(["--armor", "--encrypt", "--no-encrypt-to"]);
        if is_signed {
            command.arg("--sign").arg("--local-user").arg(user_id(own)?);
        }
        command.arg("--recipient").arg(user_id(own)?);
        let others = if is_kept {
            Vec::new()
        } else {
            recipients(draft)
        };
        for (address, is_hidden) in others {
            // Nobody may learn from the keys who got a blind copy.
            command.arg(if is_hidden {
                "--hidden-recipient"
            } else {
                "--recipient"
            });
            command.arg(user_id(address)?);
        }
        let mut armoured = tempfile::tempfile_in(folder)?;
        command.stdin(entity).stdout(armoured.try_clone()?);
        let ended = run(&mut command, LIMIT, Streams::Set)?;
        let status = Status::read(&ended.errors);
        let is_done = status.has("END_ENCRYPTION") && (!is_signed || status.has("SIG_CREATED"));
        if !ended.is_success || !is_done {
            return Err(status.fault(own));
        }
        armoured.rewind()?;
        Ok(BufReader::new(armoured))
    }
}

/// Everybody it goes to; `true`: by a blind copy.
fn recipients(draft: &Draft) -> Vec<(&str, bool)> {
    let open = draft.to.valid().chain(draft.cc.valid()).map(|a| (a, false));
    let blind = draft.bcc.valid().map(|a| (a, true));
    open.chain(blind)
        .map(|(address, is_hidden)| (address.address.as_str(), is_hidden))
        .collect()
}

/// A key by its address, and by nothing else that `gpg` would take an argument for.
fn user_id(address: &str) -> Result<String, CryptoError> {
    if check_address(address) == Standing::Valid {
        Ok(format!("<{address}>"))
    } else {
        Err(CryptoError::Failed(format!(
            "{address:?} is not an address"
        )))
    }
}

fn run(command: &mut Command, time: Duration, streams: Streams) -> Result<Ended, CryptoError> {
    let limits = Limits {
        time,
        output_bytes: SIGNATURE_BYTES_MAX,
    };
    run_within(command, streams, limits, &Stop::default())
}

/// Runs one of GnuPG's programs to its end.
pub(super) fn run_within(
    command: &mut Command,
    streams: Streams,
    limits: Limits,
    stop: &Stop,
) -> Result<Ended, CryptoError> {
    program::run(command, streams, limits, stop).map_err(|fault| match fault {
        Fault::Missing(name) if name.ends_with("gpgsm") => CryptoError::SmimeMissing,
        Fault::Missing(_) => CryptoError::Missing,
        Fault::TooLong(name, seconds) => CryptoError::TooLong(name, seconds),
        other => CryptoError::Failed(other.to_string()),
    })
}

/// Why something failed, as far as it makes a difference here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    NoPublicKey,
    NoSecretKey,
    /// The agent would have to ask for the passphrase.
    Locked,
}

impl Code {
    /// A code of libgpg-error; its upper half says which part of GnuPG it was.
    const fn read(code: u32) -> Option<Self> {
        const NO_PUBLIC_KEY: u32 = 9;
        const NO_SECRET_KEY: u32 = 17;
        const NO_PINENTRY: u32 = 85;
        const CANCELED: u32 = 99;
        const NO_PASSPHRASE: u32 = 177;
        match code & 0xffff {
            NO_PUBLIC_KEY => Some(Self::NoPublicKey),
            NO_SECRET_KEY => Some(Self::NoSecretKey),
            NO_PINENTRY | CANCELED | NO_PASSPHRASE => Some(Self::Locked),
            _ => None,
        }
    }

    /// That of a line for programs, from behind its first word: it comes after the place where it failed.
    pub(super) fn of(words: &[String]) -> Option<Self> {
        Self::read(words.get(1)?.parse().ok()?)
    }
}

/// What `gpg` said: lines for programs, and lines for people.
pub(super) struct Status {
    lines: Vec<Vec<String>>,
    said: Vec<String>,
}

impl Status {
    /// Words of the status, by the list in GnuPG's own `doc/DETAILS`.
    pub(super) fn read(errors: &[u8]) -> Self {
        let text = String::from_utf8_lossy(errors);
        let mut status = Self {
            lines: Vec::new(),
            said: Vec::new(),
        };
        for line in text.lines() {
            match line.strip_prefix("[GNUPG:] ") {
                Some(words) => {
                    let words = words.split(' ').map(str::to_owned);
                    status.lines.push(words.collect());
                }
                None => {
                    let words = line.trim_start_matches("gpg: ");
                    status.said.push(words.chars().take(300).collect());
                }
            }
        }
        status
    }

    /// The lines for programs, word by word.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[String]> {
        self.lines.iter().map(Vec::as_slice)
    }

    /// What was said to people last.
    pub(super) fn said(&self) -> &str {
        match self.said.last().map_or("", String::as_str) {
            "" => "it did not say why",
            said => said,
        }
    }

    /// Whether one of these was said to people.
    pub(super) fn tells(&self, words: &[&str]) -> bool {
        let is_in = |said: &String| words.iter().any(|words| said.contains(words));
        self.said.iter().any(is_in)
    }

    fn find(&self, word: &str) -> Option<&[String]> {
        let line = self
            .lines
            .iter()
            .find(|l| l.first().is_some_and(|w| w == word))?;
        line.get(1..)
    }

    /// Whether a line for programs begins with that word.
    pub(super) fn has(&self, word: &str) -> bool {
        self.find(word).is_some()
    }

    /// The hash of the signature that was made (RFC 3156 section 5, RFC 9580 section 9.5).
    fn micalg(&self) -> Option<&'static str> {
        match self.find("SIG_CREATED")?.get(2)?.as_str() {
            "2" => Some("pgp-sha1"),
            "3" => Some("pgp-ripemd160"),
            "8" => Some("pgp-sha256"),
            "9" => Some("pgp-sha384"),
            "10" => Some("pgp-sha512"),
            "11" => Some("pgp-sha224"),
            _ => None,
        }
    }

    /// What went wrong.
    fn fault(&self, own: &str) -> CryptoError {
        if let Some([reason, name @ ..]) = self.find("INV_RECP") {
            let name = name.join(" ");
            let name = name.trim_matches(['<', '>']).to_owned();
            return match reason.as_str() {
                "4" => CryptoError::Unusable(name, "it is revoked"),
                "5" => CryptoError::Unusable(name, "it is expired"),
                "6" => CryptoError::Unusable(name, "it is not for encryption"),
                "10" => CryptoError::Untrusted(name),
                "13" => CryptoError::Unusable(name, "it is disabled"),
                _ => CryptoError::NoPublicKey(name),
            };
        }
        if let Some([reason, ..]) = self.find("INV_SGNR") {
            let own = own.to_owned();
            return match reason.as_str() {
                "4" => CryptoError::Unusable(own, "it is revoked"),
                "5" => CryptoError::Unusable(own, "it is expired"),
                _ => CryptoError::NoSecretKey(own),
            };
        }
        let failures: Vec<Code> = self.codes(&["FAILURE"]).collect();
        if failures.contains(&Code::NoSecretKey) {
            CryptoError::NoSecretKey(own.to_owned())
        } else if failures.contains(&Code::Locked) {
            CryptoError::Passphrase(own.to_owned())
        } else {
            CryptoError::Failed(self.said().to_owned())
        }
    }

    /// Why something failed, in the lines with these words.
    pub(super) fn codes(&self, words: &[&str]) -> impl Iterator<Item = Code> {
        let is_wanted = |l: &&[String]| l.first().is_some_and(|w| words.contains(&w.as_str()));
        let wanted = self.lines().filter(is_wanted);
        wanted.filter_map(|l| Code::of(l.get(1..)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_fail_is_told_in_plain_words_that_name_whom_it_is_about() {
        let told = |text: &str| {
            Status::read(text.as_bytes())
                .fault("me@example.org")
                .to_string()
        };
        for (said, words) in [
            (
                "[GNUPG:] INV_RECP 1 <bob@example.org>\n[GNUPG:] FAILURE encrypt 9",
                "no public key for bob@example.org",
            ),
            (
                "[GNUPG:] INV_RECP 10 <bob@example.org>",
                "does not trust the key of bob@example.org",
            ),
            (
                "[GNUPG:] INV_RECP 5 <bob@example.org>",
                "bob@example.org cannot be used: it is expired",
            ),
            (
                "[GNUPG:] INV_SGNR 9 <me@example.org>\n[GNUPG:] FAILURE sign 17",
                "no secret key for me@example.org",
            ),
            (
                "[GNUPG:] FAILURE sign 67108949\ngpg: signing failed: No pinentry",
                "gpg-agent first",
            ),
            (
                "gpg: something else\n[GNUPG:] FAILURE sign 1",
                "something else",
            ),
            ("", "did not say why"),
        ] {
            assert!(told(said).contains(words), "{said}: {}", told(said));
        }
    }

    #[test]
    fn nothing_but_an_address_names_a_key() {
        assert_eq!(user_id("ann@example.org").unwrap(), "<ann@example.org>");
        for odd in [
            "--output=x",
            "0xDEADBEEF",
            "a@x> <b@y",
            "",
            "a@example.org\n",
        ] {
            assert!(user_id(odd).is_err(), "{odd}");
        }
    }
}
