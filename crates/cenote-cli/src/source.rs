//! The sources that `cenote nodes` can look at, by name.

use cenote::Env;
use cenote_cluster::discovery::{Discovery, DnsSource, FileSource, Update, dns, dns_srv, file};
use cenote_etcd::EtcdSource;

use crate::failure::Failure;

/// One of them.
pub(crate) enum Source {
    File(FileSource),
    Dns(Box<DnsSource>),
    Etcd(Box<EtcdSource>),
}

impl Source {
    pub(crate) fn named(name: &str) -> Result<Source, Failure> {
        if let Some(url) = name.strip_prefix("etcd:") {
            let source = EtcdSource::from_url(url);
            let wrong = |error| Failure::usage(format!("--source: {error}"));
            return source.map(|source| Source::Etcd(Box::new(source))).map_err(wrong);
        }
        let known = match name.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Some(Source::File(file(path))),
            Some(("srv", name)) if !name.is_empty() => Some(Source::Dns(Box::new(dns_srv(name)))),
            Some(("dns", name)) => name.rsplit_once(':').and_then(|(name, port)| {
                let port = port.parse().ok().filter(|_| !name.is_empty())?;
                Some(Source::Dns(Box::new(dns(name, port))))
            }),
            _ => None,
        };
        known.ok_or_else(|| {
            Failure::usage(
                "--source: name a node file, as in file:nodes.toml, a name in DNS with a port, as in \
                 dns:db.internal:5432, one with SRV records, as in srv:_db._tcp.internal, or a prefix in etcd, as in \
                 etcd:http://10.0.0.1:2379/shop/nodes/",
            )
        })
    }
}

impl Discovery for Source {
    fn name(&self) -> String {
        match self {
            Source::File(source) => source.name(),
            Source::Dns(source) => source.name(),
            Source::Etcd(source) => source.name(),
        }
    }

    async fn next(&mut self, env: &dyn Env) -> Option<Update> {
        match self {
            Source::File(source) => source.next(env).await,
            Source::Dns(source) => source.next(env).await,
            Source::Etcd(source) => source.next(env).await,
        }
    }
}
