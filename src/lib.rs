//! Pillarbox: a mail client for the terminal.
//!
//! The architecture in one screen; `docs/architecture.md` tells the rest. Layers point down only,
//! and `tests/architecture.rs` holds them to the table in `README.md`.
//!
//! ```text
//!  keys ──▶ app::update ──Effect──▶ run ──Command──▶ engine ──▶ store (one transaction: op + rows)
//!             ▲    │                  ▲                │  └──replay/pull──▶ net ──▶ server
//!             │    ▼                  └─────Event──────┘
//!           App ──▶ ui::draw ──▶ terminal
//! ```

pub mod app;
pub mod archive;
pub mod bus;
pub mod cli;
pub mod config;
pub mod demo;
pub mod engine;
pub mod mime;
pub mod model;
pub mod net;
pub mod run;
pub mod store;
pub mod ui;
