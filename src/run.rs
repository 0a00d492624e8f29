//! The loop of the terminal front.
