//! Inputs drawn from a seed, for a machine without libFuzzer: pieces of what is right in any order, now and then
//! with something strange between; and changes to inputs that were kept.

use cenote::Options;

/// What stands for values, and what tears them apart.
const PIECES: &[&str] = &[
    "0",
    "1",
    "10",
    "4096",
    "4294967295",
    "18446744073709551616",
    "-1",
    "1e9",
    ".5",
    "s",
    "ms",
    "us",
    "min",
    "d",
    " ",
    "  ",
    "never",
    "unlimited",
    "true",
    "false",
    "lifo",
    "fifo",
    "if_idle_for",
    "fail_all",
    "at_close",
    "_",
    "\u{0}",
    "\u{202e}",
    "ß",
    "∞",
    "\n",
    "NaN",
    "inf",
    "%",
    "%4",
    "%ZZ",
    "%00",
    "+",
    "a=b",
    "a@b",
    "%E2%28",
    "$",
    "~",
    "?",
    "&",
    "#",
    "pool_",
    "\"",
    "[",
    "{",
    "\\u0041",
    "- ",
];

/// Random numbers of the tests' own.
pub struct Dice(u64);

impl Dice {
    /// The same seed draws the same inputs.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    /// A source of this kind: nearly right, or not at all.
    ///
    /// # Panics
    /// If there is no such kind.
    pub fn draw(&mut self, target: &str) -> Vec<u8> {
        let n = 1 + self.below(4);
        let mut each = |draw: &mut dyn FnMut(&mut Dice) -> String| -> Vec<String> {
            (0..n).map(|_| draw(self)).collect()
        };
        let text = match target {
            "toml" => each(&mut |dice| {
                let (name, value) = dice.pair();
                format!("{name} = {}", dice.quoted(value))
            })
            .join("\n"),
            "json" => {
                let pairs = each(&mut |dice| {
                    let (name, value) = dice.pair();
                    format!("\"{name}\": {}", dice.quoted(value))
                });
                format!("{{{}}}", pairs.join(",\n"))
            }
            "nodes" => {
                let is_json = self.below(2) == 0;
                let nodes: Vec<String> = (0..n).map(|_| self.node(is_json)).collect();
                match is_json {
                    true => format!("{{\"nodes\": [{}]}}", nodes.join(",\n")),
                    false => nodes.iter().map(|node| format!("[[nodes]]\n{node}\n")).collect(),
                }
            }
            "variables" => each(&mut |dice| {
                let prefix = dice.one_of(&["CENOTE_", "CENOTE_", "CENOTE_", "cenote_", "OTHER_"]);
                let (name, value) = dice.pair();
                format!("{prefix}{}={value}", name.to_uppercase())
            })
            .join("\n"),
            "values" => each(&mut |dice| format!("{} {}", dice.pair().0, dice.raw())).join("\n"),
            "url" => {
                let parameters = each(&mut Dice::parameter).join("&");
                // The last three are torn apart by the first question mark: what follows looks like the pool's own.
                let password = self.one_of(&[
                    "$",
                    "$?x",
                    "$#",
                    "$&pool_max_size=1",
                    "x?pool_$=1",
                    "x?pool_max_size=$",
                    "x?pool_min_size=~&",
                ]);
                format!("postgres://me:{password}@db/app?{parameters}")
            }
            "postgres" => {
                let parameters = each(&mut Dice::parameter).join("&");
                let parameters = if self.below(2) == 0 { String::new() } else { parameters };
                let login =
                    self.one_of(&["", "me:$@", "me:%24$@", "$@", ":$@", "me:a?$@", "m%0a:~@"]);
                let hosts = self
                    .one_of(&["h", "h:1", "a,b:2", "[::1]:3", "", "h:$", "%2Frun", "h o", "h@$"]);
                let own = self.one_of(&[
                    "",
                    "",
                    "sslmode=require&",
                    "sslmode=$&",
                    "connect_timeout=3&",
                    "port=1,2&",
                    "host=/run&",
                    "$=1&",
                    "options=-c%20a=b&",
                    "password=$&",
                ]);
                let right = ["postgres", "postgresql", "postgres", "Postgres"];
                let scheme = if self.below(8) == 0 { "mysql" } else { self.one_of(&right) };
                format!("{scheme}://{login}{hosts}/db?{own}{parameters}")
            }
            "mysql" => {
                let parameters = each(&mut Dice::parameter).join("&");
                let parameters = if self.below(2) == 0 { String::new() } else { parameters };
                let login =
                    self.one_of(&["", "me:$@", "me:%24$@", "$@", ":$@", "me:a?$@", "m%0a:~@"]);
                let host = self.one_of(&["h", "h:1", "[::1]:3", "[::1", "", "h:$", "h o", "h@$"]);
                let own = self.one_of(&[
                    "",
                    "",
                    "ssl_mode=required&",
                    "ssl-mode=$&",
                    "ssl_ca=/a&",
                    "socket=/run&",
                    "$=1&",
                    "%zz=1&",
                ]);
                let right = ["mysql", "mariadb", "mysql", "MySQL"];
                let scheme = if self.below(8) == 0 { "postgres" } else { self.one_of(&right) };
                format!("{scheme}://{login}{host}/db?{own}{parameters}")
            }
            "http" => {
                let parameters = each(&mut Dice::parameter).join("&");
                let parameters = if self.below(2) == 0 { String::new() } else { parameters };
                let login =
                    self.one_of(&["", "me:$@", "me:%24$@", "$@", ":$@", "me:a?$@", "m%0a:~@"]);
                let host = self.one_of(&["h", "h:1", "[::1]:3", "[::1", "", "h:$", "h o", "h@$"]);
                let path = self.one_of(&["", "/", "/v1", "/v1//", "/a b", "/%zz", "/$", "?$=1"]);
                let right = ["http", "https", "http", "HTTPS"];
                let scheme = if self.below(8) == 0 { "mysql" } else { self.one_of(&right) };
                format!("{scheme}://{login}{host}{path}?{parameters}")
            }
            "admin" => self.request(),
            "sqlite" => {
                let parameters = each(&mut Dice::parameter).join("&");
                let path =
                    self.one_of(&["app.db", "//app.db", ":memory:", "", "a#b", "$", "C:\\a"]);
                let mode = self.one_of(&[
                    "",
                    "mode=ro&",
                    "",
                    "mode=rw&",
                    "mode=rwc&",
                    "mode=no&",
                    "key=$&",
                ]);
                let scheme = self.one_of(&["sqlite", "sqlite", "sqlite", "SQLite", "me", ""]);
                format!("{scheme}:{path}?{mode}{parameters}")
            }
            _ => panic!("nobody draws {target}"),
        };
        text.into_bytes()
    }

