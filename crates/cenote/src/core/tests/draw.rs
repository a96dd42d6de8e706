//! Random numbers: a generator that others know too, so that its quality is not ours to prove.

use crate::core::draw::Draw;

// P-13, P-17
#[test]
fn jitter_is_drawn_by_splitmix64() {
    // The numbers that its published code gives for the seed 1234567; a draw shows their upper 53 bits.
    let known: [u64; 5] = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ];
    let mut draw = Draw::new(1_234_567);
    for number in known {
        let unit = (number >> 11) as f64 * (-53f64).exp2();
        assert_eq!(draw.unit(), unit);
    }
}
