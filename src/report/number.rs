//! Numbers and times as people read them.

use super::row::{Row, Value};

/// Four significant digits, or scientific where plain digits would hide the number.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = if size == 0.0 { 0 } else { (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

pub(super) fn with_unit(number: &str, unit: &str) -> String {
    if unit.is_empty() { number.into() } else { format!("{number} {unit}") }
}

/// What the paper says of a row.
pub(super) fn paper(row: &Row) -> String {
    match &row.paper {
        Some(Value::Number(value)) => with_unit(&number(*value), &row.unit),
        Some(Value::Words(words)) => words.clone(),
        None => String::new(),
    }
}

/// What we say, with its uncertainty.
pub(super) fn ours(row: &Row) -> String {
    let spread = row.uncertainty.map(|u| format!(" \u{b1} {}", spread(u))).unwrap_or_default();
    row.ours.map_or("\u{2014}".into(), |value| with_unit(&format!("{}{spread}", number(value)), &row.unit))
}

/// What trivial methods reach, behind `before`; empty where there is none.
pub(super) fn baselines(row: &Row, before: &str) -> String {
    let of = |name: &str, value: Option<f64>| value.map(|v| format!("{before}{name} {}", with_unit(&number(v), &row.unit)));
    [of("baseline", row.baseline), of("nearest w_avg", row.nearest)].into_iter().flatten().collect()
}

/// An uncertainty needs two digits.
pub(crate) fn spread(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !(1e-3..100.0).contains(&size) {
        return number(value);
    }
    let decimals = (1.0 - size.log10().floor()).max(0.0) as usize;
    format!("{value:.decimals$}")
}

pub(super) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!([94.8, 0.43212, 3.0, 1234.5, 1.4e-5, 0.0, -2.25].map(number), ["94.8", "0.4321", "3", "1234", "1.40e-5", "0", "-2.25"]);
        assert_eq!([0.0123, 1.26, 23.4, 1.4e-5, 0.0].map(spread), ["0.012", "1.3", "23", "1.40e-5", "0"]);
        assert_eq!([1.25, 42.0, 3599.0, 7300.0].map(duration), ["1.2 s", "42 s", "59 min 59 s", "2 h 01 min"]);
    }
}
