//! A new snapshot from the nodes' records: health, roles, lag, the bound of one half, new nodes, slow starts and the
//! division of totals, in this order; and what observers and pools are to be told of the difference.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cenote::{Bound, Manager, Role, Time};

use super::by_hand::missed;
use super::{After, Core, Instruction, Member, State};
use crate::event::EventKind;
use crate::health::Condition;
use crate::random::stable_hash;
use crate::snapshot::{Admission, Place, Snapshot};
use crate::totals::divide;

impl<M: Manager> State<M> {
    pub(super) fn renew(&mut self, core: &Core<M>, now: Time) -> After {
        let mut due = Time::NEVER;
        let mut badness = Vec::with_capacity(self.members.len());
        let mut places: Vec<Place> = Vec::with_capacity(self.members.len());
        for member in &self.members {
            member.standing.tick(now);
            let role = self.role(core, member);
            let record = member.standing.lock();
            let health = &record.health;
            due = due.min(health.due(now));
            badness.push(health.badness());
            let condition = health.condition();
            let lagging = role == Some(Role::Replica)
                && matches!((member.lag, core.settings.max_lag), (Some(lag), Some(max)) if lag > max);
            places.push(Place {
                id: member.id,
                key: Arc::clone(&member.standing.key),
                hash: stable_hash(member.node.key().as_bytes()),
                node: Arc::clone(&member.node),
                role,
                weight: member.weight(),
                backup: member.node.configured_backup(),
                share: health.share(now),
                per_weight: 1.0,
                size: member.pool.options().max_size.get(),
                lagging,
                admission: match condition {
                    _ if member.hand.held.is_some() => Admission::Shut,
                    Condition::Unreachable | Condition::Ejected => Admission::Shut,
                    Condition::HalfOpen => Admission::Probe,
                    _ => Admission::Free,
                },
                condition,
                by_hand: member.hand.held,
                standing: Arc::clone(&member.standing),
            });
        }
        if core.settings.rules.at_most_half {
            keep_half(&mut places, &badness);
        }
        spare_the_new(&mut places);
        even_out(&mut places);
        self.only_grow(&mut places);
        self.note_primary(&places, now);
        self.tell_changes(core, &places, now);
        self.grant(core, &mut places);
        for place in &mut places {
            let weight = f64::from(place.weight) * place.share;
            place.per_weight = 1.0 / weight.max(f64::MIN_POSITIVE);
        }
        self.seek(&places);
        let old = core.snapshot.load();
        let changed = old.places.len() != places.len()
            || old.places.iter().zip(&places).any(|(old, new)| !old.is_like(new));
        let mut after = After { left: Vec::new(), wake: false, due };
        if changed {
            for place in &places {
                place.standing.set_role(place.role);
                let before = old.find(place.id).map(|at| &old.places[at]);
                // Whoever waits there may not be wanted any more: each looks for itself.
                let left = place.admission == Admission::Shut
                    || before.is_some_and(|before| {
                        before.role != place.role
                            || before.lagging != place.lagging
                            || before.admission != place.admission
                            || (before.weight == 0) != (place.weight == 0)
                            || !Arc::ptr_eq(&before.node, &place.node)
                    });
                if left {
                    after.left.push(Arc::clone(&place.standing));
                }
                // Somebody who waits may be served here now.
                after.wake |= before.is_none_or(|before| {
                    before.role != place.role
                        || before.lagging != place.lagging
                        || (before.admission == Admission::Shut)
                            != (place.admission == Admission::Shut)
                        || (before.weight == 0) != (place.weight == 0)
                });
            }
            let version = old.version + 1;
            let pools = self.members.iter().map(|member| member.pool.clone()).collect();
            core.snapshot.store(Arc::new(Snapshot { version, places, pools }));
            core.version.store(version, Ordering::Release);
        }
        after
    }

