//! How a source stands, as a cluster's status shows it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a source says, and what is not done of it, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceStatus {
    /// What it is.
    pub name: Arc<str>,
    /// How often it said something.
    pub updates: u64,
    /// How many nodes it lists.
    pub listed: usize,
    /// How many nodes of it the cluster has, or is to have.
    pub members: usize,
    /// Nodes that it lists no longer and that stay for so long, because it took away too many at once.
    pub held: Vec<(String, Duration)>,
    /// Nodes that it lists and that cannot be used, with the reasons.
    pub refused: Vec<(String, Arc<str>)>,
    /// For how long it has not been followed, and why.
    pub failing: Option<(Duration, Arc<str>)>,
    /// It lists no node, which is taken for a mistake.
    pub empty: bool,
    /// What whoever looks after it should know.
    pub remarks: Vec<Arc<str>>,
}

impl SourceStatus {
    /// Whether everything that it says is done.
    pub fn is_followed(&self) -> bool {
        self.updates > 0
            && self.failing.is_none()
            && !self.empty
            && self.held.is_empty()
            && self.refused.is_empty()
    }

    /// Why not everything that it says is done, one sentence each; remarks come last.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.updates == 0 {
            reasons.push("has said nothing yet".to_owned());
        }
        if let Some((since, why)) = &self.failing {
            reasons.push(format!("not followed for {since:.1?}: {why}"));
        }
        if self.empty {
            reasons.push("lists no node, which is taken for a mistake".to_owned());
        }
        let held =
            self.held.iter().map(|(key, left)| format!("{key} is held for another {left:.1?}"));
        reasons.extend(held);
        let refused =
            self.refused.iter().map(|(key, why)| format!("node \"{key}\" cannot be used: {why}"));
        reasons.extend(refused);
        reasons.extend(self.remarks.iter().map(|remark| remark.to_string()));
        reasons
    }
}

impl fmt::Display for SourceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "source \"{}\": lists {}, {} there", self.name, self.listed, self.members)?;
        for reason in self.reasons() {
            write!(f, "; {reason}")?;
        }
        Ok(())
    }
}
