//! `report.html`: one file, no network, no scripts, readable on a phone.

use super::row::{Row, Value, Verdict};
use crate::figures::{FIGURES, escape};
use std::fmt::Write;

/// Everything the page shows.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// One or two sentences in plain language: which run this is, at what scale against the paper, on what machine.
    pub scale: &'a str,
    /// The results.
    pub rows: &'a [Row],
    /// The figures, in the order of the page.
    pub figures: &'a [Figure],
    /// The resolved configuration, as TOML.
    pub configuration: &'a str,
    /// How long each stage took.
    pub stages: &'a [Stage],
}

/// A figure in the page.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its id in [`FIGURES`], where its caption is.
    pub id: String,
    /// The drawing, as the functions of [`crate::figures`] return it.
    pub svg: String,
    /// How this one was made, and at what scale: samples, seeds, model.
    pub how: String,
}

/// A stage of the run.
#[derive(Debug, Clone)]
pub struct Stage {
    /// What was done.
    pub name: String,
    /// Wall-clock time, in seconds.
    pub seconds: f64,
}

/// The page.
pub fn html(report: &Report) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\">\n<title>scalefree: results</title>\n<style>\n{}</style>\n</head>\n<body>\n",
        include_str!("style.css")
    );
    summary(&mut page, report);
    results(&mut page, report.rows);
    figures(&mut page, report.figures);
    stages(&mut page, report.stages);
    let _ = writeln!(
        page,
        "<h2>Configuration</h2>\n<p>The same file runs the same reproduction.</p>\n<pre>{}</pre>",
        escape(report.configuration)
    );
    page.push_str("</body>\n</html>\n");
    page
}

fn summary(page: &mut String, report: &Report) {
    let count = |verdict| report.rows.iter().filter(|row| row.verdict == Some(verdict)).count();
    let judged = report.rows.iter().filter(|row| row.verdict.is_some()).count();
    let _ = write!(
        page,
        "<h1>Scale-free disorder: our results beside the paper\u{2019}s</h1>\n<p>The paper (Yu, Piao and Park, Nature Communications \
         11, 4842, 2020) trains one neural network to predict how strongly waves are trapped in a disordered lattice, and a second one \
         to design lattices on request. It reports that the designed lattices move a few atoms very far (a \u{201c}heavy tail\u{201d}), \
         and that this makes them robust.</p>\n<p>{}</p>\n<ul class=\"counts\">\n",
        escape(report.scale)
    );
    for (verdict, meaning) in [
        (Verdict::Reproduced, "within the tolerance"),
        (Verdict::Differs, "outside the tolerance"),
        (Verdict::TooSmall, "under a tenth of the paper\u{2019}s samples"),
    ] {
        let _ = writeln!(page, "<li><b class=\"{}\">{}</b> {}: {meaning}</li>", class(verdict), count(verdict), verdict.word());
    }
    let _ = writeln!(
        page,
        "</ul>\n<p>Results compared with the paper: {judged}. Checks of our own, without a verdict: {}. The rules were fixed \
         beforehand: an accuracy counts as reproduced down to one point below the paper\u{2019}s, the exponent of a power law within \
         0.3, its lower bound within 0.05, and a statement in words where our number points the same way.</p>",
        report.rows.len() - judged
    );
}

