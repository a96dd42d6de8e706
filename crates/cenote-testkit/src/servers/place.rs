//! Where servers live on the disk. One folder holds it all, `cenote-servers-UID` among the temporary files: templates,
//! the ports that are taken, and a private folder for each server.
//!
//! A private folder is removed by the value that stands for it; by its watchdog if this process ends without dropping
//! that; and by the next server that is started, if the watchdog went too. A lock that is held as long as its process
//! lives tells the last one which folders nobody needs.

use std::env;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{FlockOperation, flock};

use super::user::User;
use super::{ServerError, process};

/// The folder of them all. Others may pass through it and neither read nor write it.
pub(super) fn common() -> Result<PathBuf, ServerError> {
    let uid = rustix::process::geteuid().as_raw();
    let path = env::temp_dir().join(format!("cenote-servers-{uid}"));
    match DirBuilder::new().mode(0o711).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(ServerError::at(path)(error));
        }
        _ => {}
    }
    // Somebody else could have been first, to read or to change what we keep there.
    let found = fs::symlink_metadata(&path).map_err(ServerError::at(&path))?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o022 != 0 {
        let why = "it is not a folder that belongs to this user alone";
        return Err(ServerError::at(path)(io::Error::other(why)));
    }
    // Root's servers run as somebody else.
    if uid == 0 {
        let closed =
            |folder: &&Path| fs::metadata(folder).is_ok_and(|found| found.mode() & 0o001 == 0);
        if let Some(closed) = path.ancestors().find(closed) {
            return Err(ServerError::at(closed)(io::Error::other("only some users may enter it")));
        }
    }
    Ok(path)
}

/// A file that is locked as long as this value lives, or None if another process holds it.
pub(super) fn try_lock(path: &Path) -> Result<Option<File>, ServerError> {
    let file = open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(ServerError::at(path)(error.into())),
    }
}

/// The same, and waits for its turn.
pub(super) fn lock(path: &Path) -> Result<File, ServerError> {
    let file = open(path)?;
    flock(&file, FlockOperation::LockExclusive)
        .map_err(|error| ServerError::at(path)(error.into()))?;
    Ok(file)
}

fn open(path: &Path) -> Result<File, ServerError> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false).open(path).map_err(ServerError::at(path))
}

/// A folder for one server, which ends with this value.
pub(super) struct Folder {
    path: PathBuf,
    user: User,
    watchdog: Watchdog,
    _lock: File,
}

impl Folder {
    /// A new one, after those were removed that their processes left behind.
    pub(super) fn new(user: User) -> Result<Folder, ServerError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let common = common()?;
        // Held until the new folder is locked, so that nobody takes it for one that was left behind.
        let _turn = lock(&common.join("turn"))?;
        sweep(&common)?;
        let name = format!("run-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = common.join(name);
        DirBuilder::new().mode(0o700).create(&path).map_err(ServerError::at(&path))?;
        let lock = lock(&path.join("lock"))?;
        let watchdog = Watchdog::new(&path)?;
        user.give(&path)?;
        Ok(Folder { path, user, watchdog, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn user(&self) -> User {
        self.user
    }

    /// Writes a file that only the server's user reads.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, ServerError> {
        let path = self.path.join(name);
        fs::write(&path, text).map_err(ServerError::at(&path))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))
            .map_err(ServerError::at(&path))?;
        self.user.give(&path)?;
        Ok(path)
    }

    /// A copy of a folder or of a file, which belongs to the server's user.
    pub(super) fn copy(&self, from: &Path, to: &Path) -> Result<(), ServerError> {
        if from.is_dir() {
            DirBuilder::new().mode(0o700).create(to).map_err(ServerError::at(to))?;
            for entry in fs::read_dir(from).map_err(ServerError::at(from))? {
                let entry = entry.map_err(ServerError::at(from))?;
                self.copy(&entry.path(), &to.join(entry.file_name()))?;
            }
        } else {
            fs::copy(from, to).map_err(ServerError::at(to))?;
        }
        self.user.give(to)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is tried again by the watchdog, and by the next one who needs a folder.
        _ = fs::remove_dir_all(&self.path);
        self.watchdog.dismiss();
    }
}

/// Removes the folders whose processes are gone, and ends what may run in them.
fn sweep(common: &Path) -> Result<(), ServerError> {
    for entry in fs::read_dir(common).map_err(ServerError::at(common))? {
        let path = entry.map_err(ServerError::at(common))?.path();
        let private =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"run-"));
        if !private {
            continue;
        }
        // One that goes this moment has no place for a lock any more: its owner or its watchdog sees to it.
        let Ok(Some(_lock)) = try_lock(&path.join("lock")) else { continue };
        process::end_all_of(&path);
        _ = fs::remove_dir_all(&path);
    }
    Ok(())
}

/// A shell that outlives this process for a moment. It reads from a pipe whose other end only this process has, so it
/// wakes up when the process has ended, however that came about. Then it ends the processes that have left their ids
/// in the folder (see `service`), and removes the folder.
///
/// It is in a process group of its own, since Ctrl-C and test runners that lose patience end whole groups. The kernel's
/// "signal me when my parent is gone" would not do: it goes by the thread that has started the child, and tests have
/// threads that end early.
struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

const WATCH: &str = r#"
while read -r _; do :; done
alive() { kill -0 "$1" && { [ ! -d /proc/self ] || grep -q . "/proc/$1/cmdline"; }; }
for file in "$1"/*.pid; do
  read -r pid signal <"$file" || continue
  below=$(cat "/proc/$pid/task/$pid/children")
  kill -s "$signal" "$pid"
  kill -s CONT "$pid" $below
  turns=50
  while alive "$pid" && [ $((turns -= 1)) -gt 0 ]; do sleep 0.1; done
  if alive "$pid"; then kill -s KILL "$pid" $(cat "/proc/$pid/task/$pid/children"); fi
done
rm -rf "$1"
"#;

impl Watchdog {
    fn new(folder: &Path) -> Result<Watchdog, ServerError> {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", WATCH, "cenote-watchdog"]).arg(folder).current_dir("/");
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut shell = shell.spawn().map_err(ServerError::of("sh"))?;
        let pipe = shell.stdin.take();
        Ok(Watchdog { shell, pipe })
    }

    /// Lets it go home. It finds the folder removed, and removes it if it is not.
    fn dismiss(&mut self) {
        self.pipe = None;
        _ = self.shell.wait();
    }
}
