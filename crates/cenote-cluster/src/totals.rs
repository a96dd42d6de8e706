//! Limits over several pools: so many connections for all nodes, or for all of one role (C-1). Each node gets its part
//! by weight, and one connection at least.

use cenote::{Node, Role};

use crate::error::BuildError;
use crate::snapshot::Place;

/// The limits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) all: Option<usize>,
    pub(crate) primary: Option<usize>,
    pub(crate) replica: Option<usize>,
}

impl Totals {
    /// Whether so many nodes find room. Roles may change later; what is configured is what can be judged.
    pub(crate) fn must_fit<E>(&self, census: Census) -> Result<(), BuildError<E>> {
        let limits = [
            (self.all, census.all, "the cluster"),
            (self.primary, census.primaries, "its primaries"),
            (self.replica, census.replicas, "its replicas"),
        ];
        for (max, nodes, what) in limits {
            if let Some(max) = max.filter(|max| *max < nodes) {
                return Err(BuildError::TooFew { what: what.to_owned(), max, nodes });
            }
        }
        Ok(())
    }
}

/// How many nodes there are, by what they are configured to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Census {
    all: usize,
    primaries: usize,
    replicas: usize,
}

impl Census {
    pub(crate) fn of<'a>(nodes: impl Iterator<Item = &'a Node>) -> Census {
        nodes.fold(Census::default(), Census::with)
    }

    /// And one more.
    pub(crate) fn with(mut self, node: &Node) -> Census {
        self.all += 1;
        match node.configured_role() {
            Some(Role::Primary) => self.primaries += 1,
            Some(Role::Replica) => self.replicas += 1,
            None => {}
        }
        self
    }
}

/// The most connections that each node may have; `usize::MAX` where nothing limits it.
pub(crate) fn divide(totals: &Totals, places: &[Place]) -> Vec<usize> {
    let weights: Vec<(Option<Role>, u64)> =
        places.iter().map(|place| (place.role, u64::from(place.weight))).collect();
    let mut parts = vec![usize::MAX; places.len()];
    let kinds = [
        (totals.all, None),
        (totals.primary, Some(Role::Primary)),
        (totals.replica, Some(Role::Replica)),
    ];
    for (total, role) in kinds {
        let Some(total) = total else { continue };
        let of = |n: &usize| role.is_none() || weights[*n].0 == role;
        let which: Vec<usize> = (0..places.len()).filter(of).collect();
        let shares: Vec<u64> = which.iter().map(|n| weights[*n].1).collect();
        for (n, part) in which.into_iter().zip(split(total, &shares)) {
            parts[n] = parts[n].min(part);
        }
    }
    parts
}

/// One each, and of the rest to each by weight; what cannot be divided goes to the first.
fn split(total: usize, weights: &[u64]) -> Vec<usize> {
    let n = weights.len();
    let rest = total.saturating_sub(n);
    let sum: u64 = weights.iter().sum();
    let part = |weight: &u64| match sum {
        0 => 1 + rest / n,
        sum => 1 + (rest as u128 * u128::from(*weight) / u128::from(sum)) as usize,
    };
    let mut parts: Vec<usize> = weights.iter().map(part).collect();
    let left = total.saturating_sub(parts.iter().sum());
    for part in parts.iter_mut().take(left) {
        *part += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-1
    #[test]
    fn a_total_is_divided_by_weight_and_never_exceeded() {
        assert_eq!(split(10, &[1, 1]), [5, 5]);
        assert_eq!(split(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(split(16, &[1, 2, 5]), [3, 4, 9]);
        assert_eq!(split(3, &[100, 1, 1]), [1, 1, 1]);
        assert_eq!(split(5, &[0, 0]), [3, 2]);
        for total in 3..50 {
            assert_eq!(split(total, &[7, 2, 4]).iter().sum::<usize>(), total);
        }
    }
}
