//! libFuzzer on [`cenote_fuzz::admin`].

#![forbid(unsafe_code)]
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    cenote_fuzz::admin(input);
});
