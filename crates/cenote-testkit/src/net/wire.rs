//! The driver of simulated servers: how one connects to a [`Host`] and what a connection can do.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use cenote::env::Sleep;
use cenote::{Fault, Manager, Probe, Probed, Role, Time};

use super::{Host, World};
use crate::step::ScriptError;

/// Connects to one [`Host`].
#[derive(Clone, Debug)]
pub struct Remote {
    host: Host,
}

impl Remote {
    pub(super) fn new(host: Host) -> Remote {
        Remote { host }
    }

    /// The server.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

/// A connection to a [`Host`].
#[derive(Debug)]
pub struct Wire {
    host: Host,
    life: u64,
}

impl Host {
    fn error(&self, fault: Fault, what: &str) -> ScriptError {
        ScriptError::new(fault, format!("server {}: {what}", self.name))
    }

    fn gone(&self) -> ScriptError {
        self.error(Fault::Host, "connection refused")
    }

    /// Waits until this time for an answer; it does not come while the way is cut off, and it ends when the server dies.
    async fn answer(&self, at: Time, life: Option<u64>) -> Result<(), ScriptError> {
        let mut sleep = pin!(None::<Sleep>);
        poll_fn(|cx| {
            let (alive, cut_off) = self.with(|world| {
                world.watchers.retain(|waker| !waker.will_wake(cx.waker()));
                world.watchers.push(cx.waker().clone());
                (life.is_none_or(|life| world.up && world.life == life), world.cut_off)
            });
            if cut_off {
                return Poll::Pending;
            }
            if !alive {
                return Poll::Ready(Err(self.error(Fault::Host, "the connection was reset")));
            }
            if self.env.now() >= at {
                return Poll::Ready(Ok(()));
            }
            if sleep.is_none() {
                sleep.set(Some(self.env.sleep_until(at)));
            }
            let slept = sleep.as_mut().as_pin_mut().expect("it was set above").poll(cx);
            slept.map(Ok)
        })
        .await
    }
}

impl Wire {
    /// The server's name.
    pub fn host(&self) -> &str {
        &self.host.name
    }

    /// A request that changes nothing.
    ///
    /// # Errors
    /// Whatever is wrong with the server and the way to it.
    pub async fn read(&mut self) -> Result<(), ScriptError> {
        self.request(false).await
    }

    /// A request that changes something.
    ///
    /// # Errors
    /// [`Fault::Role`] if the server is a replica, else as for [`read`](Wire::read).
    pub async fn write(&mut self) -> Result<(), ScriptError> {
        self.request(true).await
    }

    async fn request(&mut self, write: bool) -> Result<(), ScriptError> {
        let now = self.host.env.now();
        self.host.answer(Time::ZERO, Some(self.life)).await?;
        let (done, outcome) = self.host.with(|world| {
            world.traffic.requests += 1;
            if let Some(fault) = world.sick {
                return (now, Err((fault, "it is not well")));
            }
            if write && world.role == Role::Replica {
                return (now, Err((Fault::Role, "it is read-only")));
            }
            let (done, failed) = world.work(now);
            (done, if failed { Err((Fault::Timeout, "it gave up")) } else { Ok(()) })
        });
        self.host.answer(done, Some(self.life)).await?;
        self.host.with(|World { traffic, .. }| match outcome {
            Ok(()) if write => traffic.writes += 1,
            Ok(()) => traffic.reads += 1,
            Err(_) => traffic.failures += 1,
        });
        outcome.map_err(|(fault, what)| self.host.error(fault, what))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.host.with(|world| world.traffic.clients -= 1);
    }
}

impl Manager for Remote {
    type Connection = Wire;
    type Error = ScriptError;

    async fn connect(&self) -> Result<Wire, ScriptError> {
        let host = &self.host;
        let now = host.env.now();
        let took = host.with(|world| {
            world.traffic.connects += 1;
            world.dialled.push(now);
            // A server that is not there says so at once.
            if world.up { world.connect_time } else { std::time::Duration::ZERO }
        });
        host.answer(now + took, None).await?;
        let life = host.with(|world| {
            if !world.up {
                return Err(host.gone());
            }
            if world.traffic.clients >= world.max_clients {
                return Err(host.error(Fault::Overload, "too many clients"));
            }
            let traffic = &mut world.traffic;
            traffic.clients += 1;
            traffic.peak_clients = traffic.peak_clients.max(traffic.clients);
            Ok(world.life)
        })?;
        Ok(Wire { host: host.clone(), life })
    }

    async fn check(&self, conn: &mut Wire) -> Result<(), ScriptError> {
        self.host.answer(Time::ZERO, Some(conn.life)).await
    }

    fn is_closed(&self, conn: &Wire) -> bool {
        // The driver hears of a reset, unless the way is cut off.
        self.host.with(|world| !world.cut_off && world.life != conn.life)
    }

    fn classify(&self, error: &ScriptError) -> Fault {
        error.fault
    }
}

impl Probe for Remote {
    async fn probe(&self, conn: &mut Wire) -> Result<Probed, ScriptError> {
        self.host.answer(Time::ZERO, Some(conn.life)).await?;
        Ok(self.host.with(|world| {
            world.traffic.probes += 1;
            let mut probed = Probed::new(world.role);
            (probed.epoch, probed.lag) = (world.epoch.clone(), world.lag);
            probed
        }))
    }
}
