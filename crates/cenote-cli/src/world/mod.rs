//! `cenote demo --cluster`: a whole little world in one process, in which a cluster of pools can be seen to live through
//! what happens to servers.
//!
//! ```text
//!  load ──► Cluster ──► a pool for each node ──► lines ──► session ──► body ──► store (an SQLite file)
//!                                                             │          │
//!                                               faults ───────┘          feed ──► following of each replica
//!  deeds (buttons, script) ──► servers ◄── operator ◄──► register
//! ```
//!
//! The servers (`server`, and for each of its lives `body`, `session`, `store`) speak `wire` on free ports of 127.0.0.1.
//! They replicate inside the process (`feed`, `following`). The `operator` promotes; the cluster finds out by itself.
//! `whole` puts all of it together, `deeds` are the faults, `news` tells what happens; `live` is the demo for people, with `buttons`,
//! `headless` plays `script` and holds it to `checks`.

mod body;
mod buttons;
mod checks;
mod deeds;
mod faults;
mod feed;
mod following;
mod headless;
mod lines;
mod live;
mod load;
mod news;
mod operator;
mod plant;
mod register;
mod scenes;
mod script;
mod server;
mod servers;
mod session;
mod store;
mod summary;
mod tally;
mod whole;
mod wire;

pub(crate) use plant::Plant;

use tempfile::TempDir;

use crate::Outcome;
use crate::args::DemoArgs;
use crate::failure::Failure;

pub(crate) async fn run(args: &DemoArgs) -> Result<Outcome, Failure> {
    match args.headless {
        true => headless::run(args.plant).await,
        false => live::run(args).await,
    }
}

/// Where the servers' files are; gone with the value.
fn folder() -> Result<TempDir, Failure> {
    crate::demo::folder("cenote-world-")
}
