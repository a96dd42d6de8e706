//! What is drawn by lot in tests, and numbers that whoever runs them may choose.

/// Numbers drawn from a seed (Sebastiano Vigna's splitmix64): the same for the same seed.
#[derive(Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// From 0 to below `n`, which is not 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// A whole number from the environment.
///
/// # Panics
/// If it is something else.
pub fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number")),
        Err(_) => default,
    }
}
