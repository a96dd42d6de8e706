//! A pool behind the calls that all faces have. The callers are threads; where the pool is async they wait for
//! its futures on a runtime.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use cenote::blocking::{self, Offload, Offloaded};
use cenote::{
    BuildError, Error, FreeSlot, Options, Pool, Pooled, Report, Stats, Status, TestOnAcquire,
    Timeout,
};
use cenote_testkit::{Script, ScriptError, Scripted};
use tokio::runtime::{Builder, Handle, Runtime};

pub(crate) type PoolError = Error<ScriptError>;

/// Far beyond what anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "it never came");
        std::thread::yield_now();
    }
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Tokio,
    Threads,
    Offload,
}

/// What one case has for itself on one face.
pub(crate) struct Bench {
    kind: Kind,
    pub(crate) script: Script,
    runtime: Option<Runtime>,
}

/// Runs a case on every face; a failure names the face.
pub(crate) fn each_face(case: impl Fn(&Bench)) {
    for kind in [Kind::Tokio, Kind::Threads, Kind::Offload] {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        let bench = Bench { kind, script: Script::new(), runtime: Some(runtime) };
        case(&bench);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the face was {:?}", self.kind);
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Bench {
    /// A pool of at most `max` connections.
    pub(crate) fn pool(&self, max: usize) -> Face {
        self.build(|options| options.max_size = max.into())
    }

    /// A pool with these options. What differs between the faces' defaults is the same here, and nothing
    /// is tested before lending.
    pub(crate) fn build(&self, change: impl FnOnce(&mut Options)) -> Face {
        self.make(change, false).unwrap()
    }

    pub(crate) fn build_ready(
        &self,
        change: impl FnOnce(&mut Options),
    ) -> Result<Face, BuildError<ScriptError>> {
        self.make(change, true)
    }

    fn make(
        &self,
        change: impl FnOnce(&mut Options),
        ready: bool,
    ) -> Result<Face, BuildError<ScriptError>> {
        let mut options = Options::default();
        options.test_on_acquire = TestOnAcquire::Never;
        options.free_slot = FreeSlot::WhenClosed;
        options.connect_timeout = Timeout::Never;
        options.reset_timeout = Timeout::Never;
        options.test_timeout = Timeout::Never;
        change(&mut options);
        let runtime = self.runtime.as_ref().unwrap().handle().clone();
        let script = self.script.clone();
        Ok(match self.kind {
            Kind::Tokio => {
                let builder = Pool::builder(script).name("bench").options(options);
                let builder = builder.runtime(runtime.clone());
                let pool = match ready {
                    true => runtime.block_on(builder.build_ready())?,
                    false => builder.build()?,
                };
                Face::Tokio(pool, runtime)
            }
            Kind::Threads => {
                let builder = blocking::Pool::builder(script).name("bench").options(options);
                Face::Threads(if ready { builder.build_ready()? } else { builder.build()? })
            }
            Kind::Offload => {
                let builder = Pool::builder(Offload::new(script)).name("bench").options(options);
                let builder = builder.runtime(runtime.clone());
                let pool = match ready {
                    true => runtime.block_on(builder.build_ready())?,
                    false => builder.build()?,
                };
                Face::Offload(pool, runtime)
            }
        })
    }
}

/// A pool.
#[derive(Clone)]
pub(crate) enum Face {
    Tokio(Pool<Script>, Handle),
    Threads(blocking::Pool<Script>),
    Offload(Pool<Offload<Script>>, Handle),
}

/// A borrowed connection.
pub(crate) enum Guard {
    Tokio(Pooled<Script>),
    Threads(blocking::Pooled<Script>),
    Offload(Pooled<Offload<Script>>, Handle),
}

/// The same call on every face; `$wait` waits for what is a future on some.
macro_rules! on {
    ($face:expr, $pool:ident => $call:expr) => {
        match $face {
            Face::Tokio($pool, runtime) => runtime.block_on(async { $call.await }),
            Face::Threads($pool) => $call,
            Face::Offload($pool, runtime) => runtime.block_on(async { $call.await }),
        }
    };
}

macro_rules! on_now {
    ($face:expr, $pool:ident => $call:expr) => {
        match $face {
            Face::Tokio($pool, _) => $call,
            Face::Threads($pool) => $call,
            Face::Offload($pool, _) => $call,
        }
    };
}

impl Face {
    #[track_caller]
    pub(crate) fn acquire(&self) -> Result<Guard, PoolError> {
        Ok(match self {
            Face::Tokio(pool, runtime) => {
                let acquire = pool.acquire();
                Guard::Tokio(runtime.block_on(acquire)?)
            }
            Face::Threads(pool) => Guard::Threads(pool.acquire()?),
            Face::Offload(pool, runtime) => {
                let acquire = pool.acquire();
                Guard::Offload(runtime.block_on(acquire)?, runtime.clone())
            }
        })
    }

    pub(crate) fn request(
        &self,
        level: u8,
        timeout: impl Into<Timeout>,
    ) -> Result<Guard, PoolError> {
        Ok(match self {
            Face::Tokio(pool, runtime) => {
                let acquire = pool.acquire().priority(level).timeout(timeout);
                Guard::Tokio(runtime.block_on(acquire)?)
            }
            Face::Threads(pool) => {
                Guard::Threads(pool.request().priority(level).timeout(timeout).acquire()?)
            }
            Face::Offload(pool, runtime) => {
                let acquire = pool.acquire().priority(level).timeout(timeout);
                Guard::Offload(runtime.block_on(acquire)?, runtime.clone())
            }
        })
    }

    pub(crate) fn request_until(&self, deadline: Instant) -> Result<Guard, PoolError> {
        Ok(match self {
            Face::Tokio(pool, runtime) => {
                Guard::Tokio(runtime.block_on(pool.acquire().deadline(deadline))?)
            }
            Face::Threads(pool) => Guard::Threads(pool.request().deadline(deadline).acquire()?),
            Face::Offload(pool, runtime) => {
                let acquire = pool.acquire().deadline(deadline);
                Guard::Offload(runtime.block_on(acquire)?, runtime.clone())
            }
        })
    }

    #[track_caller]
    pub(crate) fn try_acquire(&self) -> Result<Guard, PoolError> {
        Ok(match self {
            Face::Tokio(pool, _) => Guard::Tokio(pool.try_acquire()?),
            Face::Threads(pool) => Guard::Threads(pool.try_acquire()?),
            Face::Offload(pool, runtime) => Guard::Offload(pool.try_acquire()?, runtime.clone()),
        })
    }

    pub(crate) fn with(
        &self,
        run: fn(&mut Scripted) -> Result<u64, ScriptError>,
    ) -> Result<u64, PoolError> {
        match self {
            Face::Tokio(pool, runtime) => runtime.block_on(pool.with(async |conn| run(conn))),
            Face::Threads(pool) => pool.with(run),
            Face::Offload(pool, runtime) => {
                let call = async |conn: &mut Offloaded<Script>| conn.call(run).await;
                runtime.block_on(pool.with(call))
            }
        }
    }

    pub(crate) fn status(&self) -> Status {
        on_now!(self, pool => pool.status())
    }

    pub(crate) fn stats(&self) -> Stats {
        on_now!(self, pool => pool.stats())
    }

    pub(crate) fn set_max_size(&self, max: usize) {
        on_now!(self, pool => pool.set_max_size(max)).unwrap();
    }

    pub(crate) fn clear(&self) -> Report<ScriptError> {
        on!(self, pool => pool.clear())
    }

    pub(crate) fn pause(&self) {
        on!(self, pool => pool.pause());
    }

    pub(crate) fn resume(&self) {
        on!(self, pool => pool.resume());
    }

    pub(crate) fn drain(&self, deadline: Duration) -> Report<ScriptError> {
        on!(self, pool => pool.drain(deadline))
    }

    pub(crate) fn close(&self, deadline: Duration) -> Report<ScriptError> {
        on!(self, pool => pool.close(deadline))
    }

    pub(crate) fn close_now(&self) -> Report<ScriptError> {
        on!(self, pool => pool.close_now())
    }

    /// A caller in the middle level that waits as long as it takes. When this returns it stands in the queue,
    /// or has its connection.
    pub(crate) fn caller(&self) -> Caller {
        self.caller_in(1, LONG)
    }

    pub(crate) fn caller_in(&self, level: u8, timeout: Duration) -> Caller {
        let (before, gone) = (self.status(), self.stats().counts.timed_out);
        let (tell, told) = channel();
        let (go, gate) = channel::<()>();
        let pool = self.clone();
        let thread = std::thread::spawn(move || match pool.request(level, timeout) {
            Ok(mut guard) => {
                tell.send(Ok(guard.serial())).unwrap();
                // Holds it until it is told, or until nobody can tell it.
                let _ = gate.recv();
                drop(guard);
            }
            Err(error) => tell.send(Err(error)).unwrap(),
        });
        until(|| {
            let now = self.status();
            // Somebody else may give up meanwhile.
            let left = self.stats().counts.timed_out - gone;
            now.waiting as u64 + left > before.waiting as u64
                || now.using > before.using
                || thread.is_finished()
        });
        Caller { told, _go: go }
    }

    /// Nothing is under way, and everything that was made is in the pool or gone.
    #[track_caller]
    pub(crate) fn assert_at_rest(&self, script: &Script) {
        let rests = |status: Status| status.size == status.using + status.available;
        until(|| rests(self.status()) && script.counts().live as usize == self.status().size);
        let counts = script.counts();
        assert_eq!(self.status().waiting, 0);
        assert_eq!(counts.connected, counts.live + counts.closed + counts.dropped, "{counts:?}");
    }
}

impl Guard {
    pub(crate) fn serial(&mut self) -> u64 {
        match self {
            Guard::Tokio(conn) => conn.serial(),
            Guard::Threads(conn) => conn.serial(),
            Guard::Offload(conn, runtime) => runtime.block_on(conn.call(|conn| conn.serial())),
        }
    }

    pub(crate) fn note(&mut self, text: &'static str) {
        match self {
            Guard::Tokio(conn) => conn.note(text),
            Guard::Threads(conn) => conn.note(text),
            Guard::Offload(conn, runtime) => {
                runtime.block_on(conn.call(move |conn| conn.note(text)));
            }
        }
    }

    pub(crate) fn notes(&mut self) -> usize {
        match self {
            Guard::Tokio(conn) => conn.notes().len(),
            Guard::Threads(conn) => conn.notes().len(),
            Guard::Offload(conn, runtime) => runtime.block_on(conn.call(|conn| conn.notes().len())),
        }
    }

    pub(crate) fn taint(&mut self) {
        match self {
            Guard::Tokio(conn) => Pooled::taint(conn),
            Guard::Threads(conn) => blocking::Pooled::taint(conn),
            Guard::Offload(conn, _) => Pooled::taint(conn),
        }
    }

    pub(crate) fn discard(self) {
        match self {
            Guard::Tokio(conn) => Pooled::discard(conn),
            Guard::Threads(conn) => blocking::Pooled::discard(conn),
            Guard::Offload(conn, _) => Pooled::discard(conn),
        }
    }

    /// Out of the pool for good; returns what drops it.
    pub(crate) fn detach(self) -> Box<dyn FnOnce()> {
        match self {
            Guard::Tokio(conn) => {
                let conn = Pooled::detach(conn);
                Box::new(move || drop(conn))
            }
            Guard::Threads(conn) => {
                let conn = blocking::Pooled::detach(conn);
                Box::new(move || drop(conn))
            }
            Guard::Offload(conn, _) => {
                let conn = Pooled::detach(conn);
                Box::new(move || drop(conn))
            }
        }
    }
}

/// A thread that borrows. It holds its connection until this is dropped.
pub(crate) struct Caller {
    told: Receiver<Result<u64, PoolError>>,
    _go: Sender<()>,
}

impl Caller {
    /// The serial number of its connection, or why there is none.
    #[track_caller]
    pub(crate) fn got(&self) -> Result<u64, PoolError> {
        self.told.recv_timeout(LONG).expect("it was neither served nor refused")
    }

    pub(crate) fn still_waits(&self) -> bool {
        self.told.try_recv().is_err()
    }
}
