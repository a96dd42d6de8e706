//! The driver: connections to the little servers as a pool sees them. It shows all that a driver for a cluster needs:
//! [`Manager`] to make, test and judge connections, [`Probe`] to ask a server what it is, and errors that say whose fault
//! they are.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Epoch, Fault, Manager, Node, Probe, Probed};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::session::GREETING;
use super::wire::{Answer, LONGEST, Refusal, Request};

/// How long an answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// The system that the servers' epochs are of.
const SYSTEM: &str = "little world";

/// Makes connections to one server.
#[derive(Clone)]
pub(crate) struct Lines {
    node: Arc<str>,
    address: SocketAddr,
}

impl Lines {
    /// To the server that this node's address names.
    pub(crate) fn to(node: &Node) -> Result<Lines, LineError> {
        let name: Arc<str> = node.key().into();
        match node.address().parse() {
            Ok(address) => Ok(Lines { node: name, address }),
            Err(_) => Err(LineError { node: name, kind: Kind::Address }),
        }
    }

    fn error(&self, kind: Kind) -> LineError {
        LineError { node: Arc::clone(&self.node), kind }
    }
}

/// A connection to a server.
pub(crate) struct Line {
    node: Arc<str>,
    stream: BufReader<TcpStream>,
    /// What comes in.
    line: Vec<u8>,
}

impl Line {
    pub(crate) async fn read(&mut self, counter: u32) -> Result<i64, LineError> {
        match self.ask(Request::Read { counter }).await? {
            Answer::Value(value) => Ok(value),
            answer => Err(self.strange(answer)),
        }
    }

    /// Counts a counter up to this value. May be done twice.
    pub(crate) async fn write(&mut self, counter: u32, value: i64) -> Result<(), LineError> {
        match self.ask(Request::Write { counter, value }).await? {
            Answer::Done => Ok(()),
            answer => Err(self.strange(answer)),
        }
    }

    async fn ask(&mut self, request: Request) -> Result<Answer, LineError> {
        let answer = timeout(PATIENCE, async {
            self.stream.get_mut().write_all(format!("{request}\n").as_bytes()).await?;
            self.hear().await
        });
        let answer = match answer.await {
            Err(_) => Err(Kind::Late),
            Ok(Err(error)) => Err(Kind::Lost(error)),
            Ok(Ok(line)) => match line.parse() {
                Ok(Answer::Refused(refusal)) => Err(Kind::Refused(refusal)),
                Ok(answer) => Ok(answer),
                Err(()) => Err(Kind::Strange(line.to_owned())),
            },
        };
        answer.map_err(|kind| LineError { node: Arc::clone(&self.node), kind })
    }

    /// The next line of the server.
    async fn hear(&mut self) -> io::Result<&str> {
        self.line.clear();
        (&mut self.stream).take(LONGEST).read_until(b'\n', &mut self.line).await?;
        if self.line.pop() != Some(b'\n') {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        std::str::from_utf8(&self.line).map_err(|_| ErrorKind::InvalidData.into())
    }

    fn strange(&self, answer: Answer) -> LineError {
        LineError { node: Arc::clone(&self.node), kind: Kind::Strange(answer.to_string()) }
    }
}

impl Manager for Lines {
    type Connection = Line;
    type Error = LineError;

    async fn connect(&self) -> Result<Line, LineError> {
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.map_err(|error| self.error(Kind::Unreachable(error)))?;
        stream.set_nodelay(true).map_err(|error| self.error(Kind::Lost(error)))?;
        let (node, stream) = (Arc::clone(&self.node), BufReader::new(stream));
        let mut line = Line { node, stream, line: Vec::new() };
        // It may have died between the two, or have too many clients.
        match line.hear().await {
            Ok(GREETING) => Ok(line),
            Ok(other) => Err(self.error(Kind::Strange(other.to_owned()))),
            Err(error) => Err(self.error(Kind::Lost(error))),
        }
    }

    async fn check(&self, line: &mut Line) -> Result<(), LineError> {
        line.ask(Request::Ping).await.map(drop)
    }

    /// The runtime has been told when the server closed it: nothing is asked of the system while it is alive and quiet.
    fn is_closed(&self, line: &Line) -> bool {
        let quiet = |error: &io::Error| error.kind() == ErrorKind::WouldBlock;
        // A server does not speak unasked, so whatever there is to read is its end.
        !line.stream.get_ref().try_read(&mut [0]).is_err_and(|error| quiet(&error))
    }

    fn classify(&self, error: &LineError) -> Fault {
        match &error.kind {
            Kind::Address => Fault::Permanent,
            Kind::Unreachable(_) => Fault::Host,
            Kind::Lost(_) | Kind::Strange(_) | Kind::Refused(Refusal::Broken) => Fault::Connection,
            Kind::Late => Fault::Timeout,
            Kind::Refused(Refusal::ReadOnly) => Fault::Role,
            Kind::Refused(Refusal::Gap { .. } | Refusal::Unclear) => Fault::Query,
        }
    }
}

impl Probe for Lines {
    async fn probe(&self, line: &mut Line) -> Result<Probed, LineError> {
        match line.ask(Request::Role).await? {
            Answer::Is { role, epoch, lag } => {
                let probed = Probed::new(role).epoch(Epoch::new(SYSTEM, epoch));
                Ok(lag.map_or(probed.clone(), |lag| probed.lag(lag)))
            }
            answer => Err(line.strange(answer)),
        }
    }
}

/// What went wrong with a server, and which.
#[derive(Debug)]
pub(crate) struct LineError {
    node: Arc<str>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Address,
    Unreachable(io::Error),
    Lost(io::Error),
    Late,
    Strange(String),
    Refused(Refusal),
}

impl LineError {
    /// Whether the server says that a write is missing that it had acknowledged.
    pub(crate) fn is_gap(&self) -> bool {
        matches!(self.kind, Kind::Refused(Refusal::Gap { .. }))
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = &self.node;
        match &self.kind {
            Kind::Address => write!(f, "{node} has no address of the form 127.0.0.1:5432"),
            Kind::Unreachable(error) if error.kind() == ErrorKind::ConnectionRefused => {
                write!(f, "nobody listens at {node}'s port")
            }
            Kind::Unreachable(error) => write!(f, "{node} cannot be connected to: {error}"),
            Kind::Lost(error) if error.kind() == ErrorKind::UnexpectedEof => {
                write!(f, "{node} closed the connection")
            }
            Kind::Lost(error) => write!(f, "the connection to {node} is lost: {error}"),
            Kind::Late => write!(f, "{node} did not answer within {PATIENCE:?}"),
            Kind::Strange(answer) => write!(f, "{node} answered {answer:?}, which makes no sense"),
            Kind::Refused(Refusal::ReadOnly) => {
                write!(f, "{node} is a replica and takes no writes")
            }
            Kind::Refused(Refusal::Gap { has }) => {
                write!(f, "{node} has lost a write that it had acknowledged: it stands at {has}")
            }
            Kind::Refused(Refusal::Broken) => write!(f, "{node} broke the session off"),
            Kind::Refused(Refusal::Unclear) => write!(f, "{node} did not understand"),
        }
    }
}

impl std::error::Error for LineError {}
