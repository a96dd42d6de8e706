//! Cenote. Tuned: no tests, no limits of age and rest, no deadline, no report of slow acquires, no ramp.

mod threads;

use std::hint::black_box;
use std::time::Duration;

use cenote::{Event, Fault, FromLevel, Level, Manager, Pooled, TestOnAcquire, Timeout};

use super::{BOTH, OURS, Pool};
use crate::figures::Sheet;
use crate::scenarios::{self, Scenario, Trial};
use crate::subject::{Conn, Never, Settings, Source, Subject, Tuning};

pub(super) const POOL: Pool = Pool {
    name: OURS,
    package: "cenote",
    tunings: BOTH,
    has_part: |_| true,
    measure,
    cycles: scenarios::cycles_on_tasks::<Cenote>,
};

fn measure(trial: &Trial, sheet: &mut Sheet) {
    match trial.scenario {
        Scenario::S0 => {
            scenarios::queries::measure(trial, sheet);
            scenarios::postgres::measure_anew(trial, sheet);
        }
        Scenario::S8 => scenarios::postgres::measure(trial, sheet),
        Scenario::S9 => scenarios::growth::measure(trial, sheet),
        Scenario::S10 => scenarios::on_threads::<threads::Cenote>(trial, sheet),
        _ => scenarios::on_tasks::<Cenote>(trial, sheet),
    }
}

#[derive(Clone)]
pub(crate) struct Cenote(pub(crate) cenote::Pool<Driver>);

pub(crate) struct Driver(Source);

impl Driver {
    pub(crate) fn new(source: Source) -> Driver {
        Driver(source)
    }
}

impl Manager for Driver {
    type Connection = Conn;
    type Error = Never;

    async fn connect(&self) -> Result<Conn, Never> {
        Ok(self.0.connect().await)
    }

    fn classify(&self, _: &Never) -> Fault {
        Fault::Connection
    }
}

impl Subject for Cenote {
    type Guard<'a> = Pooled<Driver>;

    async fn open(source: Source, settings: Settings) -> Cenote {
        let mut pool = cenote::Pool::builder(Driver(source)).max_size(settings.max_size);
        if settings.tuning == Tuning::Tuned {
            pool = pool
                .test_on_acquire(TestOnAcquire::Never)
                .idle_timeout(Timeout::Never)
                .max_lifetime(Timeout::Never)
                .acquire_timeout(Timeout::Never)
                .slow_acquire(Timeout::Never)
                .ramp(false)
                .max_connecting(64_usize);
        }
        if settings.tuning == Tuning::Watched {
            pool = pool.observer(FromLevel(Level::Info, |event: &Event<'_>| {
                black_box(event.level());
            }));
        }
        Cenote(pool.build().expect("these settings are valid"))
    }

    async fn take(&self) -> Pooled<Driver> {
        self.0.acquire().await.expect("no acquire of a scenario fails")
    }

    fn own_timeout(&self, timeout: Duration) -> Option<impl Future<Output = ()> + Send> {
        let acquire = self.0.acquire().timeout(timeout);
        Some(async {
            drop(acquire.await);
        })
    }
}
