//! Cenote's face for threads, for the case in which r2d2's callers are threads.

use std::time::Duration;

use cenote::Fault;
use cenote::blocking::{Manager, Pool, Pooled};

use crate::script::{Connection, Never, Script};
use crate::subject::{Blocking, Settings};

pub(super) struct Cenote(Pool<Driver>);

pub(super) struct Driver(Script);

impl Manager for Driver {
    type Connection = Connection;
    type Error = Never;

    fn connect(&self) -> Result<Connection, Never> {
        Ok(self.0.connect_blocking())
    }

    fn classify(&self, _: &Never) -> Fault {
        Fault::Connection
    }
}

impl Blocking for Cenote {
    type Guard = Pooled<Driver>;

    fn open_blocking(script: Script, settings: Settings) -> Cenote {
        let pool = Pool::builder(Driver(script)).max_size(settings.max_size);
        Cenote(pool.build().expect("the settings of a case are valid"))
    }

    fn take_blocking(&self, patience: Duration) -> Result<Pooled<Driver>, String> {
        self.0.request().timeout(patience).acquire().map_err(|error| error.to_string())
    }
}
