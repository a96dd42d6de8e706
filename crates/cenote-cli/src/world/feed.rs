//! The primary's side of replication: every write goes to all who follow, in order, and is acknowledged to its client when
//! one of them has heard it. A primary whom nobody follows goes on alone. Whoever cannot keep up is left behind, and must
//! join anew.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};

use super::store::Entry;

/// So many writes may be on their way to one follower.
const ON_THE_WAY: usize = 1024;

#[derive(Clone, Copy, Default)]
struct Heard {
    /// By one at least.
    position: i64,
    followers: usize,
}

pub(crate) struct Feed {
    followers: Mutex<Vec<mpsc::Sender<Entry>>>,
    heard: watch::Sender<Heard>,
}

impl Feed {
    pub(crate) fn new() -> Arc<Feed> {
        let followers = Mutex::default();
        Arc::new(Feed { followers, heard: watch::Sender::new(Heard::default()) })
    }

    /// From now on this one hears everything; up to here it has it already.
    pub(crate) fn join(self: &Arc<Feed>, position: i64) -> Subscription {
        let (send, entries) = mpsc::channel(ON_THE_WAY);
        self.lock().push(send);
        self.heard.send_modify(|heard| heard.followers += 1);
        let subscription = Subscription { entries, feed: Arc::clone(self) };
        subscription.confirm(position);
        subscription
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<mpsc::Sender<Entry>>> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn send(&self, entry: Entry) {
        self.lock().retain(|follower| follower.try_send(entry).is_ok());
    }

    /// Waits until one who follows has heard this, or nobody follows.
    pub(crate) async fn until_heard(&self, position: i64) {
        let heard = |heard: &Heard| heard.position >= position || heard.followers == 0;
        // It cannot end before `self` does.
        _ = self.heard.subscribe().wait_for(heard).await;
    }

    /// Nobody hears any more of this server.
    pub(crate) fn end(&self) {
        self.lock().clear();
    }
}

/// A follower's end.
pub(crate) struct Subscription {
    entries: mpsc::Receiver<Entry>,
    feed: Arc<Feed>,
}

impl Subscription {
    /// The next write; `None` when the primary has died, or has left this follower behind.
    pub(crate) async fn next(&mut self) -> Option<Entry> {
        self.entries.recv().await
    }

    /// Up to here everything was heard.
    pub(crate) fn confirm(&self, position: i64) {
        self.feed.heard.send_modify(|heard| heard.position = heard.position.max(position));
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.heard.send_modify(|heard| heard.followers -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn is_ready(future: impl Future<Output = ()>) -> bool {
        pin!(future).poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    // C-12
    #[test]
    fn a_write_is_acknowledged_when_one_has_heard_it_or_nobody_follows() {
        let feed = Feed::new();
        assert!(is_ready(feed.until_heard(1)), "nobody follows");
        let (one, other) = (feed.join(0), feed.join(0));
        assert!(!is_ready(feed.until_heard(1)));
        other.confirm(1);
        assert!(is_ready(feed.until_heard(1)) && !is_ready(feed.until_heard(2)));
        one.confirm(0);
        assert!(is_ready(feed.until_heard(1)), "it does not go back");
        drop((one, other));
        assert!(is_ready(feed.until_heard(2)));
    }

    // C-13
    #[tokio::test]
    async fn who_cannot_keep_up_is_left_behind_and_the_others_are_not() {
        let feed = Feed::new();
        let (mut slow, mut quick) = (feed.join(0), feed.join(0));
        for position in 1..=ON_THE_WAY as i64 + 1 {
            let entry = Entry { position, counter: 1, value: position };
            feed.send(entry);
            assert_eq!(quick.next().await, Some(entry));
        }
        for position in 1..=ON_THE_WAY as i64 {
            assert_eq!(slow.next().await.map(|entry| entry.position), Some(position));
        }
        assert_eq!(slow.next().await, None);
        feed.end();
        assert_eq!(quick.next().await, None);
    }
}
