//! What the user may set.
