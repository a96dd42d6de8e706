//! The script as a manager: each step takes what is next in its plan and does it.

use std::future::pending;
use std::sync::Arc;

use cenote::{Ended, Fate, Fault, Manager, Share};

use crate::counts::Event;
use crate::script::{Script, Shared};
use crate::scripted::{Scripted, ScriptedHandle};
use crate::step::{Act, ScriptError, Step};

impl Script {
    async fn perform(&self, act: Act) -> Result<(), ScriptError> {
        let step = self.shared.next(act);
        self.shared.gate(act).pass().await;
        match step {
            Step::Ok => Ok(()),
            Step::Error(fault) => Err(ScriptError::scripted(fault, act)),
            Step::Slow(after) => {
                self.shared.sleep(after).await;
                Ok(())
            }
            Step::SlowError(after, fault) => {
                self.shared.sleep(after).await;
                Err(ScriptError::scripted(fault, act))
            }
            Step::Never => pending().await,
            Step::Panic => panic!("the script says that {act} panics"),
        }
    }

    async fn perform_on(&self, act: Act, conn: &Scripted) -> Result<(), ScriptError> {
        self.perform(act).await?;
        conn.must_be_alive()
    }
}

impl Manager for Script {
    type Connection = Scripted;
    type Error = ScriptError;

    async fn connect(&self) -> Result<Scripted, ScriptError> {
        let attempt = Attempt::begin(&self.shared);
        let made = self.perform(Act::Connect).await;
        attempt.end(made)
    }

    async fn check(&self, conn: &mut Scripted) -> Result<(), ScriptError> {
        let began = Event::CheckBegan { serial: conn.serial() };
        self.shared.record(began, |counts| counts.checks += 1);
        let checked = self.perform_on(Act::Check, conn).await;
        self.shared.count(|counts| counts.check_failures += u64::from(checked.is_err()));
        checked
    }

    async fn reset(&self, conn: &mut Scripted) -> Result<(), ScriptError> {
        let began = Event::ResetBegan { serial: conn.serial() };
        self.shared.record(began, |counts| counts.resets += 1);
        let reset = self.perform_on(Act::Reset, conn).await;
        self.shared.count(|counts| counts.reset_failures += u64::from(reset.is_err()));
        if reset.is_ok() {
            conn.clear_notes();
        }
        reset
    }

    async fn close(&self, mut conn: Scripted) -> Result<(), ScriptError> {
        conn.closing = true;
        self.shared.record(Event::CloseBegan { serial: conn.serial() }, |_| ());
        let closed = self.perform(Act::Close).await;
        self.shared.count(|counts| counts.close_failures += u64::from(closed.is_err()));
        closed
    }

    fn is_closed(&self, conn: &Scripted) -> bool {
        match self.shared.closed_rule() {
            Some(rule) => rule(conn.serial()),
            None => conn.is_killed(),
        }
    }

    fn released(&self, _conn: &mut Scripted, how: Ended) -> Fate {
        match (self.shared.release_rule(), how) {
            (Some(rule), how) => rule(how),
            (None, Ended::Returned | Ended::Failed(Fault::Query)) => Fate::Keep,
            (None, _) => Fate::Close,
        }
    }

    fn classify(&self, error: &ScriptError) -> Fault {
        error.fault
    }
}

/// A connect under way. One that panics or is dropped must be counted too.
pub(crate) struct Attempt {
    shared: Arc<Shared>,
    ended: bool,
}

impl Attempt {
    pub(crate) fn begin(shared: &Arc<Shared>) -> Attempt {
        shared.record(Event::ConnectBegan, |counts| {
            counts.connects += 1;
            counts.connecting += 1;
            counts.peak_connecting = counts.peak_connecting.max(counts.connecting);
        });
        Attempt { shared: Arc::clone(shared), ended: false }
    }

    pub(crate) fn end(mut self, made: Result<(), ScriptError>) -> Result<Scripted, ScriptError> {
        self.ended = true;
        match made {
            Ok(()) => Ok(self.shared.connected()),
            Err(error) => {
                self.shared.record(Event::ConnectFailed { fault: error.fault }, |counts| {
                    counts.connecting -= 1;
                    counts.connect_failures += 1;
                });
                Err(error)
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.shared.count(|counts| {
            counts.connecting -= 1;
            match std::thread::panicking() {
                true => counts.connect_failures += 1,
                false => counts.connects_abandoned += 1,
            }
        });
    }
}

impl Share for Script {
    type Handle = ScriptedHandle;

    fn handle(&self, conn: &Scripted) -> ScriptedHandle {
        ScriptedHandle::new(conn)
    }
}
