//! Currencies.

use crate::problem::Problem;

/// Without a smaller unit, and with thousandths: ISO 4217, list one.
const WHOLE: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
    "XPF",
];
const THOUSANDTHS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Dearer than anything that is sold here; far from where sums overflow.
pub(crate) const MOST_MINOR: i64 = 100_000_000_000;

/// A currency's code, in capitals.
pub(crate) fn currency(field: &'static str, given: &str) -> Result<String, Problem> {
    let code = given.trim().to_ascii_uppercase();
    if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(code)
    } else {
        Err(Problem::invalid(
            field,
            format!("{field} is a currency's three letters, like EUR"),
        ))
    }
}

/// How many decimals the currency has.
pub(crate) fn decimals(currency: &str) -> u32 {
    if WHOLE.contains(&currency) {
        0
    } else if THOUSANDTHS.contains(&currency) {
        3
    } else {
        2
    }
}

/// `29.00`, as tables and invoices have it.
pub(crate) fn amount(minor: i64, currency: &str) -> String {
    let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    match decimals(currency) {
        0 => format!("{sign}{minor}"),
        decimals => {
            let unit = 10_u64.pow(decimals);
            let width = decimals as usize;
            format!("{sign}{}.{:0width$}", minor / unit, minor % unit)
        }
    }
}

/// In the currency's own unit.
#[expect(clippy::cast_precision_loss, reason = "no sum here comes near 2^53")]
pub(crate) fn units(minor: i64, currency: &str) -> f64 {
    minor as f64 / 10_f64.powi(decimals(currency).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_as_many_decimals_as_its_currency() {
        assert_eq!(amount(2_905, "EUR"), "29.05");
        assert_eq!(amount(-50, "USD"), "-0.50");
        assert_eq!(amount(2_900, "JPY"), "2900");
        assert_eq!(amount(1_001, "KWD"), "1.001");
    }

    #[test]
    fn a_currency_is_three_letters() {
        assert_eq!(currency("currency", " eur ").unwrap(), "EUR");
        assert!(currency("currency", "€").is_err() && currency("currency", "EURO").is_err());
    }
}
