//! 256 tasks share 8 connections. Each asks, holds what it gets for a millisecond, gives it back and asks again
//! at once, ten times. Every ask takes a number just before it goes to the pool; whoever is served later than
//! somebody with a higher number was overtaken.
//!
//! On a runtime of one thread this is exact: nothing comes between the number and the queue. Eight callers may
//! be served at a time and tell it in any order, so a fair pool shows up to 7; the line is at 24, three times
//! as many as there are connections. A thread may be stopped between taking its number and joining the queue, while others take
//! their turns; there the line is at 512, two turns of everybody. On a machine with four times the work it can do, a
//! fair pool showed 98. A pool that lets newcomers in shows about two thousand either way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use crate::finding::Finding;
use crate::script::Script;
#[cfg(feature = "peers")]
use crate::subject::Blocking;
use crate::subject::{Settings, Subject, open};
use crate::world::{block_on, ms, sleep};

const TASKS: usize = 256;
const CONNECTIONS: usize = 8;
const ROUNDS: usize = 10;
/// By how many a fair order may seem to be off, among tasks and among threads.
const TOLERANCE: usize = 3 * CONNECTIONS;
#[cfg(feature = "peers")]
const TOLERANCE_OF_THREADS: usize = 2 * TASKS;
/// In milliseconds; a fair pool needs about 700.
const LONGEST: u64 = 5_000;

/// Who asked and who was served, in order.
#[derive(Default)]
struct Order {
    asked: AtomicUsize,
    served: Mutex<Vec<usize>>,
    finished: AtomicUsize,
}

impl Order {
    fn ask(&self) -> usize {
        self.asked.fetch_add(1, Ordering::SeqCst)
    }

    fn serve(&self, number: usize) {
        self.served.lock().expect("nothing panics under this lock").push(number);
    }

    fn finish(&self) {
        self.finished.fetch_add(1, Ordering::SeqCst);
    }

    fn finding(&self, tolerance: usize) -> Finding {
        let finished = self.finished.load(Ordering::SeqCst);
        if finished < TASKS {
            let seconds = LONGEST / 1_000;
            return Finding::breaks(format!("{finished} of {TASKS} done in {seconds} s"));
        }
        let served = self.served.lock().expect("nothing panics under this lock");
        let worst = most_overtaken(&served);
        Finding::holds_if(worst <= tolerance, format!("by {worst}"))
    }
}

/// By how many the one was overtaken that was overtaken most.
fn most_overtaken(served: &[usize]) -> usize {
    let before = |place: usize| served[..place].iter().filter(move |&&n| n > served[place]);
    (0..served.len()).map(|place| before(place).count()).max().unwrap_or(0)
}

pub(crate) fn run<S: Subject>() -> Finding {
    block_on(async {
        let pool = open::<S>(&Script::default(), Settings::max_size(CONNECTIONS)).await;
        let order = Arc::new(Order::default());
        for _ in 0..TASKS {
            let (pool, order) = (Arc::clone(&pool), Arc::clone(&order));
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    let number = order.ask();
                    let Ok(lent) = pool.take(ms(LONGEST)).await else { return };
                    order.serve(number);
                    sleep(ms(1)).await;
                    drop(lent);
                }
                order.finish();
            });
        }
        let began = Instant::now();
        while order.finished.load(Ordering::SeqCst) < TASKS && began.elapsed() < ms(LONGEST) {
            sleep(ms(10)).await;
        }
        order.finding(TOLERANCE)
    })
}

/// The same with a thread for each caller.
#[cfg(feature = "peers")]
pub(crate) fn run_on_threads<S: Blocking>() -> Finding {
    let pool = S::open_blocking(Script::default(), Settings::max_size(CONNECTIONS));
    let order = Order::default();
    std::thread::scope(|threads| {
        for _ in 0..TASKS {
            threads.spawn(|| {
                for _ in 0..ROUNDS {
                    let number = order.ask();
                    let Ok(lent) = pool.take_blocking(ms(LONGEST)) else { return };
                    order.serve(number);
                    std::thread::sleep(ms(1));
                    drop(lent);
                }
                order.finish();
            });
        }
    });
    order.finding(TOLERANCE_OF_THREADS)
}

#[cfg(test)]
mod tests {
    use super::most_overtaken;

    #[test]
    fn whoever_comes_late_is_counted_by_who_came_before() {
        assert_eq!(most_overtaken(&[0, 1, 2, 3]), 0);
        assert_eq!(most_overtaken(&[1, 0, 2, 3]), 1);
        assert_eq!(most_overtaken(&[1, 2, 3, 0]), 3);
    }
}
