//! The server's own count of the pool's connections.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use cenote::Pool;
use cenote_testkit::proxy::Proxy;
use tokio::time::{Instant, sleep};

use super::load::Seen;
use super::{CUT, Rough, SIZE};

/// What was seen of the server's count.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// How often it was looked.
    pub(super) looked: u64,
    /// How often nothing excused a count above `max_size`.
    pub(super) strictly: u64,
    pub(super) most: u64,
}

/// Looks all the time, directly: the count is never above `max_size`, but for sockets that the proxy has cut lately, for
/// connects that were given up lately, and for [goodbyes](Rough::goodbyes).
pub(super) async fn count<S: Rough>(
    subject: Arc<S>,
    pool: Pool<S::Manager>,
    proxy: Arc<Proxy>,
    seen: Arc<Seen>,
) -> Counted {
    let direct = Pool::builder(subject.watcher()).max_size(1).build().unwrap();
    let mut counted = Counted::default();
    let excuses = || {
        let counts = pool.stats().counts;
        let failed = counts.connect_failures.total() + S::goodbyes(&counts);
        proxy.stats().cut + proxy.stats().refused + failed
    };
    let mut past: VecDeque<(Instant, u64)> = VecDeque::new();
    while !seen.is_over() {
        let now = Instant::now();
        past.push_back((now, excuses()));
        while past.len() > 1 && past[1].0 + CUT <= now {
            past.pop_front();
        }
        let mut conn = direct.acquire().await.unwrap();
        let there = subject.count(&mut conn).await as u64;
        drop(conn);
        let excused = excuses() - past[0].1;
        assert!(there <= SIZE as u64 + excused, "{there} on the server, {excused} excused");
        counted.looked += 1;
        counted.strictly += u64::from(excused == 0);
        counted.most = counted.most.max(there);
        sleep(Duration::from_millis(10)).await;
    }
    direct.close(Duration::from_secs(5)).await;
    counted
}
