//! What the process holds: memory, threads, file descriptors and tasks. Linux tells the first three under `/proc`;
//! where it is not there the report says so.

use std::fmt;
use std::fs;

/// `None`: this system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Resident memory in KiB.
    pub(crate) rss: Option<u64>,
    pub(crate) threads: Option<usize>,
    pub(crate) files: Option<usize>,
    pub(crate) tasks: usize,
}

impl Reading {
    pub(crate) fn now(runtime: &tokio::runtime::Handle) -> Reading {
        Reading {
            rss: rss(),
            threads: entries("/proc/self/task"),
            files: entries("/proc/self/fd"),
            tasks: runtime.metrics().num_alive_tasks(),
        }
    }

    /// What there is more of than before; memory is judged over many rounds.
    pub(crate) fn beyond(&self, before: &Reading) -> Vec<String> {
        let counts = [
            ("threads", self.threads, before.threads),
            ("file descriptors", self.files, before.files),
            ("tasks", Some(self.tasks), Some(before.tasks)),
        ];
        let told = counts.into_iter().filter_map(|(what, now, then)| Some((what, now?, then?)));
        told.filter(|(_, now, then)| now > then)
            .map(|(what, now, then)| format!("{now} {what} are left, there were {then} before"))
            .collect()
    }

    /// What this system does not tell.
    pub(crate) fn untold(&self) -> Vec<&'static str> {
        [
            ("memory", self.rss.is_none()),
            ("threads", self.threads.is_none()),
            ("file descriptors", self.files.is_none()),
        ]
        .into_iter()
        .filter_map(|(what, untold)| untold.then_some(what))
        .collect()
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |n: Option<usize>| n.map_or("?".to_owned(), |n| n.to_string());
        match self.rss {
            Some(kib) => write!(f, "{:.1} MiB", kib as f64 / 1024.0)?,
            None => f.write_str("? MiB")?,
        }
        let (threads, files) = (shown(self.threads), shown(self.files));
        write!(f, ", {threads} threads, {files} files, {} tasks", self.tasks)
    }
}

/// Summed over the mappings, which is exact; the counter of `status` is summed up from the threads' now and then.
fn rss() -> Option<u64> {
    let kib = |file: &str, name: &str| {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
        line?.parse().ok()
    };
    kib("/proc/self/smaps_rollup", "Rss:").or_else(|| kib("/proc/self/status", "VmRSS:"))
}

fn entries(folder: &str) -> Option<usize> {
    Some(fs::read_dir(folder).ok()?.count())
}
