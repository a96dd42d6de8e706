//! Cenote, with its defaults. It is asked for a look at idle connections every 100 ms instead of every second,
//! since the table's time is short.

#[cfg(feature = "peers")]
mod threads;

use std::time::Duration;

use cenote::{Fault, Manager, Pooled, TestOnAcquire, Timeout};

use super::{Part, Pool};
use crate::cases::{self, Case};
use crate::finding::Finding;
use crate::script::{Connection, Never, Script};
use crate::subject::{Resize, Settings, Subject, Sweep};

pub(super) const POOL: Pool = Pool { name: "Cenote", package: "cenote", part };

fn part(case: Case) -> Part {
    Part::Runs(match case {
        Case::Resize => cases::resize::<Cenote>,
        Case::PanickingPredicate => cases::panicking_predicate::<Cenote>,
        Case::ShortDeadline => cases::short_deadline::<Cenote>,
        Case::ReturnedMeanwhile => cases::returned_meanwhile::<Cenote>,
        Case::PanickingConnect => cases::panicking_connect::<Cenote>,
        Case::Overtaking => overtaking,
        Case::MinIdle => cases::min_idle::<Cenote>,
        Case::IdleTime => cases::idle_time::<Cenote>,
        Case::NoRuntime => cases::no_runtime::<Cenote>,
        Case::IdleFirst => cases::idle_first::<Cenote>,
        Case::CancelledCheck => cases::cancelled_check::<Cenote>,
    })
}

/// Among tasks and, where r2d2 is judged, among threads, by the same measure as r2d2.
fn overtaking() -> Finding {
    let tasks = cases::overtaking::<Cenote>();
    #[cfg(feature = "peers")]
    let tasks = tasks.and("threads", cases::overtaking_on_threads::<threads::Cenote>());
    tasks
}

struct Cenote(cenote::Pool<Driver>);

struct Driver(Script);

impl Manager for Driver {
    type Connection = Connection;
    type Error = Never;

    async fn connect(&self) -> Result<Connection, Never> {
        Ok(self.0.connect().await)
    }

    async fn check(&self, _: &mut Connection) -> Result<(), Never> {
        self.0.check().await;
        Ok(())
    }

    fn classify(&self, _: &Never) -> Fault {
        Fault::Connection
    }
}

impl Subject for Cenote {
    type Guard = Pooled<Driver>;

    async fn open(script: Script, settings: Settings) -> Cenote {
        let test = if settings.check { TestOnAcquire::Always } else { TestOnAcquire::Never };
        let mut pool = cenote::Pool::builder(Driver(script))
            .max_size(settings.max_size)
            .min_idle(settings.min_idle)
            .test_on_acquire(test)
            .upkeep_interval(Duration::from_millis(100));
        if let Some(time) = settings.idle_timeout {
            pool = pool.idle_timeout(Timeout::After(time));
        }
        Cenote(pool.build().expect("the settings of a case are valid"))
    }

    async fn take(&self, patience: Duration) -> Result<Pooled<Driver>, String> {
        self.0.acquire().timeout(patience).await.map_err(|error| error.to_string())
    }
}

impl Resize for Cenote {
    async fn resize(&self, max_size: usize) {
        self.0.set_max_size(max_size).expect("a limit that is valid");
    }
}

impl Sweep for Cenote {
    async fn sweep_with_a_panic(&self) {
        let _ = self.0.clear_where(|_| panic!("in the predicate")).await;
    }
}
