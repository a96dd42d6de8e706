//! Changes by hand of one node's record. What follows for routing is the next snapshot's affair (`renew.rs`).

use std::sync::Arc;

use cenote::{Manager, Role};

use super::{Core, State};
use crate::by_hand::{ByHand, NodeChange, UnknownNode};
use crate::event::EventKind;
use crate::health::Condition;
use crate::snapshot::{Admission, Place};
use crate::standing::Office;

/// What was said of a node by hand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hand {
    /// It is out.
    pub(super) held: Option<ByHand>,
    /// Instead of the configured weight.
    pub(super) weight: Option<u32>,
}

impl<M: Manager> Core<M> {
    /// Takes a node out; returns its id too.
    pub(crate) fn withdraw(
        &self,
        key: &str,
        how: ByHand,
    ) -> Result<(u64, NodeChange), UnknownNode> {
        let mut state = self.lock();
        let at = state.known(&self.name, key)?;
        let member = &mut state.members[at];
        let id = member.id;
        let changed = member.hand.held.replace(how) != Some(how);
        drop(state);
        // As of any other change: callers who wait there go elsewhere.
        self.refresh_and(true);
        Ok((id, NodeChange { changed, warning: self.missed(id) }))
    }

    pub(crate) fn restore(&self, key: &str) -> Result<NodeChange, UnknownNode> {
        let now = self.env.now();
        let mut state = self.lock();
        let at = state.known(&self.name, key)?;
        let member = &mut state.members[at];
        let id = member.id;
        let held = member.hand.held.take();
        let pardoned = member.standing.with(|record| record.health.pardon(now));
        drop(state);
        // Wakes the steward too: there may be a slow start to look after.
        self.refresh();
        let warning = self.offline(id);
        Ok(NodeChange { changed: held.is_some() || pardoned, warning })
    }

    pub(crate) fn set_weight(&self, key: &str, weight: u32) -> Result<NodeChange, UnknownNode> {
        let mut state = self.lock();
        let at = state.known(&self.name, key)?;
        let member = &mut state.members[at];
        let (id, from) = (member.id, member.weight());
        member.hand.weight = (weight != member.node.configured_weight()).then_some(weight);
        let changed = from != weight;
        if changed {
            state.tell(&self.name, key, EventKind::WeightChanged { from, to: weight });
        }
        drop(state);
        self.refresh_and(true);
        let warning = if weight == 0 { self.missed(id) } else { None };
        Ok(NodeChange { changed, warning })
    }

    /// What is missed now that this node is out, if something is.
    fn missed(&self, id: u64) -> Option<Arc<str>> {
        let snapshot = self.snapshot.load();
        missed(&snapshot.places, snapshot.find(id)?).map(Arc::from)
    }

    fn offline(&self, id: u64) -> Option<Arc<str>> {
        let snapshot = self.snapshot.load();
        let place = &snapshot.places[snapshot.find(id)?];
        let error = place.standing.lock().error.clone()?;
        let offline = place.condition == Condition::Unreachable;
        offline.then(|| format!("it cannot be connected to: {error}").into())
    }
}

impl<M: Manager> State<M> {
    fn known(&self, cluster: &Arc<str>, key: &str) -> Result<usize, UnknownNode> {
        self.at(key).ok_or_else(|| UnknownNode {
            cluster: Arc::clone(cluster),
            node: key.to_owned(),
            known: self.members.iter().map(|m| Arc::clone(&m.standing.key)).collect(),
        })
    }
}

/// What callers miss while this node gets nothing: nothing, as long as another of its kind serves.
pub(super) fn missed(places: &[Place], at: usize) -> Option<&'static str> {
    let place = &places[at];
    let serves = |other: &Place| {
        other.id != place.id
            && other.role == place.role
            && other.node.configured_group() == place.node.configured_group()
            && other.admission != Admission::Shut
            && other.weight > 0
    };
    if places.iter().any(serves) {
        return None;
    }
    Some(match place.role {
        Some(Role::Primary) => {
            "it is the only primary: writers wait until it is restored, or until another is found"
        }
        Some(Role::Replica) => "no other replica serves: reads go to the primary",
        None => "no other node of its kind serves",
    })
}
