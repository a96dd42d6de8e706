//! The simulator: virtual time, seeds, panics and aborts that reach the joiner, deadlocks that are told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cenote::Time;
use cenote_testkit::{JoinError, Sim};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn panic_text(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("it should have panicked");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&str>().expect("panics have text")).to_owned(),
    }
}

#[test]
fn time_moves_only_to_timers() {
    let sim = Sim::new(0);
    sim.run(async {
        assert_eq!(sim.now(), Time::ZERO);
        sim.sleep(Duration::from_secs(86_400)).await;
        assert_eq!(sim.now().since(Time::ZERO), Duration::from_secs(86_400));
        sim.sleep(Duration::ZERO).await;
        assert_eq!(sim.now().since(Time::ZERO), Duration::from_secs(86_400));
    });
}

#[test]
fn timers_end_in_their_order() {
    let sim = Sim::new(3);
    let ended = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<_> = [30, 10, 20, 10]
        .into_iter()
        .map(|n| {
            let (ended, handle) = (Arc::clone(&ended), sim.handle());
            sim.spawn(async move {
                handle.sleep(ms(n)).await;
                ended.lock().unwrap().push((handle.now(), n));
            })
        })
        .collect();
    sim.run(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    let ended = ended.lock().unwrap();
    assert!(ended.is_sorted());
    assert!(ended.iter().all(|&(at, n)| at == Time::ZERO + ms(n)));
}

fn order_of_ten(seed: u64) -> Vec<usize> {
    let sim = Sim::new(seed);
    let order = Arc::new(Mutex::new(Vec::new()));
    for n in 0..10 {
        let order = Arc::clone(&order);
        sim.spawn(async move { order.lock().unwrap().push(n) }).detach();
    }
    sim.settle();
    let order = order.lock().unwrap();
    order.clone()
}

#[test]
fn the_same_seed_gives_the_same_order_and_another_seed_another() {
    assert_eq!(order_of_ten(1), order_of_ten(1));
    assert_ne!(order_of_ten(1), order_of_ten(2));
    let mut sorted = order_of_ten(1);
    sorted.sort_unstable();
    assert_eq!(sorted, (0..10).collect::<Vec<_>>());
}

#[test]
fn a_panic_of_a_task_reaches_its_joiner() {
    let sim = Sim::new(0);
    let task = sim.spawn(async { panic!("number {}", 7) });
    let error = sim.run(task).unwrap_err();
    assert_eq!(error, JoinError::Panicked("number 7".into()));
}

#[test]
fn a_panic_that_nobody_joins_stops_the_run() {
    let sim = Sim::new(0);
    sim.spawn(async { panic!("unheard {}", 1) }).detach();
    let text = panic_text(|| sim.run_for(ms(1)));
    assert_eq!(text, "unheard 1");
}

#[test]
fn an_aborted_task_is_dropped_at_once() {
    struct Tells(Arc<AtomicUsize>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let sim = Sim::new(0);
    let dropped = Arc::new(AtomicUsize::new(0));
    let tells = Tells(Arc::clone(&dropped));
    let task = sim.spawn(async move {
        let _tells = tells;
        std::future::pending::<()>().await;
    });
    sim.settle();
    assert!(!task.is_finished());
    task.abort();
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert_eq!(sim.run(task), Err(JoinError::Aborted));
}

#[test]
fn dropping_the_sim_drops_its_tasks_and_refuses_new_ones() {
    let alive = Arc::new(());
    let sim = Sim::new(0);
    let (inside, handle) = (Arc::clone(&alive), sim.handle());
    let task = sim.spawn(async move {
        std::future::pending::<()>().await;
        drop(inside);
    });
    sim.settle();
    assert_eq!(Arc::strong_count(&alive), 2);
    drop(sim);
    assert_eq!(Arc::strong_count(&alive), 1);
    assert!(task.is_finished());
    let late = handle.spawn(async {});
    assert!(late.is_finished());
}

#[test]
fn a_deadlock_is_told_with_the_seed() {
    let sim = Sim::new(42);
    let text = panic_text(|| sim.run(std::future::pending()));
    assert!(text.contains("no timer is set") && text.contains("seed 42"), "{text}");
}

#[test]
fn a_task_that_spins_is_told() {
    let sim = Sim::new(0);
    sim.set_most_polls(1000);
    let spin = std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        std::task::Poll::<()>::Pending
    });
    let text = panic_text(|| sim.run(spin));
    assert!(text.contains("something spins"), "{text}");
}

#[test]
fn settled_waits_for_whoever_is_runnable_and_for_nobody_else() {
    let sim = Sim::new(9);
    let turns = Arc::new(AtomicUsize::new(0));
    let (counted, handle) = (Arc::clone(&turns), sim.handle());
    let task = sim.spawn(async move {
        for _ in 0..50 {
            handle.sleep(Duration::ZERO).await;
            counted.fetch_add(1, Ordering::SeqCst);
        }
        handle.sleep(ms(1)).await;
    });
    sim.settle();
    assert_eq!(turns.load(Ordering::SeqCst), 50);
    assert_eq!(sim.now(), Time::ZERO);
    assert!(!task.is_finished());
}

#[test]
fn only_the_environment_is_counted() {
    let sim = Sim::new(0);
    sim.run_for(ms(5));
    assert_eq!(sim.usage(), Default::default());
    let env = sim.env();
    let now = env.now();
    drop(env.sleep_until(now));
    env.spawn(Box::pin(async {}));
    let usage = sim.usage();
    assert_eq!((usage.clock_reads, usage.timers, usage.spawns), (1, 1, 1));
}

#[test]
fn a_moment_of_the_system_clock_has_its_virtual_time() {
    let sim = Sim::new(0);
    sim.run_for(ms(250));
    let instant = sim.handle().instant();
    assert_eq!(sim.env().at(instant + ms(5)), sim.now() + ms(5));
}
