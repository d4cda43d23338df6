//! A column of numbers from text, as files hold them: separated by blanks or lines, or one CSV column with or without a header.

use crate::text::{is_name, lines};
use crate::{Error, Result};

/// Reads every number of `text`, in order. Empty lines and what follows a `#` are skipped, and so is a first line of words (a
/// header).
///
/// # Errors
/// [`Error::Value`], naming the line, for what is not a finite number and for a line of several CSV columns; also where there is no
/// number at all.
pub fn parse_text(text: &str) -> Result<Vec<f64>> {
    let mut numbers = vec![];
    for (place, (number, line)) in lines(text).enumerate() {
        let fault = |fault: String| Error::value(format!("line {number}"), fault);
        let column = line.strip_suffix([',', ';']).unwrap_or(line);
        if column.contains([',', ';']) {
            return Err(fault("holds several columns; give a file of one column".into()));
        }
        if place == 0 && is_name(column) && column.split_whitespace().all(|word| word.parse::<f64>().is_err()) {
            continue;
        }
        for word in column.split_whitespace() {
            match word.parse::<f64>() {
                Ok(number) if number.is_finite() => numbers.push(number),
                _ => return Err(fault(format!("\"{word}\" is not a finite number"))),
            }
        }
    }
    if numbers.is_empty() {
        return Err(Error::value("text", "holds no number; give one a line, or several parted by blanks"));
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_columns_and_blanks() {
        for text in ["1\n2.5\n-3e2\n", "1 2.5\t-3e2", "dr\n1\n2.5,\n-3e2", "\u{feff}\"dr (period)\"\r\n1\r\n\r\n2.5 # two\r\n-3e2"] {
            assert_eq!(parse_text(text).unwrap(), [1.0, 2.5, -300.0], "{text:?}");
        }
    }

    #[test]
    fn names_the_line_at_fault() {
        for (text, says) in [
            ("1\n2\nthree\n", "line 3: \"three\""),
            ("1\n\nnan", "line 3: \"nan\""),
            ("nan\n1", "line 1: \"nan\""),
            ("a\nb\n1", "line 2: \"b\""),
            ("1.2.3", "line 1: \"1.2.3\""),
            ("1\n2,3", "line 2: holds several columns"),
            ("# nothing\n", "holds no number"),
            ("", "holds no number"),
        ] {
            let said = parse_text(text).unwrap_err().to_string();
            assert!(said.contains(says), "{text:?}: {said}");
        }
    }
}
