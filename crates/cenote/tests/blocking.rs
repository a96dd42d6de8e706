//! The pool for threads: what holds there beyond the behaviour that all faces share (see `faces`). Nothing
//! in this process runs an async runtime.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cenote::blocking::{Manager, Pool, Pooled};
use cenote::{
    BuildError, Choice, Ended, Error, Event, Fate, Fault, FreeSlot, Options, State, TestOnAcquire,
    Timeout,
};
use cenote_testkit::{Act, Script, ScriptError, Scripted, Step};

const LONG: Duration = Duration::from_secs(30);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[track_caller]
fn until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "it never came");
        thread::yield_now();
    }
}

fn pool(script: &Script, max: usize) -> Pool<Script> {
    Pool::builder(script.clone()).max_size(max).build().unwrap()
}

fn times_out(pool: &Pool<Script>) {
    let error = pool.request().timeout(ms(20)).acquire().unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

// P-25, P-3, P-12
#[test]
fn a_stuck_connect_keeps_its_slot_and_only_the_callers_wait_ends() {
    let script = Script::new();
    script.hold(Act::Connect);
    let pool = pool(&script, 1);
    for _ in 0..3 {
        times_out(&pool);
        assert_eq!((pool.status().connecting, pool.status().size), (1, 1));
    }
    assert_eq!(script.counts().connects, 1);
    script.let_go(Act::Connect);
    assert_eq!(pool.acquire().unwrap().serial(), 1);
    assert_eq!(script.counts().connects, 1);
}

// P-25, P-15, P-16
#[test]
fn a_stuck_test_or_reset_keeps_its_slot_and_its_connection_comes_back_when_it_ends() {
    for act in [Act::Check, Act::Reset] {
        let script = Script::new();
        let builder = Pool::builder(script.clone()).max_size(1);
        let pool = builder.test_on_acquire(TestOnAcquire::Always).build().unwrap();
        script.on_release(if act == Act::Reset { Fate::Reset } else { Fate::Keep });
        let conn = pool.acquire().unwrap();
        script.hold(act);
        drop(conn);
        for _ in 0..2 {
            times_out(&pool);
            assert_eq!(pool.status().size, 1);
        }
        assert_eq!(script.held(act), 1);
        script.let_go(act);
        assert_eq!(pool.acquire().unwrap().serial(), 1, "{act}");
    }
}

// P-25, P-20
#[test]
fn a_stuck_close_keeps_its_slot_and_holds_up_a_clear_for_close_timeout_only() {
    let script = Script::new();
    let builder = Pool::builder(script.clone()).max_size(1).close_timeout(ms(20));
    let pool = builder.build().unwrap();
    drop(pool.acquire().unwrap());
    script.hold(Act::Close);
    let report = pool.clear();
    assert_eq!(report.closed, 0, "{report}");
    assert_eq!((pool.status().closing, pool.status().size), (1, 1));
    times_out(&pool);
    script.let_go(Act::Close);
    assert_eq!(pool.acquire().unwrap().serial(), 2);
    assert_eq!(script.counts().peak_live, 1);
}

// P-25, P-12
#[test]
fn stuck_connects_starve_no_test_no_reset_and_no_close() {
    let script = Script::new();
    script.on_release(Fate::Reset);
    let builder = Pool::builder(script.clone()).max_size(9).max_connecting(4).ramp(false);
    let pool = builder.test_on_acquire(TestOnAcquire::Always).build().unwrap();
    let (one, two) = (pool.acquire().unwrap(), pool.acquire().unwrap());
    script.hold(Act::Connect);
    let waiters: Vec<_> = (0..6)
        .map(|_| {
            let pool = pool.clone();
            thread::spawn(move || pool.acquire().map(|conn| conn.serial()))
        })
        .collect();
    until(|| script.held(Act::Connect) == 4);
    assert_eq!(script.counts().connecting, 4, "no more than max_connecting");
    // One connection comes back: it is reset and passes from waiter to waiter.
    drop(one);
    for waiter in waiters {
        assert_eq!(waiter.join().unwrap().unwrap(), 1);
    }
    Pooled::discard(two);
    until(|| script.counts().closed == 1);
    assert!(script.counts().resets >= 6);
    script.let_go(Act::Connect);
}

// P-25, P-20
#[test]
fn closes_run_on_a_few_threads_only_and_starve_nothing() {
    let script = Script::new();
    script.hold(Act::Close);
    let builder = Pool::builder(script.clone()).max_size(20).free_slot(FreeSlot::AtClose);
    let pool = builder.build().unwrap();
    let held: Vec<_> = (0..20).map(|_| pool.acquire().unwrap()).collect();
    held.into_iter().for_each(Pooled::discard);
    until(|| script.held(Act::Close) == 8);
    for _ in 0..20 {
        script.on_release(Fate::Reset);
        drop(pool.acquire().unwrap());
    }
    assert_eq!(script.held(Act::Close), 8);
    assert_eq!(pool.status().closing, 20);
    script.let_go(Act::Close);
    until(|| script.counts().closed == 20);
}

// P-25, P-16
#[test]
fn tests_and_resets_run_on_a_bounded_number_of_threads() {
    let script = Script::new();
    script.on_release(Fate::Reset).hold(Act::Reset);
    let pool = pool(&script, 40);
    let held: Vec<_> = (0..40).map(|_| pool.acquire().unwrap()).collect();
    drop(held);
    assert_eq!(pool.status().resetting, 40);
    until(|| script.held(Act::Reset) == 32);
    script.let_go(Act::Reset);
    until(|| pool.status().available == 40);
    assert_eq!(script.counts().resets, 40);
}

/// Notes on which thread each of its calls runs.
#[derive(Clone, Default)]
struct Noting(Arc<Mutex<Vec<(&'static str, String)>>>);

struct Noted(Noting);

impl Noting {
    fn note(&self, call: &'static str) {
        assert!(tokio::runtime::Handle::try_current().is_err(), "{call} runs in a runtime");
        let name = thread::current().name().unwrap_or("").to_owned();
        self.0.lock().unwrap().push((call, name));
    }

    fn on(&self, call: &str) -> Vec<String> {
        let notes = self.0.lock().unwrap();
        notes.iter().filter(|(noted, _)| *noted == call).map(|(_, on)| on.clone()).collect()
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.note("drop");
    }
}

impl Manager for Noting {
    type Connection = Noted;
    type Error = ScriptError;

    fn connect(&self) -> Result<Noted, ScriptError> {
        self.note("connect");
        Ok(Noted(self.clone()))
    }

    fn check(&self, _: &mut Noted) -> Result<(), ScriptError> {
        self.note("check");
        Ok(())
    }

    fn reset(&self, _: &mut Noted) -> Result<(), ScriptError> {
        self.note("reset");
        Ok(())
    }

    fn released(&self, _: &mut Noted, how: Ended) -> Fate {
        self.note("released");
        if how == Ended::Returned { Fate::Reset } else { Fate::Close }
    }

    fn classify(&self, error: &ScriptError) -> Fault {
        error.fault
    }
}

// P-25, P-12, P-20
#[test]
fn what_blocks_runs_on_the_pools_threads_and_needs_no_runtime() {
    let noting = Noting::default();
    let builder = Pool::builder(noting.clone()).max_size(1);
    let pool = builder.test_on_acquire(TestOnAcquire::Always).build().unwrap();
    for _ in 0..3 {
        drop(pool.acquire().unwrap());
    }
    let mut conn = pool.acquire().unwrap();
    Pooled::taint(&mut conn);
    drop(conn);
    pool.close(LONG);
    assert_eq!(noting.on("connect"), ["cenote-connect"]);
    assert_eq!(noting.on("drop"), ["cenote-close"]);
    for call in ["check", "reset"] {
        assert_eq!(noting.on(call), ["cenote-check"; 3], "{call}");
    }
    let here = thread::current().name().unwrap().to_owned();
    assert!(noting.on("released").iter().all(|on| *on == here), "only this does not block");
}

// P-25, P-21
#[test]
fn every_way_to_acquire_tells_the_callers_place() {
    let pool = pool(&Script::new(), 4);
    drop((pool.acquire().unwrap(), pool.acquire().unwrap()));
    let mut lines = Vec::new();
    let _one = pool.acquire().unwrap();
    lines.push(line!() - 1);
    let _two = pool.try_acquire().unwrap();
    lines.push(line!() - 1);
    let _three = pool.request().priority(0).acquire().unwrap();
    lines.push(line!() - 1);
    let report = pool.with(|_| Ok(pool.close(ms(10)))).unwrap();
    lines.push(line!() - 1);
    let mut told: Vec<_> = report.holders.iter().map(|h| h.location.line()).collect();
    told.sort_unstable();
    assert_eq!(told, lines, "{report}");
    assert!(report.holders.iter().all(|h| h.location.file().ends_with("tests/blocking.rs")));
}

/// Its connects borrow from another pool, as a tunnel's do.
struct Through(Pool<Script>);

impl Manager for Through {
    type Connection = Pooled<Script>;
    type Error = ScriptError;

    fn connect(&self) -> Result<Pooled<Script>, ScriptError> {
        let borrowed = self.0.request().timeout(LONG).acquire();
        borrowed.map_err(|error| ScriptError::new(Fault::Connection, error.to_string()))
    }

    fn classify(&self, error: &ScriptError) -> Fault {
        error.fault
    }
}

// P-25
#[test]
fn a_pool_may_be_used_inside_a_call_of_another() {
    let script = Script::new();
    let inner = pool(&script, 2);
    let outer = Pool::builder(Through(inner.clone())).max_size(2).build().unwrap();
    script.hold(Act::Connect);
    let borrows = outer.clone();
    let caller = thread::spawn(move || borrows.acquire().map(|conn| conn.serial()));
    until(|| script.held(Act::Connect) == 1);
    script.let_go(Act::Connect);
    assert_eq!(caller.join().unwrap().unwrap(), 1);
    let sum = outer.with(|conn| Ok(conn.serial() + inner.with(|conn| Ok(conn.serial())).unwrap()));
    assert_eq!(sum.unwrap(), 3);
}

// P-25, P-11, P-17
#[test]
fn the_upkeep_runs_without_a_runtime() {
    let script = Script::new();
    let builder = Pool::builder(script.clone()).max_size(3).min_size(1);
    let builder = builder.idle_timeout(ms(30)).upkeep_interval(ms(5));
    let pool = builder.build_ready().unwrap();
    drop((pool.acquire().unwrap(), pool.acquire().unwrap()));
    let made = script.counts().connected;
    assert!(made >= 2);
    until(|| pool.status().size == 1);
    script.kill_all();
    until(|| pool.status().available == 1 && script.counts().connected > made);
}

// P-25, P-28, P-14
#[test]
fn hooks_are_plain_closures() {
    let script = Script::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let builder = Pool::builder(script.clone()).max_size(1).after_connect(move |conn| {
        conn.note("SET TIME ZONE 'UTC'");
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Err(ScriptError::new(Fault::Host, "no such zone")),
            1 => panic!("on purpose"),
            _ => Ok(()),
        }
    });
    let pool = builder.backoff_first(ms(1)).classify_with(|_| Fault::Host).build().unwrap();
    let conn = pool.acquire().unwrap();
    assert_eq!((conn.serial(), conn.notes().len()), (3, 1));
    script.connect_always(Step::Error(Fault::Permanent));
    Pooled::discard(conn);
    // Not permanent, says the hook: so nobody hears of it before the deadline.
    times_out(&pool);
}

// P-25, P-9
#[test]
fn a_connection_made_elsewhere_may_be_added_and_a_weak_handle_keeps_nothing_open() {
    let script = Script::new();
    let pool = pool(&script, 1);
    let conn: Scripted = Manager::connect(&script).unwrap();
    pool.add(conn).unwrap();
    assert_eq!(pool.try_acquire().unwrap().serial(), 1);
    assert!(pool.add(Manager::connect(&script).unwrap()).is_err(), "it is full");
    let weak = pool.downgrade();
    assert_eq!(weak.upgrade().unwrap().status().available, 1);
    drop(pool);
    assert!(weak.upgrade().is_none());
    until(|| script.counts().live == 0);
}

// P-25, P-22, P-24
#[test]
fn options_are_checked_and_may_change() {
    let built = Pool::builder(Script::new()).min_size(11).build();
    assert!(matches!(built, Err(BuildError::Config(error)) if error.field() == "min_size"));
    let mut options = Options::default();
    options.max_size = 3.into();
    let pool = Pool::builder(Script::new()).options(options).build().unwrap();
    assert_eq!(pool.options().max_size, 3.into());
    pool.reconfigure(|options| options.min_idle = 2).unwrap();
    until(|| pool.status().available == 2);
    pool.set_min_idle(0).unwrap();
    pool.set_max_waiting(1).unwrap();
    pool.set_max_idle(1).unwrap();
    pool.set_min_size(1).unwrap();
    pool.set_acquire_timeout(Timeout::Never).unwrap();
    assert_eq!(pool.set_max_size(0).unwrap_err().field(), "max_size");
    assert_eq!(pool.options().acquire_timeout, Timeout::Never);
}

// P-25
#[test]
fn what_cannot_be_cut_short_has_no_timeout_by_default() {
    let options = pool(&Script::new(), 1).options();
    for timeout in [options.connect_timeout, options.test_timeout, options.reset_timeout] {
        assert_eq!(timeout, Timeout::Never);
    }
    assert_eq!(options.free_slot, FreeSlot::WhenClosed);
}

/// A number that looks random; the next of its kind.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

// P-25, P-1, P-5, P-23, P-26
#[test]
fn thirty_two_threads_share_four_connections() {
    const THREADS: u64 = 32;
    const TURNS: u64 = 150;
    let script = Script::new();
    script.on_release_with(|how| match how {
        Ended::Returned => Fate::Keep,
        Ended::Tainted => Fate::Reset,
        _ => Fate::Close,
    });
    let builder = Pool::builder(script.clone()).max_size(4).backoff_first(ms(1));
    let pool = builder.test_on_acquire(TestOnAcquire::IfIdleFor(ms(1))).build().unwrap();
    let inside = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..THREADS)
        .map(|n| {
            let (pool, inside, script) = (pool.clone(), Arc::clone(&inside), script.clone());
            thread::spawn(move || {
                let mut random = n;
                let mut got = 0;
                for _ in 0..TURNS {
                    let timeout = match draw(&mut random) % 4 {
                        0 => Duration::from_micros(draw(&mut random) % 500),
                        _ => LONG,
                    };
                    let level = (draw(&mut random) % 3) as u8;
                    let mut conn = match pool.request().priority(level).timeout(timeout).acquire() {
                        Ok(conn) => conn,
                        Err(Error::Timeout { .. }) if timeout < LONG => continue,
                        Err(error) => panic!("{error}"),
                    };
                    got += 1;
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < 4);
                    if draw(&mut random) % 2 == 0 {
                        thread::yield_now();
                    }
                    inside.fetch_sub(1, Ordering::SeqCst);
                    match draw(&mut random) % 16 {
                        0 => Pooled::taint(&mut conn),
                        1 => {
                            Pooled::discard(conn);
                            continue;
                        }
                        2 => {
                            script.sever(conn.serial());
                        }
                        3 => {
                            script.kill(conn.serial());
                        }
                        _ => {}
                    }
                    drop(conn);
                }
                got
            })
        })
        .collect();
    let got: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    until(|| {
        let status = pool.status();
        status.size == status.available && script.counts().live as usize == status.size
    });
    let (counts, seen) = (pool.stats().counts, script.counts());
    assert_eq!(counts.acquired, got);
    assert_eq!(counts.acquired + counts.timed_out, THREADS * TURNS);
    assert!(seen.peak_live <= 4, "{seen:?}");
    assert_eq!(seen.connected, seen.live + seen.closed, "each had its goodbye");
    assert_eq!(pool.status().waiting, 0);
    let report = pool.close(LONG);
    assert!(report.is_clean(), "{report}");
    assert_eq!((pool.status().state, pool.status().size), (State::Closed, 0));
}

