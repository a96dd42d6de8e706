//! Who stands in line, in the order of arrival: the other side of what a pool promises about order (P-4, P-5). Whoever
//! asks joins before the first poll; asked when nothing is runnable, the line tells whether somebody was passed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
pub(crate) struct Line(Arc<Mutex<Standing>>);

#[derive(Default)]
struct Standing {
    arrived: u64,
    /// By arrival: the level, and how many connections are wanted.
    waiting: BTreeMap<u64, (u8, usize)>,
    /// Since the last look: arrival and level.
    served: Vec<(u64, u8)>,
    disturbed: bool,
}

/// One who waits. Leaves the line when it is dropped.
pub(crate) struct Place {
    line: Line,
    arrival: u64,
    level: u8,
}

impl Line {
    fn with<R>(&self, run: impl FnOnce(&mut Standing) -> R) -> R {
        run(&mut self.0.lock().unwrap())
    }

    pub(crate) fn join(&self, level: u8, wanted: usize) -> Place {
        let arrival = self.with(|standing| {
            standing.arrived += 1;
            standing.waiting.insert(standing.arrived, (level, wanted));
            standing.arrived
        });
        Place { line: self.clone(), arrival, level }
    }

    /// Somebody may have got a connection that was dead: it goes on waiting at its place, and those behind it whose
    /// connections live do not. Nothing is said about what happened since the last look.
    pub(crate) fn disturb(&self) {
        self.with(|standing| standing.disturbed = true);
    }

    /// Nobody was passed: of those who came later, in the same level or a less urgent one, none was served since
    /// the last look. To be called when nothing is runnable: what was granted has been fetched. Who wants more
    /// than `most` may be passed. Tells how many were served under this watch.
    pub(crate) fn look(&self, most: usize) -> usize {
        self.with(|standing| {
            let served = std::mem::take(&mut standing.served);
            if std::mem::take(&mut standing.disturbed) {
                return 0;
            }
            for (&first, &(level, wanted)) in &standing.waiting {
                let passes = |&&(later, other): &&(u64, u8)| later > first && other >= level;
                if let Some((later, other)) = served.iter().find(passes).filter(|_| wanted <= most) {
                    panic!(
                        "{later} of level {other} was served, {first} of level {level} came before and waits"
                    );
                }
            }
            served.len()
        })
    }
}

impl Place {
    pub(crate) fn served(self) {
        self.line.with(|standing| standing.served.push((self.arrival, self.level)));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.line.with(|standing| standing.waiting.remove(&self.arrival));
    }
}
