//! Places in a byte stream.

/// A place in one direction's sequence space, 64 bits wide: its low 32 bits are the sequence number, so that streams longer
/// than 4 GiB keep their order (RFC 9293 section 3.4 counts modulo 2^32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(u64);

impl Position {
    /// The place of the first sequence number that is seen. One lap is left below it for earlier ones.
    pub(crate) const fn first(sequence: u32) -> Self {
        Self((1 << 32) | sequence as u64)
    }

    /// The place with that sequence number that is nearest to this one.
    pub(crate) fn near(self, sequence: u32) -> Self {
        Self(
            self.0
                .saturating_add_signed(i64::from(self.steps_to(sequence))),
        )
    }

    /// How far away, up or down, the nearest place with that sequence number is.
    pub(crate) fn distance(self, sequence: u32) -> u32 {
        self.steps_to(sequence).unsigned_abs()
    }

    /// The sequence number.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low 32 bits are the sequence number"
    )]
    pub(crate) const fn sequence(self) -> u32 {
        self.0 as u32
    }

    /// The place as a number: its low 32 bits are the sequence number.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// The place `len` bytes further.
    pub(crate) const fn plus(self, len: u64) -> Self {
        Self(self.0.saturating_add(len))
    }

    /// Bytes from `earlier` to here; 0 if it is not earlier.
    pub(crate) const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    const fn steps_to(self, sequence: u32) -> i32 {
        sequence.wrapping_sub(self.sequence()).cast_signed()
    }
}
