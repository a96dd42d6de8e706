//! A server that does not let us in: each case has its class and its sentence, comes before the deadline, and shows no
//! password.

use std::time::{Duration, Instant};

use cenote::{Error, Fault, Manager, Pool};

/// The password that is never to be shown.
pub const SECRET: &str = "hunter2";

/// How long a caller waits.
const LIMIT: Duration = Duration::from_millis(1500);
/// How much later he may hear of it on a busy machine; less than a second wait would take.
const SLACK: Duration = Duration::from_secs(1);

/// The class and the sentence of a connect that fails. What cannot succeed is told at once, the rest at the deadline.
///
/// # Panics
/// If it goes well, comes too late, in a way that does not fit its class, or with the password.
pub async fn refused<M: Manager>(manager: M) -> (Fault, String) {
    let pool = Pool::builder(manager).acquire_timeout(LIMIT).build().unwrap();
    let began = Instant::now();
    let error = pool.acquire().await.expect_err("a server that refuses us");
    let took = began.elapsed();
    assert!(took < LIMIT + SLACK, "{took:?}: {error}");
    for shown in [format!("{error}"), format!("{error:?}"), format!("{pool:?}")] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    let last = match &error {
        Error::Connect { error, .. } => error,
        Error::Timeout { last: Some(last), .. } => last,
        error => panic!("a connect error, not: {error}"),
    };
    let fault = last.fault();
    let permanent = fault == Fault::Permanent;
    assert_eq!(matches!(error, Error::Connect { .. }), permanent, "{error}");
    let connects = pool.stats().counts.connects;
    assert!(
        !permanent || (connects == 1 && took < LIMIT),
        "{connects} connects, {took:?}: {error}"
    );
    (fault, error.to_string())
}

/// An acquire on a server that takes connections and answers nothing fails at its deadline and says so, however often a
/// connect was given up until then: after 100 ms each.
///
/// # Panics
/// If it goes well, comes too late, or shows the password.
pub async fn left_at_the_deadline<M: Manager>(manager: M) {
    let limit = Duration::from_secs(1);
    let pool = Pool::builder(manager).acquire_timeout(limit).connect_timeout(limit / 10);
    let began = Instant::now();
    let error = pool.build().unwrap().acquire().await.expect_err("nobody answers");
    let took = began.elapsed();
    assert!((limit..limit + SLACK).contains(&took), "{took:?}: {error}");
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    let says = error.to_string();
    assert!(says.contains("no answer within 100ms") && !says.contains(SECRET), "{says}");
}

/// An acquire for which nobody hands out credentials, since "the vault is sealed", says so. They are asked for more than
/// once until the deadline.
///
/// # Panics
/// If they are not, it goes well, or shows the password.
pub async fn sealed<M: Manager>(manager: M, password: &str) {
    let pool = Pool::builder(manager).acquire_timeout(Duration::from_secs(1)).build().unwrap();
    let error = pool.acquire().await.expect_err("nobody is let in").to_string();
    assert!(error.contains("no credentials for it (the vault is sealed)"), "{error}");
    assert!(!error.contains(password) && pool.stats().counts.connects > 1, "{error}");
}
