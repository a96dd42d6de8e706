//! A server's process: its log, its end, and the file that tells the watchdog of it. And programs that run to their end,
//! such as a server's own client.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::place::Folder;
use super::process::END_LIMIT;
use super::{ServerError, process};

/// How long a server may take to answer after its start. It may have a crash to recover from on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The signal that makes a server end at once and in good order, with the name that a shell knows it by.
#[derive(Clone, Copy)]
pub(super) struct EndBy(pub(super) Signal, pub(super) &'static str);

/// The shell leaves its own id where the watchdog looks, then becomes the server. So there is no moment in which the
/// server runs and nobody would find it; and a folder that is being removed takes no new server.
const LAUNCH: &str = r#"echo "$$ $1" >"$0" && shift && exec "$@""#;

/// A server's process. Dropping it ends it.
pub(super) struct Service {
    name: &'static str,
    child: Child,
    pid_file: PathBuf,
    log: PathBuf,
    /// How long the log was before.
    log_begins: u64,
    end_by: EndBy,
    /// Those that are stopped, if they are.
    frozen: Vec<u32>,
}

impl Service {
    /// Starts a program in the folder and as its user. What it says is added to the log.
    pub(super) fn start(
        folder: &Folder,
        name: &'static str,
        program: &Path,
        args: &[&str],
        end_by: EndBy,
    ) -> Result<Service, ServerError> {
        let log = folder.path().join("log");
        let mut options = File::options();
        let file = options.append(true).create(true).open(&log).map_err(ServerError::at(&log))?;
        let log_begins = file.metadata().map_err(ServerError::at(&log))?.len();
        let again = file.try_clone().map_err(ServerError::at(&log))?;
        let pid_file = folder.path().join(name).with_extension("pid");
        let mut shell: Command = folder.user().command(Path::new("/bin/sh"));
        shell.args(["-c", LAUNCH]).arg(&pid_file).arg(end_by.1).arg(program).args(args);
        shell.current_dir(folder.path()).stdin(Stdio::null()).stdout(file).stderr(again);
        // Ctrl-C is for the tests; then they end their server, or the watchdog does.
        let child = shell.process_group(0).spawn().map_err(ServerError::of(name))?;
        Ok(Service { name, child, pid_file, log, log_begins, end_by, frozen: Vec::new() })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the server says that it is ready.
    pub(super) fn wait_ready(&mut self, ready: impl Fn(u32) -> bool) -> Result<(), ServerError> {
        let end = Instant::now() + START_LIMIT;
        loop {
            if ready(self.pid()) {
                return Ok(());
            }
            if self.child.try_wait().map_err(ServerError::of(self.name))?.is_some() {
                return Err(ServerError::Failed {
                    program: self.name.to_owned(),
                    said: self.said(),
                });
            }
            if Instant::now() > end {
                return Err(self.late("ready", START_LIMIT));
            }
            std::thread::sleep(process::TURN);
        }
    }

    /// Asks it to end, and waits. An error if it has not ended within the limit; it still runs then.
    pub(super) fn end(&mut self, by: Signal, limit: Duration) -> Result<(), ServerError> {
        self.thaw();
        process::signal(self.pid(), by);
        let child = &mut self.child;
        if !process::wait_until(limit, || !matches!(child.try_wait(), Ok(None))) {
            return Err(self.late("ended", limit));
        }
        _ = fs::remove_file(&self.pid_file);
        Ok(())
    }

    /// Kills it and all that it has started.
    pub(super) fn kill(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let all = process::kill_tree(self.pid());
            _ = self.child.wait();
            process::wait_for_end(&all, END_LIMIT);
        }
        self.frozen.clear();
        _ = fs::remove_file(&self.pid_file);
    }

    /// Stops it and all that it has started, without ending anything.
    pub(super) fn freeze(&mut self) {
        if self.frozen.is_empty() {
            self.frozen = process::freeze(self.pid());
        }
    }

    pub(super) fn thaw(&mut self) {
        process::thaw(&std::mem::take(&mut self.frozen));
    }

    fn late(&self, awaited: &'static str, limit: Duration) -> ServerError {
        ServerError::Late { program: self.name.to_owned(), awaited, limit, said: self.said() }
    }

    /// The last lines of the log since the start.
    fn said(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let begin = usize::try_from(self.log_begins).unwrap_or(0).min(log.len());
        last_lines(&String::from_utf8_lossy(&log[begin..]))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && self.end(self.end_by.0, END_LIMIT).is_err()
        {
            self.kill();
        }
        _ = fs::remove_file(&self.pid_file);
    }
}

/// The end of what a program said, on one line.
pub(super) fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.len() {
        0 => "it says nothing".to_owned(),
        n => lines[n.saturating_sub(6)..].join(" | "),
    }
}

/// Runs a program to its end and gives what it said.
pub(super) fn run(name: &str, command: &mut Command) -> Result<String, ServerError> {
    ask(name, command, "")
}

/// Runs a program on this input and gives what it said. It fails with the end of what it complained of; where that is
/// nothing, of what it said.
pub(super) fn ask(name: &str, command: &mut Command, input: &str) -> Result<String, ServerError> {
    let failed = || ServerError::of(name);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(failed())?;
    // One that has ended early reads no more; its sentence says why.
    if let Some(mut stdin) = child.stdin.take() {
        _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed())?;
    let [said, complaint] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if output.status.success() {
        return Ok(said);
    }
    let reason = if complaint.trim().is_empty() { said } else { complaint };
    Err(ServerError::Failed { program: name.to_owned(), said: last_lines(&reason) })
}

/// Without the end of the last line.
pub(super) fn trimmed(mut said: String) -> String {
    if said.ends_with('\n') {
        said.pop();
    }
    said
}
