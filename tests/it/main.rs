//! The integration tests, in one binary so that they share one Dovecot.
//!
//! Run by `.ci/test`, or by `cargo test` where Dovecot and openssl are installed. A test must never
//! need the network, a configuration of the user's, or more than this repository.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod architecture;
mod browser;
#[cfg(test)]
mod cards;
#[cfg(test)]
mod change;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod cli_change;
#[cfg(test)]
mod cli_compose;
#[cfg(test)]
mod cli_doctor;
#[cfg(test)]
mod cli_export;
#[cfg(test)]
mod cli_folders;
#[cfg(test)]
mod cli_mail;
#[cfg(test)]
mod cli_move;
#[cfg(test)]
mod cli_screen;
#[cfg(test)]
mod cli_search;
#[cfg(test)]
mod cli_secrets;
#[cfg(test)]
mod cli_send;
#[cfg(test)]
mod cli_setup;
#[cfg(test)]
mod compose;
#[cfg(test)]
mod converge;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod crash_send;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod crypto;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod draft_copies;
#[cfg(test)]
mod drafts;
#[cfg(test)]
mod drafts_sent;
#[cfg(test)]
mod faults;
mod first_words;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod imap;
#[cfg(test)]
mod imap_change;
#[cfg(test)]
mod imap_demo;
#[cfg(test)]
mod inside;
mod linear;
#[cfg(test)]
mod outbox;
#[cfg(test)]
mod people;
#[cfg(test)]
mod pictures;
#[cfg(test)]
mod pop3;
#[cfg(test)]
mod pop3_crash;
#[cfg(test)]
mod pop3_cuts;
#[cfg(test)]
mod pop3_faults;
#[cfg(test)]
mod pop3_ids;
#[cfg(test)]
mod pop3_leave;
mod pop3_rest;
mod pop3_screen;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod smtp;
#[cfg(test)]
mod smtp_faults;
#[cfg(test)]
mod smtp_tls;
#[cfg(test)]
mod support;
#[cfg(test)]
mod sync;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod world;
