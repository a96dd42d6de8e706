//! raw-sem: tokio's `Semaphore` and a `Vec` under parking_lot's mutex, the least that waits fairly; what everybody
//! is compared with.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{ONE, Pool};
use crate::scenarios;
use crate::subject::{Conn, Settings, Source, Subject};

pub(super) const POOL: Pool = Pool {
    name: "raw-sem",
    package: "tokio",
    tunings: ONE,
    has_part: super::for_tasks,
    measure: scenarios::on_tasks::<RawSem>,
    cycles: scenarios::cycles_on_tasks::<RawSem>,
};

#[derive(Clone)]
struct RawSem(Arc<Inner>);

struct Inner {
    permits: Semaphore,
    idle: Mutex<Vec<Conn>>,
    source: Source,
}

/// The connection goes back before the permit, which is a field and so dropped after it.
struct Guard<'a> {
    idle: &'a Mutex<Vec<Conn>>,
    conn: Option<Conn>,
    _permit: SemaphorePermit<'a>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.idle.lock().push(conn);
        }
    }
}

impl Subject for RawSem {
    type Guard<'a> = Guard<'a>;

    async fn open(source: Source, settings: Settings) -> RawSem {
        let permits = Semaphore::new(settings.max_size);
        let idle = Mutex::new(Vec::with_capacity(settings.max_size));
        RawSem(Arc::new(Inner { permits, idle, source }))
    }

    async fn take(&self) -> Guard<'_> {
        let Inner { permits, idle, source } = &*self.0;
        let permit = permits.acquire().await.expect("nobody closes it");
        let found = idle.lock().pop();
        let conn = match found {
            Some(conn) => conn,
            None => source.connect().await,
        };
        Guard { idle, conn: Some(conn), _permit: permit }
    }
}
