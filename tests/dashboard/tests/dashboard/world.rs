//! A service with a pool under load, a pool whose figures are known, a cluster of three nodes, and the dashboard's server,
//! which can be stopped and started again without them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum::Router;
use cenote::{Fault, Lend, Node, Pool, Pooled, Role};
use cenote_admin::Admin;
use cenote_cluster::{Cluster, Registry, Route};
use cenote_testkit::{Script, Step};
use tokio::runtime::{Builder, Runtime};

/// What operations need here.
pub(crate) const TOKEN: &str = "a-token-that-only-tests-have-0123";

/// The nodes: what they are called, and what they are.
pub(crate) const NODES: [(&str, Role); 3] =
    [("a:5432", Role::Primary), ("b:5432", Role::Replica), ("c:5432", Role::Replica)];

pub(crate) struct World {
    /// Under load.
    pub(crate) orders: Pool<Script>,
    /// As [`hold_still`](World::hold_still) leaves it: three connections, all lent, and two callers that wait.
    pub(crate) still: Pool<Script>,
    /// By the same: five connections of at most seven, two of them lent.
    pub(crate) roomy: Pool<Script>,
    pub(crate) cluster: Cluster<Script>,
    pub(crate) registry: Registry,
    servers: Arc<Vec<Script>>,
    site: Option<Runtime>,
    /// Where the dashboard is: by itself at the root, or in somebody's service.
    path: &'static str,
    address: SocketAddr,
    held: Vec<Pooled<Script>>,
    // Last: the pools' tasks run on it.
    runtime: Runtime,
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

impl World {
    pub(crate) fn new() -> World {
        World::at("/")
    }

    /// A world whose dashboard is mounted at a path of a service.
    pub(crate) fn at(path: &'static str) -> World {
        let runtime = runtime();
        let registry = Registry::new();
        let (orders, still, roomy, cluster, servers) = runtime.block_on(async {
            let orders = Pool::builder(Script::new()).name("orders").max_size(4).build().unwrap();
            let still = Pool::builder(Script::new())
                .name("still")
                .max_size(3)
                .measure_hold(true)
                .build()
                .unwrap();
            let roomy = Pool::builder(Script::new()).name("roomy").max_size(7).build().unwrap();
            let servers: Arc<Vec<Script>> = Arc::new(NODES.iter().map(|_| Script::new()).collect());
            let by_address = Arc::clone(&servers);
            let cluster = Cluster::builder(move |node: &Node| {
                let at = NODES.iter().position(|(name, _)| *name == node.address());
                Ok(at.map(|at| by_address[at].clone()).unwrap_or_default())
            })
            .name("shop")
            .nodes(NODES.iter().map(|(name, role)| Node::new(*name, *name).role(*role)))
            .pool(|pool| pool.max_size(6).backoff_max(Duration::from_millis(200)))
            .build_ready()
            .await
            .unwrap();
            (orders, still, roomy, cluster, servers)
        });
        registry.pool(&orders);
        registry.pool(&still);
        registry.pool(&roomy);
        registry.cluster(&cluster);
        let mut world = World {
            orders,
            still,
            roomy,
            cluster,
            registry,
            servers,
            site: None,
            path,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            held: Vec::new(),
            runtime,
        };
        world.load();
        world.start();
        world
    }

    /// Some tasks that borrow, work for a moment and give back, for as long as the world lasts.
    fn load(&self) {
        for _ in 0..2 {
            let pool = self.orders.clone();
            self.runtime.spawn(async move {
                loop {
                    let conn = pool.acquire().await;
                    tokio::time::sleep(Duration::from_millis(3)).await;
                    drop(conn);
                }
            });
            for route in [Route::read(), Route::write()] {
                let cluster = self.cluster.clone();
                self.runtime.spawn(async move {
                    loop {
                        let conn = cluster.route(route.clone()).await;
                        tokio::time::sleep(Duration::from_millis(3)).await;
                        drop(conn);
                    }
                });
            }
        }
    }

    /// Brings the two quiet pools to where they stay. Gives the place of `still`'s acquires.
    pub(crate) fn hold_still(&mut self) -> String {
        let (held, place) = self.runtime.block_on(async {
            let mut held = Vec::new();
            let mut place = 0;
            for _ in 0..3 {
                (held, place) = (held, line!() + 1);
                held.push(self.still.acquire().await.unwrap());
            }
            let mut of_roomy = Vec::new();
            for _ in 0..5 {
                of_roomy.push(self.roomy.acquire().await.unwrap());
            }
            of_roomy.truncate(2);
            held.extend(of_roomy);
            (held, place)
        });
        self.held = held;
        for _ in 0..2 {
            let pool = self.still.clone();
            self.runtime
                .spawn(async move { drop(pool.acquire().timeout(Duration::from_secs(600)).await) });
        }
        format!("world.rs:{place}")
    }

    /// What a test does to something that lives in the world's own runtime.
    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The server of a node dies, and takes its connections with it.
    pub(crate) fn kill(servers: &[Script], at: usize) {
        servers[at].connect_always(Step::Error(Fault::Host));
        servers[at].kill_all();
    }

    pub(crate) fn revive(servers: &[Script], at: usize) {
        servers[at].connect_always(Step::Ok);
    }

    /// Starts the dashboard's server, at the address that it had if it had one.
    pub(crate) fn start(&mut self) {
        let site = runtime();
        let (address, listener) = site.block_on(async {
            let listener = tokio::net::TcpListener::bind(self.address).await.unwrap();
            (listener.local_addr().unwrap(), listener)
        });
        let (registry, servers) = (self.registry.clone(), Arc::clone(&self.servers));
        let (killed, revived) = (Arc::clone(&servers), servers);
        let path = self.path;
        site.spawn(async move {
            let admin = Admin::builder(registry)
                .token(TOKEN)
                .group("Faults")
                .open_action("kill-primary", "Kill the primary", move || {
                    World::kill(&killed, 0);
                    async { Ok("its connections are gone".to_owned()) }
                })
                .open_action("revive-primary", "Start the primary", move || {
                    World::revive(&revived, 0);
                    async { Ok("it takes connections again".to_owned()) }
                })
                .group("Actions")
                .action("refuse", "Do what cannot be done", || async {
                    Err("no, <b>never</b>".to_owned())
                })
                .build();
            match path {
                "/" => admin.serve(listener).await,
                _ => axum::serve(listener, Router::new().nest(path, admin.router())).await,
            }
        });
        self.address = address;
        self.site = Some(site);
    }

    /// Stops the server where it is, until the answer is dropped: its streams stay open, and nothing comes.
    pub(crate) fn freeze(&self) -> mpsc::Sender<()> {
        let (thaw, frozen) = mpsc::channel();
        if let Some(site) = &self.site {
            // It has one thread.
            site.spawn(async move { frozen.recv() });
        }
        thaw
    }

    /// Ends the server and all its streams, as its process's end would.
    pub(crate) fn stop(&mut self) {
        if let Some(site) = self.site.take() {
            site.shutdown_timeout(Duration::from_secs(5));
        }
    }

    /// Where the page is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
        self.held.clear();
        drop(Lend::close(&self.cluster, Duration::ZERO));
    }
}
