use super::*;

#[test]
fn halves_are_where_the_two_roundings_part() {
    // numerator, half up, half even; all over 10.
    for (numerator, up, even) in [
        (0, 0, 0),
        (4, 0, 0),
        (5, 1, 0),
        (6, 1, 1),
        (14, 1, 1),
        (15, 2, 2),
        (16, 2, 2),
        (25, 3, 2),
        (35, 4, 4),
    ] {
        assert_eq!(divide(numerator, 10, Rounding::HalfUp), up, "{numerator}");
        assert_eq!(
            divide(numerator, 10, Rounding::HalfEven),
            even,
            "{numerator}"
        );
    }
}

#[test]
fn tax_is_on_what_the_discount_leaves() {
    let request = QuoteRequest {
        net_cents: 1499,
        discount_percent: 10,
        tax_rate: 1900,
    };
    // 14.99 less 1.50 is 13.49; 19 % of that is 2.5631.
    let expected = Quote {
        net_cents: 1499,
        discount_cents: 150,
        tax_cents: 256,
        total_cents: 1605,
    };
    assert_eq!(quote(request, Rounding::HalfUp), expected);
    assert_eq!(quote(request, Rounding::HalfEven), expected);
}

#[test]
fn the_planted_change_shows_only_at_a_half_cent_after_an_even_one() {
    let tax = |net_cents, rounding| {
        let request = QuoteRequest {
            net_cents,
            discount_percent: 0,
            tax_rate: 1900,
        };
        quote(request, rounding).tax_cents
    };
    // 19 % of 3.50 is 0.665, of 2.50 is 0.475, of 4.99 is 0.9481.
    assert_eq!(
        (tax(350, Rounding::HalfUp), tax(350, Rounding::HalfEven)),
        (67, 66)
    );
    assert_eq!(
        (tax(250, Rounding::HalfUp), tax(250, Rounding::HalfEven)),
        (48, 48)
    );
    assert_eq!(
        (tax(499, Rounding::HalfUp), tax(499, Rounding::HalfEven)),
        (95, 95)
    );
}
