//! The short ways through the shell, for steady traffic: one turn under the lock each, after which nothing is to be done
//! but to wake somebody (see the core's `short.rs`).

use std::sync::Arc;

use super::broken::Fuse;
use super::{Entry, Locked, Shell};
use crate::config::{Options, Timeout};
use crate::manager::Manager;
use crate::sync::atomic::Ordering;

impl<M: Manager> Shell<M> {
    /// Whether somebody who waits must know the time.
    #[inline]
    pub(crate) fn is_timed(&self) -> bool {
        self.timed.load(Ordering::Relaxed)
    }

    pub(crate) fn set_timed(&self, options: &Options) {
        self.timed.store(is_timed(options), Ordering::Relaxed);
    }

    /// As [`Shell::run`], for a command after which nothing is to be done.
    #[inline(always)]
    pub(crate) fn turn<R>(self: &Arc<Self>, command: impl FnOnce(&mut Locked<M>) -> R) -> R {
        let fuse = Fuse(self);
        let mut state = self.lock();
        let result = command(&mut state);
        debug_assert!(!state.has_work(), "a short turn leaves nothing to do");
        #[cfg(debug_assertions)]
        if state.core.is_small() && state.core.has_waiters() {
            state.core.check();
        }
        drop(state);
        fuse.keep();
        result
    }

    /// Gives a connection that is to be kept to the first of those who wait, unless there may be more to it.
    #[inline(always)]
    pub(super) fn pass_on(mut entry: Box<Entry<M>>) -> Result<(), Box<Entry<M>>> {
        let plain = |shell: &Arc<Self>| shell.is_crowded() && shell.watch.flags() == 0;
        if entry.lent_at.is_some() || !entry.shell.as_ref().is_some_and(plain) {
            return Err(entry);
        }
        let Some(shell) = entry.shell.take() else { return Err(entry) };
        let fuse = Fuse(&shell);
        let mut state = shell.lock();
        let passed = state.pass_on(entry);
        if !state.core.has_waiters() {
            shell.crowded.store(false, Ordering::Relaxed);
        }
        #[cfg(debug_assertions)]
        if state.core.is_small() {
            state.core.check();
        }
        drop(state);
        fuse.keep();
        match passed {
            Ok(Some(waker)) => waker.wake(),
            Ok(None) => {}
            Err(mut entry) => {
                entry.shell = Some(shell);
                return Err(entry);
            }
        }
        Ok(())
    }
}

pub(super) fn is_timed(options: &Options) -> bool {
    options.acquire_timeout != Timeout::Never || options.slow_acquire != Timeout::Never
}
