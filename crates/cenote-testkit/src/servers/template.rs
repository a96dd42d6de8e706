//! What is slow to make and the same each time is made once on a machine, and copied.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::user::User;
use super::{ServerError, place};

/// The folder of this name, made by `make` if it is not there yet. The name says all that its content depends on.
/// It belongs to the servers' user. Of several processes that need it, one makes it and the others wait.
pub(super) fn once(
    name: &str,
    user: User,
    make: impl FnOnce(&Path) -> Result<(), ServerError>,
) -> Result<PathBuf, ServerError> {
    let common = place::common()?;
    let made = common.join(name);
    let _turn = place::lock(&common.join(format!("{name}.lock")))?;
    if made.is_dir() {
        return Ok(made);
    }
    // One that was not finished has another name, and is begun again.
    let making = common.join(format!("{name}.making"));
    if making.exists() {
        fs::remove_dir_all(&making).map_err(ServerError::at(&making))?;
    }
    DirBuilder::new().mode(0o700).create(&making).map_err(ServerError::at(&making))?;
    user.give(&making)?;
    make(&making)?;
    fs::rename(&making, &made).map_err(ServerError::at(&made))?;
    Ok(made)
}
