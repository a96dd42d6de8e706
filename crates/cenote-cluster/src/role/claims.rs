//! Who is the primary, of nodes that say something about it: a decision without I/O. What each node said last goes in,
//! who is believed comes out (C-11).
//!
//! - Of two who both say that they are it, the higher epoch is right. Once an epoch was heard of, from anybody, nobody
//!   with a lower one is believed again: a primary that comes back after a failover still thinks that it is one.
//! - Of equal epochs the present primary stays.
//! - Where epochs are not known, a change needs two sweeps in a row that agree, and a present primary that still says
//!   that it is one stays.
//! - A node that does not answer has said nothing: what it said before holds until somebody else is believed.
//! - An epoch of another system says nothing, unless nobody of the known system answers any more.

use std::collections::BTreeMap;

use cenote::{Epoch, Probed, Role};

#[derive(Clone, Debug)]
struct Claim {
    role: Role,
    epoch: Option<Epoch>,
    /// Sweeps in a row in which it said the same.
    agreeing: u32,
    /// It answered in the latest sweep.
    fresh: bool,
}

/// The claims of the nodes that hold the same data.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    claims: BTreeMap<u64, Claim>,
    highest: Option<Epoch>,
    primary: Option<u64>,
    had_one: bool,
}

impl Claims {
    /// A new sweep begins: nobody has answered yet.
    pub(crate) fn sweep(&mut self) {
        for claim in self.claims.values_mut() {
            claim.fresh = false;
        }
    }

    /// This node says what it is.
    pub(crate) fn heard(&mut self, id: u64, probed: &Probed) {
        let before = self.claims.get(&id);
        let agreeing = match before {
            Some(claim) if claim.role == probed.role => claim.agreeing.saturating_add(1),
            _ => 1,
        };
        let claim = Claim { role: probed.role, epoch: probed.epoch.clone(), agreeing, fresh: true };
        self.claims.insert(id, claim);
    }

    /// This node refused a write: it is no primary, until it says again that it is one.
    pub(crate) fn refused(&mut self, id: u64) {
        if let Some(claim) = self.claims.get_mut(&id) {
            (claim.role, claim.agreeing) = (Role::Replica, 0);
        }
        if self.primary == Some(id) {
            self.primary = None;
        }
    }

    /// This node was removed.
    pub(crate) fn gone(&mut self, id: u64) {
        self.claims.remove(&id);
        if self.primary == Some(id) {
            self.primary = None;
        }
    }

    /// Who is believed to be the primary.
    pub(crate) fn decide(&mut self) -> Option<u64> {
        self.raise();
        let claimants: Vec<u64> = self.claimants().map(|(id, _)| id).collect();
        let present = self.primary.filter(|id| claimants.contains(id));
        let best = claimants.iter().copied().max_by(|a, b| {
            let number = |id: &u64| self.claims[id].epoch.as_ref().map(Epoch::number);
            // The higher epoch, then the present one, then whoever joined first.
            (number(a), Some(*a) == present, std::cmp::Reverse(*a)).cmp(&(
                number(b),
                Some(*b) == present,
                std::cmp::Reverse(*b),
            ))
        });
        let Some(best) = best else {
            // It said that it is a replica, or somebody outranks it: nobody is.
            let silent = |id: &u64| self.claims.get(id).is_some_and(|claim| !claim.fresh);
            self.primary = self.primary.filter(|id| silent(id) && self.may_lead(*id));
            return self.primary;
        };
        let sure = self.claims[&best].epoch.is_some()
            || !self.had_one
            || (self.claims[&best].agreeing >= 2 && claimants.len() == 1);
        if Some(best) == present || sure {
            self.primary = Some(best);
            self.had_one = true;
        }
        self.primary
    }

    /// What this node is believed to be; nothing for one that says it is a primary and is not believed.
    pub(crate) fn role(&self, id: u64) -> Option<Role> {
        if self.primary == Some(id) {
            return Some(Role::Primary);
        }
        let claim = self.claims.get(&id)?;
        (claim.role == Role::Replica).then_some(Role::Replica)
    }

    /// Whether somebody is believed to be the primary.
    pub(crate) fn has_primary(&self) -> bool {
        self.primary.is_some()
    }

    /// Whether anything was ever heard of this node.
    pub(crate) fn knows(&self, id: u64) -> bool {
        self.claims.contains_key(&id)
    }

    /// Learns the highest epoch that anybody speaks of; a replica knows whom it follows.
    fn raise(&mut self) {
        let ours = |claim: &&Claim| match (&self.highest, &claim.epoch) {
            (Some(known), Some(epoch)) => known.system() == epoch.system(),
            _ => false,
        };
        let forgotten = !self.claims.values().filter(|claim| claim.fresh).any(|claim| ours(&claim));
        for claim in self.claims.values().filter(|claim| claim.fresh) {
            let Some(epoch) = &claim.epoch else { continue };
            let higher = match &self.highest {
                None => true,
                Some(known) if known.system() == epoch.system() => epoch > known,
                Some(_) => forgotten && claim.role == Role::Primary,
            };
            if higher {
                self.highest = Some(epoch.clone());
            }
        }
    }

