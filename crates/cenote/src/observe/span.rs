//! Spans around what takes time: the wait of an acquire and the steps of the pool's tasks. Without the
//! feature `tracing` they are empty values that the compiler removes.

#[cfg(feature = "tracing")]
pub(crate) use with_tracing::{StepSpan, WaitSpan};
#[cfg(not(feature = "tracing"))]
pub(crate) use without::{StepSpan, WaitSpan};

#[cfg(not(feature = "tracing"))]
mod without {
    use std::future::Future;

    use crate::observe::Audience;

    /// The wait of one acquire.
    #[derive(Default)]
    pub(crate) struct WaitSpan {}

    impl WaitSpan {
        pub(crate) fn begin(_: &Audience, _: &str, _: u64) -> WaitSpan {
            WaitSpan {}
        }
    }

    /// One step of a task.
    pub(crate) struct StepSpan;

    impl StepSpan {
        pub(crate) fn begin(_: &Audience, _: &str, _: &'static str, _: u64) -> StepSpan {
            StepSpan
        }

        pub(crate) async fn around<F: Future>(self, step: F) -> F::Output {
            step.await
        }
    }
}

#[cfg(feature = "tracing")]
mod with_tracing {
    use std::future::Future;

    use tracing::{Instrument, Span};

    use crate::observe::{Audience, flags};

    fn is_traced(watch: &Audience) -> bool {
        watch.flags() & flags::TRACED != 0
    }

    /// The wait of one acquire; ends when it is dropped.
    #[derive(Default)]
    pub(crate) struct WaitSpan {
        _open: Option<Span>,
    }

    impl WaitSpan {
        pub(crate) fn begin(watch: &Audience, pool: &str, ticket: u64) -> WaitSpan {
            let span = || tracing::debug_span!(target: "cenote", "acquire", pool, acquire = ticket);
            WaitSpan { _open: is_traced(watch).then(span) }
        }
    }

    /// One step of a task.
    pub(crate) struct StepSpan(Span);

    impl StepSpan {
        pub(crate) fn begin(
            watch: &Audience,
            pool: &str,
            step: &'static str,
            connection: u64,
        ) -> StepSpan {
            if !is_traced(watch) {
                return StepSpan(Span::none());
            }
            macro_rules! named {
                ($name:literal) => {
                    tracing::debug_span!(target: "cenote", parent: None, $name, pool, connection)
                };
            }
            StepSpan(match step {
                "connect" => named!("connect"),
                "test" => named!("test"),
                "reset" => named!("reset"),
                _ => named!("close"),
            })
        }

        pub(crate) async fn around<F: Future>(self, step: F) -> F::Output {
            step.instrument(self.0).await
        }
    }
}
