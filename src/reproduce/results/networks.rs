//! Rows of the networks themselves: sizes (Fig. 2a, 3a, 3b, S7) and how many of their units live.

use super::{Branch, Run};
use crate::Result;
use crate::config::{Config, Preset};
use crate::nn::Kind;
use crate::report::{Claim, Row};

/// Parameters of D2L and L2D: as published, "about 1.5e7" and "about 1.8e7" for the one-pool networks. Judged where the layers are
/// those of the preset `paper`.
pub(super) fn rows(config: &Config, run: &Run) -> Result<Vec<Row>> {
    let one_pool = run.branch == Branch::OnePool;
    let about = if one_pool { 1.8e7 } else { 1.5e7 };
    let published = run.branch.config(&Preset::Paper.config());
    let count = |kind: Kind| config.architecture(kind).parameter_count();
    let row = |id: &str, what: &str, kinds: &[Kind]| {
        let ours = kinds.iter().map(|kind| count(*kind)).max().unwrap_or_default();
        let each: Vec<String> = kinds.iter().map(|kind| format!("{kind} {}", count(*kind))).collect();
        let stated = format!("about {about:.1e}");
        let row = Row::new(id, what, ours as f64, "parameters", 1).note(format!("{}; drawn from the layers", each.join(", ")));
        if kinds.iter().all(|kind| config.architecture(*kind) == published.architecture(*kind)) {
            row.claim(Claim::Direction { stated, holds: (ours as f64 / about - 1.0).abs() < 0.05 }, 1)
        } else {
            row.stated(&stated)
        }
    };
    let mut rows = if one_pool {
        vec![row("S7.parameters", "one-pool networks", &[Kind::D2l, Kind::L2d])]
    } else {
        vec![
            row("2a.parameters", "D2L", &[Kind::D2l]),
            row("3a.parameters", "L2D", &[Kind::L2d]),
            Row::new(
                "3b",
                "L2D2L: the L2D, then the trained D2L, whose parameters stay",
                (count(Kind::D2l) + count(Kind::L2d)) as f64,
                "parameters",
                1,
            )
            .stated("picture"),
        ]
    };
    for kind in [Kind::D2l, Kind::L2d] {
        let name = kind.key();
        let model = run.model(kind)?;
        let live = model.notes.get("metrics").and_then(|m| m["live_units"].as_f64()).unwrap_or(f64::NAN);
        let id = if one_pool { format!("S7.live.{name}") } else { format!("control.live.{name}") };
        rows.push(Row::new(&id, &format!("live hidden units of the {kind}"), 100.0 * live, "%", model.architecture.hidden));
    }
    Ok(rows)
}
