//! One page: what is on it, what a person does to it, and what it did that nobody should see.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::browser::text;
use crate::pipe::Pipe;
use crate::{Result, Trouble};

/// How long a condition may take to hold, in milliseconds.
const LIMIT: u32 = 20_000;

/// A page. Its mouse and its keyboard are the browser's own: what is covered or hidden cannot be clicked.
pub struct Page {
    pipe: Arc<Pipe>,
    session: String,
}

impl Page {
    pub(crate) fn new(pipe: Arc<Pipe>, session: String) -> Result<Page> {
        let page = Page { pipe, session };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.ask(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(page)
    }

    fn ask(&self, method: &str, params: Value) -> Result<Value> {
        self.pipe.ask(Some(&self.session), method, params)
    }

    /// Goes there, and waits until all that the page itself names is loaded.
    ///
    /// # Errors
    /// If nobody answers there.
    pub fn open(&self, url: &str) -> Result<()> {
        let answer = self.ask("Page.navigate", json!({ "url": url }))?;
        if let Some(error) = answer.get("errorText") {
            return Err(Trouble::new(format!("{url}: {error}")));
        }
        self.pipe.wait_for(&self.session, "Page.loadEventFired").map(drop)
    }

    /// A window of this size, as a phone has it or as a desk has it.
    ///
    /// # Errors
    /// If the browser refuses.
    pub fn size(&self, width: u32, height: u32) -> Result<()> {
        let phone = width < 600;
        let wish =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone });
        self.ask("Emulation.setDeviceMetricsOverride", wish).map(drop)
    }

    /// Whether whoever looks likes it dark.
    ///
    /// # Errors
    /// If the browser refuses.
    pub fn dark(&self, dark: bool) -> Result<()> {
        let value = if dark { "dark" } else { "light" };
        let wish = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.ask("Emulation.setEmulatedMedia", wish).map(drop)
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// What it throws.
    pub fn value(&self, expression: &str) -> Result<Value> {
        let wish = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", wish)?;
        match answer.get("exceptionDetails") {
            None => Ok(answer["result"]["value"].clone()),
            Some(thrown) => {
                let said = thrown["exception"]["description"]
                    .as_str()
                    .or(thrown["exception"]["value"].as_str());
                Err(Trouble::new(said.unwrap_or("something was thrown").to_owned()))
            }
        }
    }

    /// Waits until the expression is true, and gives its value. The page looks itself, so nothing is missed that stays for
    /// a moment.
    ///
    /// # Errors
    /// If it does not come true within 20 s; then with what the page shows.
    pub fn wait(&self, expression: &str) -> Result<Value> {
        let waiting = format!(
            "new Promise((yes, no) => {{
                const end = performance.now() + {LIMIT};
                const look = () => {{
                    let so = null;
                    try {{ so = ({expression}); }} catch {{}}
                    if (so) yes(so);
                    else if (performance.now() > end) no(new Error('it did not come true: ' + {} + '\\nthe page shows:\\n' + document.body.innerText));
                    else setTimeout(look, 10);
                }};
                look();
            }})",
            json!(expression)
        );
        self.value(&waiting)
    }

    /// The text of the first element that fits, as it is shown.
    ///
    /// # Errors
    /// If there is none.
    pub fn text(&self, selector: &str) -> Result<String> {
        let value =
            self.value(&format!("document.querySelector({}).innerText", json!(selector)))?;
        Ok(text(&value))
    }

    /// Waits for an element that can be seen, and clicks into its middle.
    ///
    /// # Errors
    /// If there is none within 20 s, or something else is in front of it.
    pub fn click(&self, selector: &str) -> Result<()> {
        let found = format!(
            "(() => {{
                const element = document.querySelector({0});
                if (!element || element.disabled || !element.checkVisibility()) return null;
                element.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                const box = element.getBoundingClientRect();
                const at = [box.x + box.width / 2, box.y + box.height / 2];
                const there = document.elementFromPoint(...at);
                return element.contains(there) ? at : null;
            }})()",
            json!(selector)
        );
        let at = self.wait(&found)?;
        for kind in ["mousePressed", "mouseReleased"] {
            let wish =
                json!({ "type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", wish)?;
        }
        Ok(())
    }

    /// Writes with the keyboard, where the focus is.
    ///
    /// # Errors
    /// If the browser refuses.
    pub fn write(&self, text: &str) -> Result<()> {
        self.ask("Input.insertText", json!({ "text": text })).map(drop)
    }

    /// Presses a key: `Enter`, `Escape`, `Tab`.
    ///
    /// # Errors
    /// If the browser refuses.
    pub fn press(&self, key: &str) -> Result<()> {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            _ => return Err(Trouble::new(format!("the key {key} is not known here"))),
        };
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let wish = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text });
            self.ask("Input.dispatchKeyEvent", wish)?;
        }
        Ok(())
    }

    /// What the page complained of: errors and warnings in its console, exceptions, requests that failed or were
    /// forbidden.
    pub fn complaints(&self) -> Vec<String> {
        let complaint = |news: &Value| {
            let params = &news["params"];
            let of = |kind: &Value| matches!(kind.as_str(), Some("error" | "warning" | "assert"));
            match news["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" if of(&params["type"]) => {
                    Some(params["args"].to_string())
                }
                "Log.entryAdded" if of(&params["entry"]["level"]) => {
                    Some(params["entry"].to_string())
                }
                _ => None,
            }
        };
        self.pipe.news(&self.session).iter().filter_map(complaint).collect()
    }

    /// The addresses that the page asked for.
    pub fn requests(&self) -> Vec<String> {
        let asked = |news: &Value| {
            let is_it = news["method"] == "Network.requestWillBeSent";
            is_it.then(|| text(&news["params"]["request"]["url"]))
        };
        self.pipe.news(&self.session).iter().filter_map(asked).collect()
    }
}
