//! One round: pools are opened, borrowers and keepers come, faults strike; then all of it stops, the pools must be
//! whole, they are closed, and the process must hold no more than before the first round.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cenote::blocking;
use cenote::{Pool, Status};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::driver::Driver;
use crate::manager::Faulty;
use crate::meters::Reading;
use crate::place::{Place, Places, Shelf};
use crate::world::World;
use crate::{borrowers, keeper, threads};

/// How often one looks whether it has.
const LOOK: Duration = Duration::from_millis(10);

/// Borrowers of each pool: more than it has connections, so that somebody always waits.
const FRONT: usize = 16;
const BRIEF: usize = 8;
const OFFLOAD: usize = 8;
const THREADS: usize = 6;

pub(crate) struct Rounds {
    pub(crate) runtime: Runtime,
    pub(crate) world: Arc<World>,
    pub(crate) shelf: Shelf,
    pub(crate) dice: Dice,
    /// What the process held before the first round.
    pub(crate) before: Reading,
}

/// What a round has shown.
pub(crate) struct Seen {
    /// The most of everything under load.
    pub(crate) peak: Reading,
    /// What was held when all was over.
    pub(crate) rest: Reading,
    pub(crate) wrong: Vec<String>,
}

impl Rounds {
    pub(crate) fn one(&mut self, length: Duration) -> Seen {
        let world = Arc::clone(&self.world);
        world.begin();
        let places = self.runtime.block_on(async { Places::open(&world, &self.shelf) });
        let mut tasks = self.send_tasks(&places);
        let callers = self.send_threads(&places);
        let peak = self.runtime.block_on(self.watch(length));
        world.end();
        self.runtime.block_on(go_home(&mut tasks, &world));
        join(callers, &world);
        self.runtime.block_on(async {
            finish(&places.front, &world).await;
            finish(&places.brief, &world).await;
            finish(&places.offload, &world).await;
        });
        finish_threads(&places.threads, &world);
        drop(places);
        let rest = self.settle();
        world.ledger.verify().into_iter().for_each(|sentence| world.complain(sentence));
        Seen { peak, rest, wrong: world.complaints() }
    }

    fn send_tasks(&mut self, places: &Places) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let _inside = self.runtime.enter();
        let Rounds { world, dice, .. } = self;
        send(&mut tasks, &places.front, FRONT, world, dice);
        send(&mut tasks, &places.brief, BRIEF, world, dice);
        send(&mut tasks, &places.offload, OFFLOAD, world, dice);
        tasks
    }

    fn send_threads(&mut self, places: &Places) -> Vec<JoinHandle<()>> {
        let mut all = Vec::new();
        for n in 0..=THREADS {
            let (place, world) = (Arc::clone(&places.threads), Arc::clone(&self.world));
            let dice = self.dice.fork();
            all.push(thread::spawn(move || match n {
                0 => keeper::threads_keeper(&place, &world, dice),
                _ => threads::borrower(&place, &world, dice),
            }));
        }
        all
    }

    async fn watch(&self, length: Duration) -> Reading {
        let end = Instant::now() + length;
        let mut peak = Reading::default();
        while Instant::now() < end {
            sleep(Duration::from_millis(200)).await;
            let now = Reading::now(self.runtime.handle());
            peak = Reading {
                rss: peak.rss.max(now.rss),
                threads: peak.threads.max(now.threads),
                files: peak.files.max(now.files),
                tasks: peak.tasks.max(now.tasks),
            };
        }
        peak
    }

    /// Waits until nothing is left, and says what is.
    fn settle(&self) -> Reading {
        let deadline = Instant::now() + self.world.patience;
        loop {
            let mut wrong = Vec::new();
            for (writer, books) in self.shelf.books().iter().enumerate() {
                let count = books.count();
                if count.living() > 0 || count.shares > 0 {
                    wrong.push(format!("pool {writer} has lost connections: {count:?}"));
                }
                if count.dropped > 0 {
                    wrong.push(format!("pool {writer} dropped some without a goodbye: {count:?}"));
                }
            }
            let rest = Reading::now(self.runtime.handle());
            wrong.extend(rest.beyond(&self.before));
            if wrong.is_empty() || Instant::now() > deadline {
                wrong.into_iter().for_each(|sentence| self.world.complain(sentence));
                return rest;
            }
            thread::park_timeout(LOOK);
        }
    }
}

