//! fast_pool. Nothing to tune: it tests before every lending, under a timeout, and waits under another.

use fast_pool::{ConnectionGuard, Manager};

use super::{ONE, Pool};
use crate::scenarios;
use crate::subject::{Conn, Settings, Source, Subject};

pub(super) const POOL: Pool = Pool {
    name: "fast_pool",
    package: "fast_pool",
    tunings: ONE,
    has_part: super::for_tasks,
    measure: scenarios::on_tasks::<FastPool>,
    cycles: scenarios::cycles_on_tasks::<FastPool>,
};

#[derive(Clone)]
struct FastPool(fast_pool::Pool<Driver>);

struct Driver(Source);

impl Manager for Driver {
    type Connection = Conn;
    type Error = String;

    async fn connect(&self) -> Result<Conn, String> {
        Ok(self.0.connect().await)
    }

    async fn check(&self, _: &mut Conn) -> Result<(), String> {
        Ok(())
    }
}

impl Subject for FastPool {
    type Guard<'a> = ConnectionGuard<Driver>;

    async fn open(source: Source, settings: Settings) -> FastPool {
        let pool = fast_pool::Pool::new(Driver(source));
        pool.set_max_open(settings.max_size as u64);
        FastPool(pool)
    }

    async fn take(&self) -> ConnectionGuard<Driver> {
        self.0.get().await.expect("no get of a scenario fails")
    }
}
