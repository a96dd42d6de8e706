//! A list that never changes.

use cenote::{Env, Node};

use super::{Discovery, Update};

/// These nodes, as a source. What [`ClusterBuilder::nodes`](crate::ClusterBuilder::nodes) does for nodes that stay, this
/// does where a source is wanted: inside another, or in a test.
pub fn fixed(nodes: impl IntoIterator<Item = Node>) -> Fixed {
    Fixed { nodes: Some(nodes.into_iter().collect()) }
}

/// Made by [`fixed`].
#[derive(Clone, Debug)]
pub struct Fixed {
    nodes: Option<Vec<Node>>,
}

impl Discovery for Fixed {
    fn name(&self) -> String {
        "a fixed list".to_owned()
    }

    async fn next(&mut self, _: &dyn Env) -> Option<Update> {
        self.nodes.take().map(Update::all)
    }
}
