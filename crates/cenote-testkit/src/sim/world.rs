//! The state of a simulation: tasks, who is runnable, timers, the time. One lock over all of it; no task is
//! polled or dropped and no waker is used under it, so whatever a task does may come back here.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use cenote::Time;
use cenote::env::Task;

use super::env::Usage;
use super::waker::TaskWaker;

/// The future given to `run`, among the ids of tasks.
pub(super) const MAIN: u64 = 0;
/// Polls without a move of the time after which something is taken to spin.
const SPINNING: u64 = 1_000_000;
const MOST_POLLS: u64 = 20_000_000;

/// What to do next.
pub(super) enum Next {
    Main,
    Task(u64),
    /// Timers that are due, or those who wait for quiet.
    Wake(Vec<Waker>),
    Stuck(String),
}

struct Cell {
    /// Away while it is being polled.
    task: Option<Task>,
    waker: Arc<TaskWaker>,
}

struct State {
    now: Time,
    tasks: BTreeMap<u64, Cell>,
    last_task: u64,
    ready: Vec<u64>,
    timers: BTreeMap<(Time, u64), Waker>,
    last_timer: u64,
    /// Those who wait until nothing is runnable, and how often that was so.
    for_quiet: Vec<Waker>,
    quiet: u64,
    random: u64,
    /// Pools that asked for a seed: theirs do not change which task goes next.
    seeds: u64,
    running: bool,
    shut_down: bool,
    all_polls: u64,
    /// Of the present run.
    polls: u64,
    polls_now: u64,
    most_polls: u64,
    usage: Usage,
}

pub(super) struct World {
    seed: u64,
    /// The moment of the system's clock that stands for time zero.
    pub(super) origin: Instant,
    state: Mutex<State>,
}

impl World {
    pub(super) fn new(seed: u64) -> Arc<World> {
        let state = State {
            now: Time::ZERO,
            tasks: BTreeMap::new(),
            last_task: MAIN,
            ready: Vec::new(),
            timers: BTreeMap::new(),
            last_timer: 0,
            for_quiet: Vec::new(),
            quiet: 0,
            random: seed,
            seeds: 0,
            running: false,
            shut_down: false,
            all_polls: 0,
            polls: 0,
            polls_now: 0,
            most_polls: MOST_POLLS,
            usage: Usage::default(),
        };
        Arc::new(World { seed, origin: Instant::now(), state: Mutex::new(state) })
    }

    /// A seed for one more pool, which follows from that of the world.
    pub(super) fn draw_seed(&self) -> u64 {
        let nth = self.with(|state| {
            state.seeds += 1;
            state.seeds
        });
        mixed(self.seed ^ nth.wrapping_mul(STEP))
    }

    fn with<R>(&self, run: impl FnOnce(&mut State) -> R) -> R {
        run(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn now(&self) -> Time {
        self.with(|state| state.now)
    }

    pub(super) fn usage(&self) -> Usage {
        self.with(|state| state.usage)
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Usage)) {
        self.with(|state| change(&mut state.usage));
    }

    pub(super) fn polls(&self) -> u64 {
        self.with(|state| state.all_polls)
    }

    pub(super) fn tasks(&self) -> usize {
        self.with(|state| state.tasks.len())
    }

    pub(super) fn set_most_polls(&self, most: u64) {
        self.with(|state| state.most_polls = most);
    }

    /// One `run` at a time.
    pub(super) fn enter(&self) -> Turn<'_> {
        let nested = self.with(|state| {
            (state.polls, state.polls_now) = (0, 0);
            std::mem::replace(&mut state.running, true)
        });
        assert!(
            !nested,
            "a Sim runs one future at a time: await inside `run` instead of calling it"
        );
        Turn(self)
    }

    pub(super) fn waker(self: &Arc<Self>, id: u64) -> Arc<TaskWaker> {
        TaskWaker::new(id, Arc::clone(self))
    }

    pub(super) fn make_ready(&self, id: u64) {
        self.with(|state| {
            if id != MAIN || !state.ready.contains(&MAIN) {
                state.ready.push(id);
            }
        });
    }

    /// Takes a new task in; returns its id. After the shutdown it is dropped.
    pub(super) fn spawn(self: &Arc<Self>, task: Task) -> u64 {
        let id = self.with(|state| {
            state.last_task += 1;
            state.last_task
        });
        let waker = self.waker(id);
        let first = Waker::from(Arc::clone(&waker));
        let cell = Cell { task: Some(task), waker };
        let refused = self.with(|state| {
            if state.shut_down {
                return Some(cell);
            }
            state.tasks.insert(id, cell);
            None
        });
        if refused.is_none() {
            first.wake();
        }
        drop(refused);
        id
    }

    /// Drops a task where it stands; one that is being polled is dropped after that.
    pub(super) fn abort(&self, id: u64) {
        let cell = self.with(|state| state.tasks.remove(&id));
        drop(cell);
    }

