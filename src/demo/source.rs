//! Reads the sample mail of one account from its readable form (`assets/demo/README.md`).
//!
//! Called by `sample`. It must never give up: what is wrong is left out and reported as a
//! [`Mistake`], and a test holds the shipped files to having none.

use crate::model::{Address, FlagSet, Role};
use std::collections::BTreeMap;

/// What is wrong in a source, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The line, from 1.
    pub(crate) line: usize,
    /// What is wrong with it.
    pub(crate) why: String,
}

/// Somebody who writes or is written to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Person {
    /// Name and address.
    pub(crate) address: Address,
    /// Minutes east of Greenwich.
    pub(crate) zone_mins: i16,
    /// The lines of the signature.
    pub(crate) signature: Vec<String>,
}

/// When a letter was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// So many seconds before the demo began.
    Ago(i64),
    /// So many days before, at that minute of the day.
    Day(i64, i64),
    /// It arrives while one looks.
    Live,
}

/// A piece of a letter's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Another form of the text: its Content-Type, and its lines.
    Alternative(String, Vec<String>),
    /// A further part: its Content-Type, and its lines.
    Part(String, Vec<String>),
}

/// One letter, as it stands in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    /// Its name in the source.
    pub(crate) id: String,
    /// The mailbox it lies in.
    pub(crate) mailbox: String,
    /// When it was written.
    pub(crate) written: Written,
    /// Who wrote it.
    pub(crate) from: Person,
    /// To.
    pub(crate) to: Vec<Person>,
    /// Cc.
    pub(crate) cc: Vec<Person>,
    /// Bcc.
    pub(crate) bcc: Vec<Person>,
    /// Flags and keywords.
    pub(crate) flags: FlagSet,
    /// The lower-case keys.
    pub(crate) keys: BTreeMap<String, String>,
    /// Header lines that are taken as they are.
    pub(crate) headers: Vec<String>,
    /// The plain text.
    pub(crate) text: Vec<String>,
    /// What follows the plain text.
    pub(crate) pieces: Vec<Piece>,
    line: usize,
}

impl Letter {
    /// The value of a key, or the empty text.
    pub(crate) fn key(&self, name: &str) -> &str {
        self.keys.get(name).map_or("", String::as_str)
    }
}

/// The sample mail of one account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source {
    /// name, address, full-name, user, zone.
    facts: BTreeMap<String, String>,
    /// Whom the next signature line belongs to.
    last_person: String,
    people: BTreeMap<String, Person>,
    /// The mailboxes beside INBOX.
    pub(crate) mailboxes: Vec<(String, Option<Role>)>,
    /// The letters in the order of the source.
    pub(crate) letters: Vec<Letter>,
    /// What is wrong.
    pub(crate) mistakes: Vec<Mistake>,
}

const KEYS: [&str; 10] = [
    "subject", "re", "attach", "related", "charset", "encoding", "flowed", "sig", "words", "type",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Facts,
    People,
    Folders,
    LetterHead,
    LetterBody,
}

