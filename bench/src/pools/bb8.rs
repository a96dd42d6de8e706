//! bb8, by `get`, which borrows the pool. Tuned: no test at check-out, no lifetime, no idle timeout. Its 30 s for a
//! connection cannot be switched off.

use bb8::{ManageConnection, PooledConnection};

use super::{BOTH, Pool};
use crate::scenarios;
use crate::subject::{Conn, Never, Settings, Source, Subject, Tuning};

pub(super) const POOL: Pool = Pool {
    name: "bb8",
    package: "bb8",
    tunings: BOTH,
    has_part: super::for_tasks,
    measure: scenarios::on_tasks::<Bb8>,
    cycles: scenarios::cycles_on_tasks::<Bb8>,
};

#[derive(Clone)]
struct Bb8(bb8::Pool<Driver>);

struct Driver(Source);

impl ManageConnection for Driver {
    type Connection = Conn;
    type Error = Never;

    async fn connect(&self) -> Result<Conn, Never> {
        Ok(self.0.connect().await)
    }

    async fn is_valid(&self, _: &mut Conn) -> Result<(), Never> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Conn) -> bool {
        false
    }
}

impl Subject for Bb8 {
    type Guard<'a> = PooledConnection<'a, Driver>;

    async fn open(source: Source, settings: Settings) -> Bb8 {
        let size = u32::try_from(settings.max_size).expect("a small number");
        let mut pool = bb8::Pool::builder().max_size(size);
        if settings.tuning == Tuning::Tuned {
            pool = pool.test_on_check_out(false).max_lifetime(None).idle_timeout(None);
        }
        Bb8(pool.build_unchecked(Driver(source)))
    }

    async fn take(&self) -> PooledConnection<'_, Driver> {
        self.0.get().await.expect("no get of a scenario fails")
    }
}
