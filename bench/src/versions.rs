//! The versions under test, as the lock file had them when this program was built.

const LOCK: &str = include_str!("../../Cargo.lock");

/// The version of a package; both, if there are two.
pub(crate) fn of(package: &str) -> String {
    let mut versions = Vec::new();
    let mut lines = LOCK.lines();
    while let Some(line) = lines.next() {
        if line == format!("name = \"{package}\"") {
            versions.extend(lines.next().and_then(version));
        }
    }
    versions.join(" and ")
}

fn version(line: &str) -> Option<&str> {
    line.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_locked_one() {
        assert_eq!(of("cenote"), env!("CARGO_PKG_VERSION"));
        assert_eq!(of("no-such-package"), "");
    }

    #[test]
    fn every_pool_has_one() {
        for pool in crate::pools::ALL.iter().filter(|pool| !pool.package.is_empty()) {
            assert!(of(pool.package).starts_with(char::is_numeric), "{}", pool.name);
        }
    }
}
