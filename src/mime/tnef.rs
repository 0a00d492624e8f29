//! `winmail.dat`: what Outlook wraps a message in (MS-OXTNEF), read as far as a reader needs it.
//!
//! Called by `inner` and `render`. Must never read beyond the bytes there are, believe a length or a
//! count, or copy what nobody asked for: files are borrowed. Takes linear time.

use super::charset;

/// More files are not listed.
const FILES_MAX: usize = 1000;
/// More properties of one set are not read, nor more values of one.
const PROPS_MAX: usize = 10_000;
/// MS-OXTNEF section 2.1.3.1.
const SIGNATURE: u32 = 0x223e_9f78;

/// What there is in one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tnef<'a> {
    /// The files, in their order.
    pub(crate) files: Vec<File<'a>>,
    /// The subject, decoded.
    pub(crate) subject: String,
    /// Who it says wrote it; not to be believed more than a From.
    pub(crate) sender: String,
    /// The plain text, decoded.
    pub(crate) text: String,
    /// The page, decoded.
    pub(crate) html: String,
    /// Whether it holds formatted text of Microsoft's kind, which is not read.
    pub(crate) has_rtf: bool,
}

/// One file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct File<'a> {
    /// Its name, decoded, not made safe.
    pub(crate) name: String,
    /// Its type, where it tells.
    pub(crate) mime_type: String,
    /// What the page calls it, where it is a picture of it.
    pub(crate) content_id: String,
    /// Its bytes.
    pub(crate) bytes: &'a [u8],
    /// Whether it is a message of the same kind.
    pub(crate) is_message: bool,
}

/// Names and values of one file, until the next begins.
#[derive(Default)]
struct Found<'a> {
    short: String,
    long: String,
    mime_type: String,
    content_id: String,
    data: Option<&'a [u8]>,
    object: Option<&'a [u8]>,
    method: u32,
}

impl<'a> Found<'a> {
    fn file(self) -> Option<File<'a>> {
        // An attached message comes as an object: 16 bytes that name its kind, and the message.
        let is_message = self.method == METHOD_MESSAGE && self.object.is_some();
        let inner = self.object.and_then(|o| o.get(16..));
        let bytes = if is_message {
            inner
        } else {
            self.data.or(self.object)
        };
        let name = if self.long.is_empty() {
            self.short
        } else {
            self.long
        };
        Some(File {
            name,
            mime_type: self.mime_type,
            content_id: self.content_id,
            bytes: bytes?,
            is_message,
        })
    }
}

const METHOD_MESSAGE: u32 = 5;

/// Reads one; `None` where these bytes are none.
pub(crate) fn parse(raw: &[u8]) -> Option<Tnef<'_>> {
    let mut rest = Bytes(raw);
    if rest.u32()? != SIGNATURE {
        return None;
    }
    rest.u16()?;
    let mut reader = Reader::default();
    while let Some(attribute) = rest.attribute() {
        reader.take(&attribute);
    }
    Some(reader.end())
}

/// One attribute (MS-OXTNEF section 2.1.3.1).
struct Attribute<'a> {
    id: u32,
    data: &'a [u8],
}

#[derive(Default)]
struct Reader<'a> {
    tnef: Tnef<'a>,
    at_hand: Option<Found<'a>>,
    /// The code page of texts of one byte a character.
    page: u32,
    subject: &'a [u8],
    text: &'a [u8],
    /// The page as bytes, and the code page that it is in.
    html: Option<&'a [u8]>,
    html_page: u32,
}

impl<'a> Reader<'a> {
    fn take(&mut self, attribute: &Attribute<'a>) {
        let data = attribute.data;
        match attribute.id {
            // attOemCodepage
            0x0006_9007 => self.page = Bytes(data).u32().unwrap_or_default(),
            // attSubject, attBody
            0x0001_8004 => self.subject = data,
            0x0002_800c => self.text = data,
            // attMsgProps
            0x0006_9003 => {
                for prop in props(data) {
                    self.message_prop(&prop);
                }
            }
            // attAttachRendData begins a file.
            0x0006_9002 => {
                self.end_file();
                self.at_hand = Some(Found::default());
            }
            // attAttachTitle, attAttachData
            0x0001_8010 => {
                let name = self.one_byte(data);
                self.file().short = name;
            }
            0x0006_800f => self.file().data = Some(data),
            // attAttachment
            0x0006_9005 => {
                for prop in props(data) {
                    self.file_prop(&prop);
                }
            }
            _ => {}
        }
    }

