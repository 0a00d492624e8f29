//! The tree: LIST, LSUB, STATUS, NAMESPACE, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE.
//!
//! Called by the session. Names leave here in modified UTF-7 and quoted, never raw.

use super::limits;
use super::parser::{Cursor, Parsed};
use super::session::{Answer, Refused, Session, bad, no};
use crate::demo::decode;
use crate::demo::mailstore::{DELIMITER, Mailbox};
use crate::demo::structure::string;
use crate::model::Role;
use std::fmt::Write;

/// The wire form of a name.
pub(super) fn wire_name(name: &str) -> String {
    String::from_utf8_lossy(&string(decode::to_utf7(name).as_bytes())).into_owned()
}

fn attribute(role: Role) -> Option<&'static str> {
    Some(match role {
        Role::Inbox => return None,
        Role::Drafts => "\\Drafts",
        Role::Sent => "\\Sent",
        Role::Archive => "\\Archive",
        Role::Junk => "\\Junk",
        Role::Trash => "\\Trash",
    })
}

/// Whether a name fits a pattern: `*` is anything, `%` anything on one level. Not recursive.
fn fits(name: &str, pattern: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    // reach[i]: the pattern so far fits the first i characters.
    let mut reach = vec![false; name.len() + 1];
    if let Some(first) = reach.first_mut() {
        *first = true;
    }
    for p in pattern.chars() {
        let mut next = Vec::with_capacity(reach.len());
        for (i, here) in reach.iter().enumerate() {
            let before = i.checked_sub(1);
            let last = before.and_then(|b| name.get(b)).copied();
            let grown = before.and_then(|b| next.get(b)).copied().unwrap_or(false);
            next.push(match p {
                '*' => *here || grown,
                '%' => *here || (grown && last != Some(DELIMITER)),
                _ => {
                    let fit = before.and_then(|b| reach.get(b)).copied().unwrap_or(false);
                    fit && last == Some(p)
                }
            });
        }
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

#[derive(Debug, Default)]
struct Listing {
    only_subscribed: bool,
    only_special: bool,
    patterns: Vec<String>,
    returns_subscribed: bool,
    returns_special: bool,
    returns_children: bool,
    returns_status: Option<Vec<String>>,
}

fn read_listing(session: &Session, cursor: &mut Cursor<'_>) -> Result<Listing, Refused> {
    let mut listing = Listing {
        returns_special: session.peer.has("SPECIAL-USE"),
        returns_children: session.peer.has("CHILDREN"),
        ..Listing::default()
    };
    let is_extended = session.peer.has("LIST-EXTENDED");
    cursor.space()?;
    if is_extended && cursor.peek() == Some(b'(') {
        for option in cursor.list_or_none(Cursor::word)? {
            match option.as_str() {
                "SUBSCRIBED" => listing.only_subscribed = true,
                "SPECIAL-USE" if session.peer.has("SPECIAL-USE") => listing.only_special = true,
                "RECURSIVEMATCH" | "REMOTE" => {}
                _ => return bad("This is not a selection of LIST"),
            }
        }
        cursor.space()?;
    }
    let reference = cursor.mailbox()?;
    cursor.space()?;
    let patterns = if is_extended && cursor.peek() == Some(b'(') {
        cursor.list(Cursor::pattern)?
    } else {
        vec![cursor.pattern()?]
    };
    listing.patterns = patterns.iter().map(|p| format!("{reference}{p}")).collect();
    if is_extended && cursor.eat(b' ') {
        if cursor.word()? != "RETURN" {
            return bad("Only RETURN may follow the pattern");
        }
        cursor.space()?;
        read_returns(session, cursor, &mut listing)?;
    }
    cursor.end()?;
    Ok(listing)
}

fn read_returns(
    session: &Session,
    cursor: &mut Cursor<'_>,
    listing: &mut Listing,
) -> Result<(), Refused> {
    let mut refused = None;
    cursor.list_or_none(|c| {
        match c.word()?.as_str() {
            "SUBSCRIBED" => listing.returns_subscribed = true,
            "CHILDREN" => listing.returns_children = true,
            "SPECIAL-USE" if session.peer.has("SPECIAL-USE") => listing.returns_special = true,
            "STATUS" if session.peer.has("LIST-STATUS") => {
                c.space()?;
                listing.returns_status = Some(c.list(Cursor::word)?);
            }
            other => refused = Some(format!("LIST cannot return {other}")),
        }
        Ok(())
    })?;
    if let Some(items) = &listing.returns_status {
        check_items(session, items)?;
    }
    refused.map_or(Ok(()), |why| Err(Refused::Bad(why)))
}

/// LIST (RFC 9051 §6.3.9).
pub(super) fn list(session: &mut Session, cursor: &mut Cursor<'_>) -> Answer {
    let listing = read_listing(session, cursor)?;
    if listing.patterns.iter().all(String::is_empty) {
        session.say(&format!("* LIST (\\Noselect) \"{DELIMITER}\" \"\"\r\n"));
        return Ok("Done".into());
    }
    let store = session.peer.store().clone();
    let lines = store.with(|s| {
        let mut lines = String::new();
        for (name, mailbox) in s.mailboxes() {
            let is_subscribed = s.is_subscribed(name);
            if !listing.patterns.iter().any(|p| fits(name, p))
                || (listing.only_subscribed && !is_subscribed)
                || (listing.only_special && mailbox.role.and_then(attribute).is_none())
            {
                continue;
            }
            let mut attributes = Vec::new();
            if !mailbox.is_selectable {
                attributes.push("\\Noselect");
            }
            if listing.returns_children {
                let below = format!("{name}{DELIMITER}");
                let has_children = s.mailboxes().any(|(n, _)| n.starts_with(&below));
                attributes.push(if has_children {
                    "\\HasChildren"
                } else {
                    "\\HasNoChildren"
                });
            }
            if (listing.returns_subscribed || listing.only_subscribed) && is_subscribed {
                attributes.push("\\Subscribed");
            }
            if listing.returns_special {
                attributes.extend(mailbox.role.and_then(attribute));
            }
            let wire = wire_name(name);
            let attributes = attributes.join(" ");
            let _ = write!(lines, "* LIST ({attributes}) \"{DELIMITER}\" {wire}\r\n");
            if let Some(items) = &listing.returns_status
                && mailbox.is_selectable
            {
                lines.push_str(&status_line(&wire, mailbox, items));
            }
        }
        lines
    });
    if let Some(items) = &listing.returns_status {
        session.is_condstore |= items.iter().any(|i| i == "HIGHESTMODSEQ");
    }
    session.say(&lines);
    Ok("Done".into())
}

/// LSUB (RFC 3501 §6.3.9).
pub(super) fn lsub(session: &mut Session, cursor: &mut Cursor<'_>) -> Answer {
    cursor.space()?;
    let reference = cursor.mailbox()?;
    cursor.space()?;
    let pattern = format!("{reference}{}", cursor.pattern()?);
    cursor.end()?;
    let store = session.peer.store().clone();
    let lines: String = store.with(|s| {
        s.subscribed()
            .filter(|name| fits(name, &pattern))
            .map(|name| format!("* LSUB () \"{DELIMITER}\" {}\r\n", wire_name(name)))
            .collect()
    });
    session.say(&lines);
    Ok("Done".into())
}

fn check_items(session: &Session, items: &[String]) -> Result<(), Refused> {
    for item in items {
        let is_known = match item.as_str() {
            "MESSAGES" | "RECENT" | "UIDNEXT" | "UIDVALIDITY" | "UNSEEN" => true,
            "HIGHESTMODSEQ" => session.peer.has("CONDSTORE"),
            "SIZE" => session.peer.has("STATUS=SIZE"),
            "MAILBOXID" => session.peer.has("OBJECTID"),
            _ => false,
        };
        if !is_known {
            return Err(Refused::Bad(format!("STATUS has no {item} here")));
        }
    }
    Ok(())
}

fn status_line(wire: &str, mailbox: &Mailbox, items: &[String]) -> String {
    let value = |item: &String| match item.as_str() {
        "MESSAGES" => mailbox.messages.len().to_string(),
        "UIDNEXT" => mailbox.uid_next.to_string(),
        "UIDVALIDITY" => mailbox.uid_validity.to_string(),
        "UNSEEN" => mailbox.unseen().to_string(),
        "HIGHESTMODSEQ" => mailbox.mod_seq.to_string(),
        "SIZE" => mailbox.size().to_string(),
        "MAILBOXID" => format!("(F{})", mailbox.id),
        _ => "0".to_owned(),
    };
    let all: Vec<String> = items.iter().map(|i| format!("{i} {}", value(i))).collect();
    format!("* STATUS {wire} ({})\r\n", all.join(" "))
}

/// STATUS (RFC 9051 §6.3.11).
pub(super) fn status(session: &mut Session, cursor: &mut Cursor<'_>) -> Answer {
    cursor.space()?;
    let name = cursor.mailbox()?;
    cursor.space()?;
    let items = cursor.list(Cursor::word)?;
    cursor.end()?;
    check_items(session, &items)?;
    session.is_condstore |= items.iter().any(|i| i == "HIGHESTMODSEQ");
    let line = session.peer.store().with(|s| {
        let mailbox = s.mailbox(&name).filter(|m| m.is_selectable)?;
        Some(status_line(&wire_name(&name), mailbox, &items))
    });
    match line {
        Some(line) => {
            session.say(&line);
            Ok("Done".into())
        }
        None => no("[NONEXISTENT] There is no such folder"),
    }
}

/// NAMESPACE (RFC 2342).
pub(super) fn namespace(session: &mut Session, cursor: &Cursor<'_>) -> Answer {
    cursor.end()?;
    if !session.peer.has("NAMESPACE") {
        return bad("There is no such command");
    }
    let options = session.peer.options();
    let one = |prefix: &str| format!("(({} \"{DELIMITER}\"))", wire_name(prefix));
    let or_nil = |prefix: &String| match prefix.as_str() {
        "" => "NIL".to_owned(),
        prefix => one(prefix),
    };
    let line = format!(
        "* NAMESPACE {} {} {}\r\n",
        one(&options.prefix),
        or_nil(&options.other_users),
        or_nil(&options.shared)
    );
    session.say(&line);
    Ok("Done".into())
}

/// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE.
pub(super) fn change(session: &mut Session, verb: &str, cursor: &mut Cursor<'_>) -> Answer {
    cursor.space()?;
    let name = cursor.mailbox()?;
    let (mut target, mut role) = (String::new(), None);
    if verb == "RENAME" {
        cursor.space()?;
        target = cursor.mailbox()?;
    }
    if verb == "CREATE" && session.peer.has("CREATE-SPECIAL-USE") && cursor.eat(b' ') {
        role = read_use(cursor)?;
    }
    cursor.end()?;
    let made = if target.is_empty() { &name } else { &target };
    let is_new = matches!(verb, "CREATE" | "RENAME");
    let prefix = &session.peer.options().prefix;
    if is_new && !made.starts_with(prefix.as_str()) {
        return no("[CANNOT] Folders can only be made in the personal namespace");
    }
    if matches!(verb, "DELETE" | "RENAME") {
        limits::check_rights(session, &name, "x")?;
    }
    let done = session.peer.store().with(|s| match verb {
        "CREATE" => s.create(&name, role),
        "DELETE" => s.delete(&name),
        "RENAME" => s.rename(&name, &target),
        _ => {
            s.subscribe(&name, verb == "SUBSCRIBE");
            Ok(())
        }
    });
    if let Err((code, text)) = done {
        return no(&format!("[{code}] {text}"));
    }
    let id = session
        .peer
        .store()
        .with(|s| s.mailbox(&name).map(|m| m.id));
    Ok(match id {
        Some(id) if verb == "CREATE" && session.peer.has("OBJECTID") => {
            format!("[MAILBOXID (F{id})] Done")
        }
        _ => "Done".into(),
    })
}

/// `(USE (\Archive))` of CREATE-SPECIAL-USE (RFC 6154 §3).
fn read_use(cursor: &mut Cursor<'_>) -> Parsed<Option<Role>> {
    cursor.expect(b'(')?;
    let word = cursor.word()?;
    cursor.space()?;
    let uses = cursor.list(|c| {
        c.expect(b'\\')?;
        c.word()
    })?;
    cursor.expect(b')')?;
    if word != "USE" {
        return Err(super::parser::Bad("CREATE only knows USE".into()));
    }
    let role = |u: &String| Role::from_attribute(&format!("\\{u}"));
    Ok(uses.first().and_then(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stop_at_a_level_only_for_the_percent_sign() {
        for (name, pattern, expected) in [
            ("INBOX", "*", true),
            ("Projects/Roof", "%", false),
            ("Projects/Roof", "Projects/%", true),
            ("Projects/Roof", "P*f", true),
            ("Projects/Roof/Old", "Projects/%", false),
            ("Projects", "Projects/%", false),
            ("a", "", false),
            ("", "*", true),
        ] {
            assert_eq!(fits(name, pattern), expected, "{name} {pattern}");
        }
    }
}
