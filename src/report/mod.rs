//! What a reproduction hands over: rows of paper against ours with a verdict each (`results.json`, and as Markdown `results.md`), and
//! one page that anyone can read (`report.html`).

mod html;
mod markdown;
mod number;
mod row;
mod table;

pub use html::{Figure, Report, Stage, html};
pub use markdown::markdown;
pub(crate) use number::{number, spread};
pub use row::{Claim, Row, Value, Verdict, write_results};
pub use table::MATCHED;
