//! Connect, test, reset and close: tasks of the pool's own that own the connection while they run (P-15).
//! Callers never poll them, so no caller's cancel can hurt one. Each is a [`Flight`], whose `Drop` gives the
//! slot back: whatever happens, a panic, a timeout or the runtime's end, capacity cannot leak (P-23).

use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::config::{Options, Timeout};
use crate::core::{Core, Setback, SlotKey};
use crate::env::{Env, Errand, Sleep, Task};
use crate::error::ConnectError;
use crate::hooks::{ClosedConnection, Hook};
use crate::manager::{Fault, Manager};
use crate::observe::{EventKind, StepSpan, Subject, count};
use crate::report::{CloseError, Tally};
use crate::shell::{Entry, Shell, guarded};
use crate::stats::CloseReason;
use crate::time::Time;

/// What a task is for.
pub(crate) enum Leg<M: Manager> {
    Connect,
    Test,
    Reset,
    /// A close that the core counts.
    Close {
        tally: Option<Arc<Tally<M::Error>>>,
        reason: CloseReason,
    },
    /// The close of a connection that is the pool's no longer.
    Stray,
}

impl<M: Manager> Leg<M> {
    fn name(&self) -> &'static str {
        match self {
            Leg::Connect => "connect",
            Leg::Test => "test",
            Leg::Reset => "reset",
            Leg::Close { .. } | Leg::Stray => "close",
        }
    }
}

/// A connection, or the slot for one, on its way through a task.
pub(crate) struct Flight<M: Manager> {
    shell: Arc<Shell<M>>,
    key: SlotKey,
    entry: Option<Box<Entry<M>>>,
    leg: Leg<M>,
    landed: bool,
}

/// How a step of the manager's ended.
enum Outcome<T, E> {
    Ok(T),
    Err(E),
    TimedOut(Duration),
    Panicked,
}

impl<T, E: StdError + Send + Sync + 'static> Outcome<T, E> {
    fn is_ok(&self) -> bool {
        matches!(self, Outcome::Ok(_))
    }

    /// Shows why the step failed, if it did.
    fn if_failed(&self, show: impl FnOnce(&(dyn StdError + Send + Sync + 'static))) {
        match self {
            Outcome::Ok(_) => {}
            Outcome::Err(error) => show(error),
            Outcome::TimedOut(after) => show(&Cut::TimedOut(*after)),
            Outcome::Panicked => show(&Cut::Panicked),
        }
    }
}

/// Why a step failed without an error of the driver's.
#[derive(Debug)]
enum Cut {
    TimedOut(Duration),
    Panicked,
    Dead,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::TimedOut(after) => write!(f, "no answer within {after:?}"),
            Cut::Panicked => f.write_str("it panicked"),
            Cut::Dead => f.write_str("the driver says that the connection is dead"),
        }
    }
}

impl StdError for Cut {}

/// Runs a step of the manager's under its timeout. The step is polled first, so one that is ready wins; one
/// that blocks is ready at its first poll however long that took, so timeouts do not apply to it (P-25).
async fn step<T, E>(
    env: &dyn Env,
    timeout: Timeout,
    run: impl Future<Output = Result<T, E>>,
) -> Outcome<T, E> {
    let mut run = pin!(Some(run));
    let mut sleep = pin!(match timeout {
        Timeout::After(after) => env.sleep_until(env.now() + after),
        Timeout::Never => Sleep::Never,
    });
    let outcome = poll_fn(|cx| {
        let Some(running) = run.as_mut().as_pin_mut() else { return Poll::Pending };
        match catch_unwind(AssertUnwindSafe(|| running.poll(cx))) {
            Ok(Poll::Ready(Ok(value))) => return Poll::Ready(Outcome::Ok(value)),
            Ok(Poll::Ready(Err(error))) => return Poll::Ready(Outcome::Err(error)),
            Err(_panic) => return Poll::Ready(Outcome::Panicked),
            Ok(Poll::Pending) => {}
        }
        sleep.as_mut().poll(cx).map(|()| Outcome::TimedOut(timeout.get()))
    })
    .await;
    // Dropping a step that was cut short is user code too.
    let _ = guarded(|| run.set(None));
    outcome
}

/// The connect itself with what belongs to it: session set-up and the test of a new connection. The connection is
/// laid into `made`, which is the caller's: it is owed a goodbye even if what follows the connect is cut short.
async fn make<M: Manager>(
    shell: &Shell<M>,
    options: &Options,
    id: u64,
    began: Time,
    made: &mut Option<M::Connection>,
) -> Result<(), M::Error> {
    let conn = made.insert(shell.manager.connect().await?);
    let took = shell.env.now().since(began);
    shell.tell(Subject::Connection(id), EventKind::ConnectionCreated { took });
    if let Some(hook) = &shell.hooks.after_connect {
        shell.run_hook(Hook::AfterConnect, id, || hook(conn)).await?;
    }
    if options.test_on_create {
        shell.manager.check(conn).await?;
    }
    Ok(())
}

