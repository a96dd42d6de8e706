//! The processor's time that this process has used, of all its threads.

use std::time::Duration;

#[cfg(unix)]
pub(crate) fn used() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let now = clock_gettime(ClockId::ProcessCPUTime);
    let part = |n: i64| u64::try_from(n).expect("a process has used no negative time");
    Duration::from_secs(part(now.tv_sec)) + Duration::from_nanos(part(now.tv_nsec))
}

/// Where there is no such clock, the one on the wall: right as long as nothing else runs.
#[cfg(not(unix))]
pub(crate) fn used() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time() {
        let before = used();
        while used() == before {
            std::hint::spin_loop();
        }
        assert!(used() > before);
    }
}
