//! What a file is, by the end of its name: the type under which it is attached.
//!
//! Called by `compose`'s callers when a file is attached. A type in here must never be one that has
//! a meaning in the structure of a message (`multipart/…`).

/// The type of a file of that name; `application/octet-stream` where nothing is known.
#[must_use]
pub fn type_of_name(name: &str) -> &'static str {
    let (_, end) = name.rsplit_once('.').unwrap_or_default();
    let end = end.to_ascii_lowercase();
    let found = TYPES.iter().find(|(ends, _)| ends.contains(&end.as_str()));
    found.map_or("application/octet-stream", |(_, kind)| kind)
}

/// That ending with its dot, where it is one that is known here.
pub(super) fn known_ending(end: &str) -> Option<&'static str> {
    let end = format!(".{}", end.to_ascii_lowercase());
    DOTTED.iter().find(|known| **known == end).copied()
}

/// The endings of files that are looked at and not run.
const DOTTED: [&str; 52] = [
    ".txt", ".text", ".log", ".md", ".csv", ".ics", ".vcf", ".patch", ".diff", ".eml", ".json",
    ".yaml", ".yml", ".pdf", ".ps", ".rtf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx",
    ".odt", ".ods", ".odp", ".odg", ".epub", ".zip", ".gz", ".tgz", ".tar", ".7z", ".asc", ".sig",
    ".p7m", ".p7s", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".heic", ".tif", ".tiff", ".bmp",
    ".mp3", ".ogg", ".opus", ".wav", ".mp4", ".webm", ".mov",
];

const TYPES: [(&[&str], &str); 42] = [
    (&["txt", "text", "log"], "text/plain"),
    (&["md", "markdown"], "text/markdown"),
    (&["html", "htm"], "text/html"),
    (&["css"], "text/css"),
    (&["csv"], "text/csv"),
    (&["ics", "ical"], "text/calendar"),
    (&["vcf"], "text/vcard"),
    (&["patch", "diff"], "text/x-patch"),
    (&["eml"], "message/rfc822"),
    (&["xml"], "application/xml"),
    (&["json"], "application/json"),
    (&["yaml", "yml"], "application/yaml"),
    (&["js", "mjs"], "text/javascript"),
    (&["pdf"], "application/pdf"),
    (&["ps", "eps", "ai"], "application/postscript"),
    (&["rtf"], "application/rtf"),
    (&["doc"], "application/msword"),
    (
        &["docx"],
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (&["xls"], "application/vnd.ms-excel"),
    (
        &["xlsx"],
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (&["ppt"], "application/vnd.ms-powerpoint"),
    (
        &["pptx"],
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    (&["odt"], "application/vnd.oasis.opendocument.text"),
    (&["ods"], "application/vnd.oasis.opendocument.spreadsheet"),
    (&["odp"], "application/vnd.oasis.opendocument.presentation"),
    (&["epub"], "application/epub+zip"),
    (&["zip"], "application/zip"),
    (&["gz", "tgz"], "application/gzip"),
    (&["tar"], "application/x-tar"),
    (&["7z"], "application/x-7z-compressed"),
    (&["asc", "sig"], "application/pgp-signature"),
    (&["p7m"], "application/pkcs7-mime"),
    (&["png"], "image/png"),
    (&["jpg", "jpeg"], "image/jpeg"),
    (&["gif"], "image/gif"),
    (&["webp"], "image/webp"),
    (&["svg"], "image/svg+xml"),
    (&["heic", "heif"], "image/heic"),
    (&["mp3"], "audio/mpeg"),
    (&["ogg", "oga", "opus"], "audio/ogg"),
    (&["mp4", "m4v"], "video/mp4"),
    (&["webm"], "video/webm"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_the_file_is() {
        for (name, kind) in [
            ("report.PDF", "application/pdf"),
            ("a.tar.gz", "application/gzip"),
            ("mail.eml", "message/rfc822"),
            ("README", "application/octet-stream"),
            ("png", "application/octet-stream"),
            (".png", "image/png"),
            ("x.exe", "application/octet-stream"),
        ] {
            assert_eq!(type_of_name(name), kind, "{name}");
        }
    }
}
