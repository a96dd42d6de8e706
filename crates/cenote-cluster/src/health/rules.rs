//! The rules of health, as values: what ejects a node, for how long, and how it comes back.

use std::time::Duration;

/// When a node is taken out, and how it comes back (C-6). Every rule can be switched off alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HealthRules {
    /// So many failures in a row eject a node. 0: no such rule. Default 5.
    pub consecutive: u32,
    /// A success rate that is too low ejects a node. Default: below one half of at least 20 requests in 10 s.
    pub rate: Option<RateRule>,
    /// For how long a node is out the first time; it doubles each time. Default 5 s.
    pub hold: Duration,
    /// The longest time out. Default 300 s.
    pub hold_max: Duration,
    /// Each time out is drawn between half of it and all of it, so that many processes do not come back together.
    /// Default: yes.
    pub jitter: bool,
    /// How long a node that came back takes to get its whole weight and size. Zero: none. Default 10 s.
    pub slow_start: Duration,
    /// So many failed connects in a row, with no connection left, make a node unreachable. Default 1.
    pub connect_failures: u32,
    /// Errors take out half of the nodes of one kind at most: the least bad stay in. Default: yes.
    pub at_most_half: bool,
}

/// A success rate that ejects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateRule {
    /// Ejected below this share of successes, from 0 to 1.
    pub below: f64,
    /// Looked at over this time.
    pub window: Duration,
    /// With fewer requests than this, nothing is concluded.
    pub samples: u64,
}

impl Default for RateRule {
    fn default() -> RateRule {
        RateRule { below: 0.5, window: Duration::from_secs(10), samples: 20 }
    }
}

impl Default for HealthRules {
    fn default() -> HealthRules {
        HealthRules {
            consecutive: 5,
            rate: Some(RateRule::default()),
            hold: Duration::from_secs(5),
            hold_max: Duration::from_secs(300),
            jitter: true,
            slow_start: Duration::from_secs(10),
            connect_failures: 1,
            at_most_half: true,
        }
    }
}

impl HealthRules {
    /// As node-mysql's PoolCluster has it: out after `error_count` failures in a row (`removeNodeErrorCount`), connects
    /// included, for a fixed time (`restoreNodeTimeout`), and back at once with all its weight. One caller tries it
    /// then, not all; and no node is ever removed for its errors (C-10).
    pub fn pool_cluster(error_count: u32, restore_after: Duration) -> HealthRules {
        HealthRules {
            consecutive: error_count,
            rate: None,
            hold: restore_after,
            hold_max: restore_after,
            jitter: false,
            slow_start: Duration::ZERO,
            connect_failures: error_count,
            at_most_half: false,
        }
    }

    /// Nobody is ever ejected for errors. Nodes that cannot be connected to are still no candidates.
    pub fn without_ejection(self) -> HealthRules {
        HealthRules { consecutive: 0, rate: None, ..self }
    }
}
