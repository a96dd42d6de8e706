//! The allocator of this program: the system's, with a count of each thread's own while somebody asks for it. So what
//! other threads do meanwhile does not disturb, and a pool that allocates pays one load for it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

/// How many ask.
static ASKED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MADE: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

fn note(made: u64, bytes: i64) {
    if ASKED.load(Ordering::Relaxed) > 0 {
        // A thread that ends has no counts any more, and nobody asks for them.
        let _ = MADE.try_with(|all| all.set(all.get() + made));
        let _ = LIVE.try_with(|all| all.set(all.get() + bytes));
    }
}

fn bytes(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

// SAFETY: every call goes to the system's allocator as it came; beside it only counters of the thread change,
// which need no allocation and have no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, bytes(layout.size()));
        // SAFETY: the caller's promise is the one that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, bytes(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        note(0, -bytes(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, bytes(size) - bytes(layout.size()));
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

/// Counts what this thread allocates as long as it lives.
pub(crate) struct Count {
    made: u64,
    live: i64,
}

impl Count {
    pub(crate) fn begin() -> Count {
        ASKED.fetch_add(1, Ordering::Relaxed);
        Count { made: MADE.get(), live: LIVE.get() }
    }

    /// How often something was allocated.
    pub(crate) fn made(&self) -> u64 {
        MADE.get() - self.made
    }

    /// How many bytes more are allocated than at the beginning.
    pub(crate) fn live(&self) -> i64 {
        LIVE.get() - self.live
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        ASKED.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_allocates_is_counted_once_and_given_back() {
        let count = Count::begin();
        let mut some: Vec<u8> = Vec::with_capacity(100);
        assert_eq!((count.made(), count.live()), (1, 100));
        some.reserve_exact(300);
        assert_eq!((count.made(), count.live()), (2, 300));
        drop(some);
        assert_eq!((count.made(), count.live()), (2, 0));
    }

    #[test]
    fn other_threads_do_not_disturb() {
        let count = Count::begin();
        std::thread::scope(|scope| {
            let others = scope.spawn(|| std::hint::black_box(vec![0_u8; 1000]).len());
            let before = count.made();
            while !others.is_finished() {
                std::hint::spin_loop();
            }
            assert_eq!(count.made(), before);
        });
    }
}
