//! Cenote's face for threads.

use cenote::blocking::{Manager, Pool, Pooled};
use cenote::{Fault, TestOnAcquire, Timeout};

use crate::subject::{Blocking, Conn, Never, Settings, Source, Tuning};

pub(super) struct Cenote(Pool<Driver>);

pub(super) struct Driver(Source);

impl Manager for Driver {
    type Connection = Conn;
    type Error = Never;

    fn connect(&self) -> Result<Conn, Never> {
        Ok(self.0.connect_blocking())
    }

    fn classify(&self, _: &Never) -> Fault {
        Fault::Connection
    }
}

impl Blocking for Cenote {
    type Guard = Pooled<Driver>;

    fn open(source: Source, settings: Settings) -> Cenote {
        let mut pool = Pool::builder(Driver(source)).max_size(settings.max_size);
        if settings.tuning == Tuning::Tuned {
            pool = pool
                .test_on_acquire(TestOnAcquire::Never)
                .idle_timeout(Timeout::Never)
                .max_lifetime(Timeout::Never)
                .acquire_timeout(Timeout::Never)
                .slow_acquire(Timeout::Never);
        }
        Cenote(pool.build().expect("these settings are valid"))
    }

    fn take(&self) -> Pooled<Driver> {
        self.0.acquire().expect("no acquire of a scenario fails")
    }
}
