//! bb8. Deadlines are the caller's, around `get_owned`; its own is 30 s. It looks at idle connections every 50 ms
//! instead of every 30 s.

use std::time::Duration;

use bb8::{ManageConnection, PooledConnection};

use super::{Part, Pool, within};
use crate::cases::{self, Case};
use crate::script::{Connection, Never, Script};
use crate::subject::{Settings, Subject};

pub(super) const POOL: Pool = Pool { name: "bb8", package: "bb8", part };

fn part(case: Case) -> Part {
    Part::Runs(match case {
        Case::Resize => return Part::Not("size is fixed"),
        Case::PanickingPredicate => return Part::Not("no predicate"),
        Case::ShortDeadline => cases::short_deadline::<Bb8>,
        Case::ReturnedMeanwhile => cases::returned_meanwhile::<Bb8>,
        Case::PanickingConnect => cases::panicking_connect::<Bb8>,
        Case::Overtaking => cases::overtaking::<Bb8>,
        Case::MinIdle => cases::min_idle::<Bb8>,
        Case::IdleTime => cases::idle_time::<Bb8>,
        Case::NoRuntime => cases::no_runtime::<Bb8>,
        Case::IdleFirst => cases::idle_first::<Bb8>,
        Case::CancelledCheck => cases::cancelled_check::<Bb8>,
    })
}

struct Bb8(bb8::Pool<Driver>);

struct Driver(Script);

impl ManageConnection for Driver {
    type Connection = Connection;
    type Error = Never;

    async fn connect(&self) -> Result<Connection, Never> {
        Ok(self.0.connect().await)
    }

    async fn is_valid(&self, _: &mut Connection) -> Result<(), Never> {
        self.0.check().await;
        Ok(())
    }

    fn has_broken(&self, _: &mut Connection) -> bool {
        false
    }
}

impl Subject for Bb8 {
    type Guard = PooledConnection<'static, Driver>;

    async fn open(script: Script, settings: Settings) -> Bb8 {
        let count = |n: usize| u32::try_from(n).expect("a small number");
        let mut pool = bb8::Pool::builder()
            .max_size(count(settings.max_size))
            .test_on_check_out(settings.check)
            .reaper_rate(Duration::from_millis(50));
        if settings.min_idle > 0 {
            pool = pool.min_idle(count(settings.min_idle));
        }
        if let Some(time) = settings.idle_timeout {
            pool = pool.idle_timeout(time);
        }
        Bb8(pool.build(Driver(script)).await.expect("the script's connects go well"))
    }

    async fn take(&self, patience: Duration) -> Result<Self::Guard, String> {
        within(patience, self.0.get_owned()).await
    }
}
