//! A crew of threads for work that blocks: started on demand, reused, ended when idle for some seconds or when
//! the crew is dismissed. There are never more than `most`; what comes beyond that waits its turn. Nobody
//! joins them, so a thread that is stuck holds up neither a drop nor the end of the process (P-33).

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::shell::guarded;
use crate::sync::{Condvar, Mutex, MutexGuard, thread};

/// How long a thread without work stays.
const REST: Duration = Duration::from_secs(5);

/// Something to run. It must not fail to give its slot back if it is dropped.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// A handle; when the last one is gone, idle threads end and busy ones follow when they have finished.
pub(crate) struct Crew {
    base: Arc<Base>,
}

/// What the threads share. They hold no [`Crew`], else none would ever be dismissed.
struct Base {
    name: &'static str,
    most: usize,
    rest: Duration,
    board: Mutex<Board>,
    bell: Condvar,
}

#[derive(Default)]
struct Board {
    jobs: VecDeque<Job>,
    /// Those that are being started included.
    threads: usize,
    busy: usize,
    dismissed: bool,
}

impl Crew {
    /// A crew of at most `most` threads of this name; none is started yet.
    pub(crate) fn new(name: &'static str, most: usize) -> Crew {
        Crew::resting(name, most, REST)
    }

    fn resting(name: &'static str, most: usize, rest: Duration) -> Crew {
        let base = Base { name, most, rest, board: Mutex::default(), bell: Condvar::new() };
        Crew { base: Arc::new(base) }
    }

    /// Has the job run by a thread, in the order of these calls. If the system refuses a thread and none is
    /// there, the job waits until a later call gets one.
    pub(crate) fn run(&self, job: Job) {
        let mut board = self.base.lock();
        board.jobs.push_back(job);
        // A thread that was rung for an earlier job is free, and that job on the list, until it has come.
        let free = board.threads - board.busy;
        let enough = board.jobs.len() <= free || board.threads >= self.base.most;
        if enough {
            drop(board);
            self.base.bell.notify_one();
        } else {
            board.threads += 1;
            drop(board);
            let _ = Base::start(&self.base);
        }
    }

    /// Starts a thread before there is work, so that the first job cannot lack one.
    pub(crate) fn hire(&self) -> io::Result<()> {
        self.base.lock().threads += 1;
        Base::start(&self.base)
    }

    /// A thread without work has rested, if there is one.
    #[cfg(all(test, cenote_loom))]
    pub(crate) fn run_out(&self) {
        self.base.bell.run_out();
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.base.lock().dismissed = true;
        self.base.bell.notify_all();
    }
}

impl Base {
    /// Nothing under this lock runs user code or can panic half-way.
    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a thread, which was counted already.
    fn start(base: &Arc<Base>) -> io::Result<()> {
        let works = Arc::clone(base);
        let started = thread::Builder::new().name(base.name.to_owned()).spawn(move || works.work());
        if started.is_err() {
            base.lock().threads -= 1;
        }
        started.map(drop)
    }

    fn work(&self) {
        while let Some(job) = self.next() {
            // A panic is the job's own affair; the thread goes on.
            let _ = guarded(job);
            self.lock().busy -= 1;
        }
    }

    /// The next job; `None` if this thread is to end, and is no longer counted.
    fn next(&self) -> Option<Job> {
        let mut board = self.lock();
        let mut rested = false;
        loop {
            if let Some(job) = board.jobs.pop_front() {
                board.busy += 1;
                return Some(job);
            }
            if rested || board.dismissed {
                board.threads -= 1;
                return None;
            }
            let waited = self.bell.wait_timeout(board, self.rest);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            board = woken;
            rested = timeout.timed_out();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    fn until(crew: &Arc<Base>, is_so: impl Fn(&Board) -> bool) {
        let began = Instant::now();
        while !is_so(&crew.lock()) {
            assert!(began.elapsed() < LONG, "it never came");
            thread::yield_now();
        }
    }

    // P-25
    #[test]
    fn there_are_never_more_threads_than_allowed_and_the_rest_waits_its_turn() {
        let crew = Crew::new("crew-most", 2);
        let (go, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let (tell, told) = mpsc::channel();
        for n in 0..6 {
            let (gate, tell) = (Arc::clone(&gate), tell.clone());
            crew.run(Box::new(move || {
                tell.send(n).unwrap();
                gate.lock().unwrap().recv().unwrap();
            }));
        }
        until(&crew.base, |board| board.jobs.len() == 4);
        assert_eq!(crew.base.lock().threads, 2);
        (0..6).for_each(|_| go.send(()).unwrap());
        let mut ran: Vec<i32> = (0..6).map(|_| told.recv_timeout(LONG).unwrap()).collect();
        ran.sort_unstable();
        assert_eq!(ran, [0, 1, 2, 3, 4, 5]);
        until(&crew.base, |board| board.busy == 0);
        assert_eq!(crew.base.lock().threads, 2);
    }

    // P-25
    #[test]
    fn a_thread_is_used_again_and_outlives_a_panic() {
        let crew = Crew::new("crew-again", 4);
        for _ in 0..3 {
            let (tell, told) = mpsc::channel::<()>();
            crew.run(Box::new(move || {
                let _tell = tell;
                std::panic::resume_unwind(Box::new("on purpose"));
            }));
            told.recv_timeout(LONG).unwrap_err();
            until(&crew.base, |board| board.busy == 0);
        }
        assert_eq!(crew.base.lock().threads, 1);
    }

    // P-33
    #[test]
    fn a_thread_that_has_rested_ends() {
        let crew = Crew::resting("crew-rest", 4, Duration::from_millis(1));
        crew.run(Box::new(|| ()));
        until(&crew.base, |board| board.threads == 0 && board.jobs.is_empty());
    }

    // P-33
    #[test]
    fn a_crew_that_is_dismissed_finishes_its_work_and_ends_at_once() {
        let crew = Crew::new("crew-gone", 1);
        let base = Arc::clone(&crew.base);
        let (go, gate) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        crew.run(Box::new(move || gate.recv().unwrap()));
        crew.run(Box::new(move || tell.send(()).unwrap()));
        drop(crew);
        go.send(()).unwrap();
        told.recv_timeout(LONG).unwrap();
        until(&base, |board| board.threads == 0);
    }
}