    /// What this node is taken for.
    fn role(&self, core: &Core<M>, member: &Member<M>) -> Option<Role> {
        let configured = core.first_role(&member.node);
        if !core.settings.probing {
            return configured;
        }
        let group = member.node.configured_group().map(str::to_owned);
        let Some(claims) = self.claims.get(&group) else { return configured };
        if claims.knows(member.id) {
            return claims.role(member.id);
        }
        // Nobody has asked it yet. There is one primary, and it is another.
        configured.filter(|role| *role == Role::Replica || !claims.has_primary())
    }

    fn note_primary(&mut self, places: &[Place], now: Time) {
        let primary = |place: &&Place| place.role == Some(Role::Primary);
        let serves = |place: &Place| place.admission != Admission::Shut;
        if places.iter().filter(primary).any(serves) {
            self.no_primary_since = None;
            return;
        }
        if self.no_primary_since.is_none() {
            self.no_primary_since = Some(now);
        }
        for place in places.iter().filter(primary) {
            if let Some(how) = place.by_hand {
                let error = format!("node \"{}\" is {} by hand", place.key, how.name());
                self.last_primary_error = Some(error.into());
            } else if let Some(error) = &place.standing.lock().error {
                self.last_primary_error = Some(format!("node \"{}\": {error}", place.key).into());
            }
        }
    }

    fn tell_changes(&mut self, core: &Core<M>, places: &[Place], now: Time) {
        let mut news = Vec::new();
        for (at, (member, place)) in self.members.iter_mut().zip(places).enumerate() {
            let told = &mut member.told;
            let mut tell = |kind| news.push((Arc::clone(&place.key), kind));
            let online = match place.condition {
                Condition::New => told.online,
                condition => Some(condition != Condition::Unreachable),
            };
            if told.online != online {
                told.online = online;
                let record = place.standing.lock();
                tell(match online {
                    Some(false) => {
                        EventKind::Offline { error: record.error.clone().unwrap_or_default() }
                    }
                    _ => EventKind::Online,
                });
            }
            let out = place.condition.is_out_for_errors() && place.admission != Admission::Free;
            if out && !told.ejected {
                told.ejected = true;
                let hold = place.standing.lock().health.hold_left(now);
                tell(EventKind::Ejected { hold });
            }
            if told.ejected && !place.condition.is_out_for_errors() {
                told.ejected = false;
                if place.condition != Condition::Unreachable {
                    tell(EventKind::Recovered);
                }
            }
            if told.by_hand != place.by_hand {
                told.by_hand = place.by_hand;
                tell(match place.by_hand {
                    Some(how) => {
                        EventKind::Withdrawn { how, warning: missed(places, at).map(Arc::from) }
                    }
                    None => EventKind::Restored,
                });
            }
            if told.role != place.role {
                tell(EventKind::RoleChanged { from: told.role, to: place.role });
                told.role = place.role;
            }
            if told.lagging != place.lagging {
                told.lagging = place.lagging;
                tell(match place.lagging {
                    true => EventKind::Lagging { lag: member.lag.unwrap_or_default() },
                    false => EventKind::CaughtUp,
                });
            }
        }
        for (node, kind) in news {
            self.tell(&core.name, &node, kind);
        }
    }

    /// A slow start only grows. A node that comes back while another already has its share would lower that one's, and a
    /// pool that shrinks closes healthy connections.
    fn only_grow(&mut self, places: &mut [Place]) {
        for (member, place) in self.members.iter_mut().zip(places) {
            if place.condition == Condition::SlowStart {
                place.share = place.share.max(member.reached);
                member.reached = place.share;
            } else {
                member.reached = 0.0;
            }
        }
    }

    /// Which pools must find out whether their node is back: one that lent all it has would not look.
    fn seek(&mut self, places: &[Place]) {
        for (member, place) in self.members.iter_mut().zip(places) {
            let seeking = place.condition == Condition::Unreachable;
            if seeking != member.seeking {
                member.seeking = seeking;
                self.instructions.push_back(Instruction::Seek(member.pool.clone(), seeking));
            }
        }
    }

