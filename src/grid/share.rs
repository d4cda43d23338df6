//! What two runs have in common is made once: the later one gets hard links to the files of the earlier. Files are replaced and never
//! changed, so neither run can spoil the other's; a network that was cut goes on in whichever is run.

use crate::config::Config;
use crate::nn::Kind;
use crate::reproduce::{Run, SETS, place, spec};
use crate::{Error, Result, file};
use std::fs;
use std::path::Path;

/// Gives the run `to` what it shares with the run `from`: each data set of the same seed, lattice and amplitudes; the trained D2L, where
/// the sets that it learnt from and all its keys are the same; the trained L2D on the same terms, behind the same D2L; and of rounds those
/// that both have.
pub(super) fn share((other, from): (&Config, &Run), (config, to): (&Config, &Run)) -> Result<()> {
    let same_set = |name: &str| {
        let set = SETS.iter().position(|known| *known == name);
        set.is_some_and(|set| spec(other, set) == spec(config, set))
    };
    for name in SETS.into_iter().filter(|name| same_set(name)) {
        link(&from.data(name), &to.data(name))?;
    }
    let learnt_alike = |network: &str| ["train", "validation"].iter().all(|part| same_set(&format!("{network}_{part}")));
    if other.seed != config.seed || other.d2l != config.d2l || !learnt_alike("d2l") {
        return Ok(());
    }
    let share = |kind: Kind, round: u64| link(&from.path(&place(other, kind, round)), &to.path(&place(config, kind, round)));
    share(Kind::D2l, 0)?;
    if other.l2d != config.l2d || !learnt_alike("l2d") {
        return Ok(());
    }
    share(Kind::L2d, 0)?;
    // With the same epochs a round does not know how many follow it.
    if other.rounds.epochs == config.rounds.epochs {
        for round in 1..=other.rounds.count.min(config.rounds.count) {
            for part in ["train", "validation"] {
                let name = format!("rounds/{}/{part}.npz", round - 1);
                link(&from.path(&name), &to.path(&name))?;
            }
            share(Kind::D2l, round)?;
            share(Kind::L2d, round)?;
        }
    }
    Ok(())
}

/// Links a file, or every file of a folder, that is there and has no counterpart yet. Hidden files are what a kill left.
fn link(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        for entry in fs::read_dir(from).map_err(|e| Error::file(from, e))?.flatten() {
            if !entry.file_name().to_string_lossy().starts_with('.') {
                link(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
    } else if from.exists() && !to.exists() {
        to.parent().map_or(Ok(()), file::create_folder)?;
        fs::hard_link(from, to).map_err(|source| Error::write(to, source))?;
    }
    Ok(())
}
