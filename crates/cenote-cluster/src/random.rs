//! The draw behind everything that is left to chance: balancers, jitter, shedding. Lock-free, and the same numbers for
//! the same seed, so that tests can say what will be chosen.

use std::sync::atomic::{AtomicU64, Ordering};

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A source of random numbers that several threads may draw from.
#[derive(Debug)]
pub struct Random(AtomicU64);

impl Random {
    /// The numbers that follow from this seed.
    pub fn new(seed: u64) -> Random {
        Random(AtomicU64::new(seed))
    }

    /// The next 64 bits.
    pub fn bits(&self) -> u64 {
        mix(self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP))
    }

    /// Uniform in `0..n`; 0 for `n` = 0. The bias of one in 2^64/n is accepted.
    pub fn below(&self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Uniform in `0.0..1.0`.
    pub fn unit(&self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The last step of Sebastiano Vigna's splitmix64: every bit of the input reaches every bit of the output.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash of these bytes that is the same in every process and every release: shards and hashed routes depend on it
/// (FNV-1a, then mixed).
pub fn stable_hash(bytes: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    mix(bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv))
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-3
    #[test]
    fn a_seed_repeats_its_numbers_and_they_are_spread() {
        let (one, two) = (Random::new(7), Random::new(7));
        let mut seen = [0_u32; 8];
        for _ in 0..8_000 {
            let n = one.below(8);
            assert_eq!(n, two.below(8));
            seen[n] += 1;
        }
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
        assert_eq!(one.below(0), 0);
    }

    // C-16
    #[test]
    fn the_stable_hash_never_changes() {
        assert_eq!(stable_hash(b""), 0xf52a_15e9_a9b5_e89b);
        assert_ne!(stable_hash(b"a"), stable_hash(b"b"));
    }
}
