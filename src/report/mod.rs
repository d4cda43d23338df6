//! What a reproduction hands over: rows of paper against ours with a verdict each (`results.json`), and one page that anyone can read
//! (`report.html`).

mod html;
mod row;

pub use html::{Figure, Report, Stage, html};
pub use row::{Claim, Row, Value, Verdict, write_results};
