//! Tasks that somebody waits for: their value, their panic or their abort reaches the joiner. A panic that
//! nobody can hear of any more stops the simulation instead.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::world::World;

/// Why a task has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// It panicked, with this message.
    Panicked(String),
    /// It was aborted, or its [`Sim`](crate::Sim) was dropped.
    Aborted,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Panicked(message) => write!(f, "the task panicked: {message}"),
            JoinError::Aborted => f.write_str("the task was aborted"),
        }
    }
}

impl std::error::Error for JoinError {}

struct Slot<T> {
    result: Option<Result<T, JoinError>>,
    joiner: Option<Waker>,
    detached: bool,
}

type Shared<T> = Arc<Mutex<Slot<T>>>;

fn with<T, R>(shared: &Shared<T>, run: impl FnOnce(&mut Slot<T>) -> R) -> R {
    run(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The result of a task, as a future. Dropping it detaches the task, which goes on.
#[must_use = "a task's panic is only heard by its joiner"]
pub struct JoinHandle<T> {
    shared: Shared<T>,
    id: u64,
    world: Arc<World>,
}

impl<T> JoinHandle<T> {
    /// Drops the task where it stands.
    pub fn abort(&self) {
        self.world.abort(self.id);
    }

    /// Whether it has ended, in any way.
    pub fn is_finished(&self) -> bool {
        with(&self.shared, |slot| slot.result.is_some())
    }

    /// Lets the task go on by itself.
    pub fn detach(self) {}
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = cx.waker().clone();
        let (polled, _old) = with(&self.shared, |slot| match slot.result.take() {
            Some(result) => (Poll::Ready(result), Some(waker)),
            None => (Poll::Pending, slot.joiner.replace(waker)),
        });
        polled
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        with(&self.shared, |slot| slot.detached = true);
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}

struct Joinable<F: Future> {
    task: Option<Pin<Box<F>>>,
    shared: Shared<F::Output>,
}

impl<F: Future> Joinable<F> {
    fn end(&mut self, result: Result<F::Output, JoinError>) {
        // The task's own drop comes first: whoever joins finds everything done.
        self.task = None;
        let joiner = with(&self.shared, |slot| {
            slot.result = Some(result);
            slot.joiner.take()
        });
        if let Some(joiner) = joiner {
            joiner.wake();
        }
    }
}

impl<F: Future> Future for Joinable<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(task) = &mut self.task else { return Poll::Ready(()) };
        let result = match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(panic) if with(&self.shared, |slot| slot.detached) => resume_unwind(panic),
            Err(panic) => Err(JoinError::Panicked(message(&*panic))),
        };
        self.end(result);
        Poll::Ready(())
    }
}

impl<F: Future> Drop for Joinable<F> {
    fn drop(&mut self) {
        if self.task.is_some() {
            self.end(Err(JoinError::Aborted));
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    }
}

pub(super) fn spawn<F>(world: &Arc<World>, task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let slot = Slot { result: None, joiner: None, detached: false };
    let shared = Arc::new(Mutex::new(slot));
    let joinable = Joinable { task: Some(Box::pin(task)), shared: Arc::clone(&shared) };
    let id = world.spawn(Box::pin(joinable));
    JoinHandle { shared, id, world: Arc::clone(world) }
}
