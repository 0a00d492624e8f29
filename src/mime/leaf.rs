//! One part of a message as it is written: a text of ours, or something attached.
//!
//! Called by `compose`. What is attached must come out as it went in, byte for byte: an attached
//! message as it is, anything else as base64.

use super::compose::{ComposeError, EightBit};
use super::encode::{self, Shape, Strict, quoted_printable};
use super::field::Fields;
use super::flowed::{flow, with_plain_breaks};
use super::tree::is_type;
use crate::model::Attached;
use std::io::{Read, Write};

const UNKNOWN: &str = "application/octet-stream";
/// The longest name, as file systems have it.
const NAME_MAX: usize = 255;

/// A text of ours.
pub(super) struct Leaf {
    kind: &'static str,
    params: &'static [(&'static str, &'static str)],
    /// With CRLF breaks.
    text: String,
}

impl Leaf {
    /// Plain text (RFC 3676).
    pub(super) fn flowed(body: &str) -> Self {
        Self {
            kind: "text/plain",
            params: &[("charset", "utf-8"), ("format", "flowed")],
            text: flow(body),
        }
    }

    /// HTML.
    pub(super) fn page(html: &str) -> Self {
        Self {
            kind: "text/html",
            params: &[("charset", "utf-8")],
            text: with_plain_breaks(html).replace('\n', "\r\n"),
        }
    }

    /// The answer to an invitation (RFC 6047 section 2.4).
    pub(super) fn calendar(text: &str) -> Self {
        Self {
            kind: "text/calendar",
            params: &[("charset", "utf-8"), ("method", "REPLY")],
            text: with_plain_breaks(text).replace('\n', "\r\n"),
        }
    }

    /// Writes it in the plainest form that gets through: as it is, else as quoted-printable.
    pub(super) fn write(
        self,
        may_be_8bit: bool,
        is_signed: bool,
        out: &mut Strict<'_>,
    ) -> Result<(), ComposeError> {
        let shape = Shape::of(self.text.as_bytes()).map_err(ComposeError::writing)?;
        let is_plain = shape.is_lines()
            && !shape.has_control
            && (may_be_8bit || !shape.has_8bit)
            && !(is_signed && shape.is_fragile);
        let encoding = match (is_plain, shape.has_8bit) {
            (false, _) => "quoted-printable",
            (true, true) => "8bit",
            (true, false) => "7bit",
        };
        let mut fields = Fields::default();
        fields.params("Content-Type", self.kind, self.params);
        fields.text("Content-Transfer-Encoding", encoding);
        let mut bytes = fields.into_bytes();
        bytes.extend_from_slice(b"\r\n");
        if is_plain {
            bytes.extend_from_slice(self.text.as_bytes());
        } else {
            bytes.extend_from_slice(quoted_printable(&self.text).as_bytes());
        }
        out.write_all(&bytes).map_err(ComposeError::writing)
    }
}

/// Whether it must be looked through before it is written.
pub(super) fn wants_look(attached: &Attached) -> bool {
    let kind = attached.mime_type.to_ascii_lowercase();
    kind.starts_with("message/") || (kind.starts_with("text/") && attached.charset.is_empty())
}

/// Something attached.
pub(super) struct File<'a> {
    name: &'a str,
    kind: String,
    charset: String,
    /// How it is written: `base64`, or as it is.
    encoding: &'static str,
}

impl<'a> File<'a> {
    pub(super) fn new(
        attached: &Attached,
        name: &'a str,
        shape: Option<Shape>,
        eight_bit: EightBit,
    ) -> Self {
        let kind = attached.mime_type.to_ascii_lowercase();
        let is_known = is_type(&kind) && !kind.starts_with("multipart/");
        let kind = if is_known { kind } else { UNKNOWN.to_owned() };
        let mut file = Self {
            name,
            charset: String::new(),
            encoding: "base64",
            kind,
        };
        if file.kind.starts_with("message/") {
            file.as_message(shape.unwrap_or_default(), eight_bit);
        } else if file.kind.starts_with("text/") {
            file.charset = match shape {
                Some(shape) if !shape.has_8bit => "us-ascii".to_owned(),
                Some(shape) if shape.is_utf8 => "utf-8".to_owned(),
                Some(_) => String::new(),
                None => attached.charset.clone(),
            };
        }
        file
    }

    /// A message may not be encoded (RFC 2046 section 5.2.1). One that cannot travel as it is goes
    /// as a file, so that it arrives whole.
    fn as_message(&mut self, shape: Shape, eight_bit: EightBit) {
        let fits = shape.is_lines() && (!shape.has_8bit || eight_bit != EightBit::Never);
        match (fits, shape.has_8bit) {
            (false, _) => self.kind = UNKNOWN.to_owned(),
            (true, true) => self.encoding = "8bit",
            (true, false) => self.encoding = "7bit",
        }
    }

    pub(super) fn write(
        &self,
        from: Box<dyn Read + '_>,
        out: &mut Strict<'_>,
    ) -> Result<(), ComposeError> {
        let mut fields = Fields::default();
        let charset = [("charset", self.charset.as_str())];
        let params = charset.get(usize::from(self.charset.is_empty())..);
        fields.params("Content-Type", &self.kind, params.unwrap_or_default());
        fields.text("Content-Transfer-Encoding", self.encoding);
        let name = sent_name(self.name);
        let params = [("filename", name.as_str())];
        let params = params.get(usize::from(name.is_empty())..);
        fields.params(
            "Content-Disposition",
            "attachment",
            params.unwrap_or_default(),
        );
        let mut head = fields.into_bytes();
        head.extend_from_slice(b"\r\n");
        out.write_all(&head).map_err(ComposeError::writing)?;
        let copied = match self.encoding {
            "base64" => encode::base64(from, out),
            _ => encode::lines(from, out),
        };
        copied.map_err(|copying| ComposeError::copying(self.name, copying))
    }
}

/// The name without the folders it lies in, which are nobody else's business, and without what
/// some readers would decode.
pub(super) fn sent_name(name: &str) -> String {
    let base = name.rsplit('/').find(|part| !part.trim().is_empty());
    let base = base.unwrap_or_default().trim().replace("=?", "=_");
    base.chars().take(NAME_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_nothing_of_the_folders_around_it() {
        for (name, sent) in [
            ("report.pdf", "report.pdf"),
            ("/home/ann/secret/report.pdf", "report.pdf"),
            ("dir/", "dir"),
            ("", ""),
            ("=?utf-8?Q?x?=.pdf", "=_utf-8?Q?x?=.pdf"),
        ] {
            assert_eq!(sent_name(name), sent);
        }
    }
}
