//! What a pool tells the cluster that it belongs to, what its guards tell of their node, and the limit that is
//! granted from above.

use std::error::Error as StdError;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use crate::common::{Bench, ms};
use cenote::{Ended, Fault, Membership, Pooled, Role, Shared, Status};
use cenote_testkit::{ScriptError, Step};

/// Writes down what it is told.
#[derive(Default)]
struct Book {
    loans: AtomicU32,
    lines: Mutex<Vec<String>>,
}

impl Book {
    fn write(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }

    #[track_caller]
    fn reads(&self, expected: &[&str]) {
        assert_eq!(std::mem::take(&mut *self.lines.lock().unwrap()), expected);
    }
}

impl Membership for Book {
    fn node(&self) -> &str {
        "a"
    }

    fn role(&self) -> Option<Role> {
        Some(Role::Replica)
    }

    fn lent(&self) -> u32 {
        self.loans.fetch_add(1, SeqCst) + 1
    }

    fn reported(&self, loan: u32, outcome: Result<(), Fault>) {
        self.write(format!("reported {loan} {outcome:?}"));
    }

    fn returned(&self, loan: u32, how: Ended, died: bool) {
        self.write(format!("returned {loan} {how:?} died {died}"));
    }

    fn connected(&self) {
        self.write("connected".to_owned());
    }

