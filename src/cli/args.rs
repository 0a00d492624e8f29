//! What can be said on the command line.
//!
//! Parsed by `mod.rs`; the table in the README is made from it. A command must never be listed here
//! before it works.

use crate::config::Tls;
use clap::{Args as ClapArgs, CommandFactory as _, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// A mail client for the terminal. Without a command: the screen.
#[derive(Debug, Parser)]
#[command(name = "pillarbox", version, disable_help_subcommand = true)]
pub(super) struct Args {
    /// The configuration file, instead of the usual one.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PILLARBOX_CONFIG",
        hide_env_values = true
    )]
    pub(super) config: Option<PathBuf>,
    /// The folder for mail and logs, instead of the usual one.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "PILLARBOX_DATA_DIR",
        hide_env_values = true
    )]
    pub(super) data_dir: Option<PathBuf>,
    /// Only this account of the configuration.
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) account: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Option<CommandArgs>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum CommandArgs {
    /// Shows the screen with sample mail; needs no account and no network.
    Demo,
    /// Adds an account to the configuration, once its servers let you in; asks for what is not given.
    Setup(SetupArgs),
    /// Shows the screen with a new message to write.
    Compose {
        /// What it begins with: a `mailto:` link.
        #[arg(value_name = "MAILTO")]
        link: Option<String>,
    },
    /// Sends and receives once, for each account, then ends.
    Sync {
        #[command(flatten)]
        json: Json,
    },
    /// Lists the folders with their counts.
    Mailboxes {
        #[command(flatten)]
        json: Json,
    },
    /// Makes, renames, deletes and subscribes to folders.
    #[command(subcommand)]
    Mailbox(MailboxArgs),
    /// Lists the messages of a folder, newest first.
    List(ListArgs),
    /// Finds messages in all folders, newest first.
    Search(SearchArgs),
    /// Shows a message.
    Show(ShowArgs),
    /// Sets and clears flags of messages: seen flagged answered forwarded draft deleted.
    Flag(FlagArgs),
    /// Adds and removes tags of messages.
    Tag(TagArgs),
    /// Moves messages into a folder.
    Move(TransferArgs),
    /// Copies messages into a folder.
    Copy(TransferArgs),
    /// Moves messages to Archive, which is made where there is none.
    Archive(MessagesArgs),
    /// Moves messages to Trash, which is made where there is none.
    Trash(MessagesArgs),
    /// Deletes messages for good, without a question.
    Delete(MessagesArgs),
    /// Takes back the last change.
    Undo {
        /// Leaves it to the next sync to tell the server.
        #[arg(long)]
        offline: bool,
    },
    /// Sends a message, as it is in a file or on standard input, to those in To, Cc and Bcc.
    Send(SendArgs),
    /// Lists what waits to be sent, tries it again, or cancels it.
    Outbox(OutboxArgs),
    /// Lists the changes that no server has confirmed yet.
    Journal {
        #[command(flatten)]
        json: Json,
    },
    /// Writes the messages of a folder into an mbox or a Maildir, with every byte, flag and tag.
    Export(ExportArgs),
    /// Puts the messages of an mbox or a Maildir into a folder, without those that are there already.
    Import(ImportArgs),
    /// Lists everything that a key can do on the screen.
    Actions {
        #[command(flatten)]
        json: Json,
    },
    /// Checks or shows the configuration.
    #[command(subcommand)]
    Config(ConfigArgs),
    /// Manages what is kept here of what the server has.
    #[command(subcommand)]
    Cache(CacheArgs),
    /// Checks configuration, store, terminal and servers, and says what to do about each fault.
    Doctor {
        #[command(flatten)]
        json: Json,
    },
}

/// How a listing is printed.
#[derive(Debug, ClapArgs)]
pub(super) struct Json {
    /// Prints JSON Lines: one object a line.
    #[arg(long)]
    pub(super) json: bool,
}

/// `setup`. The account's name is what `--account` says, else taken from the address.
#[derive(Debug, Default, ClapArgs)]
pub(super) struct SetupArgs {
    /// Your address.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) email: Option<String>,
    /// Your name, as others see it. Where it is not given: made from the address.
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The incoming server, where it speaks IMAP. Known for well-known providers.
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with = "pop3")]
    pub(super) imap: Option<String>,
    /// The incoming server, where it speaks POP3.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) pop3: Option<String>,
    /// The outgoing server; - for none.
    #[arg(long, value_name = "HOST[:PORT]", allow_hyphen_values = true)]
    pub(super) smtp: Option<String>,
    /// How the incoming connection is made safe. Where it is not given: as the port has it.
    #[arg(long)]
    pub(super) tls: Option<TlsArg>,
    /// The same for the outgoing one.
    #[arg(long)]
    pub(super) smtp_tls: Option<TlsArg>,
    /// The user name. Where it is not given: the address.
    #[arg(long)]
    pub(super) user: Option<String>,
    /// A command whose first line of output is the password.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["token_command", "password_stdin"])]
    pub(super) password_command: Option<String>,
    /// A command whose first line of output is an OAuth2 access token.
    #[arg(long, value_name = "COMMAND", conflicts_with = "password_stdin")]
    pub(super) token_command: Option<String>,
    /// Reads the password from standard input, and writes it into the configuration.
    #[arg(long)]
    pub(super) password_stdin: bool,
    /// A file (PEM) with an extra trust root for both servers.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// Writes it without signing in first.
    #[arg(long)]
    pub(super) no_check: bool,
    /// Asks nothing: for scripts.
    #[arg(long)]
    pub(super) non_interactive: bool,
}

