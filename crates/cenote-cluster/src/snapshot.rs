//! The member snapshot: all that routing knows of the nodes, as one value that is swapped whole. Health, roles,
//! discovery and settings meet here and nowhere else; whoever picks reads it without a lock.
//!
//! A snapshot is never changed. What moves with every request, the load, is read through it from the node's own
//! counters ([`Standing`]).

use std::sync::Arc;

use cenote::{Manager, Node, Pool, Role};

use crate::balance::{Balance, Pick, Seat};
use crate::by_hand::ByHand;
use crate::health::Condition;
use crate::route::Route;
use crate::standing::Standing;

/// Who may be sent to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Anybody.
    Free,
    /// One request, which tries whether it works.
    Probe,
    /// Nobody.
    Shut,
}

/// One node in a snapshot.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) id: u64,
    pub(crate) key: Arc<str>,
    pub(crate) hash: u64,
    pub(crate) node: Arc<Node>,
    /// `None`: not known yet, or not believed.
    pub(crate) role: Option<Role>,
    pub(crate) weight: u32,
    /// Its rank: only while no smaller one can serve.
    pub(crate) backup: u16,
    pub(crate) share: f64,
    /// One by its effective weight: a division less for each candidate of each acquire.
    pub(crate) per_weight: f64,
    /// The limit of its pool, without a slow start.
    pub(crate) size: usize,
    pub(crate) lagging: bool,
    pub(crate) admission: Admission,
    pub(crate) condition: Condition,
    pub(crate) by_hand: Option<ByHand>,
    pub(crate) standing: Arc<Standing>,
}

impl Place {
    /// Whether routing would choose the same, whatever the load.
    pub(crate) fn is_like(&self, other: &Place) -> bool {
        self.id == other.id
            && self.role == other.role
            && self.weight == other.weight
            && self.share == other.share
            && self.size == other.size
            && self.lagging == other.lagging
            && self.admission == other.admission
            && self.condition == other.condition
            && self.by_hand == other.by_hand
            && Arc::ptr_eq(&self.node, &other.node)
    }
}

/// All nodes, in the order in which they joined.
pub(crate) struct Snapshot<M: Manager> {
    pub(crate) version: u64,
    pub(crate) places: Vec<Place>,
    /// Their pools, at the same positions.
    pub(crate) pools: Vec<Pool<M>>,
}

/// What a look for a node found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The position of the one to try.
    Node(usize),
    /// There are such nodes, and none can be tried (any more).
    NoneOnline,
    /// No node could ever serve this route.
    NoSuchNode,
}

/// Which nodes were tried already, by their ids.
#[derive(Default)]
pub(crate) struct Tried {
    ids: Vec<u64>,
}

impl Tried {
    pub(crate) fn insert(&mut self, id: u64) {
        self.ids.push(id);
    }

    pub(crate) fn clear(&mut self) {
        self.ids.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    fn contains(&self, id: u64) -> bool {
        self.ids.contains(&id)
    }
}

impl<M: Manager> Snapshot<M> {
    pub(crate) fn empty() -> Snapshot<M> {
        Snapshot { version: 0, places: Vec::new(), pools: Vec::new() }
    }

    pub(crate) fn find(&self, id: u64) -> Option<usize> {
        self.places.binary_search_by_key(&id, |place| place.id).ok()
    }

    /// Chooses a node for this route.
    pub(crate) fn choose(
        &self,
        route: &Route,
        zone: Option<&str>,
        tried: &Tried,
        balance: &dyn Balance,
        pick: &Pick<'_>,
    ) -> Found {
        // Seats lie on the stack up to here; more nodes than that cost an allocation.
        match self.places.len() {
            0 => Found::NoSuchNode,
            1..=8 => self.choose_in(&mut [None; 8], route, zone, tried, balance, pick),
            9..=64 => self.choose_in(&mut [None; 64], route, zone, tried, balance, pick),
            n => self.choose_in(&mut vec![None; n], route, zone, tried, balance, pick),
        }
    }

    fn choose_in(
        &self,
        room: &mut [Option<usize>],
        route: &Route,
        zone: Option<&str>,
        tried: &Tried,
        balance: &dyn Balance,
        pick: &Pick<'_>,
    ) -> Found {
        let zone = route.zone.as_deref().or(zone);
        let mut any = false;
        for tier in route.tiers() {
            let (mut n, mut near, mut rank) = (0, 0, u16::MAX);
            for (at, place) in self.places.iter().enumerate() {
                if route.is_narrow() && !route.names(place) {
                    continue;
                }
                any = true;
                if place.admission == Admission::Shut
                    || place.weight == 0
                    || !tier.takes(place)
                    || tried.contains(place.id)
                {
                    continue;
                }
                // Those that stand by are forgotten when there is one that does not.
                if place.backup > rank {
                    continue;
                }
                if place.backup < rank {
                    (n, near, rank) = (0, 0, place.backup);
                }
                // Those of the zone come first.
                let is_near = zone.is_some() && place.node.configured_zone() == zone;
                if is_near {
                    room.copy_within(near..n, near + 1);
                    room[near] = Some(at);
                    near += 1;
                } else {
                    room[n] = Some(at);
                }
                n += 1;
            }
            let among = &room[..if near > 0 { near } else { n }];
            if !among.is_empty() {
                return Found::Node(self.seat(among, balance, pick));
            }
        }
        if any { Found::NoneOnline } else { Found::NoSuchNode }
    }

    fn seat(&self, among: &[Option<usize>], balance: &dyn Balance, pick: &Pick<'_>) -> usize {
        let at = |n: usize| among[n].expect("positions were filled in from the start");
        if among.len() == 1 {
            return at(0);
        }
        let chosen = match among.len() {
            2..=8 => self.ask(&mut [Seat(&self.places[0]); 8], among, balance, pick),
            9..=64 => self.ask(&mut [Seat(&self.places[0]); 64], among, balance, pick),
            n => self.ask(&mut vec![Seat(&self.places[0]); n], among, balance, pick),
        };
        at(chosen.min(among.len() - 1))
    }

    fn ask<'a>(
        &'a self,
        seats: &mut [Seat<'a>],
        among: &[Option<usize>],
        balance: &dyn Balance,
        pick: &Pick<'_>,
    ) -> usize {
        for (seat, at) in seats.iter_mut().zip(among) {
            *seat = Seat(&self.places[at.expect("as above")]);
        }
        balance.choose(&seats[..among.len()], pick)
    }
}
