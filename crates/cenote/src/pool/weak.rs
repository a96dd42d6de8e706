//! A handle that does not keep its pool open.

use std::fmt;
use std::sync::Weak;
use std::sync::atomic::Ordering;

use super::Pool;
use crate::manager::Manager;
use crate::shell::Shell;

/// A handle that does not keep its pool open; made by [`Pool::downgrade`].
pub struct WeakPool<M: Manager> {
    pub(super) shell: Weak<Shell<M>>,
}

impl<M: Manager> WeakPool<M> {
    /// The pool, if a handle of it is still there.
    pub fn upgrade(&self) -> Option<Pool<M>> {
        let shell = self.shell.upgrade()?;
        let more = |handles: usize| (handles > 0).then(|| handles + 1);
        let counted = shell.handles.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more);
        // Not `then_some`: a handle that was made in vain would count itself out.
        counted.is_ok().then(|| Pool { shell })
    }
}

impl<M: Manager> Clone for WeakPool<M> {
    fn clone(&self) -> WeakPool<M> {
        WeakPool { shell: Weak::clone(&self.shell) }
    }
}

impl<M: Manager> fmt::Debug for WeakPool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakPool").finish_non_exhaustive()
    }
}
