//! What DNS records say of servers: addresses or SRV records in, servers with weights and ranks out. No I/O.

use std::collections::BTreeMap;

use cenote::Node;

/// A server that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// Its address, or its name if SRV records list it; an IPv6 address stands in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Found {
    /// Host and port, as URLs have them.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// A server as a record lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) priority: u16,
    pub(super) weight: u16,
}

impl Server {
    /// One that an address record lists.
    pub(super) fn at(host: String, port: u16) -> Server {
        Server { host, port, priority: 0, weight: 1 }
    }
}

/// A server with its rank: 0 for the best priority, 1 for the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ranked {
    found: Found,
    rank: u16,
    weight: u32,
}

impl Ranked {
    pub(super) fn node(&self, make: &dyn Fn(&Found) -> Node) -> Node {
        make(&self.found).weight(self.weight).backup(self.rank)
    }
}

/// Each server once, in an order that does not depend on that of the records. A weight of 0 is the smallest there is, and
/// not none: RFC 2782 lets such a server have a little.
pub(super) fn servers(mut records: Vec<Server>) -> Vec<Ranked> {
    records.sort_by(|a, b| (a.priority, &a.host, a.port).cmp(&(b.priority, &b.host, b.port)));
    let mut ranks: BTreeMap<u16, u16> = BTreeMap::new();
    for record in &records {
        let next = u16::try_from(ranks.len()).unwrap_or(u16::MAX);
        ranks.entry(record.priority).or_insert(next);
    }
    let mut ranked: Vec<Ranked> = Vec::new();
    for Server { host, port, priority, weight } in records {
        let found = Found { host, port };
        // Listed twice, its best rank counts, which comes first.
        if ranked.iter().all(|known| known.found != found) {
            ranked.push(Ranked { found, rank: ranks[&priority], weight: u32::from(weight.max(1)) });
        }
    }
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(host: &str, priority: u16, weight: u16) -> Server {
        Server { host: host.to_owned(), port: 5432, priority, weight }
    }

    // D-1
    #[test]
    fn weights_count_and_all_but_the_best_priority_are_backups_in_their_order() {
        let records = vec![
            record("c", 30, 5),
            record("b", 10, 3),
            record("a", 10, 0),
            record("d", 20, 1),
            record("a", 30, 9),
        ];
        let nodes: Vec<(String, u32, u16)> = servers(records)
            .iter()
            .map(|server| server.node(&|found| Node::new(found.authority(), "")))
            .map(|node| (node.key().to_owned(), node.configured_weight(), node.configured_backup()))
            .collect();
        let node = |key: &str, weight, rank| (format!("{key}:5432"), weight, rank);
        assert_eq!(nodes, [node("a", 1, 0), node("b", 3, 0), node("d", 1, 1), node("c", 5, 2)]);
    }

    // D-1
    #[test]
    fn an_address_that_is_listed_twice_is_one_server() {
        let at = |host: &str| Server::at(host.to_owned(), 1);
        let found = servers(vec![at("10.0.0.2"), at("10.0.0.1"), at("10.0.0.2")]);
        let hosts: Vec<&str> = found.iter().map(|server| server.found.host.as_str()).collect();
        assert_eq!(hosts, ["10.0.0.1", "10.0.0.2"]);
        assert!(found.iter().all(|server| (server.rank, server.weight) == (0, 1)));
    }
}