impl Source {
    /// A fact of the account: `name`, `address`, `full-name`, `user`.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts.get(name).map_or("", String::as_str)
    }

    /// Minutes east of Greenwich of the account's owner.
    pub(crate) fn zone_mins(&self) -> i16 {
        zone(self.fact("zone")).unwrap_or_default()
    }

    /// The letter of that id.
    pub(crate) fn letter(&self, id: &str) -> Option<&Letter> {
        self.letters.iter().find(|l| l.id == id)
    }

    /// Reads a source.
    pub(crate) fn read(text: &str) -> Self {
        let mut source = Self::default();
        let mut place = Place::Facts;
        for (at, line) in text.lines().enumerate() {
            if let Err(why) = source.line(line, at + 1, &mut place) {
                source.mistakes.push(Mistake { line: at + 1, why });
            }
        }
        for letter in &mut source.letters {
            trim(&mut letter.text);
            for Piece::Alternative(_, lines) | Piece::Part(_, lines) in &mut letter.pieces {
                trim(lines);
            }
        }
        source.check();
        source
    }

    fn line(&mut self, line: &str, number: usize, place: &mut Place) -> Result<(), String> {
        if let Some(head) = line.strip_prefix("=== ") {
            *place = Place::LetterHead;
            let letter = self.letter_head(head, number)?;
            self.letters.push(letter);
            return Ok(());
        }
        match (*place, line) {
            (Place::Facts | Place::People | Place::Folders, "") => {}
            (Place::Facts | Place::People | Place::Folders, "[people]") => *place = Place::People,
            (Place::Facts | Place::People | Place::Folders, "[folders]") => {
                *place = Place::Folders;
            }
            (Place::Facts, line) => {
                let (key, value) = line.split_once(": ").ok_or("Expected key: value")?;
                self.facts.insert(key.into(), value.into());
            }
            (Place::People, line) => self.person(line)?,
            (Place::Folders, line) => {
                let (name, role) = line.split_once(" = ").unwrap_or((line, ""));
                let known = Role::from_name(role);
                if known.is_none() && !role.is_empty() {
                    return Err(format!("{role} is not a use of a folder"));
                }
                self.mailboxes.push((name.into(), known));
            }
            (Place::LetterHead, "") => *place = Place::LetterBody,
            (Place::LetterHead, line) => self.letter_key(line)?,
            (Place::LetterBody, line) => self.body_line(line),
        }
        Ok(())
    }

    fn person(&mut self, line: &str) -> Result<(), String> {
        if let Some(line) = line.strip_prefix("| ") {
            let person = self.people.get_mut(&self.last_person);
            let person = person.ok_or("Whose signature?")?;
            person.signature.push(line.into());
            return Ok(());
        }
        let (key, rest) = line
            .split_once(" = ")
            .ok_or("Expected key = Name <address> zone")?;
        let (who, zone_text) = rest.rsplit_once(' ').ok_or("The zone is missing")?;
        let person = Person {
            address: address(who)?,
            zone_mins: zone(zone_text).ok_or("The zone is not +0100 or the like")?,
            signature: Vec::new(),
        };
        if self.people.insert(key.into(), person).is_some() {
            return Err(format!("{key} is there twice"));
        }
        self.last_person = key.into();
        Ok(())
    }

    fn who(&self, word: &str) -> Result<Person, String> {
        let word = word.trim();
        if let Some(person) = self.people.get(word) {
            return Ok(person.clone());
        }
        if !word.contains('@') {
            return Err(format!("{word} is not among the people"));
        }
        Ok(Person {
            address: address(word)?,
            zone_mins: self.zone_mins(),
            signature: Vec::new(),
        })
    }

    fn everybody(&self, list: &str) -> Result<Vec<Person>, String> {
        list.split(',').map(|word| self.who(word)).collect()
    }

    fn letter_head(&self, head: &str, line: usize) -> Result<Letter, String> {
        let pieces: Vec<&str> = head.split('|').map(str::trim).collect();
        let [id, mailbox, when, route, flags] = pieces.as_slice() else {
            return Err("Expected id | folder | when | from > to | flags".into());
        };
        if self.letter(id).is_some() {
            return Err(format!("{id} is there twice"));
        }
        let is_known = |(name, _): &(String, _)| name == mailbox;
        if *mailbox != "INBOX" && !self.mailboxes.iter().any(is_known) {
            return Err(format!("{mailbox} is not among the folders"));
        }
        let (from, route) = route.split_once(" > ").ok_or("Expected from > to")?;
        let mut route = route.split("; ");
        let to = self.everybody(route.next().unwrap_or_default())?;
        let (mut cc, mut bcc) = (Vec::new(), Vec::new());
        for list in route {
            match list.split_once(' ') {
                Some(("cc", list)) => cc = self.everybody(list)?,
                Some(("bcc", list)) => bcc = self.everybody(list)?,
                _ => return Err(format!("{list} is neither cc nor bcc")),
            }
        }
        Ok(Letter {
            id: (*id).into(),
            mailbox: (*mailbox).into(),
            written: written(when).ok_or("Expected 5m, 3h, 2d 14:05 or live")?,
            from: self.who(from)?,
            to,
            cc,
            bcc,
            flags: read_flags(flags)?,
            keys: BTreeMap::new(),
            headers: Vec::new(),
            text: Vec::new(),
            pieces: Vec::new(),
            line,
        })
    }

    fn letter_key(&mut self, line: &str) -> Result<(), String> {
        let letter = self.letters.last_mut().ok_or("No letter")?;
        let (key, value) = line.split_once(": ").ok_or("Expected key: value")?;
        if key.starts_with(|c: char| c.is_ascii_uppercase()) {
            letter.headers.push(line.into());
        } else if !KEYS.contains(&key) {
            return Err(format!("{key} is not known"));
        } else if letter.keys.insert(key.into(), value.into()).is_some() {
            return Err(format!("{key} is there twice"));
        }
        Ok(())
    }

    fn body_line(&mut self, line: &str) {
        let Some(letter) = self.letters.last_mut() else {
            return;
        };
        let directive = line.strip_prefix('{').and_then(|l| l.strip_suffix('}'));
        let piece = match directive.map(|d| d.split_once(' ').unwrap_or((d, ""))) {
            Some(("html", _)) => Some(Piece::Alternative("text/html".into(), Vec::new())),
            Some(("alternative", kind)) => Some(Piece::Alternative(kind.into(), Vec::new())),
            Some(("part", kind)) => Some(Piece::Part(kind.into(), Vec::new())),
            _ => None,
        };
        match (piece, letter.pieces.last_mut()) {
            (Some(piece), _) => letter.pieces.push(piece),
            (None, Some(Piece::Alternative(_, lines) | Piece::Part(_, lines))) => {
                lines.push(line.into());
            }
            (None, None) => letter.text.push(line.into()),
        }
    }

    /// What can only be seen when everything was read.
    fn check(&mut self) {
        for fact in ["name", "address", "full-name", "user", "zone"] {
            if self.fact(fact).is_empty() {
                self.mistakes.push(Mistake {
                    line: 1,
                    why: format!("{fact} is missing"),
                });
            }
        }
        let mut mistakes = Vec::new();
        for letter in &self.letters {
            let mut wrong = |why: String| {
                mistakes.push(Mistake {
                    line: letter.line,
                    why,
                });
            };
            let re = letter.key("re");
            if !re.is_empty() && self.letter(re).is_none() {
                wrong(format!("There is no letter {re} to answer"));
            }
            if re.is_empty() && letter.key("subject").is_empty() {
                wrong("The subject is missing".into());
            }
            if letter.text.is_empty() && letter.pieces.is_empty() {
                wrong("The letter is empty".into());
            }
        }
        self.mistakes.append(&mut mistakes);
    }
}

