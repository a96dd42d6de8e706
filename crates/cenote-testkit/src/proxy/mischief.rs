//! A network that is bad at random: toxics come and go, connections are cut, the server cannot be reached for a moment.

use std::time::Duration;

use tokio::time::sleep;

use super::dice::Dice;
use super::{Direction, Proxy, Toxic, ToxicId};

impl Proxy {
    /// Misbehaves at random until this future is dropped; what it has added is gone then, and a proxy that it took down
    /// is up again. The same seed draws the same faults in the same order.
    ///
    /// A fault lasts for 20 to 300 ms and leaves as much time without one. In turn, by lot: latency, little bandwidth,
    /// slices, a black hole, resets, a limit on data, a slow end, each for a half of the connections; one connection
    /// cut, all cut, all refused.
    ///
    /// ```
    /// # use cenote_testkit::proxy::Proxy;
    /// # use std::time::Duration;
    /// # async fn example(proxy: Proxy, load: impl Future<Output = ()>) {
    /// tokio::select! {
    ///     never = proxy.misbehave(7) => match never {},
    ///     () = load => {}
    /// }
    /// # }
    /// ```
    pub async fn misbehave(&self, seed: u64) -> std::convert::Infallible {
        let mut dice = Dice::of(&[seed]);
        loop {
            sleep(moment(&mut dice)).await;
            let lasts = moment(&mut dice);
            match dice.below(10) {
                0 => _ = self.cut_one().await,
                1 => _ = self.cut().await,
                2 => {
                    let _up = UpAgain(self);
                    // A port that cannot be kept is one that refuses too.
                    _ = self.down().await;
                    sleep(lasts).await;
                }
                n => {
                    let direction = [Direction::Upstream, Direction::Downstream][dice.below(2)];
                    let id = self.add_to(0.5, direction, toxic(n, lasts));
                    let _gone = Gone(self, id);
                    sleep(lasts).await;
                }
            }
        }
    }
}

fn moment(dice: &mut Dice) -> Duration {
    Duration::from_millis(20 + dice.below(281) as u64)
}

fn toxic(n: usize, lasts: Duration) -> Toxic {
    match n {
        3 => Toxic::Latency { latency: lasts / 2, jitter: lasts / 4 },
        4 => Toxic::Bandwidth { bytes_per_second: 20_000 },
        5 => Toxic::Slicer { average_size: 8, size_variation: 7, delay: Duration::from_millis(1) },
        6 => Toxic::Timeout { after: None },
        7 => Toxic::ResetPeer { after: lasts / 2 },
        8 => Toxic::LimitData { bytes: 300 },
        _ => Toxic::SlowClose { delay: lasts },
    }
}

/// A toxic that is removed at the end, also of a future that is dropped.
struct Gone<'a>(&'a Proxy, ToxicId);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.remove(self.1);
    }
}

struct UpAgain<'a>(&'a Proxy);

impl Drop for UpAgain<'_> {
    fn drop(&mut self) {
        // Where the runtime has ended, nobody listens any more anyway.
        if tokio::runtime::Handle::try_current().is_ok() {
            _ = self.0.up();
        }
    }
}
