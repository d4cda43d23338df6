//! How a configuration is put together: a preset, the keys of a file over it, `--set` over that. Each key is checked as it is laid, so that
//! a fault names its line.

use super::Config;
use crate::physics::Amplitudes;
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

/// The configuration while it is put together.
pub(super) struct Layers {
    table: Table,
    /// The lines of the file whose keys nothing has changed since.
    lines: BTreeMap<String, usize>,
}

impl Layers {
    /// A whole configuration below, over which the rest is laid.
    pub(super) fn new(config: &Config) -> Result<Self> {
        let table = Table::try_from(config).map_err(|e| Error::Failed(e.to_string()))?;
        Ok(Layers { table, lines: BTreeMap::new() })
    }

    /// A fault of a key, with its line where it comes from `file`.
    pub(super) fn placed(&self, file: Option<&Path>, error: Error) -> Error {
        match (file, &error) {
            (Some(file), Error::Value { name, .. }) if self.lines.contains_key(name) => {
                Error::file(file, format!("line {}: {error}", self.lines[name]))
            }
            _ => error,
        }
    }

    /// What the layers give together.
    pub(super) fn config(&self) -> std::result::Result<Config, String> {
        Value::Table(self.table.clone()).try_into().map_err(|e: toml::de::Error| e.message().to_string())
    }

    /// Lays the keys of a file over what is there.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<()> {
        let mut leaves = leaves(path)?;
        // The population first: explicit amplitudes in the same file win over it.
        leaves.sort_by_key(|leaf| leaf.key != "data.population");
        for Leaf { key, line, value } in leaves {
            // A group without keys.
            if value.as_table().is_some_and(Table::is_empty) && self.table.get(&key).is_some_and(Value::is_table) {
                continue;
            }
            self.set(&key, value).map_err(|fault| Error::file(path, format!("line {line}: {key}: {fault}")))?;
            self.lines.insert(key, line);
        }
        Ok(())
    }

    /// Lays one `key=value` over what is there.
    pub(super) fn add_setting(&mut self, setting: &str) -> Result<()> {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(Error::value("--set", format!("{setting:?} is not key=value")));
        };
        let (key, value) = (key.trim(), value.trim());
        // A bare word is a string, so that `--set device=cpu` needs no quotes.
        let parsed = toml::from_str::<Table>(&format!("value = {value}")).ok().and_then(|mut t| t.remove("value"));
        let value = parsed.unwrap_or_else(|| Value::String(value.to_string()));
        self.lines.remove(key);
        self.set(key, value).map_err(|fault| Error::value(format!("--set {key}"), fault))
    }

    /// Sets one key and checks that the whole still stands.
    pub(super) fn set(&mut self, key: &str, value: Value) -> std::result::Result<(), String> {
        let (groups, leaf) = key.rsplit_once('.').map_or((None, key), |(groups, leaf)| (Some(groups), leaf));
        let mut table = &mut self.table;
        for part in groups.into_iter().flat_map(|groups| groups.split('.')) {
            table = table.get_mut(part).and_then(Value::as_table_mut).ok_or_else(|| format!("unknown key; there is no group {part}"))?;
        }
        let known: Vec<String> = table.keys().cloned().collect();
        let slot = table.get_mut(leaf).ok_or_else(|| format!("unknown key; known here: {}", known.join(", ")))?;
        if slot.is_table() {
            return Err("is no single value".into());
        }
        // 1 where a real number is wanted means 1.0.
        *slot = match (&slot, value) {
            (Value::Float(_), Value::Integer(i)) => Value::Float(i as f64),
            (_, value) => value,
        };
        let config = self.config()?;
        if key == "data.population" {
            let Amplitudes { rho_max, sigma_max } = config.data.population.amplitudes();
            self.set("data.rho_max", rho_max.into())?;
            self.set("data.sigma_max", sigma_max.into())?;
        }
        Ok(())
    }
}

/// A key of a TOML file with its value.
pub(crate) struct Leaf {
    /// Its dotted name.
    pub(crate) key: String,
    /// Where it stands, from 1.
    pub(crate) line: usize,
    /// No table, but an empty one.
    pub(crate) value: Value,
}

/// The keys of a TOML file, as they stand in it.
///
/// # Errors
/// A file that cannot be read, or is not TOML.
pub(crate) fn leaves(path: &Path) -> Result<Vec<Leaf>> {
    let bytes = crate::file::read_bytes(path)?;
    let text = String::from_utf8(bytes).map_err(|_| Error::file(path, "not a text file; TOML is needed"))?;
    let unsound = |e: toml::de::Error| Error::file(path, e.to_string().trim_end());
    let table = DeTable::parse(&text).map_err(unsound)?;
    let mut starts = Vec::new();
    collect(table.get_ref(), &[], &mut starts);
    starts.sort_by_key(|(_, start)| *start);
    let values = Value::Table(toml::from_str(&text).map_err(unsound)?);
    let leaf = |(path, start): (Vec<String>, usize)| {
        let value = path.iter().try_fold(&values, |value, part| value.get(part))?.clone();
        Some(Leaf { line: 1 + text[..start].matches('\n').count(), key: path.join("."), value })
    };
    Ok(starts.into_iter().filter_map(leaf).collect())
}

/// The keys of a parsed file, part by part (a quoted part may have dots of its own), with where their names start.
fn collect(table: &DeTable<'_>, prefix: &[String], leaves: &mut Vec<(Vec<String>, usize)>) {
    for (name, value) in table {
        let path = [prefix, &[name.get_ref().to_string()]].concat();
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => collect(inner, &path, leaves),
            _ => leaves.push((path, name.span().start)),
        }
    }
}
