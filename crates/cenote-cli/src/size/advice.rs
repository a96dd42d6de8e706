//! What is advised, and why, in plain sentences: the smaller of what the database needs and what the limit leaves.

use super::budget::Budget;
use super::curve::Point;
use super::knee::{Knee, Verdict};
use super::trial::Ceiling;
use super::{End, Findings};
use crate::units::{count, duration};

/// With fewer queries in one measurement, a single one more or less shows.
const FEW: u64 = 50;
/// What loses so much beyond the knee is worth a word.
const FALLS: f64 = 0.10;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Advice {
    /// For each process; none if nothing can be advised.
    pub(crate) max_size: Option<u64>,
    /// In one word, for programs.
    pub(crate) by: By,
    /// One sentence each, the most important first.
    pub(crate) reasons: Vec<String>,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The limit alone: nothing was measured.
    Arithmetic,
    Knee,
    /// More would be better.
    Limit,
    /// More may be better, and could not be tried.
    End,
    /// Sizes differ no more than repetitions do.
    Noise,
    /// There was no time for an answer.
    TooLittle,
}

impl By {
    pub(crate) fn name(self) -> &'static str {
        match self {
            By::Arithmetic => "arithmetic",
            By::Knee => "knee",
            By::Limit => "limit",
            By::End => "end",
            By::Noise => "noise",
            By::TooLittle => "too_little",
        }
    }
}

impl Advice {
    /// Without a database.
    pub(crate) fn by_arithmetic(budget: &Budget) -> Advice {
        let more =
            "That is what each may have, not what it needs: --url tries sizes on your database.";
        let reasons = vec![budget.told(), more.to_owned()];
        Advice { max_size: budget.share(), by: By::Arithmetic, reasons }
    }

    pub(crate) fn of(findings: &Findings) -> Advice {
        let mut advice = match &findings.verdict {
            Verdict::Knee(knee) => Advice::of_knee(knee, findings),
            Verdict::Noise { noise, lift } => Advice {
                max_size: None,
                by: By::Noise,
                reasons: vec![format!(
                    "No size can be told from this: the slowest size has {} less than the best, and repetitions of one size differ by ±{}. Let nothing else run on the database and here, or give it more --seconds.",
                    percent(*lift),
                    percent(*noise)
                )],
            },
            Verdict::TooLittle => Advice {
                max_size: None,
                by: By::TooLittle,
                reasons: vec![match findings.end {
                    End::Interrupted => "It was interrupted before any size had been tried often enough to advise one.".to_owned(),
                    _ => "No size was tried often enough to advise one: give it more --seconds or a lighter query.".to_owned(),
                }],
            },
        };
        advice.reasons.push(findings.budget.told());
        if let (None, Some(share)) = (advice.max_size, findings.budget.share()) {
            advice
                .reasons
                .push(format!("So max_size must not be more than {share}, whatever is best."));
        }
        advice.reasons.extend(doubts(findings));
        advice
    }

    fn of_knee(knee: &Knee, findings: &Findings) -> Advice {
        let budget = &findings.budget;
        let best = u64::from(knee.at.size);
        let each = best.div_ceil(budget.processes);
        let mut reasons = vec![reached(knee)];
        reasons.extend(beyond(knee, findings));
        if budget.processes > 1 {
            let rounded = if best % budget.processes == 0 { "" } else { ", rounded up" };
            reasons.push(format!(
                "It is the database that has its best then, so {} processes share these {best}: {each} each{rounded}.",
                budget.processes
            ));
        }
        let end = if knee.rises { By::End } else { By::Knee };
        let (max_size, by) = match budget.share() {
            Some(share) if share < each => (share, By::Limit),
            _ => (each, end),
        };
        if by == By::Limit {
            reasons
                .push(format!("The limit leaves {max_size} to each, which is less: it decides."));
        }
        Advice { max_size: Some(max_size), by, reasons }
    }
}