    /// What each pool may have: its part of the totals, and of that its share during a slow start.
    fn grant(&mut self, core: &Core<M>, places: &mut [Place]) {
        let parts = divide(&core.settings.totals, places);
        for ((member, place), part) in self.members.iter_mut().zip(places).zip(parts) {
            place.size = place.size.min(part);
            let grown = (place.size as f64 * place.share).ceil() as usize;
            let grant = match (place.share < 1.0, part) {
                (true, _) => Bound::At(grown.max(1)),
                (false, usize::MAX) => Bound::Unlimited,
                (false, part) => Bound::At(part),
            };
            if grant != member.grant {
                member.grant = grant;
                self.instructions.push_back(Instruction::Grant(member.pool.clone(), grant));
            }
        }
    }
}

/// Whoever has not been connected to yet gets nobody while another of its kind is known to work: a node that comes
/// serves from its first connection on, and one that does not answer costs no caller anything (D-2).
fn spare_the_new(places: &mut [Place]) {
    if places.iter().all(|place| place.condition != Condition::New) {
        return;
    }
    let works = |place: &&Place| {
        place.admission == Admission::Free && place.condition != Condition::New && place.weight > 0
    };
    let kind = |place: &Place| (place.role, place.node.configured_group().map(str::to_owned));
    let served: BTreeSet<_> = places.iter().filter(works).map(kind).collect();
    for place in places.iter_mut() {
        if place.condition == Condition::New && served.contains(&kind(place)) {
            place.admission = Admission::Shut;
        }
    }
}

/// A slow start is relative: of nodes that come back together, as after an outage of all, none is spared at another's
/// cost, so the largest share of a kind counts as the whole. Whoever has no role yet serves nobody, and is of no kind: a
/// primary of the past must not have its whole share by the time it is believed to be a replica.
fn even_out(places: &mut [Place]) {
    if places.iter().all(|place| place.share >= 1.0) {
        return;
    }
    let mut most: BTreeMap<(Option<Role>, Option<String>), f64> = BTreeMap::new();
    let kind = |place: &Place| (place.role, place.node.configured_group().map(str::to_owned));
    for place in places.iter().filter(|place| place.admission != Admission::Shut) {
        let most = most.entry(kind(place)).or_insert(0.0);
        *most = most.max(place.share);
    }
    for place in places.iter_mut().filter(|place| place.share < 1.0 && place.role.is_some()) {
        if let Some(most) = most.get(&kind(place)) {
            place.share = (place.share / most).min(1.0);
        }
    }
}

/// Errors take out half of the nodes that hold the same data in the same role at most; the least bad of the others stay
/// in (C-6). Of one node that is none: the only primary is never ejected for its errors. Those that are out by hand stay
/// out, and the half is that of the others.
fn keep_half(places: &mut [Place], badness: &[f64]) {
    if !places.iter().any(|place| place.condition.is_out_for_errors()) {
        return;
    }
    let mut kinds: BTreeMap<(Option<Role>, Option<String>), Vec<usize>> = BTreeMap::new();
    for (at, place) in places.iter().enumerate() {
        if place.condition != Condition::Unreachable
            && place.role.is_some()
            && place.by_hand.is_none()
        {
            let group = place.node.configured_group().map(str::to_owned);
            kinds.entry((place.role, group)).or_default().push(at);
        }
    }
    for reachable in kinds.into_values() {
        let may = reachable.len() / 2;
        let mut out: Vec<usize> =
            reachable.into_iter().filter(|at| places[*at].condition.is_out_for_errors()).collect();
        out.sort_by(|a, b| badness[*b].total_cmp(&badness[*a]));
        for at in out.into_iter().skip(may) {
            places[at].admission = Admission::Free;
        }
    }
}
