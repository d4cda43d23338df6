//! The results as groups of lines, each a row of the run beside its twin of the population `matched`.

use super::row::Row;

/// Before the ids of the branch with the population `matched`.
pub const MATCHED: &str = "matched:";

/// A result of the run, of its branch `matched`, or of both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) run: Option<&'a Row>,
    pub(super) matched: Option<&'a Row>,
}

impl<'a> Line<'a> {
    /// The row that tells what the line is about.
    pub(super) fn row(&self) -> &'a Row {
        self.run.or(self.matched).expect("a line is made of a row")
    }

    /// What it is about, in both populations: a bound may be theirs.
    pub(super) fn what(&self) -> String {
        match self.matched {
            Some(matched) if matched.what != self.row().what => format!("{}; matched: {}", self.row().what, matched.what),
            _ => self.row().what.clone(),
        }
    }

    /// Its id without the branch.
    pub(super) fn id(&self) -> &'a str {
        let id = self.row().id.as_str();
        id.strip_prefix(MATCHED).unwrap_or(id)
    }
}

/// What belongs together.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) title: &'static str,
    pub(super) lines: Vec<Line<'a>>,
}

/// The groups with how their ids begin.
const GROUPS: [(&str, &[&str]); 10] = [
    ("Figures 1 and 2: from structure to localisation", &["1", "2"]),
    ("Figure 3: from localisation to structure", &["3"]),
    ("Figure 4: how far sites move", &["4"]),
    ("Figure 5: what the network\u{2019}s weights tell", &["5"]),
    ("Figure 6: robustness and hub atoms", &["6"]),
    ("Notes S1 and S2: deformations, regularisers", &["S1", "S2"]),
    ("Notes S3 and S4: number of realisations, degree of localisation", &["S3", "S4"]),
    ("Note S5: energies", &["S6"]),
    ("Note S6: networks with one pool", &["S7", "S8", "S9"]),
    ("Populations, and controls of our own", &[""]),
];

/// Every row once, in the order in which the groups and then the rows stand.
pub(super) fn groups(rows: &[Row]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = GROUPS.iter().map(|(title, _)| Group { title, lines: Vec::new() }).collect();
    for row in rows {
        let matched = row.id.strip_prefix(MATCHED);
        let id = matched.unwrap_or(&row.id);
        let of = GROUPS.iter().position(|(_, starts)| starts.iter().any(|start| id.starts_with(start))).unwrap_or(GROUPS.len() - 1);
        let lines = &mut groups[of].lines;
        match (matched, lines.iter().position(|line| line.id() == id)) {
            (Some(_), Some(twin)) => lines[twin].matched = Some(row),
            (Some(_), None) => lines.push(Line { run: None, matched: Some(row) }),
            (None, _) => lines.push(Line { run: Some(row), matched: None }),
        }
    }
    groups.retain(|group| !group.lines.is_empty());
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_find_their_group_and_their_twin() {
        let rows = ["2g.accuracy", "control.seeds.alpha", "S4.0.20.alpha", "matched:2g.accuracy", "matched:6only", "4g-1.alpha"];
        let rows = rows.map(|id| Row::new(id, "", 1.0, "", 1));
        let groups = groups(&rows);
        let ids: Vec<Vec<&str>> = groups.iter().map(|group| group.lines.iter().map(Line::id).collect()).collect();
        assert_eq!(ids, [vec!["2g.accuracy"], vec!["4g-1.alpha"], vec!["6only"], vec!["S4.0.20.alpha"], vec!["control.seeds.alpha"]]);
        assert_eq!(groups[0].lines[0].matched.map(|row| row.id.as_str()), Some("matched:2g.accuracy"));
    }

    #[test]
    fn a_line_tells_what_either_population_is_about() {
        let rows = [("a", "dr > 1.449"), ("matched:a", "dr > 0.724"), ("b", "one"), ("matched:b", "one")];
        let rows = rows.map(|(id, what)| Row::new(id, what, 1.0, "", 1));
        let whats: Vec<String> = groups(&rows)[0].lines.iter().map(Line::what).collect();
        assert_eq!(whats, ["dr > 1.449; matched: dr > 0.724", "one"]);
    }
}
