//! What is slow to make and the same each time is made once on a machine, and copied.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::user::User;
use super::{ServerError, place};

/// The file that says how many others there are.
const COUNT: &str = "count";

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
    if is_whole(&made) {
        return Ok(made);
    }
    if made.exists() {
        fs::remove_dir_all(&made).map_err(ServerError::at(&made))?;
    }
    // One that was not finished has another name, and is begun again.
    let making = common.join(format!("{name}.making"));
    if making.exists() {
        fs::remove_dir_all(&making).map_err(ServerError::at(&making))?;
    }
    DirBuilder::new().mode(0o700).create(&making).map_err(ServerError::at(&making))?;
    user.give(&making)?;
    make(&making)?;
    let count = making.join(COUNT);
    fs::write(&count, files(&making).to_string()).map_err(ServerError::at(&count))?;
    fs::rename(&making, &made).map_err(ServerError::at(&made))?;
    Ok(made)
}

/// Whether nothing is missing. Some systems remove single files that were not read for days from the folder for
/// temporary ones.
fn is_whole(folder: &Path) -> bool {
    let count = fs::read_to_string(folder.join(COUNT)).ok().and_then(|count| count.parse().ok());
    count.is_some_and(|count: usize| files(folder) == count + 1)
}

/// How many files and folders are in there.
fn files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let one = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => 1 + files(&entry.path()),
        _ => 1,
    };
    entries.flatten().map(one).sum()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_template_is_made_once_and_again_when_a_file_is_missing() {
        let made = Cell::new(0);
        let name = format!("template-test-{}", std::process::id());
        let once = || {
            let make = |folder: &Path| {
                made.set(made.get() + 1);
                fs::create_dir(folder.join("data"))
                    .and_then(|()| fs::write(folder.join("data/a"), "a"))
                    .unwrap();
                Ok(())
            };
            once(&name, User::of_servers(), make).unwrap()
        };
        let folder = once();
        assert_eq!((once(), made.get()), (folder.clone(), 1));
        fs::remove_file(folder.join("data/a")).unwrap();
        assert_eq!((once(), made.get()), (folder.clone(), 2));
        assert!(folder.join("data/a").is_file());
        fs::remove_file(folder.join(COUNT)).unwrap();
        once();
        assert_eq!(made.get(), 3);
        fs::remove_dir_all(&folder).unwrap();
        fs::remove_file(folder.with_extension("lock")).unwrap();
    }
}
