//! Nodes from DNS: every address of a name, or what its SRV records list, asked again when the answer's time to live is
//! over. That time is clamped, so that a zero is no storm and a week no week without news (lesson 15).
//!
//! A name that does not exist, or has no such record, lists nothing, which the stabilizer takes for a mistake. A server
//! that does not answer says nothing.

mod records;

use std::net::SocketAddr;
use std::time::Duration;

use cenote::{Env, Node, Time};
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{Resolver, TokioResolver};

use super::{Discovery, Update};
pub use records::Found;

use records::{Server, servers};

/// The shortest and the longest time until the name is asked for again.
const SOONEST: Duration = Duration::from_secs(5);
const LATEST: Duration = Duration::from_secs(300);
/// How long a server may take to answer, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;

type Make = Box<dyn Fn(&Found) -> Node + Send + Sync>;

/// A node for each address (A and AAAA) that this name has, at this port. Its key and its address are `10.0.0.1:5432`,
/// unless [`node`](DnsSource::node) says otherwise.
///
/// ```
/// use cenote::{Node, Role};
/// use cenote_cluster::discovery;
///
/// let replicas = discovery::dns("replicas.db.internal", 5432).node(|found| {
///     let url = format!("postgres://app@{}/shop", found.authority());
///     Node::new(found.authority(), url).role(Role::Replica)
/// });
/// # drop(replicas);
/// ```
pub fn dns(name: impl Into<String>, port: u16) -> DnsSource {
    DnsSource::new(name.into(), Question::Addresses(port))
}

/// A node for each server that the SRV records of this name list. Its key and its address are `db-1.internal:5432`, unless
/// [`node`](DnsSource::node) says otherwise; its weight is the record's, and servers of a priority that is not the best
/// are [backups](cenote::Node::backup).
///
/// ```
/// use cenote_cluster::discovery;
///
/// let source = discovery::dns_srv("_postgresql._tcp.db.internal");
/// # drop(source);
/// ```
pub fn dns_srv(name: impl Into<String>) -> DnsSource {
    DnsSource::new(name.into(), Question::Services)
}

enum Question {
    Addresses(u16),
    Services,
}

/// A name in DNS as a source of nodes. Made by [`dns`] and [`dns_srv`]. It needs a tokio runtime.
pub struct DnsSource {
    name: String,
    question: Question,
    server: Option<SocketAddr>,
    make: Make,
    resolver: Option<TokioResolver>,
    next: Time,
}

impl DnsSource {
    fn new(name: String, question: Question) -> DnsSource {
        let make = |found: &Found| Node::new(found.authority(), found.authority());
        let make = Box::new(make);
        DnsSource { name, question, server: None, make, resolver: None, next: Time::ZERO }
    }

    /// How a node is made of what was found. Its weight and, for SRV, whether it is a backup are set afterwards.
    #[must_use]
    pub fn node(mut self, make: impl Fn(&Found) -> Node + Send + Sync + 'static) -> DnsSource {
        self.make = Box::new(make);
        self
    }

    /// Asks this server instead of those that the system is configured to ask.
    #[must_use]
    pub fn server(mut self, server: SocketAddr) -> DnsSource {
        self.server = Some(server);
        self
    }

    fn resolver(&self) -> Result<TokioResolver, String> {
        let told =
            |error| format!("{}: the system's DNS servers are not known: {error}", self.name());
        let mut builder = match self.server {
            None => TokioResolver::builder_tokio().map_err(told)?,
            Some(server) => {
                let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                connections.iter_mut().for_each(|connection| connection.port = server.port());
                let server = NameServerConfig::new(server.ip(), true, connections.into());
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                Resolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        options(builder.options_mut());
        builder.build().map_err(told)
    }

    /// What the name lists, and for how long that holds.
    async fn ask(&self, resolver: &TokioResolver) -> (Update, Duration) {
        let kinds: &[RecordType] = match self.question {
            Question::Addresses(_) => &[RecordType::A, RecordType::AAAA],
            Question::Services => &[RecordType::SRV],
        };
        let (mut found, mut lives, mut nothing) = (Vec::new(), LATEST, None);
        for kind in kinds {
            match resolver.lookup(self.name.as_str(), *kind).await {
                Ok(lookup) => {
                    let left =
                        lookup.valid_until().saturating_duration_since(std::time::Instant::now());
                    lives = lives.min(left);
                    found.extend(
                        lookup.answers().iter().filter_map(|record| self.server_of(&record.data)),
                    );
                }
                Err(error) if error.is_no_records_found() => {
                    nothing = Some(if error.is_nx_domain() {
                        "does not exist"
                    } else {
                        "has no such record"
                    });
                }
                Err(error) => {
                    let why = format!("{} cannot be looked up: {error}", self.name());
                    return (Update::failed(why), SOONEST);
                }
            }
        }
        let mut update = Update::all(servers(found).iter().map(|server| server.node(&self.make)));
        if let (Some([]), Some(nothing)) = (update.nodes(), nothing) {
            lives = SOONEST;
            update = update.remark(format!("{} {nothing}", self.name()));
        }
        (update, lives.clamp(SOONEST, LATEST))
    }

    fn server_of(&self, data: &RData) -> Option<Server> {
        match (data, &self.question) {
            (RData::A(a), Question::Addresses(port)) => Some(Server::at(a.0.to_string(), *port)),
            (RData::AAAA(a), Question::Addresses(port)) => {
                Some(Server::at(format!("[{}]", a.0), *port))
            }
            (RData::SRV(srv), Question::Services) => {
                let host = srv.target.to_utf8();
                // A single dot: there is no such service here.
                let host = host.strip_suffix('.').unwrap_or(&host);
                let (port, priority, weight) = (srv.port, srv.priority, srv.weight);
                (!host.is_empty()).then(|| Server { host: host.to_owned(), port, priority, weight })
            }
            _ => None,
        }
    }
}

/// Short waits, and no cache beyond what is asked for again.
fn options(options: &mut ResolverOpts) {
    options.timeout = PATIENCE;
    options.attempts = ATTEMPTS;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.positive_max_ttl = Some(LATEST);
    options.positive_min_ttl = Some(SOONEST);
    options.negative_max_ttl = Some(SOONEST);
}

impl Discovery for DnsSource {
    fn name(&self) -> String {
        match self.question {
            Question::Addresses(_) => format!("DNS name {}", self.name),
            Question::Services => format!("DNS service {}", self.name),
        }
    }

    async fn next(&mut self, env: &dyn Env) -> Option<Update> {
        env.sleep_until(self.next).await;
        if tokio::runtime::Handle::try_current().is_err() {
            self.next = Time::NEVER;
            return Some(Update::invalid(format!(
                "{} needs a tokio runtime to be asked on",
                Discovery::name(self)
            )));
        }
        if self.resolver.is_none() {
            match self.resolver() {
                Ok(resolver) => self.resolver = Some(resolver),
                Err(why) => {
                    self.next = env.now() + SOONEST;
                    return Some(Update::failed(why));
                }
            }
        }
        let (update, lives) = self.ask(self.resolver.as_ref()?).await;
        self.next = env.now() + lives;
        Some(update)
    }
}

impl std::fmt::Debug for DnsSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DnsSource").field("name", &self.name).finish_non_exhaustive()
    }
}
