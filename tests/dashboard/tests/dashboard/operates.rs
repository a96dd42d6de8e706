//! What the page changes: with the token, after it has asked, and it says what came of it.

use cenote::State;

use crate::visit::Visit;
use crate::world::TOKEN;

/// Opens the dialog of a card, or of what is in it, and chooses an operation by its words.
fn choose(visit: &Visit, button: &str, operation: &str) {
    visit.click(button).unwrap();
    visit.sees("document.getElementById('operate').open");
    let at = visit.sees(&format!(
        "String(1 + [...document.querySelectorAll('#operate-choice label')].findIndex((label) => label.innerText.trim() === '{operation}'))"
    ));
    // Where there is one thing to do, there is nothing to choose.
    if visit.sees("String(document.getElementById('operate-choice').hidden)") == "false" {
        visit.click(&format!("#operate-choice label:nth-of-type({at}) input[type=radio]")).unwrap();
    }
    visit.sees(&format!("document.getElementById('operate-go').innerText === '{operation}'"));
}

fn of_card(visit: &Visit, name: &str) -> String {
    format!("{} header .operate", visit.card(name))
}

#[test]
fn a_fault_shows_and_so_does_its_end() {
    let visit = Visit::new();
    let row = format!("{} .nodes tbody tr:nth-child(1)", visit.card("shop"));
    visit.reads(&format!("{row} .badge"), "online");
    visit.click("[data-action=kill-primary]").unwrap();
    visit.reads("#action-answer", "its connections are gone");
    visit.reads(&format!("{row} .badge"), "unreachable");
    visit.reads(&format!("{row} .why"), "scripted host error in connect");
    visit.reads("#problems", "no primary");
    visit.sees("document.getElementById('verdict').dataset.level === 'bad' && document.title.includes('wrong')");
    visit.click("[data-action=revive-primary]").unwrap();
    visit.sees(&format!(
        "['ok', 'info'].includes(document.querySelector('{row} .badge').dataset.level)"
    ));
    visit.sees("!document.querySelector('#problems').innerText.includes('no primary')");
    visit.leave(&[]);
}

#[test]
fn without_the_token_nothing_is_done_and_the_page_says_so() {
    let visit = Visit::new();
    choose(&visit, &of_card(&visit, "orders"), "Pause");
    visit.reads("#operate-what", "orders lends nothing until you resume it");
    visit.click("#operate-go").unwrap();
    visit.reads("#operate-answer[data-level=bad]", "Not done: this needs the token");
    assert_eq!(visit.world.orders.status().state, State::Running);
    // Nor with another one.
    visit.value("document.getElementById('operate-token').focus()").unwrap();
    visit.write("not-the-token").unwrap();
    visit.press("Enter").unwrap();
    visit.sees("document.getElementById('operate-answer').dataset.level === 'bad'");
    assert_eq!(visit.world.orders.status().state, State::Running);
    assert_eq!(visit.sees("document.getElementById('key').hidden"), "true");
    visit.leave(&["status of 401"]);
}

#[test]
fn with_the_token_it_is_done_and_the_token_stays_in_the_pages_memory() {
    let visit = Visit::new();
    let orders = visit.card("orders");
    choose(&visit, &of_card(&visit, "orders"), "Pause");
    visit.value("document.getElementById('operate-token').focus()").unwrap();
    visit.write(TOKEN).unwrap();
    visit.press("Enter").unwrap();
    visit.sees("document.getElementById('operate-answer').dataset.level === 'ok'");
    assert_eq!(visit.world.orders.status().state, State::Paused);
    visit.press("Escape").unwrap();
    visit.reads(&format!("{orders} .state"), "paused");
    visit.reads("#problems", "nothing is lent until it is resumed");
    // It is asked for once.
    choose(&visit, &of_card(&visit, "orders"), "Resume");
    assert_eq!(visit.sees("document.getElementById('operate-token-row').hidden"), "true");
    visit.click("#operate-go").unwrap();
    visit.sees("document.getElementById('operate-answer').dataset.level === 'ok'");
    assert_eq!(visit.world.orders.status().state, State::Running);
    visit.press("Escape").unwrap();
    // It is in no address, in nothing that the browser keeps, and in no field that somebody could look into.
    let kept = visit.value("JSON.stringify([localStorage, sessionStorage, document.cookie, [...document.querySelectorAll('input')].map((input) => input.value)])").unwrap();
    assert!(!kept.as_str().unwrap().contains(TOKEN), "{kept}");
    assert!(visit.requests().iter().all(|asked| !asked.contains(TOKEN)));
    visit.click("#key-forget").unwrap();
    visit.reads(&format!("{orders} .state"), "running");
    choose(&visit, &of_card(&visit, "orders"), "Pause");
    assert_eq!(visit.sees("String(document.getElementById('operate-token-row').hidden)"), "false");
    visit.leave(&[]);
}