const CHILD: &str = "CENOTE_BLOCKING_CHILD";

/// Starts this test in a process of its own; returns how long that lived on after it had said "ready".
fn child(name: &str) -> Duration {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, name)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("ready")), "the child got that far");
    let began = Instant::now();
    // Its output ends when it does.
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
    began.elapsed()
}

fn is_child(name: &str) -> bool {
    std::env::var(CHILD).is_ok_and(|child| child == name)
}

// P-25, P-33
#[test]
fn a_process_with_minimums_and_long_idle_times_exits_in_under_a_second() {
    let name = "a_process_with_minimums_and_long_idle_times_exits_in_under_a_second";
    if !is_child(name) {
        let took = child(name);
        assert!(took < Duration::from_secs(1), "{took:?}");
        return;
    }
    let script = Script::new();
    let builder = Pool::builder(script.clone()).max_size(8).min_size(4);
    let pool = builder.idle_timeout(Timeout::Never).build_ready().unwrap();
    let held = pool.acquire().unwrap();
    // Connects that never end, and callers that wait for ever.
    script.connect_always(Step::Never);
    for _ in 0..6 {
        let pool = pool.clone();
        thread::spawn(move || {
            pool.request().timeout(Timeout::Never).acquire().map(std::mem::forget)
        });
    }
    until(|| pool.status().connecting > 0 && pool.status().waiting > 0);
    println!("\nready");
    std::mem::forget((pool, held));
}