    fn file(&mut self) -> &mut Found<'a> {
        self.at_hand.get_or_insert_default()
    }

    fn end_file(&mut self) {
        let file = self.at_hand.take().and_then(Found::file);
        if self.tnef.files.len() < FILES_MAX {
            self.tnef.files.extend(file);
        }
    }

    fn message_prop(&mut self, prop: &Prop<'a>) {
        match prop.id {
            0x0037 if self.tnef.subject.is_empty() => self.tnef.subject = self.text_of(prop),
            0x0c1a => self.tnef.sender = self.text_of(prop),
            0x1000 => self.tnef.text = self.text_of(prop),
            0x1009 => self.tnef.has_rtf = !prop.value.is_empty(),
            0x1013 if prop.kind == BINARY => self.html = Some(prop.value),
            0x1013 => self.tnef.html = self.text_of(prop),
            // PidTagInternetCodepage
            0x3fde => self.html_page = Bytes(prop.value).u32().unwrap_or_default(),
            _ => {}
        }
    }

    fn file_prop(&mut self, prop: &Prop<'a>) {
        let text = match prop.id {
            0x3704 | 0x3707 | 0x370e | 0x3712 => self.text_of(prop),
            _ => String::new(),
        };
        let file = self.file();
        match prop.id {
            0x3704 if file.short.is_empty() => file.short = text,
            0x3707 => file.long = text,
            0x370e => file.mime_type = text.to_ascii_lowercase(),
            // PidTagAttachContentId
            0x3712 => file.content_id = text.trim_matches(['<', '>', ' ']).to_owned(),
            0x3705 => file.method = Bytes(prop.value).u32().unwrap_or_default(),
            0x3701 if prop.kind == OBJECT => file.object = Some(prop.value),
            0x3701 if prop.kind == BINARY => file.data = Some(prop.value),
            _ => {}
        }
    }

    fn text_of(&self, prop: &Prop<'_>) -> String {
        match prop.kind {
            UNICODE => until_nul(&charset::decode(b"utf-16le", prop.value)),
            TEXT => self.one_byte(prop.value),
            _ => String::new(),
        }
    }

    fn one_byte(&self, bytes: &[u8]) -> String {
        until_nul(&charset::decode(label(self.page).as_bytes(), bytes))
    }

    fn end(mut self) -> Tnef<'a> {
        self.end_file();
        if self.tnef.subject.is_empty() {
            self.tnef.subject = self.one_byte(self.subject);
        }
        if self.tnef.text.is_empty() {
            self.tnef.text = self.one_byte(self.text);
        }
        if let Some(bytes) = self.html {
            let meta = super::html::meta_charset(bytes);
            let label = meta.unwrap_or_else(|| label(self.html_page));
            self.tnef.html = until_nul(&charset::decode(label.as_bytes(), bytes));
        }
        self.tnef
    }
}

fn until_nul(text: &str) -> String {
    text.split('\0').next().unwrap_or_default().to_owned()
}

/// The charset of a code page of Windows; empty where nothing is said.
fn label(page: u32) -> String {
    match page {
        0 | 20127 => String::new(),
        65001 => "utf-8".to_owned(),
        28591..=28606 => format!("iso-8859-{}", page - 28590),
        20866 => "koi8-r".to_owned(),
        21866 => "koi8-u".to_owned(),
        50220..=50222 => "iso-2022-jp".to_owned(),
        51932 => "euc-jp".to_owned(),
        54936 => "gb18030".to_owned(),
        437..=866 => format!("ibm{page}"),
        _ => format!("windows-{page}"),
    }
}

/// One property (MS-OXTNEF section 2.1.3.4), of its values the first.
struct Prop<'a> {
    id: u16,
    kind: u16,
    value: &'a [u8],
}

const OBJECT: u16 = 0x000d;
const TEXT: u16 = 0x001e;
const UNICODE: u16 = 0x001f;
const BINARY: u16 = 0x0102;
const MANY: u16 = 0x1000;

/// The properties of a set, as far as they can be read: one of unknown length ends it.
fn props(data: &[u8]) -> Vec<Prop<'_>> {
    let mut rest = Bytes(data);
    let count = rest.u32().unwrap_or_default();
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(PROPS_MAX);
    let mut found = Vec::new();
    while found.len() < count {
        let Some(prop) = rest.prop() else { break };
        found.push(prop);
    }
    found
}

/// Bytes that are not read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        let bytes = self.take(2)?.try_into().ok()?;
        Some(u16::from_le_bytes(bytes))
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.take(4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    }

    /// Bytes behind their length.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(usize::try_from(len).ok()?)
    }

    /// The same, filled up to four.
    fn filled(&mut self) -> Option<&'a [u8]> {
        let bytes = self.counted()?;
        let fill = bytes.len().wrapping_neg() % 4;
        // The last one may lack what fills it up.
        self.take(fill.min(self.0.len()))?;
        Some(bytes)
    }

    fn attribute(&mut self) -> Option<Attribute<'a>> {
        let _level = self.u8()?;
        let id = self.u32()?;
        let len = usize::try_from(self.u32()?).ok()?;
        // Of one that was broken off there is what there is.
        let data = self.take(len.min(self.0.len()))?;
        let _sum = self.u16();
        Some(Attribute { id, data })
    }

    fn prop(&mut self) -> Option<Prop<'a>> {
        let kind = self.u16()?;
        let id = self.u16()?;
        if id >= 0x8000 {
            let _set = self.take(16)?;
            match self.u32()? {
                0 => drop(self.u32()?),
                _ => drop(self.filled()?),
            }
        }
        let base = kind & !MANY;
        let is_counted = matches!(base, OBJECT | TEXT | UNICODE | BINARY);
        let count = if is_counted || kind & MANY != 0 {
            self.u32()?
        } else {
            1
        };
        let count = usize::try_from(count).ok().filter(|n| *n <= PROPS_MAX)?;
        let mut first = None;
        for _ in 0..count {
            let value = if is_counted {
                self.filled()?
            } else {
                self.take(width(base)?)?
            };
            first.get_or_insert(value);
            if value.is_empty() && !is_counted {
                // However many there are said to be: they take no bytes, and so must take no time.
                break;
            }
        }
        Some(Prop {
            id,
            kind: base,
            value: first.unwrap_or_default(),
        })
    }
}

/// How many bytes a value of that kind takes, filled up to four; `None` of a kind that nobody knows.
const fn width(kind: u16) -> Option<usize> {
    match kind {
        0x0002..=0x0004 | 0x000a | 0x000b => Some(4),
        0x0005..=0x0007 | 0x0014 | 0x0040 => Some(8),
        0x0048 => Some(16),
        0x0001 => Some(0),
        _ => None,
    }
}

#[cfg(test)]
#[path = "tnef_tests.rs"]
pub(crate) mod tests;
