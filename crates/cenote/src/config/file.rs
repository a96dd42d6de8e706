//! Options in files, through serde: TOML, JSON and every other format that names its fields and tells numbers
//! from text. Written by hand over the table of options, so that a file takes what the environment and a URL
//! take, refuses what they refuse, and needs no procedural macro.
//!
//! An error about a key or a single value is raised where the format is reading it, so that the format adds
//! the line and the column.

use std::fmt;

use serde_core::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Unexpected, Visitor,
};
use serde_core::ser::{Serialize, SerializeMap, Serializer};

use super::error::{ConfigError, Origin, nearest};
use super::settings::{Settings, names};
use super::table::{OptionInfo, Options, TABLE, find};
use super::text::{Plain, Value};
use super::values::{Bound, FreeSlot, OnConnectError, Order, TestOnAcquire, Timeout};

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            // TOML's numbers end there; the text form is read as well.
            Plain::Count(n) if i64::try_from(*n).is_err() => to.collect_str(self),
            Plain::Count(n) => to.serialize_u64(*n as u64),
            Plain::Flag(flag) => to.serialize_bool(*flag),
            _ => to.collect_str(self),
        }
    }
}

impl Serialize for Options {
    /// Every option under its name: numbers and switches as such, the rest as text.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(TABLE.len()))?;
        for info in TABLE {
            map.serialize_entry(info.name, &(info.get)(self))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Options {
    /// What is missing has its default. A key that is no option is refused, and so are options that cannot
    /// work, alone or together.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Options, D::Error> {
        let mut options = Options::default();
        Settings::deserialize(from)?.apply_checked(&mut options).map_err(D::Error::custom)?;
        Ok(options)
    }
}

impl<'de> Deserialize<'de> for Settings {
    /// What is missing is not given. A key that is no option is refused, and so is a value that cannot work
    /// by itself.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Settings, D::Error> {
        from.deserialize_map(OfSettings)
    }
}

struct OfSettings;

impl<'de> Visitor<'de> for OfSettings {
    type Value = Settings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the options of a pool")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Settings, A::Error> {
        let mut settings = Settings::default();
        while let Some(info) = map.next_key_seed(Name)? {
            map.next_value_seed(Given { info, settings: &mut settings })?;
        }
        Ok(settings)
    }
}

/// Reads the name of an option.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = &'static OptionInfo;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name {
    type Value = &'static OptionInfo;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an option")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        find(name).ok_or_else(|| {
            let nearest = nearest(name, names()).map(str::to_owned);
            E::custom(ConfigError::unknown(name, nearest, Origin::Text))
        })
    }
}

/// Reads the value of an option into the settings.
struct Given<'a> {
    info: &'static OptionInfo,
    settings: &'a mut Settings,
}

impl<'de> DeserializeSeed<'de> for Given<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        let Given { info, settings } = self;
        from.deserialize_any(OfText {
            accepts: info.accepts,
            read: |text: &str| settings.add(info, text, Origin::Text),
        })
    }
}

/// Hands whatever stands for a value on as text.
struct OfText<F> {
    accepts: &'static str,
    read: F,
}

impl<T, F: FnOnce(&str) -> Result<T, ConfigError>> Visitor<'_> for OfText<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.accepts)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<T, E> {
        self.visit_str(&n.to_string())
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<T, E> {
        self.visit_str(&n.to_string())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<T, E> {
        self.visit_str(if flag { "true" } else { "false" })
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<T, E> {
        // Its text could be that of a whole number.
        Err(E::invalid_type(Unexpected::Float(n), &self))
    }
}

/// A value outside of the options, such as a field of a service's own configuration.
macro_rules! values {
    ($($type:ident),+) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                self.plain().serialize(to)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                from.deserialize_any(OfText { accepts: $type::ACCEPTS, read: str::parse::<$type> })
            }
        }
    )+};
}

values!(Bound, Timeout, Order, TestOnAcquire, OnConnectError, FreeSlot);
