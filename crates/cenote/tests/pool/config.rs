//! Options: what cannot work is refused when the pool is built, by a sentence that names the field, the
//! value and the rule; what can work reaches the pool.

use std::time::Duration;

use crate::common::{Bench, ms, secs};
use cenote::{
    Bound, BuildError, FreeSlot, Manager, OnConnectError, Options, Order, Pool, TestOnAcquire,
    Timeout,
};
use cenote_testkit::{Script, ScriptError};

type Change = fn(&mut Options);
type SetTimeout = fn(&mut Options, Timeout);

// P-24
#[test]
fn an_impossible_option_is_refused_with_its_field_its_value_and_the_rule() {
    let cases: &[(Change, &str)] = &[
        (|o| o.max_size = 0.into(), "max_size is 0, but it must be at least 1"),
        (|o| o.max_size = usize::MAX.into(), "max_size is "),
        (|o| o.min_size = 11, "min_size is 11, but it must not exceed max_size, which is 10"),
        (|o| o.min_idle = 11, "min_idle is 11, but it must not exceed max_size, which is 10"),
        (
            |o| (o.min_idle, o.max_idle) = (3, 2.into()),
            "max_idle is 2, but it must not be below min_idle, which is 3",
        ),
        (|o| (o.min_size, o.max_idle) = (1, 0.into()), "max_idle is 0, but"),
        (|o| o.priorities = 0, "priorities is 0, but it must be from 1 to 32"),
        (|o| o.priorities = 33, "priorities is 33, but it must be from 1 to 32"),
        (|o| o.max_connecting = 0, "max_connecting is 0, but it must be at least 1"),
        (|o| o.max_uses = 0.into(), "max_uses is 0, but it must be at least 1"),
        (|o| o.lifetime_jitter_percent = 101, "lifetime_jitter_percent is 101, but it must be"),
        (|o| o.backoff_first = Duration::ZERO, "backoff_first is 0s, but it must be longer"),
        (|o| o.backoff_max = Duration::ZERO, "backoff_max is 0s, but it must be longer"),
        (|o| o.upkeep_interval = Duration::ZERO, "upkeep_interval is 0s, but it must be longer"),
        (
            |o| o.upkeep_interval = Duration::from_micros(999),
            "upkeep_interval is 999us, but it must be at least 1ms",
        ),
        (
            |o| o.test_on_acquire = TestOnAcquire::IfIdleFor(Duration::ZERO),
            "test_on_acquire is if_idle_for 0s, but its time must be longer than zero",
        ),
        (
            |o| o.test_on_acquire = TestOnAcquire::IfIdleFor(Duration::MAX),
            "test_on_acquire is if_idle_for 18446744073709551615999999999ns, but it must not exceed",
        ),
        (|o| o.backoff_first = Duration::MAX, "backoff_first is"),
        (
            |o| o.backoff_first = Duration::from_secs(6),
            "backoff_first is 6s, but it must not exceed backoff_max, which is 5s",
        ),
    ];
    for (change, sentence) in cases {
        let mut options = Options::default();
        change(&mut options);
        let error = options.validate().unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(sentence), "{text:?} should begin with {sentence:?}");
        assert!(text.starts_with(error.field()), "{text}");
        assert!(!text.contains('\n') && !text.ends_with('.'), "one sentence: {text}");
    }
}

// P-24
#[test]
fn a_timeout_of_zero_or_of_ages_is_refused_and_never_is_not() {
    let fields: &[(&str, SetTimeout)] = &[
        ("acquire_timeout", |o, t| o.acquire_timeout = t),
        ("connect_timeout", |o, t| o.connect_timeout = t),
        ("test_timeout", |o, t| o.test_timeout = t),
        ("keepalive", |o, t| o.keepalive = t),
        ("reset_timeout", |o, t| o.reset_timeout = t),
        ("idle_timeout", |o, t| o.idle_timeout = t),
        ("idle_timeout_hard", |o, t| o.idle_timeout_hard = t),
        ("max_lifetime", |o, t| o.max_lifetime = t),
        ("close_timeout", |o, t| o.close_timeout = t),
    ];
    for (field, set) in fields {
        let mut options = Options::default();
        set(&mut options, Timeout::After(Duration::ZERO));
        let text = options.validate().unwrap_err().to_string();
        assert!(text.starts_with(&format!("{field} is 0s, but it must be longer")), "{text}");
        assert!(text.contains("Timeout::Never"), "it says how to switch it off: {text}");
        set(&mut options, Timeout::After(Duration::MAX));
        let text = options.validate().unwrap_err().to_string();
        assert!(text.starts_with(field) && text.contains("100 years"), "{text}");
        set(&mut options, Timeout::Never);
        assert_eq!(options.validate(), Ok(()));
    }
}

