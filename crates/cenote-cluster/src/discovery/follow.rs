//! The task of one source: waits for its news and for the stabilizer's times, and has the cluster do what is decided. It
//! holds nothing of the cluster while it waits, and ends with it.
//!
//! Nobody who acquires a connection waits for this task: it makes a new snapshot, and that is swapped whole.

use std::collections::BTreeSet;
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use cenote::{Env, Manager, State};

use super::{Decision, Desk, Discovery, Order, Update};
use crate::core::Core;
use crate::health::Condition;
use crate::snapshot::Snapshot;

/// A source that fails is asked again after this time at the earliest, however quickly it fails.
const PACE: Duration = Duration::from_millis(100);

pub(crate) async fn follow<M: Manager>(
    core: Weak<Core<M>>,
    env: Arc<dyn Env>,
    desk: Arc<Desk>,
    mut source: impl Discovery,
) {
    let mut ended = false;
    loop {
        let update = {
            let news = async { if ended { pending().await } else { source.next(&*env).await } };
            let mut news = pin!(news);
            loop {
                let due = desk.lock().due();
                let mut sleep = pin!(env.sleep_until(due));
                let heard = poll_fn(|cx| {
                    if let Poll::Ready(update) = poll_safely(news.as_mut(), cx) {
                        return Poll::Ready(Some(update));
                    }
                    let called = desk.bell.poll(cx).is_ready();
                    let due = sleep.as_mut().poll(cx).is_ready();
                    if called || due { Poll::Ready(None) } else { Poll::Pending }
                });
                let heard = heard.await;
                let Some(core) = core.upgrade() else { return };
                if core.life() >= State::Draining {
                    return;
                }
                match heard {
                    Some(update) => break update,
                    None => core.look_at(&desk),
                }
            }
        };
        let update = match update {
            Ok(Some(update)) => update,
            Ok(None) => {
                ended = true;
                continue;
            }
            Err(()) => {
                ended = true;
                Update::failed("the source panicked, and is not asked any more")
            }
        };
        let failed = update.error().is_some();
        match core.upgrade() {
            None => return,
            Some(core) => core.hear(&desk, update),
        }
        // One that always has news, or always fails, must not keep a thread of the runtime.
        if failed { env.sleep_until(env.now() + PACE).await } else { yielded().await }
    }
}

/// A source is somebody else's code: its panic ends it and nothing else.
fn poll_safely<F: Future>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, ()>> {
    let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
    match polled {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(())),
    }
}

/// Lets others run.
fn yielded() -> impl Future<Output = ()> {
    let mut went = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut went, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

impl<M: Manager> Core<M> {
    /// A source said something.
    fn hear(&self, desk: &Desk, update: Update) {
        let (now, passing) = (self.env.now(), Passing::new(self.snapshot.load_full()));
        let decision = desk.lock().hear(update, now, |key| passing.has(key));
        self.carry_out(desk, decision);
    }

    /// Time may have changed what is to be done.
    fn look_at(&self, desk: &Desk) {
        let (now, passing) = (self.env.now(), Passing::new(self.snapshot.load_full()));
        let decision = desk.lock().look(now, |key| passing.has(key));
        self.carry_out(desk, decision);
        if desk.take_freed() {
            let decision = desk.lock().again();
            self.carry_out(desk, decision);
        }
    }

    fn carry_out(&self, desk: &Desk, decision: Decision) {
        let Decision { orders, mut notes } = decision;
        let keys: Vec<String> = orders.iter().filter_map(Order::comes).map(str::to_owned).collect();
        let drain = desk.lock().rules().drain;
        // What is told of the source comes before what is told of its nodes.
        self.note(desk, std::mem::take(&mut notes));
        let refusals = if orders.is_empty() { Vec::new() } else { self.apply(orders, drain) };
        if !keys.is_empty() {
            let mut stabilizer = desk.lock();
            let refused: BTreeSet<&str> = refusals.iter().map(|refusal| &*refusal.key).collect();
            for key in keys.iter().filter(|key| !refused.contains(key.as_str())) {
                stabilizer.accepted(key);
            }
            for refusal in &refusals {
                let why = refusal.error.to_string();
                notes.extend(stabilizer.refused(&refusal.key, &why, refusal.stays.clone()));
            }
            drop(stabilizer);
            self.note(desk, notes);
        }
        if desk.is_hopeless() {
            // Whoever waits for a first node waits in vain.
            self.watchers.wake_all();
        }
    }
}

/// Which nodes work, from the snapshot; put in order when the first is asked for.
struct Passing<M: Manager> {
    snapshot: Arc<Snapshot<M>>,
    keys: std::cell::OnceCell<BTreeSet<Arc<str>>>,
}

impl<M: Manager> Passing<M> {
    fn new(snapshot: Arc<Snapshot<M>>) -> Passing<M> {
        Passing { snapshot, keys: std::cell::OnceCell::new() }
    }

    fn has(&self, key: &str) -> bool {
        let works = |condition| {
            matches!(condition, Condition::Online | Condition::Suspect | Condition::SlowStart)
        };
        let keys = self.keys.get_or_init(|| {
            let places = self.snapshot.places.iter().filter(|place| works(place.condition));
            places.map(|place| Arc::clone(&place.key)).collect()
        });
        keys.contains(key)
    }
}
