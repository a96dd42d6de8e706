//! Numbers drawn by lot, the same for the same seed.

/// Sebastiano Vigna's splitmix64.
pub(super) struct Dice(u64);

impl Dice {
    /// Dice that belong to some numbers, such as a seed and a connection's.
    pub(super) fn of(numbers: &[u64]) -> Dice {
        numbers.iter().fold(Dice(0), |mut dice, number| Dice(dice.draw() ^ number))
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    pub(super) fn share(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From -1 to below 1.
    pub(super) fn both_ways(&mut self) -> f64 {
        self.share() * 2.0 - 1.0
    }

    /// From 0 to below `n`, which is not 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.share() * n as f64) as usize
    }
}