// P-24
#[test]
fn an_error_about_a_limit_says_how_to_have_none() {
    let mut options = Options::default();
    options.max_size = Bound::At(0);
    assert!(options.validate().unwrap_err().to_string().contains("Bound::Unlimited"));
    options = Options::default();
    options.max_uses = Bound::At(0);
    assert!(options.validate().unwrap_err().to_string().contains("Bound::Unlimited"));
}

// P-24, P-11
#[test]
fn build_refuses_what_cannot_work_and_starts_nothing() {
    let bench = Bench::new(1);
    let builder = bench.builder().max_size(2).min_size(3);
    assert_eq!(builder.validate().unwrap_err().field(), "min_size");
    match builder.build() {
        Err(BuildError::Config(error)) => assert_eq!(error.field(), "min_size"),
        other => panic!("{other:?}"),
    }
    let error = bench.builder().max_size(0).build().unwrap_err();
    assert!(error.to_string().starts_with("max_size is 0, but it must be at least 1"), "{error}");
    let error = bench.sim.run(bench.builder().max_uses(0).build_ready()).unwrap_err();
    assert!(error.to_string().starts_with("max_uses is 0"), "{error}");
    bench.sim.settle();
    assert_eq!((bench.script.counts().connects, bench.sim.tasks()), (0, 0));
}

// P-24
#[test]
fn the_edges_of_what_is_possible_are_accepted() {
    let edges: &[Change] = &[
        |o| o.max_size = Bound::Unlimited,
        |o| (o.max_size, o.min_size, o.min_idle) = (1.into(), 1, 1),
        |o| (o.max_size, o.min_size) = (Bound::Unlimited, 1_000_000),
        |o| o.max_waiting = 0.into(),
        |o| o.max_idle = 0.into(),
        |o| o.priorities = 32,
        |o| (o.backoff_first, o.backoff_max) = (secs(1), secs(1)),
        |o| o.lifetime_jitter_percent = 100,
        |o| o.test_on_acquire = TestOnAcquire::IfIdleFor(Duration::from_nanos(1)),
        |o| o.upkeep_interval = Duration::from_millis(1),
        |o| o.max_uses = 1.into(),
    ];
    for change in edges {
        let mut options = Options::default();
        change(&mut options);
        assert_eq!(options.validate(), Ok(()), "{options:?}");
    }
}

// P-24, P-3, P-11, P-13, P-17
#[test]
fn the_defaults_are_as_documented() {
    let o = Options::default();
    assert_eq!(o.validate(), Ok(()));
    assert_eq!((o.max_size, o.min_size, o.min_idle), (Bound::At(10), 0, 0));
    assert_eq!((o.max_idle, o.max_waiting), (Bound::Unlimited, Bound::Unlimited));
    assert_eq!((o.priorities, o.order), (3, Order::Lifo));
    assert_eq!(o.acquire_timeout, secs(30).into());
    assert_eq!((o.connect_timeout, o.test_timeout), (secs(5).into(), secs(5).into()));
    assert_eq!((o.reset_timeout, o.close_timeout), (secs(5).into(), secs(5).into()));
    assert_eq!((o.max_connecting, o.ramp), (16, true));
    assert_eq!((o.backoff_first, o.backoff_max), (ms(100), secs(5)));
    assert_eq!((o.on_connect_error, o.fail_fast), (OnConnectError::Retry, false));
    assert_eq!((o.test_on_create, o.keepalive), (false, Timeout::Never));
    assert_eq!(o.test_on_acquire, TestOnAcquire::IfIdleFor(secs(1)));
    assert_eq!((o.idle_timeout, o.idle_timeout_hard), (secs(600).into(), Timeout::Never));
    assert_eq!((o.max_lifetime, o.lifetime_jitter_percent), (secs(1800).into(), 25));
    assert_eq!((o.max_uses, o.upkeep_interval), (Bound::Unlimited, secs(1)));
    assert_eq!((o.free_slot, o.measure_hold), (FreeSlot::AtClose, false));
}

