//! Which files are never opened by a key: programs, and what runs or loads things when it is looked at.
//!
//! Asked by `app` before anything is fetched, and by `engine` of the bytes. What is refused here can
//! still be saved; nothing here may ever be a matter of what a mail says of itself alone.

/// Endings of programs and scripts, and of what leads to one.
const PROGRAMS: [&str; 75] = [
    "action", "apk", "app", "appimage", "bash", "bat", "bin", "chm", "cmd", "com", "command",
    "cpl", "csh", "deb", "desktop", "dll", "dmg", "elf", "exe", "fish", "gadget", "hta", "img",
    "inf", "iso", "jar", "jnlp", "js", "jse", "ksh", "lnk", "lua", "mjs", "msc", "msi", "msp",
    "php", "pif", "pkg", "pl", "ps1", "psm1", "py", "pyw", "rb", "reg", "rpm", "run", "scf",
    "scpt", "scr", "sh", "so", "svc", "sys", "terminal", "url", "vb", "vbe", "vbs", "vhd",
    "webloc", "wsf", "wsh", "xpi", "zsh", "vhdx",
    // Documents that may run what is written in them.
    "docm", "dotm", "potm", "ppsm", "pptm", "xlam", "xlsm", "xltm",
];
/// Endings of pages: shown by a browser, they load and run what they like.
const PAGES: [&str; 10] = [
    "htm", "html", "mht", "mhtml", "shtml", "svg", "svgz", "xht", "xhtml", "xml",
];

/// Why a file of that name and type is not opened; `None`: nothing speaks against it.
#[must_use]
pub fn why_not_opened(name: &str, mime_type: &str) -> Option<&'static str> {
    let name = name.trim_end_matches(['.', ' ']);
    let (_, end) = name.rsplit_once('.').unwrap_or_default();
    let end = end.to_ascii_lowercase();
    let kind = mime_type.to_ascii_lowercase();
    let is_script = kind.contains("javascript") || kind.contains("x-sh") || kind.contains("x-msdo");
    if PROGRAMS.contains(&end.as_str()) || is_script || kind.contains("executable") {
        return Some("it can be a program");
    }
    let is_page = kind.contains("html") || kind.contains("svg");
    if PAGES.contains(&end.as_str()) || is_page {
        return Some("a page can load and run things");
    }
    None
}

/// Whether these are the first bytes of a program, a script, or a link to one.
#[must_use]
pub fn begins_as_program(head: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 9] = [
        b"\x7fELF",
        b"MZ",
        b"#!",
        b"\xfe\xed\xfa\xce",
        b"\xfe\xed\xfa\xcf",
        b"\xce\xfa\xed\xfe",
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
        b"L\0\0\0\x01\x14\x02\0",
    ];
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let is_desktop = head.trim_ascii_start().starts_with(b"[Desktop Entry]");
    is_desktop || BEGINNINGS.iter().any(|b| head.starts_with(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_pages_are_not_opened_whatever_type_they_claim() {
        for (name, kind) in [
            ("setup.EXE", "application/pdf"),
            ("invoice.pdf.scr", "application/pdf"),
            ("run.sh", "text/plain"),
            ("evil.desktop", "image/png"),
            ("a.js ", "text/plain"),
            ("a.exe.", "text/plain"),
            ("page.html", "text/html"),
            ("page", "text/html"),
            ("drawing.svg", "image/svg+xml"),
            ("budget.xlsm", "application/octet-stream"),
            ("notes.txt", "application/x-executable"),
        ] {
            assert!(why_not_opened(name, kind).is_some(), "{name}");
        }
        for (name, kind) in [
            ("report.pdf", "application/pdf"),
            ("exe", "text/plain"),
            ("exe.notes.txt", "text/plain"),
            ("photo.jpeg", "image/jpeg"),
        ] {
            assert_eq!(why_not_opened(name, kind), None, "{name}");
        }
    }

    #[test]
    fn what_begins_as_a_program_is_one_whatever_its_name() {
        for head in [
            &b"\x7fELF\x02"[..],
            b"MZ\x90",
            b"#!/bin/sh",
            b"\xef\xbb\xbf#!/bin/sh",
            b"\n[Desktop Entry]\n",
        ] {
            assert!(begins_as_program(head));
        }
        for head in [&b"%PDF-1.7"[..], b"\x89PNG", b"PK\x03\x04", b"", b"M"] {
            assert!(!begins_as_program(head));
        }
    }
}
