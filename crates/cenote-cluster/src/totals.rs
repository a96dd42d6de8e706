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
    /// Whether one more node finds room. Roles may change later; what is configured is what can be judged.
    pub(crate) fn must_fit<'a, E>(
        &self,
        nodes: impl Iterator<Item = &'a Node>,
        new: &'a Node,
    ) -> Result<(), BuildError<E>> {
        let nodes: Vec<&Node> = nodes.chain([new]).collect();
        let of = |role| nodes.iter().filter(|node| node.configured_role() == Some(role)).count();
        let limits = [
            (self.all, nodes.len(), "the cluster"),
            (self.primary, of(Role::Primary), "its primaries"),
            (self.replica, of(Role::Replica), "its replicas"),
        ];
        for (max, nodes, what) in limits {
            if let Some(max) = max.filter(|max| *max < nodes) {
                return Err(BuildError::TooFew { what: what.to_owned(), max, nodes });
            }
        }
        Ok(())
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
