//! `results.md`: the results as Markdown tables, for documents.

use super::number::{baselines, ours, paper};
use super::row::Row;
use super::table::groups;
use std::fmt::Write;

/// A table a group: paper, run, population `matched`; "n 764 of 320" is 764 samples where 320 are needed to judge.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::new();
    for group in groups(rows) {
        let matched = group.lines.iter().any(|line| line.matched.is_some());
        let _ = writeln!(text, "## {}\n", group.title);
        let _ = writeln!(text, "| row | what | paper | ours | verdict |{}", if matched { " matched | verdict |" } else { "" });
        let _ = writeln!(text, "|---|---|---|---|---|{}", if matched { "---|---|" } else { "" });
        for line in &group.lines {
            let row = line.row();
            let _ = write!(text, "| `{}` | {} | {} |", line.id(), cell(&line.what()), cell(&paper(row)));
            for row in [line.run, line.matched].into_iter().take(if matched { 2 } else { 1 }) {
                let (numbers, verdict) = row.map_or((String::new(), ""), |row| {
                    let needed = row.n_needed.map(|needed| format!(" of {needed}")).unwrap_or_default();
                    (
                        format!("{} (n {}{needed}{})", ours(row), row.n, baselines(row, ", ")),
                        row.verdict.map_or("", |verdict| verdict.word()),
                    )
                });
                let _ = write!(text, " {} | {verdict} |", cell(&numbers));
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Claim;

    #[test]
    fn both_populations_stand_side_by_side() {
        let row = |id: &str, ours| Row::new(id, "fall of |dw|", ours, "%", 9).claim(Claim::Accuracy(94.8), 9).baseline(70.0).nearest(92.0);
        let text = markdown(&[row("2g.accuracy", 95.0), row("matched:2g.accuracy", 80.0), Row::new("control.x", "own", 1.0, "", 1)]);
        for part in [
            "| `2g.accuracy` | fall of \\|dw\\| | 94.8 % | 95 % (n 9 of 1, baseline 70 %, nearest w_avg 92 %) | reproduced | 80 % (n 9 of 1, baseline 70 %, nearest w_avg 92 %) | differs |\n",
            "| `control.x` | own |  | 1 (n 1) |  |\n",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
