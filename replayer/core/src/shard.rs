//! A window that several machines replay: each takes the sessions that are its own.

use std::fmt;
use std::str::FromStr;

/// The greatest number of parts.
const COUNT_MAX: u32 = 10_000;

/// One of several equal parts of the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    count: u32,
}

/// Text or numbers that are no shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no shard: write I/N, from 0/4 to 3/4 for four of them, at most {COUNT_MAX}")]
pub struct ParseShardError(String);

impl Shard {
    /// The `index`th of `count` parts, from 0.
    ///
    /// # Errors
    /// If there is no such part.
    pub fn new(index: u32, count: u32) -> Result<Self, ParseShardError> {
        if index < count && count <= COUNT_MAX {
            Ok(Self { index, count })
        } else {
            Err(ParseShardError(format!("{index}/{count}")))
        }
    }

    /// Which part, from 0.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// Of how many.
    #[must_use]
    pub fn count(self) -> u32 {
        self.count
    }

    /// Whether what has this key (a hash) belongs to the part. Of all parts one has it.
    #[must_use]
    pub fn has(self, key: u64) -> bool {
        // Samples look at the upper bits of such hashes, so these are mixed once more.
        let mixed = (key ^ (key >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        mixed % u64::from(self.count) == u64::from(self.index)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ParseShardError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseShardError(text.to_owned());
        let (index, count) = text.split_once('/').ok_or_else(error)?;
        let number = |text: &str| text.trim().parse().map_err(|_| error());
        Self::new(number(index)?, number(count)?).map_err(|_| error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_of_one_shard() {
        for count in [1, 2, 3, 4, 7] {
            let shards: Vec<Shard> = (0..count)
                .map(|index| Shard::new(index, count).unwrap())
                .collect();
            let mut sizes = vec![0_u32; count as usize];
            for number in 0..10_000_u64 {
                let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let owners: Vec<_> = shards.iter().filter(|shard| shard.has(key)).collect();
                assert_eq!(owners.len(), 1);
                sizes[owners[0].index() as usize] += 1;
            }
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!(most - least < 10_000 / count / 4, "{sizes:?}");
        }
    }

    #[test]
    fn a_shard_is_text_and_back() {
        let shard: Shard = "3/4".parse().unwrap();
        assert_eq!((shard.index(), shard.count()), (3, 4));
        assert_eq!(shard.to_string(), "3/4");
        for text in ["", "1", "4/4", "-1/4", "0/0", "1/20000"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
