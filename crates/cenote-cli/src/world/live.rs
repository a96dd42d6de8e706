//! The demo for people: a dashboard with a button for each fault, and lines on the terminal, until they have seen enough.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cenote::Role;
use cenote_admin::Admin;
use console::style;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval_at, sleep};

use super::buttons::buttons;
use super::folder;
use super::load::TASKS;
use super::news::News;
use super::tally::{Kind, Sum};
use super::whole::{Ended, World};
use crate::Outcome;
use crate::args::DemoArgs;
use crate::failure::Failure;
use crate::stop::Stop;
use crate::units::{count, per_second};

/// How often the figures of the load are told.
const EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: &DemoArgs) -> Result<Outcome, Failure> {
    let mut stop = Stop::new();
    // Before there is anything that could be left behind.
    let (listener, address) = listen(args.listen).await?;
    let token = token()?;
    let folder = folder()?;
    let news = Arc::new(News::new());
    let world = Arc::new(World::begin(folder.path(), Arc::clone(&news), None).await?);
    news.print(&greeting(address, &token));
    news.open();
    let until = args.seconds.map(|seconds| Duration::from_secs(seconds.into()));
    {
        let admin = buttons(Admin::builder(world.registry.clone()).token(token), &world).build();
        news.open_on(&admin);
        tokio::select! {
            () = watch(&world, until, &mut stop) => {}
            served = admin.serve(listener) => {
                served.map_err(|error| Failure::new(format!("the dashboard at {address}: {error}")))?;
            }
        }
    }
    world.rest().await;
    news.close();
    let tally = Arc::clone(&world.load.tally);
    if let Some(left) = left(&world.end().await) {
        return Err(Failure::new(left));
    }
    let mut text = String::from("\n");
    for kind in [Kind::Read, Kind::Write] {
        let Sum { good, failed, shed } = tally.sum(kind);
        let [good, failed, shed] = [good, failed, shed].map(count);
        text += &format!("  {good} {}, {failed} failed, {shed} turned away\n", kind.plural());
    }
    for word in tally.words() {
        text += &format!("      {word}\n");
    }
    Ok(Outcome { text, interrupted: stop.is_wished() })
}

async fn listen(wished: Option<SocketAddr>) -> Result<(TcpListener, SocketAddr), Failure> {
    let address = wished.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound.await.map_err(|error: std::io::Error| {
        Failure::new(format!(
            "--listen: {address} cannot be had ({error}): take another port, or none"
        ))
    })
}

/// Something that nobody can guess.
fn token() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(format!("the system gave no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn greeting(address: SocketAddr, token: &str) -> String {
    let title = format!("Cenote: one primary, two replicas, {TASKS} tasks, all in this process");
    let mut text = format!("\n  {}\n\n", style(title).bold());
    let url = style(format!("http://{address}/")).cyan().underlined().to_string();
    for (name, value, note) in [
        ("Dashboard", url.as_str(), "with a button for each fault"),
        ("Terminal", &format!("cenote top http://{address}"), "without a browser"),
        ("Token", token, "for what it can do to the pools"),
        ("Ctrl-C", "ends it", ""),
    ] {
        let name = style(format!("{name:<11}")).dim();
        let note =
            if note.is_empty() { String::new() } else { format!("   {}", style(note).dim()) };
        text += &format!("  {name}{value}{note}\n");
    }
    text
}

/// Until it is over, nobody wants to see more, or nobody reads.
async fn watch(world: &World, until: Option<Duration>, stop: &mut Stop) {
    let end = async {
        match until {
            Some(until) => sleep(until).await,
            None => std::future::pending().await,
        }
    };
    let mut end = std::pin::pin!(end);
    let mut ticks = interval_at(tokio::time::Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let sums = || [Kind::Read, Kind::Write].map(|kind| world.load.tally.sum(kind));
    let (mut before, mut at) = (sums(), Instant::now());
    while !world.news.is_unheard() {
        tokio::select! {
            () = &mut end => return,
            () = stop.wished() => return,
            _ = ticks.tick() => {}
        }
        let (now, since) = (sums(), at.elapsed());
        at = Instant::now();
        world.news.figures(&figures(
            [now[0].since(before[0]), now[1].since(before[1])],
            since,
            world,
        ));
        before = now;
    }
}

fn figures([reads, writes]: [Sum; 2], since: Duration, world: &World) -> String {
    let [r, w] = [reads.good, writes.good].map(|n| count(per_second(n, since)));
    let mut text = format!("{r} reads/s, {w} writes/s");
    for (what, n) in
        [("failed", reads.failed + writes.failed), ("turned away", reads.shed + writes.shed)]
    {
        if n > 0 {
            text += &format!(", {} {what}", count(n));
        }
    }
    for server in world.servers.all() {
        let is = match server.view().map(|view| (view.role, view.lag)) {
            None => "dead".to_owned(),
            Some((Role::Primary, _)) => "primary".to_owned(),
            Some((Role::Replica, Some(lag))) if lag > Duration::from_millis(100) => {
                format!("replica {:.1} s behind", lag.as_secs_f64())
            }
            Some((Role::Replica, _)) => "replica".to_owned(),
        };
        let ill = server.faults.words();
        let ill = if ill.is_empty() { String::new() } else { format!(" ({})", ill.join(", ")) };
        text += &format!(" · {} {is}{ill}", server.name);
    }
    text
}

/// What is left that should not be, in a sentence.
fn left(ended: &Ended) -> Option<String> {
    let whole = ended.counted == 0 && ended.sessions == 0;
    (!whole).then(|| {
        format!(
            "{} connections were still counted and {} sessions open when all had ended: a bug, please report it",
            ended.counted, ended.sessions
        )
    })
}
