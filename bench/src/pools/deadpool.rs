//! deadpool. Nothing to tune: `recycle` is always asked, and does nothing here.

use deadpool::managed::{Manager, Metrics, Object, RecycleResult};

use super::{ONE, Pool};
use crate::scenarios;
use crate::subject::{Conn, Never, Settings, Source, Subject};

pub(super) const POOL: Pool = Pool {
    name: "deadpool",
    package: "deadpool",
    tunings: ONE,
    has_part: super::for_tasks,
    measure: scenarios::on_tasks::<Deadpool>,
    cycles: scenarios::cycles_on_tasks::<Deadpool>,
};

#[derive(Clone)]
struct Deadpool(deadpool::managed::Pool<Driver>);

struct Driver(Source);

impl Manager for Driver {
    type Type = Conn;
    type Error = Never;

    async fn create(&self) -> Result<Conn, Never> {
        Ok(self.0.connect().await)
    }

    async fn recycle(&self, _: &mut Conn, _: &Metrics) -> RecycleResult<Never> {
        Ok(())
    }
}

impl Subject for Deadpool {
    type Guard<'a> = Object<Driver>;

    async fn open(source: Source, settings: Settings) -> Deadpool {
        let pool = deadpool::managed::Pool::builder(Driver(source)).max_size(settings.max_size);
        Deadpool(pool.build().expect("without timeouts it needs no runtime"))
    }

    async fn take(&self) -> Object<Driver> {
        self.0.get().await.expect("no get of a scenario fails")
    }
}
