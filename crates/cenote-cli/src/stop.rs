//! The wish to stop: Ctrl-C, or the system's request to end.

use std::pin::Pin;

type Wish = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells when the user wants the program to end. The first wish ends the run, so that folders are removed and
/// figures shown; a second one ends the process.
pub(crate) struct Stop {
    /// None: nobody has asked yet, and a wish ends the process.
    wish: Option<Wish>,
    wished: bool,
}

impl Stop {
    /// From now on a wish does not end the process by itself.
    pub(crate) fn new() -> Stop {
        Stop { wish: Some(wish()), wished: false }
    }

    /// The same, but only from when somebody asks for it first. Until then there is nothing to save, and a wish ends the
    /// process.
    pub(crate) fn when_asked() -> Stop {
        Stop { wish: None, wished: false }
    }

    pub(crate) fn is_wished(&self) -> bool {
        self.wished
    }

    pub(crate) async fn wished(&mut self) {
        if self.wished {
            return;
        }
        self.wish.get_or_insert_with(wish).as_mut().await;
        self.wished = true;
        let again = wish();
        tokio::spawn(async {
            again.await;
            std::process::exit(130);
        });
    }
}

#[cfg(unix)]
fn wish() -> Wish {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    // What cannot be listened to ends the process, as it would without us.
    let [mut interrupt, mut terminate, mut hangup] = kinds.map(|kind| signal(kind).ok());
    async fn heard(signal: &mut Option<tokio::signal::unix::Signal>) {
        match signal {
            Some(signal) => _ = signal.recv().await,
            None => std::future::pending().await,
        }
    }
    Box::pin(async move {
        tokio::select! {
            () = heard(&mut interrupt) => {}
            () = heard(&mut terminate) => {}
            () = heard(&mut hangup) => {}
        }
    })
}

#[cfg(not(unix))]
fn wish() -> Wish {
    Box::pin(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
