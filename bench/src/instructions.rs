//! Instructions of one cycle, counted by callgrind: this program runs under it twice, for N cycles and for 2 N, and the
//! difference over N is what one cycle takes. The same on every run, whatever else the machine does.

use std::process::{Command, Output, Stdio};

use crate::figures::{Metric, Sheet};
use crate::pools::{self, Pool};
use crate::scenarios::{Scale, Scenario, Trial, hit, queue};
use crate::subject::Tuning;

/// The first word of a command line that runs cycles and nothing else.
pub(crate) const FLAG: &str = "cycles";

/// A multiple of the tasks of S4.
const N: u64 = 64 * 100;

/// What to do where there is no valgrind.
pub(crate) const MISSING: &str = "instructions are not counted, because valgrind cannot be run: install it (on Debian \
                                  and Ubuntu: apt-get install valgrind)";

pub(crate) fn can_be_counted() -> bool {
    let mut version = Command::new("valgrind");
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// The scenarios whose cycles are counted, and what the count is called there.
pub(crate) fn metric(scenario: Scenario) -> Option<Metric> {
    match scenario {
        Scenario::S1 => Some(hit::INSTRUCTIONS),
        Scenario::S4 => Some(queue::INSTRUCTIONS),
        _ => None,
    }
}

/// Counts those of a scenario for these pools, two at a time.
pub(crate) fn measure(scenario: Scenario, columns: &[(&'static Pool, Tuning)], sheet: &mut Sheet) {
    let Some(metric) = metric(scenario) else { return };
    for &(pool, tuning) in columns {
        let trial = Trial { scenario, pool: pool.name, tuning, scale: Scale::QUICK, run: 0 };
        match count(&trial) {
            Ok(count) => trial.record(sheet, metric, count),
            Err(why) => eprintln!("{} {} {}: {why}", scenario.name(), pool.name, tuning.name()),
        }
    }
}

/// Instructions of one cycle, or why they cannot be told.
pub(crate) fn count(trial: &Trial) -> Result<f64, String> {
    // Both at the same time: the count does not depend on it.
    let once = start(trial, N)?;
    let twice = start(trial, 2 * N)?;
    let end =
        |child: std::process::Child| child.wait_with_output().map_err(|error| error.to_string());
    let (once, twice) = (total(&end(once)?)?, total(&end(twice)?)?);
    Ok((twice as f64 - once as f64) / N as f64)
}

fn start(trial: &Trial, n: u64) -> Result<std::process::Child, String> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(here);
    valgrind.args([FLAG, trial.scenario.name(), trial.pool, trial.tuning.name(), &n.to_string()]);
    valgrind.stdout(Stdio::null()).stderr(Stdio::piped());
    valgrind.spawn().map_err(|error| format!("valgrind cannot be run: {error}"))
}

fn total(output: &Output) -> Result<u64, String> {
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("the run under callgrind failed: {}", said.trim()));
    }
    read(&said).ok_or_else(|| format!("callgrind tells no count: {}", said.trim()))
}

/// The count in callgrind's last lines.
fn read(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

/// The other side of it: runs the cycles that the command line asks for.
pub(crate) fn serve(scenario: &str, pool: &str, tuning: &str, n: &str) -> Result<(), String> {
    let scenario = Scenario::find(scenario).ok_or("no such scenario")?;
    let pool = pools::find(pool).ok_or("no such pool")?;
    let tuning = Tuning::ALL.into_iter().find(|known| known.name() == tuning);
    let tuning = tuning.ok_or("no such settings")?;
    let n = n.parse().map_err(|_| "no number of cycles")?;
    let trial = Trial { scenario, pool: pool.name, tuning, scale: Scale::QUICK, run: 0 };
    (pool.cycles)(&trial, n);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_what_callgrind_says() {
        let said = "==7== Events    : Ir\n==7== Collected : 1234567\n==7==\n";
        assert_eq!(read(said), Some(1_234_567));
        assert_eq!(read("==7== refs: 5"), None);
    }

    #[test]
    fn what_cannot_be_run_is_named() {
        for (line, said) in [
            (["S11", "cenote", "default", "1"], "no such scenario"),
            (["S1", "pond", "default", "1"], "no such pool"),
            (["S1", "cenote", "odd", "1"], "no such settings"),
            (["S1", "cenote", "default", "x"], "no number of cycles"),
        ] {
            let [scenario, pool, tuning, n] = line;
            assert_eq!(serve(scenario, pool, tuning, n), Err(said.to_owned()));
        }
    }
}