// P-25, P-33
#[cfg(target_os = "linux")]
#[test]
fn the_threads_of_a_pool_end_with_it() {
    let name = "the_threads_of_a_pool_end_with_it";
    if !is_child(name) {
        child(name);
        return;
    }
    let threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
        names.filter(|name| name.as_ref().is_ok_and(|name| name.starts_with("cenote-"))).count()
    };
    let script = Script::new();
    script.on_release(Fate::Reset);
    let pool = Pool::builder(script.clone()).min_size(4).build_ready().unwrap();
    assert!((2..=5).contains(&threads()), "one for the upkeep, and those that connected");
    let conn = pool.acquire().unwrap();
    drop(pool.acquire().unwrap());
    let began = Instant::now();
    drop(pool);
    drop(conn);
    until(|| threads() == 0);
    // Sooner than a thread that only rests.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    println!("\nready");
}

// P-25, P-3
#[test]
fn a_release_wakes_the_thread_that_waits_first() {
    let script = Script::new();
    let pool = pool(&script, 1);
    let conn = pool.acquire().unwrap();
    let (tell, told) = channel();
    let waits = pool.clone();
    thread::spawn(move || {
        let got = waits.acquire().map(|conn| conn.serial());
        tell.send((got.unwrap(), Instant::now())).unwrap();
    });
    until(|| pool.status().waiting == 1);
    let released = Instant::now();
    drop(conn);
    let (serial, woken) = told.recv_timeout(LONG).unwrap();
    assert_eq!(serial, 1);
    assert!(woken.saturating_duration_since(released) < Duration::from_secs(5));
}