#[test]
fn whoever_changes_their_mind_changes_nothing() {
    let visit = Visit::new();
    choose(&visit, &of_card(&visit, "orders"), "Clear");
    visit.press("Escape").unwrap();
    visit.sees("!document.getElementById('operate').open");
    let asked = visit.requests();
    assert!(!asked.iter().any(|asked| asked.ends_with("/operations")), "{asked:?}");
    visit.leave(&[]);
}

#[test]
fn limits_and_weights_are_set_to_the_number_that_was_written() {
    let visit = Visit::new();
    choose(&visit, &of_card(&visit, "orders"), "Change the limit");
    visit.value("document.querySelector('#operate-choice input:checked').parentElement.querySelector('.value').select()").unwrap();
    visit.write("7").unwrap();
    visit.value("document.getElementById('operate-token').focus()").unwrap();
    visit.write(TOKEN).unwrap();
    visit.click("#operate-go").unwrap();
    visit.sees("document.getElementById('operate-answer').dataset.level === 'ok'");
    assert_eq!(visit.world.orders.status().max, 7);
    visit.press("Escape").unwrap();
    visit.sees(&format!(
        "document.querySelector('{} .figures .using').innerText.endsWith('of 7')",
        visit.card("orders")
    ));

    let row = format!("{} .nodes tbody tr:nth-child(2)", visit.card("shop"));
    choose(&visit, &format!("{row} .operate"), "Set its weight");
    visit.value("document.querySelector('#operate-choice input:checked').parentElement.querySelector('.value').select()").unwrap();
    visit.write("3").unwrap();
    visit.click("#operate-go").unwrap();
    visit.sees("document.getElementById('operate-answer').dataset.level === 'ok'");
    assert_eq!(visit.world.cluster.status().node("b:5432").unwrap().weight, 3);
    visit.press("Escape").unwrap();
    visit.sees(&format!("document.querySelector('{row} .weight').innerText === '3'"));
    visit.leave(&[]);
}

#[test]
fn a_node_is_taken_out_and_brought_back() {
    let visit = Visit::new();
    let row = format!("{} .nodes tbody tr:nth-child(3)", visit.card("shop"));
    choose(&visit, &format!("{row} .operate"), "Drain");
    visit.value("document.getElementById('operate-token').focus()").unwrap();
    visit.write(TOKEN).unwrap();
    visit.click("#operate-go").unwrap();
    visit.sees("document.getElementById('operate-answer').dataset.level === 'ok'");
    visit.press("Escape").unwrap();
    visit.reads(&format!("{row} .badge"), "drained");
    visit.reads(&format!("{row} .why"), "taken out by hand");
    visit.reads("#problems", "replica c:5432: taken out by hand");
    choose(&visit, &format!("{row} .operate"), "Restore");
    visit.click("#operate-go").unwrap();
    visit.sees("document.getElementById('operate-answer').dataset.level === 'ok'");
    visit.press("Escape").unwrap();
    visit.sees(&format!(
        "['ok', 'info'].includes(document.querySelector('{row} .badge').dataset.level)"
    ));
    visit.leave(&[]);
}