impl<M: Manager> Flight<M> {
    pub(crate) fn new(
        shell: &Arc<Shell<M>>,
        key: SlotKey,
        entry: Option<Box<Entry<M>>>,
        leg: Leg<M>,
    ) -> Flight<M> {
        Flight { shell: Arc::clone(shell), key, entry, leg, landed: false }
    }

    /// Starts the task.
    pub(crate) fn depart(self) {
        let env = Arc::clone(&self.shell.env);
        let errand = match self.leg {
            Leg::Connect => Errand::Connect,
            Leg::Test | Leg::Reset => Errand::Check,
            Leg::Close { .. } | Leg::Stray => Errand::Close,
        };
        env.spawn_for(errand, self.into_task());
    }

    fn into_task(self) -> Task {
        Box::pin(async move {
            let flight = self;
            let shell = Arc::clone(&flight.shell);
            let options = shell.lock().core.options().clone();
            let span = StepSpan::begin(&shell.watch, &shell.name, flight.leg.name(), flight.key.id);
            let step = async move {
                match flight.leg {
                    Leg::Connect => flight.connect(&options).await,
                    Leg::Test => flight.test(&options).await,
                    Leg::Reset => flight.reset(&options).await,
                    Leg::Close { .. } | Leg::Stray => flight.close(&options).await,
                }
            };
            span.around(step).await;
        })
    }

    fn tell(&self, kind: EventKind<'_>) {
        self.shell.tell(Subject::Connection(self.key.id), kind);
    }

    fn entry(&mut self) -> &mut Entry<M> {
        self.entry.as_mut().expect("a task that needs a connection has one")
    }

    async fn connect(mut self, options: &Options) {
        let shell = Arc::clone(&self.shell);
        let began = shell.env.now();
        let mut made = None;
        let make = make(&*shell, options, self.key.id, began, &mut made);
        let outcome = step(&*shell.env, options.connect_timeout, make).await;
        let now = shell.env.now();
        let error = match outcome {
            Outcome::Ok(()) => {
                let conn = made.take().expect("a connect that succeeded made one");
                shell.connect.record(now.since(began));
                return self.arrive(conn, now.since(began), now);
            }
            Outcome::Err(error) => {
                let fault = shell.classify(&error);
                ConnectError::Failed { error, fault }
            }
            Outcome::TimedOut(after) => ConnectError::TimedOut { after },
            Outcome::Panicked => ConnectError::Panicked,
        };
        let setback = match error.fault() {
            Fault::Permanent => Setback::Permanent,
            Fault::Overload => Setback::Overload,
            _ => Setback::Transient,
        };
        self.landed = true;
        let error = Arc::new(error);
        let (fault, took) = (error.fault(), now.since(began));
        self.tell(EventKind::ConnectFailed { error: &*error, fault, took });
        let known = Arc::clone(&error);
        let (_old, none_left) = shell.run(|state| {
            let old = state.last_error.replace(error);
            state.core.connect_failed(self.key, setback, now);
            state.core.announce();
            (old, state.core.established() == 0)
        });
        if let Some(membership) = &shell.membership {
            membership.connect_failed(fault, &*known, none_left);
        }
        drop(known);
        // Whoever waited has heard of it; the connection that was made is owed a goodbye.
        if let Some(conn) = made {
            let close = async { shell.manager.close(conn).await };
            let closed = step(&*shell.env, options.close_timeout, close).await;
            closed.if_failed(|error| self.tell(EventKind::CloseFailed { error }));
        }
    }

    fn arrive(mut self, conn: M::Connection, took: Duration, now: Time) {
        self.landed = true;
        let old = self.shell.lock().last_error.take();
        drop(old);
        if let Some(membership) = &self.shell.membership {
            membership.connected();
        }
        let entry = Box::new(Entry::new(conn, self.key, now));
        self.shell.welcome(entry, took, |core, key| {
            let taken = core.connected(key, took, now);
            core.announce();
            taken
        });
    }

    async fn test(mut self, options: &Options) {
        let shell = Arc::clone(&self.shell);
        let check = async { shell.manager.check(&mut self.entry().conn).await };
        let outcome = step(&*shell.env, options.test_timeout, check).await;
        outcome.if_failed(|error| self.tell(EventKind::TestFailed { error }));
        let now = shell.env.now();
        self.land(|core, key| core.tested(key, outcome.is_ok(), now));
    }

