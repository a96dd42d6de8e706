//! What the proxy does: faults at random, several at a time, for connections that are drawn by lot. The testkit's own
//! `Proxy::misbehave` has one at a time, and no quiet times in which a count can be held to the letter.

use std::collections::VecDeque;
use std::time::Duration;

use cenote_testkit::proxy::{Direction, Proxy, Toxic};
use tokio::time::sleep;

use super::CUT;
use crate::dice::Dice;

/// One fault after the other until it is enough, at most three at a time, each for a second at most, with quiet times
/// between.
pub(super) async fn misbehave(proxy: &Proxy, dice: &mut Dice, enough: impl Fn() -> bool) {
    let mut toxics = VecDeque::new();
    while !enough() {
        let direction = [Direction::Upstream, Direction::Downstream][dice.below(2) as usize];
        let toxic = match dice.below(12) {
            8 => {
                proxy.cut_one().await;
                None
            }
            9 if dice.below(3) == 0 => {
                proxy.down().await.unwrap();
                sleep(millis(dice.below(800))).await;
                proxy.up().unwrap();
                None
            }
            10 => {
                // Quiet, so that the server's count is looked at when nothing excuses it.
                while let Some(id) = toxics.pop_front() {
                    proxy.remove(id);
                }
                sleep(CUT + millis(1500)).await;
                None
            }
            n => toxic(n, dice),
        };
        if let Some(toxic) = toxic {
            toxics.push_back(proxy.add_to(0.2 + dice.below(80) as f64 / 100.0, direction, toxic));
        }
        sleep(millis(50 + dice.below(400))).await;
        if toxics.len() > 2 || dice.below(3) == 0 {
            if let Some(id) = toxics.pop_front() {
                proxy.remove(id);
            }
        }
    }
}

fn toxic(n: u64, dice: &mut Dice) -> Option<Toxic> {
    Some(match n {
        0 => Toxic::Latency { latency: millis(dice.below(60)), jitter: millis(dice.below(20)) },
        1 => Toxic::Bandwidth { bytes_per_second: 5_000 + dice.below(100_000) },
        2 => Toxic::Timeout { after: None },
        3 => Toxic::Timeout { after: Some(millis(dice.below(500))) },
        4 => Toxic::ResetPeer { after: millis(dice.below(300)) },
        5 => Toxic::SlowClose { delay: millis(dice.below(500)) },
        6 => Toxic::Slicer {
            average_size: 1 + dice.below(64) as usize,
            size_variation: dice.below(16) as usize,
            delay: millis(dice.below(3)),
        },
        7 => Toxic::LimitData { bytes: dice.below(20_000) },
        _ => return None,
    })
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}