fn trim(lines: &mut Vec<String>) {
    while lines.last().is_some_and(|l| l.trim().is_empty()) {
        lines.pop();
    }
    let empty = lines.iter().take_while(|l| l.trim().is_empty()).count();
    lines.drain(..empty);
}

fn address(text: &str) -> Result<Address, String> {
    let text = text.trim();
    let (name, address) = match text.split_once('<') {
        Some((name, rest)) => (name.trim().trim_matches('"'), rest.trim_end_matches('>')),
        None => ("", text),
    };
    if !address.contains('@') {
        return Err(format!("{text} is not an address"));
    }
    Ok(Address {
        name: name.into(),
        address: address.into(),
    })
}

fn zone(text: &str) -> Option<i16> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.strip_prefix(['+', '-'])?;
    let (hours, minutes) = digits.split_at_checked(2)?;
    Some(sign * (hours.parse::<i16>().ok()? * 60 + minutes.parse::<i16>().ok()?))
}

fn written(text: &str) -> Option<Written> {
    if text == "live" {
        return Some(Written::Live);
    }
    if let Some((days, time)) = text.split_once("d ") {
        let (hour, minute) = time.split_once(':')?;
        let minutes = hour.parse::<i64>().ok()? * 60 + minute.parse::<i64>().ok()?;
        return Some(Written::Day(days.parse().ok()?, minutes));
    }
    let seconds = match text.strip_suffix('m') {
        Some(minutes) => minutes.parse::<i64>().ok()? * 60,
        None => text.strip_suffix('h')?.parse::<i64>().ok()? * 3600,
    };
    Some(Written::Ago(seconds))
}

fn read_flags(text: &str) -> Result<FlagSet, String> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        words.push(match word.strip_prefix('#') {
            Some(keyword) => keyword.to_owned(),
            None => crate::model::Flag::from_name(word)
                .map_err(|e| e.to_string())?
                .wire()
                .to_owned(),
        });
    }
    Ok(FlagSet::from_wire(words.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "name: a\naddress: a@example.org\nfull-name: A\nuser: a\nzone: +0100\n\
        [people]\nme = A <a@example.org> +0100\nbo = Bo <bo@example.org> -0330\n| Bo\n[folders]\n\
        Sent = sent\n";

    #[test]
    fn a_letter_is_read_with_all_it_says() {
        let source = Source::read(&format!(
            "{HEAD}=== one | Sent | 2d 09:05 | me > bo, Cy <cy@example.net>; cc me | seen #work\n\
             subject: Hi\nX-Odd: yes\n\ntext\n\n{{html}}\n<p>text\n"
        ));
        assert_eq!(source.mistakes, []);
        let letter = source.letter("one").unwrap();
        assert_eq!(letter.written, Written::Day(2, 545));
        assert_eq!(letter.flags.to_string(), "\\Seen work");
        assert_eq!(
            letter.to.iter().map(|p| p.zone_mins).collect::<Vec<_>>(),
            [-210, 60]
        );
        assert_eq!(letter.headers, ["X-Odd: yes"]);
        let html = Piece::Alternative("text/html".into(), vec!["<p>text".into()]);
        assert_eq!(
            (letter.text.as_slice(), letter.pieces.as_slice()),
            (&["text".to_owned()][..], &[html][..])
        );
    }

    #[test]
    fn mistakes_are_found_with_their_lines() {
        let source = Source::read(&format!(
            "{HEAD}=== one | INBOX | 2d | me > bo |\n=== two | Nowhere | 2h | me > bo |\n\
             === three | INBOX | 2h | me > zoe |\n=== four | INBOX | 2h | me > bo | read\n\
             === five | INBOX | 2h | me > bo |\nre: six\nsubjekt: x\n\ntext\n\
             === five | INBOX | 2h | me > bo |\n"
        ));
        let lines: Vec<usize> = source.mistakes.iter().map(|m| m.line).collect();
        assert_eq!(lines, [12, 13, 14, 15, 18, 21, 16], "{:?}", source.mistakes);
    }
}
