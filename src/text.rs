//! Numbers in text files: which lines count, and what is a name over a column.

/// The lines of `text` that hold something, numbered from 1: without a byte-order mark, the blanks around them and what follows a `#`.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    lines.map(|(at, line)| (at + 1, line.split('#').next().unwrap_or_default().trim())).filter(|(_, line)| !line.is_empty())
}

/// Does a column's head begin as a name does, and mean no number (NaN, infinity)?
pub(crate) fn is_name(cell: &str) -> bool {
    let cell = cell.trim().trim_matches('"');
    cell.parse::<f64>().is_err() && cell.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