    fn may_lead(&self, id: u64) -> bool {
        let Some(claim) = self.claims.get(&id) else { return false };
        claim.role == Role::Primary
            && match (&claim.epoch, &self.highest) {
                (Some(epoch), Some(highest)) => {
                    epoch.system() == highest.system() && epoch >= highest
                }
                (None, Some(_)) => false,
                (_, None) => true,
            }
    }

    /// Those who answered, say that they are it, and are not outranked.
    fn claimants(&self) -> impl Iterator<Item = (u64, &Claim)> {
        let may = |(id, claim): (&u64, _)| self.may_lead(*id).then_some((*id, claim));
        self.claims.iter().filter(|(_, claim)| claim.fresh).filter_map(may)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn primary(epoch: u64) -> Probed {
        Probed::new(Role::Primary).epoch(Epoch::new("sys", epoch))
    }

    fn replica(epoch: u64) -> Probed {
        Probed::new(Role::Replica).epoch(Epoch::new("sys", epoch))
    }

    /// One sweep: who said what.
    fn sweep(claims: &mut Claims, said: &[(u64, Probed)]) -> Option<u64> {
        claims.sweep();
        for (id, probed) in said {
            claims.heard(*id, probed);
        }
        claims.decide()
    }

    // C-11
    #[test]
    fn of_two_primaries_the_higher_epoch_is_right_whoever_is_heard_first() {
        for order in [[(1, primary(1)), (2, primary(2))], [(2, primary(2)), (1, primary(1))]] {
            let mut claims = Claims::default();
            assert_eq!(sweep(&mut claims, &order), Some(2));
            assert_eq!((claims.role(1), claims.role(2)), (None, Some(Role::Primary)));
        }
    }

    // C-11
    #[test]
    fn nobody_goes_back_to_a_lower_epoch() {
        let mut claims = Claims::default();
        assert_eq!(sweep(&mut claims, &[(1, primary(1)), (2, replica(1))]), Some(1));
        // 1 is gone; 2 is promoted.
        assert_eq!(
            sweep(&mut claims, &[(2, replica(1))]),
            Some(1),
            "who is silent has not resigned"
        );
        assert_eq!(sweep(&mut claims, &[(2, primary(2))]), Some(2));
        // 1 comes back and still thinks that it is the primary; 2 is silent now.
        assert_eq!(sweep(&mut claims, &[(1, primary(1)), (2, primary(2))]), Some(2));
        assert_eq!(sweep(&mut claims, &[(1, primary(1))]), Some(2));
        assert_eq!(claims.role(1), None, "and it is not read from either");
        // Even when the new one is removed.
        claims.gone(2);
        assert_eq!(sweep(&mut claims, &[(1, primary(1))]), None);
    }

    // C-11
    #[test]
    fn a_replica_that_follows_a_higher_epoch_outranks_the_old_primary_too() {
        let mut claims = Claims::default();
        sweep(&mut claims, &[(1, primary(4)), (2, replica(4)), (3, replica(4))]);
        // 3 was promoted and cannot be reached by us; 2 follows it.
        assert_eq!(sweep(&mut claims, &[(1, primary(4)), (2, replica(5))]), None);
    }

    // C-11
    #[test]
    fn without_epochs_a_change_needs_two_sweeps_and_a_present_primary_stays() {
        let mut claims = Claims::default();
        let (p, r) = (Probed::new(Role::Primary), Probed::new(Role::Replica));
        assert_eq!(
            sweep(&mut claims, &[(1, p.clone()), (2, r.clone())]),
            Some(1),
            "the first is believed"
        );
        assert_eq!(sweep(&mut claims, &[(1, p.clone()), (2, p.clone())]), Some(1));
        assert_eq!(
            sweep(&mut claims, &[(1, p.clone()), (2, p.clone())]),
            Some(1),
            "both say so: it stays"
        );
        assert_eq!(sweep(&mut claims, &[(1, r.clone()), (2, r.clone())]), None);
        assert_eq!(
            sweep(&mut claims, &[(1, r.clone()), (2, p.clone())]),
            None,
            "once is not enough"
        );
        assert_eq!(sweep(&mut claims, &[(1, r), (2, p)]), Some(2));
    }

    // C-12
    #[test]
    fn who_refused_a_write_is_no_primary_until_it_says_so_again() {
        let mut claims = Claims::default();
        sweep(&mut claims, &[(1, primary(1)), (2, replica(1))]);
        claims.refused(1);
        assert_eq!(claims.decide(), None);
        assert_eq!(claims.role(1), Some(Role::Replica));
        assert_eq!(sweep(&mut claims, &[(1, primary(1)), (2, replica(1))]), Some(1));
    }

    // C-11
    #[test]
    fn another_system_is_a_stranger_until_the_known_one_is_gone() {
        let stranger = Probed::new(Role::Primary).epoch(Epoch::new("other", 99));
        let mut claims = Claims::default();
        sweep(&mut claims, &[(1, primary(1)), (2, replica(1))]);
        assert_eq!(sweep(&mut claims, &[(1, primary(1)), (3, stranger.clone())]), Some(1));
        assert_eq!(claims.role(3), None);
        assert_eq!(sweep(&mut claims, &[(2, replica(1)), (3, stranger.clone())]), Some(1));
        assert_eq!(
            sweep(&mut claims, &[(3, stranger)]),
            Some(3),
            "nobody of the old system answers"
        );
    }
}
