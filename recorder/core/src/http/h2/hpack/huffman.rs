//! Strings in Huffman code (RFC 7541 section 5.2 and appendix B).
//!
//! The code is canonical: codes of one length follow one another in the order of their symbols, so that the lengths alone
//! give it.

/// The end of a string, which is never written.
const EOS: u16 = 256;
const SYMBOLS: usize = 257;
const LENGTH_MAX: usize = 30;
/// Codes of up to so many bits are looked up at once.
const QUICK_BITS: u32 = 8;

/// Bits of each symbol's code.
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// The code, by length.
struct Code {
    /// First code of each length.
    first: [u32; LENGTH_MAX + 1],
    /// Number of codes of each length.
    count: [u32; LENGTH_MAX + 1],
    /// Place in `symbols` of the first code of each length.
    start: [u32; LENGTH_MAX + 1],
    /// The symbols by length, then by number.
    symbols: [u16; SYMBOLS],
    /// Symbol and length of the code that a byte begins with; length 0 if it is longer than that.
    quick: [(u8, u8); 1 << QUICK_BITS],
}

static CODE: Code = Code::build();

impl Code {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "lengths and symbols are small"
    )]
    const fn build() -> Self {
        let mut code = Self {
            first: [0; LENGTH_MAX + 1],
            count: [0; LENGTH_MAX + 1],
            start: [0; LENGTH_MAX + 1],
            symbols: [0; SYMBOLS],
            quick: [(0, 0); 1 << QUICK_BITS],
        };
        let (mut length, mut next, mut place) = (1, 0_u32, 0_usize);
        while length <= LENGTH_MAX {
            next <<= 1;
            code.first[length] = next;
            code.start[length] = place as u32;
            let mut symbol = 0;
            while symbol < SYMBOLS {
                if LENGTHS[symbol] as usize == length {
                    code.symbols[place] = symbol as u16;
                    code.fill_quick(next, length as u32, symbol as u8);
                    place += 1;
                    next += 1;
                }
                symbol += 1;
            }
            code.count[length] = next - code.first[length];
            length += 1;
        }
        code
    }

    #[expect(clippy::cast_possible_truncation, reason = "lengths are small")]
    const fn fill_quick(&mut self, code: u32, length: u32, symbol: u8) {
        if length > QUICK_BITS {
            return;
        }
        let spare = QUICK_BITS - length;
        let mut low = 0;
        while low < 1 << spare {
            self.quick[((code << spare) | low) as usize] = (symbol, length as u8);
            low += 1;
        }
    }

    /// The symbol whose code `bits` begin with (the first is the highest), and the code's length.
    fn symbol(&self, bits: u32) -> Option<(u16, u32)> {
        let (symbol, length) = self.quick[(bits >> (32 - QUICK_BITS)) as usize];
        if length > 0 {
            return Some((u16::from(symbol), u32::from(length)));
        }
        (QUICK_BITS + 1..)
            .zip(QUICK_BITS as usize + 1..=LENGTH_MAX)
            .find_map(|(length, at)| {
                let rank = (bits >> (32 - length)).checked_sub(self.first[at])?;
                (rank < self.count[at]).then(|| {
                    let symbol = self.symbols[(self.start[at] + rank) as usize];
                    (symbol, length)
                })
            })
    }
}

/// Appends the text of a coded string to `text`; `None` if it is none.
pub(super) fn decode(coded: &[u8], text: &mut Vec<u8>) -> Option<()> {
    let mut coded = coded.iter();
    // The next bits, the first is the highest.
    let (mut bits, mut held) = (0_u64, 0_u32);
    loop {
        while held <= 56
            && let Some(&byte) = coded.next()
        {
            bits |= u64::from(byte) << (56 - held);
            held += 8;
        }
        // What is after the end counts as ones, like the padding.
        let ahead = (bits | (u64::MAX.checked_shr(held).unwrap_or(0))) >> 32;
        let next = CODE.symbol(u32::try_from(ahead).expect("32 bits are left"));
        match next {
            Some((symbol, length)) if symbol != EOS && length <= held => {
                text.push(u8::try_from(symbol).expect("only the end is above 255"));
                bits <<= length;
                held -= length;
            }
            // The rest is padding: fewer than 8 bits, all ones.
            _ => return (held < 8 && ahead == u64::from(u32::MAX)).then_some(()),
        }
    }
}

/// A symbol's code and its length.
#[cfg(test)]
pub(super) fn code(symbol: u8) -> (u32, u32) {
    let length = LENGTHS[usize::from(symbol)];
    let at = usize::from(length);
    let same = LENGTHS[..usize::from(symbol)].iter();
    let rank = same.filter(|&&other| other == length).count();
    let rank = u32::try_from(rank).expect("there are 257 symbols");
    (CODE.first[at] + rank, u32::from(length))
}
