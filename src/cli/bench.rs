//! `bench`.

use super::common::{Common, check_output};
use super::compute::{describe, on_device};
use crate::bench::{Facts, Heard, Report, Roofs, Row, Subject, Times, check, compare, parse, run as measure, subjects};
use crate::config::{Config, Preset};
use crate::device::cuda::{Driver, built};
use crate::{Error, Result, file};
use clap::Subcommand;
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// What there is to time
    List(Selection),
    /// Time it on the device, beside the device's roofs
    Run {
        #[command(flatten)]
        selection: Selection,
        /// Write the report to this file, as JSON
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Two reports: what became faster or slower
    Compare {
        /// The report before
        before: PathBuf,
        /// The report after
        after: PathBuf,
    },
}

#[derive(clap::Args)]
struct Selection {
    /// Only what has these words in its name (all of them)
    filter: Vec<String>,
    /// A shape in place of the paper's, such as dense:10x4096x2048 (repeatable)
    #[arg(long = "shape", value_name = "OP:SIZES")]
    shapes: Vec<String>,
}

impl Selection {
    fn subjects(&self, config: &Config) -> Result<Vec<Subject>> {
        check(config)?;
        let mut all = Vec::new();
        for shape in &self.shapes {
            all.extend(parse(shape)?);
        }
        if self.shapes.is_empty() {
            all = subjects(config);
        }
        all.retain(|subject| self.filter.iter().all(|word| subject.to_string().contains(word.as_str())));
        if all.is_empty() {
            return Err(Error::value("FILTER", format!("nothing is named {:?}; `bench list` has the names", self.filter.join(" "))));
        }
        Ok(all)
    }
}

pub(super) fn run(args: &Args, common: &Common) -> Result<()> {
    match &args.action {
        Action::List(selection) => list(&selection.subjects(&common.load(Preset::Paper)?)?, common),
        Action::Run { selection, out } => time(selection, out.as_deref(), common),
        Action::Compare { before, after } => side_by_side(before, after, common),
    }
}

fn list(subjects: &[Subject], common: &Common) -> Result<()> {
    let names: Vec<String> = subjects.iter().map(ToString::to_string).collect();
    if common.json {
        return print_json(&names);
    }
    names.iter().for_each(|name| out!("{name}"));
    Ok(())
}

fn time(selection: &Selection, out: Option<&Path>, common: &Common) -> Result<()> {
    // Bad words are refused before a card is opened.
    let wanted = selection.subjects(&common.load(Preset::Paper)?)?;
    if let Some(path) = out {
        check_output(path, &[])?;
    }
    let (config, compute) = common.open(Preset::Paper)?;
    let driver = Driver::load().ok().map(|d| format!("{}.{}", d.version().0, d.version().1));
    let facts = Facts { device: describe(&compute), driver, toolkit: built().toolkit.into() };
    let table = !common.json;
    if table {
        out!("{}", facts.device);
    }
    let mut listen = |heard: Heard<'_>| match heard {
        _ if !table => {}
        Heard::Roofs(roofs) => head(roofs),
        Heard::Row(row) => line(row),
        Heard::LeftOut(out) => out!("{:44} left out: {}", out.name, out.fault),
    };
    let report = on_device!(compute, device => measure(device, facts, &config, &wanted, &mut listen))?;
    if let ([], Some(out)) = (report.rows.as_slice(), report.left_out.first()) {
        return Err(Error::Failed(format!("nothing could be timed; {}: {}", out.name, out.fault)));
    }
    if let Some(path) = out {
        let text = serde_json::to_string_pretty(&report).map_err(|e| Error::Failed(e.to_string()))?;
        file::write_bytes(path, (text + "\n").as_bytes())?;
    }
    if common.json { print_json(&report) } else { Ok(()) }
}

fn head(roofs: &Roofs) {
    let multiply_add = roofs.multiply_add.map_or("not measured".into(), |r| format!("{:.0} GFLOP/s", r / 1e9));
    let Roofs { copy, product, double, .. } = *roofs;
    out!(
        "roofs: copy {:.1} GB/s, multiply-adds {multiply_add}, products {:.0} GFLOP/s, f64 {:.0} GFLOP/s",
        copy / 1e9,
        product / 1e9,
        double / 1e9
    );
    out!("{:44} {:>11} {:>11} {:>9} {:>8} {:>10} {:>6} {:>9}", "", "warm us", "cold us", "GFLOP/s", "GB/s", "items/s", "roof", "error");
}

fn line(row: &Row) {
    let rate = |count: f64, unit: f64| if count > 0.0 { format!("{:.1}", row.rate(count) / unit) } else { "-".into() };
    let microseconds = |times: &Times| format!("{:.1}", 1e6 * times.median);
    out!(
        "{:44} {:>11} {:>11} {:>9} {:>8} {:>10} {:>6} {:9.1e}",
        row.name,
        microseconds(&row.warm),
        microseconds(&row.cold),
        rate(row.flop, 1e9),
        rate(row.bytes, 1e9),
        rate(row.items, 1.0),
        row.roof.map_or("-".into(), |r| format!("{:.0} %", 100.0 * r)),
        row.error
    );
}

fn side_by_side(before: &Path, after: &Path, common: &Common) -> Result<()> {
    common.load(Preset::Paper)?;
    let (a, b) = (read(before)?, read(after)?);
    let rows = compare(&a, &b);
    if rows.is_empty() {
        return Err(Error::file(after, format!("shares no row with {}", before.display())));
    }
    if common.json {
        return print_json(&rows);
    }
    if a.device != b.device {
        out!("different devices: {} and {}", a.device, b.device);
    }
    out!("{:44} {:>11} {:>11} {:>8} {:>7}", "", "before us", "after us", "change", "noise");
    for row in &rows {
        let change = 100.0 * (row.after / row.before - 1.0);
        let verdict = format!("{:?}", row.verdict).to_uppercase();
        out!("{:44} {:11.1} {:11.1} {change:+7.1}% {:6.1}%  {verdict}", row.name, 1e6 * row.before, 1e6 * row.after, 100.0 * row.noise);
    }
    for (report, other, path) in [(&a, &b, before), (&b, &a, after)] {
        let only = report.rows.iter().filter(|row| !other.rows.iter().any(|o| o.name == row.name));
        only.for_each(|row| out!("{:44} only in {}", row.name, path.display()));
    }
    Ok(())
}

fn read(path: &Path) -> Result<Report> {
    let unsound = |fault: String| Error::file(path, format!("not a report of `bench run`: {fault}"));
    let report: Report = serde_json::from_slice(&file::read_bytes(path)?).map_err(|e| unsound(e.to_string()))?;
    match report.rows.iter().find(|row| !(row.warm.median.is_finite() && row.warm.median > 0.0)) {
        Some(row) => Err(unsound(format!("{} took {} s", row.name, row.warm.median))),
        None => Ok(report),
    }
}

fn print_json(value: &impl Serialize) -> Result<()> {
    out!("{}", serde_json::to_string(value).map_err(|e| Error::Failed(e.to_string()))?);
    Ok(())
}
