//! The buttons of the dashboard, one for each deed. They need no token, so that a newcomer can press them: the dashboard is
//! served to this machine only, and what they harm is a world of toys.

use std::sync::Arc;

use cenote_admin::Builder;

use super::load::RUSH;
use super::whole::World;

/// A deed, as a button does it: as long as there is a world.
macro_rules! press {
    ($world:ident, $deed:ident) => {{
        let world = Arc::downgrade($world);
        move || {
            let world = world.upgrade();
            async move {
                match world {
                    Some(world) => world.$deed().await,
                    None => Err("the little world has ended".to_owned()),
                }
            }
        }
    }};
}

/// Adds them to the dashboard of this world.
pub(crate) fn buttons(builder: Builder, world: &Arc<World>) -> Builder {
    builder
        .group("Servers")
        .open_action("kill-primary", "Kill the primary", press!(world, kill_primary))
        .open_action("kill-replica", "Kill a replica", press!(world, kill_replica))
        .open_action("revive", "Revive the dead", press!(world, revive))
        .open_action("switch-over", "Let the primary step down", press!(world, switch_over))
        .open_action("add-replica", "Add a replica", press!(world, add_replica))
        .open_action("remove-replica", "Remove a replica", press!(world, remove_replica))
        .group("Faults")
        .open_action("slow-replica", "Slow a replica down", press!(world, slow_replica))
        .open_action("lag-replica", "Let a replica lag", press!(world, lag_replica))
        .open_action("break-replica", "Break a replica's sessions", press!(world, break_replica))
        .open_action("rush", format!("{RUSH} times the load"), press!(world, rush))
        .open_action("heal", "Heal all faults", press!(world, heal))
}
