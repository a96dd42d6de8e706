//! Capacity never leaks: whatever goes wrong in a step costs at most one connection.

use crate::common::{Bench, assert_at_rest, ms, secs};
use cenote::{Fate, Fault, TestOnAcquire};
use cenote_testkit::{Act, Step};

/// Every step of a connection's life goes wrong once, in every way, while callers come, stay and are
/// dropped: afterwards the whole capacity is there.
fn gauntlet(bench: &Bench, act: Act, step: Step, cancel: bool) {
    let builder = bench.builder().max_size(2).test_on_acquire(TestOnAcquire::Always);
    let pool = builder.min_idle(1).keepalive(secs(1)).build().unwrap();
    bench.script.on_release(Fate::Reset);
    for act in [Act::Connect, Act::Check, Act::Reset, Act::Close] {
        bench.script.always(act, Step::Slow(ms(3)));
    }
    bench.sim.run(async {
        drop(bench.hold(&pool, 2).await);
        bench.script.queue(act, [step, Step::Slow(ms(1)), step]);
        let mut callers = Vec::new();
        for n in 0..6 {
            callers.push(bench.borrow_with(&pool, 1, ms(400), ms(n)).await);
            bench.sim.sleep(ms(n)).await;
        }
        pool.clear();
        if cancel {
            for caller in callers.iter().step_by(2) {
                caller.abort();
            }
        }
        bench.sim.sleep(secs(20)).await;
        assert!(callers.iter().all(|caller| caller.is_finished()));
        bench.script.always(act, Step::Slow(ms(3)));
        let began = bench.elapsed();
        let held = bench.hold(&pool, 2).await;
        // What overload taught is unlearned step by step.
        let most = if step == Step::Error(Fault::Overload) { secs(3) } else { ms(100) };
        assert!(bench.elapsed() - began < most, "{act} {step:?} {cancel}");
        drop(held);
        pool.close(secs(10)).await;
        bench.sim.sleep(secs(10)).await;
        let counts = bench.script.counts();
        assert_eq!(counts.live, 0, "{act} {step:?} {cancel}: {counts:?}");
        assert_eq!(counts.connected, counts.closed + counts.dropped);
    });
}

// P-23
#[test]
fn capacity_never_leaks_whatever_step_goes_wrong() {
    let steps = [
        Step::Error(Fault::Connection),
        Step::Error(Fault::Host),
        Step::Error(Fault::Overload),
        Step::SlowError(ms(7), Fault::Timeout),
        Step::Slow(ms(250)),
        Step::Never,
        Step::Panic,
    ];
    for act in [Act::Connect, Act::Check, Act::Reset, Act::Close] {
        for step in steps {
            for cancel in [false, true] {
                for seed in 0..4 {
                    gauntlet(&Bench::new(seed), act, step, cancel);
                }
            }
        }
    }
}

// P-23
#[test]
fn a_connect_that_panics_keeps_the_capacity() {
    let bench = Bench::new(1);
    bench.script.connects([Step::Panic, Step::Panic]);
    let pool = bench.pool(2);
    bench.sim.run(async {
        let held = bench.hold(&pool, 2).await;
        assert_eq!(pool.stats().counts.connect_failures.transient, 2);
        drop(held);
        assert_at_rest(&pool, &bench.script);
    });
}

// P-23
#[test]
fn a_timeout_tells_that_the_connect_panicked() {
    let bench = Bench::new(1);
    bench.script.connect_always(Step::Panic);
    let pool = bench.pool(1);
    let error = bench.sim.run(pool.acquire().timeout(secs(1))).unwrap_err();
    assert!(error.to_string().contains("the manager's connect panicked"), "{error}");
}

// P-23
#[test]
fn a_judgement_that_panics_costs_nothing() {
    let bench = Bench::new(1);
    bench.script.connects([Step::Error(Fault::Permanent)]);
    let pool = bench.builder().max_size(1).classify_with(|_| panic!("judge")).build().unwrap();
    bench.sim.run(async {
        assert!(pool.acquire().await.is_ok());
        let broken = cenote_testkit::ScriptError::new(Fault::Query, "no");
        assert!(pool.with(async |_| Err::<(), _>(broken)).await.is_err());
        assert_eq!(pool.acquire().await.unwrap().serial(), 2);
        bench.settled().await;
        assert_at_rest(&pool, &bench.script);
    });
}