// P-24
#[test]
fn every_setter_of_the_builder_reaches_the_pool() {
    let bench = Bench::new(1);
    let pool = bench
        .builder()
        .name("all of them")
        .max_size(20)
        .min_size(1)
        .min_idle(2)
        .max_idle(3)
        .max_waiting(4)
        .priorities(5)
        .order(Order::Fifo)
        .acquire_timeout(secs(6))
        .connect_timeout(secs(7))
        .max_connecting(8)
        .ramp(false)
        .backoff_first(ms(9))
        .backoff_max(ms(10))
        .on_connect_error(OnConnectError::FailAll)
        .fail_fast(true)
        .test_on_create(true)
        .test_on_acquire(TestOnAcquire::Always)
        .test_timeout(secs(11))
        .keepalive(secs(12))
        .reset_timeout(secs(13))
        .idle_timeout(secs(14))
        .idle_timeout_hard(secs(15))
        .max_lifetime(secs(16))
        .lifetime_jitter_percent(17)
        .max_uses(18)
        .upkeep_interval(secs(19))
        .close_timeout(Timeout::Never)
        .free_slot(FreeSlot::WhenClosed)
        .measure_hold(true)
        .slow_acquire(secs(20))
        .max_sharers(21)
        .leak_after(secs(22))
        .build()
        .unwrap();
    let mut o = Options::default();
    o.max_size = 20.into();
    (o.min_size, o.min_idle, o.max_idle, o.max_waiting) = (1, 2, 3.into(), 4.into());
    (o.priorities, o.order) = (5, Order::Fifo);
    (o.acquire_timeout, o.connect_timeout) = (secs(6).into(), secs(7).into());
    (o.max_connecting, o.ramp, o.backoff_first, o.backoff_max) = (8, false, ms(9), ms(10));
    (o.on_connect_error, o.fail_fast) = (OnConnectError::FailAll, true);
    (o.test_on_create, o.test_on_acquire) = (true, TestOnAcquire::Always);
    (o.test_timeout, o.keepalive, o.reset_timeout) =
        (secs(11).into(), secs(12).into(), secs(13).into());
    (o.idle_timeout, o.idle_timeout_hard) = (secs(14).into(), secs(15).into());
    (o.max_lifetime, o.lifetime_jitter_percent) = (secs(16).into(), 17);
    (o.max_uses, o.upkeep_interval) = (18.into(), secs(19));
    (o.close_timeout, o.free_slot) = (Timeout::Never, FreeSlot::WhenClosed);
    o.measure_hold = true;
    (o.slow_acquire, o.max_sharers, o.leak_after) = (secs(20).into(), 21, secs(22).into());
    assert_eq!(pool.options(), o);
    let defaults = Options::default();
    for info in Options::reference() {
        assert_ne!(o.get(info.name), defaults.get(info.name), "{} is not tried here", info.name);
    }
    assert_eq!(pool.name(), "all of them");
    let same = bench.builder().options(o.clone()).build().unwrap();
    assert_eq!(same.options(), o);
}

// P-24
#[test]
fn a_drivers_defaults_come_before_the_users_choice() {
    struct Driver;

    impl Manager for Driver {
        type Connection = ();
        type Error = ScriptError;

        async fn connect(&self) -> Result<(), ScriptError> {
            Ok(())
        }

        fn classify(&self, error: &ScriptError) -> cenote::Fault {
            error.fault
        }

        fn defaults(&self, mut options: Options) -> Options {
            options.max_size = 1.into();
            options.order = Order::Fifo;
            options
        }
    }

    let bench = Bench::new(1);
    let pool = Pool::builder(Driver).env(bench.sim.env()).max_size(7).build().unwrap();
    assert_eq!((pool.options().max_size, pool.options().order), (Bound::At(7), Order::Fifo));
    assert!(bench.sim.run(pool.acquire()).is_ok());
}

// P-24
#[test]
fn a_manager_and_a_name_can_be_asked_for() {
    let bench = Bench::new(1);
    let pool = bench.builder().name("orders").build().unwrap();
    assert_eq!(pool.name(), "orders");
    let script: &Script = pool.manager();
    assert_eq!(script.counts().connects, 0);
    assert!(format!("{pool:?}").contains("orders"));
}