// P-25, P-10
#[test]
fn several_connections_come_together_or_not_at_all() {
    let pool = pool(&Script::new(), 3);
    let one = pool.acquire().unwrap();
    let too_many = pool.acquire_many(4).unwrap_err();
    assert!(matches!(too_many, Error::TooMany { .. }), "{too_many}");
    let late = pool.request().timeout(ms(20)).acquire_many(3).unwrap_err();
    assert!(matches!(late, Error::Timeout { .. }), "{late}");
    let wants = pool.clone();
    let all = thread::spawn(move || wants.acquire_many(3).map(|all| all.len()));
    until(|| pool.status().waiting == 1);
    drop(one);
    assert_eq!(all.join().unwrap().unwrap(), 3);
    assert_eq!(pool.status().available, 3);
}

/// Senders are cheap to clone: each sharer has one.
struct Queues;

impl Manager for Queues {
    type Connection = std::sync::mpsc::Sender<u64>;
    type Error = ScriptError;

    fn connect(&self) -> Result<Self::Connection, ScriptError> {
        Ok(channel().0)
    }

    fn classify(&self, error: &ScriptError) -> Fault {
        error.fault
    }
}

impl cenote::blocking::Share for Queues {
    type Handle = std::sync::mpsc::Sender<u64>;

    fn handle(&self, conn: &Self::Connection) -> Self::Handle {
        conn.clone()
    }
}

