//! mobc. Tuned: as many idle connections as it may open (its default is two, so it makes them again and again), no
//! test, no lifetimes, no timeout.

use mobc::{Manager, async_trait};

use super::{BOTH, Pool};
use crate::scenarios;
use crate::subject::{Conn, Never, Settings, Source, Subject, Tuning};

pub(super) const POOL: Pool = Pool {
    name: "mobc",
    package: "mobc",
    tunings: BOTH,
    has_part: super::for_tasks,
    measure: scenarios::on_tasks::<Mobc>,
    cycles: scenarios::cycles_on_tasks::<Mobc>,
};

#[derive(Clone)]
struct Mobc(mobc::Pool<Driver>);

struct Driver(Source);

#[async_trait]
impl Manager for Driver {
    type Connection = Conn;
    type Error = Never;

    async fn connect(&self) -> Result<Conn, Never> {
        Ok(self.0.connect().await)
    }

    async fn check(&self, conn: Conn) -> Result<Conn, Never> {
        Ok(conn)
    }
}

impl Subject for Mobc {
    type Guard<'a> = mobc::Connection<Driver>;

    async fn open(source: Source, settings: Settings) -> Mobc {
        let size = settings.max_size as u64;
        let mut pool = mobc::Pool::builder().max_open(size);
        if settings.tuning == Tuning::Tuned {
            pool = pool
                .max_idle(size)
                .test_on_check_out(false)
                .max_lifetime(None)
                .max_idle_lifetime(None)
                .get_timeout(None);
        }
        Mobc(pool.build(Driver(source)))
    }

    async fn take(&self) -> mobc::Connection<Driver> {
        self.0.get().await.expect("no get of a scenario fails")
    }
}
