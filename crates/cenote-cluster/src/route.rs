//! Where a request may go: a role, and whatever narrows it down. A route is a small value; making one for each request
//! costs nothing unless it has a pattern or a rule of its own.

use std::fmt;
use std::sync::Arc;

use cenote::Role;

use crate::balance::Balance;
use crate::random::stable_hash;
use crate::snapshot::Place;

/// What kind of node a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// The primary.
    Primary,
    /// A replica and nothing else.
    Replica,
    /// A replica; the primary if no replica is online.
    PreferReplica,
    /// Any node.
    Any,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Target::Primary => "the primary",
            Target::Replica => "a replica",
            Target::PreferReplica => "a replica or the primary",
            Target::Any => "any node",
        }
    }
}

/// A rule of the caller's own.
type Rule = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Where a request may go (C-2).
///
/// ```
/// use cenote_cluster::Route;
///
/// let report = Route::read().to("replica-*").tagged("ssd").zone("eu-1");
/// assert_eq!(report.to_string(), "a replica or the primary named \"replica-*\" tagged \"ssd\"");
/// assert_eq!(Route::for_query("SELECT", false).to_string(), Route::read().to_string());
/// ```
#[derive(Clone)]
#[must_use = "a route goes nowhere by itself"]
pub struct Route {
    pub(crate) target: Target,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) rule: Option<Rule>,
    pub(crate) tag: Option<Arc<str>>,
    pub(crate) zone: Option<Arc<str>>,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) key: Option<u64>,
    pub(crate) balance: Option<Arc<dyn Balance>>,
}

impl Route {
    /// To a node of this kind.
    pub const fn target(target: Target) -> Route {
        Route {
            target,
            name: None,
            rule: None,
            tag: None,
            zone: None,
            group: None,
            key: None,
            balance: None,
        }
    }

    /// To a replica, or the primary if no replica is online.
    pub const fn read() -> Route {
        Route::target(Target::PreferReplica)
    }

    /// To the primary.
    pub const fn write() -> Route {
        Route::target(Target::Primary)
    }

    /// To any node.
    pub const fn any() -> Route {
        Route::target(Target::Any)
    }

    /// To a replica and nothing else.
    pub const fn replica() -> Route {
        Route::target(Target::Replica)
    }

    /// Where Sequelize sends a query of this type: a SELECT to a replica unless the primary is asked for
    /// (`useMaster`), anything else to the primary.
    pub fn for_query(kind: &str, use_primary: bool) -> Route {
        if kind.eq_ignore_ascii_case("SELECT") && !use_primary {
            Route::read()
        } else {
            Route::write()
        }
    }

    /// The same, but to the primary: a read that must see what was just written.
    pub fn primary(mut self) -> Route {
        self.target = Target::Primary;
        self
    }

    /// Only to nodes whose key matches: `*` stands for anything, anywhere, any number of times.
    pub fn to(mut self, pattern: impl Into<Arc<str>>) -> Route {
        self.name = Some(pattern.into());
        self
    }

    /// Only to nodes for whose key this says yes, such as a regular expression's `is_match`. It runs for every node at
    /// every acquire.
    pub fn matching(mut self, rule: impl Fn(&str) -> bool + Send + Sync + 'static) -> Route {
        self.rule = Some(Arc::new(rule));
        self
    }

    /// Only to nodes with this tag.
    pub fn tagged(mut self, tag: impl Into<Arc<str>>) -> Route {
        self.tag = Some(tag.into());
        self
    }

    /// To nodes of this zone if one is online, else to others; instead of the cluster's zone.
    pub fn zone(mut self, zone: impl Into<Arc<str>>) -> Route {
        self.zone = Some(zone.into());
        self
    }

    /// Only to nodes of this group.
    pub fn group(mut self, group: impl Into<Arc<str>>) -> Route {
        self.group = Some(group.into());
        self
    }

    /// With a key that a hashing balancer goes by.
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Route {
        self.key = Some(stable_hash(key.as_ref()));
        self
    }

    /// By this balancer instead of the cluster's. Keep it and pass it again where it has a state, such as a turn.
    pub fn balance(mut self, balance: Arc<dyn Balance>) -> Route {
        self.balance = Some(balance);
        self
    }

    /// Whether it could ever lead to this node, whatever the node's role and health.
    pub(crate) fn names(&self, place: &Place) -> bool {
        let node = &place.node;
        self.name.as_ref().is_none_or(|pattern| matches(pattern, node.key()))
            && self.rule.as_ref().is_none_or(|rule| rule(node.key()))
            && self.tag.as_ref().is_none_or(|tag| node.has_tag(tag))
            && self.group.as_ref().is_none_or(|group| node.configured_group() == Some(&**group))
    }

    /// Whether nodes need to be looked at one by one.
    pub(crate) fn is_narrow(&self) -> bool {
        self.name.is_some() || self.rule.is_some() || self.tag.is_some() || self.group.is_some()
    }

    /// The kinds of nodes to try, the best first.
    pub(crate) fn tiers(&self) -> &'static [Tier] {
        match self.target {
            Target::Primary => &[Tier::Primary],
            Target::Replica => &[Tier::Replica],
            Target::PreferReplica => &[Tier::Replica, Tier::Primary],
            Target::Any => &[Tier::Any],
        }
    }
}

/// Nodes that are equally good for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    Primary,
    Replica,
    Any,
}

impl Tier {
    pub(crate) fn takes(self, place: &Place) -> bool {
        match self {
            Tier::Primary => place.role == Some(Role::Primary),
            // Who is too far behind serves no reads (C-13).
            Tier::Replica => place.role == Some(Role::Replica) && !place.lagging,
            Tier::Any => place.role.is_some(),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.target.name())?;
        let parts =
            [(" named", &self.name), (" tagged", &self.tag), (" of the group", &self.group)];
        for (what, text) in parts {
            if let Some(text) = text {
                write!(f, "{what} {text:?}")?;
            }
        }
        f.write_str(if self.rule.is_some() { " that the route's rule allows" } else { "" })
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({self})")
    }
}

/// Whether the text matches a pattern with `*`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        // The first place will do: it leaves the most for the others.
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-2
    #[test]
    fn a_star_stands_for_anything_anywhere() {
        let yes = [
            ("a", "a"),
            ("*", ""),
            ("*", "anything"),
            ("replica-*", "replica-1"),
            ("replica-*", "replica-"),
            ("*-1", "replica-1"),
            ("*a*b*", "xaybz"),
            ("a*a", "aa"),
            ("a**b", "ab"),
            ("*ab*ab", "abab"),
        ];
        for (pattern, text) in yes {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        let no = [
            ("a", "b"),
            ("", "a"),
            ("replica-*", "primary"),
            ("a*a", "a"),
            ("*-1", "replica-12"),
            ("*ab*ab", "xab"),
            ("a*b*c", "acb"),
        ];
        for (pattern, text) in no {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    // C-2
    #[test]
    fn anything_but_a_select_goes_to_the_primary() {
        for kind in ["SELECT", "select"] {
            assert_eq!(Route::for_query(kind, false).target, Target::PreferReplica);
            assert_eq!(Route::for_query(kind, true).target, Target::Primary);
        }
        for kind in ["INSERT", "UPDATE", "", "SELECT FOR UPDATE"] {
            assert_eq!(Route::for_query(kind, false).target, Target::Primary);
        }
    }
}