// P-25, P-32
#[test]
fn one_connection_may_be_shared_by_threads() {
    let builder = Pool::builder(Queues).max_size(1).max_sharers(2);
    let pool = builder.build().unwrap();
    let shares = [pool.share().unwrap(), pool.request().priority(0).share().unwrap()];
    assert_eq!((pool.status().sharers, pool.status().size), (2, 1));
    assert!(matches!(pool.try_share().map(drop), Err(Error::Exhausted { .. })));
    let third = pool.request().timeout(ms(20)).share().unwrap_err();
    assert!(matches!(third, Error::Timeout { .. }), "{third}");
    let waits = pool.clone();
    let alone = thread::spawn(move || waits.acquire().map(drop));
    until(|| pool.status().waiting == 1);
    drop(shares);
    alone.join().unwrap().unwrap();
}

// P-25, P-28, P-29
#[test]
fn observers_and_hooks_work_on_threads() {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let script = Script::new();
    let builder = Pool::builder(script.clone()).max_size(1);
    let builder = builder.on_acquire(|_| Ok(())).before_acquire(|_, _| Choice::Keep);
    let builder = builder.after_release(|_| Choice::Drop).before_close(|conn| {
        conn.note("QUIT");
        Ok(())
    });
    let pool = builder.log(false).build().unwrap();
    let seen = pool.observe(move |event: &Event<'_>| {
        tell.lock().unwrap().send(event.to_string()).unwrap();
    });
    drop(pool.acquire().unwrap());
    assert_eq!(pool.acquire().unwrap().serial(), 2);
    until(|| script.counts().closed == 2);
    drop(seen);
    let lines: Vec<String> = told.iter().collect();
    assert!(lines.len() >= 4, "{lines:?}");
}
