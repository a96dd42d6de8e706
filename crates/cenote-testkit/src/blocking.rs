//! The script as a manager for threads: the same plan, counts and gates; what is slow blocks its thread.

use std::thread;

use cenote::blocking::Manager;
use cenote::{Ended, Fate, Fault, Manager as AsyncManager};

use crate::counts::Event;
use crate::manager::Attempt;
use crate::script::Script;
use crate::scripted::Scripted;
use crate::step::{Act, ScriptError, Step};

impl Script {
    fn perform_blocking(&self, act: Act) -> Result<(), ScriptError> {
        let step = self.shared.next(act);
        self.shared.gate(act).pass_blocking();
        match step {
            Step::Ok => Ok(()),
            Step::Error(fault) => Err(ScriptError::scripted(fault, act)),
            Step::Slow(after) => {
                thread::sleep(after);
                Ok(())
            }
            Step::SlowError(after, fault) => {
                thread::sleep(after);
                Err(ScriptError::scripted(fault, act))
            }
            Step::Never => loop {
                thread::park();
            },
            Step::Panic => panic!("the script says that {act} panics"),
        }
    }

    fn perform_blocking_on(&self, act: Act, conn: &Scripted) -> Result<(), ScriptError> {
        self.perform_blocking(act)?;
        conn.must_be_alive()
    }
}

impl Manager for Script {
    type Connection = Scripted;
    type Error = ScriptError;

    fn connect(&self) -> Result<Scripted, ScriptError> {
        let attempt = Attempt::begin(&self.shared);
        let made = self.perform_blocking(Act::Connect);
        attempt.end(made)
    }

    fn check(&self, conn: &mut Scripted) -> Result<(), ScriptError> {
        let began = Event::CheckBegan { serial: conn.serial() };
        self.shared.record(began, |counts| counts.checks += 1);
        let checked = self.perform_blocking_on(Act::Check, conn);
        self.shared.count(|counts| counts.check_failures += u64::from(checked.is_err()));
        checked
    }

    fn reset(&self, conn: &mut Scripted) -> Result<(), ScriptError> {
        let began = Event::ResetBegan { serial: conn.serial() };
        self.shared.record(began, |counts| counts.resets += 1);
        let reset = self.perform_blocking_on(Act::Reset, conn);
        self.shared.count(|counts| counts.reset_failures += u64::from(reset.is_err()));
        if reset.is_ok() {
            conn.clear_notes();
        }
        reset
    }

    fn close(&self, mut conn: Scripted) -> Result<(), ScriptError> {
        conn.closing = true;
        self.shared.record(Event::CloseBegan { serial: conn.serial() }, |_| ());
        let closed = self.perform_blocking(Act::Close);
        self.shared.count(|counts| counts.close_failures += u64::from(closed.is_err()));
        closed
    }

    fn is_closed(&self, conn: &Scripted) -> bool {
        AsyncManager::is_closed(self, conn)
    }

    fn released(&self, conn: &mut Scripted, how: Ended) -> Fate {
        AsyncManager::released(self, conn, how)
    }

    fn classify(&self, error: &ScriptError) -> Fault {
        error.fault
    }
}
