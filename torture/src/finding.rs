//! What came of a case on a pool.

/// What is printed in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    /// What happened, in a few words.
    pub(crate) seen: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    Breaks,
    /// The pool has no such feature.
    NotApplicable,
}

impl Verdict {
    const ALL: [Verdict; 3] = [Verdict::Holds, Verdict::Breaks, Verdict::NotApplicable];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::Breaks => "breaks",
            Verdict::NotApplicable => "n/a",
        }
    }
}

impl Finding {
    pub(crate) fn holds(seen: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Holds, seen: seen.into() }
    }

    pub(crate) fn breaks(seen: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Breaks, seen: seen.into() }
    }

    pub(crate) fn not_applicable(why: &str) -> Finding {
        Finding { verdict: Verdict::NotApplicable, seen: why.to_owned() }
    }

    pub(crate) fn holds_if(holds: bool, seen: impl Into<String>) -> Finding {
        if holds { Finding::holds(seen) } else { Finding::breaks(seen) }
    }

    /// This and the same elsewhere: both must hold.
    #[cfg(feature = "peers")]
    pub(crate) fn and(self, place: &str, other: Finding) -> Finding {
        let holds = [&self, &other].iter().all(|one| one.verdict == Verdict::Holds);
        Finding::holds_if(holds, format!("{}; {place}: {}", self.seen, other.seen))
    }

    /// One line, for the process that runs a single cell to hand to the one that asked for it.
    pub(crate) fn to_line(&self) -> String {
        format!("{}\t{}", self.verdict.name(), self.seen.replace(['\n', '\t'], " "))
    }

    pub(crate) fn from_line(line: &str) -> Option<Finding> {
        let (name, seen) = line.split_once('\t')?;
        let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.name() == name)?;
        Some(Finding { verdict, seen: seen.to_owned() })
    }

    /// What several runs of one cell come to: what most of them say or, if `strict`, a break if there was one. Runs
    /// that differ are all told.
    pub(crate) fn of_runs(runs: &[Finding], strict: bool) -> Finding {
        let of = |verdict| runs.iter().filter(move |run| run.verdict == verdict);
        let broken = of(Verdict::Breaks).count();
        if broken == 0 || broken == runs.len() {
            return runs[0].clone();
        }
        let breaks = strict || 2 * broken > runs.len();
        let said: Vec<String> =
            runs.iter().map(|run| format!("{} ({})", run.verdict.name(), run.seen)).collect();
        Finding::holds_if(!breaks, format!("in {} runs: {}", runs.len(), said.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_survives_its_line() {
        let finding = Finding::breaks("10 held\tat once");
        let line = finding.to_line();
        assert_eq!(Finding::from_line(&line), Some(Finding::breaks("10 held at once")));
        assert_eq!(Finding::from_line("maybe\tso"), None);
    }

    #[test]
    fn runs_that_differ_are_all_told_and_the_majority_counts() {
        let runs = [Finding::breaks("late"), Finding::holds("well"), Finding::holds("well")];
        let finding = Finding::of_runs(&runs, false);
        assert_eq!(finding.verdict, Verdict::Holds);
        assert_eq!(finding.seen, "in 3 runs: breaks (late), holds (well), holds (well)");
        assert_eq!(Finding::of_runs(&runs, true).verdict, Verdict::Breaks);
    }

    #[test]
    fn runs_that_agree_are_told_once() {
        let runs = [Finding::breaks("late"), Finding::breaks("later")];
        assert_eq!(Finding::of_runs(&runs, false), Finding::breaks("late"));
    }
}
