//! The gate matrix: every step of a connection's life × every way in which it can end × a cancel at every
//! moment around it. After each cell the size, the slots and the waiters are right: a bystander was served in
//! time, the whole capacity is there, the counts add up, and everything that was made is gone in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::{Bench, assert_at_rest, ms, secs};
use cenote::{Choice, CloseReason, Fate, Fault, Pool, TestOnAcquire};
use cenote_testkit::{Act, Handle, Script, ScriptError, Step};

/// Where something can happen, in the order in which a connection comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    OnAcquire,
    Connect,
    AfterConnect,
    TestOnCreate,
    TestOnAcquire,
    IsClosed,
    BeforeAcquire,
    Released,
    AfterRelease,
    Reset,
    Keepalive,
    BeforeClose,
    Close,
    AfterClose,
}

const GATES: [Gate; 14] = [
    Gate::OnAcquire,
    Gate::Connect,
    Gate::AfterConnect,
    Gate::TestOnCreate,
    Gate::TestOnAcquire,
    Gate::IsClosed,
    Gate::BeforeAcquire,
    Gate::Released,
    Gate::AfterRelease,
    Gate::Reset,
    Gate::Keepalive,
    Gate::BeforeClose,
    Gate::Close,
    Gate::AfterClose,
];

impl Gate {
    /// Whether it is a step that takes time; the others are plain functions, which must not block.
    fn takes_time(self) -> bool {
        matches!(
            self,
            Gate::Connect
                | Gate::AfterConnect
                | Gate::TestOnCreate
                | Gate::TestOnAcquire
                | Gate::Reset
                | Gate::Keepalive
                | Gate::BeforeClose
                | Gate::Close
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ok,
    Error,
    Slow,
    Never,
    Panic,
}

const OUTCOMES: [Outcome; 5] =
    [Outcome::Ok, Outcome::Error, Outcome::Slow, Outcome::Never, Outcome::Panic];

/// When the victim is dropped, counted from its first poll: never, before it, in the midst of every step, at
/// the moment when one ends, and on both sides of every timeout.
const CANCELS: [Option<Option<u64>>; 10] = [
    None,
    Some(None),
    Some(Some(0)),
    Some(Some(1)),
    Some(Some(2)),
    Some(Some(4)),
    Some(Some(15)),
    Some(Some(99)),
    Some(Some(101)),
    Some(Some(130)),
];

/// Every step's timeout; what is slow takes a third of it.
const TIMEOUT: Duration = Duration::from_millis(100);

/// What happens at one gate, once.
#[derive(Clone)]
struct Charge {
    gate: Gate,
    outcome: Outcome,
    armed: Arc<AtomicBool>,
    handle: Handle,
}

impl Charge {
    /// What this passage of a gate brings.
    fn at(&self, gate: Gate) -> Outcome {
        if gate == self.gate && self.armed.swap(false, Ordering::SeqCst) {
            self.outcome
        } else {
            Outcome::Ok
        }
    }

    /// A hook that is a plain function: true to go on.
    fn passes(&self, gate: Gate) -> bool {
        match self.at(gate) {
            Outcome::Ok => true,
            Outcome::Error => false,
            Outcome::Panic => panic!("the charge at {gate:?}"),
            Outcome::Slow | Outcome::Never => unreachable!("a plain function takes no time"),
        }
    }

    /// A hook that takes time.
    async fn happens(&self, gate: Gate) -> Result<(), ScriptError> {
        match self.at(gate) {
            Outcome::Ok => Ok(()),
            Outcome::Error => Err(ScriptError {
                fault: Fault::Connection,
                text: format!("the charge at {gate:?}"),
            }),
            Outcome::Slow => {
                self.handle.sleep(TIMEOUT / 3).await;
                Ok(())
            }
            Outcome::Never => std::future::pending().await,
            Outcome::Panic => panic!("the charge at {gate:?}"),
        }
    }
}

/// A pool of two whose every gate is there, and the charge at one of them.
fn pool(bench: &Bench, charge: &Charge) -> Pool<Script> {
    let hook = || charge.clone();
    let (on, after, before) = (hook(), hook(), hook());
    let (release, bye, gone) = (hook(), hook(), hook());
    let testing = match charge.gate {
        Gate::TestOnAcquire => TestOnAcquire::Always,
        _ => TestOnAcquire::Never,
    };
    let builder = bench
        .builder()
        .max_size(2)
        .connect_timeout(TIMEOUT)
        .test_timeout(TIMEOUT)
        .reset_timeout(TIMEOUT)
        .close_timeout(TIMEOUT)
        .acquire_timeout(secs(2))
        .test_on_create(charge.gate == Gate::TestOnCreate)
        .test_on_acquire(testing)
        .on_acquire(move |_| on.passes(Gate::OnAcquire).then_some(()).ok_or("refused".into()))
        .after_connect(move |_| {
            let charge = after.clone();
            Box::pin(async move { charge.happens(Gate::AfterConnect).await })
        })
        .before_acquire(move |_, _| keep(before.passes(Gate::BeforeAcquire)))
        .after_release(move |_| keep(release.passes(Gate::AfterRelease)))
        .before_close(move |_| {
            let charge = bye.clone();
            Box::pin(async move { charge.happens(Gate::BeforeClose).await })
        })
        .after_close(move |_| {
            gone.passes(Gate::AfterClose);
        });
    let builder = match charge.gate {
        Gate::Keepalive => builder.keepalive(ms(200)).upkeep_interval(ms(50)),
        _ => builder,
    };
    builder.build().unwrap()
}

fn keep(passes: bool) -> Choice {
    if passes { Choice::Keep } else { Choice::Drop }
}

/// The manager's own step at this gate; what is not the manager's is a hook or a plain function.
fn act(gate: Gate) -> Option<Act> {
    match gate {
        Gate::Connect => Some(Act::Connect),
        Gate::TestOnCreate | Gate::TestOnAcquire | Gate::Keepalive => Some(Act::Check),
        Gate::Reset => Some(Act::Reset),
        Gate::Close => Some(Act::Close),
        _ => None,
    }
}

/// Charges the manager's own steps.
fn load(bench: &Bench, charge: &Charge) {
    let Some(act) = act(charge.gate) else { return };
    let step = match charge.outcome {
        Outcome::Ok => Step::Ok,
        Outcome::Error => Step::Error(Fault::Connection),
        Outcome::Slow => Step::Slow(TIMEOUT / 3),
        Outcome::Never => Step::Never,
        Outcome::Panic => Step::Panic,
    };
    bench.script.queue(act, [step]);
}

/// The charge went off: somebody came to it, and what was bad about it is in the pool's books, once.
fn assert_struck(bench: &Bench, pool: &Pool<Script>, charge: &Charge) {
    let Some(act) = act(charge.gate) else {
        return assert!(!charge.armed.load(Ordering::SeqCst), "nobody came to the charge");
    };
    assert_eq!(bench.script.queued(act), 0, "nobody came to the charge");
    let counts = pool.stats().counts;
    let seen = match charge.gate {
        Gate::Connect | Gate::TestOnCreate => counts.connect_failures.total(),
        Gate::Reset => counts.closes.get(CloseReason::ResetFailed),
        Gate::Close => counts.close_failures,
        _ => counts.tests_failed,
    };
    let bad = matches!(charge.outcome, Outcome::Error | Outcome::Never | Outcome::Panic);
    assert_eq!(seen, u64::from(bad), "{counts:?}");
}

fn cell(seed: u64, gate: Gate, outcome: Outcome, cancel: Option<Option<u64>>) {
    let bench = Bench::new(seed);
    let armed = Arc::new(AtomicBool::new(false));
    let charge = Charge { gate, outcome, armed, handle: bench.sim.handle() };
    let (closed, released) = (charge.clone(), charge.clone());
    bench.script.is_closed_with(move |_| !closed.passes(Gate::IsClosed));
    let fate = if gate == Gate::Reset { Fate::Reset } else { Fate::Keep };
    bench.script.on_release_with(move |_| match released.passes(Gate::Released) {
        true => fate,
        false => Fate::Close,
    });
    // Steps take a moment, so that a cancel can come while one is under way.
    for act in [Act::Connect, Act::Check, Act::Reset, Act::Close] {
        bench.script.always(act, Step::Slow(ms(2)));
    }
    let pool = pool(&bench, &charge);
    bench.sim.run(async {
        // What happens to a new connection needs one to be made, the rest one that is there.
        let fresh = matches!(gate, Gate::Connect | Gate::AfterConnect | Gate::TestOnCreate);
        if !fresh {
            drop(pool.acquire().await.unwrap());
            bench.sim.sleep(ms(20)).await;
        }
        charge.armed.store(true, Ordering::SeqCst);
        load(&bench, &charge);
        let victim = victim(&bench, &pool, cancel).await;
        let bystander = bench.borrow_with(&pool, 1, secs(2), ms(20)).await;
        bench.sim.sleep(ms(300)).await;
        // Brings those by that are on their way out.
        pool.clear();
        drop(victim);
        bench.sim.sleep(secs(1)).await;
        assert_struck(&bench, &pool, &charge);
        charge.armed.store(false, Ordering::SeqCst);
        let served = bystander.await.unwrap();
        let hit_itself = cancel == Some(None) && gate == Gate::OnAcquire;
        assert!(served.is_ok() || hit_itself, "a bystander is served: {served:?}");

        let began = bench.elapsed();
        let held = bench.hold(&pool, 2).await;
        assert!(bench.elapsed() - began < ms(400), "the whole capacity is there");
        let status = pool.status();
        assert_eq!((status.size, status.using, status.waiting), (2, 2, 0), "{status:?}");
        drop(held);
        bench.sim.sleep(ms(500)).await;
        assert_at_rest(&pool, &bench.script);
        let counts = pool.stats().counts;
        let ends = counts.acquired + counts.timed_out + counts.cancelled + counts.refused;
        let asked = 3 + u64::from(!fresh) + u64::from(cancel != Some(None));
        assert_eq!(ends, asked, "every acquire has one end: {counts:?}");
        pool.close(secs(5)).await;
        assert_eq!(pool.status().size, 0);
    });
    let counts = bench.script.counts();
    assert_eq!(counts.live, 0, "nothing is left: {counts:?}");
    assert_eq!((counts.connected, counts.dropped), (counts.closed, 0), "each has its goodbye");
    bench.sim.settle();
    assert_eq!(bench.sim.tasks(), 0, "no task is left");
}

/// Somebody who acquires, holds for 20 ms and gives back, unless it is dropped before.
async fn victim(
    bench: &Bench,
    pool: &Pool<Script>,
    cancel: Option<Option<u64>>,
) -> Option<cenote_testkit::JoinHandle<()>> {
    if cancel == Some(None) {
        drop(pool.acquire());
        return None;
    }
    let (task_pool, handle) = (pool.clone(), bench.sim.handle());
    let task = bench.sim.spawn(async move {
        if let Ok(conn) = task_pool.acquire().await {
            handle.sleep(ms(20)).await;
            drop(conn);
        }
    });
    bench.settled().await;
    if let Some(Some(after)) = cancel {
        bench.sim.sleep(ms(after)).await;
        task.abort();
    }
    Some(task)
}

fn row(gate: Gate) {
    let mut cells = 0;
    for outcome in OUTCOMES {
        if !gate.takes_time() && matches!(outcome, Outcome::Slow | Outcome::Never) {
            continue;
        }
        for cancel in CANCELS {
            for seed in 0..4 {
                let tried = std::panic::catch_unwind(|| cell(seed, gate, outcome, cancel));
                assert!(tried.is_ok(), "{gate:?} × {outcome:?} × {cancel:?}, seed {seed}");
                cells += 1;
            }
        }
    }
    assert!(cells >= 3 * CANCELS.len() * 4, "{cells}");
}

// P-15, P-16, P-20, P-23, P-28
// lesson 19
#[test]
fn every_step_ends_in_every_way_with_a_cancel_at_every_moment() {
    for gate in GATES {
        row(gate);
    }
}