/// How a connection is made safe.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum TlsArg {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS or STLS, required.
    Starttls,
    /// In clear: on this computer only.
    None,
}

impl TlsArg {
    /// What it is called in the configuration.
    pub(super) const fn tls(self) -> Tls {
        match self {
            Self::Implicit => Tls::Implicit,
            Self::Starttls => Tls::Starttls,
            Self::None => Tls::None,
        }
    }
}

/// `list`.
#[derive(Debug, ClapArgs)]
pub(super) struct ListArgs {
    /// The folder: its full name, what it is for (inbox, sent, …), or ACCOUNT/NAME.
    pub(super) mailbox: String,
    /// Only messages that match, such as "from:ann is:unread".
    #[arg(long, value_name = "QUERY")]
    pub(super) query: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u32>,
    /// Leaves out the first ones.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) offset: u32,
    /// Keeps the messages of a thread together.
    #[arg(long)]
    pub(super) threads: bool,
    #[command(flatten)]
    pub(super) json: Json,
}

/// `search`.
#[derive(Debug, ClapArgs)]
pub(super) struct SearchArgs {
    /// What is looked for, such as "from:ann is:unread plan".
    #[arg(allow_hyphen_values = true)]
    pub(super) query: String,
    /// Asks the servers too: they know the whole text of what is not here.
    #[arg(long)]
    pub(super) server: bool,
    /// At most so many.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u32>,
    /// Leaves out the first ones.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) offset: u32,
    #[command(flatten)]
    pub(super) json: Json,
}

/// `show`.
#[derive(Debug, ClapArgs)]
pub(super) struct ShowArgs {
    /// The message: its id as `list` prints it.
    pub(super) id: i64,
    /// Prints its exact bytes (on a terminal: made clean).
    #[arg(long, conflicts_with_all = ["html", "headers", "json"])]
    pub(super) raw: bool,
    /// Prints its HTML part.
    #[arg(long, conflicts_with_all = ["headers", "json"])]
    pub(super) html: bool,
    /// Prints all of its headers.
    #[arg(long, conflicts_with = "json")]
    pub(super) headers: bool,
    /// Saves its attachments there, never over a file.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["raw", "html", "headers", "json"])]
    pub(super) save_attachments: Option<PathBuf>,
    #[command(flatten)]
    pub(super) json: Json,
}

/// `flag`.
#[derive(Debug, ClapArgs)]
pub(super) struct FlagArgs {
    /// The messages.
    #[arg(required = true, value_name = "ID")]
    pub(super) ids: Vec<i64>,
    /// Sets a flag. Can be given several times.
    #[arg(long, value_name = "FLAG")]
    pub(super) add: Vec<String>,
    /// Clears a flag. Can be given several times.
    #[arg(long, value_name = "FLAG")]
    pub(super) remove: Vec<String>,
    /// Leaves it to the next sync to tell the server.
    #[arg(long)]
    pub(super) offline: bool,
}

/// `tag`.
#[derive(Debug, ClapArgs)]
pub(super) struct TagArgs {
    /// The messages.
    #[arg(required = true, value_name = "ID")]
    pub(super) ids: Vec<i64>,
    /// Adds a tag. Can be given several times.
    #[arg(long, value_name = "TAG")]
    pub(super) add: Vec<String>,
    /// Removes a tag. Can be given several times.
    #[arg(long, value_name = "TAG")]
    pub(super) remove: Vec<String>,
    /// Leaves it to the next sync to tell the server.
    #[arg(long)]
    pub(super) offline: bool,
}

/// `move` and `copy`.
#[derive(Debug, ClapArgs)]
pub(super) struct TransferArgs {
    /// The messages.
    #[arg(required = true, value_name = "ID")]
    pub(super) ids: Vec<i64>,
    /// The folder: its full name, what it is for (inbox, sent, …), or ACCOUNT/NAME.
    #[arg(required = true)]
    pub(super) mailbox: String,
    /// Leaves it to the next sync to tell the server.
    #[arg(long)]
    pub(super) offline: bool,
}

