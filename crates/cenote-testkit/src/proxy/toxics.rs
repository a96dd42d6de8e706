//! The toxics that are there, and which of them a connection gets.

use super::dice::Dice;
use super::{Direction, Toxic, ToxicId};

/// One that was added.
#[derive(Clone, Copy)]
struct Added {
    id: ToxicId,
    direction: Direction,
    toxic: Toxic,
    /// Of all connections, from 0 to 1.
    share: f64,
}

/// All that are there now.
#[derive(Clone, Default)]
pub(super) struct Toxics {
    all: Vec<Added>,
    last: u64,
}

impl Toxics {
    pub(super) fn add(&mut self, direction: Direction, toxic: Toxic, share: f64) -> ToxicId {
        self.last += 1;
        let id = ToxicId(self.last);
        self.all.push(Added { id, direction, toxic, share });
        id
    }

    pub(super) fn remove(&mut self, id: ToxicId) -> bool {
        let before = self.all.len();
        self.all.retain(|added| added.id != id);
        self.all.len() < before
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    /// Those that a connection gets. The lot of a toxic and a connection is always the same, so a connection keeps
    /// what it has when others come and go.
    pub(super) fn of(
        &self,
        seed: u64,
        connection: u64,
        direction: Direction,
    ) -> Vec<(ToxicId, Toxic)> {
        let hit = |added: &&Added| {
            added.direction == direction
                && Dice::of(&[seed, connection, added.id.0]).share() < added.share
        };
        self.all.iter().filter(hit).map(|added| (added.id, added.toxic)).collect()
    }
}
