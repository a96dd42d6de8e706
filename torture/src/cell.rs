//! One cell, in a process of its own: a pool may hang, abort or poison what it likes, the table goes on.

use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::cases::Case;
use crate::finding::{Finding, Verdict};
use crate::pools::{self, Part, Pool};

/// The argument by which the table asks for a single cell.
pub(crate) const FLAG: &str = "--cell";

/// A case needs three seconds at most and gives up by itself.
const LONGEST: Duration = Duration::from_secs(30);

/// Runs a case on a pool; if the rule does not hold, twice more. Our own pool breaks by one break in three, the others
/// by two.
pub(crate) fn judge(case: Case, pool: &Pool, ours: bool) -> Finding {
    if let Part::Not(why) = (pool.part)(case) {
        return Finding::not_applicable(why);
    }
    let mut runs = vec![run(case, pool)];
    if runs[0].verdict == Verdict::Breaks {
        runs.extend([run(case, pool), run(case, pool)]);
    }
    Finding::of_runs(&runs, ours)
}

/// Asks a process for the cell.
fn run(case: Case, pool: &Pool) -> Finding {
    let ask = || {
        let program = std::env::current_exe()?;
        let mut cell = Command::new(program);
        cell.args([FLAG, &format!("{case:?}"), pool.name]);
        // The panics of a case are wanted, and told in the cell.
        cell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
    };
    match ask() {
        Ok(child) => wait(child),
        Err(error) => Finding::breaks(format!("the cell cannot be run: {error}")),
    }
}

fn wait(mut child: Child) -> Finding {
    let began = Instant::now();
    while let Ok(None) = child.try_wait() {
        if began.elapsed() > LONGEST {
            // It has not ended, so its id is still its own.
            let _ = child.kill();
            let _ = child.wait();
            return Finding::breaks(format!("hung: stopped after {} s", LONGEST.as_secs()));
        }
        thread::sleep(Duration::from_millis(5));
    }
    match child.wait_with_output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout);
            let finding = said.lines().last().and_then(Finding::from_line);
            finding
                .unwrap_or_else(|| Finding::breaks(format!("the process died: {}", output.status)))
        }
        Err(error) => Finding::breaks(format!("the cell cannot be read: {error}")),
    }
}

/// Runs the cell here and prints what came of it, in one line.
pub(crate) fn serve(case: &str, pool: &str) -> ExitCode {
    let found = Case::ALL.into_iter().find(|known| format!("{known:?}") == case);
    let pool = pools::ALL.iter().find(|known| known.name == pool);
    let (Some(case), Some(pool)) = (found, pool) else {
        eprintln!("there is no such cell");
        return ExitCode::from(2);
    };
    let finding = match (pool.part)(case) {
        Part::Not(why) => Finding::not_applicable(why),
        Part::Runs(run) => std::panic::catch_unwind(run)
            .unwrap_or_else(|_| Finding::breaks("a panic came through to the case")),
    };
    println!("{}", finding.to_line());
    // Whatever the pool has left behind must not decide how the process ends.
    std::process::exit(0)
}
