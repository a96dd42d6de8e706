//! What a caller wants, and how that is taken out of the pool: one connection, several at once (P-10), or a
//! share of one (P-32).

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Timeout;
use crate::conn::Joint;
use crate::core::{Kind, Look, SlotKey, Verdict};
use crate::error::Error;
use crate::hooks::AcquireRequest;
use crate::manager::{Manager, Share};
use crate::observe::{EventKind, Level, Subject, flags};
use crate::pooled::Pooled;
use crate::shared::Shared;
use crate::shell::{Entry, Locked, Shell};
use crate::stats::CloseReason;

type Place = &'static Location<'static>;

/// One kind of thing that can be wanted.
pub(crate) trait Want<M: Manager> {
    /// What leaves the locked state.
    type Taken;
    /// What is good of something found dead in part: it is kept for the next attempt.
    type Rest;
    /// What the caller gets.
    type Given;

    const KIND: Kind;

    fn wanted(&self) -> usize;
    /// Takes it off the fast lane, if that is open and has it.
    fn take_fast(&self, _: &Arc<Shell<M>>, _: Place) -> Option<Self::Given> {
        None
    }
    /// Takes what is there, if nobody is before the caller.
    fn hit(
        &self,
        state: &mut Locked<M>,
        level: u8,
        ticket: u64,
        look: Look,
        at: Place,
    ) -> Option<Self::Taken>;
    /// Takes what was lent or granted.
    fn take(&self, state: &mut Locked<M>, key: SlotKey, at: Place) -> Self::Taken;
    /// Asks the driver whether it is alive (P-15), and the hook. What is not good goes back to the pool and
    /// is closed.
    fn look_over(
        &self,
        shell: &Arc<Shell<M>>,
        taken: Self::Taken,
        hit: bool,
        flags: u8,
    ) -> Result<Self::Taken, Self::Rest>;
    /// Gives the rest back, when the caller has its place in the queue again.
    fn give_back(&self, shell: &Arc<Shell<M>>, rest: Self::Rest);
    fn give(&self, shell: &Arc<Shell<M>>, taken: Self::Taken, flags: u8) -> Self::Given;
    /// The id of what was taken, or of the first of it; 0 for nothing.
    fn id(&self, taken: &Self::Taken) -> u64;
}

/// Takes what is there now, or says why there is nothing.
pub(crate) fn take_now<M: Manager, W: Want<M>>(
    shell: &Arc<Shell<M>>,
    want: &W,
    at: Place,
) -> Result<W::Given, Error<M::Error>> {
    let level = shell.priorities / 2;
    let look = Look { again: false, untested: true };
    let flags = shell.watch.flags();
    let admitted = match flags & flags::HOOKED {
        0 => Ok(()),
        _ => shell.admit(|| AcquireRequest {
            priority: level,
            location: at,
            wanted: want.wanted(),
            shared: W::KIND == Kind::Shared,
            timeout: Timeout::After(Duration::ZERO),
        }),
    };
    if let (Ok(()), Some(given)) = (&admitted, want.take_fast(shell, at)) {
        return Ok(given);
    }
    let mut told = None;
    let outcome = admitted.and_then(|()| {
        loop {
            let mut refused = None;
            let (ticket, hit) = shell.run(|state| {
                let ticket = state.core.ticket();
                let taken = want.hit(state, level, ticket, look, at);
                if taken.is_none() {
                    let refusal = state.core.try_refusal();
                    refused = Some(state.refused(refusal));
                }
                (ticket, taken)
            });
            if flags & flags::OBSERVED != 0 && told.is_none() {
                told = Some(shell.tell_started(ticket, at));
            }
            if let Some(refused) = refused {
                return Err(refused.into_error(&shell.name));
            }
            let taken = hit.expect("who is not refused gets something");
            match want.look_over(shell, taken, true, flags) {
                Ok(taken) => return Ok(taken),
                Err(rest) => want.give_back(shell, rest),
            }
        }
    });
    if flags & flags::OBSERVED != 0 || (outcome.is_err() && shell.watch.is_told(Level::Warn)) {
        // Whom the hook refused has no ticket yet.
        let subject = told.unwrap_or_else(|| {
            let ticket = shell.run(|state| state.core.ticket());
            shell.tell_started(ticket, at)
        });
        match &outcome {
            Ok(taken) => shell.tell_got(subject, want.id(taken), want.wanted(), Duration::ZERO),
            Err(error) => shell.tell_failed(subject, error, Duration::ZERO),
        }
    }
    outcome.map(|taken| want.give(shell, taken, flags))
}

