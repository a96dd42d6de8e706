//! A pool under load whose size is changed while the load goes on.
//!
//! Connections are made when a larger size is tried first, and none is closed before the end: a smaller size is tried by
//! keeping the others out of the load's reach. So the server never sees more connections than the largest size,
//! whatever is tried when, no measurement has a connect in it, and all have the same sessions.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cenote::{Bound, Event, EventKind, Fault, FreeSlot, Pool, Pooled, Timeout};
use tokio::time::sleep;

use super::budget::Budget;
use super::curve::Sample;
use crate::drivers::{Driver, Limits};
use crate::failure::{Failure, cause};
use crate::load::Meter;

/// How long the server may take for further connections.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often is looked whether something has come to pass.
const LOOK: Duration = Duration::from_millis(2);
/// How long connections may take to come to rest after a query of theirs was interrupted.
const REST: Duration = Duration::from_secs(2);
/// What is urgent here comes before the load.
const URGENT: u8 = 0;

pub(crate) struct Trial<D: Driver> {
    pool: Pool<D>,
    /// How many connections the pool has by now.
    size: u32,
    /// Those that the load does not get.
    parked: Vec<Pooled<D>>,
}

/// More connections than these are not to be had.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ceiling {
    pub(crate) at: u32,
    /// A sentence's end.
    pub(crate) why: String,
}

impl<D: Driver> Trial<D> {
    /// With one connection.
    pub(crate) async fn new(driver: D) -> Result<Trial<D>, Failure> {
        let of = driver.clone();
        let pool = Pool::builder(driver)
            .name("size")
            .min_size(1)
            .max_size(1)
            .min_idle(0)
            .max_idle(Bound::Unlimited)
            .max_waiting(Bound::Unlimited)
            // Whoever must wait long for a slow query shall wait: that it is slow is a result.
            .acquire_timeout(Timeout::Never)
            .max_lifetime(Timeout::Never)
            // The server never sees one too many.
            .free_slot(FreeSlot::WhenClosed)
            // A server that is full ends the growth here; the pool shall not shrink because of it.
            .classify_with(move |error| match of.classify(error) {
                Fault::Overload => Fault::Timeout,
                fault => fault,
            });
        Ok(Trial { pool: pool.build_ready().await?, size: 1, parked: Vec::new() })
    }

    pub(crate) fn pool(&self) -> &Pool<D> {
        &self.pool
    }

    /// What the server says of its limits, over one of the pool's connections.
    pub(crate) async fn limits(&self) -> Result<Limits, Failure> {
        let conn = self.pool.acquire().priority(URGENT).await;
        let mut conn = conn.map_err(|error| Failure::new(cause(&error)))?;
        D::limits(&mut conn).await.map_err(Failure::new)
    }

    /// Has the load work with this many connections.
    ///
    /// # Errors
    /// `Ok(Err)` if the server does not give that many.
    pub(crate) async fn set_size(
        &mut self,
        size: u32,
        budget: &Budget,
        tasks: u32,
    ) -> Result<Result<(), Ceiling>, Failure> {
        if size > self.size
            && let Err(ceiling) = self.grow(size, budget, tasks).await?
        {
            return Ok(Err(ceiling));
        }
        let spare = (self.size - size) as usize;
        self.parked.truncate(spare);
        while self.parked.len() < spare {
            let conn = self.pool.acquire().priority(URGENT).await;
            self.parked.push(conn.map_err(|error| Failure::new(cause(&error)))?);
        }
        Ok(Ok(()))
    }

