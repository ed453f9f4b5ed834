//! A small seeded generator of numbers.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): a counter that is mixed
/// well. It is not for secrets.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator whose numbers depend on `seed` only.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator for item `index` of the stream called `stream`, so that any item can be made without those before it.
    #[must_use]
    pub fn of(seed: u64, stream: u64, index: u64) -> Self {
        let mut rng = Self(seed ^ stream.rotate_left(32));
        let offset = rng.next_u64();
        Self(offset ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` - 1; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product is uniform up to 2^-64 times `bound`, which no test can see.
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Whether an event of this probability (0 to 1) happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        // 53 bits are what an f64 between 0 and 1 can hold.
        ((self.next_u64() >> 11) as f64) < probability * (1_u64 << 53) as f64
    }

    /// Adds `digits` random lower-case hex digits.
    pub fn hex_into(&mut self, digits: usize, text: &mut String) {
        let mut left = digits;
        while left > 0 {
            let word = self.next_u64();
            for shift in 0..left.min(16) {
                let digit = (word >> (4 * shift)) & 15;
                text.push(char::from(b"0123456789abcdef"[digit as usize]));
            }
            left -= left.min(16);
        }
    }
}