/// What the knee is.
fn reached(knee: &Knee) -> String {
    let Knee { at, best, tolerance, .. } = knee;
    let connections = connections(at.size);
    let speed = speed(at);
    let mut text = if at.size == best.size {
        format!("{connections} had the most, {speed} queries/s")
    } else {
        format!(
            "{connections} had {speed} queries/s, {} of the most ({}, with {})",
            percent(at.speed / best.speed),
            self::speed(best),
            best.size
        )
    };
    if at.size > 1 {
        let what = if knee.slow.is_some() { "what is less is slower" } else { "fewer had less" };
        text += &format!("; {what}");
    }
    text += &format!(". What differs by no more than {} counts as equal", percent(*tolerance));
    if *tolerance > 0.0501 {
        text += ", since repetitions of one size do, too";
    }
    if let Some(slow) = knee.slow {
        text += &format!(
            ". {} had as many, but a p99 of {} instead of {}",
            slow.size,
            duration(slow.p99),
            duration(at.p99)
        );
    }
    text + "."
}

/// What lies beyond the knee.
fn beyond(knee: &Knee, findings: &Findings) -> Option<String> {
    let Knee { at, last, rises, .. } = knee;
    if *rises {
        let why = match &findings.ceiling {
            Some(ceiling) => format!("the server gave no more ({})", ceiling.why),
            None if last.size == findings.tasks => {
                format!("{} tasks can use no more: try it with more --tasks", findings.tasks)
            }
            None => "the limit and the reserve leave no more".to_owned(),
        };
        return Some(format!("The throughput still rises there: more may be better, and {why}."));
    }
    if last.size == at.size {
        return None;
    }
    let mut text = String::new();
    if last.speed < at.speed * (1.0 - FALLS) {
        text = format!("With {} it falls to {}. ", last.size, speed(last));
    }
    // By Little's law; while there are more tasks than connections, all of these are busy.
    Some(
        text + &format!(
            "A query has its connection for {} with {}, and for {} with {} (Little's law): there it waits in the database, where waiting costs more than in the pool.",
            duration(at.held()),
            at.size,
            duration(last.held()),
            last.size
        ),
    )
}

/// What makes the answer less sure.
fn doubts(findings: &Findings) -> Vec<String> {
    let mut doubts = Vec::new();
    let size = match &findings.verdict {
        Verdict::Knee(knee) => Some(knee.at),
        _ => None,
    };
    if let Some(at) = size.filter(|at| at.queries < FEW) {
        doubts.push(format!(
            "Only {} queries fell into a measurement of {}: more --seconds make it surer.",
            at.queries,
            connections(at.size)
        ));
    }
    if size.is_some() && findings.end != End::Whole {
        let why =
            if findings.end == End::Late { "The time was over" } else { "It was interrupted" };
        doubts.push(format!("{why} before all had been tried as often as planned."));
    }
    let is_known = |ceiling: &&Ceiling| size.is_some_and(|at| at.size == ceiling.at);
    if let Some(ceiling) = findings.ceiling.as_ref().filter(|ceiling| !is_known(ceiling)) {
        doubts.push(format!(
            "The server gave no more than {} ({}).",
            connections(ceiling.at),
            ceiling.why
        ));
    }
    if findings.done.errors > 0 {
        let first = findings.done.first_error.as_deref().unwrap_or_default();
        doubts.push(format!(
            "{} of {} queries failed, the first: {first}.",
            count(findings.done.errors),
            count(findings.done.errors + findings.done.queries)
        ));
    }
    doubts
}

fn connections(n: u32) -> String {
    format!("{n} connection{}", if n == 1 { "" } else { "s" })
}

fn speed(point: &Point) -> String {
    count(point.speed.round() as u64)
}

