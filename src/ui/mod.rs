//! Draws the state: App in, cells out.
