//! What the trained network looks like: weight strengths before and after, spectral exponents (Fig. 5, S9).

use super::Run;
use crate::Result;
use crate::config::Config;
use crate::ops::Device;
use crate::progress::Progress;
use crate::report::Row;

pub(super) fn compute<D: Device>(_device: &D, _config: &Config, _run: &Run, _progress: &dyn Progress) -> Result<()> {
    Ok(())
}

pub(super) fn rows(_config: &Config, _run: &Run) -> Result<Vec<Row>> {
    Ok(Vec::new())
}
