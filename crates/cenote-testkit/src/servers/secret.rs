//! Passwords that were drawn by lot: other users of the machine can reach a server's port.

use std::fs::File;
use std::io::Read;

use super::ServerError;

/// 32 letters and digits.
pub(super) fn drawn() -> Result<String, ServerError> {
    let source = "/dev/urandom";
    let mut bytes = [0; 16];
    let read = File::open(source).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(ServerError::at(source))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let (one, other) = (drawn().unwrap(), drawn().unwrap());
        assert!(one.len() == 32 && one != other);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
