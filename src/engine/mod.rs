//! The worker between the front and the servers.
