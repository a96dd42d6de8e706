//! The futures of the calls that change a pool's state. The call itself changes the state at once; the
//! future only tells when what follows has settled, so dropping it changes nothing, and several may wait
//! for the same end (P-21).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::manager::Manager;
use crate::report::{Report, Tally};
use crate::shell::{Locked, Shell};

/// The future of [`Pool::clear`](crate::Pool::clear) and [`Pool::clear_where`](crate::Pool::clear_where):
/// ends when the idle connections that the call closed are closed.
pub struct Clearing<M: Manager> {
    pub(crate) shell: Arc<Shell<M>>,
    pub(crate) tally: Arc<Tally<M::Error>>,
}

impl<M: Manager> Future for Clearing<M> {
    type Output = Report<M::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report<M::Error>> {
        // What is still to be closed is counted when its close begins.
        if self.shell.lock().core.has_stale() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.tally.poll(cx.waker()) {
            Some(report) => Poll::Ready(report),
            None => Poll::Pending,
        }
    }
}

/// The future of [`Pool::drain`](crate::Pool::drain), [`Pool::close`](crate::Pool::close) and
/// [`Pool::close_now`](crate::Pool::close_now): ends when the pool has settled, or at the deadline.
pub struct Settling<M: Manager> {
    watch: Watch<M>,
}

impl<M: Manager> Settling<M> {
    pub(crate) fn new(shell: Arc<Shell<M>>) -> Settling<M> {
        Settling { watch: Watch::new(shell) }
    }
}

impl<M: Manager> Future for Settling<M> {
    type Output = Report<M::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report<M::Error>> {
        self.watch.poll(cx, |state| {
            state.core.is_settled().then(|| Report {
                holders: state.holders.clone(),
                ..state.ending.as_ref().map_or_else(Report::new, |tally| tally.report())
            })
        })
    }
}

/// The future of [`Pool::pause`](crate::Pool::pause) and [`Pool::resume`](crate::Pool::resume). A pause waits
/// for nobody, so it has settled when the call returns; the future is there so that code can treat all
/// such calls alike.
#[derive(Debug)]
pub struct Switched(());

impl Switched {
    pub(crate) fn now() -> Switched {
        Switched(())
    }
}

impl Future for Switched {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// A place among those who are told when something has happened to the pool.
pub(crate) struct Watch<M: Manager> {
    shell: Arc<Shell<M>>,
    id: Option<u64>,
}

impl<M: Manager> Watch<M> {
    pub(crate) fn new(shell: Arc<Shell<M>>) -> Watch<M> {
        Watch { shell, id: None }
    }

    /// Ends when `look` finds what it looks for; it is asked again after every announcement.
    pub(crate) fn poll<R>(
        &mut self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Locked<M>) -> Option<R>,
    ) -> Poll<R> {
        let mut waker = Some(cx.waker().clone());
        let mut replaced = None;
        let mut state = self.shell.lock();
        if let Some(found) = look(&mut state) {
            return Poll::Ready(found);
        }
        let id = *self.id.get_or_insert_with(|| {
            state.last_watcher += 1;
            state.last_watcher
        });
        match state.watchers.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => {
                replaced = waker.take().map(|waker| std::mem::replace(known, waker));
            }
            None => state.watchers.extend(waker.take().map(|waker| (id, waker))),
        }
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl<M: Manager> Drop for Watch<M> {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let mut state = self.shell.lock();
        let at = state.watchers.iter().position(|(known, _)| *known == id);
        let waker = at.map(|at| state.watchers.swap_remove(at));
        drop(state);
        drop(waker);
    }
}
