//! raw-queue: crossbeam's `ArrayQueue`. Lock-free, and nobody can wait.

use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use super::{ONE, Pool};
use crate::scenarios;
use crate::subject::{Conn, Settings, Source, Subject};

pub(super) const POOL: Pool = Pool {
    name: "raw-queue",
    package: "crossbeam-queue",
    tunings: ONE,
    has_part: super::cannot_wait,
    measure: scenarios::on_tasks::<RawQueue>,
    cycles: scenarios::cycles_on_tasks::<RawQueue>,
};

#[derive(Clone)]
struct RawQueue(Arc<ArrayQueue<Conn>>);

struct Guard<'a> {
    idle: &'a ArrayQueue<Conn>,
    conn: Option<Conn>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            let _ = self.idle.push(conn);
        }
    }
}

impl Subject for RawQueue {
    type Guard<'a> = Guard<'a>;

    async fn open(source: Source, settings: Settings) -> RawQueue {
        let idle = ArrayQueue::new(settings.max_size);
        for _ in 0..settings.max_size {
            let _ = idle.push(source.connect().await);
        }
        RawQueue(Arc::new(idle))
    }

    async fn take(&self) -> Guard<'_> {
        Guard { idle: &self.0, conn: Some(self.0.pop().expect("nobody has to wait here")) }
    }
}
