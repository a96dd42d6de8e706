//! The script: each step does what it was told, and the counts add up.

use std::time::Duration;

use cenote::{Ended, Fate, Fault, Manager, Pool, Pooled};
use cenote_testkit::{Event, Script, ScriptError, Sim, Step};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn steps_come_in_order_and_then_the_last_repeats() {
    let sim = Sim::new(0);
    let script = Script::with_env(sim.env());
    script.connect_always(Step::Error(Fault::Host)).connects([
        Step::Ok,
        Step::Slow(ms(3)),
        Step::SlowError(ms(4), Fault::Timeout),
    ]);
    sim.run(async {
        assert_eq!(script.connect().await.unwrap().serial(), 1);
        assert_eq!(script.connect().await.unwrap().serial(), 2);
        assert_eq!(sim.now().since(cenote::Time::ZERO), ms(3));
        let error = script.connect().await.unwrap_err();
        assert_eq!(error.fault, Fault::Timeout);
        assert_eq!(sim.now().since(cenote::Time::ZERO), ms(7));
        for _ in 0..3 {
            let error = script.connect().await.unwrap_err();
            assert_eq!(script.classify(&error), Fault::Host);
        }
    });
    let counts = script.counts();
    assert_eq!((counts.connects, counts.connected, counts.connect_failures), (6, 2, 4));
    assert_eq!((counts.live, counts.peak_live, counts.dropped), (0, 1, 2));
}

#[test]
fn a_killed_connection_is_known_to_be_dead_and_a_severed_one_is_not() {
    let sim = Sim::new(0);
    let script = Script::with_env(sim.env());
    sim.run(async {
        let mut one = script.connect().await.unwrap();
        let mut two = script.connect().await.unwrap();
        assert!(script.check(&mut one).await.is_ok());
        assert!(script.kill(1) && script.sever(2) && !script.kill(3));
        assert!(script.is_closed(&one) && !script.is_closed(&two));
        assert!(script.check(&mut one).await.is_err() && script.check(&mut two).await.is_err());
        assert!(!one.is_alive() && !two.is_alive());
        assert_eq!(script.kill_all(), 2);
        assert!(script.is_closed(&two));
    });
}

#[test]
fn every_connection_ends_exactly_once() {
    let sim = Sim::new(0);
    let script = Script::with_env(sim.env());
    script.closes([Step::Ok, Step::Error(Fault::Connection), Step::Never]);
    script.connects([Step::Ok, Step::Ok, Step::Ok, Step::Ok, Step::Ok, Step::Never]);
    sim.run(async {
        for _ in 0..3 {
            let conn = script.connect().await.unwrap();
            let close = sim.spawn({
                let script = script.clone();
                async move { script.close(conn).await }
            });
            sim.handle().settled().await;
            close.abort();
        }
        drop(script.connect().await.unwrap());
        let kept = script.connect().await.unwrap();
        let attempt = sim.spawn({
            let script = script.clone();
            async move { script.connect().await.map(drop) }
        });
        sim.handle().settled().await;
        assert_eq!(script.counts().connecting, 1);
        attempt.abort();
        let counts = script.counts();
        assert_eq!(counts.connects_abandoned, 1);
        assert_eq!((counts.closed, counts.close_failures, counts.dropped), (3, 1, 1));
        assert_eq!(counts.connected, counts.live + counts.closed + counts.dropped);
        assert_eq!(script.living(), [kept.serial()]);
    });
}

#[test]
fn a_panicking_connect_is_a_failed_one() {
    let sim = Sim::new(0);
    let script = Script::with_env(sim.env());
    script.connects([Step::Panic]);
    let task = sim.spawn({
        let script = script.clone();
        async move { script.connect().await.map(drop) }
    });
    assert!(sim.run(task).is_err());
    let counts = script.counts();
    assert_eq!((counts.connect_failures, counts.connecting), (1, 0));
}

#[test]
fn release_follows_the_rule() {
    let sim = Sim::new(0);
    let script = Script::with_env(sim.env());
    let pool = Pool::builder(script.clone()).env(sim.env()).build().unwrap();
    sim.run(async {
        let seen = pool.with(async |_| Err::<(), _>(ScriptError::new(Fault::Query, "no"))).await;
        assert!(seen.is_err());
        assert_eq!(pool.acquire().await.unwrap().serial(), 1);
        script.on_release_with(|how| if how == Ended::Tainted { Fate::Reset } else { Fate::Keep });
        let mut conn = pool.acquire().await.unwrap();
        conn.note("dirty");
        Pooled::taint(&mut conn);
        drop(conn);
        let conn = pool.acquire().await.unwrap();
        assert_eq!((conn.serial(), conn.notes().len()), (1, 0));
        assert_eq!(script.counts().resets, 1);
    });
}

#[test]
fn the_log_tells_when() {
    let sim = Sim::new(0);
    let script = Script::with_env(sim.env());
    script.connects([Step::Slow(ms(20))]);
    let conn = sim.run(script.connect()).unwrap();
    sim.run_for(ms(5));
    drop(conn);
    let log: Vec<_> =
        script.log().iter().map(|l| (l.at.since(cenote::Time::ZERO), l.event)).collect();
    assert_eq!(
        log,
        [
            (ms(0), Event::ConnectBegan),
            (ms(20), Event::Connected { serial: 1 }),
            (ms(25), Event::Gone { serial: 1 }),
        ]
    );
}

#[tokio::test]
async fn without_an_environment_it_sleeps_on_tokio() {
    let script = Script::new();
    script.connects([Step::Slow(ms(5))]);
    let began = std::time::Instant::now();
    let conn = script.connect().await.unwrap();
    assert!(began.elapsed() >= ms(5));
    assert!(conn.is_alive());
}