    async fn reset(mut self, options: &Options) {
        let shell = Arc::clone(&self.shell);
        let reset = async { shell.manager.reset(&mut self.entry().conn).await };
        let outcome = step(&*shell.env, options.reset_timeout, reset).await;
        let now = shell.env.now();
        outcome.if_failed(|error| self.tell(EventKind::ResetFailed { error }));
        let alive = outcome.is_ok() && !shell.is_dead(&self.entry().conn);
        if outcome.is_ok() && !alive {
            self.tell(EventKind::ResetFailed { error: &Cut::Dead });
        }
        self.land(|core, key| core.was_reset(key, alive, now));
    }

    fn land(mut self, command: impl FnOnce(&mut Core, SlotKey) -> bool) {
        self.landed = true;
        let entry = self.entry.take().expect("a task that needs a connection has one");
        self.shell.hand_in(entry, command);
    }

    async fn close(mut self, options: &Options) {
        let shell = Arc::clone(&self.shell);
        let entry = self.entry.take().expect("a close has a connection");
        let Entry { conn, extensions, .. } = *entry;
        // The caches of a connection go before it.
        let _ = guarded(|| drop(extensions));
        // A connection that the pool gave up while it was shared ends with its last sharer.
        let Some(mut conn) = conn.into_inner() else {
            debug_assert!(matches!(self.leg, Leg::Stray), "a close has the connection to itself");
            self.landed = true;
            return;
        };
        if let Leg::Stray = self.leg {
            let reason = CloseReason::PoolClosed;
            self.tell(EventKind::ConnectionClosing { reason });
        }
        let mut patience = options.close_timeout;
        if let Some(hook) = &shell.hooks.before_close {
            let began = shell.env.now();
            let said = shell.run_hook(Hook::BeforeClose, self.key.id, || hook(&mut conn));
            let said = step(&*shell.env, patience, said).await;
            // A panic was told as one.
            if !matches!(said, Outcome::Panicked) {
                said.if_failed(|error| {
                    count(&shell.watch.marks.hook_failures);
                    self.tell(EventKind::HookFailed { hook: Hook::BeforeClose, error });
                });
            }
            if let Timeout::After(left) = &mut patience {
                *left = left.saturating_sub(shell.env.now().since(began));
            }
        }
        let close = async { shell.manager.close(conn).await };
        let error = match step(&*shell.env, patience, close).await {
            Outcome::Ok(()) => None,
            Outcome::Err(error) => Some(CloseError::Failed(error)),
            Outcome::TimedOut(_) => {
                Some(CloseError::TimedOut { after: options.close_timeout.get() })
            }
            Outcome::Panicked => Some(CloseError::Panicked),
        };
        self.closed(error);
    }

    fn closed(&mut self, error: Option<CloseError<M::Error>>) {
        self.landed = true;
        let failed = error.is_some();
        let reason = match self.leg {
            Leg::Close { reason, .. } => reason,
            Leg::Stray => CloseReason::PoolClosed,
            Leg::Connect | Leg::Test | Leg::Reset => CloseReason::RuntimeGone,
        };
        if let Some(error) = &error {
            self.tell(EventKind::CloseFailed { error });
        }
        self.tell(EventKind::ConnectionClosed { reason });
        let error_told = error.as_ref().map(|error| error as &(dyn StdError + Send + Sync));
        let id = self.key.id;
        self.shell.after_close(&ClosedConnection { id, reason, error: error_told });
        if let Leg::Close { tally, .. } = &self.leg {
            if let Some(tally) = tally {
                tally.end(error);
            }
            self.shell.run(|state| state.core.closed(self.key, failed));
        }
    }
}

impl<M: Manager> Drop for Flight<M> {
    /// A task that did not land was dropped by its runtime: the slot is given back, and the pool knows
    /// that nothing can be made any more.
    fn drop(&mut self) {
        if self.landed {
            return;
        }
        match self.leg {
            Leg::Connect | Leg::Test | Leg::Reset => {
                let now = self.shell.env.now();
                if self.entry.is_some() {
                    self.closed(None);
                }
                self.shell.run(|state| {
                    state.change(&self.shell.watch, |core| core.task_dropped(self.key));
                    state.overrun(&self.shell.lane, now);
                });
            }
            Leg::Close { .. } => self.closed(Some(CloseError::RuntimeGone)),
            Leg::Stray => {
                // One that sharers still own ends with the last of them.
                let conn = self.entry.take().and_then(|entry| entry.conn.into_inner());
                if conn.is_some() {
                    self.closed(Some(CloseError::RuntimeGone));
                }
                let _ = guarded(|| drop(conn));
            }
        }
        // Without a runtime there is no goodbye: the connection is dropped here, outside the lock.
        let _ = guarded(|| drop(self.entry.take()));
    }
}