    /// The same input with something put in, taken out or replaced.
    pub fn change(&mut self, input: &[u8]) -> Vec<u8> {
        let mut changed = input.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(changed.len() + 1);
            let end = (at + self.below(8)).min(changed.len());
            let piece = self.text().into_bytes();
            match self.below(5) {
                0 => drop(changed.drain(at..end)),
                1 => drop(changed.splice(at..at, piece)),
                2 => drop(changed.splice(at..end, piece)),
                3 => changed.extend_from_within(at..),
                _ => {
                    let bit = 1 << self.below(8);
                    changed.get_mut(at).into_iter().for_each(|byte| *byte ^= bit);
                }
            }
        }
        changed
    }

    fn text(&mut self) -> String {
        if self.below(3) == 0 {
            return format!("{}{}", self.below(12), self.one_of(&["", "", "s", "ms", "min"]));
        }
        if self.below(3) == 0 {
            return self.one_of(PIECES).to_owned();
        }
        let pieces = self.below(5);
        (0..pieces).map(|_| self.one_of(PIECES)).collect()
    }

    /// A request to the admin router, mostly of somebody who has the token.
    fn request(&mut self) -> String {
        let path = self.one_of(&[
            "/status",
            "/metrics",
            "/live",
            "/readyz",
            "/",
            "/charts/traffic.svg?of=shop",
            "/charts/x?of=$",
            "/nowhere",
            "/status?token=1",
            "/assets/app.js",
            "/actions/echo",
            "/operations",
        ]);
        let token = self.one_of(&["Bearer $", "Bearer $", "bearer $", "Bearer ~", "$", "Basic $"]);
        let origin = self.one_of(&["http://h", "http://h", "http://h:1", "null", "http://$"]);
        let headers = format!("host: h\norigin: {origin}\nauthorization: {token}");
        if self.below(2) == 0 {
            let method = self.one_of(&["GET", "GET", "GET", "HEAD", "POST", "DELETE"]);
            return format!("{method} {path}\n{headers}");
        }
        let op = self.one_of(&[
            "resize",
            "pause",
            "resume",
            "clear",
            "drain_node",
            "eject_node",
            "restore_node",
            "set_weight",
            "",
            "$",
        ]);
        let target = self.one_of(&["orders", "shop", "shop:primary:a", "shop", "$", ""]);
        let node = self.one_of(&["\"a\"", "\"redis://:***@b\"", "\"$\"", "null", "1"]);
        let value = self.one_of(&["0", "1", "3", "301", "null", "-1", "1e9", "\"$\""]);
        let body = format!(
            "{{\"op\": \"{op}\", \"target\": \"{target}\", \"node\": {node}, \"value\": {value}}}"
        );
        format!("POST /operations\n{headers}\n\n{body}")
    }

    /// The fields of a node, mostly right.
    fn node(&mut self, is_json: bool) -> String {
        let key = self.one_of(&["a", "b", "db-1", "a", "$", ""]).to_owned();
        let mut fields = vec![("key", format!("\"{key}\""))];
        for _ in 0..1 + self.below(4) {
            let name = self.one_of(&["weight", "role", "zone", "group", "tags", "adress", "key"]);
            let value = match name {
                "weight" => self.below(9).to_string(),
                "role" => self.one_of(&["\"primary\"", "\"replica\"", "\"boss\"", "1"]).to_owned(),
                "tags" => self.one_of(&["[]", "[\"ssd\"]", "[1]", "\"ssd\""]).to_owned(),
                _ => format!("\"{}\"", self.below(9)),
            };
            // Twice the same, or one that nobody knows: now and then.
            if fields.iter().all(|(known, _)| *known != name) && name != "adress"
                || self.below(12) == 0
            {
                let value = if self.below(12) == 0 { self.text() } else { value };
                fields.push((name, value));
            }
        }
        if self.below(12) > 0 {
            fields.push(("address", "\"postgres://me:$@db/app\"".to_owned()));
        }
        let field = |(name, value): &(&str, String)| match is_json {
            true => format!("\"{name}\": {value}"),
            false => format!("{name} = {value}"),
        };
        let fields: Vec<String> = fields.iter().map(field).collect();
        if is_json { format!("{{{}}}", fields.join(", ")) } else { fields.join("\n") }
    }

    fn quoted(&mut self, text: String) -> String {
        if self.below(4) > 0 { format!("\"{text}\"") } else { text }
    }

    fn raw(&mut self) -> String {
        let numbers = ["0", "1", "2", "64", "4294967295", "18446744073709551615", "-", "+", "0.1"];
        self.one_of(&numbers).to_owned()
    }

    /// A name and a value, each mostly right.
    fn pair(&mut self) -> (String, String) {
        let options = Options::reference();
        let option = &options[self.below(options.len())];
        let mut name = option.name.to_owned();
        match self.below(12) {
            0 => name.truncate(self.below(name.len())),
            1 => name.push_str(self.one_of(&["s", "_", "é", "="])),
            2 => name = self.text(),
            _ => {}
        }
        if self.below(3) == 0 {
            return (name, self.text());
        }
        let choices: Vec<&str> =
            option.kind.split([',', ' ']).filter(|word| *word != "or").collect();
        let word = self.one_of(&choices).to_owned();
        let time = format!("{}{}", 1 + self.below(99), self.one_of(&["ms", "s", "min", "h"]));
        let value = match word.as_str() {
            "number" => self.below(40).to_string(),
            "time" => time,
            "if_idle_for" => format!("{word} {time}"),
            _ => word,
        };
        (name, value)
    }

    fn parameter(&mut self) -> String {
        let prefix = self.one_of(&["pool_", "pool_", "pool_", "", "POOL_", "pool%5F"]);
        let (name, value) = self.pair();
        format!("{prefix}{name}={value}")
    }
}
