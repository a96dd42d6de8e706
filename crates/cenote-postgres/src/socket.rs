//! The socket below everything: TCP, or a Unix domain socket.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio_postgres::Config;

/// Where one connection goes. A request to cancel must go to the very same place.
#[derive(Clone, Debug)]
pub(crate) enum Address {
    /// The name is what a certificate is compared with.
    Tcp { name: String, address: SocketAddr },
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are none"))]
    Unix { path: PathBuf },
}

impl Address {
    /// What a certificate must be for; nothing is encrypted on a Unix domain socket.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Address::Tcp { name, .. } => Some(name),
            Address::Unix { .. } => None,
        }
    }
}

pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    pub(crate) async fn open(address: &Address, config: &Config) -> io::Result<Socket> {
        match address {
            Address::Tcp { address, .. } => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let socket = socket2::SockRef::from(&stream);
                if config.get_keepalives() {
                    let mut alive =
                        socket2::TcpKeepalive::new().with_time(config.get_keepalives_idle());
                    if let Some(interval) = config.get_keepalives_interval() {
                        alive = alive.with_interval(interval);
                    }
                    #[cfg(not(windows))]
                    if let Some(retries) = config.get_keepalives_retries() {
                        alive = alive.with_retries(retries);
                    }
                    socket.set_tcp_keepalive(&alive)?;
                }
                #[cfg(target_os = "linux")]
                if let Some(timeout) = config.get_tcp_user_timeout() {
                    socket.set_tcp_user_timeout(Some(*timeout))?;
                }
                Ok(Socket::Tcp(stream))
            }
            #[cfg(unix)]
            Address::Unix { path } => Ok(Socket::Unix(UnixStream::connect(path).await?)),
            #[cfg(not(unix))]
            Address::Unix { .. } => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

macro_rules! each {
    ($socket:expr, $stream:ident => $then:expr) => {
        match $socket.get_mut() {
            Socket::Tcp($stream) => $then,
            #[cfg(unix)]
            Socket::Unix($stream) => $then,
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        piece: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(cx, piece))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
