//! Certificates: an authority of our own, one certificate for servers at `localhost` and `127.0.0.1` and one for their
//! clients, made once on a machine by the `openssl` program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::program::{self, Requirement};
use super::service::run;
use super::user::User;
use super::{ServerError, template};

const OPENSSL: Requirement = Requirement { server: "TLS", program: "openssl", package: "openssl" };

/// Files in PEM.
pub(super) struct Certificate {
    /// The authority that clients must know.
    pub(super) authority: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    /// A client's, with its key.
    pub(super) client: (PathBuf, PathBuf),
}

/// The machine's own.
pub(super) fn of_this_machine(user: User) -> Result<Certificate, ServerError> {
    let openssl = program::find(&OPENSSL)?;
    let folder = template::once("certificate-2", user, |folder| make(&openssl, user, folder))?;
    Ok(Certificate {
        authority: folder.join("authority.pem"),
        certificate: folder.join("server.pem"),
        key: folder.join("server.key"),
        client: (folder.join("client.pem"), folder.join("client.key")),
    })
}

/// A leaf apart from its authority: rustls takes no authority for a server.
fn make(openssl: &Path, user: User, folder: &Path) -> Result<(), ServerError> {
    // A server of etcd is a client of its own.
    for (name, usage) in [("server", "serverAuth,clientAuth"), ("client", "clientAuth")] {
        let extensions = folder.join(name).with_extension("extensions");
        let text = format!(
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage={usage}\nbasicConstraints=critical,CA:FALSE\n"
        );
        fs::write(&extensions, text).map_err(ServerError::at(&extensions))?;
    }
    let run = |line: &str| {
        let mut command: Command = user.command(openssl);
        command.current_dir(folder).args(line.split_whitespace());
        run("openssl", &mut command)
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    run(&format!(
        "req -x509 {key} -days 3650 -subj /CN=cenote-authority -keyout authority.key -out authority.pem \
         -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign"
    ))?;
    for (name, subject) in [("server", "localhost"), ("client", "cenote")] {
        run(&format!("req {key} -subj /CN={subject} -keyout {name}.key -out {name}.csr"))?;
        run(&format!(
            "x509 -req -in {name}.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 3650 \
             -extfile {name}.extensions -out {name}.pem"
        ))?;
    }
    Ok(())
}
