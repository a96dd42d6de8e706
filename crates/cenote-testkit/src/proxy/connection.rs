//! One client's connection: to the server and back, until one of them ends it or the proxy does.

use std::net::SocketAddr;
use std::pin::pin;

use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};

use super::line::Cut;
use super::pump::{Ended, Way, pump};
use super::toxics::Toxics;
use super::{Direction, Stats};

/// What a connection needs of its proxy.
pub(super) struct Connection {
    pub(super) number: u64,
    pub(super) seed: u64,
    pub(super) upstream: SocketAddr,
    pub(super) toxics: watch::Receiver<Toxics>,
    pub(super) stats: watch::Sender<Stats>,
    /// From whom it hears that it is to be cut.
    pub(super) order: oneshot::Receiver<Cut>,
}

impl Connection {
    /// Runs to the end of the connection, and counts it.
    pub(super) async fn run(mut self, client: TcpStream) {
        // A reset tells the client most nearly what a refusal would.
        let server = tokio::select! {
            server = TcpStream::connect(self.upstream) => server,
            how = &mut self.order => return self.end(&[&client], how.unwrap_or(Cut::Close), true),
        };
        let Ok(server) = server else {
            self.stats.send_modify(|stats| stats.refused += 1);
            return self.end(&[&client], Cut::Reset, false);
        };
        // Time is the toxics' affair.
        _ = client.set_nodelay(true);
        _ = server.set_nodelay(true);
        let ended = self.move_bytes(client, server).await;
        let (how, cut) = match ended.0 {
            Ended::Done => (Cut::Close, false),
            Ended::Cut(how) => (how, true),
            Ended::Broken => (Cut::Reset, false),
        };
        self.end(&[&ended.1, &ended.2], how, cut);
    }

    async fn move_bytes(
        &mut self,
        mut client: TcpStream,
        mut server: TcpStream,
    ) -> (Ended, TcpStream, TcpStream) {
        let ended = {
            let (from_client, to_client) = client.split();
            let (from_server, to_server) = server.split();
            let stats = &self.stats;
            let way = |direction| Way {
                seed: self.seed,
                connection: self.number,
                direction,
                toxics: self.toxics.clone(),
            };
            let mut up = pin!(pump(from_client, to_server, way(Direction::Upstream), |n| {
                stats.send_modify(|stats| stats.upstream_bytes += n as u64);
            }));
            let mut down = pin!(pump(from_server, to_client, way(Direction::Downstream), |n| {
                stats.send_modify(|stats| stats.downstream_bytes += n as u64);
            }));
            let (mut up_done, mut down_done) = (false, false);
            loop {
                let ended = tokio::select! {
                    biased;
                    how = &mut self.order => Ended::Cut(how.unwrap_or(Cut::Close)),
                    ended = &mut up, if !up_done => ended,
                    ended = &mut down, if !down_done => {
                        down_done |= ended == Ended::Done;
                        if ended != Ended::Done || up_done {
                            break ended;
                        }
                        continue;
                    }
                };
                up_done |= ended == Ended::Done;
                if ended != Ended::Done || down_done {
                    break ended;
                }
            }
        };
        (ended, client, server)
    }

    fn end(&self, sides: &[&TcpStream], how: Cut, cut: bool) {
        if how == Cut::Reset {
            // A socket that has nothing to wait for when it is closed is reset.
            sides.iter().for_each(|side| _ = side.set_zero_linger());
        }
        if cut {
            self.stats.send_modify(|stats| stats.cut += 1);
        }
    }
}
