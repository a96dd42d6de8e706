//! That nobody serves a request, and why, node by node.

use std::sync::Arc;
use std::time::Duration;

use cenote::Manager;

use crate::core::Core;
use crate::error::{Answer, Error};
use crate::health::Condition;
use crate::route::{Route, Target};
use crate::snapshot::{Admission, Place};

/// The error of a caller on this route, who waited so long and was answered so.
pub(crate) fn error<M: Manager>(
    core: &Core<M>,
    route: &Route,
    waited: Duration,
    answers: Vec<Answer<M::Error>>,
) -> Error<M::Error> {
    let cluster = Arc::clone(&core.name);
    let snapshot = core.snapshot.load();
    let (since, last_error) = core.no_primary();
    let nobody_at_all = snapshot.places.is_empty();
    if route.target == Target::Primary
        && since > Duration::ZERO
        && !route.is_narrow()
        && !nobody_at_all
    {
        return Error::NoPrimary { cluster, since, waited, last_error, answers };
    }
    let offline = match nobody_at_all {
        true => core.no_nodes().0,
        false => {
            let named = snapshot.places.iter().filter(|place| route.names(place));
            named.map(reason).collect()
        }
    };
    Error::NoNodeOnline { cluster, route: route.to_string(), waited, answers, offline }
}

/// Why this node does not serve, in a sentence.
fn reason(place: &Place) -> String {
    let error = place.standing.lock().error.clone();
    if let Some(how) = place.by_hand {
        return format!("{} is {} by hand", place.key, how.name());
    }
    match (place.condition, error, place.role) {
        (Condition::Unreachable, Some(error), _) => format!("{} is offline: {error}", place.key),
        (condition, ..) if condition.is_out_for_errors() => {
            format!("{} is out for its errors", place.key)
        }
        (Condition::New, ..) if place.admission == Admission::Shut => {
            format!("{} has not been connected to yet", place.key)
        }
        (.., None) => format!("{} has a role that is not known", place.key),
        _ if place.weight == 0 => format!("{} has weight 0", place.key),
        _ if place.lagging => format!("{} is too far behind", place.key),
        (_, _, Some(role)) => format!("{} is a {role}", place.key),
    }
}
