//! What the service lets people set off, besides the operations. Each runs as a task of its own.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::http::StatusCode;

use crate::answer::Refusal;
use crate::document::Action;

/// Makes what is to be done.
pub(crate) type Run =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>> + Send + Sync>;

/// Nobody waits longer for one.
const PATIENCE: Duration = Duration::from_secs(60);

/// The actions, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Actions {
    all: Vec<(Action, Run)>,
}

impl Actions {
    pub(crate) fn add(&mut self, name: String, label: String, open: bool, group: String, run: Run) {
        let action = Action { name, label, open, group };
        match self.all.iter_mut().find(|(known, _)| known.name == action.name) {
            Some(known) => *known = (action, run),
            None => self.all.push((action, run)),
        }
    }

    pub(crate) fn shown(&self) -> Vec<Action> {
        self.all.iter().map(|(action, _)| action.clone()).collect()
    }

    pub(crate) fn find(&self, name: &str) -> Result<(&Action, &Run), Refusal> {
        let found = self.all.iter().find(|(action, _)| action.name == name);
        found.map(|(action, run)| (action, run)).ok_or_else(|| {
            let known: Vec<&str> = self.all.iter().map(|(action, _)| &*action.name).collect();
            Refusal::not_found(match known.as_slice() {
                [] => "there are no actions here".to_owned(),
                known => format!("there is no such action: there are {}", known.join(", ")),
            })
        })
    }
}

/// Sets it off and waits for its end.
pub(crate) async fn set_off(action: &Action, run: &Run) -> Result<String, Refusal> {
    // Its closure is somebody else's code as well, so it runs in the task too, as far as that goes.
    let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    let panicked = || {
        let sentence = format!("the action \"{}\" panicked", action.name);
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, sentence)
    };
    let task = tokio::spawn(made.map_err(|_| panicked())?);
    match tokio::time::timeout(PATIENCE, task).await {
        Ok(Ok(Ok(done))) => Ok(done),
        Ok(Ok(Err(error))) => Err(Refusal::conflict(error)),
        Ok(Err(_)) => Err(panicked()),
        Err(_) => Err(Refusal::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("the action \"{}\" has not ended after {PATIENCE:?}; it goes on", action.name),
        )),
    }
}
