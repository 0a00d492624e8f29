//! The frame around what was signed or encrypted: PGP/MIME (RFC 3156, RFC 1847).
//!
//! Called by `engine::crypto`, which has the signing and encrypting done by `gpg`. What was signed
//! must be written byte for byte as it was given to `gpg`.

use super::compose::{ComposeError, Composer, Purpose, Written, delimiter, route};
use super::encode::Strict;
use super::field::Fields;
use std::io::{self, BufRead, BufReader, Read, Write};

/// The level of the outer boundary; those of [`Composer::entity`] are below it.
const LEVEL: u8 = 9;

impl Composer<'_> {
    /// Writes the whole message around an entity and its signature in ASCII armour. `micalg` is the
    /// hash that was signed: `pgp-sha256`.
    ///
    /// # Errors
    /// When `out` cannot be written, or an address is not valid.
    pub fn write_signed(
        &self,
        entity: &mut dyn Read,
        signature: &[u8],
        micalg: &str,
        out: &mut dyn Write,
    ) -> Result<Written, ComposeError> {
        self.write_sealed(
            "multipart/signed",
            &[
                ("protocol", "application/pgp-signature"),
                ("micalg", micalg),
            ],
            out,
            |boundary, out| {
                delimiter(out, boundary, "")?;
                io::copy(entity, out).map_err(ComposeError::writing)?;
                delimiter(out, boundary, "")?;
                let mut fields = Fields::default();
                let name = [("name", "signature.asc")];
                fields.params("Content-Type", "application/pgp-signature", &name);
                fields.fixed("Content-Description", "OpenPGP digital signature");
                part(fields, &mut &*signature, out)?;
                delimiter(out, boundary, "--")
            },
        )
    }

    /// Writes the whole message around what `gpg` made of the entity, in ASCII armour.
    ///
    /// # Errors
    /// When `out` cannot be written, or an address is not valid.
    pub fn write_encrypted(
        &self,
        armoured: &mut dyn Read,
        out: &mut dyn Write,
    ) -> Result<Written, ComposeError> {
        self.write_sealed(
            "multipart/encrypted",
            &[("protocol", "application/pgp-encrypted")],
            out,
            |boundary, out| {
                delimiter(out, boundary, "")?;
                let mut fields = Fields::default();
                fields.fixed("Content-Type", "application/pgp-encrypted");
                fields.fixed("Content-Description", "PGP/MIME version identification");
                part(fields, &mut &b"Version: 1\n"[..], out)?;
                delimiter(out, boundary, "")?;
                let mut fields = Fields::default();
                let name = [("name", "encrypted.asc")];
                fields.params("Content-Type", "application/octet-stream", &name);
                fields.fixed("Content-Description", "OpenPGP encrypted message");
                let name = [("filename", "encrypted.asc")];
                fields.params("Content-Disposition", "inline", &name);
                part(fields, armoured, out)?;
                delimiter(out, boundary, "--")
            },
        )
    }

    fn write_sealed(
        &self,
        kind: &str,
        params: &[(&'static str, &str)],
        out: &mut dyn Write,
        parts: impl FnOnce(&str, &mut Strict<'_>) -> Result<(), ComposeError>,
    ) -> Result<Written, ComposeError> {
        let boundary = self.how().stamp.boundary(LEVEL);
        let header = self.header()?;
        let mut fields = Fields::default();
        let mut all = params.to_vec();
        all.push(("boundary", &boundary));
        fields.params("Content-Type", kind, &all);
        let mut strict = Strict::new(out);
        strict.write_all(&header).map_err(ComposeError::writing)?;
        let has_8bit_header = strict.has_8bit;
        let mut kind = fields.into_bytes();
        kind.extend_from_slice(b"\r\n");
        strict.write_all(&kind).map_err(ComposeError::writing)?;
        strict.has_8bit = false;
        parts(&boundary, &mut strict)?;
        let is_sent = self.how().purpose == Purpose::Sending;
        Ok(Written {
            size_bytes: strict.size_bytes,
            needs_8bitmime: strict.has_8bit || has_8bit_header,
            needs_smtputf8: has_8bit_header || (is_sent && route(self.draft())?.needs_smtputf8),
        })
    }
}

/// A part of lines, whichever way they end.
fn part(fields: Fields, lines: &mut dyn Read, out: &mut Strict<'_>) -> Result<(), ComposeError> {
    let mut head = fields.into_bytes();
    head.extend_from_slice(b"\r\n");
    out.write_all(&head).map_err(ComposeError::writing)?;
    let mut lines = BufReader::new(lines);
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = lines
            .read_until(b'\n', &mut line)
            .map_err(ComposeError::writing)?;
        if count == 0 {
            return Ok(());
        }
        while line.pop_if(|b| matches!(b, b'\n' | b'\r')).is_some() {}
        line.extend_from_slice(b"\r\n");
        out.write_all(&line).map_err(ComposeError::writing)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::NoContents;
    use crate::mime::compose_tests_support::{draft, how};
    use crate::model::Recipients;

    #[test]
    fn what_was_signed_stands_in_the_message_byte_for_byte() {
        let mut draft = draft();
        draft.to = Recipients::read("bob@example.org");
        draft.subject = "Grüße".to_owned();
        draft.body = "From here\nto there \n-- \nÄnn".to_owned();
        draft.sending.is_signed = true;
        let composer = Composer::new(&draft, how());
        let mut entity = Vec::new();
        composer.entity(&mut NoContents, &mut entity).unwrap();
        assert!(entity.is_ascii());
        let signature = b"-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";
        let mut out = Vec::new();
        let written = composer
            .write_signed(&mut entity.as_slice(), signature, "pgp-sha512", &mut out)
            .unwrap();
        assert_eq!(written.size_bytes, out.len() as u64);
        assert!(!written.needs_8bitmime && !written.needs_smtputf8);
        let text = String::from_utf8(out).unwrap();
        let boundary = text
            .split("boundary=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let parts: Vec<&str> = text.split(&format!("\r\n--{boundary}")).collect();
        assert_eq!(parts.len(), 4, "{text}");
        assert_eq!(parts[1].strip_prefix("\r\n").unwrap().as_bytes(), entity);
        assert!(parts[2].contains("BEGIN PGP SIGNATURE-----\r\n\r\nabc\r\n"));
        assert_eq!(parts[3], "--\r\n");
        assert!(text.contains("micalg=pgp-sha512") || text.contains("micalg=\"pgp-sha512\""));
        assert_eq!(text.matches("MIME-Version: 1.0\r\n").count(), 1);
    }
}