impl<M: Manager> Shell<M> {
    /// Closes a connection that a caller took and found dead: it was no acquire.
    #[cold]
    fn bury(self: &Arc<Self>, mut entry: Box<Entry<M>>) {
        // The caller has one, too.
        entry.shell = None;
        self.hand_in(entry, |core, key| core.found_bad(key, true, CloseReason::Died));
    }

    #[cold]
    pub(super) fn tell_started(&self, ticket: u64, location: Place) -> Subject {
        let subject = Subject::Acquire(ticket);
        self.tell(subject, EventKind::AcquireStarted { location });
        subject
    }

    pub(super) fn tell_got(
        &self,
        subject: Subject,
        connection: u64,
        taken: usize,
        waited: Duration,
    ) {
        self.tell(subject, EventKind::AcquireSucceeded { connection, taken, waited });
    }

    pub(super) fn tell_failed(&self, subject: Subject, error: &Error<M::Error>, waited: Duration) {
        let reason = error.fail_reason();
        self.tell(subject, EventKind::AcquireFailed { reason, error: Some(error), waited });
    }
}

#[inline(always)]
fn lend<M: Manager>(shell: &Arc<Shell<M>>, mut entry: Box<Entry<M>>, flags: u8) -> Pooled<M> {
    if flags & flags::HOLD != 0 {
        entry.lent_at = Some(shell.env.now());
    }
    entry.shell = Some(Arc::clone(shell));
    Pooled::new(entry, shell)
}

pub(crate) struct One;

impl<M: Manager> Want<M> for One {
    type Taken = Box<Entry<M>>;
    type Rest = ();
    type Given = Pooled<M>;

    const KIND: Kind = Kind::Exclusive;

    fn wanted(&self) -> usize {
        1
    }

    #[inline]
    fn take_fast(&self, shell: &Arc<Shell<M>>, at: Place) -> Option<Pooled<M>> {
        loop {
            let entry = shell.lane.pop(at)?;
            if !shell.is_dead(&entry.conn) {
                return Some(Pooled::new(entry, shell));
            }
            shell.bury(entry);
        }
    }

    fn hit(
        &self,
        state: &mut Locked<M>,
        level: u8,
        ticket: u64,
        look: Look,
        at: Place,
    ) -> Option<Self::Taken> {
        let key = state.core.hit(level, ticket, look)?;
        Some(state.lend(key, at))
    }

    #[inline(always)]
    fn take(&self, state: &mut Locked<M>, key: SlotKey, at: Place) -> Self::Taken {
        state.lend(key, at)
    }

    #[inline(always)]
    fn look_over(
        &self,
        shell: &Arc<Shell<M>>,
        mut entry: Self::Taken,
        hit: bool,
        flags: u8,
    ) -> Result<Self::Taken, ()> {
        if let Some(reason) = shell.reject(&mut entry, flags) {
            shell.hand_in(entry, |core, key| core.found_bad(key, hit, reason));
            return Err(());
        }
        Ok(entry)
    }

    fn give_back(&self, _: &Arc<Shell<M>>, (): ()) {}

    #[inline(always)]
    fn give(&self, shell: &Arc<Shell<M>>, entry: Self::Taken, flags: u8) -> Pooled<M> {
        lend(shell, entry, flags)
    }

    fn id(&self, entry: &Self::Taken) -> u64 {
        entry.key.id
    }
}

/// So many, or none.
pub(crate) struct Many(pub(crate) usize);

