"""What Python's email package (policy `default`) reads in a folder of messages, as JSON.

Called by agreement.rs with a folder of files named 0.eml, 1.eml and so on; prints one object a line. Uses
the standard library alone, and must say of each message whether it is well-formed by the rule of docs/mime.md.
"""

import hashlib
import html.parser
import io
import json
import os
import re
import sys
from email import policy
from email.errors import ObsoleteHeaderDefect
from email.generator import BytesGenerator
from email.parser import BytesParser
from email.utils import getaddresses

POLICY = policy.default.clone(refold_source="none", max_line_length=None)
TEXTS = ("text/plain", "text/html")
SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature",
              "application/x-pkcs7-signature")
# Fields that decide on how the message is read.
FIELDS = ("subject", "from", "to", "date", "content-type", "content-disposition",
          "content-transfer-encoding", "content-id", "mime-version")


def leaves(part):
    """The parts that are no groups; an attached message is one part."""
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        for child in part.get_payload():
            yield from leaves(child)
    else:
        yield part


def raw_body(part):
    """The bytes behind the header of a part that holds a message of its own, without blanks: Python
    writes it anew, and folds and breaks lines in its own way."""
    out = io.BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=POLICY).flatten(part)
    found = re.search(rb"\r?\n\r?\n", out.getvalue())
    return b"".join(out.getvalue()[found.end():].split()) if found else b""


def content(part):
    if part.get_content_maintype() == "message":
        return raw_body(part)
    return part.get_payload(decode=True) or b""


def faults(message, raw):
    """Why a message is not well-formed; nothing where it is."""
    why = []
    header = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    if any(byte > 126 or (byte < 32 and byte not in (9, 10, 13)) for byte in header):
        why.append("the header is not ASCII")
    for part in message.walk():
        if not part.is_multipart():
            part.get_payload(decode=True)  # What is wrong with base64 shows only now.
        why += [type(defect).__name__ for defect in part.defects]
        why += form_faults(part, part is message)
        for name in FIELDS:
            for field in part.get_all(name, []):
                # The old syntax is to be read like the new one (RFC 5322 section 4).
                why += [f"{name}: {type(defect).__name__}" for defect in field.defects
                        if not isinstance(defect, ObsoleteHeaderDefect)]
        if part.get_content_maintype() == "text":
            why += text_faults(part)
    return sorted(set(why))


def form_faults(part, is_outermost):
    """What the standards forbid in a part and Python does not call a defect."""
    why = []
    if not is_outermost and part.get_unixfrom():
        why.append("a line of an mbox in an attached message (RFC 2046 section 5.2.1)")
    if str(part.get("content-transfer-encoding", "")).strip().lower() == "quoted-printable" \
            and not part.is_multipart() and re.search(r"[ \t]\r?(\n|$)", part.get_payload()):
        why.append("blanks at the end of a quoted-printable line (RFC 2045 section 6.7)")
    return why


def text_faults(part):
    charset = part.get_content_charset("us-ascii")
    try:
        (part.get_payload(decode=True) or b"").decode(charset)
    except LookupError:
        return ["a charset that Python does not know"]
    except ValueError:
        return ["bytes that are not of the charset"]
    return []


class Words(html.parser.HTMLParser):
    """The words of a page, without what no browser shows."""

    HIDDEN = ("style", "script", "head", "title", "template")

    def __init__(self):
        super().__init__()
        self.out = []
        self.hidden = 0

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in self.HIDDEN
        self.out.append(" ")

    def handle_endtag(self, tag):
        self.hidden -= tag in self.HIDDEN and self.hidden > 0
        self.out.append(" ")

    def handle_data(self, data):
        if not self.hidden:
            self.out.append(data)


def text_of(part):
    charset = part.get_content_charset("us-ascii")
    try:
        return (part.get_payload(decode=True) or b"").decode(charset, "replace")
    except LookupError:
        return ""


def shown(part):
    """The texts that one reads: of several forms the plain one (RFC 2046 section 5.1.4)."""
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        found = [shown(child) for child in part.get_payload()]
        if part.get_content_type() != "multipart/alternative":
            return sum(found, [])
        plain = [f for f in found if any(p.get_content_type() == "text/plain" for p in f)]
        return (plain or [f for f in found if f] or [[]])[-1]
    return [part] if part.get_content_type() in TEXTS and not is_file(part) else []


def body(message, parts):
    """The text, and whether any of it was a page. A named text counts where there is no other."""
    chosen = shown(message)
    if not chosen:
        chosen = [p for p in parts if p.get_content_type() in TEXTS
                  and p.get_content_disposition() != "attachment"][:1]
    texts = []
    for part in chosen:
        text = text_of(part)
        if part.get_content_type() == "text/html":
            page = Words()
            page.feed(text)
            page.close()
            text = "".join(page.out)
        texts.append(text)
    return "\n".join(texts), any(p.get_content_type() == "text/html" for p in chosen)


def is_file(part):
    """Whether a reader lists it as a file: marked as one, named, or no text. A signature is none."""
    if part.get_content_disposition() == "attachment":
        return True
    kind = part.get_content_type()
    return kind not in SIGNATURES and (bool(part.get_filename()) or kind not in TEXTS)


def addresses(message, name):
    """Names and addresses. A name in a comment, as RFC 822 had it, is known to an older function only."""
    # In angle brackets a comment is no name.
    raw = [value for key, value in message.raw_items() if key.lower() == name and "<" not in value]
    older = {address: name for name, address in getaddresses(raw)}
    return [[a.display_name or older.get(a.addr_spec, ""), a.addr_spec]
            for field in message.get_all(name, []) for a in field.addresses]


def date(message):
    moment = getattr(message["date"], "datetime", None)
    if moment is None:
        return None
    if moment.tzinfo is None:
        return [(moment - type(moment)(1970, 1, 1)).total_seconds(), 0]
    return [moment.timestamp(), moment.utcoffset().total_seconds() / 60]


def read(raw):
    message = BytesParser(policy=policy.default).parsebytes(raw)
    parts = list(leaves(message))
    subject = message["subject"]
    text, is_page = body(message, parts)
    return {
        "faults": faults(message, raw),
        "subject": None if subject is None else str(subject).strip(),
        "from": addresses(message, "from"),
        "to": addresses(message, "to"),
        "date": date(message),
        "parts": [{
            "type": p.get_content_type(),
            "name": p.get_filename() or "",
            "is_file": is_file(p),
            "size": len(content(p)),
            "sha": hashlib.sha256(content(p)).hexdigest()[:16],
        } for p in parts],
        "text": text,
        "is_page": is_page,
    }


def main():
    folder = sys.argv[1]
    for number in range(len(os.listdir(folder))):
        with open(os.path.join(folder, f"{number}.eml"), "rb") as file:
            raw = file.read()
        try:
            found = read(raw)
        except Exception as error:  # Python itself stumbles over some of what is malformed.
            found = {"faults": [f"Python fails: {type(error).__name__}: {error}"]}
        # What Python could not decode it keeps as lone surrogates, which JSON has none of.
        line = json.dumps(found, ensure_ascii=False)
        print(line.encode("utf-8", "replace").decode("utf-8"))


main()