    async fn grow(
        &mut self,
        size: u32,
        budget: &Budget,
        tasks: u32,
    ) -> Result<Result<(), Ceiling>, Failure> {
        // Others may have come since this was last asked.
        let limits = self.limits().await?;
        let most = budget.most_to_try(tasks, &limits, self.size.into(), D::GOODBYE_IS_ANSWERED);
        let target = size.min(most.unwrap_or(self.size)).max(self.size);
        let refused = Arc::new(Mutex::new(None));
        let heard = Arc::clone(&refused);
        let listening = self.pool.observe(move |event: &Event<'_>| {
            if let EventKind::ConnectFailed { error, .. } = event.kind() {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.get_or_insert_with(|| error.to_string());
            }
        });
        let refusal = || refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.resize(target)?;
        let began = Instant::now();
        let has = || {
            let status = self.pool.status();
            status.size - status.connecting - status.closing
        };
        while has() < target as usize && refusal().is_none() && began.elapsed() < PATIENCE {
            sleep(LOOK).await;
        }
        // Those that are still being made may yet come.
        while self.pool.status().connecting > 0 && began.elapsed() < PATIENCE {
            sleep(LOOK).await;
        }
        drop(listening);
        let got = u32::try_from(has()).unwrap_or(u32::MAX).clamp(1, target);
        self.size = got;
        if got == size {
            return Ok(Ok(()));
        }
        self.resize(got)?;
        let why = match refusal() {
            Some(error) => error,
            None if got == target => "others have the rest by now".to_owned(),
            None => "the next one was not made in time".to_owned(),
        };
        Ok(Err(Ceiling { at: got, why }))
    }

    fn resize(&self, size: u32) -> Result<(), Failure> {
        let size = size as usize;
        let changed = self.pool.reconfigure(|options| {
            options.max_size = Bound::At(size);
            options.min_size = size;
        });
        changed.map_err(Failure::new)
    }

    /// Measures for so long, the time in which the load gets used to the size included.
    pub(crate) async fn measure(&self, meter: &Meter, tasks: u32, slot: Duration) -> Sample {
        let began = Instant::now();
        let before = meter.queries();
        // Until everybody who waited when the size was another one has been served.
        while meter.queries() - before < tasks.into() && began.elapsed() < slot / 3 {
            sleep(LOOK.min(slot / 10)).await;
        }
        meter.take_times();
        let (since, before) = (Instant::now(), meter.queries());
        sleep(slot.saturating_sub(began.elapsed())).await;
        let (queries, elapsed) = (meter.queries() - before, since.elapsed());
        let speed = queries as f64 / elapsed.as_secs_f64();
        Sample { speed, p99: meter.take_times().p99, queries }
    }

    /// From now on no lost connection is replaced, and the load may have all.
    pub(crate) fn unpark(&mut self) {
        // It cannot fail: a minimum of 0 goes with any maximum.
        let _ = self.pool.set_min_size(0);
        self.parked.clear();
    }

    /// Until no connection is being reset or closed any more.
    pub(crate) async fn rest(&self) {
        let began = Instant::now();
        let busy = || {
            let status = self.pool.status();
            status.resetting + status.closing > 0
        };
        while busy() && began.elapsed() < REST {
            sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    use cenote::Manager;

    use super::*;
    use crate::drivers::Limit;
    use crate::load::{Running, Source};
    use crate::size::budget::Wishes;

    /// A server that counts, and lets in so many.
    #[derive(Clone)]
    struct Server(Arc<Counts>);

    struct Counts {
        allows: u64,
        /// What it says that others have.
        others: AtomicU64,
        open: AtomicU64,
        most_open: AtomicU64,
        connects: AtomicU64,
        asked: AtomicU64,
    }

    struct Connection(Arc<Counts>);

    impl Drop for Connection {
        fn drop(&mut self) {
            self.0.open.fetch_sub(1, SeqCst);
        }
    }

    #[derive(Debug)]
    struct Full;

    impl fmt::Display for Full {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the server is full")
        }
    }

    impl std::error::Error for Full {}

    impl Manager for Server {
        type Connection = Connection;
        type Error = Full;

        async fn connect(&self) -> Result<Connection, Full> {
            self.0.connects.fetch_add(1, SeqCst);
            let open = self.0.open.fetch_add(1, SeqCst) + 1;
            let conn = Connection(Arc::clone(&self.0));
            self.0.most_open.fetch_max(open, SeqCst);
            if open > self.0.allows { Err(Full) } else { Ok(conn) }
        }

        fn classify(&self, _: &Full) -> Fault {
            Fault::Overload
        }
    }

    impl Driver for Server {
        type Query = ();

        const GOODBYE_IS_ANSWERED: bool = true;

        async fn ask(conn: &mut Connection, (): &(), _: u64) -> Result<(), Full> {
            tokio::task::yield_now().await;
            conn.0.asked.fetch_add(1, SeqCst);
            Ok(())
        }

        async fn limits(conn: &mut Connection) -> Result<Limits, Full> {
            let own = conn.0.open.load(SeqCst);
            let taken = conn.0.others.load(SeqCst) + own - 1;
            Ok(Limits::Told(vec![Limit { name: "seats", allows: 20, kept: 2, taken }]))
        }
    }

    fn server(allows: u64, others: u64) -> Server {
        let zero = || AtomicU64::new(0);
        let others = AtomicU64::new(others);
        let [open, most_open, connects, asked] = [zero(), zero(), zero(), zero()];
        Server(Arc::new(Counts { allows, others, open, most_open, connects, asked }))
    }

    /// Under the load of eight tasks.
    async fn under_load(
        server: &Server,
        run: impl AsyncFnOnce(&mut Trial<Server>, &Meter, &Budget),
    ) {
        let mut trial = Trial::new(server.clone()).await.unwrap();
        let wishes = Wishes { limit: None, processes: 1, reserve: Some(3) };
        let budget = Budget::found(&wishes, &trial.limits().await.unwrap()).unwrap();
        let mut running = Running::start(&Source::pool(trial.pool(), ()), 8, true);
        run(&mut trial, &running.meter(), &budget).await;
        trial.unpark();
        assert!(running.finish(Duration::from_secs(60)).await);
        trial.pool().close(Duration::from_secs(60)).await;
        assert_eq!(server.0.open.load(SeqCst), 0);
    }

    // P-11, P-20
    #[tokio::test]
    async fn sizes_go_up_and_down_over_the_same_connections() {
        let server = server(100, 0);
        under_load(&server, async |trial, meter, budget| {
            for size in [1, 4, 2, 8, 3, 8, 1] {
                assert_eq!(trial.set_size(size, budget, 8).await.unwrap(), Ok(()));
                let status = trial.pool().status();
                assert_eq!(status.size - trial.parked.len(), size as usize);
                let sample = trial.measure(meter, 8, Duration::from_millis(20)).await;
                assert!(sample.speed > 0.0 && sample.queries > 0 && sample.p99 > Duration::ZERO);
            }
        })
        .await;
        let counts = &server.0;
        assert_eq!([&counts.most_open, &counts.connects].map(|n| n.load(SeqCst)), [8, 8]);
        assert!(counts.asked.load(SeqCst) > 100);
    }

    // P-11, P-14
    #[tokio::test]
    async fn a_server_that_gives_no_more_is_left_at_what_it_gives() {
        let server = server(5, 0);
        under_load(&server, async |trial, meter, budget| {
            assert_eq!(trial.set_size(4, budget, 8).await.unwrap(), Ok(()));
            let ceiling = Ceiling { at: 5, why: "the server is full".to_owned() };
            assert_eq!(trial.set_size(8, budget, 8).await.unwrap(), Err(ceiling));
            assert_eq!(trial.set_size(5, budget, 8).await.unwrap(), Ok(()));
            assert!(trial.measure(meter, 8, Duration::from_millis(20)).await.queries > 0);
        })
        .await;
    }

    // P-11
    #[tokio::test]
    async fn what_others_take_meanwhile_is_left_to_them() {
        // Of 20 seats 2 are kept and 3 in reserve; others have 5.
        let server = server(100, 5);
        under_load(&server, async |trial, _, budget| {
            assert_eq!(trial.set_size(4, budget, 8).await.unwrap(), Ok(()));
            server.0.others.store(9, SeqCst);
            let ceiling = Ceiling { at: 6, why: "others have the rest by now".to_owned() };
            assert_eq!(trial.set_size(8, budget, 8).await.unwrap(), Err(ceiling));
            server.0.others.store(15, SeqCst);
            assert!(matches!(
                trial.set_size(7, budget, 8).await.unwrap(),
                Err(Ceiling { at: 6, .. })
            ));
        })
        .await;
        assert_eq!(server.0.most_open.load(SeqCst), 6);
    }
}