impl<M: Manager> Want<M> for Many {
    type Taken = Vec<Box<Entry<M>>>;
    type Rest = Vec<Box<Entry<M>>>;
    type Given = Vec<Pooled<M>>;

    const KIND: Kind = Kind::Exclusive;

    fn wanted(&self) -> usize {
        self.0
    }

    fn hit(
        &self,
        state: &mut Locked<M>,
        level: u8,
        ticket: u64,
        look: Look,
        at: Place,
    ) -> Option<Self::Taken> {
        match self.0 {
            0 => Some(Vec::new()),
            1 => state.core.hit(level, ticket, look).map(|key| vec![state.lend(key, at)]),
            _ => None,
        }
    }

    fn take(&self, state: &mut Locked<M>, key: SlotKey, at: Place) -> Self::Taken {
        let mut entries = Vec::with_capacity(self.0);
        let mut next = Some(key);
        while let Some(key) = next {
            next = state.core.next_granted(key);
            entries.push(state.lend(key, at));
        }
        entries
    }

    fn look_over(
        &self,
        shell: &Arc<Shell<M>>,
        entries: Self::Taken,
        hit: bool,
        flags: u8,
    ) -> Result<Self::Taken, Self::Rest> {
        let (mut good, mut bad) = (Vec::with_capacity(entries.len()), Vec::new());
        for mut entry in entries {
            match shell.reject(&mut entry, flags) {
                None => good.push(entry),
                Some(reason) => bad.push((entry, reason)),
            }
        }
        if bad.is_empty() {
            return Ok(good);
        }
        for (n, (entry, reason)) in bad.into_iter().enumerate() {
            // It was one acquire, whatever it wanted.
            shell.hand_in(entry, |core, key| match n {
                0 => core.found_bad(key, hit, reason),
                _ => core.release(key, Verdict::Close(reason)),
            });
        }
        Err(good)
    }

    fn give_back(&self, shell: &Arc<Shell<M>>, rest: Self::Rest) {
        for entry in rest {
            shell.hand_in(entry, |core, key| core.unlend(key));
        }
    }

    fn give(&self, shell: &Arc<Shell<M>>, entries: Self::Taken, flags: u8) -> Vec<Pooled<M>> {
        entries.into_iter().map(|entry| lend(shell, entry, flags)).collect()
    }

    fn id(&self, entries: &Self::Taken) -> u64 {
        entries.first().map_or(0, |entry| entry.key.id)
    }
}

/// A share of one.
pub(crate) struct Jointly;

impl<M: Share> Want<M> for Jointly {
    type Taken = (SlotKey, Arc<dyn Joint<M::Connection>>);
    type Rest = ();
    type Given = Shared<M>;

    const KIND: Kind = Kind::Shared;

    fn wanted(&self) -> usize {
        1
    }

    fn hit(
        &self,
        state: &mut Locked<M>,
        level: u8,
        ticket: u64,
        look: Look,
        at: Place,
    ) -> Option<Self::Taken> {
        let key = state.core.share_hit(level, ticket, look)?;
        Some((key, state.share(key, at)))
    }

    fn take(&self, state: &mut Locked<M>, key: SlotKey, at: Place) -> Self::Taken {
        (key, state.share(key, at))
    }

    fn look_over(
        &self,
        shell: &Arc<Shell<M>>,
        (key, conn): Self::Taken,
        hit: bool,
        _: u8,
    ) -> Result<Self::Taken, ()> {
        if shell.is_dead(conn.get()) {
            let last = conn.into_inner();
            shell.run(|state| state.share_found_dead(key, hit));
            shell.see_off(key, last);
            return Err(());
        }
        Ok((key, conn))
    }

    fn give_back(&self, _: &Arc<Shell<M>>, (): ()) {}

    fn give(&self, shell: &Arc<Shell<M>>, (key, conn): Self::Taken, _: u8) -> Shared<M> {
        Shared::new(Arc::clone(shell), key, conn)
    }

    fn id(&self, (key, _): &Self::Taken) -> u64 {
        key.id
    }
}
