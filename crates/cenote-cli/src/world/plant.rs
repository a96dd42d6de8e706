//! Worlds that are wrong on purpose, so that the checks of `--headless` can be seen to fail. Nobody else needs them: they
//! are not in the help.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Plant {
    /// Whoever is promoted has forgotten the newest write of each counter
    LostWrite,
    /// A primary of the past says that its time is yet to come
    StrayWrite,
    /// A read that fails is not tried again
    FailingReads,
    /// Somebody keeps a connection
    Leak,
}