/// `12 %`; of less than ten also a decimal, if it is not 0.
pub(crate) fn percent(share: f64) -> String {
    let tenths = (share * 1e3).round();
    if tenths.abs() < 100.0 && tenths % 10.0 != 0.0 {
        format!("{:.1} %", tenths / 10.0)
    } else {
        format!("{:.0} %", share * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::drivers::{Limit, Limits};
    use crate::load::Done;
    use crate::size::budget::Wishes;
    use crate::size::knee;

    fn point((size, speed): (u32, f64)) -> Point {
        let p99 = Duration::from_secs_f64(64.0 / speed);
        Point { size, speed, spread: 0.01, p99, repeats: 4, queries: 500 }
    }

    fn findings(speeds: &[(u32, f64)], wishes: Wishes, limits: &Limits) -> Findings {
        let points: Vec<Point> = speeds.iter().copied().map(point).collect();
        Findings {
            target: "x".into(),
            tasks: 64,
            budget: Budget::found(&wishes, limits).unwrap(),
            verdict: knee::find(&points),
            points,
            ceiling: None,
            done: Done {
                elapsed: Duration::from_secs(1),
                queries: 9,
                errors: 0,
                first_error: None,
            },
            end: End::Whole,
        }
    }

    const NONE: Limits = Limits::None("no limit");
    const WISHES: Wishes = Wishes { limit: None, processes: 1, reserve: None };
    const PEAK: &[(u32, f64)] = &[(1, 250.0), (2, 500.0), (4, 990.0), (8, 1000.0), (16, 400.0)];
    const RISING: &[(u32, f64)] = &[(16, 250.0), (32, 500.0), (64, 990.0)];

    // P-11
    #[test]
    fn the_smaller_of_need_and_limit_is_advised() {
        let server =
            Limits::Told(vec![Limit { name: "max_connections", allows: 20, kept: 3, taken: 9 }]);
        for (speeds, processes, limit, limits, max_size, by) in [
            (PEAK, 1, None, &NONE, 4, By::Knee),
            (PEAK, 3, None, &NONE, 2, By::Knee),
            (PEAK, 100, None, &NONE, 1, By::Knee),
            (PEAK, 1, Some(100), &NONE, 4, By::Knee),
            (PEAK, 1, Some(3), &NONE, 3, By::Limit),
            // 8 are left: 2 for each of 4, and 1 would do.
            (PEAK, 4, None, &server, 1, By::Knee),
            (RISING, 1, None, &NONE, 64, By::End),
            (RISING, 1, None, &server, 8, By::Limit),
        ] {
            let advice = Advice::of(&findings(
                speeds,
                Wishes { limit, processes, reserve: Some(0) },
                limits,
            ));
            assert_eq!((advice.max_size, advice.by), (Some(max_size), by), "{advice:?}");
        }
    }

    // P-11
    #[test]
    fn the_reasons_are_told_in_sentences() {
        let told = |findings: &Findings| Advice::of(findings).reasons.join(" ");
        let peak = findings(PEAK, Wishes { processes: 3, ..WISHES }, &NONE);
        assert_eq!(
            told(&peak),
            "4 connections had 990 queries/s, 99 % of the most (1,000, with 8); fewer had less. What differs by no more than 5 % counts as equal. \
             With 16 it falls to 400. A query has its connection for 4.04 ms with 4, and for 40.0 ms with 16 (Little's law): there it waits in the database, where waiting costs more than in the pool. \
             It is the database that has its best then, so 3 processes share these 4: 2 each, rounded up. No limit."
        );
        let mut rising = findings(RISING, WISHES, &NONE);
        assert!(told(&rising).contains("still rises there: more may be better, and 64 tasks can use no more: try it with more --tasks."));
        rising.ceiling = Some(Ceiling { at: 64, why: "too many clients".into() });
        assert!(told(&rising).contains("and the server gave no more (too many clients)."));
        rising.done.errors = 3;
        rising.done.first_error = Some("deadlock".into());
        assert!(
            told(&rising).ends_with("3 of 12 queries failed, the first: deadlock."),
            "{}",
            told(&rising)
        );
    }

    // P-11
    #[test]
    fn noise_and_too_little_give_no_number_but_the_bound() {
        let mut noise = findings(PEAK, Wishes { limit: Some(50), ..WISHES }, &NONE);
        noise.verdict = Verdict::Noise { noise: 0.12, lift: 0.085 };
        let advice = Advice::of(&noise);
        assert_eq!((advice.max_size, advice.by), (None, By::Noise));
        let told = advice.reasons.join(" ");
        assert!(told.contains("the slowest size has 8.5 % less than the best, and repetitions of one size differ by ±12 %"), "{told}");
        assert!(told.contains("So max_size must not be more than 45"), "{told}");
        noise.verdict = Verdict::TooLittle;
        noise.end = End::Interrupted;
        let advice = Advice::of(&noise);
        assert_eq!((advice.max_size, advice.by), (None, By::TooLittle));
        assert!(advice.reasons[0].starts_with("It was interrupted before"));
    }
}
