//! Names under which attachments are shown and saved.
//!
//! Called by `render` and `engine`. A name given out here must never lead out of the folder it is
//! saved in, hide the file, pass for an option of a program, or look like another name.

use super::tree::is_message;
use crate::model::Safe;

/// The longest name in bytes.
const NAME_MAX: usize = 200;
/// A longer ending is no extension.
const EXTENSION_MAX: usize = 16;

/// A name fit for saving: made of `raw`, or of the type where nothing of it can be used. `index`
/// tells nameless parts apart. An attached message is named by its subject and ends with `.eml`.
#[must_use]
pub fn file_name(raw: &str, mime_type: &str, index: usize) -> String {
    if !is_message(mime_type) {
        return clean_name(raw, mime_type, index);
    }
    // A subject has no folders, so its slashes are only characters to be replaced.
    let name = clean_name(&raw.replace(['/', '\\'], "_"), mime_type, index);
    let is_eml = name.to_ascii_lowercase().ends_with(".eml");
    if is_eml {
        name
    } else {
        shorten(&format!("{name}.eml"))
    }
}

/// The ending under which a file may be opened: the name's own where it is one that is known here,
/// else that of its type. Whether it may be opened at all is for the caller to ask.
#[must_use]
pub fn safe_ending(name: &str, mime_type: &str) -> Option<&'static str> {
    let own = name.trim_end().rsplit_once('.').map(|(_, end)| end);
    let own = own.and_then(super::kinds::known_ending);
    let of_type = || match extension_of(mime_type) {
        ".bin" => None,
        ending => Some(ending),
    };
    own.or_else(of_type)
}

fn clean_name(raw: &str, mime_type: &str, index: usize) -> String {
    let base = raw
        .rsplit(['/', '\\'])
        .find(|p| !p.trim().is_empty())
        .unwrap_or_default();
    let clean: String = base.chars().filter_map(clean_char).collect();
    // Trailing dots and blanks vanish on some systems and would make two names one.
    let clean = clean
        .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '-' | '~'))
        .trim_end_matches(|c: char| c.is_whitespace() || c == '.');
    if clean.is_empty() || !clean.contains(char::is_alphanumeric) {
        return made_up(mime_type, index);
    }
    let name = shorten(clean);
    if is_reserved(&name) {
        shorten(&format!("_{name}"))
    } else {
        name
    }
}

fn clean_char(c: char) -> Option<char> {
    match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => Some('_'),
        c if c.is_whitespace() => Some(' '),
        // What the screen has to mark or drop has no place in the name of a file.
        c if Safe::line(c.encode_utf8(&mut [0; 4])).as_str() != c.encode_utf8(&mut [0; 4]) => None,
        c => Some(c),
    }
}

fn made_up(mime_type: &str, index: usize) -> String {
    let extension = extension_of(mime_type);
    let number = index + 1;
    let what = match mime_type {
        "text/calendar" => "invitation",
        "message/delivery-status" | "message/global-delivery-status" => "delivery-report",
        "message/disposition-notification" => "read-receipt",
        "text/rfc822-headers" | "message/global-headers" => "headers",
        _ => "attachment",
    };
    format!("{what}-{number}{extension}")
}

fn extension_of(mime_type: &str) -> &'static str {
    match mime_type {
        "text/plain" => ".txt",
        "text/html" => ".html",
        "text/calendar" => ".ics",
        "text/csv" => ".csv",
        "text/vcard" | "text/x-vcard" | "text/directory" => ".vcf",
        "text/x-patch" | "text/x-diff" => ".patch",
        "message/rfc822" | "message/global" | "message/news" => ".eml",
        "message/delivery-status"
        | "message/global-delivery-status"
        | "message/disposition-notification"
        | "message/global-headers"
        | "text/rfc822-headers" => ".txt",
        "application/pdf" => ".pdf",
        "application/zip" => ".zip",
        "application/json" => ".json",
        "application/xml" | "text/xml" => ".xml",
        "application/pgp-signature" | "application/pgp-encrypted" => ".asc",
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => ".p7m",
        "image/jpeg" | "image/jpg" => ".jpg",
        "image/png" => ".png",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        "image/tiff" => ".tiff",
        "audio/mpeg" => ".mp3",
        "audio/wav" | "audio/x-wav" => ".wav",
        "video/mp4" => ".mp4",
        _ => ".bin",
    }
}

/// At most [`NAME_MAX`] bytes, the extension kept.
fn shorten(name: &str) -> String {
    if name.len() <= NAME_MAX {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, end)) if end.len() <= EXTENSION_MAX => (stem, format!(".{end}")),
        _ => (name, String::new()),
    };
    let room = NAME_MAX - extension.len();
    let mut end = room.min(stem.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let stem = stem.get(..end).unwrap_or_default().trim_end();
    format!("{stem}{extension}")
}

/// Device names of Windows, with or without an extension.
fn is_reserved(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or(name)
        .trim_end()
        .to_ascii_uppercase();
    let is_port = stem.len() == 4
        && (stem.starts_with("COM") || stem.starts_with("LPT"))
        && stem.ends_with(|c: char| c.is_ascii_digit());
    is_port
        || matches!(
            stem.as_str(),
            "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder_and_is_what_it_looks_like() {
        for (raw, name) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\evil.exe", "evil.exe"),
            ("/", "attachment-1.bin"),
            ("..", "attachment-1.bin"),
            ("...", "attachment-1.bin"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("--", "attachment-1.bin"),
            ("~root", "root"),
            ("", "attachment-1.bin"),
            ("   ", "attachment-1.bin"),
            ("a\0b\x1b[31m\n.txt", "ab[31m .txt"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("in\u{200b}voice.pdf", "invoice.pdf"),
            ("a:b*c?.txt", "a_b_c_.txt"),
            ("name. . ", "name"),
            ("nul.txt", "_nul.txt"),
            ("COM1", "_COM1"),
            ("COMMA.txt", "COMMA.txt"),
            ("dir/", "dir"),
            ("Grüße 日本.pdf", "Grüße 日本.pdf"),
        ] {
            assert_eq!(file_name(raw, "x/y", 0), name, "{raw:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = file_name(&format!("{}.tar.gz", "ä".repeat(500)), "x/y", 0);
        assert!(name.len() <= NAME_MAX && name.ends_with(".gz"), "{name}");
        let name = file_name(&"x".repeat(500), "x/y", 0);
        assert_eq!(name.len(), NAME_MAX);
    }

    #[test]
    fn nameless_parts_are_named_by_type_and_number() {
        assert_eq!(file_name("", "image/png", 2), "attachment-3.png");
        let eml = |subject: &str, index| file_name(subject, "message/rfc822", index);
        assert_eq!(eml("Re: a/b", 0), "Re_ a_b.eml");
        assert_eq!(eml("", 4), "attachment-5.eml");
        assert_eq!(eml("note.EML", 0), "note.EML");
        for (mime_type, name) in [
            ("text/calendar", "invitation-1.ics"),
            ("message/delivery-status", "delivery-report-1.txt"),
            ("text/rfc822-headers", "headers-1.txt"),
        ] {
            assert_eq!(file_name("", mime_type, 0), name);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_name_is_dangerous(raw in ".{0,300}") {
            let name = file_name(&raw, "application/pdf", 0);
            proptest::prop_assert!(!name.is_empty() && name.len() <= NAME_MAX);
            proptest::prop_assert!(!name.contains(['/', '\\', '\0']) && !name.starts_with(['.', '-']));
            let safe = Safe::line(&name);
            proptest::prop_assert_eq!(safe.as_str(), name);
        }
    }
}