fn send<D: Driver>(
    tasks: &mut JoinSet<()>,
    place: &Arc<Place<Pool<D>>>,
    n: usize,
    world: &Arc<World>,
    dice: &mut Dice,
) {
    tasks.spawn(keeper::keeper(Arc::clone(place), Arc::clone(world), dice.fork()));
    for _ in 0..n {
        tasks.spawn(borrowers::borrower(Arc::clone(place), Arc::clone(world), dice.fork()));
    }
}

/// Everybody's acquire has a deadline, so everybody comes home.
async fn go_home(tasks: &mut JoinSet<()>, world: &World) {
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                world.complain(format!("a borrower or keeper has not ended well: {error}"));
            }
        }
    };
    if timeout(world.patience, all).await.is_err() {
        world.complain(format!("{} tasks are stuck", tasks.len()));
    }
}

fn join(callers: Vec<JoinHandle<()>>, world: &World) {
    let deadline = Instant::now() + world.patience;
    for caller in callers {
        while !caller.is_finished() && Instant::now() < deadline {
            thread::park_timeout(LOOK);
        }
        if !caller.is_finished() {
            world.complain("a thread that borrows is stuck");
        } else if caller.join().is_err() {
            world.complain("a thread that borrows has not ended well");
        }
    }
}

/// At rest, nobody waits and everything that exists is idle.
fn is_at_rest(status: &Status) -> bool {
    let Status { size, available, using, waiting, sharers, .. } = *status;
    size == available && (using, waiting, sharers) == (0, 0, 0)
}

/// The load is over: the pool comes to rest, lends all that it may, and closes without anybody left.
async fn finish<D: Driver>(place: &Place<Pool<D>>, world: &World) {
    let pool = place.pool();
    let rest = async {
        while !is_at_rest(&pool.status()) {
            sleep(LOOK).await;
        }
    };
    pool.resume().await;
    if timeout(world.patience, rest).await.is_err() {
        world.complain(format!("{} does not come to rest: {:?}", place.name, pool.status()));
    }
    let mut held = Vec::new();
    while held.len() < pool.status().max {
        match pool.acquire().timeout(world.patience).await {
            Ok(conn) => held.push(conn),
            Err(error) => {
                world.complain(format!("{} has lost capacity: {error}", place.name));
                break;
            }
        }
    }
    drop(held);
    let report = pool.close(world.patience).await;
    judge_end(place.name, world, &pool.status(), &report.holders);
}

fn finish_threads(place: &Place<blocking::Pool<Faulty>>, world: &World) {
    let pool = place.pool();
    pool.resume();
    let deadline = Instant::now() + world.patience;
    while !is_at_rest(&pool.status()) {
        if Instant::now() > deadline {
            world.complain(format!("{} does not come to rest: {:?}", place.name, pool.status()));
            break;
        }
        thread::park_timeout(LOOK);
    }
    let mut held = Vec::new();
    while held.len() < pool.status().max {
        match pool.request().timeout(world.patience).acquire() {
            Ok(conn) => held.push(conn),
            Err(error) => {
                world.complain(format!("{} has lost capacity: {error}", place.name));
                break;
            }
        }
    }
    drop(held);
    let report = pool.close(world.patience);
    judge_end(place.name, world, &pool.status(), &report.holders);
}

fn judge_end(name: &str, world: &World, status: &Status, holders: &[cenote::Holder]) {
    if status.size > 0 || status.waiting > 0 {
        world.complain(format!("{name} is closed and not empty: {status:?}"));
    }
    for holder in holders {
        world.complain(format!("{name}: somebody still holds {holder}"));
    }
}
