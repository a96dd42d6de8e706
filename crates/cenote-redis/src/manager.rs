//! `Redis` as the pool sees it: how connections are made and tested, and what becomes of a used one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use cenote::{Ended, Fate, Fault, Manager, Options, Share};
use redis::{Pipeline, RedisError as Error, RedisResult, Value, cmd};

use crate::command::Traces;
use crate::connect;
use crate::connection::{RedisConnection, RedisHandle};
use crate::error::RedisError;
use crate::fault;
use crate::options::Redis;
use crate::plan::Reset;

impl Manager for Redis {
    type Connection = RedisConnection;
    type Error = RedisError;

    async fn connect(&self) -> Result<RedisConnection, RedisError> {
        connect::connect(&self.plan).await
    }

    /// One `PING`. A server that lives and cannot write, or does not let this user ask, is well.
    async fn check(&self, conn: &mut RedisConnection) -> Result<(), RedisError> {
        // In a transaction it would be carried out with the rest. There this fails and changes nothing.
        let open = conn.in_transaction();
        let question = cmd(if open { "MULTI" } else { "PING" });
        let answer = conn.driver().send_packed_command(&question).await;
        match answer.and_then(Value::extract_error) {
            // It was none: an EXEC that failed had ended it.
            Ok(_) if open => send(conn, redis::pipe().cmd("DISCARD")).await.map(drop),
            Ok(_) => Ok(()),
            Err(error) => match fault::of_request(&error) {
                Fault::Query | Fault::Role => Ok(()),
                _ => Err(told(conn, error)),
            },
        }
    }

    async fn reset(&self, conn: &mut RedisConnection) -> Result<(), RedisError> {
        let traces = conn.session().traces();
        match self.plan.reset {
            // Everything that was asked before is answered when this is.
            Reset::None => {
                self.check(conn).await?;
                conn.session().is_answered_now();
                return Ok(());
            }
            Reset::Undo => self.undo(conn, traces).await?,
            Reset::Full => self.begin_anew(conn).await?,
        }
        conn.session().is_clean_now();
        Ok(())
    }

    /// Ends when the server has closed the connection, so that its count is never above the pool's where closing
    /// connections count. What still waits on the server ends with it.
    async fn close(&self, conn: RedisConnection) -> Result<(), RedisError> {
        conn.close().await;
        Ok(())
    }

    fn is_closed(&self, conn: &RedisConnection) -> bool {
        conn.session().is_closed()
    }

    /// Each command is looked at before it is sent and followed to its end; so a connection that is clean is known to be,
    /// and nothing is asked.
    fn released(&self, conn: &mut RedisConnection, how: Ended) -> Fate {
        let session = conn.session();
        match how {
            Ended::Returned | Ended::Failed(Fault::Query | Fault::Timeout | Fault::Overload) => {}
            // A closure that was dropped between two commands has left nothing behind that is not seen.
            Ended::Cancelled => {}
            _ => return Fate::Close,
        }
        if session.is_stuck() {
            return Fate::Close;
        }
        if session.is_adrift() && self.plan.reset != Reset::Undo {
            return Fate::Reset;
        }
        let traces = session.traces();
        match self.plan.reset {
            Reset::None => Fate::Keep,
            Reset::Undo if traces.has(Traces::OTHER) => Fate::Close,
            Reset::Undo if session.is_adrift() || traces != Traces::NONE => Fate::Reset,
            Reset::Undo => Fate::Keep,
            Reset::Full if session.is_used() => Fate::Reset,
            Reset::Full => Fate::Keep,
        }
    }

    fn in_transaction(&self, conn: &RedisConnection) -> Option<Arc<AtomicBool>> {
        Some(Arc::clone(conn.session().in_transaction()))
    }

    fn classify(&self, error: &RedisError) -> Fault {
        error.fault()
    }

    /// A server that restarts is looked for once a second at least. What the URL says about the pool comes last.
    fn defaults(&self, mut options: Options) -> Options {
        options.backoff_max = Duration::from_secs(1);
        self.plan.pool.apply(&mut options);
        options
    }
}

impl Redis {
    /// Undoes what was left, and waits for what was abandoned: all in one round trip.
    async fn undo(&self, conn: &mut RedisConnection, traces: Traces) -> Result<(), RedisError> {
        let mut undo = redis::pipe();
        // The first may fail: an EXEC that failed has ended its transaction.
        let may_fail = traces.has(Traces::TRANSACTION);
        if may_fail {
            undo.cmd("DISCARD");
        }
        if traces.has(Traces::WATCH) {
            undo.cmd("UNWATCH");
        }
        if traces.has(Traces::DATABASE) {
            undo.cmd("SELECT").arg(self.plan.database);
        }
        if undo.is_empty() {
            return self.check(conn).await;
        }
        let answers = send(conn, &undo).await?;
        all_went_well(conn, answers.into_iter().skip(usize::from(may_fail)))
    }

    /// The server forgets all of the session, the login too.
    async fn begin_anew(&self, conn: &mut RedisConnection) -> Result<(), RedisError> {
        let mut anew = redis::pipe();
        anew.cmd("RESET");
        for command in conn.session().login().commands(&self.plan) {
            anew.add_command(command);
        }
        let answers = send(conn, &anew).await?;
        all_went_well(conn, answers.into_iter())
    }
}

async fn send(conn: &mut RedisConnection, pipeline: &Pipeline) -> Result<Vec<Value>, RedisError> {
    let answers = conn.driver().send_packed_commands(pipeline, 0, pipeline.len()).await;
    answers.map_err(|error| told(conn, error))
}

fn all_went_well(
    conn: &RedisConnection,
    answers: impl Iterator<Item = Value>,
) -> Result<(), RedisError> {
    let answers: RedisResult<Vec<Value>> = answers.map(Value::extract_error).collect();
    answers.map(drop).map_err(|error| told(conn, error))
}

/// An error of a command of the pool's own.
fn told(conn: &RedisConnection, source: Error) -> RedisError {
    let place = Arc::clone(conn.place());
    match conn.session().is_closed() || source.is_io_error() {
        true => RedisError::Closed { place },
        false => RedisError::Command { place: Some(place), source },
    }
}

impl Share for Redis {
    type Handle = RedisHandle;

    fn handle(&self, conn: &RedisConnection) -> RedisHandle {
        conn.handle()
    }
}
