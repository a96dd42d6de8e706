//! See and steer pools and clusters while they run: a router of axum that a service mounts, or that a program serves by
//! itself.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use cenote_testkit::Script;
//! use axum::Router;
//! use cenote::Pool;
//! use cenote_cluster::Registry;
//!
//! let registry = Registry::new();
//! let pool = Pool::builder(Script::new()).name("orders").build()?;
//! registry.pool(&pool);
//!
//! let app: Router = Router::new().nest("/pools", cenote_admin::router(registry));
//! # drop(app);
//! # Ok(()) }
//! ```
//!
//! | path | answers |
//! |---|---|
//! | `/` | the page |
//! | `GET /status` | the [document], as JSON |
//! | `GET /live` | the same once a second, and what happens as it happens: server-sent events |
//! | `GET /charts/KIND.svg?of=NAME` | the last five minutes, drawn |
//! | `GET /metrics` | numbers for Prometheus |
//! | `GET /healthz` | 200: the process answers |
//! | `GET /readyz` | 200 if every pool and cluster can serve, else 503 with those that cannot |
//! | `POST /operations` | [operations](Builder::token), with the token only |
//! | `POST /actions/NAME` | what the [service added](Builder::action) |
//!
//! Watching costs hits nothing: what is counted is counted anyway, and no pool is observed below level info. Nothing is
//! sampled while nobody looks.

#![forbid(unsafe_code)]

mod actions;
mod admin;
mod answer;
mod assets;
mod charts;
mod clean;
pub mod document;
mod exposition;
mod fill;
mod guard;
mod history;
mod keeper;
mod live;
mod log;
mod look;
mod metrics;
mod operations;
mod patient;
mod query;
mod ready;
mod routes;
mod runs;
mod serve;

pub use admin::{Admin, Builder};

use axum::Router;
use cenote_cluster::Registry;

/// The router for this registry, without a token and without actions: everybody who reaches it can look and nobody can
/// do anything.
pub fn router(registry: Registry) -> Router {
    Admin::builder(registry).build().router()
}
