//! How a task becomes runnable again: at most once until it is polled, however often it is woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use super::world::{MAIN, World};

pub(super) struct TaskWaker {
    id: u64,
    /// In the list of runnable ones already.
    queued: AtomicBool,
    world: Arc<World>,
}

impl TaskWaker {
    pub(super) fn new(id: u64, world: Arc<World>) -> Arc<TaskWaker> {
        Arc::new(TaskWaker { id, queued: AtomicBool::new(false), world })
    }

    /// The task is about to be polled: from now on a wake-up counts again.
    pub(super) fn polled(&self) {
        self.queued.store(false, Ordering::SeqCst);
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The main future is polled with one waker for each `run`: it may always be queued again.
        let queued = self.id != MAIN && self.queued.swap(true, Ordering::SeqCst);
        if !queued {
            self.world.make_ready(self.id);
        }
    }
}
