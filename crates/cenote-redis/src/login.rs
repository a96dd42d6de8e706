//! The first words on a connection: who we are, which database, and a question that a server which cannot serve answers
//! with its reason. They are said on the bare socket, before the driver has it: a server that has too many clients says so
//! without being asked, and the driver would pass over that.
//!
//! Every answer is one line, and nothing is read beyond the last.

use cenote_driver::Credentials;
use std::fmt;
use std::io;

use redis::{Cmd, cmd};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::plan::Plan;

/// No answer to these is longer.
const LONGEST: usize = 4096;

/// As whom to log in.
#[derive(Clone)]
pub(crate) struct Login {
    user: Option<String>,
    password: Option<String>,
}

/// Without the password.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Why the server does not let us in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// What it answered, without its `-`.
    Said(String),
    /// It answered what no Redis server answers.
    Strange,
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::Io(error)
    }
}

impl Login {
    pub(crate) fn new(plan: &Plan, credentials: Option<Credentials>) -> Login {
        match credentials {
            None => Login { user: plan.user.clone(), password: plan.password.clone() },
            Some(given) => {
                let user = given.user().map(str::to_owned).or_else(|| plan.user.clone());
                Login { user, password: Some(given.secret().to_owned()) }
            }
        }
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// What every session begins with. The answer to each must be no error.
    pub(crate) fn commands(&self, plan: &Plan) -> Vec<Cmd> {
        let mut commands = Vec::new();
        // A user without a password is one who needs none; the server wants one of any length.
        if self.user.is_some() || self.password.is_some() {
            let mut auth = cmd("AUTH");
            auth.arg(self.user.as_deref()).arg(self.password.as_deref().unwrap_or_default());
            commands.push(auth);
        }
        if let Some(name) = &plan.client_name {
            commands.push(cmd("CLIENT").arg("SETNAME").arg(name).to_owned());
        }
        if plan.database != 0 {
            commands.push(cmd("SELECT").arg(plan.database).to_owned());
        }
        commands
    }

    /// Logs in on a connection that was just made.
    pub(crate) async fn enter<S>(&self, io: &mut S, plan: &Plan) -> Result<(), Refusal>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let commands = self.commands(plan);
        let mut words: Vec<u8> = commands.iter().flat_map(Cmd::get_packed_command).collect();
        words.extend(cmd("PING").get_packed_command());
        // Whoever hangs up at once may have said why before.
        let sent = match io.write_all(&words).await {
            Ok(()) => io.flush().await,
            failed => failed,
        };
        for _ in &commands {
            match answer(io).await {
                Ok(Ok(())) => {}
                Ok(Err(said)) => return Err(Refusal::Said(said)),
                Err(Refusal::Io(error)) => return Err(Refusal::Io(sent.err().unwrap_or(error))),
                Err(refusal) => return Err(refusal),
            }
        }
        match answer(io).await? {
            // It would answer everything like this. Other errors are those of a server that lives.
            Err(said) if keeps_out(&said) => Err(Refusal::Said(said)),
            _ => sent.map_err(Refusal::Io),
        }
    }
}

/// Whether who is answered like this has not been let in.
pub(crate) fn keeps_out(said: &str) -> bool {
    let code = said.split(' ').next().unwrap_or_default();
    ["NOAUTH", "WRONGPASS", "DENIED", "LOADING", "ERR"].contains(&code)
}

/// One answer: fine, or the server's error.
async fn answer<S: AsyncRead + Unpin>(io: &mut S) -> Result<Result<(), String>, Refusal> {
    let mut line = Vec::new();
    loop {
        let byte = io.read_u8().await?;
        if line.is_empty() && !b"+-:".contains(&byte) {
            return Err(Refusal::Strange);
        }
        match byte {
            b'\n' => break,
            byte if line.len() < LONGEST => line.push(byte),
            _ => return Err(Refusal::Strange),
        }
    }
    let text = String::from_utf8_lossy(&line[1..]).trim().to_owned();
    Ok(if line[0] == b'-' { Err(text) } else { Ok(()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Redis;

    /// What becomes of a login that is answered like this, and what was said.
    async fn enter(url: &str, answers: &[u8]) -> (Result<(), Refusal>, String) {
        let (mut near, mut far) = tokio::io::duplex(16_384);
        far.write_all(answers).await.unwrap();
        far.shutdown().await.unwrap();
        let redis = Redis::from_url(url).unwrap();
        let entered = Login::new(&redis.plan, None).enter(&mut near, &redis.plan).await;
        drop(near);
        let mut said = Vec::new();
        far.read_to_end(&mut said).await.unwrap();
        (entered, String::from_utf8(said).unwrap())
    }

    // P-12
    #[tokio::test]
    async fn what_was_told_is_said_in_one_go() {
        let (entered, said) =
            enter("redis://me:x@h/2?client_name=shop", b"+OK\r\n+OK\r\n+OK\r\n+PONG\r\n").await;
        entered.unwrap();
        assert!(said.starts_with("*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$1\r\nx\r\n"), "{said:?}");
        for word in ["SETNAME\r\n$4\r\nshop\r\n", "SELECT\r\n$1\r\n2\r\n", "PING\r\n"] {
            assert!(said.contains(word), "{said:?}");
        }
        let (entered, said) = enter("redis://h", b"+PONG\r\n").await;
        entered.unwrap();
        assert_eq!(said, "*1\r\n$4\r\nPING\r\n");
        let (_, said) = enter("redis://:x@h", b"").await;
        assert!(said.starts_with("*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n"), "{said:?}");
    }

    // P-14
    #[tokio::test]
    async fn the_reason_is_told_however_it_comes() {
        for (answers, says) in [
            (&b"-ERR max number of clients reached\r\n"[..], "max number"),
            (b"-WRONGPASS no\r\n-NOAUTH no\r\n", "WRONGPASS no"),
            (b"+OK\r\n-LOADING soon\r\n", "LOADING soon"),
            (b"+OK\r\n-NOAUTH who\r\n", "NOAUTH who"),
        ] {
            match enter("redis://:x@h", answers).await.0 {
                Err(Refusal::Said(said)) => assert!(said.contains(says), "{said}"),
                other => panic!("{says}: {other:?}"),
            }
        }
        for answers in [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"+OK\r\n\x15\x03", &[b'+'; 9000]] {
            assert!(matches!(enter("redis://:x@h", answers).await.0, Err(Refusal::Strange)));
        }
        assert!(matches!(enter("redis://:x@h", b"+OK\r\n+PO").await.0, Err(Refusal::Io(_))));
    }

    // P-15
    #[tokio::test]
    async fn a_server_that_cannot_write_lets_us_in() {
        for answer in
            [&b"-MISCONF no disk\r\n"[..], b"-MASTERDOWN no primary\r\n", b"-NOPERM ping\r\n"]
        {
            enter("redis://h", answer).await.0.unwrap();
        }
    }
}
