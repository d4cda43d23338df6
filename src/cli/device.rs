//! `device`.

use super::common::Common;
use crate::Result;
use crate::config::Preset;

pub(super) fn run(common: &Common) -> Result<()> {
    common.load(Preset::Paper)?;
    let threads = rayon::current_num_threads();
    if common.json {
        println!("{}", serde_json::json!({ "cpu": { "threads": threads }, "cuda": null }));
    } else {
        println!("cpu   {threads} threads");
        println!("cuda  not in this build");
    }
    Ok(())
}
