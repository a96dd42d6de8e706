//! Threads that come and go: no job is lost, none runs twice, and there are never too many threads.

use std::panic::resume_unwind;
use std::sync::Arc;

use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread;

use super::{explore, join};
use crate::blocking::oneshot::{Answer, oneshot};
use crate::crew::Crew;
use crate::env::block_on;

/// How many jobs are under way, how many ever were at once, and how many have run.
#[derive(Default)]
struct Book {
    now: AtomicUsize,
    most: AtomicUsize,
    ran: AtomicUsize,
}

impl Book {
    fn enter(&self) {
        let now = self.now.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(now, SeqCst);
        self.now.fetch_sub(1, SeqCst);
        self.ran.fetch_add(1, SeqCst);
    }
}

/// Gives the crew a job; the answer comes when it has run.
fn employ(crew: &Crew, book: &Arc<Book>) -> Answer<()> {
    let (teller, answer) = oneshot();
    let book = Arc::clone(book);
    crew.run(Box::new(move || {
        book.enter();
        teller.tell(());
    }));
    answer
}

// P-25
#[test]
fn a_job_that_comes_as_a_thread_retires_is_not_lost() {
    explore(|| {
        let (crew, book) = (Arc::new(Crew::new("crew", 1)), Arc::<Book>::default());
        block_on(employ(&crew, &book));
        let time = {
            let crew = Arc::clone(&crew);
            thread::spawn(move || crew.run_out())
        };
        block_on(employ(&crew, &book));
        join(time);
        assert_eq!(book.ran.load(SeqCst), 2);
    });
}

// P-25
#[test]
fn jobs_of_several_callers_all_run_and_never_more_at_once_than_allowed() {
    explore(|| {
        let (crew, book) = (Arc::new(Crew::new("crew", 1)), Arc::<Book>::default());
        let other = {
            let (crew, book) = (Arc::clone(&crew), Arc::clone(&book));
            thread::spawn(move || block_on(employ(&crew, &book)))
        };
        let answers = [employ(&crew, &book), employ(&crew, &book)];
        answers.into_iter().for_each(block_on);
        join(other);
        assert_eq!(book.ran.load(SeqCst), 3);
        assert_eq!(book.most.load(SeqCst), 1);
    });
}

// P-33
#[test]
fn a_crew_that_is_dismissed_runs_what_it_has_taken_and_all_its_threads_end() {
    explore(|| {
        let (crew, book) = (Crew::new("crew", 2), Arc::<Book>::default());
        let first = employ(&crew, &book);
        let second = employ(&crew, &book);
        // A thread that does not end is one that sleeps for ever.
        drop(crew);
        block_on(first);
        block_on(second);
        assert_eq!(book.ran.load(SeqCst), 2);
        assert!(book.most.load(SeqCst) <= 2);
    });
}

// P-23, P-25
#[test]
fn a_job_that_panics_takes_no_thread_with_it() {
    explore(|| {
        let (crew, book) = (Crew::new("crew", 1), Arc::<Book>::default());
        crew.hire().unwrap();
        crew.run(Box::new(|| resume_unwind(Box::new("on purpose"))));
        block_on(employ(&crew, &book));
        assert_eq!(book.ran.load(SeqCst), 1);
    });
}
