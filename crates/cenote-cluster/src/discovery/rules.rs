//! How careful a cluster is: the numbers that the stabilizer goes by.

use std::time::Duration;

/// How careful a cluster is with what its sources say (D-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SafetyRules {
    /// An empty list removes all nodes, as any other list would, instead of being taken for a mistake. Default: no.
    pub allow_empty: bool,
    /// For how long nodes stay that pass their checks, when more than half are gone at once. Zero: not at all. Default
    /// 30 s.
    pub grace: Duration,
    /// Nodes that go within this time count as gone at once: a registry whose leases run out takes them away one by one.
    /// Zero: only what one update takes away. Default 10 s.
    pub together: Duration,
    /// How long borrowers may keep their connections to a node that was removed (D-2). Default 30 s.
    pub drain: Duration,
}

impl Default for SafetyRules {
    fn default() -> SafetyRules {
        SafetyRules {
            allow_empty: false,
            grace: Duration::from_secs(30),
            together: Duration::from_secs(10),
            drain: Duration::from_secs(30),
        }
    }
}

impl SafetyRules {
    /// An empty list counts as any other.
    #[must_use]
    pub fn allow_empty(mut self) -> SafetyRules {
        self.allow_empty = true;
        self
    }

    /// With another grace time.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> SafetyRules {
        self.grace = grace;
        self
    }

    /// With another time within which what goes counts as gone at once.
    #[must_use]
    pub fn together(mut self, together: Duration) -> SafetyRules {
        self.together = together;
        self
    }

    /// With another time for borrowers of removed nodes.
    #[must_use]
    pub fn drain(mut self, drain: Duration) -> SafetyRules {
        self.drain = drain;
        self
    }
}
