//! Options set in code, where every value of a field's type can stand: those that are refused could not work, those
//! that are not refused can be written, and a pool with them lives.

use std::time::Duration;

use cenote::{Bound, FreeSlot, OnConnectError, Options, Order, Pool, TestOnAcquire, Timeout};
use cenote_testkit::{Script, Sim};

use crate::claims;

/// How far the pool's life goes, and how much work it may be.
const LIFE: Duration = Duration::from_millis(50);
const MOST_POLLS: u64 = 100_000;
/// More than this many connections are not made.
const MOST: usize = 64;

/// A field and its value in each line: `max_size 0`, `max_idle -`, `acquire_timeout 3.000000001`,
/// `test_on_acquire 1`. Numbers are numbers or seconds, choices are counted, `-` is none.
pub fn values(input: &[u8]) -> bool {
    let mut options = Options::default();
    for line in String::from_utf8_lossy(input).lines() {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        let _ = set(&mut options, name, value);
    }
    let sim = Sim::new(1);
    sim.set_most_polls(MOST_POLLS);
    let script = Script::with_env(sim.env());
    let builder = Pool::builder(script).env(sim.env()).options(options.clone());
    match options.validate() {
        Err(error) => {
            claims::names_the_option(&error);
            let refused = builder.build().expect_err("what is not valid is not built").to_string();
            assert!(refused.contains(&error.to_string()), "{refused}");
            false
        }
        Ok(()) => {
            claims::read_back_the_same(&options);
            // What is asked for is made, all of it.
            if options.min_size.max(options.min_idle) > MOST {
                return true;
            }
            let pool = builder.build().expect("what is valid is built");
            let conn = sim.run(pool.acquire().timeout(LIFE)).expect("nothing is in the way");
            sim.run_for(LIFE);
            drop(conn);
            sim.run_for(LIFE);
            let report = sim.run(pool.close(LIFE));
            assert_eq!((pool.status().size, report.holders.len()), (0, 0), "{options:?}");
            true
        }
    }
}

/// How a value of each kind is written.
trait Raw: Sized {
    fn raw(text: &str) -> Option<Self>;
}

impl Raw for usize {
    fn raw(text: &str) -> Option<usize> {
        text.parse().ok()
    }
}

impl Raw for u8 {
    fn raw(text: &str) -> Option<u8> {
        text.parse().ok()
    }
}

impl Raw for bool {
    fn raw(text: &str) -> Option<bool> {
        text.parse::<u8>().ok().map(|n| n > 0)
    }
}

impl Raw for Bound {
    fn raw(text: &str) -> Option<Bound> {
        if text == "-" { Some(Bound::Unlimited) } else { usize::raw(text).map(Bound::At) }
    }
}

impl Raw for Duration {
    fn raw(text: &str) -> Option<Duration> {
        let (secs, nanos) = text.split_once('.').unwrap_or((text, "0"));
        Some(Duration::new(secs.parse().ok()?, nanos.parse::<u32>().ok()? % 1_000_000_000))
    }
}

impl Raw for Timeout {
    fn raw(text: &str) -> Option<Timeout> {
        if text == "-" { Some(Timeout::Never) } else { Duration::raw(text).map(Timeout::After) }
    }
}

impl Raw for TestOnAcquire {
    fn raw(text: &str) -> Option<TestOnAcquire> {
        match text {
            "-" => Some(TestOnAcquire::Never),
            "+" => Some(TestOnAcquire::Always),
            _ => Duration::raw(text).map(TestOnAcquire::IfIdleFor),
        }
    }
}

/// A choice, counted from 0.
macro_rules! choice {
    ($type:ident: $($variant:ident),+) => {
        impl Raw for $type {
            fn raw(text: &str) -> Option<$type> {
                [$($type::$variant),+].get(text.parse::<usize>().ok()?).copied()
            }
        }
    };
}

choice!(Order: Lifo, Fifo);
choice!(OnConnectError: Retry, FailFirst, FailAll);
choice!(FreeSlot: AtClose, WhenClosed);

macro_rules! fields {
    ($($name:ident),+ $(,)?) => {
        fn set(options: &mut Options, name: &str, value: &str) -> Option<()> {
            match name {
                $(stringify!($name) => options.$name = Raw::raw(value)?,)+
                _ => return None,
            }
            Some(())
        }

        /// The fields that an input can set; a test compares them with the pool's list.
        pub fn values_known() -> &'static [&'static str] {
            &[$(stringify!($name)),+]
        }
    };
}

fields!(
    max_size,
    min_size,
    min_idle,
    max_idle,
    max_waiting,
    priorities,
    order,
    acquire_timeout,
    slow_acquire,
    max_sharers,
    connect_timeout,
    max_connecting,
    ramp,
    backoff_first,
    backoff_max,
    on_connect_error,
    fail_fast,
    test_on_create,
    test_on_acquire,
    test_timeout,
    keepalive,
    reset_timeout,
    idle_timeout,
    idle_timeout_hard,
    max_lifetime,
    lifetime_jitter_percent,
    max_uses,
    upkeep_interval,
    close_timeout,
    free_slot,
    measure_hold,
    leak_after
);
