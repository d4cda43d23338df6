//! `report.html`: one file, no network, no scripts, readable on a phone.

use super::number::{baselines, duration, ours, paper};
use super::row::{Row, Verdict};
use super::table::{Line, MATCHED, groups};
use crate::figures::{FIGURES, escape};
use std::fmt::Write;

/// Everything the page shows.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// One or two sentences in plain language: which run this is, at what scale against the paper, on what machine.
    pub scale: &'a str,
    /// The results; those of the branch with the population `matched` begin with [`MATCHED`].
    pub rows: &'a [Row],
    /// The figures, in the order of the page.
    pub figures: &'a [Figure],
    /// A sentence for each figure that this run cannot fill.
    pub lacking: &'a [String],
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
    /// The branch that it shows, where that is not the run itself.
    pub branch: Option<&'static str>,
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
    figures(&mut page, report);
    stages(&mut page, report.stages);
    let _ = writeln!(
        page,
        "<h2 id=\"configuration\">Configuration</h2>\n<p>The same file runs the same reproduction.</p>\n<pre>{}</pre>",
        escape(report.configuration)
    );
    page.push_str("</body>\n</html>\n");
    page
}

/// The paper's main statements, in the words of the summary, with the row that judges each.
const STATEMENTS: [(&str, &str); 11] = [
    ("2g.accuracy", "A network (D2L) predicts from a lattice how far each mode spreads"),
    ("3d.accuracy", "A second network (L2D) designs lattices that the first takes for what was asked"),
    ("3e.accuracy", "The designed lattices really have the localisation that was asked, by the Hamiltonian"),
    ("4g.reach", "Some sites of a designed lattice move farther than the rest, more so than in a random one"),
    ("4g-1.alpha", "The lengths of these moves follow a power law of one exponent"),
    ("4g-1.xmin", "The power law holds from a certain length on"),
    ("4g-1.p", "The power law passes the test of its fit"),
    ("5b.alpha", "The weights of the network\u{2019}s last layer have a heavy tail too"),
    ("6ab.small_m", "Designed lattices answer less to a displaced atom, by orders of magnitude"),
    ("6d.cv", "In designed lattices some atoms (hubs) count more than others"),
    ("S8.truth.accuracy", "Networks with a single pool design as well"),
];

fn summary(page: &mut String, report: &Report) {
    let _ = write!(
        page,
        "<h1>Scale-free disorder: our results beside the paper\u{2019}s</h1>\n<p>The paper (Yu, Piao and Park, Nature Communications \
         11, 4842, 2020) trains one neural network to predict how strongly waves are trapped in a disordered lattice, and a second one \
         to design lattices on request. It reports that the designed lattices move a few atoms very far (a \u{201c}heavy tail\u{201d}), \
         and that this makes them robust.</p>\n<p>{}</p>\n",
        escape(report.scale)
    );
    let (run, matched): (Vec<&Row>, Vec<&Row>) = report.rows.iter().partition(|row| !row.id.starts_with(MATCHED));
    if matched.is_empty() {
        counts(page, &[("this run", &run)]);
    } else {
        page.push_str(
            "<p>The paper\u{2019}s text and its figures do not agree on how strongly its lattices are deformed, so everything was done \
             twice: with the amplitudes as they are written (<i>literal</i>, 0.6), and with half of them (<i>matched</i>, 0.3), which \
             meet the paper\u{2019}s own counts better.</p>\n",
        );
        counts(page, &[("literal", &run), ("matched", &matched)]);
    }
    let judged = report.rows.iter().filter(|row| row.verdict.is_some()).count();
    let _ = writeln!(
        page,
        "<p>Results compared with the paper: {judged}. Numbers without a verdict: {}. The rules were fixed beforehand: an accuracy \
         counts as reproduced down to one point below the paper\u{2019}s, the exponent of a power law within 0.3, its lower bound \
         within 0.05, and a statement in words where our number points the same way; under a tenth of the paper\u{2019}s samples \
         nothing is judged.</p>",
        report.rows.len() - judged
    );
    page.push_str("<h2>In short</h2>\n<ul class=\"short\">\n");
    for (id, statement) in STATEMENTS {
        let find = |rows: &[&Row], id: &str| rows.iter().find(|row| row.id == id).map(|row| said(row));
        let paper = run.iter().find(|row| row.id == id).map(|row| escape(&paper(row)));
        let (ours, other) = (find(&run, id), find(&matched, &format!("{MATCHED}{id}")));
        if let (Some(paper), Some(ours)) = (paper, ours) {
            let both = match other {
                Some(other) => format!("literal {ours}, matched {other}"),
                None => format!("ours {ours}"),
            };
            let _ = writeln!(page, "<li>{statement}. <span>Paper: {paper}; {both}.</span></li>");
        }
    }
    page.push_str("</ul>\n");
}

