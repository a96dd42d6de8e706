//! Where a server's programs are: in `PATH`, or where Debian puts what it keeps out of it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::ServerError;

/// A program that a kind of server needs, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirement {
    /// The kind of server: `PostgreSQL`.
    pub server: &'static str,
    /// The program's name.
    pub program: &'static str,
    /// The package of Debian that has it.
    pub package: &'static str,
}

/// All that the private servers need.
const REQUIREMENTS: &[Requirement] = &[
    super::postgres::POSTGRES,
    super::redis::REDIS,
    super::redis::CLI,
    super::mariadb::MARIADB,
    super::mariadb::INSTALLER,
    super::mariadb::CLIENT,
    super::dnsmasq::DNSMASQ,
    super::etcd::ETCD,
    super::etcd::CTL,
    Requirement { server: "TLS", program: "openssl", package: "openssl" },
];

/// What private servers need and this machine does not have; empty if all is there.
///
/// ```
/// for program in cenote_testkit::servers::missing() {
///     println!("apt-get install {}", program.package);
/// }
/// ```
pub fn missing() -> Vec<Requirement> {
    REQUIREMENTS.iter().filter(|wanted| find(wanted).is_err()).copied().collect()
}

/// Folders outside of `PATH` with a folder for each version in them, and the programs in its `bin`.
const VERSIONED: &[&str] = &["/usr/lib/postgresql"];

/// Where programs for administrators are, which is not in everybody's `PATH`.
const ADMINISTRATORS: &str = "/usr/sbin";

/// The program, with symbolic links followed: what belongs to the same version lies beside it. `PATH` goes first, so
/// that another version can be tried.
pub(super) fn find(wanted: &Requirement) -> Result<PathBuf, ServerError> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path)
        .chain(VERSIONED.iter().flat_map(newest_first))
        .chain([PathBuf::from(ADMINISTRATORS)]);
    first_in(folders, wanted.program)
        .ok_or(ServerError::Missing { program: wanted.program, package: wanted.package })
}

/// The program in `PATH` by this very name, whatever the name is a link to: some programs look at what they were called.
pub(super) fn find_by_name(wanted: &Requirement) -> Result<PathBuf, ServerError> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(wanted.program));
    found
        .filter(|path| path.is_file())
        .find_map(|path| std::path::absolute(path).ok())
        .ok_or(ServerError::Missing { program: wanted.program, package: wanted.package })
}

/// The program of this name beside another one.
pub(super) fn beside(
    program: &Path,
    name: &'static str,
    package: &'static str,
) -> Result<PathBuf, ServerError> {
    let folder = program.parent().map(Path::to_owned);
    first_in(folder.into_iter(), name).ok_or(ServerError::Missing { program: name, package })
}

fn first_in(mut folders: impl Iterator<Item = PathBuf>, name: &str) -> Option<PathBuf> {
    folders.find_map(|folder| {
        let found = folder.join(name).canonicalize().ok()?;
        found.is_file().then_some(found)
    })
}

fn newest_first(folder: &&str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let version =
        |name: &str| name.split('.').map(|part| part.parse().ok()).collect::<Option<Vec<u32>>>();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((version(entry.file_name().to_str()?)?, entry.path().join("bin")))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_comes_first_by_number() {
        let folder = env::temp_dir().join(format!("cenote-versions-{}", std::process::id()));
        for version in ["9.6", "15", "9.10", "other"] {
            fs::create_dir_all(folder.join(version)).unwrap();
        }
        let found = newest_first(&folder.to_str().unwrap());
        fs::remove_dir_all(&folder).unwrap();
        let names: Vec<_> =
            found.iter().map(|path| path.parent().unwrap().file_name().unwrap()).collect();
        assert_eq!(names, ["15", "9.10", "9.6"]);
    }

    #[test]
    fn what_is_not_there_is_named_with_its_package() {
        let wanted = Requirement { server: "none", program: "cenote-nothing", package: "nothing" };
        let said = find(&wanted).unwrap_err().to_string();
        assert!(said.contains("the program cenote-nothing is not installed"), "{said}");
        assert!(said.contains("apt-get install nothing"), "{said}");
    }
}
