//! What a run was begun with, and where it was computed: kept beside its results, and asked when it goes on.

use crate::progress::Progress;
use crate::{Error, Result, file};
use serde_json::{Value, json};
use std::path::Path;

/// The leaves in which two JSON values differ: dotted name, value before, value now. `null` is what is not there.
pub fn differences(before: &Value, now: &Value) -> Vec<(String, Value, Value)> {
    let mut found = Vec::new();
    walk(String::new(), before, now, &mut found);
    found
}

fn walk(name: String, before: &Value, now: &Value, found: &mut Vec<(String, Value, Value)>) {
    let (Some(old), Some(new)) = (before.as_object(), now.as_object()) else {
        if before != now {
            found.push((name, before.clone(), now.clone()));
        }
        return;
    };
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    for key in new.keys().chain(gone) {
        let inner = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        walk(inner, &before[key], &now[key], found);
    }
}

/// May a run whose manifest has the key `mark` write to the folder of the manifest `path`? Any other job's stays as it is.
///
/// # Errors
/// [`Error::File`] where the folder holds the manifest of another kind of job, or one that cannot be read, or a sweep.
pub fn check_owner(path: &Path, mark: &str) -> Result<()> {
    let sweep = path.with_file_name("sweep.toml");
    if sweep.exists() {
        return Err(Error::file(sweep, "is of a sweep; name another folder with --out"));
    }
    match file::read_if_there(path)? {
        Some(bytes) if !serde_json::from_slice::<Value>(&bytes).is_ok_and(|facts| facts.get(mark).is_some()) => {
            Err(Error::file(path, "belongs to another job; name another folder with --out"))
        }
        _ => Ok(()),
    }
}

/// Refuses a folder where files called as those that a `job` writes stand without its `mark`: they are somebody else's.
///
/// # Errors
/// [`Error::File`], of the first of `names` that stands there.
pub fn check_foreign(folder: &Path, job: &str, mark: &str, names: &[&str]) -> Result<()> {
    match names.iter().find(|name| !folder.join(mark).exists() && folder.join(name).exists()) {
        None => Ok(()),
        Some(name) => {
            let fault = format!("stands there without the {mark} of a {job}; name another folder with --out");
            Err(Error::file(folder.join(name), fault))
        }
    }
}

/// Writes the manifest of a run that begins on `computed_on`: the object `facts`, and the list `computed_on`.
///
/// # Errors
/// [`Error::Write`].
pub fn begin(path: &Path, mut facts: Value, computed_on: &str) -> Result<()> {
    facts["computed_on"] = json!([computed_on]);
    write(path, &facts)
}

/// Notes in the manifest of a run that goes on where it does so; `progress` is told of a change.
///
/// # Errors
/// A manifest that cannot be read or written.
pub fn go_on(path: &Path, computed_on: &str, progress: &dyn Progress) -> Result<()> {
    let mut facts: Value = serde_json::from_slice(&file::read_bytes(path)?).map_err(|e| Error::file(path, e))?;
    let devices = facts.get_mut("computed_on").and_then(Value::as_array_mut);
    let devices = devices.ok_or_else(|| Error::file(path, "has no list computed_on, so it is no run's manifest"))?;
    match devices.last().and_then(Value::as_str).map(str::to_owned) {
        Some(last) if last == computed_on => {}
        last => {
            devices.push(computed_on.into());
            let last = last.unwrap_or_else(|| "no device".into());
            progress.note(&format!("this run was computed on {last} so far; it goes on on {computed_on}, so its bits are neither's"));
            write(path, &facts)?;
        }
    }
    Ok(())
}

fn write(path: &Path, facts: &Value) -> Result<()> {
    file::write_bytes(path, format!("{facts:#}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_another_job_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.json");
        check_owner(&path, "preset").unwrap();
        for (text, free) in [(r#"{"preset": "quick", "computed_on": []}"#, true), (r#"{"spec": {}}"#, false), ("[]", false), ("{", false)] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(check_owner(&path, "preset").is_ok(), free, "{text}");
            assert_eq!(go_on(&path, "cpu", &crate::progress::Silent).is_ok(), free, "{text}");
        }
    }

    #[test]
    fn differences_are_named() {
        let before = json!({ "a": 1, "b": { "c": [1, 2], "d": 0.5 }, "gone": true });
        let now = json!({ "a": 1, "b": { "c": [1, 3], "d": 0.5 }, "new": null });
        let found = differences(&before, &now);
        assert_eq!(found, [("b.c".into(), json!([1, 2]), json!([1, 3])), ("gone".into(), json!(true), Value::Null)]);
    }
}