/// Our number with its verdict.
fn said(row: &Row) -> String {
    let word = row.verdict.map_or(String::new(), |v| format!(" <b class=\"{}\">{}</b>", class(v), v.word()));
    format!("{}{word}", escape(&ours(row)))
}

/// How many results came out which way.
fn counts(page: &mut String, runs: &[(&str, &[&Row])]) {
    let verdicts = [Verdict::Reproduced, Verdict::Differs, Verdict::TooSmall];
    page.push_str("<table class=\"counts\">\n<thead><tr><th></th>");
    verdicts.iter().for_each(|v| page.push_str(&format!("<th class=\"{}\">{}</th>", class(*v), v.word())));
    page.push_str("</tr></thead>\n<tbody>\n");
    for (name, rows) in runs {
        let _ = write!(page, "<tr><td>{name}</td>");
        for verdict in verdicts {
            let count = rows.iter().filter(|row| row.verdict == Some(verdict)).count();
            let _ = write!(page, "<td class=\"{}\">{count}</td>", class(verdict));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
}

fn results(page: &mut String, rows: &[Row]) {
    page.push_str("<h2>Results</h2>\n");
    for group in groups(rows) {
        let matched = group.lines.iter().any(|line| line.matched.is_some());
        let _ = write!(page, "<h3>{}</h3>\n<table class=\"results\">\n<thead><tr>", group.title);
        for head in if matched { &["What", "Paper", "Literal", "Matched", "Note"][..] } else { &["What", "Paper", "Ours", "Note"] } {
            let _ = write!(page, "<th>{head}</th>");
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for line in &group.lines {
            let row = line.row();
            let _ = write!(
                page,
                "<tr><td class=\"what\">{}<small>{}</small></td><td data-label=\"Paper\">{}</td>",
                escape(&line.what()),
                escape(line.id()),
                escape(&paper(row))
            );
            let cells = if matched { vec![("Literal", line.run), ("Matched", line.matched)] } else { vec![("Ours", line.run)] };
            for (label, row) in cells {
                let _ = write!(page, "<td class=\"number\" data-label=\"{label}\">{}</td>", row.map(cell).unwrap_or_default());
            }
            let _ = writeln!(page, "<td class=\"note\" data-label=\"Note\">{}</td></tr>", note(line));
        }
        page.push_str("</tbody>\n</table>\n");
    }
}

/// Our number with what it rests on, what it is beside, and what came of it. One element, which a phone puts beside its label.
fn cell(row: &Row) -> String {
    let baselines = escape(&baselines(row, "; "));
    let verdict = row.verdict.map_or(String::new(), |v| format!("<b class=\"{}\">{}</b>", class(v), v.word()));
    let needed = row.n_needed.map(|needed| format!(" of {needed} needed")).unwrap_or_default();
    format!("<div>{}{verdict}<small>n = {}{needed}{baselines}</small></div>", escape(&ours(row)), row.n)
}

/// Notes longer than this are folded.
const FOLDED: usize = 120;

fn note(line: &Line) -> String {
    let text = match (line.run, line.matched) {
        (Some(run), Some(matched)) if run.note != matched.note => {
            let noted = [("literal", run), ("matched", matched)].into_iter().filter(|(_, row)| !row.note.is_empty());
            noted.map(|(name, row)| format!("{name}: {}", row.note)).collect::<Vec<_>>().join(". ")
        }
        (run, matched) => run.or(matched).map_or_else(String::new, |row| row.note.clone()),
    };
    if text.chars().count() <= FOLDED {
        return escape(&text);
    }
    let start: String = text.chars().take(FOLDED * 2 / 3).collect();
    let start = start.rsplit_once(' ').map_or(start.as_str(), |(start, _)| start);
    format!("<details><summary>{} \u{2026}</summary>{}</details>", escape(start), escape(&text))
}

fn figures(page: &mut String, report: &Report) {
    page.push_str("<h2>Figures</h2>\n");
    for figure in report.figures {
        let caption = FIGURES.iter().find(|(id, _)| *id == figure.id).map_or("", |(_, caption)| caption);
        let branch = figure.branch.map(|branch| format!(", {branch}")).unwrap_or_default();
        let _ = writeln!(
            page,
            "<figure>\n<div>\n{}</div>\n<figcaption><b>{}{branch}.</b> {}<small>{}</small></figcaption>\n</figure>",
            figure.svg,
            escape(&heading(&figure.id)),
            escape(caption),
            escape(&figure.how)
        );
    }
    if !report.lacking.is_empty() {
        page.push_str("<p>Left out, because this run does not have their data:</p>\n<ul>\n");
        for sentence in report.lacking {
            let _ = writeln!(page, "<li>{}</li>", escape(sentence));
        }
        page.push_str("</ul>\n");
    }
}

fn stages(page: &mut String, stages: &[Stage]) {
    page.push_str("<h2>Time</h2>\n<table class=\"times\">\n<thead><tr><th>Stage</th><th>Time</th></tr></thead>\n<tbody>\n");
    for stage in stages {
        let _ = writeln!(page, "<tr><td>{}</td><td class=\"number\">{}</td></tr>", escape(&stage.name), duration(stage.seconds));
    }
    let whole = duration(stages.iter().map(|stage| stage.seconds).sum());
    let _ = writeln!(page, "<tr><td>All, over every call</td><td class=\"number\">{whole}</td></tr>\n</tbody>\n</table>");
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Reproduced => "reproduced",
        Verdict::Differs => "differs",
        Verdict::TooSmall => "too-small",
    }
}

/// "Figure 4g" for ids that are a figure's number, else the id with a capital.
fn heading(id: &str) -> String {
    let mut letters = id.chars();
    let (first, second) = (letters.next(), letters.clone().next());
    let numbered = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    if numbered(first) || (first == Some('S') && numbered(second)) {
        return format!("Figure {id}");
    }
    first.map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Claim;

    fn page() -> String {
        let judged = |id: &str, ours: f64| Row::new(id, "D2L <accuracy>", ours, "%", 10_000).claim(Claim::Accuracy(94.8), 10_000);
        let rows = [
            judged("2g.accuracy", 94.8123).baseline(70.0).uncertainty(0.0312),
            judged("matched:2g.accuracy", 91.5).note("another"),
            Row::new("own", "Control", f64::NAN, "", 3).note(format!("a & b {}", "and so on ".repeat(20))),
        ];
        let figures = [Figure { id: "4g".into(), branch: Some("matched"), svg: "<svg><title>x</title></svg>".into(), how: "n < 5".into() }];
        let stages = [Stage { name: "D2L".into(), seconds: 75.2 }, Stage { name: "L2D".into(), seconds: 5.0 }];
        let lacking = ["figure S8: one_pool/designs.npz is not there".to_string()];
        html(&Report {
            scale: "A \"quick\" run.",
            rows: &rows,
            figures: &figures,
            lacking: &lacking,
            configuration: "seed = 1 # <",
            stages: &stages,
        })
    }

    #[test]
    fn the_page_holds_everything_and_escapes_it() {
        let page = page();
        for part in [
            "D2L &lt;accuracy&gt;",
            "94.81 \u{b1} 0.031 %<b class=\"reproduced\">reproduced</b><small>n = 10000 of 1000 needed; baseline 70 %</small>",
            "91.5 %<b class=\"differs\">differs</b>",
            "matched: another",
            "<summary>a &amp; b and so on",
            "<svg><title>x</title></svg>",
            "<b>Figure 4g, matched.</b> How far sites move",
            "n &lt; 5",
            "figure S8: one_pool/designs.npz is not there",
            "seed = 1 # &lt;",
            "1 min 15 s",
            "1 min 20 s",
            "A &quot;quick&quot; run.",
        ] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"), "the page must stand alone");
    }

    /// Every element that is opened is closed, in order.
    #[test]
    fn the_page_is_well_formed() {
        let page = page();
        let mut open = Vec::new();
        for tag in page.split('<').skip(1) {
            let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/').collect();
            match name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed), "<{tag}"),
                None if ["meta", "br", ""].contains(&name.as_str()) => (),
                None => open.push(name),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn headings() {
        assert_eq!(["4g", "S8", "training", "Sigma"].map(heading), ["Figure 4g", "Figure S8", "Training", "Sigma"]);
    }
}
