//! The pools, one file each: how the pool is driven by the script, with which settings, and which cases it takes.

#[cfg(feature = "peers")]
mod bb8;
mod cenote;
#[cfg(feature = "peers")]
mod deadpool;
#[cfg(feature = "peers")]
mod fast_pool;
#[cfg(feature = "peers")]
mod mobc;
#[cfg(feature = "peers")]
mod qp;
#[cfg(feature = "peers")]
mod r2d2;
#[cfg(feature = "peers")]
mod sqlx;

use crate::cases::Case;
use crate::finding::Finding;

/// A column of the table.
pub(crate) struct Pool {
    /// As people call it.
    pub(crate) name: &'static str,
    /// The crate whose version is shown.
    pub(crate) package: &'static str,
    /// Whether it takes part in a case.
    pub(crate) part: fn(Case) -> Part,
}

/// What a pool does with a case.
pub(crate) enum Part {
    Runs(fn() -> Finding),
    /// It has no such feature; what it has instead.
    #[cfg_attr(not(feature = "peers"), expect(dead_code, reason = "Cenote takes part in all"))]
    Not(&'static str),
}

pub(crate) const ALL: &[Pool] = &[
    cenote::POOL,
    #[cfg(feature = "peers")]
    deadpool::POOL,
    #[cfg(feature = "peers")]
    bb8::POOL,
    #[cfg(feature = "peers")]
    r2d2::POOL,
    #[cfg(feature = "peers")]
    mobc::POOL,
    #[cfg(feature = "peers")]
    sqlx::POOL,
    #[cfg(feature = "peers")]
    qp::POOL,
    #[cfg(feature = "peers")]
    fast_pool::POOL,
];

#[cfg(feature = "peers")]
/// Waits at most `patience` for what a pool without a deadline for each call would give.
async fn within<G, E>(
    patience: std::time::Duration,
    get: impl Future<Output = Result<G, E>>,
) -> Result<G, String> {
    match tokio::time::timeout(patience, get).await {
        Ok(Ok(guard)) => Ok(guard),
        Ok(Err(_)) => Err("the pool says no".to_owned()),
        Err(_) => Err("the caller gave up".to_owned()),
    }
}
