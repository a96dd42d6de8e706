//! How many connections a server allows, by its own word.

/// What a server says of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Limits {
    /// There is no limit to ask for, and why.
    None(&'static str),
    /// There may be one, and the server does not tell it: why.
    Untold(String),
    /// All that there are; at least one.
    Told(Vec<Limit>),
}

/// One limit, and what of it is taken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limit {
    /// What the server calls it.
    pub(crate) name: &'static str,
    pub(crate) allows: u64,
    /// Those that only superusers get.
    pub(crate) kept: u64,
    /// Connections that count against it, less the one that asked.
    pub(crate) taken: u64,
}

impl Limit {
    /// What is left besides `own` connections of ours; the one that asked is one of these.
    pub(crate) fn left(&self, own: u64) -> u64 {
        let others = self.taken.saturating_sub(own.saturating_sub(1));
        self.allows.saturating_sub(self.kept).saturating_sub(others)
    }
}

impl Limits {
    /// The one that leaves the least.
    pub(crate) fn tightest(&self, own: u64) -> Option<&Limit> {
        match self {
            Limits::Told(limits) => limits.iter().min_by_key(|limit| limit.left(own)),
            Limits::None(_) | Limits::Untold(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-11
    #[test]
    fn the_limit_that_leaves_the_least_counts() {
        let limit = |name, allows, kept, taken| Limit { name, allows, kept, taken };
        let server = limit("max_connections", 100, 3, 20);
        assert_eq!(server.left(1), 77);
        // Nine more of the twenty are ours, too.
        assert_eq!(server.left(10), 86);
        assert_eq!(limit("full", 100, 3, 99).left(1), 0);
        let role = limit("of the role", 30, 0, 5);
        let told = Limits::Told(vec![server, role.clone()]);
        assert_eq!(told.tightest(1), Some(&role));
        assert_eq!(Limits::Untold("why".into()).tightest(1), None);
    }
}
