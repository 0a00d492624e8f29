//! Whether what a client said to prove itself is right, by mechanism.
//!
//! Asked by the sessions of every protocol. What it is given must never get into a log.

/// Whether the one message of a mechanism is right for that account. Any token but `bad` is.
pub(super) fn is_right(mechanism: &str, message: &str, user: &str, password: &str) -> bool {
    if mechanism == "PLAIN" {
        let mut pieces = message.split('\0').skip(1);
        return pieces.next() == Some(user)
            && pieces.next() == Some(password)
            && pieces.next().is_none();
    }
    let start = if mechanism == "XOAUTH2" {
        format!("user={user}\u{1}")
    } else {
        let name = user.replace('=', "=3D").replace(',', "=2C");
        format!("n,a={name},\u{1}")
    };
    let token = message
        .strip_prefix(&start)
        .filter(|rest| rest.ends_with("\u{1}\u{1}"))
        .and_then(|rest| {
            rest.split('\u{1}')
                .find_map(|field| field.strip_prefix("auth=Bearer "))
        });
    token.is_some_and(|token| !token.is_empty() && token != "bad")
}
