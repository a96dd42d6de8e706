//! Running something on a connection, so that how it ended is known: to the connection, to the node's health, and to
//! whoever may try again (C-14).

use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use cenote::{Ended, Fault, Manager, Pooled, Time};

use crate::acquire::Acquire;
use crate::cluster::Cluster;
use crate::error::Error;
use crate::route::Route;

/// Who tries again on a node that has failed it twice waits so long first, and twice as long each time, up to a bound.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl<M: Manager> Cluster<M> {
    /// Borrows a connection, runs the closure with it and gives it back. How the closure ended decides what becomes of
    /// the connection (P-8) and tells the node's health. If a node cannot give a connection the next is tried; once the
    /// closure runs, nothing is tried again, since something may have been done.
    ///
    /// # Errors
    /// Those of [`route`](Cluster::route), and the closure's own as [`Error::Run`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::Node;
    /// # use cenote_cluster::{Cluster, Route};
    /// # use cenote_testkit::Script;
    /// # let cluster = Cluster::builder(|_: &Node| Ok(Script::new())).node(Node::new("a", "")).build().unwrap();
    /// let serial = cluster.with(Route::read(), async |conn| Ok(conn.serial())).await.unwrap();
    /// assert_eq!(serial, 1);
    /// # }
    /// ```
    #[track_caller]
    pub fn with<F, T>(
        &self,
        route: Route,
        run: F,
    ) -> impl Future<Output = Result<T, Error<M::Error>>>
    where
        F: AsyncFnOnce(&mut M::Connection) -> Result<T, M::Error>,
    {
        let acquire = self.route(route);
        async move {
            let mut conn = acquire.await?;
            self.run(&mut conn, run).await.map_err(|(error, _)| Error::Run(error))
        }
    }

    /// As [`with`](Cluster::with), for something that may be done twice: if the node fails while the closure runs (a
    /// timeout, a lost connection, a primary that is none any more), it is run again, on another node if there is one,
    /// inside the same deadline and within the retry budget. Where there is none it is run on the same node again: at once
    /// the first time, then after 10 ms, and after twice as long each time, 1 s at most. Other errors are the closure's.
    ///
    /// # Errors
    /// As [`with`](Cluster::with); [`Error::Run`] is that of the last attempt.
    #[track_caller]
    pub fn with_retry<F, T>(
        &self,
        route: Route,
        run: F,
    ) -> impl Future<Output = Result<T, Error<M::Error>>>
    where
        F: AsyncFnOnce(&mut M::Connection) -> Result<T, M::Error> + Clone,
    {
        let location = Location::caller();
        async move {
            let deadline: Time = self.core.env.now() + self.core.settings.timeout.get();
            let (mut failed, mut pause) = (Vec::new(), PAUSE);
            loop {
                let acquire = Acquire::new(self, route.clone(), location);
                let mut conn = acquire.deadline_at(deadline).without(&failed).await?;
                let node = Pooled::node(&conn).and_then(|key| self.id_of(key));
                let (error, fault) = match self.run(&mut conn, run.clone()).await {
                    Ok(value) => return Ok(value),
                    Err(failure) => failure,
                };
                drop(conn);
                let is_the_nodes =
                    matches!(fault, Fault::Timeout | Fault::Connection | Fault::Host | Fault::Role);
                let now = self.core.env.now();
                if !is_the_nodes || now >= deadline || !self.core.may_retry() {
                    return Err(Error::Run(error));
                }
                if node.is_some_and(|id| failed.contains(&id)) {
                    if now + pause >= deadline {
                        return Err(Error::Run(error));
                    }
                    self.core.env.sleep_until(now + pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                } else {
                    failed.extend(node);
                }
            }
        }
    }

    /// As [`with`](Cluster::with), for closures with an error of their own: `find` says which of the driver's errors is
    /// in it, if any. The closure's result comes back as it is.
    ///
    /// # Errors
    /// Those of [`route`](Cluster::route).
    #[track_caller]
    pub fn with_map<F, T, E>(
        &self,
        route: Route,
        run: F,
        find: impl FnOnce(&E) -> Option<&M::Error>,
    ) -> impl Future<Output = Result<Result<T, E>, Error<M::Error>>>
    where
        F: AsyncFnOnce(&mut M::Connection) -> Result<T, E>,
    {
        let acquire = self.route(route);
        async move {
            let mut conn = acquire.await?;
            let began = self.begin(&mut conn);
            let result = run(&mut conn).await;
            Pooled::set_ended(&mut conn, Ended::Returned);
            let fault = match &result {
                Ok(_) => Pooled::report(&mut conn, &Ok(())),
                Err(error) => find(error).and_then(|error| Pooled::report_error(&mut conn, error)),
            };
            self.took(&conn, began, fault);
            Ok(result)
        }
    }

    async fn run<F, T>(&self, conn: &mut Pooled<M>, run: F) -> Result<T, (M::Error, Fault)>
    where
        F: AsyncFnOnce(&mut M::Connection) -> Result<T, M::Error>,
    {
        let began = self.begin(conn);
        let result = run(conn).await;
        Pooled::set_ended(conn, Ended::Returned);
        let fault = Pooled::report(conn, &result);
        self.took(conn, began, fault);
        result.map_err(|error| (error, fault.unwrap_or(Fault::Query)))
    }

    /// Something is about to be done that must not be cut short.
    fn begin(&self, conn: &mut Pooled<M>) -> Option<Time> {
        Pooled::set_ended(conn, Ended::Cancelled);
        self.core.settings.times.then(|| self.core.env.now())
    }

    fn took(&self, conn: &Pooled<M>, began: Option<Time>, fault: Option<Fault>) {
        let Some(began) = began else { return };
        let snapshot = self.core.snapshot.load();
        let mine = |place: &&crate::snapshot::Place| Some(&*place.key) == Pooled::node(conn);
        if let Some(place) = snapshot.places.iter().find(mine) {
            let now = self.core.env.now();
            let failed = fault.is_some_and(|fault| fault != Fault::Query);
            place.standing.latency.record(now.since(began), failed, now);
        }
    }

    fn id_of(&self, key: &str) -> Option<u64> {
        let snapshot = self.core.snapshot.load();
        snapshot.places.iter().find(|place| &*place.key == key).map(|place| place.id)
    }
}
