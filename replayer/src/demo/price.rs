//! Prices: the rules that the shop's database used to hold in a stored procedure, moved into code.
//!
//! Amounts are whole cents, so that nothing here depends on how a fraction is printed. The procedure rounded with the
//! database's `ROUND(amount, 2)`, which takes halves away from zero; a decimal library's default takes them to the even
//! neighbour. The two disagree by one cent, and only where an amount lies exactly between two cents: the kind of change
//! that passes every test that someone thought of. The demo plants it, see [`Rounding`].

/// How an amount that lies exactly between two cents is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// Away from zero: the database's `ROUND`.
    HalfUp,
    /// To the even neighbour: the default of many decimal libraries.
    HalfEven,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuoteRequest {
    /// Price without tax, cents.
    pub(crate) net_cents: u32,
    /// Discount of the voucher, per cent.
    pub(crate) discount_percent: u32,
    /// Tax rate, hundredths of a per cent (1900 is 19 %).
    pub(crate) tax_rate: u32,
}

/// What a viewer pays, cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    pub(crate) net_cents: u32,
    pub(crate) discount_cents: u32,
    pub(crate) tax_cents: u32,
    pub(crate) total_cents: u32,
}

/// The price to pay: the discount comes off first, tax is on what is left.
pub(crate) fn quote(request: QuoteRequest, tax_rounding: Rounding) -> Quote {
    let QuoteRequest {
        net_cents,
        discount_percent,
        tax_rate,
    } = request;
    let discount_cents = divide(net_cents * discount_percent.min(100), 100, Rounding::HalfUp);
    let taxed_cents = net_cents - discount_cents;
    let tax_cents = divide(taxed_cents * tax_rate, 10_000, tax_rounding);
    Quote {
        net_cents,
        discount_cents,
        tax_cents,
        total_cents: taxed_cents + tax_cents,
    }
}

/// The tax rate of a country, hundredths of a per cent.
pub(crate) fn tax_rate(country: &str) -> Option<u32> {
    match country {
        "AT" => Some(2000),
        "CH" => Some(810),
        "DE" => Some(1900),
        "ES" | "NL" => Some(2100),
        "PL" => Some(2300),
        _ => None,
    }
}

/// The discount of a voucher, per cent.
pub(crate) fn voucher_percent(code: &str) -> Option<u32> {
    match code {
        "AUTUMN10" => Some(10),
        "FRIENDS25" => Some(25),
        _ => None,
    }
}

/// `numerator / denominator` as a whole number. The callers' amounts are far below the type's range: the dearest title
/// costs some thousand cents and rates are below 10,000.
fn divide(numerator: u32, denominator: u32, rounding: Rounding) -> u32 {
    let whole = numerator / denominator;
    let twice_rest = numerator % denominator * 2;
    let up = match rounding {
        _ if twice_rest != denominator => twice_rest > denominator,
        Rounding::HalfUp => true,
        Rounding::HalfEven => whole % 2 == 1,
    };
    whole + u32::from(up)
}

#[cfg(test)]
mod tests;