    pub(super) fn next(&self) -> Next {
        self.with(|state| {
            if state.polls >= state.most_polls || state.polls_now >= SPINNING {
                return Next::Stuck(self.complaint(state, "something spins"));
            }
            if !state.ready.is_empty() {
                state.all_polls += 1;
                state.polls += 1;
                state.polls_now += 1;
                let at = state.draw() as usize % state.ready.len();
                return match state.ready.swap_remove(at) {
                    MAIN => Next::Main,
                    id => Next::Task(id),
                };
            }
            if !state.for_quiet.is_empty() {
                state.quiet += 1;
                return Next::Wake(std::mem::take(&mut state.for_quiet));
            }
            match state.timers.first_key_value() {
                None => {
                    Next::Stuck(self.complaint(state, "nothing is runnable and no timer is set"))
                }
                Some((&(at, _), _)) => {
                    state.now = state.now.max(at);
                    state.polls_now = 0;
                    Next::Wake(state.take_due())
                }
            }
        })
    }

    fn complaint(&self, state: &State, what: &str) -> String {
        format!(
            "the simulation is stuck: {what} at {:?} after {} polls, with {} tasks (seed {})",
            state.now.since(Time::ZERO),
            state.polls,
            state.tasks.len(),
            self.seed,
        )
    }

    pub(super) fn poll_task(self: &Arc<Self>, id: u64) {
        let taken = self.with(|state| {
            let cell = state.tasks.get_mut(&id)?;
            Some((cell.task.take()?, Arc::clone(&cell.waker)))
        });
        let Some((mut task, waker)) = taken else { return };
        waker.polled();
        let waker = Waker::from(waker);
        let polled = task.as_mut().poll(&mut Context::from_waker(&waker));
        let ended = self.with(|state| {
            if polled.is_ready() {
                return (state.tasks.remove(&id), Some(task));
            }
            match state.tasks.get_mut(&id) {
                Some(cell) => {
                    cell.task = Some(task);
                    (None, None)
                }
                // Aborted meanwhile.
                None => (None, Some(task)),
            }
        });
        drop(ended);
    }

    /// Lays a waker down for this time; `known` is the timer's key if it has one.
    pub(super) fn set_timer(
        &self,
        at: Time,
        known: &mut Option<(Time, u64)>,
        waker: Waker,
    ) -> Poll<()> {
        let (polled, old) = self.with(|state| {
            if state.now >= at {
                return (Poll::Ready(()), Some(waker));
            }
            if state.shut_down {
                return (Poll::Pending, Some(waker));
            }
            let key = *known.get_or_insert_with(|| {
                state.last_timer += 1;
                (at, state.last_timer)
            });
            (Poll::Pending, state.timers.insert(key, waker))
        });
        drop(old);
        polled
    }

    pub(super) fn cancel_timer(&self, key: (Time, u64)) {
        let waker = self.with(|state| state.timers.remove(&key));
        drop(waker);
    }

    /// Ends when nothing was runnable since `since` was set.
    pub(super) fn wait_for_quiet(&self, since: &mut Option<u64>, waker: Waker) -> Poll<()> {
        let unused = self.with(|state| {
            if state.quiet > *since.get_or_insert(state.quiet) {
                return Some(waker);
            }
            state.for_quiet.push(waker);
            None
        });
        if unused.is_some() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Drops all tasks and timers. While a panic is under way they are leaked instead: a task that
    /// panics in its drop would hide the first panic.
    pub(super) fn shut_down(&self) {
        let mut rest: Vec<Box<dyn Any>> = Vec::new();
        loop {
            let (tasks, timers, quiet) = self.with(|state| {
                state.shut_down = true;
                let tasks = std::mem::take(&mut state.tasks);
                (tasks, std::mem::take(&mut state.timers), std::mem::take(&mut state.for_quiet))
            });
            if tasks.is_empty() && timers.is_empty() && quiet.is_empty() {
                break;
            }
            if std::thread::panicking() {
                rest.push(Box::new((tasks, timers, quiet)));
            }
        }
        std::mem::forget(rest);
    }
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Sebastiano Vigna's splitmix64.
fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl State {
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(STEP);
        mixed(self.random) >> 1
    }

    fn take_due(&mut self) -> Vec<Waker> {
        let later = self.timers.split_off(&(self.now, u64::MAX));
        std::mem::replace(&mut self.timers, later).into_values().collect()
    }
}

/// The time of one `run`. If it ends in a panic, it says how to run it again.
pub(super) struct Turn<'a>(&'a World);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let (now, polls) = self.0.with(|state| {
            state.running = false;
            (state.now, state.polls)
        });
        if std::thread::panicking() {
            let at = now.since(Time::ZERO);
            eprintln!("Sim::new({}) failed at {at:?}, after {polls} polls", self.0.seed);
        }
    }
}
