//! The configuration of the private Dovecot, in the words of the version that is installed.
//!
//! Used by `dovecot.rs`. Dovecot 2.4 renamed nearly every setting of 2.3; what differs stands side
//! by side in here, and nowhere else.

use super::dovecot::{Kind, Owner, TELLING};
use std::path::Path;
use std::process::Command;

/// The Dovecot that was found.
pub(super) struct Installed {
    pub(super) program: &'static str,
    /// Whether it is 2.4 or later.
    is_modern: bool,
}

impl Installed {
    pub(super) fn find() -> Self {
        let places = [
            "dovecot",
            "/usr/sbin/dovecot",
            "/usr/local/sbin/dovecot",
            "/opt/homebrew/sbin/dovecot",
        ];
        let found = places.into_iter().find_map(|program| {
            let output = Command::new(program).arg("--version").output().ok()?;
            Some((
                program,
                String::from_utf8_lossy(&output.stdout).into_owned(),
            ))
        });
        let (program, version) =
            found.expect("Dovecot is not installed; `.ci/test` installs it, or see the README");
        let is_modern = !version.starts_with("2.3.") && !version.starts_with("2.2.");
        Self { program, is_modern }
    }
}

/// What the server is to be.
pub(super) struct Plan<'a> {
    pub(super) kind: Kind,
    pub(super) folder: &'a Path,
    pub(super) owner: &'a Owner,
    pub(super) imap: u16,
    pub(super) imaps: u16,
    pub(super) pop3: u16,
    pub(super) pop3s: u16,
}