/// `archive`, `trash` and `delete`.
#[derive(Debug, ClapArgs)]
pub(super) struct MessagesArgs {
    /// The messages.
    #[arg(required = true, value_name = "ID")]
    pub(super) ids: Vec<i64>,
    /// Leaves it to the next sync to tell the server.
    #[arg(long)]
    pub(super) offline: bool,
}

/// `mailbox`.
#[derive(Debug, Subcommand)]
pub(super) enum MailboxArgs {
    /// Makes a folder, and those above it that are missing.
    Create {
        /// The folder: its full name, or ACCOUNT/NAME where there are several accounts.
        name: String,
        /// Leaves it to the next sync to tell the server.
        #[arg(long)]
        offline: bool,
    },
    /// Gives a folder another name or another place, with all that is below it.
    Rename {
        /// The folder: its full name, what it is for (sent, archive, …), or ACCOUNT/NAME.
        old: String,
        /// Its new full name.
        new: String,
        /// Leaves it to the next sync to tell the server.
        #[arg(long)]
        offline: bool,
    },
    /// Moves a folder to Trash with all that is below it; deletes it where it is empty.
    Delete {
        /// The folder: its full name, what it is for (sent, archive, …), or ACCOUNT/NAME.
        name: String,
        /// Deletes it and the messages in it for good.
        #[arg(long)]
        for_good: bool,
        /// Leaves it to the next sync to tell the server.
        #[arg(long)]
        offline: bool,
    },
    /// Subscribes to a folder.
    Subscribe(SubscribeArgs),
    /// Ends the subscription to a folder.
    Unsubscribe(SubscribeArgs),
}

/// `mailbox subscribe` and `mailbox unsubscribe`.
#[derive(Debug, ClapArgs)]
pub(super) struct SubscribeArgs {
    /// The folder: its full name, what it is for (sent, archive, …), or ACCOUNT/NAME.
    pub(super) name: String,
    /// Leaves it to the next sync to tell the server.
    #[arg(long)]
    pub(super) offline: bool,
}

/// `send`.
#[derive(Debug, ClapArgs)]
pub(super) struct SendArgs {
    /// The file with the message; without it, or for "-", standard input.
    pub(super) file: Option<PathBuf>,
    /// Leaves it to the next sync to send it.
    #[arg(long)]
    pub(super) offline: bool,
}

/// `outbox`.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct OutboxArgs {
    #[command(flatten)]
    pub(super) json: Json,
    /// What to do with a message; without it, all are listed.
    #[command(subcommand)]
    pub(super) command: Option<OutboxCommand>,
}

/// `outbox retry` and `outbox cancel`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(super) enum OutboxCommand {
    /// Tries a message now; one that may have been delivered is sent once more.
    Retry {
        /// The message: its id as `outbox` prints it.
        id: i64,
    },
    /// Takes a message out; it is not sent any more.
    Cancel {
        /// The message: its id as `outbox` prints it.
        id: i64,
    },
}

/// `export`.
#[derive(Debug, ClapArgs)]
pub(super) struct ExportArgs {
    /// The folder: its full name, what it is for (inbox, sent, …), or ACCOUNT/NAME.
    pub(super) mailbox: String,
    /// What is written: one file, or a folder with a file for each message.
    #[arg(long, value_name = "mbox|maildir")]
    pub(super) format: FormatArg,
    /// Where to: a new file; a new folder, an empty one, or a Maildir to add to.
    pub(super) dest: PathBuf,
    /// Writes over a file that is there.
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) json: Json,
}

/// What mail is written as.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum FormatArg {
    /// One file (mboxrd).
    Mbox,
    /// A folder with a file for each message.
    Maildir,
}

/// `import`.
#[derive(Debug, ClapArgs)]
pub(super) struct ImportArgs {
    /// The mbox or the Maildir.
    #[arg(value_name = "SRC")]
    pub(super) source: PathBuf,
    /// The folder: its full name, what it is for (inbox, sent, …), or ACCOUNT/NAME.
    pub(super) mailbox: String,
    /// Takes messages that are there already once more.
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) json: Json,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigArgs {
    /// Looks for mistakes.
    Check,
    /// Prints what holds, defaults included, without secrets.
    Show,
}

/// `cache`.
#[derive(Debug, Subcommand)]
pub(super) enum CacheArgs {
    /// Drops what the server can give again; never changes that it does not know of yet.
    Clear,
}

/// The command line as a value, for documentation.
#[must_use]
pub fn command() -> clap::Command {
    Args::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn every_command_and_every_argument_says_what_it_is() {
        fn look(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for arg in command.get_arguments() {
                assert!(
                    arg.get_help().is_some(),
                    "{} {}",
                    command.get_name(),
                    arg.get_id()
                );
            }
            command.get_subcommands().for_each(look);
        }
        look(&command());
    }
}
