//! The browser's process: its own folder, its pipes, and its end.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::page::Page;
use crate::pipe::Pipe;
use crate::{Result, Trouble, program};

/// The browser reads its requests from descriptor 3 and answers on 4: the shell moves our two pipes there. It ends when they
/// do, and then the shell removes its folder, also if this process was killed.
const LAUNCH: &str = r#"folder=$1; shift; "$0" "$@" 3<&0 4>&1 </dev/null >&2; rm -rf "$folder""#;

/// No first-run pages, no updates, no reports; and no name of the world is looked up, so that a page that asks for
/// something elsewhere fails here and is seen. Its sandbox wants rights that root in a container does not have; it only ever
/// opens our own page, on this machine.
const SWITCHES: &[&str] = &[
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--metrics-recording-only",
    "--mute-audio",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

/// How long it may take to say good-bye.
const END_LIMIT: Duration = Duration::from_secs(5);

/// A headless Chromium that this value owns. Dropping it ends it and removes its folder.
pub struct Browser {
    pipe: Arc<Pipe>,
    child: Child,
    // After the process: it writes there.
    folder: TempDir,
}

impl Browser {
    /// Starts one, which takes about a second.
    ///
    /// # Errors
    /// If the program is missing, or does not come up; with what it said.
    pub fn start() -> Result<Browser> {
        let program = program::find()?;
        let of =
            |error: std::io::Error| Trouble::new(format!("the browser cannot be started: {error}"));
        let folder = tempfile::Builder::new().prefix("cenote-browser-").tempdir().map_err(of)?;
        let log = File::create(folder.path().join("log")).map_err(of)?;
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", LAUNCH]).arg(&program).arg(folder.path()).args(SWITCHES);
        shell.arg(format!("--user-data-dir={}", folder.path().join("profile").display()));
        // What it keeps for a user goes there too.
        shell.env("HOME", folder.path()).env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut child = shell.spawn().map_err(of)?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Trouble::new("the browser has no pipes"));
        };
        let browser = Browser { pipe: Arc::new(Pipe::new(to, from)), child, folder };
        match browser.ask("Browser.getVersion", json!({})) {
            Ok(_) => Ok(browser),
            Err(trouble) => Err(Trouble::new(format!("{trouble}; it said: {}", browser.said()))),
        }
    }

    /// A new page, with a profile of its own and nothing in it.
    ///
    /// # Errors
    /// If the browser makes none.
    pub fn page(&self) -> Result<Page> {
        let context = self.ask("Target.createBrowserContext", json!({}))?;
        let wish = json!({ "url": "about:blank", "browserContextId": context["browserContextId"] });
        let target = self.ask("Target.createTarget", wish)?;
        let wish = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.ask("Target.attachToTarget", wish)?;
        Page::new(Arc::clone(&self.pipe), text(&session["sessionId"]))
    }

    fn ask(&self, method: &str, params: Value) -> Result<Value> {
        self.pipe.ask(None, method, params)
    }

    /// The end of its log.
    fn said(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(6)..].join(" | ")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        _ = self.ask("Browser.close", json!({}));
        if !self.pipe.ends_within(END_LIMIT) {
            // The shell: the browser loses its pipes with this value.
            _ = self.child.kill();
        }
        _ = self.child.wait();
    }
}

/// A string of an answer, or an empty one.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
