//! The wire-level test peer, also `pillarbox demo`.
