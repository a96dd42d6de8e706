//! What goes wrong: errors, slowness, calls that never end and panics, drawn at every step that a manager or a hook
//! takes, and outages in which no connect succeeds for a while. Switched off as a whole when a round is over.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cenote::Fault;

use crate::dice::mix;
use crate::error::SoakError;

/// What the messages of planted panics begin with; any other panic is a finding.
pub(crate) const PLANTED: &str = "soak:";

/// How long what blocks and "never ends" takes: it has a timeout of its own, as the contract of a blocking driver
/// asks for.
const BLOCKED: Duration = Duration::from_millis(400);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Connect,
    Check,
    Reset,
    Close,
    Hook,
}

/// What a step does besides its work.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    None,
    Error(Fault),
    Slow(Duration),
    Never,
    Panic,
}

/// What one step meets, before its work or after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge {
    act: Act,
    mishap: Mishap,
    late: bool,
}

#[derive(Debug)]
pub(crate) struct Faults {
    seed: u64,
    drawn: AtomicU64,
    on: AtomicBool,
    outage: AtomicU8,
    errors: AtomicU64,
    slow: AtomicU64,
    endless: AtomicU64,
    panics: AtomicU64,
}

/// How connects fail while nothing can be reached.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outage {
    None = 0,
    Host = 1,
    Password = 2,
    Crowded = 3,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Faults {
        Faults {
            seed,
            drawn: AtomicU64::new(0),
            on: AtomicBool::new(false),
            outage: AtomicU8::new(0),
            errors: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            endless: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        }
    }

    pub(crate) fn switch(&self, on: bool) {
        self.outage(Outage::None);
        self.on.store(on, Ordering::SeqCst);
    }

    pub(crate) fn outage(&self, outage: Outage) {
        self.outage.store(outage as u8, Ordering::SeqCst);
    }

    /// Errors, slow ones, endless ones, panics.
    pub(crate) fn fired(&self) -> [u64; 4] {
        [&self.errors, &self.slow, &self.endless, &self.panics].map(|n| n.load(Ordering::Relaxed))
    }

    /// One in `n`.
    pub(crate) fn one_in(&self, n: u64) -> bool {
        self.on.load(Ordering::SeqCst) && self.throw() % n == 0
    }

    fn throw(&self) -> u64 {
        mix(self.seed.wrapping_add(self.drawn.fetch_add(1, Ordering::Relaxed) << 1))
    }

    pub(crate) fn draw(&self, act: Act) -> Charge {
        let mishap = match self.on.load(Ordering::SeqCst) {
            true => self.mishap(act),
            false => Mishap::None,
        };
        let counter = match mishap {
            Mishap::None => None,
            Mishap::Error(_) => Some(&self.errors),
            Mishap::Slow(_) => Some(&self.slow),
            Mishap::Never => Some(&self.endless),
            Mishap::Panic => Some(&self.panics),
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        Charge { act, mishap, late: self.throw() % 2 == 0 }
    }

    fn mishap(&self, act: Act) -> Mishap {
        let throw = self.throw();
        if act == Act::Connect {
            match self.outage.load(Ordering::SeqCst) {
                1 => return Mishap::Error(Fault::Host),
                2 => return Mishap::Error(Fault::Permanent),
                3 => return Mishap::Error(Fault::Overload),
                _ => {}
            }
        }
        let fault = [Fault::Connection, Fault::Timeout, Fault::Connection, Fault::Host];
        let fault = fault[(throw >> 32) as usize % fault.len()];
        let slow = Duration::from_micros((throw >> 40) % 60_000);
        // A hook runs at every acquire, the others seldom.
        let out_of = if act == Act::Hook { 5000 } else { 200 };
        match throw % out_of {
            0..=11 => Mishap::Error(fault),
            12..=19 => Mishap::Slow(slow),
            20..=22 if act != Act::Hook => Mishap::Never,
            23..=26 => Mishap::Panic,
            _ => Mishap::None,
        }
    }
}

impl Charge {
    /// What happens before the step's work.
    pub(crate) async fn before(self) -> Result<(), SoakError> {
        if self.late { Ok(()) } else { self.strike().await }
    }

    /// What happens after it, with the result in hand.
    pub(crate) async fn after(self) -> Result<(), SoakError> {
        if self.late { self.strike().await } else { Ok(()) }
    }

    pub(crate) fn before_blocking(self) -> Result<(), SoakError> {
        if self.late { Ok(()) } else { self.strike_blocking() }
    }

    pub(crate) fn after_blocking(self) -> Result<(), SoakError> {
        if self.late { self.strike_blocking() } else { Ok(()) }
    }

    async fn strike(self) -> Result<(), SoakError> {
        match self.mishap {
            Mishap::Slow(after) => tokio::time::sleep(after).await,
            Mishap::Never => std::future::pending().await,
            _ => self.at_once()?,
        }
        Ok(())
    }

    fn strike_blocking(self) -> Result<(), SoakError> {
        match self.mishap {
            Mishap::Slow(after) => thread::park_timeout(after),
            Mishap::Never => {
                thread::park_timeout(BLOCKED);
                return Err(SoakError::Planted { act: self.act, fault: Fault::Timeout });
            }
            _ => self.at_once()?,
        }
        Ok(())
    }

    /// For what takes no time: a hook that is a plain function.
    pub(crate) fn at_once(self) -> Result<(), SoakError> {
        match self.mishap {
            Mishap::Error(fault) => Err(SoakError::Planted { act: self.act, fault }),
            Mishap::Panic => panic!("{PLANTED} a panic in {:?}", self.act),
            Mishap::None | Mishap::Slow(_) | Mishap::Never => Ok(()),
        }
    }
}