    fn connect_failed(&self, fault: Fault, error: &(dyn StdError + 'static), none_left: bool) {
        self.write(format!("failed {fault}, none left {none_left}: {error}"));
    }
}

// P-9
#[test]
fn a_guard_tells_the_node_and_the_role_of_its_pool() {
    let bench = Bench::new(1);
    let alone = bench.pool(1);
    let member = bench.builder().membership(Arc::<Book>::default()).build().unwrap();
    bench.sim.run(async {
        let conn = alone.acquire().await.unwrap();
        assert_eq!((Pooled::node(&conn), Pooled::role(&conn)), (None, None));
        let conn = member.acquire().await.unwrap();
        assert_eq!((Pooled::node(&conn), Pooled::role(&conn)), (Some("a"), Some(Role::Replica)));
    });
}

// P-9
#[test]
fn every_loan_and_every_connect_is_told_once() {
    let bench = Bench::new(1);
    let book = Arc::new(Book::default());
    bench.script.connects([Step::Error(Fault::Host)]);
    let pool = bench.builder().membership(Arc::<Book>::clone(&book)).build().unwrap();
    bench.sim.run(async {
        // Given back, off the lane too, kept, thrown away.
        for _ in 0..3 {
            drop(pool.acquire().await.unwrap());
        }
        book.reads(&[
            "failed host, none left true: scripted host error in connect",
            "connected",
            "returned 1 Returned died false",
            "returned 2 Returned died false",
            "returned 3 Returned died false",
        ]);
        let (one, two) = (pool.acquire().await.unwrap(), pool.acquire().await.unwrap());
        Pooled::discard(one);
        drop(Pooled::detach(two));
        book.reads(&[
            "connected",
            "returned 4 Returned died false",
            "returned 5 Returned died false",
        ]);

        // Found dead when it comes back.
        let conn = pool.acquire().await.unwrap();
        bench.script.kill(conn.serial());
        drop(conn);
        book.reads(&["connected", "returned 6 Returned died true"]);

        // A connect that fails while another connection is there.
        let _held = pool.acquire().await.unwrap();
        bench.script.connects([Step::Error(Fault::Overload)]);
        assert!(pool.acquire().timeout(ms(1)).await.is_err());
        book.reads(&[
            "connected",
            "failed overload, none left false: scripted overload error in connect",
        ]);
    });
}

// P-8
#[test]
fn outcomes_are_told_by_with_and_by_hand() {
    let bench = Bench::new(1);
    let book = Arc::new(Book::default());
    let pool = bench.builder().membership(Arc::<Book>::clone(&book)).build().unwrap();
    let wrong = || Err::<(), _>(ScriptError::new(Fault::Query, "no such table"));
    bench.sim.run(async {
        pool.with(async |_| Ok(())).await.unwrap();
        pool.with(async |_| wrong()).await.unwrap_err();
        let mut conn = pool.acquire().await.unwrap();
        Pooled::report(&mut conn, &Ok(()));
        Pooled::report(&mut conn, &wrong());
        Pooled::report_fault(&mut conn, Fault::Host);
        drop(conn);
        book.reads(&[
            "connected",
            "reported 1 Ok(())",
            "returned 1 Returned died false",
            "reported 2 Err(Query)",
            "returned 2 Failed(Query) died false",
            "reported 3 Ok(())",
            "reported 3 Err(Query)",
            "reported 3 Err(Host)",
            "returned 3 Failed(Host) died false",
        ]);
        bench.settled().await;
        assert_eq!(pool.status().size, 0, "a host that failed took its connection along");
    });
}

// P-32, C-14
#[test]
fn a_share_is_a_loan_like_any_other() {
    let bench = Bench::new(1);
    let book = Arc::new(Book::default());
    let pool = bench.builder().max_size(1).membership(Arc::<Book>::clone(&book)).build().unwrap();
    let wrong = |fault| Err::<(), _>(ScriptError::new(fault, "no"));
    bench.sim.run(async {
        let (mut one, mut other) = (pool.share().await.unwrap(), pool.try_share().unwrap());
        assert_eq!((Shared::node(&one), Shared::role(&one)), (Some("a"), Some(Role::Replica)));
        assert_eq!(Shared::report(&mut one, &Ok(())), None);
        for fault in [Fault::Query, Fault::Timeout, Fault::Overload] {
            assert_eq!(Shared::report(&mut other, &wrong(fault)), Some(fault));
        }
        drop((one, other));
        book.reads(&[
            "connected",
            "reported 1 Ok(())",
            "reported 2 Err(Query)",
            "reported 2 Err(Timeout)",
            "reported 2 Err(Overload)",
            "returned 1 Returned died false",
            "returned 2 Failed(Overload) died false",
        ]);
        assert_eq!(pool.status().available, 1, "nothing of it was the connection's");

        // Given up, and thrown away: nothing that shows that the node is well.
        let (mut one, other) = (pool.share().await.unwrap(), pool.share().await.unwrap());
        Shared::set_ended(&mut one, Ended::Cancelled);
        drop(one);
        Shared::discard(other);
        book.reads(&["returned 3 Cancelled died false", "returned 4 Tainted died false"]);
    });
}

// P-32, C-14
#[test]
fn a_shared_connection_that_died_is_told_once_and_not_of_a_share_that_was_told_of() {
    let bench = Bench::new(1);
    let book = Arc::new(Book::default());
    let pool = bench.builder().max_size(1).membership(Arc::<Book>::clone(&book)).build().unwrap();
    bench.sim.run(async {
        for told in [false, true] {
            let (one, mut other) = (pool.share().await.unwrap(), pool.share().await.unwrap());
            bench.script.kill(one.serial());
            if told {
                Shared::report(&mut other, &Ok(()));
            }
            drop(one);
            drop(other);
            bench.settled().await;
        }
        book.reads(&[
            "connected",
            "returned 1 Tainted died false",
            "returned 2 Tainted died true",
            "connected",
            "reported 4 Ok(())",
            "returned 3 Tainted died false",
            "returned 4 Tainted died false",
        ]);
    });
}

// P-32, P-18
#[test]
fn a_fault_of_the_connections_own_is_the_end_of_its_sharing_and_a_hosts_is_that_of_its_generation()
{
    let bench = Bench::new(1);
    let pool = bench.pool(3);
    bench.sim.run(async {
        for fault in [Fault::Connection, Fault::Role] {
            let (mut one, other) = (pool.share().await.unwrap(), pool.share().await.unwrap());
            Shared::report_fault(&mut one, fault);
            drop(one);
            let next = pool.share().await.unwrap();
            assert_ne!(Shared::id(&next), Shared::id(&other), "{fault}: it takes no new sharer");
            assert_eq!(pool.status().size, 2, "and is there until its last has left");
            drop((other, next));
            bench.settled().await;
            assert_eq!(pool.status().size, 1);
        }
        // One that rests is of the same generation, one that was made since is not.
        let held = pool.acquire().await.unwrap();
        let (mut one, mut other) = (pool.share().await.unwrap(), pool.share().await.unwrap());
        drop(held);
        assert_eq!(pool.status().size, 2);
        Shared::report_fault(&mut one, Fault::Host);
        drop(one);
        bench.settled().await;
        assert_eq!(pool.status().size, 1, "only the other sharer's is left");
        let fresh = pool.acquire().await.unwrap();
        Shared::report_fault(&mut other, Fault::Host);
        drop((other, fresh));
        bench.settled().await;
        assert_eq!(pool.status().available, 1, "the second to say so costs nothing");
    });
}

// P-22
#[test]
fn a_grant_is_a_limit_beside_the_pools_own() {
    let bench = Bench::new(1);
    let pool = bench.pool(4);
    bench.sim.run(async {
        drop(pool.acquire_many(4).await.unwrap());
        pool.set_grant(2);
        assert_eq!((pool.status().max, pool.status().size), (2, 2));
        let held = pool.acquire_many(2).await.unwrap();
        assert!(pool.acquire().timeout(ms(1)).await.is_err(), "nothing is lent beyond the grant");
        pool.set_grant(cenote::Bound::Unlimited);
        assert_eq!(pool.status().max, 4);
        drop(pool.acquire().await.unwrap());
        drop(held);
    });
}

// P-26
#[test]
fn the_sum_of_counts_is_that_of_its_parts() {
    let bench = Bench::new(1);
    let (one, two) = (bench.pool(2), bench.pool(3));
    bench.sim.run(async {
        let _held = (one.acquire().await.unwrap(), two.acquire().await.unwrap());
        drop(two.acquire().await.unwrap());
        let sum = Status::sum([one.status(), two.status()]);
        assert_eq!((sum.size, sum.using, sum.available, sum.max, sum.spare), (3, 2, 1, 5, 2));
        assert_eq!(sum.state, cenote::State::Running);
        two.close_now().await;
        assert_eq!(Status::sum([one.status(), two.status()]).state, cenote::State::Running);
        assert_eq!(Status::sum([two.status()]).state, cenote::State::Closed);
    });
}

// P-11
#[test]
fn a_pool_that_seeks_keeps_trying_while_all_it_has_is_lent() {
    let bench = Bench::new(1);
    let pool = bench.pool(3);
    bench.sim.run(async {
        let held = pool.acquire().await.unwrap();
        pool.set_seeking(true);
        bench.settled().await;
        assert_eq!((pool.status().available, pool.status().size), (1, 2));
        pool.set_seeking(false);
        drop(pool.acquire_many(2).await.unwrap());
        bench.settled().await;
        assert_eq!(pool.status().size, 3, "what is there stays, and no more is made");
        drop(held);
    });
}
