//! The proxy with real sockets: what a client and a server see.

mod ends;
mod mischief;
mod toxics;

use std::io::ErrorKind;
use std::net::SocketAddr;

use cenote_testkit::proxy::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that says everything back, and hangs up when its client does.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut conn, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = conn.split();
                _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

/// A proxy in front of it.
async fn proxy() -> Proxy {
    Proxy::start(echo().await).await.unwrap()
}

/// A client that has been answered once, so that its connection is whole.
async fn client(proxy: &Proxy) -> TcpStream {
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    ask(&mut client).await.unwrap();
    client
}

/// A byte there and back.
async fn ask(client: &mut TcpStream) -> Result<u8, ErrorKind> {
    client.write_all(b"?").await.map_err(|error| error.kind())?;
    client.read_u8().await.map_err(|error| error.kind())
}

/// How a connection ends for its client.
async fn end(client: &mut TcpStream) -> Result<(), ErrorKind> {
    match client.read(&mut [0; 16]).await {
        Ok(0) => Ok(()),
        Ok(n) => panic!("{n} bytes instead of an end"),
        Err(error) => Err(error.kind()),
    }
}
