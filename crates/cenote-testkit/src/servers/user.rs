//! Who a server runs as. Database servers refuse to run as root, so root's run as `nobody`, and everybody else's as
//! themselves.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::ServerError;

/// What `nobody` is where `/etc/passwd` does not say it.
const NOBODY: (u32, u32) = (65534, 65534);

/// The account of servers, and the owner of their files.
#[derive(Clone, Copy)]
pub(super) struct User {
    /// None: our own.
    other: Option<(u32, u32)>,
}

impl User {
    pub(super) fn of_servers() -> User {
        let root = rustix::process::geteuid().is_root();
        let listed =
            || fs::read_to_string("/etc/passwd").ok().and_then(|list| look_up(&list, "nobody"));
        User { other: root.then(|| listed().unwrap_or(NOBODY)) }
    }

    /// A command that this user runs, with nothing of our environment that could change what servers do.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        if let Some((uid, gid)) = self.other {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives a file or a folder to this user.
    pub(super) fn give(self, path: &Path) -> Result<(), ServerError> {
        match self.other {
            Some((uid, gid)) => chown(path, Some(uid), Some(gid)).map_err(ServerError::at(path)),
            None => Ok(()),
        }
    }
}

/// The ids of an account in the text of `/etc/passwd`.
fn look_up(list: &str, name: &str) -> Option<(u32, u32)> {
    let mut fields = list
        .lines()
        .map(|line| line.split(':'))
        .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let list = "root:x:0:0::/root:/bin/sh\nnobody2:x:7:8::/:/bin/sh\nnobody:x:65534:65533:n:/none:/bin/sh\n";
        assert_eq!(look_up(list, "nobody"), Some((65534, 65533)));
        assert_eq!(look_up(list, "body"), None);
    }
}