impl Plan<'_> {
    pub(super) fn configuration(&self, installed: &Installed) -> String {
        if installed.is_modern {
            self.head_of_2_4() + &self.common("restart_request_count = unlimited")
        } else {
            self.head_of_2_3() + &self.common("service_count = 0")
        }
    }

    /// Without the penalty that makes an address wait after a wrong password: all tests share one.
    fn head_of_2_3(&self) -> String {
        let (folder, user, group) = (self.folder.display(), &self.owner.user, &self.owner.group);
        let capability = self.kind.capability();
        let capability = capability.map_or(String::new(), |c| format!("imap_capability = {c}"));
        format!(
            "protocols = imap pop3\n\
             mail_home = {folder}/home/%u\n\
             mail_location = maildir:{folder}/mail/%u\n\
             disable_plaintext_auth = no\n\
             ssl_cert = <{folder}/server.pem\n\
             ssl_key = <{folder}/server.key\n\
             {capability}\n\
             passdb {{\n  driver = static\n  args = password=pass\n}}\n\
             passdb {{\n  driver = static\n  args = password={TELLING}\n}}\n\
             userdb {{\n  driver = static\n  \
             args = uid={user} gid={group} home={folder}/home/%u allow_all_users=yes\n}}\n\
             service anvil {{\n  unix_listener anvil-auth-penalty {{\n    mode = 0\n  }}\n}}\n{}",
            self.sharing_of_2_3()
        )
    }

    /// Other users' and public folders, rights and quota.
    fn sharing_of_2_3(&self) -> String {
        if self.kind != Kind::Shared {
            return String::new();
        }
        let folder = self.folder.display();
        format!(
            "mail_plugins = acl quota\n\
             protocol imap {{\n  mail_plugins = acl quota imap_acl imap_quota\n}}\n\
             namespace others {{\n  type = shared\n  prefix = Shared/%%u/\n  separator = /\n  \
             location = maildir:{folder}/mail/%%u\n  subscriptions = no\n  list = children\n}}\n\
             namespace public {{\n  type = public\n  prefix = Public/\n  separator = /\n  \
             location = maildir:{folder}/public\n  subscriptions = no\n  list = children\n}}\n\
             plugin {{\n  acl = vfile\n  acl_shared_dict = file:{folder}/home/shared-mailboxes\n  \
             quota = count:All of it\n  quota_vsizes = yes\n  quota_rule = *:storage=1M\n  \
             quota_grace = 0\n}}\n"
        )
    }

    fn head_of_2_4(&self) -> String {
        let (folder, user, group) = (self.folder.display(), &self.owner.user, &self.owner.group);
        let capability = self.kind.capability();
        let capability = capability.map_or(String::new(), |c| format!("imap_capability = {c}"));
        format!(
            "dovecot_config_version = 2.4.0\n\
             dovecot_storage_version = 2.4.0\n\
             protocols {{\n  imap = yes\n  pop3 = yes\n}}\n\
             mail_home = {folder}/home/%{{user}}\n\
             mail_driver = maildir\n\
             mail_path = {folder}/mail/%{{user}}\n\
             auth_allow_cleartext = yes\n\
             ssl_server_cert_file = {folder}/server.pem\n\
             ssl_server_key_file = {folder}/server.key\n\
             {capability}\n\
             passdb static {{\n  password = pass\n}}\n\
             passdb telling {{\n  driver = static\n  password = {TELLING}\n}}\n\
             userdb static {{\n  allow_all_users = yes\n  fields {{\n    \
             uid = {user}\n    gid = {group}\n    home = {folder}/home/%{{user}}\n  }}\n}}\n{}",
            self.sharing_of_2_4()
        )
    }

    /// Other users' and public folders, rights and quota.
    fn sharing_of_2_4(&self) -> String {
        if self.kind != Kind::Shared {
            return String::new();
        }
        let folder = self.folder.display();
        format!(
            "mail_plugins {{\n  acl = yes\n  quota = yes\n}}\n\
             protocol imap {{\n  mail_plugins {{\n    imap_acl = yes\n    imap_quota = yes\n  }}\n}}\n\
             namespace others {{\n  type = shared\n  prefix = Shared/$user/\n  separator = /\n  \
             mail_path = {folder}/mail/%{{owner_user}}\n  subscriptions = no\n  list = children\n}}\n\
             namespace public {{\n  type = public\n  prefix = Public/\n  separator = /\n  \
             mail_path = {folder}/public\n  subscriptions = no\n  list = children\n}}\n\
             acl_driver = vfile\n\
             acl_sharing_map {{\n  dict file {{\n    path = {folder}/home/shared-mailboxes\n  }}\n}}\n\
             quota_storage_size = 1M\nquota_storage_grace = 0\nquota \"All of it\" {{\n}}\n"
        )
    }

    /// What all versions understand.
    fn common(&self, reuse: &str) -> String {
        let Self {
            kind,
            folder,
            owner,
            imap,
            imaps,
            pop3,
            pop3s,
        } = self;
        let (folder, Owner { user, group, other }) = (folder.display(), owner);
        let (prefix, separator) = kind.namespace();
        // An ordinary user can neither change to another one nor to another root.
        let unprivileged = match other {
            Some(_) => String::new(),
            None => format!(
                "default_internal_user = {user}\ndefault_internal_group = {group}\n\
                 default_login_user = {user}\n\
                 service anvil {{\n  chroot =\n}}\nservice imap-login {{\n  chroot =\n}}\n\
                 service pop3-login {{\n  chroot =\n}}\n"
            ),
        };
        let folder_of = |name: &&str| {
            format!("  mailbox {name} {{\n    auto = subscribe\n    special_use = \\{name}\n  }}\n")
        };
        let special: String = kind.folders().iter().map(folder_of).collect();
        format!(
            "base_dir = {folder}/run\nstate_dir = {folder}/run\n\
             instance_name = pillarbox-{name}-{imap}\nlog_path = {folder}/dovecot.log\n\
             listen = 127.0.0.1\n{unprivileged}\
             mail_uid = {user}\nmail_gid = {group}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n\
             mail_fsync = never\nmailbox_list_index = yes\n\
             mailbox_idle_check_interval = 1 secs\nmail_max_userip_connections = 200\n\
             auth_mechanisms = plain login\nauth_failure_delay = 0\nssl = yes\n\
             pop3_lock_session = yes\n\
             namespace inbox {{\n  inbox = yes\n  prefix = {prefix}\n  separator = {separator}\n{special}}}\n\
             service imap-login {{\n  {reuse}\n  process_min_avail = 1\n  \
             inet_listener imap {{\n    port = {imap}\n  }}\n  \
             inet_listener imaps {{\n    port = {imaps}\n    ssl = yes\n  }}\n}}\n\
             service pop3-login {{\n  {reuse}\n  \
             inet_listener pop3 {{\n    port = {pop3}\n  }}\n  \
             inet_listener pop3s {{\n    port = {pop3s}\n    ssl = yes\n  }}\n}}\n\
             service imap {{\n  process_limit = 200\n  vsz_limit = 2G\n}}\n\
             service anvil {{\n  client_limit = 2000\n}}\n\
             service auth {{\n  client_limit = 2000\n}}\n",
            name = kind.name(),
        )
    }
}
