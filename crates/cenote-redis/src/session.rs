//! What is known of a session on the server. Each command is known from its beginning to its end, so that one that nobody
//! waited for is known too: its borrower was cancelled, and its answer is still to come.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use redis::{Cmd, ErrorKind, Pipeline, RedisError as Error, RedisResult};
use tokio::sync::SetOnce;

use crate::command::{Effect, Refused, Traces};
use crate::login::Login;
use crate::plan::Plan;
use crate::tap::Hook;

pub(crate) struct Session {
    place: Arc<str>,
    plan: Arc<Plan>,
    login: Login,
    /// Set when the connection has ended.
    ended: Arc<SetOnce<()>>,
    hook: Arc<Hook>,
    /// What the commands so far may have left behind.
    traces: AtomicU8,
    in_transaction: Arc<AtomicBool>,
    /// Something was asked since it was clean.
    used: AtomicBool,
    /// Commands that somebody waits for.
    calls: AtomicU32,
    /// Somebody stopped waiting for one.
    abandoned: AtomicBool,
    /// It was one that may wait on the server for ever.
    stuck: AtomicBool,
}

impl Session {
    pub(crate) fn new(place: Arc<str>, plan: Arc<Plan>, login: Login) -> Session {
        Session {
            place,
            plan,
            login,
            ended: Arc::default(),
            hook: Arc::default(),
            traces: AtomicU8::new(0),
            in_transaction: Arc::default(),
            used: AtomicBool::new(false),
            calls: AtomicU32::new(0),
            abandoned: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
        }
    }

    pub(crate) fn place(&self) -> &Arc<str> {
        &self.place
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn login(&self) -> &Login {
        &self.login
    }

    pub(crate) fn ended(&self) -> &Arc<SetOnce<()>> {
        &self.ended
    }

    pub(crate) fn hook(&self) -> &Arc<Hook> {
        &self.hook
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.ended.initialized()
    }

    pub(crate) fn traces(&self) -> Traces {
        Traces(self.traces.load(Ordering::Acquire))
    }

    /// True while a transaction is open and no command of it runs.
    pub(crate) fn in_transaction(&self) -> &Arc<AtomicBool> {
        &self.in_transaction
    }

    pub(crate) fn is_used(&self) -> bool {
        self.used.load(Ordering::Acquire)
    }

    /// Whether an answer may be to come that nobody waits for.
    pub(crate) fn is_adrift(&self) -> bool {
        self.abandoned.load(Ordering::Acquire) || self.calls.load(Ordering::Acquire) > 0
    }

    /// Whether that answer may never come.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Acquire)
    }

    /// Everything that was asked is answered, and what it left behind is undone or meant to stay.
    pub(crate) fn is_clean_now(&self) {
        self.abandoned.store(false, Ordering::Release);
        self.stuck.store(false, Ordering::Release);
        self.used.store(false, Ordering::Release);
        self.traces.store(0, Ordering::Release);
        self.in_transaction.store(false, Ordering::Release);
    }

    /// Everything that was asked is answered; what it left behind stays.
    pub(crate) fn is_answered_now(&self) {
        self.abandoned.store(false, Ordering::Release);
        self.stuck.store(false, Ordering::Release);
    }

    /// Begins a command of a borrower who is alone.
    pub(crate) fn begin(&self, command: &Cmd) -> RedisResult<Call<'_>> {
        with_answer(command)?;
        let effect = Effect::of(command, self.plan.database);
        Ok(Call::begin(self, effect.map_err(|why| refused(command, why))?))
    }

    /// Begins commands that are sent together.
    pub(crate) fn begin_all(&self, pipeline: &Pipeline) -> RedisResult<Call<'_>> {
        pipeline.cmd_iter().try_for_each(with_answer)?;
        let effect = Effect::of_pipeline(pipeline, self.plan.database);
        Ok(Call::begin(self, effect.map_err(refused_among)?))
    }

    /// Begins a command of one of several.
    pub(crate) fn begin_shared(&self, command: &Cmd) -> RedisResult<Call<'_>> {
        with_answer(command)?;
        let shared = Effect::of_shared(command, self.plan.database);
        shared.map_err(|why| refused(command, why))?;
        Ok(Call::begin(self, Effect::default()))
    }

    pub(crate) fn begin_all_shared(&self, pipeline: &Pipeline) -> RedisResult<Call<'_>> {
        pipeline.cmd_iter().try_for_each(with_answer)?;
        let shared = Effect::of_shared_pipeline(pipeline, self.plan.database);
        shared.map_err(refused_among)?;
        Ok(Call::begin(self, Effect::default()))
    }
}

fn with_answer(command: &Cmd) -> RedisResult<()> {
    match command.is_no_response() {
        false => Ok(()),
        true => {
            Err(refused(command, "its answer would be taken for another's: leave no_response out"))
        }
    }
}

/// The name only: the rest may be anything.
fn refused(command: &Cmd, why: Refused) -> Error {
    let name = command.args_iter().next();
    let name = match name {
        Some(redis::Arg::Simple(name)) => String::from_utf8_lossy(name).to_ascii_uppercase(),
        _ => "a command".to_owned(),
    };
    Error::from((
        ErrorKind::InvalidClientConfig,
        "not sent",
        format!("{name} was not sent, since {why}"),
    ))
}

fn refused_among(why: Refused) -> Error {
    let detail = format!("the pipeline was not sent, since of one of its commands, {why}");
    Error::from((ErrorKind::InvalidClientConfig, "not sent", detail))
}

/// A command that somebody waits for.
pub(crate) struct Call<'a> {
    session: &'a Session,
    effect: Effect,
    ended: bool,
}

impl<'a> Call<'a> {
    /// What it may leave is noted before it is sent: it may be abandoned.
    fn begin(session: &'a Session, effect: Effect) -> Call<'a> {
        session.calls.fetch_add(1, Ordering::AcqRel);
        if !session.used.load(Ordering::Relaxed) {
            session.used.store(true, Ordering::Release);
        }
        if effect.leaves != Traces::NONE {
            session.traces.fetch_or(effect.leaves.0, Ordering::AcqRel);
        }
        if session.in_transaction.load(Ordering::Relaxed) {
            session.in_transaction.store(false, Ordering::Release);
        }
        Call { session, effect, ended: false }
    }

    pub(crate) fn end<T>(mut self, result: RedisResult<T>) -> RedisResult<T> {
        self.ended = true;
        let session = self.session;
        if result.is_ok() && self.effect.clears != Traces::NONE {
            session.traces.fetch_and(!self.effect.clears.0, Ordering::AcqRel);
        }
        if session.traces().has(Traces::TRANSACTION) {
            session.in_transaction.store(true, Ordering::Release);
        }
        result.map_err(broken_off)
    }
}

/// The driver calls an answer that broke off one that it cannot read, as it calls a value that is no number. Up to here
/// nobody has looked at values.
fn broken_off(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Parse => {
            let why = "the answer broke off, or is in another language";
            io::Error::new(io::ErrorKind::UnexpectedEof, why).into()
        }
        _ => error,
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.session.abandoned.store(true, Ordering::Release);
            if self.effect.blocks {
                self.session.stuck.store(true, Ordering::Release);
            }
        }
        self.session.calls.fetch_sub(1, Ordering::AcqRel);
    }
}
