//! The cases, one file each. A case is generic over what it needs of a pool, opens a pool of its own over a
//! script, and says whether the rule held and what it saw. Where time decides, a pool that holds and one that
//! breaks lie at least three times apart.

mod cancelled_check;
mod idle_first;
mod idle_time;
mod min_idle;
mod no_runtime;
mod overtaking;
mod panicking_connect;
mod panicking_predicate;
mod resize;
mod returned_meanwhile;
mod short_deadline;

pub(crate) use cancelled_check::run as cancelled_check;
pub(crate) use idle_first::run as idle_first;
pub(crate) use idle_time::run as idle_time;
pub(crate) use min_idle::run as min_idle;
pub(crate) use no_runtime::run as no_runtime;
pub(crate) use overtaking::run as overtaking;
#[cfg(feature = "peers")]
pub(crate) use overtaking::run_on_threads as overtaking_on_threads;
pub(crate) use panicking_connect::run as panicking_connect;
pub(crate) use panicking_predicate::run as panicking_predicate;
pub(crate) use resize::run as resize;
pub(crate) use returned_meanwhile::run as returned_meanwhile;
pub(crate) use short_deadline::run as short_deadline;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Resize,
    PanickingPredicate,
    ShortDeadline,
    ReturnedMeanwhile,
    PanickingConnect,
    Overtaking,
    MinIdle,
    IdleTime,
    NoRuntime,
    IdleFirst,
    CancelledCheck,
}

impl Case {
    pub(crate) const ALL: [Case; 11] = [
        Case::Resize,
        Case::PanickingPredicate,
        Case::ShortDeadline,
        Case::ReturnedMeanwhile,
        Case::PanickingConnect,
        Case::Overtaking,
        Case::MinIdle,
        Case::IdleTime,
        Case::NoRuntime,
        Case::IdleFirst,
        Case::CancelledCheck,
    ];

    /// Whether it keeps the machine busy, so that no other cell should run beside it.
    pub(crate) fn is_busy(self) -> bool {
        self == Case::Overtaking
    }

    /// The rule, as a row begins.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            Case::Resize => "resize 10 to 1 lends at most one",
            Case::PanickingPredicate => "a panicking predicate poisons nothing",
            Case::ShortDeadline => "a deadline shorter than the connect succeeds by the next try",
            Case::ReturnedMeanwhile => {
                "a returned connection is taken while a connect is under way"
            }
            Case::PanickingConnect => "a connect that panics keeps capacity",
            Case::Overtaking => "256 tasks on 8 connections: nobody is overtaken",
            Case::MinIdle => "min_idle does not overshoot",
            Case::IdleTime => "idle time counts from release",
            Case::NoRuntime => "a guard may be dropped outside a runtime",
            Case::IdleFirst => "idle before new",
            Case::CancelledCheck => "cancel during check keeps the slot",
        }
    }
}
