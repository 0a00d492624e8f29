//! What another parser makes of a message that we wrote: Python's `email`.
//!
//! Used by the tests of composing and of what is delivered. It must never call our own code: what both
//! get wrong in the same way would not be seen.

use serde_json::Value;
use std::fs;
use std::process::Command;

/// Tells what Python's parser finds as JSON, and writes what each part holds into files.
const READER: &str = r#"
import email, email.policy, json, sys
with open(sys.argv[1], "rb") as f:
    raw = f.read()
msg = email.message_from_bytes(raw, policy=email.policy.default)
# Fields may hold UTF-8 (RFC 6532).
head = raw.split(b"\r\n\r\n", 1)[0].decode() + "\r\n\r\n"
top = email.message_from_string(head, policy=email.policy.default)
parts, defects = [], []
def people(name):
    return [[a.display_name, a.addr_spec] for a in top[name].addresses] if top[name] else []
def walk(part):
    defects.extend(str(d) for d in part.defects)
    fields = top if part is msg else part
    for name in fields.keys():
        defects.extend(f"{name}: {d}" for d in getattr(fields[name], "defects", ()))
    if part.is_multipart() and part.get_content_maintype() == "multipart":
        parts.append({"type": part.get_content_type()})
        for inner in part.iter_parts():
            walk(inner)
        return
    found = {"type": part.get_content_type(), "name": part.get_filename(),
             "params": dict(part["content-type"].params) if part["content-type"] else {}, "encoding": part["content-transfer-encoding"]}
    if part.get_content_type() == "message/rfc822":
        found["subject"] = part.get_content()["subject"]
    else:
        with open(f"{sys.argv[2]}/{len(parts)}", "wb") as out:
            out.write(part.get_payload(decode=True))
    parts.append(found)
walk(msg)
json.dump({
    "fields": list(top.keys()), "subject": top["subject"], "from": people("from"),
    "to": people("to"), "cc": people("cc"), "bcc": people("bcc"), "reply_to": people("reply-to"),
    "id": top["message-id"], "references": (top["references"] or "").split(),
    "in_reply_to": top["in-reply-to"], "date": top["date"].datetime.isoformat() if top["date"] else None,
    "extra": top["x-ticket"], "parts": parts, "defects": defects,
    "resent_to": str(top["resent-to"]),
    "longest": max(len(l) for l in raw.split(b"\r\n")),
    "bare": raw.replace(b"\r\n", b"").count(b"\n") + raw.replace(b"\r\n", b"").count(b"\r"),
}, sys.stdout)
"#;

/// Whether it can be asked; says so where it cannot.
pub(crate) fn has_python() -> bool {
    let has = Command::new("python3").arg("--version").output().is_ok();
    if !has {
        println!("skipped: there is no python3 to read what was written");
    }
    has
}

/// A message, and what the other parser makes of it.
pub(crate) struct Seen {
    pub(crate) raw: Vec<u8>,
    pub(crate) json: Value,
    folder: tempfile::TempDir,
}

impl Seen {
    /// Reads a message.
    pub(crate) fn of(raw: Vec<u8>) -> Self {
        let seen = Self::of_any(raw);
        assert_eq!(seen.json["bare"], 0, "every line ends with CRLF");
        assert!(seen.json["longest"].as_u64().unwrap() <= 998);
        seen
    }

    /// The same, where the lines may be a stranger's.
    pub(crate) fn of_any(raw: Vec<u8>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("message");
        fs::write(&path, &raw).unwrap();
        let output = Command::new("python3")
            .args(["-c", READER])
            .args([&path, folder.path()])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        Self { raw, json, folder }
    }

    /// The decoded bytes of a part, by its place among all of them.
    pub(crate) fn bytes(&self, part: usize) -> Vec<u8> {
        fs::read(self.folder.path().join(part.to_string())).unwrap()
    }

    /// The same, of a text.
    pub(crate) fn text(&self, part: usize) -> String {
        String::from_utf8(self.bytes(part)).unwrap()
    }

    /// The types of all parts.
    pub(crate) fn types(&self) -> Vec<&str> {
        let parts = self.json["parts"].as_array().unwrap();
        parts.iter().map(|p| p["type"].as_str().unwrap()).collect()
    }

    /// The names of all files, with their bytes.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let parts = self.json["parts"].as_array().unwrap().iter().enumerate();
        parts
            .filter_map(|(at, part)| Some((part["name"].as_str()?.to_owned(), self.bytes(at))))
            .collect()
    }

    /// Nothing in it is to be complained of.
    pub(crate) fn is_faultless(&self) {
        assert_eq!(self.json["defects"], serde_json::json!([]));
    }
}
