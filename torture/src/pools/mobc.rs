//! mobc. It keeps as many idle connections as it may open (`max_idle`; its default is two). Deadlines go by its
//! `get_timeout`.

use std::time::Duration;

use mobc::{Manager, async_trait};

use super::{Part, Pool};
use crate::cases::{self, Case};
use crate::script::{Connection, Never, Script};
use crate::subject::{Resize, Settings, Subject};

pub(super) const POOL: Pool = Pool { name: "mobc", package: "mobc", part };

fn part(case: Case) -> Part {
    Part::Runs(match case {
        Case::Resize => cases::resize::<Mobc>,
        Case::PanickingPredicate => return Part::Not("no predicate"),
        Case::ShortDeadline => cases::short_deadline::<Mobc>,
        Case::ReturnedMeanwhile => cases::returned_meanwhile::<Mobc>,
        Case::PanickingConnect => cases::panicking_connect::<Mobc>,
        Case::Overtaking => cases::overtaking::<Mobc>,
        Case::MinIdle => return Part::Not("no minimum"),
        Case::IdleTime => cases::idle_time::<Mobc>,
        Case::NoRuntime => cases::no_runtime::<Mobc>,
        Case::IdleFirst => cases::idle_first::<Mobc>,
        Case::CancelledCheck => cases::cancelled_check::<Mobc>,
    })
}

struct Mobc(mobc::Pool<Driver>);

struct Driver(Script);

#[async_trait]
impl Manager for Driver {
    type Connection = Connection;
    type Error = Never;

    async fn connect(&self) -> Result<Connection, Never> {
        Ok(self.0.connect().await)
    }

    async fn check(&self, conn: Connection) -> Result<Connection, Never> {
        self.0.check().await;
        Ok(conn)
    }
}

impl Subject for Mobc {
    type Guard = mobc::Connection<Driver>;

    async fn open(script: Script, settings: Settings) -> Mobc {
        let max_size = settings.max_size as u64;
        let pool = mobc::Pool::builder()
            .max_open(max_size)
            .max_idle(max_size)
            .max_idle_lifetime(settings.idle_timeout)
            .test_on_check_out(settings.check);
        Mobc(pool.build(Driver(script)))
    }

    async fn take(&self, patience: Duration) -> Result<Self::Guard, String> {
        self.0.get_timeout(patience).await.map_err(|error| error.to_string())
    }
}

impl Resize for Mobc {
    async fn resize(&self, max_size: usize) {
        self.0.set_max_open_conns(max_size as u64).await;
    }
}
