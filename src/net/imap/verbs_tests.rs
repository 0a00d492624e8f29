//! The verbs that change mail in the words of transcripts, and what a transcript cannot show.
//!
//! Used by `peer_tests`, which knows the verbs that read.

use super::Session;
use super::peer_tests::{failed, notices, status, unescape};
use super::types::{Appended, Transferred};
use crate::model::{FlagSet, Moment, Role, UidSet};
use crate::net::Error;

/// Does what a call says, and writes down what came of it.
pub(super) async fn perform(
    session: &mut Session,
    verb: &str,
    args: &[&str],
) -> Result<Vec<String>, Error> {
    let set = || UidSet::parse(args[0]).unwrap();
    let name = || args[1..].join(" ");
    let done = |()| vec!["ok".to_owned()];
    match verb {
        "move" => Ok(transferred(session.move_messages(&set(), &name()).await?)),
        "copy" => Ok(transferred(session.copy_messages(&set(), &name()).await?)),
        "expunge" => Ok(transferred(session.expunge_messages(&set()).await?)),
        "expunge-marked" => Ok(transferred(session.expunge_marked().await?)),
        "marked" => Ok(vec![format!("uids {}", session.marked_deleted().await?)]),
        "append" => append(session, args).await,
        "create" => {
            let role = args.get(1).and_then(|r| Role::from_name(r));
            session.create(args[0], role).await.map(done)
        }
        "rename" => session.rename(args[0], args[1]).await.map(done),
        "delete" => session.delete_mailbox(&args.join(" ")).await.map(done),
        "subscribe" => session.subscribe(&name(), args[0] == "on").await.map(done),
        "status" => {
            let told = session.status(&args.join(" ")).await?;
            Ok(vec![format!("status{}", status(&told))])
        }
        "rights" => {
            let names: Vec<String> = args.iter().map(|n| (*n).to_owned()).collect();
            let rights = session.my_rights(&names).await?;
            let letters = |r: Option<crate::model::Rights>| r.map_or("-".into(), |r| r.letters());
            Ok(rights.into_iter().map(letters).collect())
        }
        "quota" => {
            let quota = session.quota(&args.join(" ")).await?;
            Ok(vec![quota.map_or("none".into(), |q| {
                format!("{} of {} KiB", q.used_kib, q.limit_kib)
            })])
        }
        other => panic!("unknown call {other}"),
    }
}

/// `append flags,… seconds name text`, with `-` for none.
async fn append(session: &mut Session, args: &[&str]) -> Result<Vec<String>, Error> {
    let flags = FlagSet::from_wire(args[0].split(',').filter(|f| *f != "-"));
    let arrived = args[1].parse().ok().map(|unix_secs| Moment {
        unix_secs,
        offset_mins: 60,
    });
    let bytes = unescape(&args[3..].join(" "));
    let Appended { at, refused } = session.append(args[2], &flags, arrived, &bytes).await?;
    let at = at.map(|(era, uid)| format!("appended {uid} era={}", era.get()));
    let lines = at.into_iter().chain(refused.as_ref().map(refusal));
    let lines: Vec<String> = lines.collect();
    Ok(if lines.is_empty() {
        vec!["appended".into()]
    } else {
        lines
    })
}

fn refusal(error: &Error) -> String {
    failed(error).replacen("error", "refused", 1)
}

fn transferred(done: Transferred) -> Vec<String> {
    let mut lines = notices(done.notices);
    if let Some(copied) = done.copied {
        let pairs: Vec<String> = copied
            .pairs
            .iter()
            .map(|(source, target)| format!("{source}>{target}"))
            .collect();
        let era = copied.uid_validity.get();
        lines.push(format!("copied era={era} {}", pairs.join(" ")));
    }
    lines.extend(done.refused.as_ref().map(refusal));
    if lines.is_empty() {
        lines.push("done".into());
    }
    lines
}
