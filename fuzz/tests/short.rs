//! The short form of the fuzzing, which needs nothing but Rust: what was kept, changes to it, and what is drawn.
//! An input that fails is printed with the place to keep it in.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use cenote::Options;
use cenote_fuzz::dice::Dice;
use cenote_fuzz::{TARGETS, Target};

/// Changes to each kept input, and drawn inputs of each kind.
const CHANGES: usize = 40;
const DRAWN: usize = 2_000;

fn kept(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<_> = files
        .map(|file| {
            let file = file.unwrap();
            (file.file_name().to_string_lossy().into_owned(), fs::read(file.path()).unwrap())
        })
        .collect();
    inputs.sort();
    inputs
}

/// Whether it is taken.
fn hold(target: &Target, input: &[u8]) -> bool {
    match panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        Ok(taken) => taken,
        Err(panic) => {
            let text = String::from_utf8_lossy(input);
            eprintln!("fails: {text:?}, {input:?}; keep it in fuzz/corpus/{}", target.name);
            panic::resume_unwind(panic);
        }
    }
}

fn run(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let mut dice = Dice::new(1);
    let (mut taken, mut refused) = (0, 0);
    let mut count = |was_taken| *(if was_taken { &mut taken } else { &mut refused }) += 1;
    for (_, input) in kept(target) {
        count(hold(target, &input));
        (0..CHANGES).for_each(|_| count(hold(target, &dice.change(&input))));
    }
    (0..DRAWN).for_each(|_| count(hold(target, &dice.draw(name))));
    assert!(taken > 100 && refused > 100, "{name}: {taken} taken, {refused} refused");
}

// P-24, S
#[test]
fn whatever_stands_in_a_url_is_taken_or_named_with_its_place_and_no_password() {
    run("url");
}

// P-24, S
#[test]
fn whatever_stands_in_the_url_of_a_database_is_taken_or_named_and_no_password() {
    run("sqlite");
}

// P-24, S
#[test]
fn whatever_stands_in_the_url_of_a_server_is_taken_or_refused_and_no_password() {
    run("postgres");
    run("mysql");
    run("http");
}

// P-24, S
#[test]
fn whatever_stands_in_a_toml_file_is_taken_or_named_with_its_line() {
    run("toml");
}

// P-24, S
#[test]
fn whatever_stands_in_a_json_file_is_taken_or_named_with_its_line() {
    run("json");
}

// D-3, S
#[test]
fn whatever_stands_in_a_node_file_is_taken_or_named_with_its_line() {
    run("nodes");
}

// S
#[test]
fn whatever_is_asked_of_the_admin_router_is_answered_and_no_secret_is_shown() {
    run("admin");
}

// P-24, S
#[test]
fn whatever_the_environment_says_is_taken_or_named_with_the_variable() {
    run("variables");
}

// P-24, S
#[test]
fn whatever_is_set_in_code_is_refused_or_a_pool_lives_with_it() {
    run("values");
}

// P-24
#[test]
fn every_option_can_be_set_to_any_value() {
    let options: Vec<&str> = Options::reference().iter().map(|info| info.name).collect();
    assert_eq!(cenote_fuzz::values_known(), options);
}

// P-24
#[test]
fn a_source_as_long_as_a_book_is_judged_in_the_time_of_reading_it() {
    let long = |piece: &str| piece.repeat(50_000 / piece.len());
    for target in &TARGETS {
        for piece in
            ["1", "max_size", "&pool_max_size=1", "[", "{\"a\":", "%25", "a=1\n", "@", "é\n"]
        {
            hold(target, long(piece).as_bytes());
            hold(target, format!("sqlite:a?pool_order={}", long(piece)).as_bytes());
            hold(target, format!("postgres://a/?{}", long(piece)).as_bytes());
            hold(target, format!("postgres://{}", long(piece)).as_bytes());
            hold(target, format!("CENOTE_{}=1", long(piece)).as_bytes());
            hold(target, format!("max_size = \"{}\"", long(piece)).as_bytes());
            hold(target, format!("nodes = [{{ key = '{}' }}]", long(piece)).as_bytes());
            hold(target, format!("{{\"nodes\": [{{\"key\": \"{}\"}}]}}", long(piece)).as_bytes());
        }
    }
}

// S
#[test]
fn what_is_kept_is_little_and_text() {
    for target in &TARGETS {
        let inputs = kept(target);
        assert!((5..=40).contains(&inputs.len()), "{}: {} inputs", target.name, inputs.len());
        for (file, input) in inputs {
            let path = format!("fuzz/corpus/{}/{file}", target.name);
            assert!(input.len() < 1024, "{path} has {} bytes", input.len());
            // But for the one that tries bytes that are none.
            assert!(std::str::from_utf8(&input).is_ok() || file == "bytes", "{path} is no text");
        }
    }
}
