//! What becomes of a used connection whose manager has `is_valid` and `has_broken` and nothing else.

use cenote::{Ended, Fate, Fault};

/// A use that ended well is trusted, as bb8 and r2d2 trust it. After an error of the request the connection is tested
/// before anybody else gets it, since nobody knows what the error was. What was cut short, panicked or failed otherwise
/// costs the connection (P-8): it may be in the middle of an answer, which no `has_broken` sees.
pub(crate) fn after(how: Ended, broken: bool) -> Fate {
    match how {
        _ if broken => Fate::Close,
        Ended::Returned => Fate::Keep,
        Ended::Failed(Fault::Query) => Fate::Reset,
        _ => Fate::Close,
    }
}
