//! No pool: what the loops, the yields, the tasks and the timers of a scenario cost by themselves.

use std::future;
use std::time::Duration;

use tokio::time::timeout;

use super::Pool;
use crate::scenarios::{self, Scenario};
use crate::subject::{Settings, Source, Subject, Tuning};

pub(super) const POOL: Pool = Pool {
    name: super::NONE,
    package: "",
    tunings: &[Tuning::Default],
    has_part,
    measure: scenarios::on_tasks::<Nothing>,
    cycles: scenarios::cycles_on_tasks::<Nothing>,
};

fn has_part(scenario: Scenario) -> bool {
    use Scenario::{S1, S2, S3, S4, S5, S7};
    matches!(scenario, S1 | S2 | S3 | S4 | S5 | S7)
}

#[derive(Clone)]
struct Nothing;

impl Subject for Nothing {
    type Guard<'a> = ();

    async fn open(_: Source, _: Settings) -> Nothing {
        Nothing
    }

    async fn take(&self) {}

    async fn take_in_vain(&self) {
        future::pending().await
    }

    fn own_timeout(&self, after: Duration) -> Option<impl Future<Output = ()> + Send> {
        Some(async move {
            let _ = timeout(after, future::pending::<()>()).await;
        })
    }
}
