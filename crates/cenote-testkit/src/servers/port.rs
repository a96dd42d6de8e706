//! Ports that nobody else takes: neither another test process, nor the system for a connection that goes out.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};

use super::{ServerError, place};

/// Below the ports that systems give to connections that go out.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// A free port of 127.0.0.1. It stays ours while this value lives, also while the server is stopped, because a locked
/// file stands for it.
pub(super) struct Port {
    number: u16,
    path: PathBuf,
    _lock: File,
}

impl Port {
    pub(super) fn take() -> Result<Port, ServerError> {
        static TAKEN: AtomicU16 = AtomicU16::new(0);
        let folder = place::common()?.join("ports");
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(ServerError::at(folder)(error));
            }
            _ => {}
        }
        // Processes that start together have neighbouring ids: let them begin far from one another.
        let begin = std::process::id().wrapping_mul(97) % u32::from(COUNT);
        for _ in 0..COUNT {
            let step = u32::from(TAKEN.fetch_add(1, Ordering::Relaxed));
            let number = FIRST + ((begin + step) % u32::from(COUNT)) as u16;
            let path = folder.join(number.to_string());
            let Some(lock) = place::try_lock(&path)? else { continue };
            // Its owner may have removed the file between our opening and our locking it.
            let same = |at: fs::Metadata| lock.metadata().is_ok_and(|ours| ours.ino() == at.ino());
            if fs::metadata(&path).is_ok_and(same)
                && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok()
            {
                return Ok(Port { number, path, _lock: lock });
            }
        }
        Err(ServerError::NoPort { first: FIRST, last: FIRST + COUNT - 1 })
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_once_and_free_again_after() {
        let ports: Vec<Port> = (0..20).map(|_| Port::take().unwrap()).collect();
        let mut numbers: Vec<u16> = ports.iter().map(Port::number).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), 20);
        let path = ports[0].path.clone();
        assert!(place::try_lock(&path).unwrap().is_none());
        drop(ports);
        assert!(!path.exists());
    }
}
