//! Says whether this machine has a browser for the tests of the dashboard, in the form of `cenote-servers missing`: server,
//! program, Debian package, with tabs between. `cargo xtask` asks it.

#![forbid(unsafe_code)]

use cenote_dashboard_tests::{PACKAGE, SERVER, missing};

fn main() {
    if let Some(program) = missing() {
        println!("{SERVER}\t{program}\t{PACKAGE}");
    }
}
