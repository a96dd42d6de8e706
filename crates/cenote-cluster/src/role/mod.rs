//! Who is what: [`claims`](self::claims) decides whom to believe, the [`monitor`](self::monitor) asks.

mod claims;
mod monitor;

pub(crate) use claims::Claims;
pub(crate) use monitor::{Prober, prober, watch_roles};
