//! Tests of the pool on the locks of a scheduler. The whole crate has to be compiled for them, so each scheduler has a
//! target folder of its own, and no other test run has these tests.

use std::process::{Command, Stdio};

use crate::test::{cargo, run_to_end};
use crate::{Failure, Outcome, source, toolchain};

pub(crate) struct Scheduled {
    /// Its folder in the target folder, and the end of its cfg's name.
    pub(crate) name: &'static str,
    /// Where its tests are, in crates/cenote/src.
    pub(crate) tests: &'static str,
}

impl Scheduled {
    /// Runs them, or one (`file::test`), or those of one file (`file`), with these variables.
    pub(crate) fn run(&self, only: Option<&str>, variables: &[(&str, String)]) -> Outcome {
        let which = format!("{}::{}", self.tests, only.unwrap_or_default());
        if only.is_some() && !self.knows(&which)? {
            let tests = self.tests;
            return Err(Failure::one(format!(
                "there is no test {which} in crates/cenote/src/{tests}: --test wants a file's name, or file::test"
            )));
        }
        let mut run = self.cargo(&which);
        run_to_end(run.envs(variables.iter().map(|(name, value)| (name, value))))
    }

    /// Whether some test's name begins like this: a run of no tests would pass.
    fn knows(&self, which: &str) -> Result<bool, Failure> {
        let mut list = self.cargo(which);
        let listed = list.arg("--list").stderr(Stdio::inherit()).output();
        let listed =
            listed.map_err(|error| Failure::one(format!("cargo cannot be run: {error}")))?;
        let names = String::from_utf8_lossy(&listed.stdout);
        // If it cannot be built, the run itself says so.
        Ok(!listed.status.success() || names.lines().any(|line| line.starts_with(which)))
    }

    fn cargo(&self, which: &str) -> Command {
        let mut run = Command::new(cargo());
        run.args(["test", "--quiet", "--locked", "--package", "cenote", "--lib", "--", which]);
        run.current_dir(source::root()).env("CARGO_TARGET_DIR", toolchain::target(self.name));
        run.env("RUSTFLAGS", toolchain::flags(&format!("--cfg cenote_{}", self.name)));
        run
    }
}