fn results(page: &mut String, rows: &[Row]) {
    page.push_str("<h2>Results</h2>\n<table class=\"results\">\n<thead><tr>");
    for head in ["What", "Paper", "Ours", "n", "Baseline", "Verdict", "Note"] {
        let _ = write!(page, "<th>{head}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        let unit = |value: Option<f64>| value.map(|v| with_unit(&number(v), &row.unit)).unwrap_or_default();
        let paper = match &row.paper {
            Some(Value::Number(value)) => unit(Some(*value)),
            Some(Value::Words(words)) => escape(words),
            None => String::new(),
        };
        let spread = row.uncertainty.map(|u| format!(" \u{b1} {}", number(u))).unwrap_or_default();
        let ours = row.ours.map_or("\u{2014}".into(), |v| with_unit(&format!("{}{spread}", number(v)), &row.unit));
        let (class, verdict) = row.verdict.map_or(("", ""), |v| (class(v), v.word()));
        let _ = writeln!(
            page,
            "<tr><td class=\"what\">{}<small>{}</small></td><td data-label=\"Paper\">{paper}</td><td class=\"number\" \
             data-label=\"Ours\">{ours}</td><td class=\"number\" data-label=\"n\">{}</td><td class=\"number\" \
             data-label=\"Baseline\">{}</td><td class=\"verdict {class}\" data-label=\"Verdict\">{verdict}</td><td class=\"note\" \
             data-label=\"Note\">{}</td></tr>",
            escape(&row.what),
            escape(&row.id),
            row.n,
            unit(row.baseline),
            escape(&row.note),
        );
    }
    page.push_str("</tbody>\n</table>\n");
}

fn figures(page: &mut String, figures: &[Figure]) {
    page.push_str("<h2>Figures</h2>\n");
    for figure in figures {
        let caption = FIGURES.iter().find(|(id, _)| *id == figure.id).map_or("", |(_, caption)| caption);
        let _ = writeln!(
            page,
            "<figure>\n<div>\n{}</div>\n<figcaption><b>{}.</b> {}<small>{}</small></figcaption>\n</figure>",
            figure.svg,
            escape(&heading(&figure.id)),
            escape(caption),
            escape(&figure.how)
        );
    }
}

fn stages(page: &mut String, stages: &[Stage]) {
    page.push_str("<h2>Time</h2>\n<table>\n<thead><tr><th>Stage</th><th>Time</th></tr></thead>\n<tbody>\n");
    for stage in stages {
        let _ = writeln!(page, "<tr><td>{}</td><td class=\"number\">{}</td></tr>", escape(&stage.name), duration(stage.seconds));
    }
    page.push_str("</tbody>\n</table>\n");
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reproduced => "reproduced",
        Verdict::Differs => "differs",
        Verdict::TooSmall => "too-small",
    }
}

/// "Figure 4g" for ids that begin with a number, else the id with a capital.
fn heading(id: &str) -> String {
    if id.starts_with(|c: char| c.is_ascii_digit()) {
        return format!("Figure {id}");
    }
    let mut letters = id.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Four significant digits, or scientific where plain digits would hide the number.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = if size == 0.0 { 0 } else { (3.0 - size.log10().floor()).clamp(0.0, 6.0) as usize };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

fn with_unit(number: &str, unit: &str) -> String {
    if unit.is_empty() { number.into() } else { format!("{number} {}", escape(unit)) }
}

fn duration(seconds: f64) -> String {
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
    use crate::report::Claim;

    #[test]
    fn the_page_holds_everything_and_escapes_it() {
        let rows = [
            Row::new("2g.accuracy", "D2L <accuracy>", 94.8123, "%", 10_000).claim(Claim::Accuracy(94.8), 10_000).baseline(70.0),
            Row::new("own", "Control", f64::NAN, "", 3).note("a & b"),
        ];
        let figures = [Figure { id: "4g".into(), svg: "<svg><title>x</title></svg>".into(), how: "n < 5".into() }];
        let stages = [Stage { name: "D2L".into(), seconds: 75.2 }];
        let page =
            html(&Report { scale: "A \"quick\" run.", rows: &rows, figures: &figures, configuration: "seed = 1 # <", stages: &stages });
        for part in [
            "D2L &lt;accuracy&gt;",
            "94.81 %",
            "70 %",
            "reproduced",
            "a &amp; b",
            "<svg><title>x</title></svg>",
            "Figure 4g",
            "How far sites move",
            "n &lt; 5",
            "seed = 1 # &lt;",
            "1 min 15 s",
            "A &quot;quick&quot; run.",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"), "the page must stand alone");
    }

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!([94.8, 0.43212, 3.0, 1234.5, 1.4e-5, 0.0, -2.25].map(number), ["94.8", "0.4321", "3", "1234", "1.40e-5", "0", "-2.25"]);
        assert_eq!([1.25, 42.0, 3599.0, 7300.0].map(duration), ["1.2 s", "42 s", "59 min 59 s", "2 h 01 min"]);
        assert_eq!(["4g", "training"].map(heading), ["Figure 4g", "Training"]);
    }
}
