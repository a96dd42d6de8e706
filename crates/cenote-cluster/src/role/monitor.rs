//! The one monitor of a cluster: asks every node what it is, all at once, every few seconds, and every 100 ms for a
//! while after a suspicion and as long as somebody waits for a node (C-11). It uses the nodes' own pools, before everybody who waits there, and never makes a
//! connect of its own: that is the pool's prober's. Who cannot be connected to is not asked: the pool would count failed
//! acquires that nobody wanted.
//!
//! A sweep ends when all have answered or the time of a quick round is over; an answer that comes later counts in the
//! next one. So a node that hangs delays nobody.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use cenote::{Ended, Env, Manager, Pool, Pooled, Probe, Probed, State};

use crate::core::Core;
use crate::health::Condition;
use crate::standing::Standing;
use crate::watch::Bell;

type Answer = Pin<Box<dyn Future<Output = Option<Probed>> + Send>>;

/// Asks one node.
pub(crate) type Prober<M> = Arc<dyn Fn(Pool<M>, Arc<Standing>) -> Answer + Send + Sync>;

/// Asks within this time; what takes longer is closed.
pub(crate) fn prober<M: Probe>(env: Arc<dyn Env>, timeout: Duration) -> Prober<M> {
    Arc::new(move |pool, standing| {
        let env = Arc::clone(&env);
        Box::pin(async move {
            let deadline = env.now() + timeout;
            let mut conn = pool.acquire_owned().priority(0).deadline_at(deadline).await.ok()?;
            standing.load.is_asked();
            // Cut short, the connection is in the middle of something.
            Pooled::set_ended(&mut conn, Ended::Cancelled);
            let mut sleep = pin!(env.sleep_until(deadline));
            let answer = {
                let mut probe = pin!(pool.manager().probe(&mut conn));
                poll_fn(|cx| {
                    // It is the driver's code: its panic costs this connection, and the monitor goes on.
                    match catch_unwind(AssertUnwindSafe(|| probe.as_mut().poll(cx))) {
                        Ok(Poll::Ready(answer)) => Poll::Ready(Ok(Some(answer))),
                        Ok(Poll::Pending) => sleep.as_mut().poll(cx).map(|()| Ok(None)),
                        Err(_) => Poll::Ready(Err(())),
                    }
                })
                .await
            };
            match answer.ok()? {
                Some(Ok(probed)) => {
                    Pooled::set_ended(&mut conn, Ended::Returned);
                    Some(probed)
                }
                Some(Err(error)) => {
                    Pooled::report::<()>(&mut conn, &Err(error));
                    None
                }
                None => {
                    Pooled::report_fault(&mut conn, cenote::Fault::Timeout);
                    None
                }
            }
        })
    })
}

/// Nobody asks more often than this, whatever is configured.
const SOONEST: Duration = Duration::from_millis(1);

/// Asks until the cluster is gone.
pub(crate) async fn watch_roles<M: Manager>(
    core: Weak<Core<M>>,
    env: Arc<dyn Env>,
    bell: Arc<Bell>,
    ask: Prober<M>,
    every: Duration,
) {
    let every = every.max(SOONEST);
    let mut running: Vec<(u64, Answer)> = Vec::new();
    loop {
        let quick = match core.upgrade() {
            None => return,
            Some(core) if core.life() == State::Closed => return,
            Some(core) => {
                let members = core.snapshot.load();
                for (place, pool) in members.places.iter().zip(&members.pools) {
                    let can_answer = place.condition != Condition::Unreachable;
                    if can_answer && running.iter().all(|(id, _)| *id != place.id) {
                        let standing = Arc::clone(&place.standing);
                        running.push((place.id, ask(pool.clone(), standing)));
                    }
                }
                core.settings.quick.max(SOONEST)
            }
        };
        let began = env.now();
        let mut answers = Vec::new();
        {
            let mut cut = pin!(env.sleep_until(began + quick));
            poll_fn(|cx| {
                running.retain_mut(|(id, answer)| match answer.as_mut().poll(cx) {
                    Poll::Ready(probed) => {
                        answers.extend(probed.map(|probed| (*id, probed)));
                        false
                    }
                    Poll::Pending => true,
                });
                if running.is_empty() { Poll::Ready(()) } else { cut.as_mut().poll(cx) }
            })
            .await;
        }
        let next = match core.upgrade() {
            None => return,
            Some(core) => {
                core.heard(&answers);
                if core.is_suspicious() { quick } else { every }
            }
        };
        // Held while nobody polls them, answers only get older: they go on in the next round, which is soon.
        let next = if running.is_empty() { next } else { next.min(quick) };
        bell.heard_until(&*env, began + next).await;
    }
}
