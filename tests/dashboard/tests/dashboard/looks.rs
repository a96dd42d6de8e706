//! How it looks, as far as a program can tell: nothing is wider than the window, on a phone too, and all text can be read.

use crate::visit::Visit;

/// Texts whose colour is too near to that of the ground behind them (WCAG AA: 4.5 to 1), each with its contrast.
const PALE: &str = r"(() => {
    const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = parse(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const pale = [];
    let seen = 0;
    for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || element.disabled || !element.checkVisibility()) continue;
        seen += 1;
        const style = getComputedStyle(element);
        const text = light(parse(element instanceof SVGElement ? style.fill : style.color));
        const ground = light(behind(element));
        const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
        if (contrast < 4.5) pale.push(`${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
    }
    return seen < 40 ? 'only ' + seen + ' texts were looked at' : pale.join('\n');
})()";

const WIDER: &str = r"(() => {
    const wider = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5 && !element.closest('.hidden, .skip, thead'));
    return document.documentElement.scrollWidth <= innerWidth ? '' : 'wider than the window: ' + wider.map((element) => element.tagName + '.' + element.className).join(' ');
})()";

#[test]
fn it_fits_a_phone_and_a_desk_and_can_be_read_in_the_dark() {
    let visit = Visit::new();
    visit.click("[data-action=kill-primary]").unwrap();
    visit.reads("#problems", "no primary");
    visit.value("document.querySelectorAll('details').forEach((one) => one.open = true)").unwrap();
    visit.sees("document.querySelectorAll('.times tbody tr').length > 3");
    let mut grounds = Vec::new();
    for (width, height) in [(360, 740), (1280, 900)] {
        visit.size(width, height).unwrap();
        visit.sees(&format!("innerWidth === {width}"));
        for dark in [false, true] {
            visit.dark(dark).unwrap();
            assert_eq!(visit.value(WIDER).unwrap(), "", "at {width}");
            assert_eq!(visit.value(PALE).unwrap(), "", "dark: {dark}, at {width}");
            grounds.push(visit.value("getComputedStyle(document.body).backgroundColor").unwrap());
        }
    }
    assert_eq!(grounds[0], grounds[2]);
    assert_ne!(grounds[0], grounds[1]);
    // So does a dialog.
    visit.size(360, 740).unwrap();
    visit.click(&format!("{} header .operate", visit.card("orders"))).unwrap();
    assert_eq!(visit.value(WIDER).unwrap(), "");
    visit.leave(&[]);
}

#[test]
fn it_can_be_used_by_the_keyboard_and_has_one_title_and_no_gap_below_it() {
    let visit = Visit::new();
    // No level of headings is left out on the way down, as whoever hears a page goes by them.
    let gaps = "(() => { let last = 0; return [...document.querySelectorAll('h1, h2, h3, h4')].filter((one) => one.checkVisibility()).filter((one) => { const n = Number(one.tagName[1]); const gap = n > last + 1; last = n; return gap; }).map((one) => one.textContent).join(); })()";
    assert_eq!(visit.value(gaps).unwrap(), "");
    assert_eq!(visit.value("document.querySelectorAll('h1').length").unwrap(), 1);
    let nameless = "[...document.querySelectorAll('button, input, select')].filter((one) => one.checkVisibility() && !(one.innerText || one.ariaLabel || one.labels?.length)).length";
    assert_eq!(visit.value(nameless).unwrap(), 0);
    visit
        .value(&format!(
            "document.querySelector('{} header .operate').focus()",
            visit.card("orders")
        ))
        .unwrap();
    visit.press("Enter").unwrap();
    visit.sees("document.getElementById('operate').open && document.getElementById('operate').contains(document.activeElement)");
    visit.press("Escape").unwrap();
    visit.sees("!document.getElementById('operate').open && document.activeElement.classList.contains('operate')");
    visit.leave(&[]);
}
